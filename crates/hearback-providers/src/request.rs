//! A request as it came over the wire.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};

/// A request before anything in it is believed. Borrowed, so that no byte is copied on the way to the signature check.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `POST`, `GET`, ... in upper case.
    pub method: &'a str,
    /// Path and query exactly as received.
    pub path_and_query: &'a str,
    /// Headers; names compare without case.
    pub headers: &'a HeaderMap,
    /// The body, byte for byte.
    pub body: &'a [u8],
    /// The complete URLs under which the provider may know this endpoint (scheme, host, path, query), likeliest first.
    /// Never made from the request's `Host`. Empty where nothing is configured.
    pub public_urls: &'a [String],
    /// Who sent it; behind a trusted proxy the address that the proxy tells.
    pub remote: Option<IpAddr>,
}

impl<'a> Request<'a> {
    /// A header's value, if it is there and is visible ASCII.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The media type without parameters, in lower case.
    pub fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The query as received, without `?`.
    pub fn query(&self) -> &'a str {
        self.path_and_query.split_once('?').map_or("", |(_, query)| query)
    }

    /// The path as received.
    pub fn path(&self) -> &'a str {
        self.path_and_query.split_once('?').map_or(self.path_and_query, |(path, _)| path)
    }

    /// The first query parameter of that name, decoded.
    pub fn query_value(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query().as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// A request that owns its bytes: read from a file, from the quarantine, or made by the simulator.
#[derive(Clone, Debug)]
pub struct RawRequest {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path_and_query: String,
    /// Headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

/// The bytes are not an HTTP/1.1 request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an HTTP request: {0}; expected a request line, header lines, an empty line, then the body")]
pub struct RawRequestError(String);

impl RawRequest {
    /// Reads a request as it stands on the wire (or in a file with plain line feeds in its head): request line, headers,
    /// empty line, and everything after that is the body, byte for byte. `Content-Length` is not looked at.
    pub fn parse(bytes: &[u8]) -> Result<Self, RawRequestError> {
        let mut headers = [httparse::EMPTY_HEADER; 128];
        let mut parsed = httparse::Request::new(&mut headers);
        let head = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => {
                return Err(RawRequestError("the empty line after the head is missing".into()));
            }
            Err(error) => return Err(RawRequestError(error.to_string())),
        };
        let mut map = HeaderMap::new();
        for header in parsed.headers.iter() {
            let name = HeaderName::from_bytes(header.name.as_bytes());
            let value = HeaderValue::from_bytes(header.value);
            match (name, value) {
                (Ok(name), Ok(value)) => map.append(name, value),
                _ => return Err(RawRequestError(format!("header `{}` is malformed", header.name))),
            };
        }
        Ok(Self {
            method: parsed.method.unwrap_or("POST").to_owned(),
            path_and_query: parsed.path.unwrap_or("/").to_owned(),
            headers: map,
            body: bytes.get(head..).unwrap_or_default().to_vec(),
        })
    }

    /// The request as providers' functions take it.
    pub fn borrow<'a>(&'a self, public_urls: &'a [String], remote: Option<IpAddr>) -> Request<'a> {
        Request {
            method: &self.method,
            path_and_query: &self.path_and_query,
            headers: &self.headers,
            body: &self.body,
            public_urls,
            remote,
        }
    }
}
