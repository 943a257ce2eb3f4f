//! Explaining one captured request without a server: is it genuine, why not, and which events are in it.
//!
//! Pure: the request, the endpoint and the moment are arguments. Nothing that comes out holds a secret.

mod shown;

use std::net::IpAddr;

use hearback_event::{Event, Origin, Record, Timestamp};
use hearback_providers::{Endpoint, Provider, RawRequest, Refusal, Reply, Verified, crypto};
use serde_json::{Value, json};

use shown::{shown, without_query_secrets};

/// A request to be explained.
pub(crate) struct Inspection<'a> {
    /// Whose format it has.
    pub(crate) provider: &'static dyn Provider,
    /// The keys to check it with.
    pub(crate) endpoint: &'a dyn Endpoint,
    /// The name to show as the source.
    pub(crate) source: &'a str,
    /// The request.
    pub(crate) raw: &'a RawRequest,
    /// The URLs under which the provider may know the endpoint.
    pub(crate) public_urls: &'a [String],
    /// Who sent it, if known.
    pub(crate) remote: Option<IpAddr>,
    /// When it was received.
    pub(crate) at: Timestamp,
}

/// What became of it.
pub(crate) enum Outcome {
    /// It carries no event: a URL check of the provider, answered like this.
    Probe(Reply),
    /// It is genuine.
    Genuine(Vec<Event>),
    /// It would be refused.
    Refused {
        /// Why.
        refusal: Refusal,
        /// The status it would be answered with.
        status: u16,
        /// What to check, the likeliest first.
        hints: Vec<String>,
        /// What it says all the same. Not to be believed.
        events: Vec<Event>,
    },
}

impl Inspection<'_> {
    /// Explains the request.
    pub(crate) fn explain(&self) -> Outcome {
        let request = self.raw.borrow(self.public_urls, self.remote);
        if let Some(reply) = self.endpoint.probe(&request) {
            return Outcome::Probe(reply);
        }
        match Verified::check(self.endpoint, request, self.at) {
            Ok(verified) => Outcome::Genuine(self.endpoint.normalise(&verified)),
            Err(refusal) => {
                let contract = self.endpoint.contract().unwrap_or(*self.provider.contract());
                let status = refusal.status(&contract);
                let events = match refusal {
                    Refusal::Unparsable(_) => Vec::new(),
                    _ => self.endpoint.normalise(&Verified::presume(request)),
                };
                Outcome::Refused { hints: self.hints(&refusal), refusal, status, events }
            }
        }
    }

    /// What can be said about the request without giving a secret away, as names and values.
    pub(crate) fn facts(&self) -> Vec<(String, String)> {
        let raw = self.raw;
        let digest = crypto::hex_encode(&crypto::sha256(&[&raw.body]));
        let mut facts = vec![
            ("request".to_owned(), format!("{} {}", raw.method, without_query_secrets(&raw.path_and_query))),
            (
                "body".to_owned(),
                format!("{} bytes, SHA-256 {}…", raw.body.len(), digest.get(..16).unwrap_or_default()),
            ),
            ("received at".to_owned(), self.at.to_string()),
        ];
        for (name, value) in &raw.headers {
            let value = value.to_str().unwrap_or("(not text)");
            facts.push((name.as_str().to_owned(), shown(name.as_str(), value)));
        }
        if self.provider.signs_url() {
            let urls: Vec<String> = self.public_urls.iter().map(|url| without_query_secrets(url)).collect();
            let urls = if urls.is_empty() { "none is configured".to_owned() } else { urls.join(", ") };
            facts.push(("public URL".to_owned(), urls));
        }
        facts
    }

    /// The events as the API would give them, with their keys for deduplication.
    pub(crate) fn rendered(&self, events: Vec<Event>, verified: bool) -> Vec<Value> {
        events
            .into_iter()
            .zip(1..)
            .map(|(event, position)| {
                let keys: Vec<String> = event.dedup.iter().map(|key| format!("{key:?}")).collect();
                let record = Record {
                    position,
                    received_at: self.at,
                    source: self.source.into(),
                    provider: self.provider.name().into(),
                    account: self.source.into(),
                    origin: Origin::Webhook,
                    verified,
                    payload: None,
                    event,
                };
                let mut value = serde_json::to_value(&record).unwrap_or_default();
                if let Some(fields) = value.as_object_mut() {
                    // It has no place in a log, so it has no id either.
                    fields.remove("id");
                    fields.insert("dedup_keys".to_owned(), json!(keys));
                }
                value
            })
            .collect()
    }

    fn hints(&self, refusal: &Refusal) -> Vec<String> {
        let provider = self.provider.title();
        match refusal {
            Refusal::Stale { age_seconds, .. } => self.time_hints(-age_seconds),
            Refusal::Future { ahead_seconds } => self.time_hints(*ahead_seconds),
            Refusal::BadSignature => self.signature_hints(),
            Refusal::MissingSignature(_) => vec![
                format!("is the request complete, with every header that {provider} sent?"),
                format!("does it come from {provider} at all? Anybody can post to a public URL"),
            ],
            Refusal::NetworkNotAllowed => vec![
                "give the sender's address with --remote".to_owned(),
                "behind a proxy, its address must be in `trusted_proxies`".to_owned(),
            ],
            Refusal::Unparsable(_) => vec![format!(
                "is the file complete: request line, headers, an empty line, the body as {provider} sent it?"
            )],
        }
    }

    /// The time is wrong; is the rest right?
    fn time_hints(&self, seconds: i64) -> Vec<String> {
        let then = self.at.plus_seconds(seconds);
        match self.endpoint.verify(&self.raw.borrow(self.public_urls, self.remote), then) {
            Ok(_) => vec![format!(
                "only the time is wrong: with --at {then} the signature is right. An old capture is checked with the time \
                 at which it came; for fresh requests look at this machine's clock, or raise the source's `max_age`"
            )],
            Err(_) => vec!["not only the time is wrong: the signature does not match either".to_owned()],
        }
    }

    fn signature_hints(&self) -> Vec<String> {
        let mut hints = Vec::new();
        hints.extend(self.with_another_url());
        hints.extend(self.with_another_body_end());
        if !hints.is_empty() {
            return hints;
        }
        let provider = self.provider.title();
        if self.provider.signs_url() {
            hints.push(format!(
                "the signature covers the URL: --public-url must be what is configured at {provider}, letter by letter"
            ));
        }
        hints.push(format!("is the key the one of this endpoint at {provider}, and of this account?"));
        hints.push(
            "the body must be the bytes as they came: no editor, proxy or framework may have written it anew"
                .to_owned(),
        );
        hints
    }

    /// Looks for a slip in the public URL that explains the signature.
    fn with_another_url(&self) -> Option<String> {
        if !self.provider.signs_url() {
            return None;
        }
        let host = self.raw.headers.get("host").and_then(|host| host.to_str().ok());
        let received = host.map(|host| format!("https://{host}{}", self.raw.path_and_query));
        let near =
            self.public_urls.iter().chain(&received).flat_map(|url| near_urls(url)).chain(received.clone());
        let right = near.into_iter().find(|url| {
            let urls = [url.clone()];
            self.endpoint.verify(&self.raw.borrow(&urls, self.remote), self.at).is_ok()
        })?;
        Some(format!(
            "the signature is right for {}: set that as `public_url`",
            without_query_secrets(&right)
        ))
    }

    /// Looks for a line break that an editor added to the body or took from it.
    fn with_another_body_end(&self) -> Option<String> {
        let body = &self.raw.body;
        let trimmed = body.trim_ascii_end();
        let ended = |end: &[u8]| [trimmed, end].concat();
        [
            (Vec::from(trimmed), "without the line break at its end"),
            (ended(b"\r\n"), "with CR LF at its end"),
            (ended(b"\n"), "with a line feed at its end"),
        ]
        .into_iter()
        .filter(|(other, _)| other != body)
        .find(|(other, _)| {
            let raw = RawRequest { body: other.clone(), ..self.raw.clone() };
            self.endpoint.verify(&raw.borrow(self.public_urls, self.remote), self.at).is_ok()
        })
        .map(|(_, how)| {
            format!("the signature is right for the body {how}: whatever wrote the file changed the body")
        })
    }
}

/// The usual slips: the other scheme, a slash at the end of the path or none, no query.
fn near_urls(url: &str) -> Vec<String> {
    let other_scheme = match url.split_once("://") {
        Some(("https", rest)) => format!("http://{rest}"),
        Some((_, rest)) => format!("https://{rest}"),
        None => format!("https://{url}"),
    };
    [url.to_owned(), other_scheme]
        .into_iter()
        .flat_map(|url| {
            let (path, query) =
                url.split_once('?').map_or((url.as_str(), None), |(path, query)| (path, Some(query)));
            let other_slash = path.strip_suffix('/').map_or_else(|| format!("{path}/"), ToOwned::to_owned);
            let with = |path: &str| query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
            [with(path), with(&other_slash), path.to_owned(), other_slash.clone()]
        })
        .collect()
}

#[cfg(test)]
mod tests;
