//! Changes of Mandrill's own lists: the denylist, whose addresses are not sent to, and the allowlist, whose addresses are
//! never put on the denylist by a bounce.

use hearback_event::{Address, Channel, DedupKey, Event, Kind, ListAction, SuppressionChange};
use serde_json::Value;

use super::normalise::is_sample;
use crate::json::{self, epoch_seconds, first_text, text};

/// The event of a list entry. `list` is called by old and new names in Mandrill's documents.
pub(super) fn event(list: &str, value: &Value) -> Event {
    let allows = match list {
        "blacklist" | "denylist" => Some(false),
        "whitelist" | "allowlist" | "safelist" => Some(true),
        _ => None,
    };
    let kind = if allows.is_some() { Kind::SuppressionChanged } else { Kind::Unknown };
    let mut event = Event::new(kind, json::cut(list), Channel::Email, dedup(list, value));
    event.occurred_at = epoch_seconds(value, "/ts");
    event.recipient = email(value).and_then(|address| Address::parse(&address).ok());
    event.test = is_sample(None, &event);
    match allows {
        Some(allows) => event.suppression = Some(change(allows, value)),
        None => event.channel = Channel::Other,
    }
    event
}

fn change(allows: bool, value: &Value) -> SuppressionChange {
    let subaccount = || entry(value, "subaccount").map(|name| format!("subaccount:{name}"));
    SuppressionChange {
        action: match text(value, "/action").as_deref() {
            Some("add") => ListAction::Added,
            Some("remove") => ListAction::Removed,
            _ => ListAction::Changed,
        },
        reason: entry(value, "reason"),
        // Neither says that the address as a whole may or may not be sent to.
        scope: if allows { Some("allowlist".to_owned()) } else { subaccount() },
        by: None,
    }
}

/// The documents call the entry `reject` on both lists; on the allowlist another name would be no surprise.
fn entry(value: &Value, name: &str) -> Option<String> {
    first_text(value, &[&format!("/reject/{name}"), &format!("/entry/{name}")])
}

fn email(value: &Value) -> Option<String> {
    entry(value, "email")
}

fn dedup(list: &str, value: &Value) -> DedupKey {
    let action = text(value, "/action").unwrap_or_default();
    let ts = text(value, "/ts").unwrap_or_default();
    let of = |name| entry(value, name).unwrap_or_default();
    DedupKey::of(&[
        b"mandrill",
        b"sync",
        list.as_bytes(),
        action.as_bytes(),
        of("email").as_bytes(),
        ts.as_bytes(),
        of("reason").as_bytes(),
        of("subaccount").as_bytes(),
    ])
}
