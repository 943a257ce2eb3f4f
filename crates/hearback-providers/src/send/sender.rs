//! The shape that sending has with every provider.

use std::fmt;

use hearback_event::Channel;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{Answer, Draft, DraftError, Meaning};
use crate::{Secret, crypto};

/// One configured account of a provider: credentials and defaults, ready to make requests.
pub trait Sender: Send + Sync {
    /// How what it sends travels.
    fn channel(&self) -> Channel;

    /// The request that hands the message over. Whoever makes it knows nothing of what became of earlier ones.
    ///
    /// # Errors
    /// The field that cannot be sent so, and what would be right there.
    fn request(&self, draft: &Draft) -> Result<Outgoing, DraftError>;

    /// What the answer means. Total: what is not understood is [`Meaning::Unclear`].
    fn meaning(&self, answer: &Answer<'_>) -> Meaning;

    /// For so many seconds after the first one, a request with the same [`Draft::idempotency_key`] is sent once only, by the
    /// provider's word. `None` where it promises nothing of the kind: then a repeat is another message.
    fn repeats_safely_for(&self) -> Option<u32> {
        None
    }

    /// What the user should know about this configuration, though it works.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A `POST` that hands a message to a provider. `Debug` shows neither credentials nor content.
#[derive(Clone)]
pub struct Outgoing {
    /// Where to.
    pub url: String,
    /// Content type, credentials and the like.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("url", &self.url)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Outgoing {
    /// Of a JSON value.
    pub(crate) fn json(url: String, body: &serde_json::Value) -> Self {
        Self::new(url, "application/json", body.to_string().into_bytes())
    }

    /// Of the fields of a form.
    pub(crate) fn form<'a>(url: String, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Self::new(url, "application/x-www-form-urlencoded", body.into_bytes())
    }

    fn new(url: String, content_type: &'static str, body: Vec<u8>) -> Self {
        let accept = (header::ACCEPT, HeaderValue::from_static("application/json"));
        let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(content_type)), accept];
        Self { url, headers: headers.into_iter().collect(), body }
    }

    /// With `Authorization: Bearer`.
    pub(crate) fn bearer(self, key: &Secret) -> Self {
        self.secret(header::AUTHORIZATION, &format!("Bearer {}", key.expose()))
    }

    /// With `Authorization: Basic`.
    pub(crate) fn basic(self, user: &str, password: &Secret) -> Self {
        let pair = crypto::base64_encode(format!("{user}:{}", password.expose()).as_bytes());
        self.secret(header::AUTHORIZATION, &format!("Basic {pair}"))
    }

    /// With a header that must not be shown. A value that no header can have is left out, and the provider will refuse; keys are
    /// checked when they are read.
    pub(crate) fn secret(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            self.headers.insert(name, value);
        }
        self
    }

    /// With a further header.
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}
