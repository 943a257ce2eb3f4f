//! Texts of the configuration into values; each error says what is expected, and never repeats the text, which may be a
//! secret at the wrong place.

use hearback_store::postgres::PostgresOptions;
use hearback_store::sqlite::SqliteOptions;
use hearback_store::{Database, SourceRef};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use hearback_server::{Mode, UnknownMessage};
use ipnet::IpNet;
use reqwest::Url;
use reqwest::header::HeaderValue;

use super::LogFormat;
use super::section::nearest;

/// An address to listen on.
pub(crate) fn listen(text: &str) -> Result<SocketAddr, String> {
    let text = text.strip_prefix("localhost:").map_or(text.to_owned(), |port| format!("127.0.0.1:{port}"));
    text.parse().map_err(|_| {
        "expected an IP address and a port, such as \"127.0.0.1:8025\" or \"0.0.0.0:8025\"".to_owned()
    })
}

/// Scheme and host (and perhaps a path) in front of every path.
pub(crate) fn base_url(text: &str) -> Result<String, String> {
    let url = web_url(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("expected scheme and host only, such as \"https://hooks.example.com\"".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// The origin of a page, as browsers send it.
pub(crate) fn origin(text: &str) -> Result<HeaderValue, String> {
    if text == "*" {
        return Err("name each origin: `*` would let every page on the web ask".to_owned());
    }
    let expected =
        "expected scheme, host and port only, as browsers send them, such as \"https://desk.example.com\"";
    let url = web_url(text)?;
    if url.origin().ascii_serialization() != text {
        return Err(expected.to_owned());
    }
    HeaderValue::from_str(text).map_err(|_| expected.to_owned())
}

/// A complete URL.
pub(crate) fn full_url(text: &str) -> Result<String, String> {
    let url = web_url(text)?;
    if url.fragment().is_some() {
        return Err("leave out what follows `#`: a provider never sends it".to_owned());
    }
    Ok(text.to_owned())
}

fn web_url(text: &str) -> Result<Url, String> {
    let expected = "expected a URL, such as \"https://hooks.example.com\"";
    let url = Url::parse(text).map_err(|_| expected.to_owned())?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        Ok(url)
    } else {
        Err(format!("{expected}, beginning with https:// (or http://)"))
    }
}

/// Whether a URL is sent in the clear to another machine.
pub(crate) fn is_clear_text(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.scheme() == "http" && !url.host_str().is_some_and(is_local))
}

fn is_local(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A URL without user, password and query, for printing.
pub(crate) fn printable_url(url: &str) -> String {
    let Ok(parsed) = Url::parse(url) else { return "(not a URL)".to_owned() };
    if parsed.username().is_empty() && parsed.password().is_none() && parsed.query().is_none() {
        return url.to_owned();
    }
    let port = parsed.port().map_or(String::new(), |port| format!(":{port}"));
    let user = if parsed.username().is_empty() { "" } else { "…@" };
    let query = if parsed.query().is_some() { "?…" } else { "" };
    let (scheme, host, path) = (parsed.scheme(), parsed.host_str().unwrap_or_default(), parsed.path());
    format!("{scheme}://{user}{host}{port}{path}{query}")
}

/// A network or a single address.
pub(crate) fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "expected a network or an address, such as \"10.0.0.0/8\" or \"192.0.2.7\"".to_owned())
}

/// A size in bytes: `5 MiB`, `300 KB`, `1048576`.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    const UNITS: &[(&str, u64)] = &[
        ("", 1),
        ("b", 1),
        ("kb", 1000),
        ("kib", 1 << 10),
        ("mb", 1_000_000),
        ("mib", 1 << 20),
        ("gb", 1_000_000_000),
        ("gib", 1 << 30),
    ];
    let digits = text.trim().bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.trim().split_at_checked(digits).unwrap_or_default();
    let unit = unit.trim().to_ascii_lowercase();
    let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    number
        .parse::<u64>()
        .ok()
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor))
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or_else(|| "expected a size such as \"5 MiB\" or a number of bytes".to_owned())
}

/// A body limit.
pub(crate) fn body_size(text: &str) -> Result<usize, String> {
    let bytes = size(text)?;
    if (1024..=256 << 20).contains(&bytes) { Ok(bytes) } else { Err("expected 1 KiB to 256 MiB".to_owned()) }
}

/// One of several words.
pub(crate) fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let list = names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        match nearest(text, &names) {
            Some(nearest) => format!("expected one of {list}; did you mean \"{nearest}\"?"),
            None => format!("expected one of {list}"),
        }
    })
}

/// `mode` of a source.
pub(crate) fn mode(text: &str) -> Result<Mode, String> {
    word(text, &[("enforce", Mode::Enforce), ("shadow", Mode::Shadow), ("off", Mode::Off)])
}

/// `unknown_message` of a source.
pub(crate) fn unknown_message(text: &str) -> Result<UnknownMessage, String> {
    word(text, &[("store", UnknownMessage::Store), ("reject", UnknownMessage::Reject)])
}

/// `format` of the log.
pub(crate) fn log_format(text: &str) -> Result<LogFormat, String> {
    word(text, &[("text", LogFormat::Text), ("json", LogFormat::Json)])
}

/// `level` of the log.
pub(crate) fn log_level(text: &str) -> Result<String, String> {
    tracing_subscriber::filter::EnvFilter::builder().parse(text).map(|_| text.to_owned()).map_err(|_| {
        "expected error, warn, info, debug, trace, or a filter such as \"info,hearback_store=debug\"".into()
    })
}

/// A path on which a source answers besides its own.
pub(crate) fn http_path(text: &str) -> Result<String, String> {
    if !text.starts_with('/') {
        return Err("expected a path beginning with `/`, such as \"/mailgun-webhook/\"".to_owned());
    }
    if text.contains(['?', '#', '{', '}', '*']) || text.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err("expected a plain path without `?`, `#`, braces, `*` and spaces".to_owned());
    }
    if hearback_server::is_reserved(text) {
        return Err("Hearback itself answers on this path; choose another".to_owned());
    }
    Ok(text.to_owned())
}

/// The database that a storage URL names; a relative SQLite file lies in the data folder.
pub(crate) fn storage_url(text: &str, data: &Path) -> Result<Database, String> {
    let expected = "expected \"sqlite:\" and a path, such as \"sqlite:hearback.db\", or a URL such as \
                    \"postgres://user:password@host:5432/database\"";
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return PostgresOptions::new(text).map(Database::Postgres);
    }
    let path = text.strip_prefix("sqlite:").ok_or(expected)?;
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.contains('?') {
        return Err(expected.to_owned());
    }
    Ok(Database::Sqlite(SqliteOptions::new(data.join(path))))
}

/// The name of a destination.
pub(crate) fn destination_name(name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        return Err(
            "a destination is named with up to 64 lower-case letters, digits, `-` and `_`, such as `crm`"
                .into(),
        );
    }
    Ok(())
}

/// The name of a source.
pub(crate) fn source_name(name: &str) -> Result<(), String> {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
    let starts_well =
        name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if !starts_well || name.len() > 64 || !name.bytes().all(plain) {
        return Err("a source is named with up to 64 lower-case letters, digits, `-`, `_` and `.`, such as `mailgun-eu`".into());
    }
    if name == "health" {
        return Err("`health` is taken by /webhooks/health; name the source otherwise".to_owned());
    }
    if name == SourceRef::HEARBACK {
        return Err(
            "`hearback` is what Hearback itself is called in the log; name the source otherwise".to_owned()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in
            [("5 MiB", 5 << 20), ("5mib", 5 << 20), ("300 KB", 300_000), (" 42 ", 42), ("7 B", 7)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "5 MiBs", "-1", "5.5 MiB", "99999999999 GiB", "5 é"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn urls_lose_their_secrets_when_printed() {
        for (url, printed) in [
            ("https://a.example/x", "https://a.example/x"),
            ("https://u:p@a.example:81/x?secret=1", "https://…@a.example:81/x?…"),
        ] {
            assert_eq!(printable_url(url), printed);
        }
        assert!(is_clear_text("http://hooks.example.com/"));
        for safe in ["https://hooks.example.com", "http://localhost:1", "http://127.0.0.1", "http://[::1]/"] {
            assert!(!is_clear_text(safe), "{safe}");
        }
    }

    #[test]
    fn storage_lies_in_the_data_folder_unless_absolute() {
        let data = Path::new("/var/lib/hearback");
        let shown = |text| storage_url(text, data).unwrap().to_string();
        assert_eq!(shown("sqlite:h.db"), "sqlite:/var/lib/hearback/h.db");
        assert_eq!(shown("sqlite:///srv/h.db"), "sqlite:/srv/h.db");
        assert_eq!(shown("postgres://me:secret@db/hearback"), "postgres://me:…@db/hearback");
        for bad in ["h.db", "sqlite:", "postgres://", "mysql://x/y", "sqlite:h.db?mode=ro"] {
            assert!(storage_url(bad, data).is_err(), "{bad}");
        }
    }
}
