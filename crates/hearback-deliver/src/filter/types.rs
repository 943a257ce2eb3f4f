//! Patterns of event types.

use hearback_event::Kind;

use super::{FilterError, suggestion};

/// Some of the event types. The default: all.
#[derive(Debug, Default)]
pub(super) struct Types {
    written: Vec<String>,
    /// One bit for each number of a kind; `None` for all.
    kinds: Option<u64>,
}

impl Types {
    /// Reads patterns: a type, a type without its `message.`, or what comes before a `*`.
    pub(super) fn parse(patterns: &[String]) -> Result<Self, FilterError> {
        let mut kinds = 0;
        for pattern in patterns {
            let bits = bits(pattern);
            if bits == 0 {
                return Err(unknown(pattern));
            }
            kinds |= bits;
        }
        Ok(Self { written: patterns.to_vec(), kinds: (!patterns.is_empty()).then_some(kinds) })
    }

    pub(super) fn written(&self) -> &[String] {
        &self.written
    }

    /// Whether a kind is one of them.
    pub(super) fn holds(&self, kind: Kind) -> bool {
        self.kinds.is_none_or(|kinds| kinds & bit(kind) != 0)
    }
}

const fn bit(kind: Kind) -> u64 {
    1 << kind.number()
}

fn bits(pattern: &str) -> u64 {
    let meant = |kind: &&Kind| match pattern.strip_suffix('*') {
        Some(beginning) => kind.dotted().starts_with(beginning),
        None => kind.dotted() == pattern || kind.name() == pattern,
    };
    Kind::ALL.iter().filter(meant).fold(0, |bits, kind| bits | bit(*kind))
}

fn unknown(pattern: &str) -> FilterError {
    let dotted: Vec<String> = Kind::ALL.iter().map(|kind| kind.dotted()).collect();
    let known = dotted.iter().map(String::as_str).chain(["*", "message.*", "source.*"]);
    FilterError::new(format!("there is no event type `{pattern}`{}", suggestion(pattern, known)))
}
