//! What each kind of destination reads of its table.

use hearback_deliver::{
    Carrier, Email, Guard, Lines, LinesOptions, Pages, SigningKey, Slack, Sms, SmsOptions, Stdout, Webhook,
    WebhookOptions, parse_url,
};
#[cfg(feature = "nats")]
use hearback_deliver::{Nats, NatsOptions};
use hearback_event::Address;
use reqwest::Url;
use reqwest::header::HeaderMap;

use super::super::node::{Node, Value};
use super::super::section::{Section, join};
use super::super::{Inputs, Place, parse};
use super::guard;

/// A kind of destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Webhook,
    Slack,
    Sms,
    Email,
    Nats,
    File,
    Stdout,
}

const KINDS: &[(&str, Kind)] = &[
    ("webhook", Kind::Webhook),
    ("slack", Kind::Slack),
    ("sms", Kind::Sms),
    ("email", Kind::Email),
    ("nats", Kind::Nats),
    ("file", Kind::File),
    ("stdout", Kind::Stdout),
];
/// Where Twilio is.
const TWILIO: &str = "https://api.twilio.com/";
/// A file is turned over at this size.
const ROTATE_AT: u64 = 64 << 20;
/// Old files that are kept.
const KEEP: u32 = 10;
/// Most events of one request.
const BATCH_MAX: u64 = 1000;

pub(super) fn kind_of(section: &mut Section<'_>) -> Option<Kind> {
    if !section.has("kind") {
        let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        let place = section.place.clone();
        section.report().problem(&place, format!("`kind` is missing; it is one of {}", join(&names)));
    }
    section.text("kind", |text| parse::word(text, KINDS)).map(|(kind, _)| kind)
}

/// How many events go together.
pub(super) fn batch(kind: Kind, ordered: bool, section: &mut Section<'_>) -> usize {
    let default = match kind {
        Kind::Slack | Kind::Sms | Kind::Email | Kind::Nats => return 1,
        Kind::Webhook => 1,
        Kind::File | Kind::Stdout if ordered => 1,
        // What is written together is synced together.
        Kind::File | Kind::Stdout => 100,
    };
    let place = section.place_of("batch");
    let batch = section.number("batch", 1..=BATCH_MAX).unwrap_or(default) as usize;
    if batch > 1 && ordered {
        let message = "`batch` and `ordered` exclude each other: of a batch that fails, some events may have been taken";
        section.report().problem(&place, message);
    }
    batch
}

pub(super) fn carrier(
    kind: Kind,
    batches: bool,
    section: &mut Section<'_>,
    inputs: &Inputs,
    pages: &Pages,
    unresolved: &[String],
) -> Option<Box<dyn Carrier>> {
    match kind {
        Kind::Webhook => webhook(batches, section, unresolved),
        Kind::Slack => slack(section, pages, unresolved),
        Kind::Sms => sms(section, unresolved),
        Kind::Email => email(section, pages, unresolved),
        Kind::Nats => nats(section, unresolved),
        Kind::File => file(section, inputs),
        Kind::Stdout => Some(Box::new(Stdout)),
    }
}

fn slack(section: &mut Section<'_>, pages: &Pages, unresolved: &[String]) -> Option<Box<dyn Carrier>> {
    let guard = guard(section);
    let url = url(section, &guard, unresolved)?;
    made(Slack::new(url, guard).map(|slack| slack.with_pages(pages.clone())), section)
}

fn sms(section: &mut Section<'_>, unresolved: &[String]) -> Option<Box<dyn Carrier>> {
    let guard = guard(section);
    let base = section.text("base_url", |text| parse_url(text, &guard)).map(|(url, _)| url);
    let base = base.or_else(|| TWILIO.parse().ok());
    let mut text = |name: &'static str, what: &str| needed(section, name, what, unresolved);
    let account_sid = text("account_sid", "the account, AC...");
    let auth_token = text("auth_token", "the account's token");
    let from = text("from", "a number of yours such as +15551234567, or a messaging service MG...");
    let to = needed(section, "to", "the number that texts go to, such as +15557654321", unresolved);
    let to = to.and_then(|(to, place)| {
        let address = Address::parse(&to).ok().filter(|address| address.as_str().starts_with('+'));
        if address.is_none() {
            let message = "`to`: expected a phone number in international form, such as +15557654321";
            section.report().problem(&place, message);
        }
        address
    });
    let options = SmsOptions {
        base: base?,
        account_sid: account_sid?.0,
        auth_token: auth_token?.0,
        from: from?.0,
        to: to?,
        guard,
    };
    made(Sms::new(options), section)
}

fn email(section: &mut Section<'_>, pages: &Pages, unresolved: &[String]) -> Option<Box<dyn Carrier>> {
    let url = needed(
        section,
        "url",
        "the mail server, such as \"env:SMTP_URL\" with smtps://user:password@host",
        unresolved,
    );
    let from = needed(section, "from", "the sender, such as Hearback <hearback@example.com>", unresolved);
    let to = section.list("to", |text| Ok(text.to_owned()));
    if to.is_empty() {
        let place = section.place.clone();
        section.report().problem(&place, "`to` is missing: the addresses that mails go to");
        return None;
    }
    let to: Vec<String> = to.into_iter().map(|(to, _)| to).collect();
    made(Email::new(&url?.0, &from?.0, &to).map(|email| email.with_pages(pages.clone())), section)
}

#[cfg(feature = "nats")]
fn nats(section: &mut Section<'_>, unresolved: &[String]) -> Option<Box<dyn Carrier>> {
    let url = needed(section, "url", "the server, such as nats://127.0.0.1:4222", unresolved);
    let subject = section.text("subject", |text| Ok(text.trim().to_owned())).map(|(subject, _)| subject);
    let stream = section.text("stream", |text| Ok(text.trim().to_owned())).map(|(stream, _)| stream);
    let subject = subject.unwrap_or_else(|| "hearback.events".to_owned());
    made(Nats::new(NatsOptions { url: url?.0, subject, stream }), section)
}

#[cfg(not(feature = "nats"))]
fn nats(section: &mut Section<'_>, _unresolved: &[String]) -> Option<Box<dyn Carrier>> {
    let message =
        "this program was built without NATS; build it with `cargo build --release --features nats`";
    let place = section.place_of("url");
    section.report().problem(&place, message);
    for name in ["url", "subject", "stream"] {
        drop(section.take(name));
    }
    None
}

/// Whether events of this kind's own messages may come back as webhooks, and would be pushed, and so on without end.
pub(super) fn can_feed_itself(kind: Kind) -> bool {
    matches!(kind, Kind::Sms | Kind::Email)
}

fn file(section: &mut Section<'_>, inputs: &Inputs) -> Option<Box<dyn Carrier>> {
    let path = needed(
        section,
        "path",
        "the file, such as \"events.ndjson\"; a relative path lies in the data folder",
        &[],
    );
    let bytes_max = section.size("rotate_at", parse::size).map_or(ROTATE_AT, |bytes| bytes as u64);
    let keep = section.number("keep", 0..=1000).map_or(KEEP, |keep| keep as u32);
    let path = inputs.data_folder().join(path?.0);
    Some(Box::new(Lines::new(LinesOptions { path, bytes_max, keep })))
}

/// A text that must be there and must not be empty.
fn needed(
    section: &mut Section<'_>,
    name: &'static str,
    what: &str,
    unresolved: &[String],
) -> Option<(String, Place)> {
    if !section.has(name) {
        if !unresolved.iter().any(|path| path == name) {
            let place = section.place.clone();
            section.report().problem(&place, format!("`{name}` is missing: {what}"));
        }
        // So that it is known as a name.
        drop(section.take(name));
        return None;
    }
    section.text(name, |text| match text.trim() {
        "" => Err(format!("is empty: {what}")),
        text => Ok(text.to_owned()),
    })
}

fn webhook(batches: bool, section: &mut Section<'_>, unresolved: &[String]) -> Option<Box<dyn Carrier>> {
    let guard = guard(section);
    let url = url(section, &guard, unresolved);
    let has_secrets = section.has("secrets") || unresolved.iter().any(|path| path.starts_with("secrets"));
    let keys: Vec<SigningKey> =
        section.list("secrets", SigningKey::parse).into_iter().map(|(key, _)| key).collect();
    if !has_secrets {
        let message = "without `secrets` requests are not signed, and the receiver cannot tell them from forged ones; write \
                       secrets = [\"whsec_...\"] with what `openssl rand -base64 32` prints";
        let place = section.place.clone();
        section.report().warning(&place, message);
    }
    let headers = headers(section);
    let options = WebhookOptions { url: url?, keys, headers, guard, batches };
    made(Webhook::new(options), section)
}

/// The URL that is pushed to.
fn url(section: &mut Section<'_>, guard: &Guard, unresolved: &[String]) -> Option<Url> {
    if !section.has("url") && !unresolved.iter().any(|path| path == "url") {
        let place = section.place.clone();
        section.report().problem(&place, "`url` is missing: where events are posted to");
    }
    let (url, place) = section.text("url", |text| parse_url(text, guard))?;
    if parse::is_clear_text(url.as_str()) {
        let message = "`url` is not encrypted: whoever is on the way reads the events; use https://";
        section.report().warning(&place, message);
    }
    Some(url)
}

fn headers(section: &mut Section<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(Node { place, value }) = section.take("headers") else { return headers };
    let Value::Table(table) = value else {
        let message = "`headers`: expected a table such as { Authorization = \"env:CRM_TOKEN\" }";
        section.report().problem(&place, message);
        return headers;
    };
    for (name, entry) in table.iter() {
        let Value::Text(text) = &entry.node.value else {
            let message =
                format!("`headers.{name}`: expected text in quotes, found {}", entry.node.value.kind());
            section.report().problem(&entry.node.place, message);
            continue;
        };
        match Webhook::header(name, text) {
            Ok((name, value)) => drop(headers.append(name, value)),
            Err(message) => section.report().problem(&entry.name_at, format!("`headers`: {message}")),
        }
    }
    headers
}

/// A carrier, or the complaint that there can be none.
fn made<C: Carrier + 'static, E: std::fmt::Display>(
    carrier: Result<C, E>,
    section: &mut Section<'_>,
) -> Option<Box<dyn Carrier>> {
    match carrier {
        Ok(carrier) => Some(Box::new(carrier)),
        Err(error) => {
            let place = section.place.clone();
            section.report().problem(&place, error.to_string());
            None
        }
    }
}
