//! Which source of the configuration a command is about.

use crate::config::{Config, SourceConfig};
use crate::exit::CliError;

/// The source of that name, or the only one of the provider of that name. `source` names one outright.
pub(crate) fn source<'a>(
    config: &'a Config,
    word: &str,
    source: Option<&str>,
) -> Result<&'a SourceConfig, CliError> {
    let names = |sources: &[&SourceConfig]| {
        sources.iter().map(|source| source.name().to_string()).collect::<Vec<_>>().join(", ")
    };
    if let Some(found) = config.sources.iter().find(|one| **one.name() == *source.unwrap_or(word)) {
        return Ok(found);
    }
    let all: Vec<&SourceConfig> = config.sources.iter().collect();
    if let Some(name) = source {
        return Err(CliError::usage(format!("there is no source `{name}`")).hint(sources_hint(&names(&all))));
    }
    let fitting: Vec<&SourceConfig> =
        all.iter().copied().filter(|source| source.provider.name() == word).collect();
    match fitting.as_slice() {
        [one] => Ok(one),
        [] => {
            Err(CliError::usage(format!("there is no source of `{word}`")).hint(sources_hint(&names(&all))))
        }
        several => Err(CliError::usage(format!("there are several sources of `{word}`"))
            .hint(format!("say which with --source: {}", names(several)))),
    }
}

fn sources_hint(names: &str) -> String {
    if names.is_empty() {
        "no source is configured; `hearback serve` makes trial sources on its first start, and `hearback config default` \
         shows how to configure real ones"
            .to_owned()
    } else {
        format!("the configured sources are: {names}")
    }
}
