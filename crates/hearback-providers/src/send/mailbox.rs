//! `Name <address>`, as people write a sender.

use std::fmt;

/// An address with the name that is shown for it. Case is kept: it is a sender, which nobody looks up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The name, without quotes.
    pub name: Option<String>,
    /// `local@domain`.
    pub address: String,
}

/// The text is no mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one address such as shop@example.com or Shop <shop@example.com>")]
pub struct MailboxError;

/// Longest address (RFC 5321) and longest name.
const ADDRESS_MAX: usize = 320;
const NAME_MAX: usize = 256;

impl Mailbox {
    /// Reads one mailbox: never several, and no line end in it, so that nobody can smuggle in a header or a recipient.
    ///
    /// # Errors
    /// Where it is not one.
    pub fn parse(text: &str) -> Result<Self, MailboxError> {
        let text = text.trim();
        if text.chars().any(char::is_control) {
            return Err(MailboxError);
        }
        let (name, address) = match text.strip_suffix('>') {
            Some(rest) => rest.rsplit_once('<').ok_or(MailboxError)?,
            None => ("", text),
        };
        let (name, address) = (plain(name.trim())?, address.trim());
        let (local, domain) = address.rsplit_once('@').ok_or(MailboxError)?;
        let odd = |c: char| c.is_whitespace() || "<>()[],;:\\\"".contains(c);
        let good = !local.is_empty()
            && !local.contains('@')
            && domain.split('.').all(|part| !part.is_empty())
            && !address.contains(odd)
            && address.len() <= ADDRESS_MAX
            && name.len() <= NAME_MAX;
        if !good {
            return Err(MailboxError);
        }
        Ok(Self { name: Some(name).filter(|name| !name.is_empty()), address: address.to_owned() })
    }
}

/// A name without its quotes.
fn plain(name: &str) -> Result<String, MailboxError> {
    let Some(rest) = name.strip_prefix('"') else {
        return if name.contains(['<', '>', '"']) { Err(MailboxError) } else { Ok(name.to_owned()) };
    };
    let (mut plain, mut letters) = (String::new(), rest.chars());
    loop {
        match letters.next().ok_or(MailboxError)? {
            '\\' => plain.push(letters.next().ok_or(MailboxError)?),
            '"' => break,
            letter => plain.push(letter),
        }
    }
    if letters.as_str().is_empty() { Ok(plain) } else { Err(MailboxError) }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            None => f.write_str(&self.address),
            Some(name) if name.contains(|c: char| "()<>[]:;@\\,.\"".contains(c)) => {
                let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "\"{escaped}\" <{}>", self.address)
            }
            Some(name) => write!(f, "{name} <{}>", self.address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_mailbox_and_nothing_beside_it() {
        let read = |text: &str| {
            Mailbox::parse(text).map(|mailbox| (mailbox.name.unwrap_or_default(), mailbox.address)).ok()
        };
        let is = |name: &str, address: &str| Some((name.to_owned(), address.to_owned()));
        assert_eq!(read(" Shop@Example.com "), is("", "Shop@Example.com"));
        assert_eq!(read("Café Größe <a+b@x.example>"), is("Café Größe", "a+b@x.example"));
        assert_eq!(read("\"Doe, \\\"J\\\"\" <j@x.example>"), is("Doe, \"J\"", "j@x.example"));
        assert_eq!(read("<j@x.example>"), is("", "j@x.example"));
        for bad in [
            "",
            "shop",
            "@x",
            "a@",
            "a@b@c",
            "a@x..y",
            "a b@x",
            "a@x, b@y",
            "A <a@x>, B <b@y>",
            "A <a@x",
            "a@x\r\nBcc: b@y",
            "A\n <a@x>",
            "\"A <a@x>",
            "\"A\" B <a@x>",
            "A <b <a@x>",
            "a@x;b@y",
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
        assert_eq!(read(&format!("a@{}.example", "x".repeat(400))), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(name in "[ -~äß]{0,40}", text in ".{0,60}") {
            let mailbox = Mailbox { name: Some(name.trim().to_owned()).filter(|name| !name.is_empty()), address: "a@x.example".to_owned() };
            // A name that is quoted only in part cannot be told from a quoted one, and is written in quotes.
            prop_assert_eq!(Mailbox::parse(&mailbox.to_string()), Ok(mailbox));
            drop(Mailbox::parse(&text));
        }
    }
}
