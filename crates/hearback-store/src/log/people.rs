//! Recipients as they are read, many at a time: their rows, the events in memory that the rows do not hold, and profiles.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

use hearback_event::{Address, Fact, RecipientState, SuppressionReason, Timestamp};

use super::Shared;
use super::posting::Key;
use super::profiles;
use super::recipients::{self, Rows};
use super::rows::Sources;
use crate::session::{Keys, Session, params};
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
    let texts = distinct(addresses);
    let own = own_facts_in_memory(shared, session, &texts)?;
    let rows = recipients::look_up(session, Rows::All, &texts)?;
    let profiles = profiles::look_up(session, &texts)?;
    let sources = shared.sources();
    let view = |address: &Address| {
        let (upto, mut state) = rows.get(address.as_str()).copied().unwrap_or_default();
        for fact in own.get(address.as_str()).into_iter().flatten().filter(|fact| fact.position > upto) {
            state.add(fact);
        }
        view(&sources, address, &state, profiles.get(address.as_str()))
    };
    Ok(addresses.iter().map(view).collect())
}

/// What makes an event the last one of its recipient: the greatest is.
pub(super) type Last = (Timestamp, u8, u64);

/// The last event of each address that has one.
pub(super) fn lasts(
    shared: &Shared,
    session: &dyn Session,
    addresses: &[Address],
) -> Result<HashMap<String, Last>, StoreError> {
    let texts = distinct(addresses);
    let own = own_facts_in_memory(shared, session, &texts)?;
    let mut lasts = recipients::lasts(session, &texts)?;
    for (address, facts) in own {
        let state = facts.iter().fold(RecipientState::default(), |mut state, fact| {
            state.add(fact);
            state
        });
        if let Some(last) = state.last {
            let known = lasts.entry(address.to_owned()).or_insert(last);
            *known = (*known).max(last);
        }
    }
    Ok(lasts)
}

fn distinct(addresses: &[Address]) -> Vec<&str> {
    let mut texts: Vec<&str> = addresses.iter().map(Address::as_str).collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

/// What events in memory say of each address that has some. To be asked for before the rows are read, so that nothing is missed
/// while a period is sealed, or dropped.
fn own_facts_in_memory<'a>(
    shared: &Shared,
    session: &dyn Session,
    addresses: &[&'a str],
) -> Result<HashMap<&'a str, Vec<Fact>>, StoreError> {
    let mut facts = HashMap::new();
    {
        let tail = shared.tail.read();
        for address in addresses {
            let found = tail.facts(Key::recipient(address));
            if !found.is_empty() {
                facts.insert(*address, found);
            }
        }
    }
    own_facts(session, &facts)
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

/// Of the facts under the hash of each address, those of events to exactly this address: a hash may be shared, and ambiguous
/// events, which carry the key too, are nobody's own.
fn own_facts<'a>(
    session: &dyn Session,
    facts: &HashMap<&'a str, Vec<Fact>>,
) -> Result<HashMap<&'a str, Vec<Fact>>, StoreError> {
    let positions: BTreeSet<i64> = facts.values().flatten().map(|fact| fact.position as i64).collect();
    let positions: Vec<i64> = positions.into_iter().collect();
    let mut recipient_of = HashMap::with_capacity(positions.len());
    session.look_up(
        "SELECT position, recipient FROM events WHERE position",
        Keys::Ints(&positions),
        &mut |row| {
            let known = row.maybe_text(1)?.and_then(|text| facts.get_key_value(text));
            if let Some((address, _)) = known {
                recipient_of.insert(row.int(0)? as u64, *address);
            }
            Ok(())
        },
    )?;
    let own = |(address, facts): (&&'a str, &Vec<Fact>)| {
        let is_own = |fact: &&Fact| recipient_of.get(&fact.position) == Some(address);
        (*address, facts.iter().filter(is_own).copied().collect())
    };
    Ok(facts.iter().map(own).collect())
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
        // Some were cleared by events in memory.
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

/// The next addresses after `after` that may be suppressed: by their rows, or by an event in memory.
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
    session.query(recipients::SUPPRESSED, params![after, limit], &mut |row| {
        addresses.extend(Address::parse(row.text(0)?).ok());
        Ok(())
    })?;
    // The first of all are among the first of each.
    Ok(addresses.into_iter().take(limit).collect())
}
