//! Secrets are never printed: not by `config show`, not in problems, not by `Debug`.

use hearback_providers::PROVIDERS;
use proptest::prelude::*;
use serde_json::Value;

use super::super::Trial;
use super::Bench;

/// Every text in the options of a trial source that is long enough to be a key, under a name that is not plainly public.
fn secrets(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.len() >= 24 => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| secrets(item, found)),
        Value::Object(fields) => fields.values().for_each(|value| secrets(value, found)),
        _ => {}
    }
}

#[test]
fn the_keys_of_every_provider_are_hidden() {
    let bench = Bench::bare().trial(Trial::Make);
    let config = bench.load().config.unwrap();
    let shown = config.to_shown().to_string();
    let file = std::fs::read_to_string(bench.path().join("data/trial.json")).unwrap();
    let trial: Value = serde_json::from_str(&file).unwrap();
    for provider in PROVIDERS {
        let mut found = Vec::new();
        secrets(&trial[provider.name()], &mut found);
        assert!(!found.is_empty(), "{} has a trial key", provider.name());
        for secret in found {
            assert!(!shown.contains(&secret), "{}: a key is shown", provider.name());
        }
    }
    for source in &config.sources {
        assert_eq!(source.keys, 1, "{}: keys are counted", source.name());
        assert!(!format!("{:?}", source.options).contains("whsec_"), "{}", source.name());
    }
}

#[test]
fn references_are_shown_and_what_they_refer_to_is_not() {
    let bench = Bench::new(
        "[sources.a]\nprovider = \"mailgun\"\nkeys = [\"env:MG_KEY\", \"geheim-geheim-geheim\"]\n",
    )
    .with("MG_KEY", "versteckt-versteckt")
    .with("HEARBACK_PUBLIC_URL", "https://user:passwort@hooks.example.com");
    let shown = bench.load().config.unwrap().to_shown().to_string();
    assert!(shown.contains("[\"env:MG_KEY\",\"(hidden)\"]"), "{shown}");
    for secret in ["geheim", "versteckt", "passwort"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A secret at any place of any source, right or wrong, is in no problem and no warning.
    #[test]
    fn complaints_never_repeat_a_value(
        provider in 0..PROVIDERS.len(),
        option in prop_oneof![
            Just("keys"), Just("user"), Just("secret"), Just("mode"), Just("account"), Just("paths"), Just("auth"),
            Just("max_age"), Just("public_url"), Just("body_max"), Just("inbound"), Just("zebra"), Just("shared_keys"),
        ],
        list: bool,
    ) {
        let secret = "GEHEIM7f3a9c0b";
        let value = if list { format!("[\"{secret}\"]") } else { format!("\"{secret}\"") };
        let name = PROVIDERS[provider].name();
        let bench = Bench::new(&format!("[sources.a]\nprovider = \"{name}\"\n{option} = {value}\n"));
        let complaints = bench.complaints();
        prop_assert!(!complaints.contains("GEHEIM"), "{}", complaints);
    }
}
