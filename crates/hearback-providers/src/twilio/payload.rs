//! What a request says about a message, whichever way it came: a form, a query, or an element of Event Streams.

use std::collections::BTreeMap;

use hearback_event::{Address, Channel, Label, Timestamp, labels_from_json};
use serde_json::Value;

use crate::form::Form;
use crate::{Request, json};

/// Where a request carries its parameters, and with that, what its signature covers. The check and the reading both
/// go by this, so that nothing is read that was not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// In the query (`GET`); a body is not looked at.
    Query,
    /// In an urlencoded body.
    Form,
    /// In a JSON body.
    Json,
}

impl Shape {
    pub(super) fn of(request: &Request<'_>) -> Self {
        if request.method == "GET" {
            return Self::Query;
        }
        let media_type = request.media_type();
        if media_type == "application/x-www-form-urlencoded" {
            Self::Form
        } else if media_type.contains("json") || request.query_value("bodySHA256").is_some() {
            Self::Json
        } else {
            Self::Form
        }
    }
}

/// What a status callback or an inbound message tells.
#[derive(Debug, Default)]
pub(super) struct Callback {
    pub(super) account: Option<String>,
    pub(super) message: Option<String>,
    pub(super) status: Option<String>,
    pub(super) event_type: Option<String>,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) channel_prefix: Option<String>,
    pub(super) error_code: Option<String>,
    pub(super) error_message: Option<String>,
    pub(super) channel_status: Option<String>,
    pub(super) body: Option<String>,
    /// `Some("")` where the field is there and empty: then it was decided that the text is no opt-out.
    pub(super) opt_out: Option<String>,
    pub(super) media: Option<u32>,
    pub(super) occurred_at: Option<Timestamp>,
    pub(super) labels: BTreeMap<String, String>,
}

impl Callback {
    pub(super) fn from_form(form: &Form) -> Self {
        let text = |name: &str| form.text(name);
        Self {
            account: text("AccountSid"),
            message: text("MessageSid").or_else(|| text("SmsSid")).or_else(|| text("SmsMessageSid")),
            status: text("MessageStatus").or_else(|| text("SmsStatus")),
            event_type: text("EventType"),
            from: text("From"),
            to: text("To"),
            channel_prefix: text("ChannelPrefix"),
            // Some products write "no error" as 0.
            error_code: text("ErrorCode").filter(|code| code != "0"),
            error_message: text("ErrorMessage"),
            channel_status: text("ChannelStatusMessage"),
            body: text("Body"),
            opt_out: form.first("OptOutType").map(ToOwned::to_owned),
            media: text("NumMedia").and_then(|count| count.parse().ok()),
            occurred_at: None,
            labels: BTreeMap::new(),
        }
    }

    /// From the `data` of a CloudEvent about a message that has reached `status`.
    pub(super) fn from_cloud_event(event: &Value, status: &str) -> Self {
        let text = |pointer: &str| json::text(event, pointer);
        Self {
            account: text("/data/accountSid"),
            message: text("/data/messageSid"),
            status: Some(status.to_owned()),
            event_type: None,
            from: text("/data/from"),
            to: text("/data/to"),
            channel_prefix: None,
            error_code: text("/data/errorCode").filter(|code| code != "0"),
            error_message: text("/data/errorMessage"),
            channel_status: None,
            body: text("/data/body"),
            opt_out: None,
            media: text("/data/numMedia").and_then(|count| count.parse().ok()),
            occurred_at: json::iso8601(event, "/data/timestamp").or_else(|| json::iso8601(event, "/time")),
            labels: event.pointer("/data/tags").map(labels_from_json).unwrap_or_default(),
        }
    }

    /// The channel, from the prefix of the addresses (`whatsapp:+1555…`); without any, SMS or MMS.
    pub(super) fn channel(&self) -> Channel {
        let addresses = [&self.to, &self.from].into_iter().flatten();
        let prefix = addresses
            .filter_map(|address| address.split_once(':'))
            .map(|(prefix, _)| prefix)
            .next()
            .or(self.channel_prefix.as_deref());
        match prefix.map(str::to_ascii_lowercase).as_deref() {
            Some("whatsapp") => Channel::Whatsapp,
            Some("rcs") => Channel::Rcs,
            Some("sms" | "tel") => Channel::Sms,
            None if self.to.is_some() || self.from.is_some() => Channel::Sms,
            _ => Channel::Other,
        }
    }

    pub(super) fn receiver(&self) -> Option<Address> {
        address(self.to.as_deref())
    }

    pub(super) fn sender(&self) -> Option<Address> {
        address(self.from.as_deref())
    }

    /// Whether a message came in. Inbound requests have no `MessageStatus`, only `SmsStatus=received`.
    pub(super) fn is_inbound(&self) -> bool {
        self.status.as_deref().is_some_and(|status| {
            status.eq_ignore_ascii_case("received") || status.eq_ignore_ascii_case("receiving")
        })
    }
}

fn address(text: Option<&str>) -> Option<Address> {
    Address::parse(text?).ok()
}

/// The parameters of a request that is not JSON; `None` where there are absurdly many.
pub(super) fn parameters(request: &Request<'_>) -> Option<Form> {
    let bytes = if Shape::of(request) == Shape::Query { request.query().as_bytes() } else { request.body };
    Form::urlencoded(bytes).ok()
}

/// Whether the request is a single inbound message, which is answered in a language of its own.
pub(super) fn is_inbound(request: &Request<'_>) -> bool {
    Shape::of(request) != Shape::Json
        && parameters(request).is_some_and(|form| Callback::from_form(&form).is_inbound())
}

/// Whether the query tells of a message.
pub(super) fn names_message(request: &Request<'_>) -> bool {
    ["MessageSid", "SmsSid", "SmsMessageSid"].iter().any(|name| request.query_value(name).is_some())
}

/// What the sender put into the query of the callback URL. In a `GET` the query holds Twilio's parameters too; all of
/// those begin with a capital letter.
pub(super) fn labels(request: &Request<'_>) -> BTreeMap<String, String> {
    let Ok(query) = Form::urlencoded(request.query().as_bytes()) else { return BTreeMap::new() };
    let shared = Shape::of(request) == Shape::Query;
    let mut labels = BTreeMap::new();
    for (name, value) in query.fields() {
        let theirs = name == "bodySHA256" || (shared && name.starts_with(|c: char| c.is_ascii_uppercase()));
        if !theirs && !name.is_empty() && name.len() <= Label::LONGEST_KEY {
            labels.entry(name.clone()).or_insert_with(|| json::cut(value).to_owned());
        }
    }
    labels
}
