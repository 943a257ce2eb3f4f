//! A storage URL: what of it is PostgreSQL's own, and what is about encryption.

use std::fmt;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use postgres::Config;
use postgres::config::{Host, SslMode};

use crate::error::whole;

/// How the connection is encrypted, in PostgreSQL's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    /// Not at all.
    Disable,
    /// If the server can; its certificate is not checked.
    Prefer,
    /// Always; its certificate is not checked.
    Require,
    /// Always, and the certificate is that of the host.
    VerifyFull,
}

/// A checked URL.
#[derive(Clone)]
pub(super) struct PgUrl {
    pub(super) config: Box<Config>,
    pub(super) encryption: Encryption,
    /// Certificates to trust instead of the system's.
    pub(super) root_certificates: Option<PathBuf>,
    shown: String,
}

const EXAMPLE: &str = "postgres://user:password@host:5432/database";

impl PgUrl {
    /// Takes a URL apart. Errors are in words, without the password.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(format!("expected a URL such as \"{EXAMPLE}\""));
        }
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut encryption, mut root_certificates, mut rest) = (None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "sslmode" => encryption = Some(parse_encryption(value)?),
                "sslrootcert" => {
                    root_certificates = Some(PathBuf::from(&*percent_decode_str(value).decode_utf8_lossy()));
                }
                _ => rest.push(pair),
            }
        }
        let plain = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
        let mut config: Config = plain.parse().map_err(|error| {
            format!("{}; expected a URL such as \"{EXAMPLE}\", with special characters of the password written as %XX", whole(&error))
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(format!("it names no host; expected a URL such as \"{EXAMPLE}\""));
        }
        let encryption = match (encryption, &root_certificates) {
            (Some(encryption), _) => encryption,
            // Whoever says whom he trusts wants it to be checked.
            (None, Some(_)) => Encryption::VerifyFull,
            (None, None) => Encryption::Prefer,
        };
        config.ssl_mode(match encryption {
            Encryption::Disable => SslMode::Disable,
            Encryption::Prefer => SslMode::Prefer,
            Encryption::Require | Encryption::VerifyFull => SslMode::Require,
        });
        Ok(Self { shown: without_password(base), config: Box::new(config), encryption, root_certificates })
    }

    /// Whether the server is on another machine and its certificate is not checked.
    pub(super) fn is_exposed(&self) -> bool {
        let is_here = |host: &Host| match host {
            #[cfg(unix)]
            Host::Unix(_) => true,
            Host::Tcp(name) => {
                name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
            }
        };
        let all_here = self.config.get_hosts().iter().all(is_here)
            && self.config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback);
        self.encryption != Encryption::VerifyFull && !all_here
    }

    /// The name of the database.
    pub(super) fn database(&self) -> &str {
        self.config.get_dbname().or(self.config.get_user()).unwrap_or("postgres")
    }

    /// The name of the user.
    pub(super) fn user(&self) -> &str {
        self.config.get_user().unwrap_or("(this system's user)")
    }
}

impl fmt::Display for PgUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

fn parse_encryption(value: &str) -> Result<Encryption, String> {
    match value {
        "disable" => Ok(Encryption::Disable),
        "allow" | "prefer" => Ok(Encryption::Prefer),
        "require" => Ok(Encryption::Require),
        // The stricter of the two is what is meant by whoever asks for a check.
        "verify-ca" | "verify-full" => Ok(Encryption::VerifyFull),
        _ => Err("sslmode is one of disable, prefer, require, verify-full".to_owned()),
    }
}

/// The URL as it may be shown: everything between the user's name and the last `@` is left out, and the parameters.
fn without_password(base: &str) -> String {
    let Some((scheme, rest)) = base.split_once("://") else { return String::new() };
    match rest.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _)) => format!("{scheme}://{name}:…@{host}"),
            None => format!("{scheme}://{user}@{host}"),
        },
        None => format!("{scheme}://{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_passwords_and_say_how_they_encrypt() {
        for (url, shown, encryption, exposed) in [
            ("postgres://u:p%40ss@db.example/hb", "postgres://u:…@db.example/hb", Encryption::Prefer, true),
            (
                "postgres://u:p@localhost:5433/hb?sslmode=require",
                "postgres://u:…@localhost:5433/hb",
                Encryption::Require,
                false,
            ),
            (
                "postgresql://u@db/hb?sslmode=verify-full&connect_timeout=3",
                "postgresql://u@db/hb",
                Encryption::VerifyFull,
                false,
            ),
            (
                "postgres://u@db/hb?sslrootcert=%2Fetc%2Fca.pem",
                "postgres://u@db/hb",
                Encryption::VerifyFull,
                false,
            ),
            ("postgres://u@/hb?host=/run/postgresql", "postgres://u@/hb", Encryption::Prefer, false),
            (
                "postgres://u@localhost/hb?hostaddr=192.0.2.1",
                "postgres://u@localhost/hb",
                Encryption::Prefer,
                true,
            ),
            ("postgres://u:a@b@h/hb", "postgres://u:…@h/hb", Encryption::Prefer, true),
        ] {
            let parsed = PgUrl::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(
                (parsed.to_string().as_str(), parsed.encryption, parsed.is_exposed()),
                (shown, encryption, exposed)
            );
            let root = parsed.root_certificates.map(|path| path.display().to_string());
            assert_eq!(root.as_deref(), url.contains("rootcert").then_some("/etc/ca.pem"));
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (url, expected) in [
            ("mysql://u:secret@h/d", "expected a URL such as"),
            ("postgres://u:secret@h/d?sslmode=maybe", "sslmode is one of"),
            ("postgres://u:secret@h/d?nonsense=1", "nonsense"),
            ("postgres://u:secret@h:port/d", "port"),
            ("postgres://", "names no host"),
        ] {
            let error = PgUrl::parse(url).err().unwrap_or_else(|| panic!("{url}"));
            assert!(error.contains(expected) && !error.contains("secret"), "{url}: {error}");
        }
    }
}
