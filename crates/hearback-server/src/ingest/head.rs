//! The head of a request as it is kept: request line and headers, without secrets.

use hearback_providers::{Endpoint, Place};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Version, header};

use super::removed::{Digest, OPENING, REMOVED};

/// Most digests of one head. Each takes time, and a stranger may send any number of headers that look like secrets; a
/// genuine request has one or two.
const DIGESTS_MAX: usize = 4;

/// What is kept of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// That there was one.
    Nothing,
    /// A digest, by which it can be recognised: for refused requests.
    Digests,
}

/// The names under which credentials of a source stand, as its user chose them.
#[derive(Debug, Default)]
pub(crate) struct CredentialNames {
    headers: Vec<HeaderName>,
    parameters: Vec<String>,
}

impl CredentialNames {
    pub(super) fn of(endpoint: &dyn Endpoint) -> Self {
        let mut names = Self::default();
        for credential in endpoint.credentials() {
            match credential.place {
                Place::Header(name) => names.headers.push(name),
                Place::Query(name) => names.parameters.push(name),
            }
        }
        names
    }

    fn has_header(&self, name: &HeaderName) -> bool {
        self.headers.contains(name) || is_secret_header(name)
    }

    /// The case is not looked at, though checks do: under a wrongly written name there is a secret all the same.
    fn has_parameter(&self, name: &str) -> bool {
        self.parameters.iter().any(|parameter| parameter.eq_ignore_ascii_case(name))
            || is_secret_parameter(name)
    }
}

/// Whether a header may carry a credential. Signatures are none: who sees one cannot make another.
fn is_secret_header(name: &HeaderName) -> bool {
    if matches!(*name, header::AUTHORIZATION | header::PROXY_AUTHORIZATION | header::COOKIE) {
        return true;
    }
    let name = name.as_str();
    ["secret", "token", "password", "auth", "key"].iter().any(|word| name.ends_with(word))
        && !name.contains("idempotency")
}

/// Whether a query parameter may carry a credential.
fn is_secret_parameter(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["secret", "key", "token", "passw", "pwd", "auth", "credential"].iter().any(|word| name.contains(word))
}

/// Request line and headers as on the wire, each ended by CRLF; values that may be secrets are replaced. Any other value
/// that is not visible ASCII is left out: no provider sends one, and it could not be shown.
pub(super) fn head(parts: &Parts, credentials: &CredentialNames, keep: Keep) -> String {
    let target = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let size: usize = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let digests_left = if keep == Keep::Digests { DIGESTS_MAX } else { 0 };
    let mut head = Head { text: String::with_capacity(size + target.len() + 32), credentials, digests_left };
    head.push(parts.method.as_str());
    head.push(" ");
    head.push_target(target);
    head.push(if parts.version == Version::HTTP_10 { " HTTP/1.0\r\n" } else { " HTTP/1.1\r\n" });
    for (name, value) in &parts.headers {
        head.push_header(name, value);
    }
    head.text
}

struct Head<'a> {
    text: String,
    credentials: &'a CredentialNames,
    digests_left: usize,
}

impl Head<'_> {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn push_target(&mut self, target: &str) {
        let Some((path, query)) = target.split_once('?') else { return self.push(target) };
        self.push(path);
        for (place, pair) in query.split('&').enumerate() {
            self.push(if place == 0 { "?" } else { "&" });
            self.push_pair(pair);
        }
    }

    fn push_pair(&mut self, pair: &str) {
        let decoded = form_urlencoded::parse(pair.as_bytes()).next();
        match (pair.split_once('='), decoded) {
            (Some((name, _)), Some((decoded, value)))
                if self.credentials.has_parameter(&decoded) || is_imitation(value.as_bytes()) =>
            {
                self.push(name);
                self.push("=");
                // Decoded, as checks compare it: one value can be spelt in several ways.
                self.push_removed(value.as_bytes());
            }
            _ => self.push(pair),
        }
    }

    fn push_header(&mut self, name: &HeaderName, value: &HeaderValue) {
        let secret = self.credentials.has_header(name) || is_imitation(value.as_bytes());
        let shown = match value.to_str() {
            _ if secret => None,
            Ok(text) => Some(text),
            Err(_) => return,
        };
        self.push(name.as_str());
        self.push(": ");
        match shown {
            Some(text) => self.push(text),
            None => self.push_removed(value.as_bytes()),
        }
        self.push("\r\n");
    }

    fn push_removed(&mut self, value: &[u8]) {
        let digest = if self.digests_left > 0 { Digest::of(value) } else { None };
        match digest {
            Some(digest) => {
                self.digests_left -= 1;
                self.text.push_str(&digest.to_string());
            }
            None => self.push(REMOVED),
        }
    }
}

/// Whether a sender wrote what only we write. It is replaced too: else whoever has seen a digest in the database could have
/// it taken for the credential.
fn is_imitation(value: &[u8]) -> bool {
    value.starts_with(OPENING.as_bytes())
}

#[cfg(test)]
mod tests {
    use hearback_providers::{Options, RawRequest, provider};
    use serde_json::{Value, json};

    use super::super::removed::without_digests;
    use super::*;

    fn names(of: &str, options: Value) -> CredentialNames {
        let endpoint = provider(of).unwrap().endpoint(&Options::from_value(options)).ok().unwrap();
        CredentialNames::of(&*endpoint)
    }

    fn kept(request: http::request::Builder, names: &CredentialNames, keep: Keep) -> String {
        head(&request.body(()).unwrap().into_parts().0, names, keep)
    }

    #[test]
    fn secrets_are_removed_and_signatures_are_kept() {
        let request = http::Request::post("/webhooks/a?x=1&Secret=s3&api%5Fkey=s3&bodySHA256=ab&token=&flag")
            .header("host", "h")
            .header("Authorization", "Basic s3")
            .header("cookie", "s3")
            .header("x-api-key", "s3")
            .header("x-webhook-secret", "s3")
            .header("x-gitlab-token", "s3")
            .header("i-twilio-idempotency-token", "kept")
            .header("x-twilio-signature", "kept=");
        let text = kept(request, &CredentialNames::default(), Keep::Nothing);
        assert!(!text.contains("s3"), "{text}");
        let line = "POST /webhooks/a?x=1&Secret=[removed]&api%5Fkey=[removed]&bodySHA256=ab&token=[removed]&flag HTTP/1.1\r\nhost: h\r\nauthorization: [removed]\r\n";
        assert!(text.starts_with(line), "{text}");
        assert!(
            text.ends_with("i-twilio-idempotency-token: kept\r\nx-twilio-signature: kept=\r\n"),
            "{text}"
        );
    }

    /// Whatever name a user chooses, what stands under it is not kept.
    #[test]
    fn chosen_names_are_secret() {
        let generic = |auth: Value| json!({"auth": [auth]});
        let cases = [
            (
                names("postmark", json!({"header": "X-Gate", "header_value": "s3"})),
                http::Request::post("/a?n=1").header("x-gate", "s3"),
                "POST /a?n=1 HTTP/1.1\r\nx-gate: R\r\n",
            ),
            (
                names("mandrill", json!({"keys": "k", "secret": "s3", "secret_name": "gate"})),
                http::Request::post("/a?n=1&gate=s3&gate=s%33&Gate=s3&gatepost=1").header("x", "y"),
                "POST /a?n=1&gate=R&gate=R&Gate=R&gatepost=1 HTTP/1.1\r\nx: y\r\n",
            ),
            (
                names("generic", generic(json!({"kind": "query", "parameter": "a b", "value": "s3"}))),
                http::Request::post("/a?a+b=s3&a%20b=s3&ab=1"),
                "POST /a?a+b=R&a%20b=R&ab=1 HTTP/1.1\r\n",
            ),
            (
                names("generic", generic(json!({"kind": "header", "header": "X-Gate", "value": "s3"}))),
                http::Request::post("/").header("X-GATE", "s3").header("x-gate", &b"s3\xfc"[..]),
                "POST / HTTP/1.1\r\nx-gate: R\r\nx-gate: R\r\n",
            ),
        ];
        for (names, request, expected) in cases {
            let parts = request.body(()).unwrap().into_parts().0;
            assert_eq!(head(&parts, &names, Keep::Nothing), expected.replace('R', "[removed]"));
            let text = head(&parts, &names, Keep::Digests);
            assert!(!text.contains("s3") && !text.contains("s%33") && text.contains("pbkdf2"), "{text}");
            assert_eq!(without_digests(&text), head(&parts, &names, Keep::Nothing));
        }
    }

    #[test]
    fn digests_are_of_what_was_received() {
        let request = http::Request::post("/a?token=a%20b%26c").header("authorization", &b"gr\xfcn"[..]);
        let text = kept(request, &CredentialNames::default(), Keep::Digests);
        let again = RawRequest::parse(format!("{text}\r\n").as_bytes()).unwrap();
        let (_, token) = again.path_and_query.split_once('=').unwrap();
        assert!(Digest::parse(token).unwrap().is_of(b"a b&c"));
        let header = again.headers["authorization"].to_str().unwrap();
        assert!(Digest::parse(header).unwrap().is_of(b"gr\xfcn"));
    }

    #[test]
    fn the_work_for_one_request_is_bounded() {
        let request = http::Request::post(format!("/a?{}", "token=a&".repeat(1000))).header("cookie", "a");
        let text = kept(request, &CredentialNames::default(), Keep::Digests);
        assert_eq!(text.matches("pbkdf2").count(), DIGESTS_MAX);
        assert_eq!(text.matches("[removed]").count(), 1001 - DIGESTS_MAX);
    }

    #[test]
    fn nobody_else_can_write_a_digest() {
        let digest = Digest::of(b"seen in the database").unwrap().to_string();
        for keep in [Keep::Nothing, Keep::Digests] {
            let target = format!("/a?n={digest}&m=%5Bremoved%3B");
            let request = http::Request::post(target).header("x-gate", &digest);
            let text = kept(request, &CredentialNames::default(), keep);
            assert!(!text.contains(&digest) && !text.contains("%5B"), "{text}");
            let expected = "POST /a?n=[removed]&m=[removed] HTTP/1.1\r\nx-gate: [removed]\r\n";
            assert_eq!(without_digests(&text), expected);
        }
    }

    #[test]
    fn a_kept_head_can_be_read_again() {
        for keep in [Keep::Nothing, Keep::Digests] {
            let request =
                http::Request::post("/webhooks/a?b=c&token=d").header("x", "y").header("cookie", "z");
            let mut bytes = kept(request, &CredentialNames::default(), keep).into_bytes();
            bytes.extend_from_slice(b"\r\nbody");
            let again = RawRequest::parse(&bytes).unwrap();
            assert!(again.path_and_query.starts_with("/webhooks/a?b=c&token=[removed"), "{again:?}");
            assert_eq!((again.headers.len(), &*again.body), (2, &b"body"[..]));
        }
    }
}
