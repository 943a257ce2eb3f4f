//! The one search box: what a text probably means.

use axum::extract::{RawQuery, State};
use hearback_event::{Address, EventId, Label, MessageId};

use crate::answer;
use crate::refusal::Outcome;
use crate::ui::{Parts, Ui};
use crate::url::{Query, segment};
use crate::visit::Visit;

/// What somebody looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sought {
    Event(EventId),
    Message(MessageId),
    /// By the provider's name for it: found already.
    Found(MessageId),
    Address(Address),
    Domain(String),
    Label(String, String),
    /// Nothing that can be looked for.
    Words(String),
}

/// Reads a text. A provider's id looks like an address: the store is asked which it is.
pub(crate) async fn understand(ui: &Parts, text: &str) -> Result<Sought, hearback_store::StoreError> {
    let text = text.trim();
    let sought = read(text);
    if matches!(sought, Sought::Words(_) | Sought::Address(_) | Sought::Domain(_))
        && let [one, ..] = ui.store.messages_by_provider_id(text.to_owned()).await?.as_slice()
    {
        return Ok(Sought::Found(one.id));
    }
    Ok(sought)
}

/// Reads a text by its looks.
pub(crate) fn read(text: &str) -> Sought {
    if let Ok(id) = text.parse::<EventId>() {
        return Sought::Event(id);
    }
    if let Ok(id) = text.parse::<MessageId>() {
        return Sought::Message(id);
    }
    if let Some((key, value)) = text.split_once('=')
        && !key.is_empty()
        && !value.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte))
        && Label::is_indexed(value)
    {
        return Sought::Label(key.trim().to_owned(), value.trim().to_owned());
    }
    let bare = text.strip_prefix('@').unwrap_or(text);
    if !bare.contains('@') && is_domain(bare) {
        return Sought::Domain(bare.to_lowercase());
    }
    match Address::parse(text) {
        Ok(address) if address.is_phone() || address.domain().is_some() => Sought::Address(address),
        _ => Sought::Words(text.to_owned()),
    }
}

fn is_domain(text: &str) -> bool {
    text.contains('.')
        && text.split('.').all(|part| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte >= 128)
        })
        && text
            .rsplit('.')
            .next()
            .is_some_and(|last| last.len() >= 2 && !last.bytes().all(|b| b.is_ascii_digit()))
}

/// `/search?q=...`: goes to what is meant.
pub(crate) async fn go(State(ui): State<Ui>, _visit: Visit, RawQuery(query): RawQuery) -> Outcome {
    let query = Query::parse(&query.unwrap_or_default());
    let text = query.get("q").unwrap_or_default();
    let to = match understand(&ui.0, text).await? {
        Sought::Event(id) => format!("/events?open={id}"),
        Sought::Message(id) | Sought::Found(id) => format!("/messages/{id}"),
        Sought::Address(address) => format!("/recipients/{}", segment(address.as_str())),
        Sought::Domain(domain) => Query::default().with("domain", domain).of("/events"),
        Sought::Label(key, value) => format!("/timelines/{}/{}", segment(&key), segment(&value)),
        Sought::Words(text) => Query::default().with("q", text).of("/events"),
    };
    Ok(answer::redirect(&to, []))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_understood() {
        let address = |text: &str| Sought::Address(Address::parse(text).unwrap());
        assert_eq!(read("Alice@Example.com"), address("alice@example.com"));
        assert_eq!(read("+44 7700 900142"), address("+447700900142"));
        assert_eq!(read("example.com"), Sought::Domain("example.com".to_owned()));
        assert_eq!(read("@Example.com"), Sought::Domain("example.com".to_owned()));
        assert_eq!(read("booking_id=42"), Sought::Label("booking_id".to_owned(), "42".to_owned()));
        assert!(matches!(read("hello there"), Sought::Words(_)));
        assert!(matches!(read("1.2.3.4"), Sought::Words(_)));
        assert!(matches!(read(""), Sought::Words(_)));
    }
}
