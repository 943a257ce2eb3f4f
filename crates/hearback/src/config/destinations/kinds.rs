//! What each kind of destination reads of its table.

use hearback_deliver::{Carrier, Guard, SigningKey, Webhook, WebhookOptions, parse_url};
use reqwest::Url;
use reqwest::header::HeaderMap;

use super::super::node::{Node, Value};
use super::super::section::{Section, join};
use super::super::{Inputs, parse};
use super::guard;

/// A kind of destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Webhook,
}

const KINDS: &[(&str, Kind)] = &[("webhook", Kind::Webhook)];
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
    if kind != Kind::Webhook {
        return 1;
    }
    let place = section.place_of("batch");
    let batch = section.number("batch", 1..=BATCH_MAX).unwrap_or(1) as usize;
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
    _inputs: &Inputs,
    unresolved: &[String],
) -> Option<Box<dyn Carrier>> {
    match kind {
        Kind::Webhook => webhook(batches, section, unresolved),
    }
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
