//! Telling what happened in each provider's own way, and keeping it as if it had just come.

use std::sync::Arc;

use hearback_event::{Channel, DedupKey, Kind, NewMessage, Origin, Registration, Timestamp};
use hearback_providers::{Happening, RawRequest, Refusal, Simulator, Tamper, Verified};
use hearback_store::{Payload, Refused, Store, StoreError, Submission};

use super::{Told, expected_within};
use crate::config::{Config, SourceConfig};

/// One source with both of its sides.
struct Voice<'a> {
    source: &'a SourceConfig,
    simulator: Box<dyn Simulator>,
    url: String,
}

/// Every source of a configuration that can be spoken for.
pub(crate) struct Teller<'a> {
    voices: Vec<Voice<'a>>,
    store: Arc<dyn Store>,
}

impl<'a> Teller<'a> {
    /// For the sources of `config`.
    pub(crate) fn new(config: &'a Config, store: Arc<dyn Store>) -> Self {
        let voice = |source: &'a SourceConfig| {
            let simulator = source.provider.simulator(&source.options).ok()?;
            Some(Voice { source, simulator, url: config.url_of(source) })
        };
        Self { voices: config.sources.iter().filter_map(voice).collect(), store }
    }

    fn voice(&self, provider: &str) -> Option<&Voice<'a>> {
        self.voices.iter().find(|voice| voice.source.provider.name() == provider)
    }

    /// Keeps all of it, in its order. What a provider never tells is left out.
    pub(crate) async fn tell(&self, told: &[Told]) -> Result<(), StoreError> {
        // Together, so that they share commits.
        for some in told.chunks(400) {
            let kept = some
                .iter()
                .filter_map(|one| self.submission(one))
                .map(|submission| self.store.submit(submission));
            for receipt in futures_util::future::join_all(kept).await {
                receipt?;
            }
        }
        Ok(())
    }

    /// Registers those messages that the house waits for, as its application would when it sends them.
    pub(crate) async fn register(&self, told: &[Told]) -> Result<(), StoreError> {
        let registered = told.iter().filter_map(|one| self.registration(one));
        for receipt in
            futures_util::future::join_all(registered.map(|submission| self.store.submit(submission))).await
        {
            receipt?;
        }
        Ok(())
    }

    /// The registration of the message that begins with this event. Labels and recipient join the two.
    fn registration(&self, one: &Told) -> Option<Submission> {
        let happening = &one.happening;
        let within = expected_within(happening).filter(|_| happening.kind == Kind::Queued)?;
        let message = NewMessage {
            provider_message_id: None,
            channel: if happening.recipient.is_phone() { Channel::Sms } else { Channel::Email },
            recipient: happening.recipient.clone(),
            subject: Some(happening.subject.clone()),
            labels: happening.labels.clone(),
            tags: happening.tags.clone(),
            sent_at: happening.occurred_at.plus_seconds(-1),
            registration: Registration {
                key: Some(happening.message.clone()),
                expect_delivered_within: Some(within),
                user_id: None,
                attempt: None,
            },
        };
        Some(Submission {
            source: self.voice(one.provider)?.source.reference.clone(),
            origin: Origin::Application,
            received_at: happening.occurred_at.plus_seconds(-1),
            verified: true,
            events: vec![message.into_event()],
            digest: DedupKey::of(&[]),
            replay_token: None,
            payload: Payload::default(),
            known_messages_only: false,
        })
    }

    fn submission(&self, one: &Told) -> Option<Submission> {
        let voice = self.voice(one.provider)?;
        if !voice.simulator.kinds().contains(&one.happening.kind) {
            return None;
        }
        // Told half a second after it happened.
        let received_at = Timestamp::from_nanos(one.happening.occurred_at.as_nanos() + 480_000_000);
        let happenings = std::slice::from_ref(&one.happening);
        let raw = voice.simulator.request(happenings, &voice.url, received_at, Tamper::None);
        let urls = voice.urls(&raw);
        let verified =
            Verified::check(voice.source.endpoint.as_ref(), raw.borrow(&urls, None), received_at).ok()?;
        let proof = verified.proof();
        let events = voice.source.endpoint.normalise(&verified);
        Some(Submission {
            source: voice.source.reference.clone(),
            origin: Origin::Webhook,
            received_at,
            verified: true,
            events,
            digest: proof.body_digest.unwrap_or_else(|| DedupKey::of(&[&raw.body])),
            replay_token: proof.replay_token,
            payload: payload(&raw),
            known_messages_only: false,
        })
    }

    /// Keeps requests that somebody forged, or that another key signed, as refused at these moments.
    pub(crate) async fn refuse(
        &self,
        provider: &str,
        like: &Happening,
        at: &[Timestamp],
    ) -> Result<(), StoreError> {
        let Some(voice) = self.voice(provider) else { return Ok(()) };
        for (count, at) in at.iter().enumerate() {
            let happening =
                Happening { occurred_at: *at, serial: like.serial + count as u64, ..like.clone() };
            let raw = voice.simulator.request(&[happening], &voice.url, *at, Tamper::Forged);
            let urls = voice.urls(&raw);
            let checked = Verified::check(voice.source.endpoint.as_ref(), raw.borrow(&urls, None), *at);
            let refusal = checked.err().unwrap_or(Refusal::BadSignature);
            let refused = Refused {
                source: voice.source.reference.clone(),
                received_at: *at,
                cause: refusal.cause().to_owned(),
                detail: refusal.to_string(),
                remote: Some(format!("203.0.113.{}", 10 + count % 20)),
                payload: payload(&raw),
            };
            self.store.quarantine(refused).await?;
        }
        Ok(())
    }
}

impl Voice<'_> {
    /// As the server takes a request: some providers put labels into the query.
    fn urls(&self, raw: &RawRequest) -> Vec<String> {
        let bare = self.url.split('?').next().unwrap_or(&self.url);
        let received = raw.path_and_query.split_once('?').map(|(_, query)| format!("{bare}?{query}"));
        received.into_iter().chain([self.url.clone()]).collect()
    }
}

/// The request as it is kept, without what lets somebody in.
fn payload(raw: &RawRequest) -> Payload {
    let mut head = format!("{} {} HTTP/1.1\r\n", raw.method, raw.path_and_query);
    for (name, value) in &raw.headers {
        let shown = if name == "authorization" { "[removed]" } else { value.to_str().unwrap_or_default() };
        head.extend([name.as_str(), ": ", shown, "\r\n"]);
    }
    Payload { head, body: raw.body.clone().into() }
}
