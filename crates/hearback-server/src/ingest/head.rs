//! The head of a request as it is kept: request line and headers, without secrets.

use http::request::Parts;
use http::{HeaderName, Version, header};

/// What stands in place of a secret.
pub(crate) const REMOVED: &str = "[removed]";

/// Request line and headers as on the wire, each ended by CRLF; values that may be secrets are replaced. A value that
/// is not visible ASCII is left out: no provider sends one, and it could not be shown.
pub(super) fn head(parts: &Parts) -> String {
    let target = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let size: usize = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let mut text = String::with_capacity(size + target.len() + 32);
    text.push_str(parts.method.as_str());
    text.push(' ');
    push_target(&mut text, target);
    text.push_str(if parts.version == Version::HTTP_10 { " HTTP/1.0\r\n" } else { " HTTP/1.1\r\n" });
    for (name, value) in &parts.headers {
        let Ok(value) = value.to_str() else { continue };
        text.push_str(name.as_str());
        text.push_str(": ");
        text.push_str(if is_secret_header(name) { REMOVED } else { value });
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

fn push_target(text: &mut String, target: &str) {
    let Some((path, query)) = target.split_once('?') else { return text.push_str(target) };
    text.push_str(path);
    for (place, pair) in query.split('&').enumerate() {
        text.push(if place == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((name, _)) if is_secret_parameter(name) => {
                text.push_str(name);
                text.push('=');
                text.push_str(REMOVED);
            }
            _ => text.push_str(pair),
        }
    }
}

/// Whether a query parameter may carry a credential.
fn is_secret_parameter(name: &str) -> bool {
    let name = form_urlencoded::parse(name.as_bytes())
        .next()
        .map(|(name, _)| name.to_ascii_lowercase())
        .unwrap_or_default();
    ["secret", "key", "token", "passw", "pwd", "auth", "credential"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let text = head(&request.into_parts().0);
        assert!(!text.contains("s3"), "{text}");
        let line = "POST /webhooks/a?x=1&Secret=[removed]&api%5Fkey=[removed]&bodySHA256=ab&token=[removed]&flag HTTP/1.1\r\nhost: h\r\nauthorization: [removed]\r\n";
        assert!(text.starts_with(line), "{text}");
        assert!(
            text.ends_with("i-twilio-idempotency-token: kept\r\nx-twilio-signature: kept=\r\n"),
            "{text}"
        );
    }

    #[test]
    fn a_kept_head_can_be_read_again() {
        let request = http::Request::post("/webhooks/a?b=c").header("x", "y").body(()).unwrap();
        let mut bytes = head(&request.into_parts().0).into_bytes();
        bytes.extend_from_slice(b"\r\nbody");
        let again = hearback_providers::RawRequest::parse(&bytes).unwrap();
        assert_eq!((&*again.path_and_query, &*again.body), ("/webhooks/a?b=c", &b"body"[..]));
    }
}
