//! Recipients out of header texts and lists.

use hearback_event::{Address, Event};
use serde_json::Value;

use crate::json;

/// More recipients than this are not told apart in one event.
const MOST: usize = 100;

/// Notes the recipients of an event: the one, or several of which it is not known who is meant.
pub(super) fn note(event: &mut Event, addresses: Vec<Address>) {
    match <[Address; 1]>::try_from(addresses) {
        Ok([address]) => event.recipient = Some(address),
        Err(several) => event.ambiguous_recipients = several,
    }
}

/// The addresses in a `To` header, each once.
pub(super) fn of_header(header: &str) -> Vec<Address> {
    distinct(split(header).into_iter())
}

/// The addresses in a JSON array of texts, each once.
pub(super) fn of_list(list: &Value) -> Vec<Address> {
    let texts = json::texts(list, "");
    distinct(texts.iter().map(String::as_str))
}

fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Address> {
    let mut found: Vec<Address> = Vec::new();
    for address in texts.filter_map(|text| Address::parse(text).ok()).take(MOST) {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

/// Splits at the commas outside of quotes and angle brackets.
fn split(header: &str) -> Vec<&str> {
    let (mut quoted, mut bracketed, mut escaped) = (false, false, false);
    header
        .split(|letter: char| {
            let escape = std::mem::take(&mut escaped);
            match letter {
                '\\' if quoted && !escape => escaped = true,
                '"' if !escape => quoted = !quoted,
                '<' if !quoted => bracketed = true,
                '>' if !quoted => bracketed = false,
                _ => {}
            }
            letter == ',' && !quoted && !bracketed
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_split_at_the_right_commas() {
        let cases: [(&str, &[&str]); 5] = [
            ("nobody@example.net", &["nobody@example.net"]),
            ("\"Smith, Amy\" <Amy@example.com>, bob@example.com", &["amy@example.com", "bob@example.com"]),
            ("\"a \\\", b\" <a@example.com>", &["a@example.com"]),
            ("bob@example.com, Bob <BOB@example.com>", &["bob@example.com"]),
            (" , ,", &[]),
        ];
        for (header, expected) in cases {
            let found = of_header(header);
            assert!(found.iter().map(Address::as_str).eq(expected.iter().copied()), "{header}: {found:?}");
        }
    }
}
