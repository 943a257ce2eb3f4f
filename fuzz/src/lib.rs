//! What the fuzz targets share: the sample requests of all providers, as seeds and as endpoints to attack.
//!
//! The samples are read where they are, at run time, so that none is kept twice and a new one is fuzzed from the next run on.

use std::collections::HashMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hearback_event::Timestamp;
use hearback_providers::{Endpoint, Options, PROVIDERS, RawRequest};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

/// One sample: the endpoint that it was written for, and its request.
pub struct Sample {
    /// `twilio/inbound-sms`.
    pub name: String,
    /// The endpoint.
    pub endpoint: Arc<dyn Endpoint>,
    /// Bytes as on the wire.
    pub request: Vec<u8>,
    /// When it is received.
    pub received_at: Timestamp,
    /// The URLs under which the provider knows the endpoint.
    pub public_urls: Vec<String>,
    /// Who sends it.
    pub remote: Option<IpAddr>,
}

/// Every sample of every provider, always in the same order.
///
/// # Panics
///
/// Where a sample is not as the samples' own test has it: fuzzing less than all would pass unseen.
pub fn samples() -> Vec<Sample> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/hearback-providers/samples");
    let mut samples = Vec::new();
    for provider in PROVIDERS {
        let folder = root.join(provider.name());
        let source = read_json(&folder.join("source.json"));
        let mut endpoints: HashMap<String, Arc<dyn Endpoint>> = HashMap::new();
        for path in requests(&folder) {
            let case = read_json(&path.with_extension("json"));
            let options = case.get("options").unwrap_or(&source);
            let endpoint = endpoints.entry(options.to_string()).or_insert_with(|| {
                provider.endpoint(&Options::from_value(options.clone())).expect("options of a sample").into()
            });
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            samples.push(Sample {
                name: format!("{}/{stem}", provider.name()),
                endpoint: Arc::clone(endpoint),
                request: fs::read(&path).expect("a sample"),
                received_at: case["received_at"].as_str().expect("received_at").parse().expect("a time"),
                public_urls: case
                    .get("public_urls")
                    .map(|urls| serde_json::from_value(urls.clone()).expect("URLs"))
                    .unwrap_or_default(),
                remote: case
                    .get("remote")
                    .map(|remote| remote.as_str().unwrap_or_default().parse().expect("an address")),
            });
        }
    }
    assert!(samples.len() < usize::from(u16::MAX), "two bytes name a sample");
    samples
}

/// Makes each sample a seed of `target`, with `prefix` before the request.
pub fn seed(target: &str, samples: &[Sample], prefix: impl Fn(usize) -> Vec<u8>) {
    for (index, sample) in samples.iter().enumerate() {
        let mut seed = prefix(index);
        seed.extend(&sample.request);
        write_seed(target, &sample.name.replace('/', "-"), &seed);
    }
}

/// Makes each text a seed of `target`.
pub fn seed_texts(target: &str, texts: &[&str]) {
    for (index, text) in texts.iter().enumerate() {
        write_seed(target, &format!("text-{index}"), text.as_bytes());
    }
}

fn write_seed(target: &str, name: &str, bytes: &[u8]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder).expect("the folder of the corpus");
    fs::write(folder.join(name), bytes).expect("a seed");
}

/// A request out of any bytes: what [`RawRequest::parse`] would refuse is left out instead, so that a changed byte in the
/// head does not hide the body from the fuzzer.
pub fn lenient(bytes: &[u8]) -> RawRequest {
    let mut head_and_body = bytes;
    let mut line = || -> Option<String> {
        let end = head_and_body.iter().position(|byte| *byte == b'\n')?;
        let (line, rest) = head_and_body.split_at(end);
        head_and_body = rest.get(1..).unwrap_or_default();
        Some(String::from_utf8_lossy(line).trim().to_owned()).filter(|line| !line.is_empty())
    };
    let first = line().unwrap_or_default();
    let mut words = first.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let path_and_query = words.next().unwrap_or("/").to_owned();
    let mut headers = HeaderMap::new();
    while let Some(line) = line() {
        let Some((name, value)) = line.split_once(':') else { continue };
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value.trim()))
        {
            headers.append(name, value);
        }
    }
    RawRequest { method, path_and_query, headers, body: head_and_body.to_vec() }
}

fn requests(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("a folder of samples")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "http"))
        .collect();
    paths.sort();
    paths
}

fn read_json(path: &Path) -> Value {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
