//! Credentials that stand in the request itself.

use http::HeaderName;
use http::header::AUTHORIZATION;

use crate::{Secret, crypto};

/// Something in a request that is right by being equal to what is configured: a password, a token. Unlike a signature
/// it lets whoever reads it make requests of their own, so it must not be kept.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Where it stands.
    pub place: Place,
    /// The texts that today's configuration accepts there, each whole and as it is usually spelt (`Basic dTpw`); in the
    /// query decoded. A check may be laxer than this: about the case of `Basic`, say.
    pub accepted: Vec<Secret>,
}

/// Where a credential stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The value of a header.
    Header(HeaderName),
    /// The value of a query parameter of this decoded name.
    Query(String),
}

impl Credential {
    /// HTTP Basic with any of these texts of the form `user:password`.
    pub(crate) fn basic<'a>(pairs: impl IntoIterator<Item = &'a str>) -> Self {
        let accepted = pairs
            .into_iter()
            .map(|pair| Secret::new(&format!("Basic {}", crypto::base64_encode(pair.as_bytes()))));
        Self { place: Place::Header(AUTHORIZATION), accepted: accepted.collect() }
    }

    /// Any of the secrets in a header, after a fixed text such as `Bearer `.
    pub(crate) fn header<'a>(
        name: &HeaderName,
        prefix: &str,
        secrets: impl IntoIterator<Item = &'a Secret>,
    ) -> Self {
        let accepted = secrets.into_iter().map(|secret| Secret::new(&format!("{prefix}{}", secret.expose())));
        Self { place: Place::Header(name.clone()), accepted: accepted.collect() }
    }

    /// Any of the secrets in the query.
    pub(crate) fn query<'a>(name: &str, secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        Self { place: Place::Query(name.to_owned()), accepted: secrets.into_iter().cloned().collect() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Endpoint, Options, provider};

    const SENDGRID_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEpbvuhZnS7Vn7ik8SSJtq5gQZW38m1nWkGKXFobJaksg3HMq6/5loCLV0kwZdvGdmz1szVf7n6mHb9wBUBsFhSA==";

    fn endpoint(name: &str, options: Value) -> Box<dyn Endpoint> {
        provider(name)
            .unwrap()
            .endpoint(&Options::from_value(options))
            .unwrap_or_else(|errors| panic!("{errors:?}"))
    }

    /// `place: accepted, accepted`, one per credential.
    fn told(endpoint: &dyn Endpoint) -> Vec<String> {
        let told = endpoint.credentials().into_iter().map(|credential| {
            let place = match credential.place {
                Place::Header(name) => name.to_string(),
                Place::Query(name) => format!("?{name}"),
            };
            let accepted: Vec<_> = credential.accepted.iter().map(Secret::expose).collect();
            format!("{place}: {}", accepted.join(", "))
        });
        told.collect()
    }

    #[test]
    fn each_provider_tells_its_credentials() {
        let generic = |auth: Value| json!({"auth": [auth], "allow_unauthenticated": true});
        let cases: [(&str, Value, &[&str]); 14] = [
            ("postmark", json!({"user": "u", "password": "p:q"}), &["authorization: Basic dTpwOnE="]),
            (
                "postmark",
                json!({"credentials": ["u:p", "v:w"], "header": "X-Gate", "header_value": ["a", "b"]}),
                &["authorization: Basic dTpw, Basic djp3", "x-gate: a, b"],
            ),
            ("postmark", json!({"networks": "192.0.2.0/24"}), &[]),
            ("mandrill", json!({"keys": "k"}), &[]),
            ("mandrill", json!({"keys": "k", "secret": "s"}), &["?secret: s"]),
            ("mandrill", json!({"keys": "k", "secret": "a b&c", "secret_name": "gate"}), &["?gate: a b&c"]),
            ("sendgrid", json!({"keys": SENDGRID_KEY}), &[]),
            (
                "sendgrid",
                json!({"bearer": ["a", "b"], "user": "u", "password": "p"}),
                &["authorization: Bearer a, Bearer b", "authorization: Basic dTpw"],
            ),
            (
                "generic",
                generic(json!({"kind": "basic", "user": "u", "password": ["p", "w"]})),
                &["authorization: Basic dTpw, Basic dTp3"],
            ),
            (
                "generic",
                generic(json!({"kind": "header", "header": "X-Gate", "value": ["a", "b"]})),
                &["x-gate: a, b"],
            ),
            (
                "generic",
                generic(
                    json!({"kind": "header", "header": "X-Gate", "value_prefix": "Token ", "value": "a"}),
                ),
                &["x-gate: Token a"],
            ),
            (
                "generic",
                generic(json!({"kind": "query", "parameter": "gate", "value": ["a", "b"]})),
                &["?gate: a, b"],
            ),
            ("generic", generic(json!({"kind": "hmac", "header": "x-s", "secrets": "s"})), &[]),
            ("generic", generic(json!({"kind": "ip", "networks": ["192.0.2.1"]})), &[]),
        ];
        for (name, options, expected) in cases {
            assert_eq!(told(&*endpoint(name, options.clone())), expected, "{name} {options}");
        }
    }

    #[test]
    fn nothing_of_them_is_printed() {
        let endpoint = endpoint("postmark", json!({"user": "somebody", "password": "hush"}));
        let text = format!("{:?}", endpoint.credentials());
        assert!(!text.contains("c29tZWJvZHk6aHVzaA") && text.contains("authorization"), "{text}");
    }
}
