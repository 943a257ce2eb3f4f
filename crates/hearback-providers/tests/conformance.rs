//! What every provider must hold, whatever its format: run over all of them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use hearback_event::{Event, Timestamp};
use hearback_providers::{
    Endpoint, Happening, Options, PROVIDERS, Provider, RawRequest, Refusal, Tamper, Verified,
};
use proptest::prelude::*;
use proptest::sample::Index;

const URL: &str = "https://hooks.example.com/webhooks/trial?src=a";

fn now() -> Timestamp {
    Timestamp::from_seconds(1_760_000_000).unwrap()
}

/// Options as a first start without configuration makes them, from a fixed "random" stream.
fn trial(provider: &'static dyn Provider) -> Options {
    let mut state = 7_u8;
    let mut random = |buffer: &mut [u8]| {
        for byte in buffer {
            state = state.wrapping_mul(37).wrapping_add(11);
            *byte = state;
        }
    };
    Options::new(provider.trial_options(&mut random))
}

fn happenings(provider: &'static dyn Provider, count: usize) -> Vec<Happening> {
    let simulator = provider.simulator(&trial(provider)).unwrap();
    let phone = simulator.kinds().is_empty() || provider.name() == "twilio";
    (0..count)
        .map(|n| Happening {
            kind: simulator.kinds()[n % simulator.kinds().len()],
            occurred_at: now().plus_seconds(-(n as i64)),
            recipient: if phone { format!("+1555000{n:04}") } else { format!("guest{n}@example.com") }
                .parse()
                .unwrap(),
            message: format!("m-{n}"),
            serial: n as u64,
            labels: [("booking_id".to_owned(), n.to_string())].into(),
            tags: vec!["pre-arrival".to_owned()],
            subject: "Your stay".to_owned(),
        })
        .collect()
}

fn receive(endpoint: &dyn Endpoint, raw: &RawRequest, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    let urls = [URL.to_owned()];
    let request = raw.borrow(&urls, Some("192.0.2.1".parse().unwrap()));
    if endpoint.probe(&request).is_some() {
        return Ok(Vec::new());
    }
    Verified::check(endpoint, request, now).map(|verified| endpoint.normalise(&verified))
}

/// Every sample request of a provider, with the endpoint of its folder.
fn samples(provider: &'static dyn Provider) -> (Box<dyn Endpoint>, Vec<RawRequest>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(provider.name());
    let options = serde_json::from_slice(&fs::read(folder.join("source.json")).unwrap()).unwrap();
    let mut paths: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let requests = paths
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "http"))
        .map(|path| RawRequest::parse(&fs::read(path).unwrap()).unwrap())
        .collect();
    (provider.endpoint(&Options::from_value(options)).unwrap(), requests)
}

#[test]
fn simulated_requests_are_understood_and_forged_ones_refused() {
    for provider in PROVIDERS {
        let name = provider.name();
        let endpoint = provider.endpoint(&trial(*provider)).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        let simulator = provider.simulator(&trial(*provider)).unwrap();
        let count = simulator.kinds().len().max(3);
        for batch in happenings(*provider, count).chunks(simulator.batch_limit()) {
            let events =
                receive(endpoint.as_ref(), &simulator.request(batch, URL, now(), Tamper::None), now())
                    .unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
            assert_eq!(events.len(), batch.len(), "{name}");
            for (event, happening) in events.iter().zip(batch) {
                assert_eq!(event.kind, happening.kind, "{name}");
                assert_eq!(event.recipient.as_ref(), Some(&happening.recipient), "{name}");
                assert_eq!(
                    event.provider_message_id.as_deref(),
                    Some(simulator.provider_message_id(happening).as_str()),
                    "{name}"
                );
                assert_eq!(event.labels.get("booking_id"), happening.labels.get("booking_id"), "{name}");
            }
            let forged = simulator.request(batch, URL, now(), Tamper::Forged);
            let refusal = receive(endpoint.as_ref(), &forged, now()).expect_err(name);
            assert_eq!(refusal.cause(), "bad_signature", "{name}");
            assert!(matches!(refusal.status(provider.contract()), 401 | 403), "{name}");
            let broken =
                receive(endpoint.as_ref(), &simulator.request(batch, URL, now(), Tamper::Broken), now())
                    .unwrap_or_else(|refusal| panic!("{name}: broken: {refusal}"));
            assert!(broken.iter().any(|event| event.kind == hearback_event::Kind::Unknown), "{name}: broken");
        }
    }
}

#[test]
fn the_same_happening_has_the_same_key_and_another_has_another() {
    for provider in PROVIDERS {
        let name = provider.name();
        let endpoint = provider.endpoint(&trial(*provider)).unwrap();
        let simulator = provider.simulator(&trial(*provider)).unwrap();
        let keys = |batch: &[Happening], at: Timestamp| -> Vec<_> {
            let request = simulator.request(batch, URL, at, Tamper::None);
            receive(endpoint.as_ref(), &request, at).unwrap().into_iter().map(|event| event.dedup).collect()
        };
        let all = happenings(*provider, 6);
        let mut seen = std::collections::HashSet::new();
        for one in all.chunks(1) {
            let first = keys(one, now());
            assert_eq!(first, keys(one, now().plus_seconds(60)), "{name}: a retry must have the same keys");
            for key in first.iter().flatten() {
                assert!(seen.insert(*key), "{name}: two happenings share a key");
            }
        }
    }
}

#[test]
fn contracts_never_use_codes_that_lose_events() {
    for provider in PROVIDERS {
        let (name, contract) = (provider.name(), provider.contract());
        assert_eq!(contract.accepted, 200, "{name}");
        assert!(matches!(contract.try_again, 429 | 503), "{name}");
        assert!(matches!(contract.rate_limited, 429 | 503), "{name}");
        for status in [contract.refused, contract.unparsable] {
            assert!((400..500).contains(&status) && !matches!(status, 404 | 406 | 410), "{name}: {status}");
        }
        assert!(!contract.notes.is_empty(), "{name}");
    }
}

#[test]
fn names_are_words_and_options_without_keys_are_refused() {
    for provider in PROVIDERS {
        let name = provider.name();
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{name}");
        assert!(provider.endpoint(&Options::default()).is_err(), "{name} accepts requests without any key");
        assert!(hearback_providers::provider(name).is_some());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Cut, flipped and random bytes: always an answer, never a panic, and the events that come of it keep their shape.
    #[test]
    fn mangled_samples_never_panic(
        pick in any::<Index>(),
        cut in proptest::option::of(any::<Index>()),
        flips in proptest::collection::vec((any::<Index>(), any::<u8>()), 0..8),
        tail in proptest::collection::vec(any::<u8>(), 0..16),
    ) {
        for provider in PROVIDERS {
            let (endpoint, requests) = samples(*provider);
            let mut raw = requests[pick.index(requests.len())].clone();
            if let Some(cut) = &cut && !raw.body.is_empty() { raw.body.truncate(cut.index(raw.body.len())); }
            for (place, value) in &flips { if !raw.body.is_empty() { let at = place.index(raw.body.len()); raw.body[at] ^= value; } }
            raw.body.extend_from_slice(&tail);
            let request = raw.borrow(&[], None);
            let _ = endpoint.probe(&request);
            drop(endpoint.verify(&request, now()));
            let presumed = Verified::presume(request);
            for event in endpoint.normalise(&presumed) { prop_assert!(!event.dedup.is_empty()); }
            let _ = endpoint.accepted(&presumed);
        }
    }

    /// Random bytes under every content type.
    #[test]
    fn random_bodies_never_panic(body in proptest::collection::vec(any::<u8>(), 0..300), kind in 0_usize..4, head in "[ -~]{0,80}") {
        let types = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"];
        for provider in PROVIDERS {
            let (endpoint, requests) = samples(*provider);
            let mut raw = requests[0].clone();
            raw.headers.insert("content-type", types[kind].parse().unwrap());
            for name in raw.headers.keys().cloned().collect::<Vec<_>>() {
                if name.as_str().contains("signature") && let Ok(value) = head.parse() { raw.headers.insert(name, value); }
            }
            raw.body.clone_from(&body);
            let request = raw.borrow(&[], None);
            drop(endpoint.verify(&request, now()));
            for event in endpoint.normalise(&Verified::presume(request)) { prop_assert!(!event.dedup.is_empty()); }
        }
    }
}
