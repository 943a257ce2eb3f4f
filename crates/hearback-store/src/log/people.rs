//! Recipients as they are read, many at a time: what is written of them, the events in memory of which nothing is, and profiles.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

use hearback_event::{Address, Fact, RecipientState, SuppressionReason, Timestamp};

use super::Shared;
use super::profiles;
use super::recipients::{self, Rows};
use super::rows::Sources;
use super::runs;
use crate::session::{Session, params};
use crate::{AddressPage, Profile, RecipientView, StoreError, SuppressionQuery, SuppressionView};

/// So many suppressed addresses are looked at for one page, whatever is asked of them.
const LOOKED_AT_MAX: usize = 5000;
/// So many are looked at together, at least.
const AT_ONCE_MIN: usize = 100;

/// What is known of each address, in their order; `None` where nothing is.
pub(super) fn views(
    shared: &Shared,
    session: &dyn Session,
    addresses: &[Address],
) -> Result<Vec<Option<RecipientView>>, StoreError> {
    let states = states(shared, session, addresses)?;
    views_of(shared, session, addresses, &states)
}

/// As [`views`], where the states are known.
pub(super) fn views_of(
    shared: &Shared,
    session: &dyn Session,
    addresses: &[Address],
    states: &HashMap<String, RecipientState>,
) -> Result<Vec<Option<RecipientView>>, StoreError> {
    let profiles = profiles::look_up(session, &distinct(addresses))?;
    let sources = shared.sources();
    let view = |address: &Address| {
        let state = states.get(address.as_str()).copied().unwrap_or_default();
        view(&sources, address, &state, profiles.get(address.as_str()))
    };
    Ok(addresses.iter().map(view).collect())
}

/// What makes an event the last one of its recipient: the greatest is.
pub(super) type Last = (Timestamp, u8, u64);

/// What events say about each address of which they say anything: in runs, in rows, and in memory.
pub(super) fn states(
    shared: &Shared,
    session: &dyn Session,
    addresses: &[Address],
) -> Result<HashMap<String, RecipientState>, StoreError> {
    let texts = distinct(addresses);
    let own = facts_in_memory(shared, &texts);
    let runs::Found { upto: sealed_upto, mut states } = runs::look_up(shared, session, &texts)?;
    let loose = recipients::look_up(session, Rows::Loose, &texts)?;
    for (address, facts) in own {
        let upto = loose.get(address).map_or(sealed_upto, |(upto, _)| sealed_upto.max(*upto));
        let mut unwritten = facts.iter().filter(|fact| fact.position > upto).peekable();
        if unwritten.peek().is_some() {
            let state = states.entry(address.to_owned()).or_default();
            unwritten.for_each(|fact| state.add(fact));
        }
    }
    for (address, (_, state)) in loose {
        let known = states.entry(address).or_default();
        *known = known.merge(&state);
    }
    Ok(states)
}

/// The last of a recipient's events.
pub(super) fn last_of<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Option<Last> {
    let mut state = RecipientState::default();
    facts.into_iter().for_each(|fact| state.add(fact));
    state.last
}

fn distinct(addresses: &[Address]) -> Vec<&str> {
    let mut texts: Vec<&str> = addresses.iter().map(Address::as_str).collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

/// What events in memory say of each address that has some. To be asked for before the rows are read, so that nothing is missed
/// while a period is sealed, or dropped.
fn facts_in_memory<'a>(shared: &Shared, addresses: &[&'a str]) -> HashMap<&'a str, Vec<Fact>> {
    let tail = shared.tail.read();
    let facts_of =
        |address: &&'a str| Some((*address, tail.facts_of(address))).filter(|(_, facts)| !facts.is_empty());
    addresses.iter().filter_map(facts_of).collect()
}

/// What is known of one address.
pub(super) fn view_of(
    shared: &Shared,
    session: &dyn Session,
    address: Address,
) -> Result<Option<RecipientView>, StoreError> {
    Ok(views(shared, session, &[address])?.pop().flatten())
}

fn view(
    sources: &Sources,
    address: &Address,
    state: &RecipientState,
    profile: Option<&Profile>,
) -> Option<RecipientView> {
    if state.first_at.is_none() && profile.is_none() {
        return None;
    }
    let suppression = state.suppression().map(|suppression| SuppressionView {
        address: address.clone(),
        reason: suppression.reason,
        since: suppression.since,
        source: sources
            .get(suppression.source)
            .filter(|_| suppression.reason != SuppressionReason::Manual)
            .map(|source| source.name.to_string()),
    });
    let status = state.status();
    let profile = profile.cloned().unwrap_or_default();
    Some(RecipientView { address: address.clone(), state: *state, status, suppression, profile })
}

/// Addresses that must not be sent to.
pub(super) fn suppressions(
    shared: &Shared,
    session: &dyn Session,
    query: &SuppressionQuery,
) -> Result<AddressPage<SuppressionView>, StoreError> {
    let at_once = (query.limit + 1).max(AT_ONCE_MIN);
    let (mut rows, mut after, mut looked_at) = (Vec::new(), query.after.clone(), 0);
    loop {
        let addresses = suppressed_addresses(shared, session, after.as_ref(), at_once)?;
        let Some(last) = addresses.last().cloned() else { return Ok(AddressPage { rows, next: None }) };
        let views = views(shared, session, &addresses)?;
        // Some were cleared since.
        let found = views.into_iter().flatten().filter_map(|view| view.suppression);
        rows.extend(found.filter(|suppression| query.matches(suppression)));
        looked_at += addresses.len();
        if rows.len() > query.limit {
            rows.truncate(query.limit);
            let next = rows.last().map(|row: &SuppressionView| row.address.clone());
            return Ok(AddressPage { rows, next });
        }
        if looked_at >= LOOKED_AT_MAX {
            return Ok(AddressPage { rows, next: Some(last) });
        }
        after = Some(last);
    }
}

/// The next addresses after `after` that may be suppressed: by what is written, or by an event in memory.
fn suppressed_addresses(
    shared: &Shared,
    session: &dyn Session,
    after: Option<&Address>,
    limit: usize,
) -> Result<Vec<Address>, StoreError> {
    let beyond = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
    let mut addresses = BTreeSet::new();
    for period in &shared.tail.read().unsealed {
        addresses.extend(period.touched.range::<Address, _>(beyond).take(limit).cloned());
    }
    let after = after.map_or("", Address::as_str);
    session.query(recipients::NEXT_CANDIDATES, params![after, limit], &mut |row| {
        addresses.extend(Address::parse(row.text(0)?).ok());
        Ok(())
    })?;
    // The first of all are among the first of each.
    Ok(addresses.into_iter().take(limit).collect())
}
