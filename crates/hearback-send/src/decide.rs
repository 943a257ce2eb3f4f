//! What to do with an order, by what is known of its message.

use std::time::Duration;

use hearback_event::{Failure, Sending, SendingEnd, Timestamp, is_final};

use crate::order::Outcome;

/// What bears on the decision besides what is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    pub(crate) now: Timestamp,
    /// When the caller asked. What was tried since is an answer to him, too.
    pub(crate) asked_at: Timestamp,
    /// Whether something is known of the message at all.
    pub(crate) is_known: bool,
    /// For so long another process may be at it; `None` where there is no other.
    pub(crate) others_take: Option<Duration>,
    /// For so long repeats are sent once, by the provider's word.
    pub(crate) repeats_safely_for: Option<u32>,
    /// The caller wants it sent though it may have been.
    pub(crate) retry_unknown: bool,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum Next {
    /// Begin an attempt. `insisted` where the message may be registered already.
    Begin { attempt: u32, insisted: bool, refusals: u32 },
    /// Look again a little later: another process is at it.
    Wait,
    /// Tell what is known.
    Tell { attempt: u32, outcome: Outcome },
}

pub(crate) fn next(sending: Option<Sending>, around: Circumstances) -> Next {
    let Some(sending) = sending else {
        return match around.is_known {
            true if !around.retry_unknown => Next::Tell { attempt: 0, outcome: Outcome::RegisteredOnly },
            insisted => Next::Begin { attempt: 1, insisted, refusals: 0 },
        };
    };
    let Sending { attempt, refusals, first_begun_at, begun_at, ended_at, end } = sending;
    let again = Next::Begin { attempt: attempt + 1, insisted: true, refusals };
    match end {
        SendingEnd::Accepted(provider_message_id) => {
            Next::Tell { attempt, outcome: Outcome::Accepted { provider_message_id } }
        }
        SendingEnd::Refused(failure) => {
            let is_news = ended_at.is_some_and(|at| at >= around.asked_at);
            if is_final(&failure) || is_news {
                Next::Tell { attempt, outcome: refusal(failure, None) }
            } else {
                again
            }
        }
        SendingEnd::NotKnown => {
            let elapsed = |since: Timestamp| around.now.seconds_since(since);
            let within = |since, seconds: u64| elapsed(since) < i64::try_from(seconds).unwrap_or(i64::MAX);
            if around.others_take.is_some_and(|take| within(begun_at, take.as_secs())) {
                Next::Wait
            } else if begun_at < around.asked_at
                && (around.retry_unknown
                    || around
                        .repeats_safely_for
                        .is_some_and(|seconds| within(first_begun_at, u64::from(seconds))))
            {
                again
            } else {
                Next::Tell { attempt, outcome: Outcome::NotKnown { begun_at, why: None } }
            }
        }
    }
}

/// A refusal as it is told.
pub(crate) fn refusal(failure: Failure, retry_after: Option<Duration>) -> Outcome {
    if is_final(&failure) { Outcome::Refused(failure) } else { Outcome::Later { failure, retry_after } }
}

#[cfg(test)]
mod tests {
    use hearback_event::Severity;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_760_000_000 + second).unwrap()
    }

    fn sending(end: SendingEnd) -> Sending {
        Sending {
            attempt: 2,
            refusals: 1,
            first_begun_at: at(0),
            begun_at: at(100),
            ended_at: Some(at(110)),
            end,
        }
    }

    #[test]
    fn table_of_decisions() {
        let around = Circumstances {
            now: at(200),
            asked_at: at(199),
            is_known: true,
            others_take: None,
            repeats_safely_for: None,
            retry_unknown: false,
        };
        let insisting = Circumstances { retry_unknown: true, ..around };
        let shared = Circumstances { others_take: Some(Duration::from_secs(101)), ..around };
        let refused =
            |severity| SendingEnd::Refused(Failure { severity: Some(severity), ..Failure::default() });
        let not_known = || Some(sending(SendingEnd::NotKnown));
        let cases: Vec<(Option<Sending>, Circumstances, &str)> = vec![
            (None, Circumstances { is_known: false, ..around }, "begin 1 insisted=false"),
            (None, Circumstances { is_known: false, ..insisting }, "begin 1 insisted=false"),
            (None, around, "tell 0 not_begun"),
            (None, insisting, "begin 1 insisted=true"),
            (Some(sending(SendingEnd::Accepted("p".to_owned()))), insisting, "tell 2 accepted"),
            (Some(sending(refused(Severity::Permanent))), insisting, "tell 2 refused"),
            (Some(sending(refused(Severity::Temporary))), around, "begin 3 insisted=true"),
            // Others asked at the same time, and had this answer.
            (
                Some(sending(refused(Severity::Temporary))),
                Circumstances { asked_at: at(109), ..around },
                "tell 2 later",
            ),
            (not_known(), Circumstances { asked_at: at(99), ..insisting }, "tell 2 not_known"),
            (not_known(), around, "tell 2 not_known"),
            (not_known(), insisting, "begin 3 insisted=true"),
            (not_known(), shared, "wait"),
            (not_known(), Circumstances { retry_unknown: true, ..shared }, "wait"),
            (not_known(), Circumstances { now: at(201), ..shared }, "tell 2 not_known"),
            (not_known(), Circumstances { repeats_safely_for: Some(201), ..around }, "begin 3 insisted=true"),
            (not_known(), Circumstances { repeats_safely_for: Some(200), ..around }, "tell 2 not_known"),
        ];
        for (number, (sending, around, expected)) in cases.into_iter().enumerate() {
            let said = match next(sending, around) {
                Next::Begin { attempt, insisted, .. } => format!("begin {attempt} insisted={insisted}"),
                Next::Wait => "wait".to_owned(),
                Next::Tell { attempt, outcome } => format!("tell {attempt} {}", outcome.word()),
            };
            assert_eq!(said, expected, "case {number}");
        }
    }
}
