//! The bytes that are signed: a template over the request.
//!
//! It is rendered to bytes, never to text: `{body}` is the body as received. A variable without a value means that the
//! request is not signed as configured, and it is refused.

use std::borrow::Cow;

use http::HeaderName;
use serde_json::Value;

use super::source::{Pointer, header_name, query_name, short};
use super::template::{self, Piece};
use crate::{Refusal, Request, crypto, json};

/// What a variable of a content template stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Variable {
    Body,
    BodySha256Hex,
    BodySha256Raw,
    Timestamp,
    Id,
    Nonce,
    Method,
    Path,
    PathAndQuery,
    Url,
    UrlWithoutQuery,
    Header(HeaderName),
    Query(String),
    Json(Pointer),
}

/// A part of the content.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Vec<u8>),
    Variable(Variable),
}

/// A compiled content template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content(Vec<Part>);

/// The values of the variables that have settings of their own.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    pub(super) timestamp: Option<String>,
    pub(super) id: Option<String>,
    pub(super) nonce: Option<String>,
}

const KNOWN: &str = "{body}, {body_sha256_hex}, {body_sha256_raw}, {timestamp}, {id}, {nonce}, {method}, {path}, \
                     {path_and_query}, {url}, {url_no_query}, {header:Name}, {query:name}, {json:/pointer}";

impl Content {
    /// Compiles a template.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let parts = template::parse(text)?.into_iter().map(|piece| match piece {
            Piece::Text(text) => Ok(Part::Text(text.into_bytes())),
            Piece::Variable(name) => Variable::parse(&name).map(Part::Variable),
        });
        let parts: Vec<Part> = parts.collect::<Result<_, String>>()?;
        if parts.iter().any(|part| matches!(part, Part::Variable(_))) {
            Ok(Self(parts))
        } else {
            Err(format!("a content without a variable is the same for every request; known are {KNOWN}"))
        }
    }

    /// Whether the template has this variable.
    pub(super) fn uses(&self, variable: &Variable) -> bool {
        self.variables().any(|found| found == variable)
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.0.iter().filter_map(|part| match part {
            Part::Variable(variable) => Some(variable),
            Part::Text(_) => None,
        })
    }

    /// Whether the signature is over the whole body.
    pub(super) fn covers_body(&self) -> bool {
        self.variables()
            .any(|found| matches!(found, Variable::Body | Variable::BodySha256Hex | Variable::BodySha256Raw))
    }

    /// Whether the signature is over the whole query.
    pub(super) fn covers_query(&self) -> bool {
        self.uses(&Variable::PathAndQuery) || self.uses(&Variable::Url)
    }

    fn uses_url(&self) -> bool {
        self.uses(&Variable::Url) || self.uses(&Variable::UrlWithoutQuery)
    }

    /// Whether a place in the body must be read to render it.
    pub(super) fn reads_body(&self) -> bool {
        self.variables().any(|found| matches!(found, Variable::Json(_)))
    }

    /// The contents that the signature may be over: one, or one for each URL under which the sender may know this
    /// endpoint. Each is a list of parts to be joined.
    pub(super) fn render<'a>(
        &'a self,
        request: &Request<'a>,
        named: &Named,
        body: Option<&Value>,
    ) -> Result<Vec<Vec<Cow<'a, [u8]>>>, Refusal> {
        let urls: Vec<&'a str> =
            if self.uses_url() { request.public_urls.iter().map(String::as_str).collect() } else { vec![""] };
        if urls.is_empty() {
            return Err(Refusal::MissingSignature("it covers the public URL, which is not configured"));
        }
        let render = |url: &'a str| -> Option<Vec<Cow<'a, [u8]>>> {
            let parts = self.0.iter().map(|part| match part {
                Part::Text(text) => Some(Cow::Borrowed(text.as_slice())),
                Part::Variable(variable) => variable.value(request, named, body, url),
            });
            parts.collect()
        };
        let missing = Refusal::MissingSignature("a part of the signed content is not in the request");
        urls.into_iter().map(render).collect::<Option<_>>().ok_or(missing)
    }
}

impl Variable {
    fn parse(name: &str) -> Result<Self, String> {
        Ok(match name {
            "body" => Self::Body,
            "body_sha256_hex" => Self::BodySha256Hex,
            "body_sha256_raw" => Self::BodySha256Raw,
            "body_md5_hex" => return Err("`{body_md5_hex}`: MD5 is not supported".to_owned()),
            "timestamp" => Self::Timestamp,
            "id" => Self::Id,
            "nonce" => Self::Nonce,
            "method" => Self::Method,
            "path" => Self::Path,
            "path_and_query" => Self::PathAndQuery,
            "url" => Self::Url,
            "url_no_query" => Self::UrlWithoutQuery,
            other => match other.split_once(':') {
                Some(("header", name)) => Self::Header(header_name(name)?),
                Some(("query", name)) => Self::Query(query_name(name)?),
                Some(("json", pointer)) => Self::Json(Pointer::parse(pointer)?),
                _ => return Err(format!("unknown variable `{{{}}}`; known are {KNOWN}", short(other))),
            },
        })
    }

    fn value<'a>(
        &self,
        request: &Request<'a>,
        named: &Named,
        body: Option<&Value>,
        url: &'a str,
    ) -> Option<Cow<'a, [u8]>> {
        let owned = |text: Option<String>| text.map(|text| Cow::Owned(text.into_bytes()));
        let borrowed = |text: &'a str| Some(Cow::Borrowed(text.as_bytes()));
        match self {
            Self::Body => Some(Cow::Borrowed(request.body)),
            Self::BodySha256Hex => owned(Some(crypto::hex_encode(&crypto::sha256(&[request.body])))),
            Self::BodySha256Raw => Some(Cow::Owned(crypto::sha256(&[request.body]).to_vec())),
            Self::Timestamp => owned(named.timestamp.clone()),
            Self::Id => owned(named.id.clone()),
            Self::Nonce => owned(named.nonce.clone()),
            Self::Method => borrowed(request.method),
            Self::Path => borrowed(request.path()),
            Self::PathAndQuery => borrowed(request.path_and_query),
            Self::Url => borrowed(url),
            Self::UrlWithoutQuery => borrowed(url.split_once('?').map_or(url, |(before, _)| before)),
            Self::Header(name) => {
                request.headers.get(name).map(|value| Cow::Owned(value.as_bytes().to_vec()))
            }
            Self::Query(name) => owned(request.query_value(name)),
            Self::Json(pointer) => owned(body.and_then(|body| whole_text(pointer.get(body)?))),
        }
    }
}

/// A scalar as text, uncut: the signature is over all of it.
pub(super) fn whole_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        other => json::scalar(other),
    }
}
