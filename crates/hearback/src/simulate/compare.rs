//! Comparing what was expected with what the API says. Pure.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::expected::{Expected, ExpectedMessage, ExpectedRecipient};
use super::verify::Standing;

/// Whether the source has told and refused exactly so much more than before.
pub(super) fn standing(before: &Standing, after: &Standing, expected: &Expected) -> Vec<String> {
    let kinds = expected.kinds.iter().map(|(kind, count)| (kind.name().to_owned(), *count)).collect();
    let refused = expected.refused.iter().map(|(cause, count)| ((*cause).to_owned(), *count)).collect();
    let mut differences = grown("events of type", &before.events, &after.events, &kinds);
    differences.extend(grown("refused requests of cause", &before.refused, &after.refused, &refused));
    differences
}

type Counts = std::collections::BTreeMap<String, u64>;

fn grown(what: &str, before: &Counts, after: &Counts, expected: &Counts) -> Vec<String> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).chain(expected.keys()).collect();
    let count = |counts: &Counts, name: &String| counts.get(name).copied().unwrap_or_default();
    names
        .into_iter()
        .filter_map(|name| {
            let (was, is) = (count(before, name), count(after, name));
            let wanted = count(expected, name);
            let difference = format!("{what} `{name}`: expected {wanted} more than {was}, found {is}");
            (is != was + wanted).then_some(difference)
        })
        .collect()
}

/// Whether a message stands where it must.
pub(super) fn message(name: &str, expected: &ExpectedMessage, found: Option<&Value>) -> Vec<String> {
    let Some(found) = found else { return vec![format!("message {name}: not found")] };
    let state = expected.state();
    let events = found.pointer("/events").and_then(Value::as_array);
    let events = events.map_or(0, |events| events.iter().filter(|event| is_told(event)).count());
    let wanted = [
        ("status", json!(state.status), found.pointer("/status").cloned()),
        ("implied", json!(state.implied), found.pointer("/implied").cloned()),
        ("recipient", json!(expected.recipient), found.pointer("/recipient").cloned()),
        ("events", json!(expected.events()), Some(json!(events))),
        ("opens by people", json!(state.opens.0), found.pointer("/opens/human").cloned()),
        ("opens by machines", json!(state.opens.1), found.pointer("/opens/machine").cloned()),
        ("clicks by people", json!(state.clicks.0), found.pointer("/clicks/human").cloned()),
        ("clicks by machines", json!(state.clicks.1), found.pointer("/clicks/machine").cloned()),
    ];
    differing(&format!("message {name}"), &wanted)
}

/// Whether a recipient's counters and status are right.
pub(super) fn recipient(name: &str, expected: &ExpectedRecipient, found: Option<&Value>) -> Vec<String> {
    let Some(found) = found else { return vec![format!("recipient {name}: not found")] };
    let counts = &expected.state.counts;
    let at = |pointer: &str| found.pointer(&format!("/counts/{pointer}")).cloned();
    let mut wanted = vec![
        ("queued", json!(counts.queued), at("queued")),
        ("sent", json!(counts.sent), at("sent")),
        ("delivered", json!(counts.delivered), at("delivered")),
        ("deferred", json!(counts.deferred), at("deferred")),
        ("bounced for good", json!(counts.bounced_permanent), at("bounced/permanent")),
        ("bounced for now", json!(counts.bounced_temporary), at("bounced/temporary")),
        ("rejected", json!(counts.rejected), at("rejected")),
        ("failed", json!(counts.failed), at("failed")),
        ("opened by people", json!(counts.opened_human), at("opened/human")),
        ("opened by machines", json!(counts.opened_machine), at("opened/machine")),
        ("clicked by people", json!(counts.clicked_human), at("clicked/human")),
        ("clicked by machines", json!(counts.clicked_machine), at("clicked/machine")),
        ("complained", json!(counts.complained), at("complained")),
        ("unsubscribed", json!(counts.unsubscribed), at("unsubscribed")),
        ("inbound", json!(counts.inbound), at("inbound")),
        ("other", json!(counts.other), at("other")),
    ];
    if expected.status_is_certain() {
        let reason = expected.state.suppression().map(|suppression| suppression.reason);
        wanted.push(("status", json!(expected.state.status()), found.pointer("/status").cloned()));
        let found = found.pointer("/suppression/reason").cloned();
        wanted.push(("suppression", json!(reason), Some(found.unwrap_or_default())));
    }
    differing(&format!("recipient {name}"), &wanted)
}

fn differing(what: &str, wanted: &[(&str, Value, Option<Value>)]) -> Vec<String> {
    wanted
        .iter()
        .filter(|(_, wanted, found)| found.as_ref() != Some(wanted))
        .map(|(field, wanted, found)| {
            let found = found.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string);
            format!("{what}: {field}: expected {wanted}, found {found}")
        })
        .collect()
}

/// Whether a provider told it: what Hearback itself adds (alerts, notices) was not simulated.
pub(super) fn is_told(event: &Value) -> bool {
    event.pointer("/origin").and_then(Value::as_str) != Some("hearback")
}

#[cfg(test)]
mod tests {
    use hearback_event::{Kind, Timestamp};

    use super::*;

    #[test]
    fn counts_must_have_grown_by_exactly_so_much() {
        let counts =
            |pairs: &[(&str, u64)]| pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let before = Standing { events: counts(&[("sent", 5)]), refused: counts(&[("stale", 1)]) };
        let after =
            Standing { events: counts(&[("sent", 8), ("opened", 1)]), refused: counts(&[("stale", 1)]) };
        let mut expected = Expected::default();
        expected.kinds.insert(Kind::Sent, 2);
        expected.refused.insert("bad_signature", 1);
        assert_eq!(
            standing(&before, &after, &expected),
            [
                "events of type `opened`: expected 0 more than 0, found 1",
                "events of type `sent`: expected 2 more than 5, found 8",
                "refused requests of cause `bad_signature`: expected 1 more than 0, found 0",
            ]
        );
    }

    #[test]
    fn every_wrong_field_of_a_recipient_is_named() {
        let mut expected = ExpectedRecipient::default();
        let fact = hearback_event::Fact {
            delay: 0,
            position: 1,
            kind: Kind::Bounced,
            occurred_at: Timestamp::EPOCH,
            flags: hearback_event::Fact::PERMANENT | hearback_event::Fact::BAD_ADDRESS,
            source: 1,
        };
        expected.add(&fact);
        let counted = |permanent: u64| {
            json!({"status": "suppressed", "suppression": {"reason": "bounced"}, "counts": {
                "queued": 0, "sent": 0, "delivered": 0, "deferred": 0, "rejected": 0, "failed": 0, "complained": 0,
                "unsubscribed": 0, "inbound": 0, "other": 0, "bounced": {"permanent": permanent, "temporary": 0},
                "opened": {"human": 0, "machine": 0}, "clicked": {"human": 0, "machine": 0}}})
        };
        assert_eq!(recipient("a", &expected, Some(&counted(1))), Vec::<String>::new());
        assert_eq!(
            recipient("a", &expected, Some(&counted(2))),
            ["recipient a: bounced for good: expected 1, found 2"]
        );
        assert_eq!(recipient("a", &expected, None), ["recipient a: not found"]);
    }
}
