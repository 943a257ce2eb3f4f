//! Requests as a provider would send them: correctly signed, for tests and for trying things out.

use std::collections::BTreeMap;

use hearback_event::{Address, Kind, Timestamp};

use crate::RawRequest;

/// Something that happened, to be told in a provider's way.
#[derive(Clone, Debug)]
pub struct Happening {
    /// What.
    pub kind: Kind,
    /// When.
    pub occurred_at: Timestamp,
    /// To whom: an e-mail address, or a phone number for SMS providers.
    pub recipient: Address,
    /// A text of letters, digits and hyphens that is different for every message; the simulator makes the
    /// provider's message id of it.
    pub message: String,
    /// A number that is different for every happening; the provider's event id is made of it.
    pub serial: u64,
    /// What the sender attached.
    pub labels: BTreeMap<String, String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Subject.
    pub subject: String,
}

/// How a request is to be spoilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tamper {
    /// Not at all.
    None,
    /// Signed with another key.
    Forged,
    /// Signed rightly, but the body (or in a batch one element) is of a shape that the provider never sends. Must be
    /// accepted and stored as `unknown`.
    Broken,
}

/// A request ready to be sent.
pub type SimulatedRequest = RawRequest;

/// Makes correctly signed requests of one provider.
pub trait Simulator: Send + Sync {
    /// How many happenings fit in one request: 1 where the provider does not batch.
    fn batch_limit(&self) -> usize {
        1
    }

    /// What kinds this provider can tell of.
    fn kinds(&self) -> &[Kind];

    /// The provider's id that the message of a happening will have, as Hearback stores it.
    fn provider_message_id(&self, happening: &Happening) -> String;

    /// A signed request that tells of the happenings (as many as [`Simulator::batch_limit`] allows; at least one), sent
    /// at `now` to `url`, the complete URL of the endpoint. Kinds that the provider does not know are told as its
    /// nearest.
    fn request(
        &self,
        happenings: &[Happening],
        url: &str,
        now: Timestamp,
        tamper: Tamper,
    ) -> SimulatedRequest;
}

impl RawRequest {
    /// A `POST` to `url` with these headers.
    pub fn post(url: &str, headers: &[(&'static str, &str)], body: Vec<u8>) -> Self {
        let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
        let path = after_scheme.find('/').and_then(|start| after_scheme.get(start..)).unwrap_or("/");
        let headers = headers
            .iter()
            .filter_map(|(name, value)| {
                Some((http::HeaderName::from_static(name), http::HeaderValue::from_str(value).ok()?))
            })
            .collect();
        Self { method: "POST".to_owned(), path_and_query: path.to_owned(), headers, body }
    }
}
