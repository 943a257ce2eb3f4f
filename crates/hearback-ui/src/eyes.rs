//! What somebody may see: addresses whole or masked, in their fields and inside of other texts.

use std::borrow::Cow;

use hearback_event::{Address, mask};

/// How the asker sees addresses and payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Eyes {
    /// Whole, and raw requests too.
    pub(crate) clear: bool,
}

impl Eyes {
    /// An address.
    pub(crate) fn address(self, address: &Address) -> String {
        if self.clear { address.as_str().to_owned() } else { address.masked() }
    }

    /// Any text that may have addresses in it: a remote server's words, a subject, a label's value.
    pub(crate) fn text(self, text: &str) -> Cow<'_, str> {
        if self.clear { Cow::Borrowed(text) } else { veil(text) }
    }

    /// As [`Eyes::text`], for what is there or not.
    pub(crate) fn maybe(self, text: Option<&str>) -> Option<String> {
        text.map(|text| self.text(text).into_owned())
    }
}

/// Masks what looks like an e-mail address or a telephone number in a text.
fn veil(text: &str) -> Cow<'_, str> {
    let has_digits = text.bytes().filter(u8::is_ascii_digit).count() >= PHONE_DIGITS;
    if !text.contains('@') && !text.contains("%40") && !has_digits {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    for letter in text.chars() {
        if is_inside(letter) {
            word.push(letter);
        } else {
            put(&mut out, &word);
            word.clear();
            out.push(letter);
        }
    }
    put(&mut out, &word);
    Cow::Owned(out)
}

/// A number with so many digits in one go may be a telephone's.
const PHONE_DIGITS: usize = 9;

/// Whether a letter can be inside of an address.
fn is_inside(letter: char) -> bool {
    letter.is_alphanumeric() || "@.+-_%!#$&'*=?^`{|}~/".contains(letter)
}

fn put(out: &mut String, word: &str) {
    let plain = word.replace("%40", "@");
    if let Some((local, domain)) = plain.rsplit_once('@')
        && !domain.is_empty()
    {
        // `to=alice@example.com`: what stands before is not the address's.
        let split = local.rfind(['=', '/', '?', '&']).map_or(0, |at| at + 1);
        let (before, local) = local.split_at(split);
        out.push_str(before);
        out.push_str(&mask(&format!("{local}@{domain}")));
        return;
    }
    let digits = word.strip_prefix('+').unwrap_or(word);
    if digits.len() >= PHONE_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        out.push_str(&mask(word));
        return;
    }
    out.push_str(word);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_masked_wherever_they_stand() {
        let masked = Eyes { clear: false };
        for (text, expected) in [
            ("550 5.1.1 <alice@example.com>: user unknown", "550 5.1.1 <a…@example.com>: user unknown"),
            ("to alice.b+tag@example.com, bob@x.example", "to a…@example.com, b…@x.example"),
            ("https://x.example/u?to=alice@example.com&n=1", "https://x.example/u?to=a…@example.com&n=1"),
            ("https://x.example/u?to=alice%40example.com", "https://x.example/u?to=a…@example.com"),
            ("call +447700900142 now", "call +4477…42 now"),
            ("447700900142", "44770…42"),
            ("booking 4711", "booking 4711"),
            ("421-4.7.28 rate limited", "421-4.7.28 rate limited"),
            ("", ""),
        ] {
            assert_eq!(masked.text(text), expected);
            assert_eq!(Eyes { clear: true }.text(text), text);
        }
    }
}
