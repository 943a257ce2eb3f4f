//! The query parameters of each operation, as the description of the API has them.
//!
//! What is described here is what is known: [`Names`] reads it, and a parameter of another name is an error. How a value
//! is read stands with the handler.

use std::sync::LazyLock;

use hearback_event::{
    Address, AlertState, Channel, EventId, Kind, MessageId, Reason, RecipientStatus, Severity, Status,
    SuppressionReason, Timestamp,
};
use utoipa::openapi::path::ParameterIn;
use utoipa::{IntoParams, ToSchema};

/// The names of an operation's parameters.
pub(super) struct Names(LazyLock<Vec<String>>);

impl Names {
    /// Those that `P` describes.
    pub(super) const fn of<P: IntoParams>() -> Self {
        Self(LazyLock::new(names::<P>))
    }

    /// As a list.
    pub(super) fn list(&self) -> &[String] {
        &self.0
    }
}

fn names<P: IntoParams>() -> Vec<String> {
    P::into_params(|| Some(ParameterIn::Query)).into_iter().map(|parameter| parameter.name).collect()
}

/// In which order of the log.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `filter` reads")]
enum Order {
    Newest,
    Oldest,
}

/// What more is given.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `events` reads")]
enum Include {
    Keys,
}

/// A condition that is either set or left out.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `message_list` reads")]
enum OnlyTrue {
    True,
}

/// A label to look for: `key=value`, whose value is no nested JSON.
#[derive(ToSchema)]
#[schema(pattern = r"^[^=]+=([^{\[].*)?$")]
#[expect(dead_code, reason = "describes what `filter` reads")]
struct LabelText(String);

/// No parameters at all.
#[derive(IntoParams)]
pub(super) struct NoQuery {}

/// Which events, in which order, how many, and from where on.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `filter` and `events` read")]
pub(super) struct EventsQuery {
    /// One of these types, with or without `message.` before the name. Several with commas, or given several times.
    #[param(style = Form, explode = false, nullable = false, example = json!(["bounced", "complained"]))]
    r#type: Option<Vec<Kind>>,
    /// Received by this source.
    #[param(nullable = false, example = "mailgun-eu")]
    source: Option<String>,
    /// Of this provider.
    #[param(nullable = false, example = "mailgun")]
    provider: Option<String>,
    /// To this recipient, in any spelling.
    #[param(nullable = false, example = "alice@example.com")]
    recipient: Option<Address>,
    /// To any of the addresses whose recipient has this `user_id`, over all channels; at most 100 of them.
    #[param(nullable = false)]
    user_id: Option<String>,
    /// To a recipient of this e-mail domain.
    #[param(nullable = false, example = "example.com")]
    domain: Option<String>,
    /// Of this message.
    #[param(nullable = false)]
    message: Option<MessageId>,
    /// With this label, as `key=value`. Given several times, all must be there. Of one event the first 32
    /// labels can be asked for, except nested values and those of more than 256 bytes.
    #[param(inline, nullable = false, max_items = 16, example = json!(["booking_id=42"]))]
    label: Option<Vec<LabelText>>,
    /// With this tag.
    #[param(nullable = false, example = "pre-arrival")]
    tag: Option<String>,
    /// Failures (deferred, bounced, rejected, failed) of this severity.
    #[param(nullable = false)]
    severity: Option<Severity>,
    /// Failures for one of these reasons. Several with commas, or given several times.
    #[param(style = Form, explode = false, nullable = false, example = json!(["mailbox_full"]))]
    reason: Option<Vec<Reason>>,
    /// Happened at or after this moment.
    #[param(nullable = false, example = "2026-11-20T10:00:00Z")]
    since: Option<Timestamp>,
    /// Happened before this moment, which must be after `since`.
    #[param(nullable = false, example = "2026-11-21T10:00:00Z")]
    until: Option<Timestamp>,
    /// The last or the first received first. The newest, if nothing is said; with `after` or `wait` the oldest, and no
    /// other.
    #[param(inline, nullable = false)]
    order: Option<Order>,
    /// At most so many rows.
    #[param(nullable = false, minimum = 1, maximum = 1000, default = 50)]
    limit: Option<u16>,
    /// The `next_cursor` of the page before, with the same filter and order.
    #[param(nullable = false)]
    cursor: Option<String>,
    /// As `cursor`, for following the log: a place that lasts, over restarts too. Also `end` for the end of the log as it is now,
    /// the id of an event for what comes after it, or the `after` of a consumer.
    #[param(nullable = false, example = "end")]
    after: Option<String>,
    /// `keys`: each event with its `account` and `keys`, as an import needs them.
    #[param(inline, nullable = false)]
    include: Option<Include>,
    /// So many seconds are waited where there is no event yet.
    #[param(nullable = false, minimum = 0, maximum = 60, default = 0)]
    wait: Option<u8>,
}

/// Which events, and from where on.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `filter` and `stream` read")]
pub(super) struct StreamQuery {
    /// One of these types, with or without `message.` before the name. Several with commas, or given several times.
    #[param(style = Form, explode = false, nullable = false, example = json!(["bounced", "complained"]))]
    r#type: Option<Vec<Kind>>,
    /// Received by this source.
    #[param(nullable = false, example = "mailgun-eu")]
    source: Option<String>,
    /// Of this provider.
    #[param(nullable = false, example = "mailgun")]
    provider: Option<String>,
    /// To this recipient, in any spelling.
    #[param(nullable = false, example = "alice@example.com")]
    recipient: Option<Address>,
    /// To a recipient of this e-mail domain.
    #[param(nullable = false, example = "example.com")]
    domain: Option<String>,
    /// Of this message.
    #[param(nullable = false)]
    message: Option<MessageId>,
    /// With this label, as `key=value`. Given several times, all must be there. Of one event the first 32
    /// labels can be asked for, except nested values and those of more than 256 bytes.
    #[param(inline, nullable = false, max_items = 16, example = json!(["booking_id=42"]))]
    label: Option<Vec<LabelText>>,
    /// With this tag.
    #[param(nullable = false, example = "pre-arrival")]
    tag: Option<String>,
    /// Failures (deferred, bounced, rejected, failed) of this severity.
    #[param(nullable = false)]
    severity: Option<Severity>,
    /// Failures for one of these reasons. Several with commas, or given several times.
    #[param(style = Form, explode = false, nullable = false, example = json!(["mailbox_full"]))]
    reason: Option<Vec<Reason>>,
    /// Happened at or after this moment.
    #[param(nullable = false, example = "2026-11-20T10:00:00Z")]
    since: Option<Timestamp>,
    /// Happened before this moment, which must be after `since`.
    #[param(nullable = false, example = "2026-11-21T10:00:00Z")]
    until: Option<Timestamp>,
    /// What comes after this: the id of an event, the `next_cursor` of `GET /v1/events` with the same filter, the `after` of a
    /// consumer, or `end`, which is what is meant where nothing is said.
    #[param(nullable = false, example = "end")]
    after: Option<String>,
}

/// Up to where a consumer is done.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `consumers` reads")]
pub(super) struct AckQuery {
    /// The last event that is done.
    event: EventId,
}

/// How many rows, and from where on.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what the handlers of lists read")]
pub(super) struct PageQuery {
    /// At most so many rows.
    #[param(nullable = false, minimum = 1, maximum = 1000, default = 50)]
    limit: Option<u16>,
    /// The `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// Which recipients.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `directory` reads")]
pub(super) struct RecipientsQuery {
    /// Whose last event is of one of these types, with or without `message.` before the name. Several with commas, or given
    /// several times.
    #[param(style = Form, explode = false, nullable = false, example = json!(["bounced", "complained"]))]
    last_event: Option<Vec<Kind>>,
    /// Of one of these statuses. Several with commas, or given several times.
    #[param(style = Form, explode = false, nullable = false, example = json!(["failing"]))]
    status: Option<Vec<RecipientStatus>>,
    /// Of this e-mail domain.
    #[param(nullable = false, example = "example.com")]
    domain: Option<String>,
    /// Of this person, by the application's own id.
    #[param(nullable = false, example = "42")]
    user_id: Option<String>,
    /// Sent to at least so often.
    #[param(nullable = false, minimum = 0, maximum = 1_000_000_000)]
    sent_min: Option<u32>,
    /// Delivered at least so often.
    #[param(nullable = false, minimum = 0, maximum = 1_000_000_000)]
    delivered_min: Option<u32>,
    /// Deferred at least so often.
    #[param(nullable = false, minimum = 0, maximum = 1_000_000_000)]
    deferred_min: Option<u32>,
    /// Bounced at least so often, for good or for now.
    #[param(nullable = false, minimum = 0, maximum = 1_000_000_000, example = 3)]
    bounced_min: Option<u32>,
    /// Rejected at least so often.
    #[param(nullable = false, minimum = 0, maximum = 1_000_000_000)]
    rejected_min: Option<u32>,
    /// Failed at least so often.
    #[param(nullable = false, minimum = 0, maximum = 1_000_000_000)]
    failed_min: Option<u32>,
    /// Opened by people at least so often.
    #[param(nullable = false, minimum = 0, maximum = 1_000_000_000)]
    opened_min: Option<u32>,
    /// Clicked by people at least so often.
    #[param(nullable = false, minimum = 0, maximum = 1_000_000_000)]
    clicked_min: Option<u32>,
    /// Complained at least so often.
    #[param(nullable = false, minimum = 0, maximum = 1_000_000_000)]
    complained_min: Option<u32>,
    /// Unsubscribed at least so often.
    #[param(nullable = false, minimum = 0, maximum = 1_000_000_000)]
    unsubscribed_min: Option<u32>,
    /// Wrote to us at least so often.
    #[param(nullable = false, minimum = 0, maximum = 1_000_000_000)]
    inbound_min: Option<u32>,
    /// At most so many rows.
    #[param(nullable = false, minimum = 1, maximum = 1000, default = 50)]
    limit: Option<u16>,
    /// The `next_cursor` of the page before, with the same filter.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// Which suppressed addresses.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `suppressions` reads")]
pub(super) struct SuppressionsQuery {
    /// For one of these reasons. Several with commas, or given several times.
    #[param(style = Form, explode = false, nullable = false, example = json!(["manual"]))]
    reason: Option<Vec<SuppressionReason>>,
    /// Told by this source.
    #[param(nullable = false, example = "mailgun-eu")]
    source: Option<String>,
    /// Suppressed at or after this moment.
    #[param(nullable = false, example = "2026-11-20T10:00:00Z")]
    since: Option<Timestamp>,
    /// Suppressed before this moment, which must be after `since`.
    #[param(nullable = false, example = "2026-11-21T10:00:00Z")]
    until: Option<Timestamp>,
    /// At most so many rows.
    #[param(nullable = false, minimum = 1, maximum = 1000, default = 50)]
    limit: Option<u16>,
    /// The `next_cursor` of the page before, with the same filter.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// Why a suppression is lifted.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `suppressions` reads")]
pub(super) struct LiftQuery {
    /// Why, for people who read the history.
    #[param(nullable = false, min_length = 1, max_length = 500, example = "asked for it by phone")]
    reason: Option<String>,
}

/// Which messages, how many, and from where on.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `message_list` reads")]
pub(super) struct MessagesQuery {
    /// In one of these statuses. Several with commas, or given several times.
    #[param(style = Form, explode = false, nullable = false, example = json!(["bounced", "deferred"]))]
    status: Option<Vec<Status>>,
    /// Registered with `expect_delivered_within`, not delivered by then, and still under way.
    #[param(inline, nullable = false)]
    overdue: Option<OnlyTrue>,
    /// Of which this source tells.
    #[param(nullable = false, example = "mailgun-eu")]
    source: Option<String>,
    /// Of this provider.
    #[param(nullable = false, example = "mailgun")]
    provider: Option<String>,
    /// Which travels so.
    #[param(nullable = false, example = "sms")]
    channel: Option<Channel>,
    /// To this recipient, in any spelling.
    #[param(nullable = false, example = "alice@example.com")]
    recipient: Option<Address>,
    /// To a recipient of this e-mail domain.
    #[param(nullable = false, example = "example.com")]
    domain: Option<String>,
    /// With this label, as `key=value`, on one of its events. Given several times, all must be there.
    #[param(inline, nullable = false, max_items = 16, example = json!(["booking_id=42"]))]
    label: Option<Vec<LabelText>>,
    /// With this tag.
    #[param(nullable = false, example = "pre-arrival")]
    tag: Option<String>,
    /// Of which something happened at or after this moment. Of the events that bear on the other conditions, the newest counts.
    #[param(nullable = false, example = "2026-11-20T10:00:00Z")]
    since: Option<Timestamp>,
    /// Of which something happened before this moment, which must be after `since`.
    #[param(nullable = false, example = "2026-11-21T10:00:00Z")]
    until: Option<Timestamp>,
    /// The id that the provider gave the message, with angle brackets or without. Cannot be combined with anything else.
    #[param(nullable = false, min_length = 1, example = "20261120.1.AAAA@mg.example.com")]
    provider_id: Option<String>,
    /// At most so many rows.
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50)]
    limit: Option<u16>,
    /// The `next_cursor` of the page before, with the same filter.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// Which alerts.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `alerts` reads")]
pub(super) struct AlertsQuery {
    /// In one of these states. Several with commas, or given several times.
    #[param(style = Form, explode = false, nullable = false, example = json!(["open"]))]
    state: Option<Vec<AlertState>>,
    /// Raised by this rule.
    #[param(nullable = false, example = "bounces")]
    rule: Option<String>,
    /// Those that this alert sums up, in whatever state.
    #[param(nullable = false)]
    part_of: Option<u64>,
    /// At most so many rows.
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50)]
    limit: Option<u16>,
    /// The `next_cursor` of the page before, with the same filter.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// Which refused requests.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `quarantine` reads")]
pub(super) struct QuarantineQuery {
    /// Refused by this source.
    #[param(nullable = false, example = "mailgun-eu")]
    source: Option<String>,
    /// Refused for this cause.
    #[param(nullable = false, example = "bad_signature")]
    cause: Option<String>,
    /// At most so many rows.
    #[param(nullable = false, minimum = 1, maximum = 1000, default = 50)]
    limit: Option<u16>,
    /// The `next_cursor` of the page before, with the same filter.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// Which refused requests are tried again.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `quarantine` reads")]
pub(super) struct RetryQuery {
    /// Refused by this source.
    #[param(nullable = false, example = "mailgun-eu")]
    source: Option<String>,
    /// Refused for this cause.
    #[param(nullable = false, example = "bad_signature")]
    cause: Option<String>,
}

/// Which pushes that failed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `destinations` reads")]
pub(super) struct FailedQuery {
    /// Only those that are not tried any more, or only those that are.
    #[param(nullable = false)]
    dead: Option<bool>,
    /// At most so many rows.
    #[param(nullable = false, minimum = 1, maximum = 1000, default = 50)]
    limit: Option<u16>,
    /// The `next_cursor` of the page before, with the same `dead`.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// Of what pushes are put back.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `destinations` reads")]
enum WhichPushes {
    Dead,
    Failed,
    All,
}

/// Which events are pushed once more.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `destinations` reads")]
pub(super) struct RedriveQuery {
    /// `dead`: what was given up, which is what is meant where nothing is said. `failed`: what waits for another try, too. `all`:
    /// everything that the destination wants, also what it has already.
    #[param(inline, nullable = false)]
    which: Option<WhichPushes>,
    /// Only events of one of these types. Several with commas, or given several times.
    #[param(style = Form, explode = false, nullable = false, example = json!(["bounced"]))]
    r#type: Option<Vec<Kind>>,
    /// Only events that were received at or after this moment.
    #[param(nullable = false, example = "2026-11-20T10:00:00Z")]
    since: Option<Timestamp>,
    /// Only count them.
    #[param(nullable = false, example = true)]
    dry_run: Option<bool>,
}

/// Which event.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `destinations` reads")]
pub(super) struct ExplainQuery {
    /// The event's id.
    event: EventId,
}

/// Which statistics.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `stats` reads")]
pub(super) struct StatsQuery {
    /// From this moment on: a day before `until`, if nothing is said. At most 366 days before it.
    #[param(nullable = false, example = "2026-11-20T00:00:00Z")]
    since: Option<Timestamp>,
    /// Up to this moment: now, if nothing is said.
    #[param(nullable = false, example = "2026-11-21T00:00:00Z")]
    until: Option<Timestamp>,
    /// How long a step is. Tags and domains are counted by the day.
    #[param(inline, nullable = false)]
    step: Option<super::stats::Step>,
    /// What makes the series; one series of everything, if nothing is said.
    #[param(inline, nullable = false)]
    by: Option<super::stats::By>,
    /// Only what this source told.
    #[param(nullable = false, example = "mailgun-eu")]
    source: Option<String>,
    /// Only what has this tag.
    #[param(nullable = false, example = "pre-arrival")]
    tag: Option<String>,
    /// Only what went to recipients of this domain.
    #[param(nullable = false, example = "example.com")]
    domain: Option<String>,
    /// At most so many series, the greatest; the rest together is `(others)`.
    #[param(nullable = false, minimum = 1, maximum = 200, default = 20)]
    limit: Option<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_the_description() {
        static NAMES: Names = Names::of::<PageQuery>();
        assert_eq!(NAMES.list(), ["limit", "cursor"]);
    }
}
