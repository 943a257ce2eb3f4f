//! JSON numbers without loss.
//!
//! serde_json reads a number that fits no 64-bit integer as a float and drops digits: two ids become one. Such
//! numbers are put in quotes before the text is read. (serde_json's own `arbitrary_precision` is a feature of the
//! whole build and changes how every other type is read.)

use std::borrow::Cow;

use serde_json::Value;

/// Reads JSON; a number that would lose a digit becomes a text.
pub(super) fn read(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(&quoted(text))
}

/// The text with every number in quotes that would lose a digit.
fn quoted(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = end_of_string(bytes, at),
            b'-' | b'0'..=b'9' => {
                let end = end_of_number(bytes, at);
                let token = text.get(at..end).unwrap_or_default();
                if loses_digits(token) {
                    out.push_str(text.get(copied..at).unwrap_or_default());
                    out.push('"');
                    out.push_str(token);
                    out.push('"');
                    copied = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

/// The position after the closing quote.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn end_of_number(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    let length =
        rest.iter().take_while(|byte| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')).count();
    start + length
}

/// Whether serde_json would show the number differently. What is no number at all is left as it is, for the reader to
/// refuse.
fn loses_digits(token: &str) -> bool {
    let short_integer = token.len() <= 18 && token.bytes().all(|byte| byte.is_ascii_digit());
    if short_integer {
        return false;
    }
    match serde_json::from_str::<serde_json::Number>(token) {
        Ok(number) => number.to_string() != token,
        // Valid by its grammar and still refused: beyond the range of a float.
        Err(_) => serde_json::from_str::<&serde_json::value::RawValue>(token).is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_is_kept() {
        let cases = [
            ("[1,-2,18446744073709551615]", "[1,-2,18446744073709551615]"),
            ("[18446744073709551616]", "[\"18446744073709551616\"]"),
            ("{\"a\":1767225600.123456789}", "{\"a\":\"1767225600.123456789\"}"),
            ("{\"1\":1.5,\"b\\\"2e9\":\"3e9\"}", "{\"1\":1.5,\"b\\\"2e9\":\"3e9\"}"),
            ("1e999", "\"1e999\""),
            ("1.50", "\"1.50\""),
        ];
        for (text, expected) in cases {
            assert_eq!(quoted(text), expected);
            assert_eq!(read(text).unwrap().to_string(), expected);
        }
        for bad in ["01", "1.", "--1", "[1-2]", "1e", "-", "00000000000000000001"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn valid_stays_valid_and_invalid_stays_invalid(text in "[\\[\\]{}:,\"\\\\0-9.eE+\\- a]{0,24}") {
            let raw = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
            proptest::prop_assert_eq!(read(&text).is_ok(), raw || serde_json::from_str::<Value>(&text).is_ok());
        }
    }
}
