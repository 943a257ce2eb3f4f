//! What an application may say of a message, read strictly: each mistake is named with its field and with what was expected.

use std::collections::BTreeMap;
use std::sync::Arc;

use hearback_event::{Address, Channel, Label, NewMessage, Registration, Timestamp, labels_from_json};
use hearback_store::SourceRef;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::Source;
use crate::problem::{Outcome, Problem};

/// Bounds, in bytes unless said otherwise.
const KEY_MAX: usize = 256;
const PROVIDER_ID_MAX: usize = 998;
const SUBJECT_MAX: usize = 2000;
const USER_ID_MAX: usize = 256;
const TAG_MAX: usize = 256;
const LABEL_MAX: usize = 4096;
const TAGS: usize = 32;
const LABELS: usize = 64;
/// A message may be scheduled, but not beyond this.
const AHEAD_SECONDS_MAX: i64 = 366 * 86_400;
/// Longest expectation: a month.
const EXPECT_SECONDS_MAX: u64 = 31 * 86_400;

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
struct LabelValue(Value);

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
    let members = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(members)) => Members(members),
        Ok(_) => return Err(Problem::bad_field("body", "a JSON object", "the body is JSON, but no object")),
        Err(error) => {
            return Err(Problem::bad_field("body", "a JSON object", format!("the body is no JSON: {error}")));
        }
    };
    members.known()?;
    let source = source(&members, sources)?;
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
    let recipient = recipient(&members)?;
    let channel = channel(&members, &recipient)?;
    let registration = Registration {
        key,
        expect_delivered_within: expectation(&members)?,
        user_id: members.text("user_id", USER_ID_MAX)?,
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

struct Members(Map<String, Value>);

impl Members {
    fn known(&self) -> Outcome<()> {
        let Some(name) = self.0.keys().find(|name| !MEMBERS.contains(&name.as_str())) else { return Ok(()) };
        let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
        let known = MEMBERS.join(", ");
        let detail = format!("unknown member `{name}`; known are: {known}");
        Err(Problem::bad_field(&name, format!("members: {known}"), detail))
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text without control characters, of at most so many bytes.
    fn text(&self, name: &str, most: usize) -> Outcome<Option<String>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let good =
            |text: &&str| !text.is_empty() && text.len() <= most && !text.chars().any(char::is_control);
        let text = value.as_str().filter(good).ok_or_else(|| {
            let expected = format!("a text of 1 to {most} bytes without control characters");
            Problem::bad_field(name, expected.clone(), format!("`{name}` is not {expected}"))
        })?;
        Ok(Some(text.to_owned()))
    }
}

fn source(members: &Members, sources: &[Arc<Source>]) -> Outcome<SourceRef> {
    let (name, provider) = (members.text("source", 128)?, members.text("provider", 128)?);
    let (field, given) =
        if provider.is_some() && name.is_none() { ("provider", &provider) } else { ("source", &name) };
    let fits = |source: &&Arc<Source>| {
        name.as_ref().is_none_or(|name| **name == *source.reference.name)
            && provider.as_ref().is_none_or(|provider| **provider == *source.reference.provider)
    };
    let mut fitting = sources.iter().filter(fits);
    match (fitting.next(), fitting.next()) {
        (Some(source), None) => Ok(source.reference.clone()),
        (first, _) => {
            let names: Vec<&str> = sources.iter().map(|source| &*source.reference.name).collect();
            let problem = match (first, given) {
                (None, None) => "no source is configured".to_owned(),
                (None, Some(_)) => format!("no source fits `{field}`"),
                (Some(_), None) => {
                    "there are several sources; say which one will tell of the message".to_owned()
                }
                (Some(_), Some(_)) => format!("several sources fit `{field}`; say which one with `source`"),
            };
            let expected = format!("one of the sources: {}", names.join(", "));
            Err(Problem::bad_field(field, expected, problem))
        }
    }
}

fn recipient(members: &Members) -> Outcome<Address> {
    let expected = "an e-mail address, a number such as +15551234567, or a messenger's id";
    let text = members.get("recipient").and_then(Value::as_str).unwrap_or_default();
    Address::parse(text)
        .map_err(|error| Problem::bad_field("recipient", expected, format!("`recipient`: {error}")))
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

fn expectation(members: &Members) -> Outcome<Option<u32>> {
    const NAME: &str = "expect_delivered_within";
    let Some(value) = members.get(NAME) else { return Ok(None) };
    let seconds = value.as_u64().filter(|seconds| (1..=EXPECT_SECONDS_MAX).contains(seconds));
    let seconds = seconds.and_then(|seconds| u32::try_from(seconds).ok()).ok_or_else(|| {
        let expected = format!("whole seconds from 1 to {EXPECT_SECONDS_MAX}");
        Problem::bad_field(NAME, expected.clone(), format!("`{NAME}` is not {expected}"))
    })?;
    Ok(Some(seconds))
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

fn labels(members: &Members) -> Outcome<BTreeMap<String, String>> {
    let expected = format!(
        "at most {LABELS} labels with keys of 1 to {} bytes and values of at most {LABEL_MAX} bytes",
        Label::LONGEST_KEY
    );
    let bad = |problem: &str| Problem::bad_field("labels", expected.clone(), format!("`labels`: {problem}"));
    let Some(value) = members.get("labels") else { return Ok(BTreeMap::new()) };
    let Value::Object(given) = value else { return Err(bad("no JSON object")) };
    let labels = labels_from_json(value);
    if given.len() > LABELS {
        return Err(bad("too many of them"));
    }
    if given.iter().filter(|(_, value)| !value.is_null()).count() > labels.len() {
        return Err(bad("a key is empty or too long"));
    }
    if labels.contains_key(Label::MESSAGE_ID) {
        return Err(bad(
            "`hearback_id` is for what the provider echoes; the message's own name is its `key`",
        ));
    }
    if labels.values().any(|value| value.len() > LABEL_MAX) {
        return Err(bad("a value is too long"));
    }
    Ok(labels)
}

fn tags(members: &Members) -> Outcome<Vec<String>> {
    let bad = || {
        let expected = format!("a list of at most {TAGS} texts of 1 to {TAG_MAX} bytes");
        Problem::bad_field("tags", expected.clone(), format!("`tags` is not {expected}"))
    };
    let Some(value) = members.get("tags") else { return Ok(Vec::new()) };
    let given = value.as_array().filter(|tags| tags.len() <= TAGS).ok_or_else(bad)?;
    let mut tags = Vec::with_capacity(given.len());
    for tag in given {
        let good = |tag: &&str| !tag.is_empty() && tag.len() <= TAG_MAX && !tag.chars().any(char::is_control);
        let tag = tag.as_str().filter(good).ok_or_else(bad)?;
        if !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    }
    Ok(tags)
}
