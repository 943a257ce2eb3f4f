//! Handing a message to a provider: what is to be sent, as the provider wants it, and what its answer means.
//!
//! The other direction of a provider, of the same kind: pure functions. A [`Sender`] makes an [`Outgoing`] request of a [`Draft`],
//! and reads the [`Answer`]; who sends the request, and remembers that he did, is not known here.

mod answer;
mod draft;
mod labels;
mod mailbox;
mod options;
mod sender;

pub use answer::{Answer, Meaning};
pub use draft::{Draft, DraftError};
pub use mailbox::{Mailbox, MailboxError};
pub use sender::{Outgoing, Sender};

pub(crate) use answer::{by_status, json_of, refused};
pub(crate) use labels::{Labels, object};
pub(crate) use options::{base_url, clear_text_warning, from_mailbox, key, read};
