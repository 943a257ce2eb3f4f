//! What the sender is answered.

use std::ops::RangeInclusive;

use super::table::{Problems, Table};
use crate::{Contract, Reply};

/// The answers of one endpoint.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    pub(super) success: Reply,
    pub(super) contract: Option<Contract>,
}

/// Content types that may be configured. HTML is not among them: an echo of the sender's text must not be a page.
const CONTENT_TYPES: &[(&str, &str)] = &[
    ("text/plain", "text/plain"),
    ("application/json", "application/json"),
    ("text/xml", "text/xml"),
    ("application/xml", "application/xml"),
];

/// Reads `content_type` or the like; the first of the list where it is not set.
pub(super) fn content_type(
    table: &mut Table,
    name: &'static str,
    problems: &mut Problems,
) -> Option<&'static str> {
    table.choice(name, CONTENT_TYPES, problems)
}

impl Answers {
    pub(super) fn read(table: &mut Table, contract: &Contract, problems: &mut Problems) -> Self {
        let accepted = status(table, "success_status", 200..=299, contract.accepted, problems);
        let refused = status(table, "reject_status", 400..=499, contract.refused, problems);
        let try_again = status(table, "retry_status", 429..=599, contract.try_again, problems);
        if matches!(refused, 404 | 406 | 410) {
            problems.error(
                "reject_status",
                "senders take 404, 406 and 410 as a reason to stop for good; use another",
            );
        }
        if (430..500).contains(&try_again) {
            problems.error(
                "retry_status",
                "expected 429 or 500 to 599: the status on which the sender tries again",
            );
        }
        let body = table.text("success_body", problems);
        let kind = content_type(table, "success_content_type", problems);
        let success = match body {
            None => Reply { status: accepted, ..Reply::success() },
            Some(text) => {
                let content_type = kind.filter(|_| !text.is_empty());
                Reply { status: accepted, content_type, body: text.into_bytes() }
            }
        };
        let own = Contract { accepted, refused, try_again, rate_limited: try_again, ..*contract };
        let differs =
            (accepted, refused, try_again) != (contract.accepted, contract.refused, contract.try_again);
        Self { success, contract: differs.then_some(own) }
    }
}

fn status(
    table: &mut Table,
    name: &'static str,
    range: RangeInclusive<u64>,
    default: u16,
    problems: &mut Problems,
) -> u16 {
    let found = table.integer(name, range, problems).and_then(|status| u16::try_from(status).ok());
    found.unwrap_or(default)
}
