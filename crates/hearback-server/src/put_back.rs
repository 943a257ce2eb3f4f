//! Putting credentials back into a refused request, where those of today's configuration are the ones that were sent.
//!
//! The quarantine keeps digests only. Which credential was sent need not be known to try the request again: it can be
//! genuine only with one that is configured today, so those are compared.

use hearback_providers::{Credential, Place, RawRequest, Secret};
use http::HeaderValue;

use crate::ingest::{Digest, REMOVED};

/// A refused request with every credential in its place that is known today. It is for verifying, never for keeping.
pub(crate) struct PutBack {
    /// The request; what is not known stays removed.
    pub(crate) raw: RawRequest,
    /// Path and query in each spelling that the sender may have used, where a credential in the query was put back:
    /// a signature may cover the URL, and the digest does not tell how the value was escaped. Else as received.
    pub(crate) targets: Vec<String>,
    /// What became of the credentials.
    pub(crate) fate: Fate,
}

/// What became of the credentials that were removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// There was none, or all that are looked for are in their places again.
    Whole,
    /// One in a header that is looked at is none of today's.
    Unknown,
    /// One was removed without a digest, and is gone for good.
    Lost,
}

impl PutBack {
    pub(crate) fn new(mut raw: RawRequest, credentials: &[Credential]) -> Self {
        let mut fate = if is_any_lost(&raw) { Fate::Lost } else { Fate::Whole };
        for (name, value) in &mut raw.headers {
            let Some(digest) = value.to_str().ok().and_then(Digest::parse) else { continue };
            let is_there = |credential: &&Credential| matches!(&credential.place, Place::Header(header) if header == name);
            let mut there = credentials.iter().filter(is_there).peekable();
            if there.peek().is_none() {
                continue;
            }
            let known = known(&digest, there);
            if let Some(mut sent) =
                known.and_then(|secret| HeaderValue::from_bytes(secret.expose().as_bytes()).ok())
            {
                sent.set_sensitive(true);
                *value = sent;
            } else if fate == Fate::Whole {
                fate = Fate::Unknown;
            }
        }
        let targets = targets(&raw.path_and_query, credentials);
        if let Some(target) = targets.first() {
            raw.path_and_query.clone_from(target);
        }
        Self { raw, targets, fate }
    }
}

fn is_any_lost(raw: &RawRequest) -> bool {
    raw.headers.values().any(|value| value == REMOVED)
        || pairs(&raw.path_and_query).any(|(_, value)| value == Some(REMOVED))
}

/// The credential of this digest, if it is among those that are accepted.
fn known<'a>(digest: &Digest, credentials: impl Iterator<Item = &'a Credential>) -> Option<&'a Secret> {
    credentials
        .flat_map(|credential| &credential.accepted)
        .find(|secret| digest.is_of(secret.expose().as_bytes()))
}

/// Names and values of the query as they stand there.
fn pairs(target: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let query = target.split_once('?').map(|(_, query)| query);
    query.into_iter().flat_map(|query| query.split('&')).map(|pair| match pair.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (pair, None),
    })
}

fn targets(target: &str, credentials: &[Credential]) -> Vec<String> {
    let known = |(name, value): (&str, Option<&str>)| {
        let (name, _) = form_urlencoded::parse(name.as_bytes()).next()?;
        let is_there = |credential: &&Credential| matches!(&credential.place, Place::Query(parameter) if *parameter == name);
        known(&Digest::parse(value?)?, credentials.iter().filter(is_there))
    };
    let secrets: Vec<Option<&Secret>> = pairs(target).map(known).collect();
    if secrets.iter().all(Option::is_none) {
        return vec![target.to_owned()];
    }
    let mut targets: Vec<_> =
        [form, percent, plain].iter().filter_map(|spell| spelt(target, &secrets, spell)).collect();
    targets.dedup();
    targets
}

/// The target with the secrets in their places, unless one cannot be spelt in this way.
fn spelt(
    target: &str,
    secrets: &[Option<&Secret>],
    spell: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let (path, _) = target.split_once('?')?;
    let mut text = path.to_owned();
    for (place, ((name, value), secret)) in pairs(target).zip(secrets).enumerate() {
        text.push(if place == 0 { '?' } else { '&' });
        text.push_str(name);
        match (value, secret) {
            (Some(_), Some(secret)) => {
                text.push('=');
                text.push_str(&spell(secret.expose())?);
            }
            (Some(value), None) => {
                text.push('=');
                text.push_str(value);
            }
            (None, _) => {}
        }
    }
    Some(text)
}

/// As forms do it: a blank is `+`.
#[expect(clippy::unnecessary_wraps, reason = "one of several spellings")]
fn form(secret: &str) -> Option<String> {
    Some(form_urlencoded::byte_serialize(secret.as_bytes()).collect())
}

/// As URLs do it: a blank is `%20`.
fn percent(secret: &str) -> Option<String> {
    Some(form(secret)?.replace('+', "%20"))
}

/// Not escaped at all, where it is understood even so: people paste secrets into URLs.
fn plain(secret: &str) -> Option<String> {
    let pair = format!("={secret}");
    let same = form_urlencoded::parse(pair.as_bytes()).next().is_some_and(|(_, value)| value == secret);
    (same && secret.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')).then(|| secret.to_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;
    use crate::ingest::digest_of;

    fn credential(place: Place, accepted: &[&str]) -> Credential {
        Credential { place, accepted: accepted.iter().map(|text| Secret::new(text)).collect() }
    }

    fn header(name: &'static str, accepted: &[&str]) -> Credential {
        credential(Place::Header(HeaderName::from_static(name)), accepted)
    }

    fn query(name: &str, accepted: &[&str]) -> Credential {
        credential(Place::Query(name.to_owned()), accepted)
    }

    fn put_back(head: &str, credentials: &[Credential]) -> PutBack {
        PutBack::new(RawRequest::parse(format!("{head}\r\n\r\n").as_bytes()).unwrap(), credentials)
    }

    #[test]
    fn only_what_is_accepted_in_its_place_is_put_back() {
        let digest = digest_of("sent");
        let cases = [
            (vec![header("x-gate", &["old", "sent"])], true, Fate::Whole),
            (vec![header("x-gate", &["old"]), header("x-gate", &["sent"])], true, Fate::Whole),
            (vec![header("x-gate", &["Sent"])], false, Fate::Unknown),
            (vec![header("x-other", &["sent"])], false, Fate::Whole),
            (vec![query("x-gate", &["sent"])], false, Fate::Whole),
            (vec![], false, Fate::Whole),
        ];
        for (credentials, is_known, fate) in cases {
            let got = put_back(&format!("POST / HTTP/1.1\r\nx-gate: {digest}"), &credentials);
            let expected = if is_known { "sent" } else { &digest };
            assert_eq!(got.raw.headers["x-gate"], expected, "{credentials:?}");
            assert_eq!((got.fate, got.targets), (fate, vec!["/".to_owned()]), "{credentials:?}");
        }
    }

    #[test]
    fn in_the_query_every_spelling_is_tried() {
        let cases: [(&str, &[&str]); 5] = [
            ("simple-1", &["/a?n=1&gate=simple-1&m"]),
            ("a b", &["/a?n=1&gate=a+b&m", "/a?n=1&gate=a%20b&m"]),
            ("a/b=", &["/a?n=1&gate=a%2Fb%3D&m", "/a?n=1&gate=a/b=&m"]),
            ("a+b&#", &["/a?n=1&gate=a%2Bb%26%23&m"]),
            ("gr\u{fc}n", &["/a?n=1&gate=gr%C3%BCn&m"]),
        ];
        for (secret, expected) in cases {
            let head = format!("POST /a?n=1&gate={}&m HTTP/1.1", digest_of(secret));
            let got = put_back(&head, &[query("gate", &[secret])]);
            assert_eq!(got.targets, expected);
            assert_eq!(got.raw.path_and_query, expected[0]);
            let got = put_back(&head, &[query("Gate", &[secret]), query("gate", &["other"])]);
            assert!(got.targets.len() == 1 && got.targets[0].contains("pbkdf2"), "{:?}", got.targets);
        }
    }

    #[test]
    fn what_has_no_digest_is_lost() {
        for (head, lost) in [
            ("POST /?a=[removed] HTTP/1.1", true),
            ("POST / HTTP/1.1\r\nx: [removed]", true),
            ("POST /?[removed] HTTP/1.1\r\nuser-agent: x [removed]", false),
        ] {
            assert_eq!(put_back(head, &[]).fate == Fate::Lost, lost, "{head}");
        }
    }
}
