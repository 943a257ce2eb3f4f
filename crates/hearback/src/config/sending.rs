//! `[sources.NAME.send]`: what it takes to send through a source.

use std::sync::Arc;
use std::time::Duration;

use hearback_providers::{OptionError, Options, PROVIDERS, Provider};
use hearback_send::{ClientError, Outlet};
use serde_json::{Map, Value as Json};

use super::node::{Node, Value};
use super::section::{Section, join};
use super::{Inputs, endpoint};

/// How long a provider may take to answer, if nothing is said.
const TIMEOUT_SECONDS: u64 = 30;

/// A source that can send.
pub(crate) struct SendConfig {
    /// Through what.
    pub(crate) outlet: Arc<Outlet>,
    /// The options as they may be printed.
    pub(crate) printable: Map<String, Json>,
}

/// Reads the table `send` of a source's section, if it has one.
pub(crate) fn read(
    name: &str,
    provider: &dyn Provider,
    section: &mut Section<'_>,
    inputs: &Inputs,
) -> Option<SendConfig> {
    let title = format!("[sources.{name}.send]");
    let table = match section.take("send")? {
        Node { place, value: Value::Table(table) } => (place, table),
        Node { place, .. } => {
            section
                .report()
                .problem(&place, format!("`send` is a table: write `{title}` and its keys below"));
            return None;
        }
    };
    if !can_send(provider) {
        let able = PROVIDERS.iter().filter(|provider| can_send(**provider)).map(|provider| provider.name());
        let message = format!(
            "Hearback cannot send through {}; it can through {}",
            provider.title(),
            join(&able.collect::<Vec<_>>())
        );
        section.report().problem(&table.0, message);
        return None;
    }
    let mut section = Section::new(title.clone(), table.0, table.1, section.report());
    let timeout = section.number("timeout_s", 1..=300).unwrap_or(TIMEOUT_SECONDS);
    let made = endpoint::make(title, section, inputs, |options| {
        let sender = provider.sender(options).unwrap_or_else(|| Err(Vec::new()))?;
        let warnings = sender.warnings();
        let outlet = Outlet::new(sender, Duration::from_secs(timeout));
        let unmade = |error: ClientError| vec![OptionError { option: None, problem: error.to_string() }];
        Ok((outlet.map_err(unmade)?, warnings))
    })?;
    let mut printable = made.printable;
    printable.insert("timeout_s".to_owned(), timeout.into());
    Some(SendConfig { outlet: Arc::new(made.built), printable })
}

/// Whether messages can be sent through it: with no options at all it complains, if it can.
fn can_send(provider: &dyn Provider) -> bool {
    provider.sender(&Options::default()).is_some()
}
