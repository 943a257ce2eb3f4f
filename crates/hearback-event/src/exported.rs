//! Events on their way from one log to another: the API's form, with what a log needs to know them when they come again.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::{
    Address, Alert, Channel, DedupKey, Engagement, Event, Failure, Inbound, Kind, Record, Registration,
    SuppressionChange, Timestamp,
};

/// More keys of one event are not believed.
const MOST_KEYS: usize = 16;

/// A record as it is exported: the API's form with `account` and `keys`, the event's keys within its account.
#[derive(Serialize)]
pub struct Exported<'a> {
    #[serde(flatten)]
    record: &'a Record,
    account: &'a str,
    keys: Vec<String>,
    /// Where no message is named to which it would belong.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
}

impl<'a> Exported<'a> {
    /// Of one record.
    pub fn of(record: &'a Record) -> Self {
        let event = &record.event;
        let subject = event.subject.as_deref().filter(|_| event.provider_message_id.is_none());
        let keys = event.dedup.iter().map(|key| HEXLOWER.encode(key.as_bytes())).collect();
        Self { record, account: &record.account, keys, subject }
    }
}

/// An event that was read from an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The source that received it.
    pub source: String,
    /// The source's provider.
    pub provider: String,
    /// The account that the source belonged to.
    pub account: String,
    /// When it was received first.
    pub received_at: Timestamp,
    /// Whether its request's signature was right; false where the export does not say.
    pub verified: bool,
    /// What happened. Its keys are those within the account.
    pub event: Event,
}

/// A line is not an exported event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ImportError(String);

#[derive(Deserialize)]
struct Message {
    provider_id: Option<String>,
    subject: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    source: String,
    provider: String,
    account: Option<String>,
    occurred_at: Timestamp,
    #[serde(default)]
    occurred_at_approximate: bool,
    received_at: Option<Timestamp>,
    #[serde(default)]
    verified: bool,
    #[serde(default)]
    native_type: String,
    #[serde(default)]
    channel: Channel,
    recipient: Option<Address>,
    #[serde(default)]
    ambiguous_recipients: Vec<Address>,
    message: Option<Message>,
    subject: Option<String>,
    failure: Option<Failure>,
    engagement: Option<Engagement>,
    suppression: Option<SuppressionChange>,
    inbound: Option<Inbound>,
    registration: Option<Registration>,
    notice: Option<String>,
    alert: Option<Box<Alert>>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    provider_event_id: Option<String>,
    #[serde(default)]
    test: bool,
    error: Option<String>,
    raw: Option<String>,
    #[serde(default)]
    keys: Vec<String>,
}

impl Imported {
    /// Reads one line of an export. Members that are not known are left out: they may be of a newer version.
    pub fn parse(line: &[u8]) -> Result<Self, ImportError> {
        let line: Line = serde_json::from_slice(line).map_err(|error| {
            // It is one line: which one it is, the caller knows.
            let text = error.to_string();
            let what = text.split(" at line ").next().unwrap_or(&text);
            ImportError(format!("{what} (column {})", error.column()))
        })?;
        let kind = Kind::parse(&line.kind).map_err(|error| ImportError(error.to_string()))?;
        let account = line.account.clone().unwrap_or_else(|| line.source.clone());
        for (name, text) in [("source", &line.source), ("provider", &line.provider), ("account", &account)] {
            if text.is_empty() || text.len() > 128 || text.chars().any(char::is_control) {
                return Err(ImportError(format!(
                    "`{name}` is empty, too long, or holds a control character"
                )));
            }
        }
        let dedup = keys(&line, kind, &account)?;
        let message = line.message.unwrap_or(Message { provider_id: None, subject: None });
        let event = Event {
            kind,
            native_type: line.native_type,
            channel: line.channel,
            occurred_at: (!line.occurred_at_approximate).then_some(line.occurred_at),
            recipient: line.recipient,
            ambiguous_recipients: line.ambiguous_recipients,
            provider_message_id: message.provider_id,
            provider_event_id: line.provider_event_id,
            subject: message.subject.or(line.subject),
            failure: line.failure,
            engagement: line.engagement,
            suppression: line.suppression,
            inbound: line.inbound,
            registration: line.registration,
            notice: line.notice,
            alert: line.alert,
            tags: line.tags,
            labels: line.labels,
            test: line.test,
            error: line.error,
            raw: line.raw,
            dedup,
        };
        Ok(Self {
            source: line.source,
            provider: line.provider,
            account,
            received_at: line.received_at.unwrap_or(line.occurred_at),
            verified: line.verified,
            event,
        })
    }
}

/// The event's own keys; where the line has none, one of everything by which it would be told from another.
fn keys(line: &Line, kind: Kind, account: &str) -> Result<Vec<DedupKey>, ImportError> {
    if line.keys.len() > MOST_KEYS {
        return Err(ImportError(format!("`keys` has more than {MOST_KEYS} members")));
    }
    let read = |text: &String| {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(DedupKey::from_bytes).ok_or_else(|| {
            ImportError("`keys` holds something that is not 32 hexadecimal digits in lower case".to_owned())
        })
    };
    let keys = line.keys.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if !keys.is_empty() {
        return Ok(keys);
    }
    let text = |text: Option<&str>| text.unwrap_or_default().as_bytes().to_vec();
    let parts = [
        b"import".to_vec(),
        account.as_bytes().to_vec(),
        kind.name().as_bytes().to_vec(),
        text(line.recipient.as_ref().map(Address::as_str)),
        text(line.message.as_ref().and_then(|message| message.provider_id.as_deref())),
        text(line.provider_event_id.as_deref()),
        line.occurred_at.as_nanos().to_be_bytes().to_vec(),
        text(line.engagement.as_ref().and_then(|engagement| engagement.url.as_deref())),
    ];
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    Ok(vec![DedupKey::of(&parts)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Origin, Reason, Severity};

    fn record() -> Record {
        let mut event = Event::new(Kind::Bounced, "failed", Channel::Email, DedupKey::of(&[b"1"]));
        event.dedup.push(DedupKey::of(&[b"2"]));
        event.recipient = Address::parse("a@b.example").ok();
        event.provider_message_id = Some("m1".to_owned());
        event.subject = Some("Dear \"you\"".to_owned());
        event.occurred_at = Timestamp::from_seconds(1_760_000_000);
        event.failure = Some(Failure {
            severity: Some(Severity::Permanent),
            reason: Some(Reason::InvalidRecipient),
            ..Failure::default()
        });
        event.tags = vec!["t".to_owned()];
        event.labels = [("k".to_owned(), "v".to_owned())].into();
        Record {
            position: 7,
            received_at: Timestamp::from_seconds(1_760_000_001).unwrap(),
            source: "mailgun-eu".into(),
            provider: "mailgun".into(),
            account: "main".into(),
            origin: Origin::Webhook,
            verified: true,
            payload: Some(7),
            event,
        }
    }

    #[test]
    fn what_is_exported_is_read_as_it_was() {
        for (occurred, message) in [(true, true), (false, true), (true, false)] {
            let mut record = record();
            record.event.occurred_at = record.event.occurred_at.filter(|_| occurred);
            record.event.provider_message_id = record.event.provider_message_id.filter(|_| message);
            let line = serde_json::to_vec(&Exported::of(&record)).unwrap();
            let read = Imported::parse(&line).unwrap();
            assert_eq!(read.event, record.event);
            assert_eq!((&*read.source, &*read.provider, &*read.account), ("mailgun-eu", "mailgun", "main"));
            assert_eq!((read.received_at, read.verified), (record.received_at, true));
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_is_read_panics(bytes: Vec<u8>, cut in 0_usize..900) {
            drop(Imported::parse(&bytes));
            let line = serde_json::to_vec(&Exported::of(&record())).unwrap();
            let cut = cut.min(line.len());
            drop(Imported::parse(&line[..cut]));
            drop(Imported::parse(&[&line[..cut], &bytes, &line[cut..]].concat()));
        }
    }

    #[test]
    fn a_line_without_keys_is_known_by_its_content() {
        let line = |to: &str| {
            let json = format!(
                "{{\"type\":\"sent\",\"source\":\"s\",\"provider\":\"p\",\"occurred_at\":\"2026-01-01T00:00:00Z\",\"recipient\":\"{to}\",\"new_in_2030\":1}}"
            );
            Imported::parse(json.as_bytes()).unwrap()
        };
        assert_eq!(line("a@b.example"), line("A@b.example"));
        assert_ne!(line("a@b.example").event.dedup, line("c@b.example").event.dedup);
        assert!(!line("a@b.example").verified);
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (line, expected) in [
            ("", "EOF"),
            ("{}", "missing field `type`"),
            (
                r#"{"type":"flew","source":"s","provider":"p","occurred_at":"2026-01-01T00:00:00Z"}"#,
                "unknown event type `flew`",
            ),
            (
                r#"{"type":"sent","source":"","provider":"p","occurred_at":"2026-01-01T00:00:00Z"}"#,
                "`source` is empty",
            ),
            (
                r#"{"type":"sent","source":"s","provider":"p","occurred_at":"2026-01-01T00:00:00Z","keys":["x"]}"#,
                "`keys` holds something",
            ),
        ] {
            let error = Imported::parse(line.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
