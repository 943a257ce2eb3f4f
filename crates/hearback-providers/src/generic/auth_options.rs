//! Reading the `auth` list.

use ipnet::IpNet;

use super::auth::{Auth, Check, Mode};
use super::signature_options;
use super::source::header_name;
use super::table::{Problems, Table};
use crate::Secret;
use crate::crypto::PublicKeyKind;

const KINDS: &str = "hmac, ed25519, rsa-sha256, rsa-sha1, basic, header, query, ip";

/// Shorter secrets can be guessed.
pub(super) const SHORTEST_SECRET: usize = 16;

/// Reads `auth`, `auth_mode` and `allow_unauthenticated`. `by_query` says that events may come in the query of a GET.
pub(super) fn read(table: &mut Table, by_query: bool, problems: &mut Problems) -> Auth {
    let mode =
        table.choice("auth_mode", &[("all", Mode::All), ("any", Mode::Any)], problems).unwrap_or(Mode::All);
    let open = table.flag("allow_unauthenticated", problems).unwrap_or(false);
    let before = problems.errors.len();
    let items = table.tables("auth", problems);
    if items.is_empty() && !open && problems.errors.len() == before {
        let hint =
            "no check is configured; add one, or set `allow_unauthenticated = true` to believe everybody";
        problems.error("auth", hint);
    }
    if items.is_empty() && open {
        problems.warn("allow_unauthenticated", "whoever knows the URL can make events");
    }
    let checks = items.into_iter().filter_map(|item| check(item, by_query, problems)).collect();
    Auth { mode, checks }
}

fn check(mut item: Table, by_query: bool, problems: &mut Problems) -> Option<Check> {
    let kind = item.required("kind", &format!("one of: {KINDS}"), problems)?;
    let check = match kind.as_str() {
        "hmac" => signature_options::hmac(&mut item, by_query, problems),
        "ed25519" => signature_options::public(PublicKeyKind::Ed25519, &mut item, by_query, problems),
        "rsa-sha256" => signature_options::public(PublicKeyKind::RsaSha256, &mut item, by_query, problems),
        "rsa-sha1" => signature_options::public(PublicKeyKind::RsaSha1, &mut item, by_query, problems),
        "basic" => basic(&mut item, problems),
        "header" => header(&mut item, problems),
        "query" => query(&mut item, problems),
        "ip" => Some(networks(&mut item, problems)),
        _ => {
            problems.error(&item.path("kind"), format!("expected one of: {KINDS}"));
            return None;
        }
    };
    item.finish(problems);
    check
}

fn basic(item: &mut Table, problems: &mut Problems) -> Option<Check> {
    let user = item.required("user", "the user name", problems);
    let passwords = item.secrets("password", problems);
    warn_of_short("password", &passwords, item, problems);
    let user = user?;
    let pairs = passwords.iter().map(|password| Secret::new(&format!("{user}:{}", password.expose())));
    Some(Check::Basic(pairs.collect()))
}

fn header(item: &mut Table, problems: &mut Problems) -> Option<Check> {
    let name = item.required("header", "the name of the header", problems);
    let name = name.and_then(|name| problems.keep(&item.path("header"), header_name(&name)));
    let prefix = item.text("value_prefix", problems).unwrap_or_default();
    let values = item.secrets("value", problems);
    warn_of_short("value", &values, item, problems);
    Some(Check::Header { name: name?, prefix, values })
}

fn query(item: &mut Table, problems: &mut Problems) -> Option<Check> {
    let parameter = item.required("parameter", "the name of the query parameter", problems);
    let values = item.secrets("value", problems);
    warn_of_short("value", &values, item, problems);
    problems.warn(item.own_path(), "a secret in the URL ends up in the logs of proxies; redact it there");
    Some(Check::Query { parameter: parameter?, values })
}

fn networks(item: &mut Table, problems: &mut Problems) -> Check {
    let texts = item.texts("networks", problems).unwrap_or_default();
    let path = item.path("networks");
    if texts.is_empty() {
        problems.error(&path, "no network is set; write them as `192.0.2.0/24` or single addresses");
    }
    let networks = texts.iter().filter_map(|text| {
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
        let problem = || format!("`{}` is not a network", super::source::short(text));
        problems.keep(&path, network.map_err(|_| problem()))
    });
    let networks = networks.collect();
    let warning = "behind a proxy every address is the proxy's unless it is among the trusted ones";
    problems.warn(item.own_path(), warning);
    Check::Networks(networks)
}

fn warn_of_short(name: &str, secrets: &[Secret], item: &Table, problems: &mut Problems) {
    if secrets.iter().any(|secret| secret.expose().len() < SHORTEST_SECRET) {
        problems.warn(&item.path(name), "a secret is shorter than 16 bytes: easily guessed");
    }
}
