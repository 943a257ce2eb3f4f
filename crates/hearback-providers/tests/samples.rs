//! Every request under `samples/<provider>/` gives exactly what the file beside it says.
//!
//! A sample is two files. `<case>.http` is the request as it stands on the wire; everything after the empty line is the
//! body, byte for byte. `<case>.json` says when and where it is received and what must come of it:
//!
//! ```json
//! {"received_at": "2025-10-09T08:53:25Z", "expect": {"events": [ ... ]}}
//! {"received_at": "2025-10-10T10:00:00Z", "expect": {"refused": "stale"}}
//! {"received_at": "2025-10-09T08:53:25Z", "expect": {"reply": {"status": 200, "body": ""}}}
//! ```
//!
//! Further members: `options` (instead of those in the folder's `source.json`), `public_urls`, `remote`, `reply` (the answer
//! after storing, where it is not `{"success":true}`). With `UPDATE_SAMPLES=1` the expected part is written anew: read the
//! difference before you commit it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use hearback_event::{Origin, Record, Timestamp};
use hearback_providers::{Options, PROVIDERS, Provider, RawRequest, Reply, Trust, Verified};
use serde_json::{Value, json};

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")
}

fn files_of(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

fn read_json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn reply_json(reply: &Reply) -> Value {
    json!({"status": reply.status, "content_type": reply.content_type, "body": String::from_utf8_lossy(&reply.body)})
}

/// What the provider makes of one sample: the members `expect` and, where it is special, `reply`.
fn outcome(provider: &'static dyn Provider, path: &Path, case: &Value) -> (Value, Option<Value>) {
    let options =
        case.get("options").cloned().unwrap_or_else(|| read_json(&path.with_file_name("source.json")));
    let endpoint = provider
        .endpoint(&Options::from_value(options))
        .unwrap_or_else(|errors| panic!("{}: options: {errors:?}", path.display()));
    let raw =
        RawRequest::parse(&fs::read(path).unwrap()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let public_urls: Vec<String> =
        case.get("public_urls").map(|urls| serde_json::from_value(urls.clone()).unwrap()).unwrap_or_default();
    let remote = case.get("remote").map(|remote| remote.as_str().unwrap().parse().unwrap());
    let received_at: Timestamp = case["received_at"].as_str().expect("received_at").parse().unwrap();
    let request = raw.borrow(&public_urls, remote);

    if let Some(reply) = endpoint.probe(&request) {
        return (json!({"reply": reply_json(&reply)}), None);
    }
    let verified = match Verified::check(endpoint.as_ref(), request, received_at) {
        Ok(verified) => verified,
        Err(refusal) => return (json!({"refused": refusal.cause()}), None),
    };
    let events: Vec<Value> = endpoint
        .normalise(&verified)
        .into_iter()
        .zip(1..)
        .map(|(event, position)| {
            assert!(!event.dedup.is_empty(), "{}: an event without a key", path.display());
            let record = Record {
                position,
                received_at,
                source: provider.name().into(),
                provider: provider.name().into(),
                account: provider.name().into(),
                origin: Origin::Webhook,
                verified: verified.trust() == Trust::Verified,
                payload: None,
                event,
            };
            serde_json::to_value(&record).unwrap()
        })
        .collect();
    let reply = endpoint.accepted(&verified);
    let special = (reply != Reply::success()).then(|| reply_json(&reply));
    (json!({"events": events}), special)
}

#[test]
fn every_sample_gives_what_its_file_says() {
    let update = std::env::var_os("UPDATE_SAMPLES").is_some();
    let mut failures = Vec::new();
    for provider in PROVIDERS {
        for path in files_of(&samples().join(provider.name()), "http") {
            let expected_path = path.with_extension("json");
            let mut case = read_json(&expected_path);
            let (expect, reply) = outcome(*provider, &path, &case);
            if update {
                case["expect"] = expect;
                match reply {
                    Some(reply) => case["reply"] = reply,
                    None => drop(case.as_object_mut().unwrap().remove("reply")),
                }
                fs::write(&expected_path, format!("{}\n", serde_json::to_string_pretty(&case).unwrap()))
                    .unwrap();
            } else if case.get("expect") != Some(&expect) || case.get("reply") != reply.as_ref() {
                let told = json!({"expect": case.get("expect"), "reply": case.get("reply")});
                let found = json!({"expect": expect, "reply": reply});
                let difference = similar_asserts::SimpleDiff::from_str(
                    &serde_json::to_string_pretty(&told).unwrap(),
                    &serde_json::to_string_pretty(&found).unwrap(),
                    "file",
                    "found",
                )
                .to_string();
                failures.push(format!("{}\n{difference}", path.display()));
            }
        }
    }
    assert!(failures.is_empty(), "{} samples differ:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_provider_has_samples_and_no_file_is_forgotten() {
    let mut folders: Vec<String> = fs::read_dir(samples())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let mut names: Vec<String> = PROVIDERS.iter().map(|provider| provider.name().to_owned()).collect();
    names.sort();
    assert_eq!(folders, names, "one folder of samples per provider, and no other");
    for name in names {
        let folder = samples().join(&name);
        let requests = files_of(&folder, "http");
        assert!(!requests.is_empty(), "{name} has no samples");
        for request in &requests {
            assert!(request.with_extension("json").exists(), "{} has no expectation", request.display());
        }
        for expected in files_of(&folder, "json") {
            let used = expected.file_stem().is_some_and(|stem| stem == "source")
                || expected.with_extension("http").exists();
            assert!(used, "{} belongs to no request", expected.display());
        }
    }
}
