//! `/v1/recipients`: the list, those with the newest activity first.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use hearback_event::{Address, Kind, RecipientStatus};
use hearback_store::{MinCounts, RecipientPlace, RecipientQuery};

use super::cursor::{CURSOR, Scope};
use super::page::ListPage;
use super::params::Params;
use super::query::{Names, RecipientsQuery};
use super::recipients::Recipient;
use super::{filter, store_failed};
use crate::auth::Reader;
use crate::openapi::Refusals;
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;

/// Named, because the description names what it names.
type RecipientPage = ListPage<Recipient>;

static NAMES: Names = Names::of::<RecipientsQuery>();

/// Nothing happens to one recipient more often.
const LEAST_MAX: u64 = 1_000_000_000;

/// Recipients, those with the newest activity first
///
/// All filters that are given must hold. In the order in which their last events were received; those whose last event was dropped
/// by age come at the end, and with `user_id` all are in the order of the address. The list is as of its first page: each recipient
/// is listed once, though events arrive between the pages. With a filter that few fit, a page has fewer rows than asked for, or none,
/// and is not the last: where there is a `next_cursor`, there may be more. Recipients that must not be sent to are found faster
/// with `listSuppressions`.
#[utoipa::path(
    get,
    path = "/recipients",
    operation_id = "listRecipients",
    tag = "recipients",
    params(RecipientsQuery),
    responses((status = 200, description = "One page.", body = RecipientPage), Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn list(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
) -> Outcome<Json<RecipientPage>> {
    let params = Params::new(query, &NAMES)?;
    let (query, scope) = read(&params)?;
    let page = shared.store.list_recipients(query).await.map_err(|error| store_failed(&error))?;
    let next_cursor = page.next.map(|place| scope.cursor(&bytes_of(&place)));
    Ok(Json(ListPage { data: page.rows.into_iter().map(Recipient::of).collect(), next_cursor }))
}

fn read(params: &Params) -> Outcome<(RecipientQuery, Scope)> {
    let mut query = RecipientQuery {
        last_kinds: filter::kinds(params, "last_event")?,
        statuses: filter::words(params, "status", RecipientStatus::ALL.iter().map(|status| status.name()))?,
        domain: params.one("domain")?.map(str::to_lowercase),
        at_least: MinCounts::default(),
        user_id: params.one("user_id")?.map(str::to_owned),
        from: None,
        limit: params.limit()?,
    };
    query.last_kinds.sort_unstable();
    query.statuses.sort_unstable();
    let least = &mut query.at_least;
    for (name, count) in [
        ("sent_min", &mut least.sent),
        ("delivered_min", &mut least.delivered),
        ("deferred_min", &mut least.deferred),
        ("bounced_min", &mut least.bounced),
        ("rejected_min", &mut least.rejected),
        ("failed_min", &mut least.failed),
        ("opened_min", &mut least.opened),
        ("clicked_min", &mut least.clicked),
        ("complained_min", &mut least.complained),
        ("unsubscribed_min", &mut least.unsubscribed),
        ("inbound_min", &mut least.inbound),
    ] {
        *count = least_of(params, name)?;
    }
    let scope = scope(&query);
    let place = params.one("cursor")?.map(|cursor| scope.place("cursor", cursor)).transpose()?;
    query.from = place.map(|place| place_of(&place, &query)).transpose()?;
    Ok((query, scope))
}

/// How often something must have happened at least.
fn least_of(params: &Params, name: &str) -> Outcome<u64> {
    let expected = format!("a whole number from 0 to {LEAST_MAX}");
    let least = params.parsed::<u64>(name, &expected)?.unwrap_or_default();
    if least <= LEAST_MAX {
        return Ok(least);
    }
    let detail = format!("`{name}` is {least}; expected {expected}");
    Err(Problem::bad_field(name, expected, detail))
}

/// What a cursor of this query belongs to. Explicit, so that it stays the same over versions.
fn scope(query: &RecipientQuery) -> Scope {
    let least = &query.at_least;
    let kinds = query.last_kinds.iter().map(|kind: &Kind| kind.name()).collect::<Vec<_>>().join(",");
    let statuses = query.statuses.iter().map(|status| status.name()).collect::<Vec<_>>().join(",");
    let counts = [
        least.sent,
        least.delivered,
        least.deferred,
        least.bounced,
        least.rejected,
        least.failed,
        least.opened,
        least.clicked,
        least.complained,
        least.unsubscribed,
        least.inbound,
    ];
    let counts = counts.map(|count| count.to_string()).join(",");
    let domain = query.domain.as_deref().unwrap_or_default();
    Scope::of(&[
        "recipients",
        &kinds,
        &statuses,
        domain,
        &counts,
        query.user_id.as_deref().unwrap_or_default(),
    ])
}

const IN_LOG: u8 = 1;
const DROPPED: u8 = 2;
const OF_USER: u8 = 3;

fn bytes_of(place: &RecipientPlace) -> Vec<u8> {
    let numbers = |kind: u8, numbers: [u64; 2]| {
        let numbers = numbers.map(u64::to_be_bytes);
        [&[kind][..], &numbers[0], &numbers[1]].concat()
    };
    match place {
        RecipientPlace::Log { as_of, beyond } => numbers(IN_LOG, [*as_of, *beyond]),
        RecipientPlace::Dropped { as_of, below, after } => {
            let mut bytes = numbers(DROPPED, [*as_of, *below]);
            bytes.extend_from_slice(after.as_ref().map_or("", Address::as_str).as_bytes());
            bytes
        }
        RecipientPlace::User { after } => [&[OF_USER][..], after.as_str().as_bytes()].concat(),
    }
}

fn place_of(bytes: &[u8], query: &RecipientQuery) -> Outcome<RecipientPlace> {
    let address = |bytes: &[u8]| Address::parse(std::str::from_utf8(bytes).ok()?).ok();
    let numbers = |bytes: &[u8]| {
        let (numbers, rest) = bytes.split_at_checked(16)?;
        let (first, second) = numbers.split_at(8);
        let number = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_be_bytes);
        Some((number(first)?, number(second)?, rest.to_vec()))
    };
    let place = match bytes.split_first() {
        Some((&IN_LOG, rest)) => numbers(rest)
            .filter(|(_, _, rest)| rest.is_empty())
            .map(|(as_of, beyond, _)| RecipientPlace::Log { as_of, beyond }),
        Some((&DROPPED, rest)) => numbers(rest).and_then(|(as_of, below, rest)| {
            let after = if rest.is_empty() { None } else { Some(address(&rest)?) };
            Some(RecipientPlace::Dropped { as_of, below, after })
        }),
        Some((&OF_USER, rest)) => address(rest).map(|after| RecipientPlace::User { after }),
        _ => None,
    };
    let is_of_user = matches!(place, Some(RecipientPlace::User { .. }));
    place
        .filter(|_| is_of_user == query.user_id.is_some())
        .ok_or_else(|| Problem::bad_field("cursor", CURSOR, "`cursor` is not a cursor of this list"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back_and_others_are_refused() {
        let address = Address::parse("a@b.example").unwrap();
        let (mine, all) = (
            RecipientQuery { user_id: Some("7".to_owned()), ..RecipientQuery::default() },
            RecipientQuery::default(),
        );
        for place in [
            RecipientPlace::Log { as_of: u64::MAX, beyond: 7 },
            RecipientPlace::Dropped { as_of: 9, below: 0, after: None },
            RecipientPlace::Dropped { as_of: 9, below: 1, after: Some(address.clone()) },
        ] {
            assert_eq!(place_of(&bytes_of(&place), &all).ok(), Some(place.clone()));
            assert!(place_of(&bytes_of(&place), &mine).is_err());
        }
        let place = RecipientPlace::User { after: address };
        assert_eq!(place_of(&bytes_of(&place), &mine).ok(), Some(place.clone()));
        assert!(place_of(&bytes_of(&place), &all).is_err());
        for bad in [&[][..], &[0], &[1, 2], &[1; 18], &[2; 5], &[3], &[3, 255]] {
            assert!(place_of(bad, &all).is_err() && place_of(bad, &mine).is_err(), "{bad:?}");
        }
    }
}
