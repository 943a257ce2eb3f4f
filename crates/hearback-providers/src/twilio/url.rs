//! Under which URLs Twilio may have known this endpoint when it signed.
//!
//! Scheme, host and path are the configured ones and the query is the received one, so that no part of what is
//! believed comes from outside the signature. Whether Twilio signs with the port is not the same for all its
//! products; its own libraries accept the URL both without the port and with it (the default one where none is
//! written), and so do we.

use crate::Request;

/// Every URL that may be the signed one, likeliest first, each once.
pub(super) fn candidates(request: &Request<'_>) -> Vec<String> {
    // With its question mark: a URL may end in one that has nothing after it.
    let query =
        request.path_and_query.find('?').and_then(|at| request.path_and_query.get(at..)).unwrap_or_default();
    let mut found: Vec<String> = Vec::new();
    for url in request.public_urls {
        for base in bases(url) {
            let candidate = format!("{base}{query}");
            if !found.contains(&candidate) {
                found.push(candidate);
            }
        }
    }
    found
}

/// The URL up to its path: as configured, without port, with the default port.
fn bases(url: &str) -> Vec<String> {
    let url = url.find(['?', '#']).and_then(|end| url.get(..end)).unwrap_or(url);
    let Some((scheme, rest)) = url.split_once("://") else { return vec![url.to_owned()] };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    // Twilio turns `user:password@` into a header before it signs.
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let build = |authority: &str| format!("{scheme}://{authority}{path}");
    match without_port(authority) {
        Some(host) => vec![build(authority), build(host)],
        None => match default_port(scheme) {
            Some(port) => vec![build(authority), build(&format!("{authority}:{port}"))],
            None => vec![build(authority)],
        },
    }
}

/// The host, where a port stands behind it. The colons inside `[::1]` are none of a port.
fn without_port(authority: &str) -> Option<&str> {
    let (host, port) = authority.rsplit_once(':')?;
    (!port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())).then_some(host)
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_url() {
        let cases: &[(&str, &str, &[&str])] = &[
            ("https://a.example/in", "/x?s=1", &["https://a.example/in?s=1", "https://a.example:443/in?s=1"]),
            ("https://a.example:443/in", "/in", &["https://a.example:443/in", "https://a.example/in"]),
            ("http://a.example/in", "/in?", &["http://a.example/in?", "http://a.example:80/in?"]),
            ("https://a.example:8443/in", "/in", &["https://a.example:8443/in", "https://a.example/in"]),
            ("https://u:p@a.example/in#rc=5", "/in", &["https://a.example/in", "https://a.example:443/in"]),
            (
                "https://a.example/in?old=1#f",
                "/in?n=2",
                &["https://a.example/in?n=2", "https://a.example:443/in?n=2"],
            ),
            ("https://[::1]/in", "/in", &["https://[::1]/in", "https://[::1]:443/in"]),
            ("https://[::1]:80/in", "/in", &["https://[::1]:80/in", "https://[::1]/in"]),
            ("nonsense", "/?a", &["nonsense?a"]),
        ];
        for (public, path_and_query, expected) in cases {
            let urls = [(*public).to_owned(), (*public).to_owned()];
            let headers = http::HeaderMap::new();
            let request = Request {
                method: "POST",
                path_and_query,
                headers: &headers,
                body: b"",
                public_urls: &urls,
                remote: None,
            };
            assert_eq!(candidates(&request), *expected, "{public}");
        }
    }
}
