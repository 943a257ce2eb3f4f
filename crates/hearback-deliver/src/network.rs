//! Which addresses may be connected to: those of the public internet, and those that were listed.
//!
//! A destination's URL is configuration, but its name is resolved by DNS, which others write. So what a name resolves to is looked at
//! when the connection is made (no second lookup could say something else), and a literal address, for which no lookup happens, when
//! the URL is read and before each push.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Networks that may be connected to although they are not public.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    allowed: Arc<[IpNet]>,
}

/// An address that must not be connected to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{address} is {kind} and is not connected to; if that is meant, list it: allow_networks = [\"{address}\"]"
)]
pub struct Refused {
    /// Which.
    pub address: IpAddr,
    /// What kind of address it is.
    pub kind: &'static str,
}

impl Guard {
    /// A guard that lets these networks pass besides the public internet.
    pub fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed: allowed.into() }
    }

    /// Whether an address may be connected to.
    pub fn check(&self, address: IpAddr) -> Result<(), Refused> {
        // Two spellings of one address: whichever is listed is meant.
        let plain = unmapped(address);
        if self.allowed.iter().any(|network| network.contains(&address) || network.contains(&plain)) {
            return Ok(());
        }
        match not_public(plain) {
            None => Ok(()),
            Some(kind) => Err(Refused { address: plain, kind }),
        }
    }

    /// Whether a URL whose host is an address may be asked. A name is looked at when it is resolved.
    pub fn check_url(&self, url: &Url) -> Result<(), Refused> {
        // The brackets of an IPv6 address.
        let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        host.parse().map_or(Ok(()), |address| self.check(address))
    }
}

/// Resolves names, and leaves out the addresses that must not be connected to.
#[derive(Clone, Debug)]
pub(crate) struct GuardedResolver(pub(crate) Guard);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.0.clone();
        Box::pin(async move {
            let mut refused = None;
            let mut allowed = Vec::new();
            for address in tokio::net::lookup_host((name.as_str(), 0)).await? {
                match guard.check(address.ip()) {
                    Ok(()) => allowed.push(address),
                    Err(error) => refused = Some(error),
                }
            }
            match refused {
                Some(error) if allowed.is_empty() => Err(error.into()),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let networks: Vec<String> = self.allowed.iter().map(ToString::to_string).collect();
        f.write_str(&networks.join(", "))
    }
}

/// The IPv4 address inside one of IPv6, where the system would connect to that one.
fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length))
}

const fn v6(segments: [u16; 3], length: u8) -> IpNet {
    let [a, b, c] = segments;
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), length))
}

/// IANA's special-purpose addresses, with what they are for.
const SPECIAL: &[(IpNet, &str)] = &[
    (v4(0, 0, 0, 0, 8), "an address of this machine"),
    (v4(10, 0, 0, 0, 8), "a private address"),
    (v4(100, 64, 0, 0, 10), "an address of a carrier's own network"),
    (v4(127, 0, 0, 0, 8), "an address of this machine"),
    (v4(169, 254, 0, 0, 16), "a link-local address"),
    (v4(172, 16, 0, 0, 12), "a private address"),
    (v4(192, 0, 0, 0, 24), "a reserved address"),
    (v4(192, 0, 2, 0, 24), "an address for documentation"),
    (v4(192, 88, 99, 0, 24), "a reserved address"),
    (v4(192, 168, 0, 0, 16), "a private address"),
    (v4(198, 18, 0, 0, 15), "an address for benchmarks"),
    (v4(198, 51, 100, 0, 24), "an address for documentation"),
    (v4(203, 0, 113, 0, 24), "an address for documentation"),
    (v4(224, 0, 0, 0, 4), "a multicast address"),
    (v4(240, 0, 0, 0, 4), "a reserved address"),
    // With `::`, `::1` and the old spelling of IPv4 inside of IPv6.
    (v6([0, 0, 0], 96), "an address of this machine"),
    (v6([0x64, 0xff9b, 0], 96), "an IPv4 address behind a translator"),
    (v6([0x64, 0xff9b, 1], 48), "an IPv4 address behind a translator"),
    (v6([0x100, 0, 0], 64), "a reserved address"),
    (v6([0x2001, 0, 0], 23), "a reserved address"),
    (v6([0x2001, 0xdb8, 0], 32), "an address for documentation"),
    (v6([0x2002, 0, 0], 16), "an IPv4 address inside a tunnel"),
    (v6([0x3fff, 0, 0], 20), "an address for documentation"),
    (v6([0x5f00, 0, 0], 16), "a reserved address"),
    (v6([0xfc00, 0, 0], 7), "a private address"),
    (v6([0xfe80, 0, 0], 10), "a link-local address"),
    (v6([0xfec0, 0, 0], 10), "a private address"),
    (v6([0xff00, 0, 0], 8), "a multicast address"),
];

/// What an address is where it is not one of the public internet.
fn not_public(address: IpAddr) -> Option<&'static str> {
    let special = SPECIAL.iter().find(|(network, _)| network.contains(&address)).map(|(_, kind)| *kind);
    // ISATAP: any network, then 0:5efe and an IPv4 address.
    let isatap = matches!(address, IpAddr::V6(v6) if matches!(v6.segments(), [.., 0 | 0x200, 0x5efe, _, _]));
    special.or(isatap.then_some("an IPv4 address inside a tunnel"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_connected_to() {
        let guard = Guard::default();
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2606:4700::5efe:7f00:1",
            "3fff::1",
            "5f00::1",
        ] {
            assert!(guard.check(address.parse().unwrap()).is_err(), "{address}");
        }
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
        ] {
            assert_eq!(guard.check(address.parse().unwrap()), Ok(()), "{address}");
        }
    }

    #[test]
    fn what_is_listed_is_connected_to_in_any_spelling() {
        let guard = Guard::new(vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
        for address in ["10.9.9.9", "::ffff:10.9.9.9", "::1"] {
            assert_eq!(guard.check(address.parse().unwrap()), Ok(()), "{address}");
        }
        assert!(guard.check("127.0.0.1".parse().unwrap()).is_err());
    }

    #[test]
    fn a_literal_address_in_a_url_is_one_however_it_is_written() {
        let check = |url: &str| Guard::default().check_url(&url.parse().unwrap()).is_err();
        for url in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://[::1]:8080/",
            "http://[::ffff:7f00:1]/",
            "http://169.254.169.254/latest/meta-data/",
        ] {
            assert!(check(url), "{url}");
        }
        assert!(!check("https://example.com/") && !check("https://1.1.1.1/"));
    }
}
