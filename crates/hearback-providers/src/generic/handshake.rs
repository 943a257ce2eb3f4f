//! Handshakes: requests by which a sender checks the URL. They are answered before authentication and store nothing.

use serde_json::Value;

use super::answers::content_type;
use super::content::whole_text;
use super::document::Shape;
use super::signature::Encoding;
use super::signature_options::secret_bytes;
use super::source::{Pointer, Scene, Source, query_name};
use super::table::{Problems, Table};
use crate::crypto::{Hash, HmacKey};
use crate::{Reply, Request, json};

/// A rule: which requests it answers, and what.
#[derive(Debug)]
pub(super) struct Rule {
    method: Option<String>,
    place: Option<Source>,
    equals: Option<String>,
    answer: Answer,
    before: String,
    after: String,
    content_type: Option<&'static str>,
}

#[derive(Debug)]
enum Answer {
    Text(String),
    Echo(Source),
    Hmac { of: Source, key: Box<HmacKey>, encoding: Encoding },
}

/// Longer values are not echoed: no sender's challenge is.
const LONGEST_ECHO: usize = 1024;

impl Rule {
    pub(super) fn read(mut table: Table, problems: &mut Problems) -> Option<Self> {
        let path = table.path("when");
        let Some(mut when) = table.table("when", problems) else {
            problems.error(&path, "is not set; such as `{method = \"GET\", query = \"challenge\"}`");
            return None;
        };
        let method = when.text("method", problems).map(|method| method.to_ascii_uppercase());
        let query = when.text("query", problems);
        let query = query.and_then(|name| problems.keep(&when.path("query"), query_name(&name)));
        let pointer = when.text("pointer", problems);
        let pointer = pointer.and_then(|text| problems.keep(&when.path("pointer"), Pointer::parse(&text)));
        let equals = when.take("equals");
        if query.is_some() == pointer.is_some() {
            problems.error(&path, "give `query` or `pointer`, and not both");
        }
        let equals = equals.and_then(|value| {
            problems
                .keep(&when.path("equals"), json::scalar(&value).ok_or_else(|| "expected a text".to_owned()))
        });
        when.finish(problems);
        let before = table.text("before", problems).unwrap_or_default();
        let after = table.text("after", problems).unwrap_or_default();
        let kind = content_type(&mut table, "content_type", problems);
        let answer = Answer::read(&mut table, problems);
        table.finish(problems);
        let place = query.map(Source::Query).or(pointer.map(Source::Pointer));
        Some(Self { method, place, equals, answer: answer?, before, after, content_type: kind })
    }

    /// The answer, if this rule is meant.
    pub(super) fn answer(&self, request: &Request<'_>, shape: &Shape) -> Option<Reply> {
        if self.method.as_deref().is_some_and(|method| method != request.method) {
            return None;
        }
        let looks_into_body = self.sources().any(|source| matches!(source, Source::Pointer(_)));
        let body = if looks_into_body { shape.value(request).ok()? } else { Value::Null };
        let scene = Scene { request, event: &body };
        let found = text(self.place.as_ref()?, scene)?;
        if self.equals.as_ref().is_some_and(|wanted| *wanted != found) {
            return None;
        }
        let answer = match &self.answer {
            Answer::Text(text) => text.clone(),
            Answer::Echo(source) => text(source, scene)?,
            Answer::Hmac { of, key, encoding } => {
                let challenge = text(of, scene).filter(|text| is_challenge(text))?;
                encoding.encode(&key.sign(&[challenge.as_bytes()]))
            }
        };
        let body = format!("{}{answer}{}", self.before, self.after);
        Some(Reply { status: 200, content_type: self.content_type, body: body.into_bytes() })
    }

    fn sources(&self) -> impl Iterator<Item = &Source> {
        let of_answer = match &self.answer {
            Answer::Text(_) => None,
            Answer::Echo(source) | Answer::Hmac { of: source, .. } => Some(source),
        };
        self.place.iter().chain(of_answer)
    }
}

fn text(source: &Source, scene: Scene<'_>) -> Option<String> {
    whole_text(source.value(scene)?.as_ref()).filter(|text| text.len() <= LONGEST_ECHO)
}

/// Whether a text can be nothing but a challenge. The key may be the one that signs events, and whoever asks gets an
/// answer: no text may be signed that could be the content of an event (JSON and forms need braces or `=` inside).
fn is_challenge(text: &str) -> bool {
    let inner = text.trim_end_matches('=');
    !inner.is_empty()
        && inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'/'))
}

impl Answer {
    fn read(table: &mut Table, problems: &mut Problems) -> Option<Self> {
        let fixed = table.text("text", problems);
        let echo = table.text("echo", problems);
        let echo = echo.and_then(|text| problems.keep(&table.path("echo"), Source::parse(&text)));
        let hmac = table.table("hmac", problems);
        let given = usize::from(fixed.is_some()) + usize::from(echo.is_some()) + usize::from(hmac.is_some());
        if given != 1 {
            problems.error(table.own_path(), "needs one of: text, echo, hmac");
        }
        let hmac = hmac.and_then(|table| Self::read_hmac(table, problems));
        fixed.map(Self::Text).or(echo.map(Self::Echo)).or(hmac)
    }

    fn read_hmac(mut table: Table, problems: &mut Problems) -> Option<Self> {
        let of = table.required("of", "what to sign, such as `query:challenge`", problems);
        let of = of.and_then(|text| problems.keep(&table.path("of"), Source::parse(&text)));
        let hashes = [
            ("sha256", Hash::Sha256),
            ("sha512", Hash::Sha512),
            ("sha384", Hash::Sha384),
            ("sha1", Hash::Sha1),
        ];
        let hash = table.choice("algorithm", &hashes, problems)?;
        let encodings =
            [("hex", Encoding::Hex), ("base64", Encoding::Base64), ("base64url", Encoding::Base64Url)];
        let encoding = table.choice("encoding", &encodings, problems)?;
        let secret = table.secrets("secret", problems).into_iter().next();
        let path = table.path("secret");
        table.finish(problems);
        let bytes = problems.keep(&path, secret_bytes(&secret?, "", Encoding::Utf8))?;
        Some(Self::Hmac { of: of?, key: Box::new(HmacKey::new(hash, &bytes)), encoding })
    }
}
