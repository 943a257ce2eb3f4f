//! A small provider with every feature that the server has to mind.

use hearback_event::{Address, Channel, DedupKey, Event, Failure, Kind, Reason, Severity, Timestamp};
use hearback_providers::crypto::{Hash, HmacKey, hex_decode, hex_encode};
use hearback_providers::{
    Contract, Endpoint, OptionError, Options, Proof, Provider, Refusal, Reply, Request, SIGNATURE_403,
    Simulator, Verified,
};
use serde_json::{Map, Value};

/// Codes that differ from one another wherever they may.
pub(crate) const CONTRACT: Contract =
    Contract { rate_limited: 429, unparsable: 422, try_again: 529, ..SIGNATURE_403 };
pub(crate) const SIGNATURE: &str = "x-test-signature";
/// A one-time token, not covered by the signature.
pub(crate) const TOKEN: &str = "x-test-token";
pub(crate) const ALLOWED_SECONDS: i64 = 3600;

pub(crate) static PROVIDER: TestProvider = TestProvider;

pub(crate) struct TestProvider;

impl Provider for TestProvider {
    fn name(&self) -> &'static str {
        "test"
    }
    fn title(&self) -> &'static str {
        "Test"
    }
    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }
    fn endpoint(&self, _: &Options) -> Result<Box<dyn Endpoint>, Vec<OptionError>> {
        Ok(Box::new(TestEndpoint::with_key("k1")))
    }
    fn simulator(&self, _: &Options) -> Result<Box<dyn Simulator>, Vec<OptionError>> {
        Err(Vec::new())
    }
    fn trial_options(&self, _: &mut dyn FnMut(&mut [u8])) -> Map<String, Value> {
        Map::new()
    }
}

pub(crate) struct TestEndpoint {
    pub(crate) key: String,
    /// Whether a `HEAD` is answered.
    pub(crate) probes: bool,
    /// Answers of this endpoint's own.
    pub(crate) contract: Option<Contract>,
}

impl TestEndpoint {
    pub(crate) fn with_key(key: &str) -> Self {
        Self { key: key.to_owned(), probes: true, contract: None }
    }
}

/// The signature of a body.
pub(crate) fn sign(key: &str, body: &[u8]) -> String {
    hex_encode(&HmacKey::new(Hash::Sha256, key.as_bytes()).sign(&[body]))
}

impl Endpoint for TestEndpoint {
    fn probe(&self, request: &Request<'_>) -> Option<Reply> {
        (self.probes && request.method == "HEAD").then(Reply::empty)
    }

    fn verify(&self, request: &Request<'_>, now: Timestamp) -> Result<Proof, Refusal> {
        let body: Value =
            serde_json::from_slice(request.body).map_err(|error| Refusal::Unparsable(error.to_string()))?;
        let tag = request.header(SIGNATURE).ok_or(Refusal::MissingSignature("the header"))?;
        let key = HmacKey::new(Hash::Sha256, self.key.as_bytes());
        if !key.verifies(&[request.body], &hex_decode(tag).unwrap_or_default()) {
            return Err(Refusal::BadSignature);
        }
        if let Some(at) = body.get("signed_at").and_then(Value::as_i64) {
            Refusal::check_age(Timestamp::from_seconds(at).unwrap(), now, ALLOWED_SECONDS)?;
        }
        Ok(Proof {
            replay_token: request.header(TOKEN).map(|token| DedupKey::of(&[token.as_bytes()])),
            body_digest: None,
            ..Proof::default()
        })
    }

    fn normalise(&self, request: &Verified<'_>) -> Vec<Event> {
        let body: Value = serde_json::from_slice(request.request().body).unwrap_or_default();
        let Some(events) = body.get("events").and_then(Value::as_array) else {
            return vec![Event::new(
                Kind::Unknown,
                "",
                Channel::Other,
                DedupKey::of(&[request.request().body]),
            )];
        };
        events.iter().map(event).collect()
    }

    fn contract(&self) -> Option<Contract> {
        self.contract
    }

    fn accepted(&self, _: &Verified<'_>) -> Reply {
        Reply { status: 200, content_type: Some("text/xml"), body: b"<Response/>".to_vec() }
    }
}

fn event(value: &Value) -> Event {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let native = text("type").unwrap_or_default();
    assert_ne!(native, "panic", "as a defect in a provider would");
    let id = text("id").unwrap_or_default();
    let kind = Kind::parse(&native).unwrap_or(Kind::Unknown);
    let mut event = Event::new(kind, native, Channel::Email, DedupKey::of(&[b"test", id.as_bytes()]));
    event.recipient = text("to").and_then(|to| Address::parse(&to).ok());
    event.provider_message_id = text("message");
    event.subject = text("subject");
    event.occurred_at = value.get("at").and_then(Value::as_i64).and_then(Timestamp::from_seconds);
    event.labels = hearback_event::labels_from_json(value.get("labels").unwrap_or(&Value::Null));
    event.tags = text("tag").into_iter().collect();
    if kind == Kind::Bounced {
        let (severity, reason) = (Some(Severity::Permanent), Some(Reason::MailboxFull));
        event.failure = Some(Failure { severity, reason, ..Failure::default() });
    }
    event
}
