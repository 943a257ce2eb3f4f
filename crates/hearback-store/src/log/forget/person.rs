//! Recognising a person in texts and bytes, and taking him out of them.
//!
//! An address stands in raw requests as it is, percent-encoded, escaped in JSON, or with `=` in place of `@` in the address of
//! a bounce. What is only a part of another address is none: `malice@example.com` does not name `alice@example.com`.

use hearback_event::{Address, Event};
use memchr::memmem::Finder;
use serde_json::{Map, Value};

/// What stands where an address stood.
const INSTEAD: &str = "(forgotten)";
/// Shorter names that are neither addresses nor numbers are looked for as recipients only: `42` stands everywhere.
const SHORTEST_NAME: usize = 8;

/// Someone who is to be forgotten.
#[derive(Clone)]
pub(super) struct Person {
    address: Address,
    /// How the address is written, in lower case.
    spellings: Vec<Finder<'static>>,
}

impl Person {
    pub(super) fn new(address: Address) -> Self {
        let text = address.as_str();
        let mut spellings = Vec::new();
        if let Some(digits) = text.strip_prefix('+') {
            // With and without the plus, which is also written as %2B.
            spellings.push(digits.to_owned());
        } else if text.contains('@') || text.len() >= SHORTEST_NAME {
            spellings.extend([text.to_owned(), percent_encoded(text), json_escaped(text)]);
            if let Some((local, domain)) = text.rsplit_once('@') {
                spellings.push(text.replace('@', "\\u0040"));
                spellings.push(format!("{local}={domain}"));
            }
        }
        spellings.sort();
        spellings.dedup();
        let spellings = spellings.iter().map(|text| Finder::new(text).into_owned()).collect();
        Self { address, spellings }
    }

    /// Whose address it is.
    pub(super) const fn address(&self) -> &Address {
        &self.address
    }

    /// Whether the address stands in it.
    pub(super) fn is_named_in(&self, bytes: &[u8]) -> bool {
        self.next_in(&bytes.to_ascii_lowercase(), 0).is_some()
    }

    /// Where it stands next, at or after `from`, in bytes in lower case.
    fn next_in(&self, lower: &[u8], from: usize) -> Option<std::ops::Range<usize>> {
        let stand = |spelling: &Finder<'_>| {
            let length = spelling.needle().len();
            let all = spelling.find_iter(lower.get(from..)?).map(|at| from + at..from + at + length);
            all.into_iter().find(|at| begins(lower, at.start) && ends(lower, at.end))
        };
        self.spellings.iter().filter_map(stand).min_by_key(|at| at.start)
    }

    /// The text without the address.
    fn taken_out_of(&self, text: &str) -> Option<String> {
        let lower = text.to_ascii_lowercase();
        let (mut rest, mut done) = (String::new(), 0);
        while let Some(at) = self.next_in(lower.as_bytes(), done) {
            rest.push_str(text.get(done..at.start)?);
            rest.push_str(INSTEAD);
            done = at.end;
        }
        (done > 0).then(|| rest + text.get(done..).unwrap_or_default())
    }

    /// The event without the person: empty where it went to him, without the address where it names him; `None` where it does
    /// not. Kind, times and keys stay in any case: it happened, it counts, and it is known when it comes again.
    pub(super) fn taken_out_of_event(&self, event: &Event) -> Option<Event> {
        if event.recipient.as_ref() == Some(&self.address) {
            return Some(nothing_but(event));
        }
        let Ok(Value::Object(mut fields)) = serde_json::to_value(event) else { return None };
        if !self.take_out_of_fields(&mut fields) {
            return None;
        }
        let left = serde_json::from_value(Value::Object(fields)).ok();
        Some(left.map_or_else(|| nothing_but(event), |left| with_columns(left, event)))
    }

    /// Whether there was anything to be taken out.
    fn take_out_of_fields(&self, fields: &mut Map<String, Value>) -> bool {
        let mut changed = false;
        if fields.get("provider_message_id").is_some_and(|id| self.is_named_by(id)) {
            fields.remove("provider_message_id");
            changed = true;
        }
        for name in ["tags", "ambiguous_recipients"] {
            if let Some(Value::Array(list)) = fields.get_mut(name) {
                let before = list.len();
                list.retain(|text| !self.is_named_by(text) && text.as_str() != Some(self.address.as_str()));
                changed |= list.len() != before;
            }
        }
        if let Some(Value::Object(labels)) = fields.get_mut("labels") {
            let before = labels.len();
            labels.retain(|key, value| !self.is_named_in(key.as_bytes()) && !self.is_named_by(value));
            changed |= labels.len() != before;
        }
        for value in fields.values_mut() {
            changed |= self.take_out_of_value(value);
        }
        changed
    }

    fn is_named_by(&self, value: &Value) -> bool {
        value.as_str().is_some_and(|text| self.is_named_in(text.as_bytes()))
    }

    fn take_out_of_value(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => match self.taken_out_of(text) {
                Some(left) => {
                    *text = left;
                    true
                }
                None => false,
            },
            // Every element, also after one that was changed.
            Value::Array(items) => {
                items.iter_mut().fold(false, |any, item| self.take_out_of_value(item) | any)
            }
            Value::Object(fields) => {
                fields.values_mut().fold(false, |any, field| self.take_out_of_value(field) | any)
            }
            _ => false,
        }
    }
}

/// An event that says nothing.
fn nothing_but(event: &Event) -> Event {
    let left = Event { native_type: String::new(), ..Event::default() };
    Event { recipient: None, ..with_columns(left, event) }
}

/// With what stands in columns of its own.
fn with_columns(left: Event, event: &Event) -> Event {
    Event {
        kind: event.kind,
        channel: event.channel,
        occurred_at: event.occurred_at,
        recipient: event.recipient.clone(),
        dedup: event.dedup.clone(),
        ..left
    }
}

/// Whether an address can begin here: what stands before is no part of it.
fn begins(lower: &[u8], at: usize) -> bool {
    let before = lower.get(..at).unwrap_or_default();
    let is_escape = |length: usize, mark: &[u8], digits: usize| {
        before.len() >= length
            && before[before.len() - length..].starts_with(mark)
            && before[before.len() - digits..].iter().all(u8::is_ascii_hexdigit)
    };
    if is_escape(3, b"%", 2) || is_escape(6, b"\\u", 4) {
        return true;
    }
    if before.ends_with(b"\\n") || before.ends_with(b"\\r") || before.ends_with(b"\\t") {
        return true;
    }
    // An `=` before it is that of a form or of a bounce's address.
    let last = (1..=4).find_map(|length| {
        let bytes = before.len().checked_sub(length).and_then(|from| before.get(from..))?;
        std::str::from_utf8(bytes).ok()?.chars().next()
    });
    last.is_none_or(|last| !last.is_alphanumeric() && !matches!(last, '.' | '_' | '-'))
}

/// Whether an address can end here.
fn ends(lower: &[u8], at: usize) -> bool {
    let after = lower.get(at..).unwrap_or_default();
    if let [b'.' | b'-', next, ..] = after {
        return !next.is_ascii_alphanumeric();
    }
    let next = (1..=4).find_map(|length| std::str::from_utf8(after.get(..length)?).ok()?.chars().next());
    next.is_none_or(|next| !next.is_alphanumeric() && next != '_')
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(byte.into());
        } else {
            encoded.extend(format!("%{byte:02x}").chars());
        }
    }
    encoded
}

/// As in JSON that is kept to ASCII.
fn json_escaped(text: &str) -> String {
    let mut escaped = String::new();
    for unit in text.encode_utf16() {
        match char::from_u32(u32::from(unit)).filter(char::is_ascii) {
            Some(letter @ ('"' | '\\')) => escaped.extend(['\\', letter]),
            Some(letter) => escaped.push(letter),
            None => escaped.extend(format!("\\u{unit:04x}").chars()),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use hearback_event::{Channel, DedupKey, Kind};

    use super::*;

    fn person(address: &str) -> Person {
        Person::new(Address::parse(address).unwrap())
    }

    #[test]
    fn an_address_is_found_however_it_is_written_and_not_within_another() {
        let alice = person("Alice@Example.com");
        for text in [
            "alice@example.com",
            "To: <ALICE@example.COM>, x",
            "to=bob%40x.example%2Calice%40example.com&x",
            "{\"to\":\"alice\\u0040example.com\"}",
            "\"a\\nalice@example.com.\"",
            "bounce+alice=example.com@mg.example.com",
            "alice@example.com-",
            "bob@x.example+alice@example.com",
            "«alice@example.com»",
        ] {
            assert!(alice.is_named_in(text.as_bytes()), "{text}");
        }
        for text in [
            "malice@example.com",
            "a.alice@example.com",
            "alice@example.com.au",
            "alice@example.community",
            "alice@example",
            "",
            "älice@example.com",
        ] {
            assert!(!alice.is_named_in(text.as_bytes()), "{text}");
        }
        let umlaut = person("jürgen@example.com");
        assert!(umlaut.is_named_in("j\\u00fcrgen@example.com".as_bytes()));
        assert!(umlaut.is_named_in("to=J%C3%BCrgen%40example.com".as_bytes()));
    }

    #[test]
    fn numbers_and_names() {
        let number = person("+15551234567");
        for text in ["+15551234567", "To=%2B15551234567&", "whatsapp:+15551234567", "\"15551234567\""] {
            assert!(number.is_named_in(text.as_bytes()), "{text}");
        }
        for text in ["+155512345678", "SM15551234567a", "015551234567"] {
            assert!(!number.is_named_in(text.as_bytes()), "{text}");
        }
        assert!(!person("42").is_named_in(b"42 is everywhere"));
        assert!(person("psid-1234567890").is_named_in(b"to psid-1234567890!"));
    }

    #[test]
    fn others_keep_everything_but_the_address() {
        let alice = person("alice@example.com");
        let mut event = Event::new(Kind::Bounced, "failed", Channel::Email, DedupKey::of(&[b"1"]));
        event.recipient = Address::parse("bob@example.com").ok();
        event.subject = Some("For Alice@Example.com and others".to_owned());
        event.tags = vec!["eu".to_owned(), "alice@example.com".to_owned()];
        event.labels = [("cc", "alice@example.com"), ("booking_id", "42")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        event.ambiguous_recipients = vec![alice.address.clone(), Address::parse("c@example.com").unwrap()];
        event.provider_message_id = Some("1.alice=example.com@mg".to_owned());
        let left = alice.taken_out_of_event(&event).unwrap();
        assert_eq!(left.subject.as_deref(), Some("For (forgotten) and others"));
        assert_eq!(left.tags, ["eu"]);
        assert_eq!(left.labels.keys().collect::<Vec<_>>(), ["booking_id"]);
        assert_eq!(left.ambiguous_recipients.len(), 1);
        assert_eq!((&left.recipient, &left.dedup), (&event.recipient, &event.dedup));
        assert_eq!(left.native_type, "failed");
        assert!(alice.taken_out_of_event(&left).is_none(), "once is enough");
        event.recipient = Some(alice.address.clone());
        let nothing = alice.taken_out_of_event(&event).unwrap();
        assert_eq!(serde_json::to_string(&nothing).unwrap(), "{\"native_type\":\"\"}");
        assert_eq!((nothing.kind, nothing.recipient), (Kind::Bounced, None));
    }
}
