//! A message before any provider has it.

use hearback_event::{Address, MessageId};
use std::collections::BTreeMap;
use std::fmt;

use super::{Labels, Mailbox};

/// A message to one recipient, to be handed to a provider. `Debug` shows no content.
#[derive(Clone)]
pub struct Draft {
    /// Its name here: embedded as the label `hearback_id`, so that the provider's webhooks say it.
    pub id: MessageId,
    /// The same for repeats of one request, another one for everything else.
    pub idempotency_key: String,
    /// To whom it goes.
    pub to: Address,
    /// From whom; the sender's default, if nothing is said.
    pub from: Option<String>,
    /// To whom to answer.
    pub reply_to: Option<String>,
    /// The subject line.
    pub subject: Option<String>,
    /// The content as plain text.
    pub text: Option<String>,
    /// The content as HTML.
    pub html: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// What is attached to it.
    pub labels: BTreeMap<String, String>,
    /// The URL under which this source is reached, for providers that are told with each message where to tell of it.
    pub callback_url: Option<String>,
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A provider cannot send it so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {problem}")]
pub struct DraftError {
    /// The field at fault, as the API names it.
    pub field: &'static str,
    /// What is wrong.
    pub problem: String,
    /// What would be right there.
    pub expected: &'static str,
}

/// A draft that is an e-mail, checked.
pub(crate) struct Mail<'a> {
    pub(crate) from: Mailbox,
    pub(crate) reply_to: Option<Mailbox>,
    pub(crate) to: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) text: Option<&'a str>,
    pub(crate) html: Option<&'a str>,
}

const MAILBOX: &str = "one address such as shop@example.com or Shop <shop@example.com>";

impl Draft {
    /// As an e-mail; `from` is the default sender.
    pub(crate) fn mail(&self, from: Option<&Mailbox>) -> Result<Mail<'_>, DraftError> {
        let error =
            |field, problem: &str, expected| DraftError { field, problem: problem.to_owned(), expected };
        // Where several addresses may stand, a comma makes two of one.
        let is_one = |to: &Mailbox| to.name.is_none() && to.address == self.to.as_str();
        if !Mailbox::parse(self.to.as_str()).is_ok_and(|to| is_one(&to)) {
            return Err(error("to", "this source sends e-mail", "one e-mail address"));
        }
        let read = |field, text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => {
                Mailbox::parse(text).map(Some).map_err(|problem| error(field, &problem.to_string(), MAILBOX))
            }
        };
        let given = read("from", &self.from)?.or_else(|| from.cloned());
        let from =
            given.ok_or_else(|| error("from", "there is no sender; the source has no default", MAILBOX))?;
        let subject = self.subject.as_deref();
        let subject = subject.ok_or_else(|| error("subject", "an e-mail has one", "the subject line"))?;
        let (text, html) = (self.text.as_deref(), self.html.as_deref());
        if text.is_none() && html.is_none() {
            return Err(error("text", "there is no content", "the content as plain text, or `html`"));
        }
        Ok(Mail {
            from,
            reply_to: read("reply_to", &self.reply_to)?,
            to: self.to.as_str(),
            subject,
            text,
            html,
        })
    }

    /// As a text message: the number, and the text.
    pub(crate) fn sms(&self) -> Result<(&str, &str), DraftError> {
        let error =
            |field, problem: &str, expected| DraftError { field, problem: problem.to_owned(), expected };
        if !self.to.is_phone() {
            return Err(error("to", "this source sends text messages", "a number such as +15551234567"));
        }
        if self.html.is_some() {
            return Err(error("html", "a text message has none", "nothing; give `text`"));
        }
        if self.reply_to.is_some() {
            return Err(error("reply_to", "a text message has none", "nothing"));
        }
        let text = self.text.as_deref();
        Ok((
            self.to.as_str(),
            text.ok_or_else(|| error("text", "there is no content", "the text of the message"))?,
        ))
    }

    /// What is embedded, this message's name first.
    pub(crate) fn embedded(&self) -> Labels<'_> {
        Labels::new(self.id, &self.labels)
    }
}
