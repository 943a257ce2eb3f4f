//! The list webhook. Only what a recipient did himself is an opt-out or opt-in; everything else is a change of
//! Postmark's list that follows from another event or from an operator, and is not to be counted twice.

use hearback_event::{Event, Kind, ListAction, SuppressionChange};
use serde_json::Value;

use super::payload;
use crate::json;

/// Completes the event of a `SubscriptionChange` record; without `SuppressSending` it says nothing.
pub(super) fn fill(event: &mut Event, payload: &Value) {
    let suppressed = match json::text(payload, "/SuppressSending").as_deref() {
        Some("true") => true,
        Some("false") => false,
        _ => {
            event.error = Some("SuppressSending is neither true nor false".to_owned());
            return;
        }
    };
    let by_recipient = json::text(payload, "/Origin").as_deref() == Some("Recipient");
    let reason = json::text(payload, "/SuppressionReason");
    event.kind = match (suppressed, reason.as_deref()) {
        (true, Some("ManualSuppression")) if by_recipient => Kind::Unsubscribed,
        (false, _) if by_recipient => Kind::Subscribed,
        _ => Kind::SuppressionChanged,
    };
    event.suppression = Some(SuppressionChange {
        action: if suppressed { ListAction::Added } else { ListAction::Removed },
        // On the way off the list there is no reason; who did it says most.
        reason: reason.or_else(|| json::text(payload, "/Origin")),
        scope: payload::scope(payload),
        by: None,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rules() {
        let cases = [
            (json!(true), json!("ManualSuppression"), json!("Recipient"), Kind::Unsubscribed),
            (json!(true), json!("ManualSuppression"), json!("Customer"), Kind::SuppressionChanged),
            (json!(true), json!("ManualSuppression"), json!("Admin"), Kind::SuppressionChanged),
            (json!(true), json!("HardBounce"), json!("Recipient"), Kind::SuppressionChanged),
            (json!(true), json!("SpamComplaint"), json!("Recipient"), Kind::SuppressionChanged),
            (json!(true), json!(null), json!(null), Kind::SuppressionChanged),
            (json!(false), json!(null), json!("Recipient"), Kind::Subscribed),
            (json!(false), json!(null), json!("Customer"), Kind::SuppressionChanged),
            (json!(null), json!("ManualSuppression"), json!("Recipient"), Kind::Unknown),
            (json!("perhaps"), json!(null), json!("Recipient"), Kind::Unknown),
        ];
        for (suppress, reason, origin, kind) in cases {
            let payload = json!({"SuppressSending": suppress, "SuppressionReason": reason, "Origin": origin});
            let mut event = Event::default();
            fill(&mut event, &payload);
            assert_eq!(event.kind, kind, "{payload}");
            let action = match suppress {
                Value::Bool(true) => Some(ListAction::Added),
                Value::Bool(false) => Some(ListAction::Removed),
                _ => None,
            };
            assert_eq!(event.suppression.map(|change| change.action), action, "{payload}");
        }
    }

    #[test]
    fn only_other_streams_have_lists_of_their_own() {
        for (stream, scope) in [("outbound", None), ("broadcast", Some("broadcast"))] {
            let mut event = Event::default();
            fill(&mut event, &json!({"SuppressSending": true, "MessageStream": stream}));
            assert_eq!(event.suppression.unwrap().scope.as_deref(), scope);
        }
    }
}
