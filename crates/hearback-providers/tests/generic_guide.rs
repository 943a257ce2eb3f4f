//! Every complete source in `docs/generic-sources.md` makes an endpoint, and the examples do what the guide says.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::Path;

use hearback_event::{Kind, Timestamp};
use hearback_providers::{Happening, OptionError, Options, Simulator, Tamper, Verified, provider};
use serde_json::Value;

fn guide() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/generic-sources.md");
    std::fs::read_to_string(path).unwrap()
}

/// The fenced blocks of one language.
fn blocks(guide: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    guide.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// The options of every source in the guide, by name.
fn sources() -> BTreeMap<String, Options> {
    let mut found = BTreeMap::new();
    for block in blocks(&guide(), "toml") {
        let document: Value = toml::from_str(&block.replace("env:", "resolved-from-the-environment-"))
            .unwrap_or_else(|error| panic!("{error}\n{block}"));
        for (name, source) in document["sources"].as_object().unwrap() {
            let mut options = source.as_object().unwrap().clone();
            assert_eq!(options.remove("provider"), Some(Value::from("generic")), "{name}");
            assert!(found.insert(name.clone(), Options::new(options)).is_none(), "{name} is there twice");
        }
    }
    found
}

fn simulator(options: &Options) -> Result<Box<dyn Simulator>, Vec<OptionError>> {
    provider("generic").unwrap().simulator(options)
}

#[test]
fn every_source_of_the_guide_makes_an_endpoint() {
    let sources = sources();
    let names: Vec<_> = sources.keys().map(String::as_str).collect();
    assert_eq!(names, ["acme", "resend-relay", "svix-like", "twilio-relay", "with-handshake"]);
    for (name, options) in &sources {
        let endpoint = provider("generic").unwrap().endpoint(options);
        let endpoint = endpoint.unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
        let open = name == "with-handshake";
        assert_eq!(endpoint.warnings().is_empty(), !open, "{name}: {:?}", endpoint.warnings());
    }
}

#[test]
fn the_guides_names_of_settings_are_all_known() {
    let guide = guide();
    for name in [
        "methods",
        "max_body",
        "format",
        "events",
        "parse_string",
        "unwrap",
        "json_fields",
        "channel",
        "docs_url",
        "notes",
        "auth_mode",
        "allow_unauthenticated",
        "dedup",
        "dedup_ignore",
        "success_status",
        "success_body",
        "success_content_type",
        "reject_status",
        "retry_status",
        "handshake",
        "map",
        "types",
        "refine",
    ] {
        assert!(guide.contains(&format!("`{name}`")), "the guide does not explain `{name}`");
    }
    let unknown: Value = serde_json::json!({"no_such_option": 1});
    let Err(errors) = provider("generic").unwrap().endpoint(&Options::from_value(unknown)) else { panic!() };
    let told = errors.iter().find(|error| error.option.as_deref() == Some("no_such_option")).unwrap();
    for name in told.problem.rsplit(": ").next().unwrap().split(", ") {
        assert!(guide.contains(&format!("`{name}`")), "the guide does not explain `{name}`");
    }
}

#[test]
fn the_relays_and_the_example_can_be_simulated() {
    let now = Timestamp::from_seconds(1_760_000_000).unwrap();
    let url = "https://hooks.example.com/webhooks/relay";
    for (name, kinds) in [("acme", 2), ("twilio-relay", 6), ("resend-relay", 12), ("svix-like", 2)] {
        let options = &sources()[name];
        let simulator = simulator(options).unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
        assert_eq!(simulator.kinds().len(), kinds, "{name}: {:?}", simulator.kinds());
        let endpoint = provider("generic").unwrap().endpoint(options).unwrap();
        for (serial, kind) in simulator.kinds().iter().enumerate() {
            let happening = Happening {
                kind: *kind,
                occurred_at: now,
                recipient: "+15550001234".parse().unwrap(),
                message: "m-1".to_owned(),
                serial: serial as u64,
                labels: BTreeMap::new(),
                tags: Vec::new(),
                subject: "Your stay".to_owned(),
            };
            let raw = simulator.request(&[happening], url, now, Tamper::None);
            let verified = Verified::check(endpoint.as_ref(), raw.borrow(&[], None), now).unwrap();
            assert_eq!(endpoint.normalise(&verified)[0].kind, *kind, "{name}");
        }
    }
}

#[test]
fn the_sample_of_the_guide_is_understood() {
    let endpoint = provider("generic").unwrap().endpoint(&sources()["acme"]).unwrap();
    let body = blocks(&guide(), "json").remove(0);
    let raw = hearback_providers::RawRequest::post(
        "https://hooks.example.com/x",
        &[("content-type", "application/json")],
        body.into_bytes(),
    );
    let events = endpoint.normalise(&Verified::presume(raw.borrow(&[], None)));
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].kind, Kind::Bounced);
    assert_eq!(events[0].labels["order"], "7");
}
