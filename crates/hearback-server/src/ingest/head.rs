//! The head of a request as it is kept: request line and headers, without secrets.

use hearback_providers::{Endpoint, Place};
use http::request::Parts;
use http::{HeaderName, Version, header};

/// What stands in place of a secret.
pub(crate) const REMOVED: &str = "[removed]";

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

/// Request line and headers as on the wire, each ended by CRLF; values that may be secrets are replaced. A value that
/// is not visible ASCII is left out: no provider sends one, and it could not be shown.
pub(super) fn head(parts: &Parts, credentials: &CredentialNames) -> String {
    let target = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let size: usize = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let mut text = String::with_capacity(size + target.len() + 32);
    text.push_str(parts.method.as_str());
    text.push(' ');
    push_target(&mut text, target, credentials);
    text.push_str(if parts.version == Version::HTTP_10 { " HTTP/1.0\r\n" } else { " HTTP/1.1\r\n" });
    for (name, value) in &parts.headers {
        let Ok(value) = value.to_str() else { continue };
        text.push_str(name.as_str());
        text.push_str(": ");
        text.push_str(if credentials.has_header(name) { REMOVED } else { value });
        text.push_str("\r\n");
    }
    text
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

fn push_target(text: &mut String, target: &str, credentials: &CredentialNames) {
    let Some((path, query)) = target.split_once('?') else { return text.push_str(target) };
    text.push_str(path);
    for (place, pair) in query.split('&').enumerate() {
        text.push(if place == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((name, _)) if credentials.has_parameter(&decoded(name)) => {
                text.push_str(name);
                text.push('=');
                text.push_str(REMOVED);
            }
            _ => text.push_str(pair),
        }
    }
}

fn decoded(name: &str) -> String {
    form_urlencoded::parse(name.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

/// Whether a query parameter may carry a credential.
fn is_secret_parameter(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["secret", "key", "token", "passw", "pwd", "auth", "credential"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use hearback_providers::{Options, provider};
    use serde_json::{Value, json};

    use super::*;

    fn names(of: &str, options: Value) -> CredentialNames {
        let endpoint = provider(of).unwrap().endpoint(&Options::from_value(options)).ok().unwrap();
        CredentialNames::of(&*endpoint)
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
            .header("x-twilio-signature", "kept=")
            .body(())
            .unwrap();
        let text = head(&request.into_parts().0, &CredentialNames::default());
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
                http::Request::post("/").header("X-GATE", "s3").header("x-gate", "s4"),
                "POST / HTTP/1.1\r\nx-gate: R\r\nx-gate: R\r\n",
            ),
        ];
        for (names, request, expected) in cases {
            let parts = request.body(()).unwrap().into_parts().0;
            assert_eq!(head(&parts, &names), expected.replace('R', "[removed]"));
        }
    }

    #[test]
    fn a_kept_head_can_be_read_again() {
        let request = http::Request::post("/webhooks/a?b=c").header("x", "y").body(()).unwrap();
        let mut bytes = head(&request.into_parts().0, &CredentialNames::default()).into_bytes();
        bytes.extend_from_slice(b"\r\nbody");
        let again = hearback_providers::RawRequest::parse(&bytes).unwrap();
        assert_eq!((&*again.path_and_query, &*again.body), ("/webhooks/a?b=c", &b"body"[..]));
    }
}
