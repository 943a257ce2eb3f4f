//! Telling what was sent and what must be found.

use std::collections::BTreeMap;
use std::fmt;

use hearback_event::RecipientStatus;
use serde::Serialize;
use serde_json::{Value, json};

use super::expected::Expected;
use super::send::Tally;

/// Everything that a run has to tell.
#[derive(Serialize)]
pub(crate) struct Report<'a> {
    /// The source that was sent to.
    pub(crate) source: &'a str,
    /// Its provider.
    pub(crate) provider: &'a str,
    /// Where it is.
    pub(crate) url: &'a str,
    /// With this seed the same things happen again, to messages of other names.
    pub(crate) seed: u64,
    /// What was sent and answered.
    pub(crate) sent: &'a Tally,
    /// What must be found.
    #[serde(serialize_with = "expected_json")]
    pub(crate) expected: &'a Expected,
    /// What was found to be other than expected; none where nobody looked.
    pub(crate) differences: Option<Vec<String>>,
}

impl Report<'_> {
    /// Whether everything is as it must be, as far as was looked.
    pub(crate) fn is_clean(&self) -> bool {
        self.sent.unexpected.is_empty()
            && self.expected.contradictions.is_empty()
            && self.differences.as_ref().is_none_or(Vec::is_empty)
    }
}

/// The report for people.
impl fmt::Display for Report<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sent, expected) = (self.sent, self.expected);
        writeln!(
            out,
            "Sent {} requests in {:.1} s to {} ({}, seed {})",
            sent.requests(),
            sent.seconds,
            self.url,
            self.provider,
            self.seed
        )?;
        for (role, answers) in &sent.answers {
            let answers: Vec<String> =
                answers.iter().map(|(status, count)| format!("{count} × {status}")).collect();
            writeln!(out, "  {role:<14} {}", answers.join(", "))?;
        }
        if sent.sent_again > 0 {
            writeln!(out, "  {} of them were sent again because the server was busy", sent.sent_again)?;
        }
        if sent.left_out > 0 {
            writeln!(out, "  {} left out: this scheme leaves no way to spoil them so", sent.left_out)?;
        }
        for (what, count) in &sent.unexpected {
            writeln!(out, "  unexpected: {count} × {what}")?;
        }
        if !sent.unexpected.is_empty() {
            writeln!(
                out,
                "  Does the server run with this configuration: same keys, same public URL, same mode?"
            )?;
        }
        for line in &expected.contradictions {
            writeln!(out, "  the provider's own code disagrees with itself: {line}")?;
        }
        writeln!(out, "\nWhat must be found there now")?;
        writeln!(out, "  {:<14} {} new: {}", "events", expected.events(), counted(&expected.kinds))?;
        writeln!(out, "  {:<14} {}: {}", "messages", expected.messages.len(), counted(&expected.statuses()))?;
        writeln!(
            out,
            "  {:<14} {}: {}",
            "recipients",
            expected.recipients.len(),
            counted(&recipient_statuses(expected))
        )?;
        writeln!(out, "  {:<14} {}", "timelines", expected.bookings.len())?;
        if !expected.refused.is_empty() {
            writeln!(out, "  {:<14} {}", "quarantine", counted(&expected.refused))?;
        }
        self.write_looks(out)?;
        self.write_differences(out)
    }
}

impl Report<'_> {
    /// What to type to see for oneself.
    fn write_looks(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(message) = self.expected.messages.values().max_by_key(|message| message.events()) else {
            return Ok(());
        };
        writeln!(out, "\nTo look at it")?;
        writeln!(out, "  hearback message {}", message.provider_id)?;
        if let Some(recipient) = &message.recipient {
            writeln!(out, "  hearback recipient {recipient}")?;
        }
        if let Some(booking) = self.expected.bookings.keys().next() {
            writeln!(out, "  hearback timeline {}={booking}", super::BOOKING)?;
        }
        if !self.expected.refused.is_empty() {
            writeln!(out, "  hearback quarantine list")?;
        }
        Ok(())
    }

    fn write_differences(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.differences {
            None => Ok(()),
            Some(differences) if differences.is_empty() => {
                writeln!(out, "\nVerified: everything is there, once, and stands where it must.")
            }
            Some(differences) => {
                writeln!(out, "\n{} differences", differences.len())?;
                differences.iter().try_for_each(|difference| writeln!(out, "  {difference}"))
            }
        }
    }
}

fn counted<K: fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    let parts: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

/// How many recipients are in which state, as far as that is certain.
fn recipient_statuses(expected: &Expected) -> BTreeMap<RecipientStatus, u64> {
    let mut statuses = BTreeMap::new();
    for recipient in expected.recipients.values().filter(|recipient| recipient.status_is_certain()) {
        *statuses.entry(recipient.state.status()).or_default() += 1;
    }
    statuses
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference to the field")]
fn expected_json<S: serde::Serializer>(expected: &&Expected, serializer: S) -> Result<S::Ok, S::Error> {
    let messages: Vec<Value> = expected
        .messages
        .iter()
        .map(|(id, message)| {
            json!({
                "id": id, "provider_id": message.provider_id, "recipient": message.recipient,
                "status": message.state().status, "events": message.events(),
            })
        })
        .collect();
    let recipients: Vec<Value> = expected
        .recipients
        .iter()
        .map(|(address, recipient)| {
            let status = recipient.status_is_certain().then(|| recipient.state.status());
            json!({"address": address, "status": status, "counts": recipient.state.counts})
        })
        .collect();
    json!({
        "events": expected.events(),
        "kinds": named(&expected.kinds),
        "unknown": expected.unknown(),
        "messages": messages,
        "recipients": recipients,
        "timelines": expected.bookings,
        "quarantine": expected.refused,
        "contradictions": expected.contradictions,
    })
    .serialize(serializer)
}

fn named<K: fmt::Display>(counts: &BTreeMap<K, u64>) -> BTreeMap<String, u64> {
    counts.iter().map(|(name, count)| (name.to_string(), *count)).collect()
}
