//! Any request, to any endpoint of any provider: an answer of the contract, never a panic.
//!
//! Two bytes name the sample whose endpoint, time and URLs are taken; the rest is a request, read leniently.

#![no_main]

use std::sync::LazyLock;

use hearback_event::Event;
use hearback_fuzz::{Sample, lenient, samples, seed};
use hearback_providers::{Refusal, Verified};
use libfuzzer_sys::fuzz_target;

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(samples);

fuzz_target!(
    init: seed("verify_and_normalise", &SAMPLES, |index| (index as u16).to_le_bytes().to_vec()),
    |data: &[u8]| {
        let [low, high, bytes @ ..] = data else { return };
        let sample = &SAMPLES[usize::from(u16::from_le_bytes([*low, *high])) % SAMPLES.len()];
        let raw = lenient(bytes);
        let request = raw.borrow(&sample.public_urls, sample.remote);
        if let Some(reply) = sample.endpoint.probe(&request) {
            assert!((200..300).contains(&reply.status), "a probe is answered with success");
        }
        match Verified::check(sample.endpoint.as_ref(), request, sample.received_at) {
            Ok(verified) => check(sample, &verified),
            Err(refusal) => assert!(Refusal::CAUSES.contains(&refusal.cause()), "{refusal}"),
        }
        // As in shadow mode: the parsers behind the signature see hostile bytes, too.
        check(sample, &Verified::presume(request));
    }
);

fn check(sample: &Sample, verified: &Verified<'_>) {
    let events = sample.endpoint.normalise(verified);
    assert_eq!(events, sample.endpoint.normalise(verified), "the same request gives the same events");
    for event in &events {
        assert!(!event.dedup.is_empty(), "an event without a key would count twice");
        let stored = serde_json::to_string(event).expect("every event can be stored");
        let read: Event = serde_json::from_str(&stored).expect("every stored event can be read");
        assert_eq!(serde_json::to_string(&read).ok(), Some(stored), "what is read is what was stored");
    }
    let reply = sample.endpoint.accepted(verified);
    assert!((200..300).contains(&reply.status), "what is accepted is answered with success");
}
