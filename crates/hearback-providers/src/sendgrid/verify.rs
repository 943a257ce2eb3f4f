//! Checks a request: ECDSA signature, bearer token, basic credentials, whichever are configured.
//!
//! Signed are the bytes of the timestamp header followed by the raw body, nothing between, line ends at its end included;
//! SHA-256, P-256, the signature as base64 of ASN.1 DER. High S is legal. One check per request, however many events it
//! brings. Facts: SendGrid's "Event Webhook Security Features" and its Python and Node helpers.

use hearback_event::Timestamp;
use http::header::AUTHORIZATION;

use super::{RETRY_SECONDS, SendGridOptions};
use crate::crypto::{self, PublicKey, PublicKeyKind};
use crate::{Credential, Keys, OptionError, Proof, Refusal, Request};

pub(super) const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
pub(super) const TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";

/// What is checked of each request.
pub(super) struct Verifier {
    keys: Vec<PublicKey>,
    bearer: Keys,
    basic: Option<String>,
    max_age: u32,
}

impl Verifier {
    /// Reads the keys and credentials; without any there is nothing to check by, which is an error.
    pub(super) fn new(options: &SendGridOptions) -> Result<Self, Vec<OptionError>> {
        let mut errors = Vec::new();
        let mut keys = Vec::new();
        for key in &options.keys {
            match PublicKey::parse(PublicKeyKind::EcdsaP256, key.expose()) {
                Ok(key) => keys.push(key),
                Err(error) => errors.push(OptionError::new("keys", error.to_string())),
            }
        }
        let basic = basic(options).map_err(|error| errors.push(error)).ok().flatten();
        if errors.is_empty() && keys.is_empty() && options.bearer.is_empty() && basic.is_none() {
            errors.push(OptionError::new(
                "keys",
                "no key is set; enable the signed event webhook and copy its verification key (or set `bearer`, or `user` and \
                 `password`)",
            ));
        }
        if errors.is_empty() {
            Ok(Self { keys, bearer: options.bearer.clone(), basic, max_age: options.max_age })
        } else {
            Err(errors)
        }
    }

    /// Checks the credential, the signature, then its age.
    pub(super) fn verify(&self, request: &Request<'_>, now: Timestamp) -> Result<Proof, Refusal> {
        self.check_credential(request)?;
        if !self.keys.is_empty() {
            self.check_signature(request, now)?;
        }
        Ok(Proof::default())
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.bearer.warnings();
        if !self.keys.is_empty() && self.max_age < RETRY_SECONDS {
            warnings.push(format!(
                "max_age is shorter than the {RETRY_SECONDS} s for which SendGrid tries again: late retries would be refused"
            ));
        }
        warnings
    }

    pub(super) fn credentials(&self) -> Vec<Credential> {
        let bearer =
            (!self.bearer.is_empty()).then(|| Credential::header(&AUTHORIZATION, "Bearer ", &self.bearer));
        let basic = self.basic.as_deref().map(|pair| Credential::basic([pair]));
        bearer.into_iter().chain(basic).collect()
    }

    fn check_credential(&self, request: &Request<'_>) -> Result<(), Refusal> {
        if self.bearer.is_empty() && self.basic.is_none() {
            return Ok(());
        }
        let (scheme, value) = request
            .header("authorization")
            .and_then(|value| value.trim().split_once(' '))
            .ok_or(Refusal::MissingSignature("there is no Authorization header"))?;
        let value = value.trim();
        let known = if scheme.eq_ignore_ascii_case("bearer") {
            self.bearer.iter().any(|token| crypto::equal(token.expose().as_bytes(), value.as_bytes()))
        } else if scheme.eq_ignore_ascii_case("basic") {
            let sent = crypto::base64_decode(value).unwrap_or_default();
            self.basic.as_ref().is_some_and(|expected| crypto::equal(expected.as_bytes(), &sent))
        } else {
            false
        };
        if known { Ok(()) } else { Err(Refusal::BadSignature) }
    }

    fn check_signature(&self, request: &Request<'_>, now: Timestamp) -> Result<(), Refusal> {
        let header = |name, missing| {
            request.header(name).filter(|value| !value.is_empty()).ok_or(Refusal::MissingSignature(missing))
        };
        let signature = header(SIGNATURE, "there is no signature header")?;
        let timestamp = header(TIMESTAMP, "there is no timestamp header")?;
        let signature = crypto::base64_decode(signature.trim()).ok_or(Refusal::BadSignature)?;
        let message = [timestamp.as_bytes(), request.body].concat();
        if !self.keys.iter().any(|key| key.verifies(&message, &signature)) {
            return Err(Refusal::BadSignature);
        }
        // Documented is only that it is a text; all samples have seconds since the epoch.
        let signed_at = Timestamp::from_decimal_seconds(timestamp)
            .or_else(|_| Timestamp::parse_iso8601(timestamp))
            .map_err(|_| Refusal::Unparsable("the timestamp header is not a time".to_owned()))?;
        Refusal::check_age(signed_at, now, i64::from(self.max_age))
    }
}

fn basic(options: &SendGridOptions) -> Result<Option<String>, OptionError> {
    let password = options.password.as_ref().filter(|password| !password.is_empty());
    match (&options.user, password) {
        (Some(user), Some(password)) => Ok(Some(format!("{user}:{}", password.expose()))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(OptionError::new("password", "`user` is set without `password`")),
        (None, Some(_)) => Err(OptionError::new("user", "`password` is set without `user`")),
    }
}

#[cfg(test)]
mod tests;
