//! The events of before 2018: forms. They can no longer be set up, but old settings still fire.
//!
//! The sender's own variables are merged into the form, so the first of several fields of one name is Mailgun's. There is
//! no event id; the event's own facts make the key.

use std::collections::BTreeMap;

use hearback_event::{
    Address, Channel, DedupKey, Engagement, Event, Failure, Kind, Severity, Timestamp, labels_from_json,
};
use serde_json::{Map, Value};

use super::failure;
use super::normalise::{bare_id, is_sample, known};
use crate::form::Form;
use crate::{json, smtp};

/// Fields that are Mailgun's in one event or another; any other is a variable of the sender's.
const OWN_FIELDS: &[&str] = &[
    "event",
    "recipient",
    "domain",
    "ip",
    "country",
    "region",
    "city",
    "user-agent",
    "device-type",
    "client-type",
    "client-name",
    "client-os",
    "campaign-id",
    "campaign-name",
    "tag",
    "X-Mailgun-Tag",
    "X-Mailgun-Sid",
    "mailing-list",
    "url",
    "code",
    "error",
    "notification",
    "reason",
    "description",
    "message-headers",
    "Message-Id",
    "message-id",
    "attachment-count",
    "body-plain",
    "h",
    "timestamp",
    "token",
    "signature",
    "parent-signature",
];

/// The event in a form that has an `event` field.
pub(super) fn event(form: &Form) -> Event {
    let native = form.first("event").unwrap_or_default();
    let mut event = Event::new(kind(native, form), json::cut(native), Channel::Email, dedup(form));
    let headers = Headers::of(form);
    event.occurred_at = form.last("timestamp").and_then(|text| Timestamp::from_decimal_seconds(text).ok());
    event.recipient = form.first("recipient").and_then(|text| Address::parse(text).ok());
    event.provider_message_id = message_id(form)
        .or_else(|| headers.as_ref().and_then(|headers| headers.first("Message-Id")))
        .and_then(|id| bare_id(&id));
    event.subject = headers.as_ref().and_then(|headers| headers.first("Subject"));
    event.tags = tags(form);
    event.labels = match &headers {
        Some(headers) => headers.variables(),
        None => merged_variables(form),
    };
    event.test = is_sample(&event);
    match event.kind {
        Kind::Bounced | Kind::Rejected | Kind::Failed => event.failure = Some(failure_of(form)),
        Kind::Opened | Kind::Clicked => event.engagement = Some(engagement(form)),
        _ => {}
    }
    event
}

fn kind(native: &str, form: &Form) -> Kind {
    match native {
        "delivered" => Kind::Delivered,
        "bounced" => Kind::Bounced,
        "dropped" if matches!(form.first("code"), Some("605" | "606" | "607")) => Kind::Rejected,
        "dropped" => Kind::Failed,
        "opened" => Kind::Opened,
        "clicked" => Kind::Clicked,
        "unsubscribed" => Kind::Unsubscribed,
        "complained" => Kind::Complained,
        _ => Kind::Unknown,
    }
}

fn dedup(form: &Form) -> DedupKey {
    let id = message_id(form).and_then(|id| bare_id(&id)).unwrap_or_default();
    let first = |name| form.first(name).unwrap_or_default().as_bytes();
    let timestamp = form.last("timestamp").unwrap_or_default().as_bytes();
    DedupKey::of(&[
        b"mailgun",
        b"legacy",
        first("event"),
        first("recipient"),
        id.as_bytes(),
        timestamp,
        first("code"),
        first("url"),
    ])
}

fn message_id(form: &Form) -> Option<String> {
    form.text("Message-Id").or_else(|| form.text("message-id"))
}

fn tags(form: &Form) -> Vec<String> {
    let named = |name| json::texts(&form.all(name).map(Value::from).collect(), "");
    let tags = named("tag");
    if tags.is_empty() { named("X-Mailgun-Tag") } else { tags }
}

/// `code` may be a reply code, Mailgun's own code or an enhanced code.
fn failure_of(form: &Form) -> Failure {
    let given = form.text("code");
    let response = form.text("error").or_else(|| form.text("notification"));
    let description = form.text("description");
    let words =
        format!("{} {}", response.as_deref().unwrap_or_default(), description.as_deref().unwrap_or_default());
    let (enhanced, code) = match given {
        Some(code) if code.contains('.') => (smtp::enhanced_code(&code), smtp::reply_code(&words)),
        code => (smtp::enhanced_code(&words), code),
    };
    let word = form.first("reason").unwrap_or_default();
    Failure {
        severity: Some(Severity::Permanent),
        reason: Some(failure::reason(word, code.as_deref(), enhanced.as_deref(), &words)),
        code,
        enhanced_code: enhanced,
        response,
        description: description.or_else(|| form.text("reason")),
    }
}

/// These events do not tell people and machines apart.
fn engagement(form: &Form) -> Engagement {
    let place = |name| known(form.text(name));
    Engagement {
        url: form.text("url"),
        user_agent: form.text("user-agent"),
        ip: form.text("ip"),
        country: place("country"),
        region: place("region"),
        city: place("city"),
        by: None,
        why: None,
    }
}

fn merged_variables(form: &Form) -> BTreeMap<String, String> {
    let own = |name: &str| OWN_FIELDS.contains(&name) || name.starts_with("attachment-");
    let variables: Map<String, Value> = form
        .fields()
        .iter()
        .filter(|(name, _)| !own(name))
        .map(|(name, value)| (name.clone(), Value::from(json::cut(value))))
        .collect();
    labels_from_json(&Value::Object(variables))
}

/// The headers of the message: the form's `message-headers`, a JSON array of pairs.
pub(super) struct Headers(Vec<(String, String)>);

impl Headers {
    /// Those of a form; `None` where it has none that can be read.
    pub(super) fn of(form: &Form) -> Option<Self> {
        let pairs: Vec<Value> = serde_json::from_str(form.first("message-headers")?).ok()?;
        let text =
            |pair: &Value, place: usize| pair.get(place).and_then(Value::as_str).map(ToOwned::to_owned);
        Some(Self(pairs.iter().filter_map(|pair| text(pair, 0).zip(text(pair, 1))).collect()))
    }

    /// The first header of that name.
    pub(super) fn first(&self, name: &str) -> Option<String> {
        self.all(name).find(|value| !value.is_empty()).map(|value| json::cut(value).to_owned())
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The sender's variables: one or several headers, each a JSON object.
    fn variables(&self) -> BTreeMap<String, String> {
        self.all("X-Mailgun-Variables")
            .filter_map(|text| serde_json::from_str(text).ok())
            .flat_map(|value: Value| labels_from_json(&value))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_of_the_event_and_not_of_the_attempt() {
        let key = |text: &str| event(&Form::urlencoded(text.as_bytes()).unwrap()).dedup;
        let first = key("event=clicked&recipient=a&message-id=x&url=u&timestamp=1&token=t&signature=s");
        assert_eq!(
            first,
            key("event=clicked&recipient=a&Message-Id=%3Cx%3E&url=u&timestamp=1&token=v&signature=w")
        );
        for other in [
            "event=opened&recipient=a&message-id=x&url=u&timestamp=1",
            "event=clicked&recipient=b&message-id=x&url=u&timestamp=1",
            "event=clicked&recipient=a&message-id=y&url=u&timestamp=1",
            "event=clicked&recipient=a&message-id=x&url=v&timestamp=1",
            "event=clicked&recipient=a&message-id=x&url=u&timestamp=2",
            "event=clicked&recipient=a&message-id=x&url=u&timestamp=1&code=550",
        ] {
            assert_ne!(first, key(other), "{other}");
        }
    }
}
