//! The keys that every event of an answer has: one group for each condition that there are keys for.

use std::collections::BTreeSet;

use super::filter::{Filters, Periods};
use super::posting::Key;
use super::rows::Sources;
use crate::EventFilter;

/// Any of these keys.
pub(super) struct Group {
    keys: Vec<Key>,
    /// Of each key the sealed periods that it may be in, where the filters know such keys.
    periods: Vec<Periods>,
}

impl Group {
    /// Of keys that no filter knows.
    const fn common(keys: Vec<Key>) -> Self {
        Self { keys, periods: Vec::new() }
    }

    /// Of messages, recipients or kinds.
    pub(super) fn filtered(keys: impl IntoIterator<Item = Key>, filters: &Filters) -> Self {
        let mut keys: Vec<Key> = keys.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        Self { periods: keys.iter().map(|key| filters.periods_of(*key)).collect(), keys }
    }

    /// All of them.
    pub(super) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Those that a sealed period may have.
    pub(super) fn keys_in(&self, period: u64) -> Vec<Key> {
        if self.periods.is_empty() {
            return self.keys.clone();
        }
        let pairs = self.keys.iter().zip(&self.periods);
        pairs.filter(|(_, periods)| periods.has(period)).map(|(key, _)| *key).collect()
    }
}

/// The groups of a filter.
pub(super) fn groups(filter: &EventFilter, sources: &Sources, filters: &Filters) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let recipient = |address: &hearback_event::Address| Key::recipient(address.as_str());
    if let Some(address) = &filter.recipient {
        groups.push(Group::filtered([recipient(address)], filters));
    }
    let mut common = |key: Option<Key>| groups.extend(key.map(|key| Group::common(vec![key])));
    for (key, value) in &filter.labels {
        common(Some(Key::label(key, value)));
    }
    common(filter.tag.as_deref().map(Key::tag));
    common(filter.domain.as_deref().map(|domain| Key::domain(&domain.to_lowercase())));
    common(filter.source.as_deref().map(Key::source));
    if !filter.recipients.is_empty() {
        groups.push(Group::filtered(filter.recipients.iter().map(recipient), filters));
    }
    if !filter.messages.is_empty() {
        groups.push(Group::filtered(filter.messages.iter().map(|id| Key::message(*id)), filters));
    }
    let kinds = filter.effective_kinds();
    if !kinds.is_empty() {
        groups.push(Group::filtered(kinds.iter().map(|kind| Key::kind(*kind)), filters));
    }
    if let Some(provider) = &filter.provider {
        let of_provider = sources.iter().filter(|source| *source.provider == **provider);
        let names: BTreeSet<_> = of_provider.map(|source| &source.name).collect();
        groups.push(Group::common(names.into_iter().map(|name| Key::source(name)).collect()));
    }
    groups
}
