//! What a starting server tells people: where it listens, what to give to the providers, and what to try.

use std::fmt;
use std::path::Path;

use crate::cli::Global;
use crate::config::{Config, Inputs, printable_url};
use crate::output;
use crate::token::FreshToken;

/// The text, on standard output.
pub(crate) struct Welcome<'a> {
    /// What is served; `listen` is the address that was bound.
    pub(crate) config: &'a Config,
    /// The token that this first start has made.
    pub(crate) token: Option<&'a FreshToken>,
    /// How the program was called.
    pub(crate) global: &'a Global,
    /// What the configuration was made from.
    pub(crate) inputs: &'a Inputs,
    /// Whether another terminal, with the same configuration file, would look for the server elsewhere.
    pub(crate) unusual_address: bool,
}

impl fmt::Display for Welcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = self.config;
        writeln!(f, "Hearback {}\n", env!("CARGO_PKG_VERSION"))?;
        let serves = if config.server.admin.is_some() { "webhooks" } else { "webhooks, API and metrics" };
        writeln!(f, "  {} ({serves})", config.local_url())?;
        if config.server.admin.is_some() {
            writeln!(f, "  {} (API and metrics)", config.local_admin_url())?;
        }
        writeln!(f, "  database {}\n", self.inputs.shown_database(&config.storage.database))?;
        self.sources(f)?;
        self.what_to_try(f)
    }
}

impl Welcome<'_> {
    fn sources(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = self.config;
        if config.trial {
            let program = program();
            let keys = self.inputs.shown(&config.storage.data.join(crate::trial::FILE));
            writeln!(
                f,
                "Nothing is configured, so these are TRIAL SOURCES: their keys were made up here (they are in"
            )?;
            writeln!(f, "{}), and no real provider signs with them. For real ones set the", keys.display())?;
            writeln!(
                f,
                "provider's variable (MAILGUN_WEBHOOK_SIGNING_KEY, ...), or write a configuration file:"
            )?;
            writeln!(f, "  {program} config default > hearback.toml\n")?;
        } else {
            writeln!(f, "Give these URLs to the providers:")?;
        }
        let rows: Vec<Vec<String>> = config
            .sources
            .iter()
            .map(|source| vec![source.name().to_string(), printable_url(&config.url_of(source))])
            .collect();
        writeln!(f, "{}\n", output::columns(&rows))
    }

    fn what_to_try(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = self.config;
        if let Some(token) = self.token {
            writeln!(f, "This admin token is shown only now. Try, in another terminal:\n")?;
            writeln!(f, "  export HEARBACK_TOKEN={}", token.expose())?;
        } else {
            writeln!(f, "Try, in another terminal, with the token of the first start in HEARBACK_TOKEN")?;
            writeln!(f, "(`{} token create --name NAME` makes another):\n", program())?;
        }
        if let Some(source) = config.sources.first() {
            let (program, options) = (program(), self.options());
            writeln!(
                f,
                "  {program}{options} simulate {} --count 20 --verify{}",
                source.name(),
                self.addresses()
            )?;
        }
        let api = config.local_admin_url();
        writeln!(f, "  curl -H \"Authorization: Bearer $HEARBACK_TOKEN\" {api}/v1/events\n")?;
        write!(f, "All that can be asked is described at {api}/docs")
    }

    /// The options that make another call see the same configuration and data.
    fn options(&self) -> String {
        let option = |name: &str, path: Option<&Path>| {
            path.map_or(String::new(), |path| format!(" {name} {}", quoted(&path.to_string_lossy())))
        };
        let Global { config, data, insecure_no_verify } = self.global;
        let insecure = if *insecure_no_verify { " --insecure-no-verify" } else { "" };
        format!("{}{}{insecure}", option("--config", config.as_deref()), option("--data", data.as_deref()))
    }

    fn addresses(&self) -> String {
        if !self.unusual_address {
            return String::new();
        }
        let api = match self.config.server.admin {
            Some(_) => format!(" --api-url {}", self.config.local_admin_url()),
            None => String::new(),
        };
        format!(" --url {}{api}", self.config.local_url())
    }
}

/// This program as the user can call it again: as he called it just now.
fn program() -> String {
    let called = std::env::args().next().unwrap_or_else(|| "hearback".to_owned());
    let is_plain_path = called.contains('/') && !called.starts_with(['/', '.']);
    quoted(&if is_plain_path { format!("./{called}") } else { called })
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-:=+@%,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        for (word, shown) in [("./a/b", "./a/b"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("", "''")] {
            assert_eq!(super::quoted(word), shown);
        }
    }
}
