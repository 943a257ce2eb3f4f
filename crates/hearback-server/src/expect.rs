//! By when messages are expected whose registration does not say.

use hearback_event::NewMessage;

/// Which messages a rule is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectWhich {
    /// Of a source.
    Source(String),
    /// With a tag.
    Tag(String),
    /// With a label of this value.
    Label(String, String),
}

/// By when messages are expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectRule {
    /// Which.
    pub which: ExpectWhich,
    /// In seconds after they are sent.
    pub within_seconds: u32,
}

impl ExpectRule {
    fn is_for(&self, source: &str, message: &NewMessage) -> bool {
        match &self.which {
            ExpectWhich::Source(name) => name == source,
            ExpectWhich::Tag(tag) => message.tags.contains(tag),
            ExpectWhich::Label(key, value) => message.labels.get(key) == Some(value),
        }
    }
}

/// Fills in by when a message is expected, where its registration does not say: as the first rule has it that is for it.
pub(crate) fn expect(rules: &[ExpectRule], source: &str, message: &mut NewMessage) {
    if message.registration.expect_delivered_within.is_none() {
        let found = rules.iter().find(|rule| rule.is_for(source, message));
        message.registration.expect_delivered_within = found.map(|rule| rule.within_seconds);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hearback_event::{Address, Channel, Registration, Timestamp};

    use super::*;

    #[test]
    fn the_first_rule_that_fits_holds_unless_the_message_says_it_itself() {
        let rule = |which, within_seconds| ExpectRule { which, within_seconds };
        let rules = [
            rule(ExpectWhich::Label("purpose".to_owned(), "pre_arrival".to_owned()), 900),
            rule(ExpectWhich::Tag("welcome".to_owned()), 1800),
            rule(ExpectWhich::Source("eu".to_owned()), 3600),
        ];
        let expected = |source: &str, purpose: &str, tag: &str, own: Option<u32>| {
            let mut message = NewMessage {
                provider_message_id: None,
                recipient: Address::parse("a@example.com").unwrap(),
                channel: Channel::Email,
                subject: None,
                labels: BTreeMap::from([("purpose".to_owned(), purpose.to_owned())]),
                tags: vec![tag.to_owned()],
                sent_at: Timestamp::EPOCH,
                registration: Registration { expect_delivered_within: own, ..Registration::default() },
            };
            expect(&rules, source, &mut message);
            message.registration.expect_delivered_within
        };
        assert_eq!(expected("eu", "pre_arrival", "welcome", None), Some(900));
        assert_eq!(expected("us", "invoice", "welcome", None), Some(1800));
        assert_eq!(expected("eu", "invoice", "x", None), Some(3600));
        assert_eq!(expected("us", "invoice", "x", None), None);
        assert_eq!(expected("eu", "pre_arrival", "x", Some(60)), Some(60));
    }
}
