//! Twilio's error codes of messages: the words are those of its public list; severity and reason are our reading.

use hearback_event::Reason::{
    self, Auth, Blocked, Carrier, Content, InvalidRecipient, Other, Policy, Spam, Timeout, Unsubscribed,
};
use hearback_event::Severity::{self, Permanent, Temporary};

/// What a code means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meaning {
    /// In words.
    pub(super) words: &'static str,
    /// Whether trying again can help.
    pub(super) severity: Severity,
    /// The cause.
    pub(super) reason: Reason,
}

/// What `code` means, where it is listed.
pub(super) fn meaning(code: &str) -> Option<Meaning> {
    let code: u32 = code.parse().ok()?;
    CODES.iter().find(|row| row.0 == code).map(|row| Meaning { words: row.3, severity: row.1, reason: row.2 })
}

/// Code, severity, reason, words.
#[rustfmt::skip]
const CODES: &[(u32, Severity, Reason, &str)] = &[
    (21211, Permanent, InvalidRecipient, "Invalid To number"),
    (21212, Permanent, Auth, "From number not usable"),
    (21408, Permanent, Policy, "Region not enabled"),
    (21602, Permanent, Content, "Message body missing"),
    (21606, Permanent, Auth, "From number not usable"),
    (21608, Permanent, Policy, "Trial account: To number not verified"),
    (21610, Permanent, Unsubscribed, "Recipient opted out"),
    (21611, Temporary, Policy, "Queue of the From number is full"),
    (21612, Permanent, Carrier, "To number not reachable by SMS from this From number"),
    (21614, Permanent, InvalidRecipient, "To number is not a mobile number"),
    (21617, Permanent, Content, "Message body too long"),
    (21620, Permanent, Content, "Bad media URL"),
    (21703, Permanent, Auth, "Messaging Service has no usable sender"),
    (30001, Temporary, Policy, "Queue overflow"),
    (30002, Permanent, Auth, "Account suspended"),
    (30003, Temporary, Other, "Unreachable handset"),
    (30004, Permanent, Blocked, "Message blocked"),
    (30005, Permanent, InvalidRecipient, "Unknown handset"),
    (30006, Permanent, InvalidRecipient, "Landline or unreachable carrier"),
    (30007, Permanent, Spam, "Filtered by Twilio or the carrier"),
    (30008, Temporary, Carrier, "Unknown error"),
    (30009, Temporary, Carrier, "Missing inbound segment"),
    (30010, Permanent, Policy, "Price above MaxPrice"),
    (30011, Permanent, Carrier, "MMS not supported by the number in this region"),
    (30012, Permanent, Content, "TTL too small"),
    (30013, Permanent, Content, "TTL too big"),
    (30014, Permanent, InvalidRecipient, "To attributes or channel invalid or incompatible"),
    (30015, Permanent, InvalidRecipient, "To attributes or channel invalid or incompatible"),
    (30016, Permanent, InvalidRecipient, "To attributes or channel invalid or incompatible"),
    (30017, Temporary, Carrier, "Carrier network congestion"),
    (30018, Permanent, Auth, "Sender id must be registered"),
    (30019, Permanent, Content, "Content size over the carrier's limit"),
    (30020, Temporary, Other, "Internal failure"),
    (30021, Temporary, Other, "Internal failure"),
    (30022, Temporary, Policy, "A2P 10DLC rate limit"),
    (30023, Temporary, Policy, "Daily cap reached"),
    (30024, Permanent, Auth, "Sender id not provisioned"),
    (30025, Temporary, Policy, "Half of the daily cap reached"),
    (30026, Temporary, Policy, "70 % of the daily cap reached"),
    (30027, Temporary, Policy, "Daily cap reached"),
    (30032, Permanent, Auth, "Toll-free number not verified"),
    (30033, Permanent, Auth, "10DLC campaign suspended"),
    (30034, Permanent, Auth, "10DLC: unregistered number"),
    (30035, Temporary, Auth, "10DLC: number still being set up"),
    (30036, Temporary, Timeout, "Validity period expired"),
    (30410, Temporary, Timeout, "Provider timeout"),
    (30450, Temporary, Blocked, "Destination temporarily blocked"),
    (63001, Permanent, Auth, "Channel authentication failed"),
    (63003, Permanent, InvalidRecipient, "Channel could not find the To address"),
    (63005, Permanent, Content, "Channel did not accept the content"),
    (63006, Permanent, Content, "Channel could not format the content"),
    (63007, Permanent, Auth, "From channel not found"),
    (63010, Temporary, Other, "Channel internal error"),
    (63012, Temporary, Other, "Channel internal error"),
    (63013, Permanent, Policy, "Channel policy violation"),
    (63015, Permanent, Policy, "Sandbox not joined"),
    (63016, Permanent, Policy, "Outside the 24-hour window: a template is needed"),
    (63018, Temporary, Policy, "Rate limit"),
    (63019, Permanent, Content, "Media failed to download"),
    (63020, Permanent, Auth, "Business account problem"),
    (63021, Permanent, Content, "Channel: invalid content"),
    (63023, Temporary, Other, "Channel generic error"),
    (63024, Permanent, InvalidRecipient, "Invalid recipient"),
    (63027, Permanent, Content, "Template missing"),
    (63028, Permanent, Content, "Wrong number of template parameters"),
    (63030, Permanent, Content, "Content not accepted"),
    (63032, Permanent, Policy, "WhatsApp limitation for this user"),
    (63033, Permanent, Blocked, "Recipient blocked"),
    (63038, Temporary, Policy, "Daily limit"),
    (63049, Temporary, Policy, "WhatsApp marketing limit: not delivered"),
    (63051, Permanent, Auth, "Business account locked"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_listed_once_and_in_order() {
        assert!(CODES.is_sorted_by(|left, right| left.0 < right.0));
        assert_eq!(CODES.len(), 71);
        assert!(meaning("30003").is_some() && meaning("39999").is_none() && meaning("x").is_none());
    }
}
