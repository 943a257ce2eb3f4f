//! `/v1/sources`: what each source told and refused, and whether that looks healthy.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use hearback_event::{Kind, Timestamp};
use hearback_store::{QuarantineCount, SourceActivity, SourceRef};
use serde::Serialize;
use utoipa::ToSchema;

use super::page::ListPage;
use super::params::Params;
use super::store_failed;
use crate::Source;
use crate::auth::Reader;
use crate::openapi::Refusals;
use crate::problem::Outcome;
use crate::shared::Shared;

/// A source that told nothing for so long is `silent`.
const SILENT_AFTER_SECONDS: i64 = 24 * 3600;

/// How a source does, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SourceStatus)]
enum Health {
    /// Its newest request within a day was refused.
    Refusing,
    /// It never told anything.
    New,
    /// It told nothing for a day.
    Silent,
    /// It told something within a day, and refused nothing since.
    Ok,
}

impl Health {
    /// The first that holds, in the order of the words above.
    fn of(now: Timestamp, last_event_at: Option<Timestamp>, last_refused_at: Option<Timestamp>) -> Self {
        let recent = |at: &Timestamp| now.seconds_since(*at) < SILENT_AFTER_SECONDS;
        if last_refused_at.filter(recent) > last_event_at {
            return Self::Refusing;
        }
        match last_event_at {
            None => Self::New,
            Some(at) if recent(&at) => Self::Ok,
            Some(_) => Self::Silent,
        }
    }
}

/// A source, configured now or once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Source)]
pub(crate) struct SourceView {
    /// Its name.
    name: String,
    /// Its provider.
    provider: String,
    /// False for a source that told something once and is not in the configuration any more.
    configured: bool,
    /// The account that it belongs to; null where it is not configured.
    #[schema(required)]
    account: Option<String>,
    /// How strictly signatures are taken: `enforce`, `shadow` or `off`; null where it is not configured.
    #[schema(required)]
    mode: Option<&'static str>,
    /// The paths under which it answers.
    paths: Vec<String>,
    /// How it does, in one word.
    status: Health,
    /// When its newest event was received.
    #[schema(required)]
    last_event_at: Option<Timestamp>,
    /// Events so far, by type without `message.`.
    #[schema(value_type = BTreeMap<String, u64>)]
    events: BTreeMap<&'static str, u64>,
    /// Refused requests that are kept, by cause.
    quarantine: BTreeMap<String, u64>,
    /// When its newest refused request was received, of those that are kept.
    #[schema(required)]
    last_refused_at: Option<Timestamp>,
}

impl SourceView {
    fn of(
        name: &str,
        provider: &str,
        source: Option<&Source>,
        activity: Option<&SourceActivity>,
        refused: &[QuarantineCount],
    ) -> Self {
        let refused: Vec<_> = refused.iter().filter(|count| count.source == name).collect();
        let last_event_at = activity.and_then(|activity| activity.last_received_at);
        let last_refused_at = refused.iter().map(|count| count.newest).max();
        let count = |(kind, count): &(Kind, u64)| (kind.name(), *count);
        Self {
            name: name.to_owned(),
            provider: provider.to_owned(),
            configured: source.is_some(),
            account: source.map(|source| source.reference.account.to_string()),
            mode: source.map(|source| source.mode.name()),
            paths: source.map(paths).unwrap_or_default(),
            status: Health::of(Timestamp::now(), last_event_at, last_refused_at),
            last_event_at,
            events: activity.map(|activity| activity.events.iter().map(count).collect()).unwrap_or_default(),
            quarantine: refused.iter().map(|count| (count.cause.clone(), count.count)).collect(),
            last_refused_at,
        }
    }
}

impl SourceView {
    /// One that does well, for the description of the API.
    pub(super) fn example(last_event_at: Timestamp) -> Self {
        Self {
            name: "mailgun-eu".to_owned(),
            provider: "mailgun".to_owned(),
            configured: true,
            account: Some("mailgun-eu".to_owned()),
            mode: Some(crate::Mode::Enforce.name()),
            paths: vec!["/webhooks/mailgun-eu".to_owned()],
            status: Health::Ok,
            last_event_at: Some(last_event_at),
            events: [(Kind::Sent.name(), 1), (Kind::Bounced.name(), 1)].into(),
            quarantine: BTreeMap::new(),
            last_refused_at: None,
        }
    }
}

fn paths(source: &Source) -> Vec<String> {
    let own = format!("/webhooks/{}", source.reference.name);
    std::iter::once(own).chain(source.paths.iter().cloned()).collect()
}

/// Named, because the description names what it names.
type SourcePage = ListPage<SourceView>;

/// The sources, and how they do
///
/// The configured ones in their order, then those that told something once and are configured no more.
#[utoipa::path(
    get,
    path = "/sources",
    operation_id = "listSources",
    tag = "sources",
    responses((status = 200, description = "All of them.", body = SourcePage), Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn list(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
) -> Outcome<Json<SourcePage>> {
    Params::none(query)?;
    let activities = shared.store.sources().await.map_err(|error| store_failed(&error))?;
    let refused = shared.store.quarantine_counts().await.map_err(|error| store_failed(&error))?;
    let configured = shared.sources.iter().map(|source| {
        let reference = &source.reference;
        let activity = activities.iter().find(|activity| *activity.name == *reference.name);
        SourceView::of(&reference.name, &reference.provider, Some(source), activity, &refused)
    });
    // What Hearback itself writes comes from no endpoint, and cannot fall silent.
    let is_configured = |activity: &&SourceActivity| {
        *activity.name == *SourceRef::HEARBACK
            || shared.sources.iter().any(|source| *source.reference.name == *activity.name)
    };
    let gone = activities
        .iter()
        .filter(|activity| !is_configured(activity))
        .map(|activity| SourceView::of(&activity.name, &activity.provider, None, Some(activity), &refused));
    Ok(Json(ListPage::whole(configured.chain(gone).collect())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_for_how_a_source_does() {
        let now = Timestamp::from_seconds(1_000_000).unwrap();
        let ago = |hours: i64| Some(now.plus_seconds(-hours * 3600));
        assert_eq!(Health::of(now, None, None), Health::New);
        assert_eq!(Health::of(now, None, ago(1)), Health::Refusing);
        assert_eq!(Health::of(now, None, ago(25)), Health::New);
        assert_eq!(Health::of(now, ago(1), None), Health::Ok);
        assert_eq!(Health::of(now, ago(1), ago(2)), Health::Ok);
        assert_eq!(Health::of(now, ago(2), ago(1)), Health::Refusing);
        assert_eq!(Health::of(now, ago(25), None), Health::Silent);
        assert_eq!(Health::of(now, ago(48), ago(25)), Health::Silent);
    }
}
