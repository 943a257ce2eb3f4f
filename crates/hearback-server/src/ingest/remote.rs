//! Who sent a request.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The peer; behind trusted proxies, the last address of `X-Forwarded-For` that is not a trusted proxy itself. What
/// stands before that address was written by the sender and proves nothing.
pub fn remote(peer: Option<SocketAddr>, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = peer?.ip().to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    if trusted.is_empty() || !is_trusted(&peer) {
        return Some(peer);
    }
    let mut nearest = peer;
    let told = headers.get_all(FORWARDED_FOR).iter().rev();
    for entry in told.flat_map(|value| value.to_str().unwrap_or_default().rsplit(',')) {
        let Some(address) = address(entry.trim()) else { return Some(nearest) };
        nearest = address;
        if !is_trusted(&address) {
            break;
        }
    }
    Some(nearest)
}

/// `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]:443`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let cases: &[(&str, &[&str], &str)] = &[
            ("192.0.2.9:1", &["203.0.113.5"], "192.0.2.9"),
            ("10.0.0.1:1", &["203.0.113.5"], "203.0.113.5"),
            ("[::ffff:10.0.0.1]:1", &["203.0.113.5"], "203.0.113.5"),
            ("10.0.0.1:1", &["198.51.100.7, 203.0.113.5, 10.0.0.2"], "203.0.113.5"),
            ("10.0.0.1:1", &["198.51.100.7", "203.0.113.5"], "203.0.113.5"),
            ("10.0.0.1:1", &["203.0.113.5:4711"], "203.0.113.5"),
            ("10.0.0.1:1", &["[2001:db8::1]:80"], "2001:db8::1"),
            ("10.0.0.1:1", &["203.0.113.5, unknown"], "10.0.0.1"),
            ("10.0.0.1:1", &["203.0.113.5, nonsense, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1:1", &[], "10.0.0.1"),
        ];
        for (peer, told, expected) in cases {
            let mut headers = HeaderMap::new();
            for value in *told {
                headers.append(FORWARDED_FOR, value.parse().unwrap());
            }
            let found = remote(Some(peer.parse().unwrap()), &headers, &trusted);
            assert_eq!(found, Some(expected.parse().unwrap()), "{peer} {told:?}");
        }
    }
}
