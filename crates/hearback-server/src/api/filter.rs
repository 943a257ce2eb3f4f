//! The filters of event lists.

use std::str::FromStr;

use hearback_event::{Address, Channel, Kind, Label, Reason, Timestamp, UnknownName};
use hearback_store::{EventFilter, Order};

use super::cursor::Scope;
use super::params::{Params, parse};
use crate::problem::{Outcome, Problem};

/// Most labels of one filter.
const LABELS_MAX: usize = 16;
const MOMENT: &str = "a moment such as 2026-11-20T10:00:00Z";

/// The filter that the parameters name.
pub(super) fn read(params: &Params) -> Outcome<EventFilter> {
    let text = |name: &str| params.one(name).map(|value| value.map(str::to_owned));
    let (since, until) = span(params)?;
    Ok(EventFilter {
        kinds: kinds(params, "type")?,
        source: text("source")?,
        provider: text("provider")?,
        recipient: recipient(params)?,
        recipients: Vec::new(),
        domain: params.one("domain")?.map(str::to_lowercase),
        messages: params.parsed("message", "the id of a message, msg_...")?.into_iter().collect(),
        labels: labels(params)?,
        tag: text("tag")?,
        severity: params.parsed("severity", "permanent or temporary")?,
        reasons: words(params, "reason", Reason::ALL.iter().map(|reason| reason.name()))?,
        since,
        until,
    })
}

/// The recipient that is asked for.
pub(super) fn recipient(params: &Params) -> Outcome<Option<Address>> {
    params.parsed("recipient", "an e-mail address or a number such as +15551234567")
}

/// `since` and `until`, as far as they are said.
pub(super) fn span(params: &Params) -> Outcome<(Option<Timestamp>, Option<Timestamp>)> {
    let moment = |name: &str| params.parsed::<Timestamp>(name, MOMENT);
    let (since, until) = (moment("since")?, moment("until")?);
    if let (Some(first), Some(end)) = (since, until)
        && first >= end
    {
        return Err(Problem::bad_field("until", "a moment after `since`", "`until` is not after `since`"));
    }
    Ok((since, until))
}

/// `newest` or `oldest`, if it is said.
pub(super) fn order(params: &Params) -> Outcome<Option<Order>> {
    match params.one("order")? {
        None => Ok(None),
        Some("newest") => Ok(Some(Order::Newest)),
        Some("oldest") => Ok(Some(Order::Oldest)),
        Some(_) => {
            Err(Problem::bad_field("order", "newest or oldest", "`order` is neither `newest` nor `oldest`"))
        }
    }
}

/// The types of events that a parameter names.
pub(super) fn kinds(params: &Params, parameter: &str) -> Outcome<Vec<Kind>> {
    several(params, parameter, Kind::parse, Kind::ALL.iter().map(|kind| kind.name()))
}

/// The words of a vocabulary that a parameter names, each once.
pub(super) fn words<T: FromStr<Err = UnknownName> + PartialEq>(
    params: &Params,
    parameter: &str,
    known: impl Iterator<Item = &'static str> + Clone,
) -> Outcome<Vec<T>> {
    several(params, parameter, str::parse, known)
}

/// The channel that is asked for.
pub(super) fn channel(params: &Params) -> Outcome<Option<Channel>> {
    let known = || Channel::ALL.iter().map(|channel| channel.name());
    let read = |name: &str| name.parse().map_err(|error| bad_word("channel", &error, known()));
    params.one("channel")?.map(read).transpose()
}

/// Values of a parameter that may be given several times, and with commas.
fn several<T: PartialEq>(
    params: &Params,
    name: &str,
    parse: impl Fn(&str) -> Result<T, UnknownName>,
    known: impl Iterator<Item = &'static str> + Clone,
) -> Outcome<Vec<T>> {
    let mut values = Vec::new();
    for word in params.all(name).flat_map(|value| value.split(',')) {
        let value = parse(word.trim()).map_err(|error| bad_word(name, &error, known.clone()))?;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    Ok(values)
}

fn bad_word(name: &str, error: &UnknownName, known: impl Iterator<Item = &'static str>) -> Problem {
    let expected = format!("one or more of {}", known.collect::<Vec<_>>().join(", "));
    Problem::bad_field(name, expected, format!("`{name}`: {error}"))
}

pub(super) fn labels(params: &Params) -> Outcome<Vec<(String, String)>> {
    let split = |text: &str| match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => label(key, value),
        _ => Err(Problem::bad_field(
            "label",
            "key=value, such as booking_id=42",
            "`label` has the form key=value: label=booking_id=42",
        )),
    };
    let labels: Vec<_> = params.all("label").map(split).collect::<Outcome<_>>()?;
    if labels.len() > LABELS_MAX {
        let detail = format!("`label` is given {} times; expected at most {LABELS_MAX}", labels.len());
        return Err(Problem::bad_field("label", format!("at most {LABELS_MAX} labels"), detail));
    }
    Ok(labels)
}

/// A label that can be asked for.
pub(super) fn label(key: &str, value: &str) -> Outcome<(String, String)> {
    if !Label::is_indexed(value) {
        let detail = "nested JSON and values of more than 256 bytes are kept but cannot be asked for";
        let expected = format!("a text of at most {} bytes", Label::LONGEST_INDEXED_VALUE);
        return Err(Problem::bad_field("label", expected, detail));
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// The id of a message in a path.
pub(super) fn id<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str, expected: &str) -> Outcome<T> {
    parse("id", text, expected)
}

/// What a cursor of this filter and order belongs to. Explicit, so that it stays the same over versions.
///
/// Of a user, what he is called belongs to it, and not the addresses that he has today.
pub(super) fn scope(filter: &EventFilter, user_id: Option<&str>, order: Order) -> Scope {
    let mut parts = vec!["events".to_owned(), format!("order={order:?}")];
    let mut add =
        |name: &str, value: Option<String>| parts.extend(value.map(|value| format!("{name}={value}")));
    for kind in Kind::ALL.iter().filter(|kind| filter.kinds.contains(kind)) {
        add("type", Some(kind.to_string()));
    }
    add("source", filter.source.clone());
    add("provider", filter.provider.clone());
    add("recipient", filter.recipient.as_ref().map(Address::to_string));
    add("user_id", user_id.map(str::to_owned));
    add("domain", filter.domain.clone());
    for id in &filter.messages {
        add("message", Some(id.to_string()));
    }
    let mut labels: Vec<String> = filter.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    labels.sort();
    for label in labels {
        add("label", Some(label));
    }
    add("tag", filter.tag.clone());
    add("severity", filter.severity.map(|severity| severity.to_string()));
    for reason in Reason::ALL.iter().filter(|reason| filter.reasons.contains(reason)) {
        add("reason", Some(reason.to_string()));
    }
    add("since", filter.since.map(|moment| moment.to_string()));
    add("until", filter.until.map(|moment| moment.to_string()));
    Scope::of(&parts.iter().map(String::as_str).collect::<Vec<_>>())
}
