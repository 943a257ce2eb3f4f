//! A configured account of a provider, through which messages go out.

use std::time::Duration;

use hearback_event::{Channel, Failure, Reason, Severity, Timestamp};
use hearback_providers::{Answer, Draft, DraftError, Meaning, Outgoing, Sender};

use crate::client::{ClientError, Exchange, Http, retry_after};

/// Who makes requests of messages, and sends them.
pub struct Outlet {
    sender: Box<dyn Sender>,
    http: Http,
    timeout: Duration,
}

impl Outlet {
    /// Over a sender; an answer must be there within `timeout`.
    ///
    /// # Errors
    /// Where the machine's certificates cannot be used.
    pub fn new(sender: Box<dyn Sender>, timeout: Duration) -> Result<Self, ClientError> {
        Ok(Self { sender, http: Http::new(timeout)?, timeout })
    }

    /// How what goes out here travels.
    pub fn channel(&self) -> Channel {
        self.sender.channel()
    }

    pub(crate) const fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(crate) fn repeats_safely_for(&self) -> Option<u32> {
        self.sender.repeats_safely_for()
    }

    pub(crate) fn request(&self, draft: &Draft) -> Result<Outgoing, DraftError> {
        self.sender.request(draft)
    }

    /// Hands it over; with a refusal, how long to wait before the next try, where the provider says so.
    pub(crate) async fn hand_over(&self, request: Outgoing) -> (Meaning, Option<Duration>) {
        match self.http.exchange(request).await {
            Exchange::Answered { status, headers, body } => {
                let meaning = self.sender.meaning(&Answer { status, headers: &headers, body: &body });
                (meaning, retry_after(&headers, Timestamp::now()))
            }
            Exchange::NotSent(why) => {
                let failure = Failure {
                    severity: Some(Severity::Temporary),
                    reason: Some(Reason::Timeout),
                    description: Some(why),
                    ..Failure::default()
                };
                (Meaning::Refused(failure), None)
            }
            Exchange::Unclear(why) => (Meaning::Unclear(why), None),
        }
    }
}
