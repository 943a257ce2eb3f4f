//! What an application may say of a message, read strictly: each mistake is named with its field and with what was expected.

use std::collections::BTreeMap;
use std::sync::Arc;

use hearback_event::{Address, Channel, NewMessage, Registration, Timestamp};
use hearback_store::SourceRef;
use serde_json::Value;
use utoipa::ToSchema;

use crate::Source;
use crate::api::members::{
    KEY_MAX, Members, SUBJECT_MAX, USER_ID_MAX, expectation, labels, recipient, source, tags,
};
use crate::problem::{Outcome, Problem};

/// Longest id of a provider, in bytes.
const PROVIDER_ID_MAX: usize = 998;
/// A message may be scheduled, but not beyond this.
const AHEAD_SECONDS_MAX: i64 = 366 * 86_400;

/// A message to be registered.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `read` reads")]
pub(crate) struct MessageToRegister {
    /// The source that will tell of it. May be left out where `provider` has one source only, or where there is one at all.
    #[schema(nullable = false, example = "mailgun-eu")]
    source: Option<String>,
    /// The provider that will tell of it, where it has one source only.
    #[schema(nullable = false, example = "mailgun")]
    provider: Option<String>,
    /// Your own name for the message, unique within the source's account: registering again under it changes nothing. Needed unless
    /// `provider_message_id` is given.
    #[schema(nullable = false, min_length = 1, max_length = 256, example = "booking-42-pre-arrival")]
    key: Option<String>,
    /// The id that the provider gave it, with angle brackets or without.
    #[schema(nullable = false, min_length = 1, max_length = 998)]
    provider_message_id: Option<String>,
    /// To whom it goes.
    recipient: Address,
    /// How it travels: `email` for an address with an `@`, `sms` for a number, if nothing is said.
    #[schema(nullable = false)]
    channel: Option<Channel>,
    /// The subject line.
    #[schema(nullable = false, max_length = 2000)]
    subject: Option<String>,
    /// What is attached to it, for timelines: at most 64, each value at most 4096 bytes. Give the provider the same ones.
    #[schema(nullable = false, example = json!({"booking_id": "42", "purpose": "pre_arrival"}))]
    labels: Option<BTreeMap<String, LabelValue>>,
    /// Its tags.
    #[schema(nullable = false, max_items = 32)]
    tags: Option<Vec<String>>,
    /// When it was sent, or will be: now, if nothing is said. At most a year ahead.
    #[schema(nullable = false)]
    sent_at: Option<Timestamp>,
    /// It is overdue when it is not delivered so many seconds after it was sent.
    #[schema(nullable = false, minimum = 1, maximum = 2_678_400, example = 900)]
    expect_delivered_within: Option<u32>,
    /// Your own id for the recipient.
    #[schema(nullable = false, max_length = 256)]
    user_id: Option<String>,
}

/// Scalars become text.
#[derive(ToSchema)]
#[schema(value_type = Value)]
#[expect(dead_code, reason = "describes what `read` reads")]
pub(crate) struct LabelValue(Value);

const MEMBERS: &[&str] = &[
    "source",
    "provider",
    "key",
    "provider_message_id",
    "recipient",
    "channel",
    "subject",
    "labels",
    "tags",
    "sent_at",
    "expect_delivered_within",
    "user_id",
];

/// Reads one message, and which of the sources it belongs to.
pub(crate) fn read(body: &[u8], sources: &[Arc<Source>], now: Timestamp) -> Outcome<(SourceRef, NewMessage)> {
    let members = Members::read(body, MEMBERS)?;
    let source = source(&members, sources)?.reference.clone();
    let key = members.text("key", KEY_MAX)?;
    let provider_message_id = members.text("provider_message_id", PROVIDER_ID_MAX)?;
    let provider_message_id = provider_message_id
        .map(|id| id.trim().trim_start_matches('<').trim_end_matches('>').to_owned())
        .filter(|id| !id.is_empty());
    if key.is_none() && provider_message_id.is_none() {
        let expected = "a text that names the message, or `provider_message_id`";
        let detail = "give the message a `key` of your own, or its `provider_message_id`";
        return Err(Problem::bad_field("key", expected, detail));
    }
    let recipient = recipient(&members, "recipient")?;
    let channel = channel(&members, &recipient)?;
    let registration = Registration {
        key,
        expect_delivered_within: expectation(&members)?,
        user_id: members.text("user_id", USER_ID_MAX)?,
        attempt: None,
    };
    let message = NewMessage {
        provider_message_id,
        recipient,
        channel,
        subject: members.text("subject", SUBJECT_MAX)?,
        labels: labels(&members)?,
        tags: tags(&members)?,
        sent_at: sent_at(&members, now)?,
        registration,
    };
    Ok((source, message))
}

fn channel(members: &Members, recipient: &Address) -> Outcome<Channel> {
    let Some(word) = members.get("channel") else {
        return Ok(match recipient {
            address if address.is_phone() => Channel::Sms,
            address if address.domain().is_some() => Channel::Email,
            _ => Channel::Other,
        });
    };
    let known = Channel::ALL.iter().map(|channel| channel.name()).collect::<Vec<_>>().join(", ");
    let channel = word.as_str().and_then(|word| word.parse().ok());
    channel.ok_or_else(|| {
        Problem::bad_field("channel", format!("one of {known}"), format!("`channel` is none of {known}"))
    })
}

fn sent_at(members: &Members, now: Timestamp) -> Outcome<Timestamp> {
    let Some(value) = members.get("sent_at") else { return Ok(now) };
    let latest = now.plus_seconds(AHEAD_SECONDS_MAX);
    let at = value.as_str().and_then(|text| text.parse::<Timestamp>().ok()).filter(|at| *at <= latest);
    at.ok_or_else(|| {
        let expected = "a moment such as 2026-11-20T10:00:00Z, at most a year ahead";
        Problem::bad_field("sent_at", expected, format!("`sent_at` is not {expected}"))
    })
}
