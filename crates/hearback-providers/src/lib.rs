//! Webhooks of e-mail and SMS providers, as pure functions of bytes.
//!
//! One module per provider, all of the same shape. A [`Provider`] makes an [`Endpoint`] out of options (keys above
//! all); the endpoint authenticates a raw [`Request`], and only what was authenticated ([`Verified`]) can be
//! normalised into [`hearback_event::Event`]s. No I/O, no clock, no storage: keys, time and bytes are arguments, and
//! every function is total; hostile bytes give a [`Refusal`] or an `unknown` event, never a panic.
//!
//! Adding a provider: one module, one line in [`PROVIDERS`], one folder of samples. CONTRIBUTING.md has the steps.

pub mod crypto;
pub mod form;
pub mod json;
pub mod smtp;

mod contract;
mod credential;
mod generic;
mod mailgun;
mod mandrill;
mod options;
mod postmark;
mod provider;
mod request;
mod resend;
mod secret;
mod send;
mod sendgrid;
mod shape;
mod simulate;
mod standard_webhooks;
mod twilio;

pub use contract::{Contract, Reply, SIGNATURE_401, SIGNATURE_403};
pub use credential::{Credential, Place};
pub use options::{Keys, OneOrMany, OptionError, Options};
pub use provider::{Endpoint, Proof, Provider, Refusal, ReplayToken, Trust, Verified, provider};
pub use request::{RawRequest, RawRequestError, Request};
pub use secret::Secret;
pub use send::{Answer, Draft, DraftError, Mailbox, MailboxError, Meaning, Outgoing, Sender};
pub use shape::{ShapeError, ShapeLimits};
pub use simulate::{Happening, SimulatedRequest, Simulator, Tamper};

/// Every provider, in the order in which they are listed to people.
pub static PROVIDERS: &[&dyn Provider] = &[
    &mailgun::MAILGUN,
    &mandrill::MANDRILL,
    &sendgrid::SendGrid,
    &resend::Resend,
    &twilio::Twilio,
    &postmark::Postmark,
    &standard_webhooks::StandardWebhooks,
    &generic::Generic,
];
