//! What the providers send: realistic, correctly signed, no event twice.

mod mailgun;
mod population;
mod sendgrid;

use std::ops::Range;

use hearback_event::{Address, MessageId};
use hearback_providers::{Options, Provider, Simulator, provider};
use serde_json::{Map, Value};

use crate::pool::Pool;
pub(crate) use population::{BATCH, POSSIBLE_RECIPIENTS};
use population::{Series, happening, messages_in};

/// The two sources of the benchmark, with keys of their own.
pub(crate) struct Signer {
    mailgun: mailgun::Maker,
    sendgrid: Box<dyn Simulator>,
    config: String,
}

/// A message that was told of, by all its names.
pub(crate) struct Known {
    /// To whom it went.
    pub(crate) recipient: Address,
    /// Hearback's name for it.
    pub(crate) message: MessageId,
    /// The provider's name for it.
    pub(crate) provider_id: String,
    /// The booking that it is about.
    pub(crate) booking: String,
}

impl Signer {
    /// Always the same keys.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let (_, mailgun) = trial("mailgun")?;
        let (provider, sendgrid) = trial("sendgrid")?;
        let config = [source("mailgun", &mailgun), source("sendgrid", &sendgrid)].concat();
        let simulator = provider
            .simulator(&Options::new(sendgrid))
            .map_err(|errors| anyhow::anyhow!("cannot sign for SendGrid: {errors:?}"))?;
        let key = mailgun.get("keys").and_then(Value::as_str).unwrap_or_default();
        Ok(Self { mailgun: mailgun::Maker::new(key), sendgrid: simulator, config })
    }

    /// The sources, as they stand in `hearback.toml`.
    pub(crate) fn config(&self) -> &str {
        &self.config
    }

    /// Requests of Mailgun, one event each: the events with these numbers.
    pub(crate) fn singles(&self, serials: Range<u64>) -> Pool {
        Pool::new(
            serials.map(|serial| self.mailgun.request(&happening(Series::Mailgun, serial))).collect(),
            1,
        )
    }

    /// Requests of SendGrid, [`BATCH`] events each: the batches with these numbers.
    pub(crate) fn batches(&self, batches: Range<u64>) -> Pool {
        Pool::new(batches.map(|batch| sendgrid::request(&*self.sendgrid, batch)).collect(), BATCH)
    }

    /// Some message that the first so many batches tell of; another one for another `choice`.
    pub(crate) fn known(&self, batches: u64, choice: u64) -> Known {
        let message = population::scatter(choice) % messages_in(batches * BATCH).max(1);
        let happening = happening(Series::SendGrid, population::first_event_of(message));
        let provider_id = self.sendgrid.provider_message_id(&happening);
        Known {
            message: MessageId::new("sendgrid", &provider_id, Some(happening.recipient.as_str())),
            booking: happening.labels.get(population::BOOKING).cloned().unwrap_or_default(),
            recipient: happening.recipient,
            provider_id,
        }
    }
}

/// A provider with keys that are made of constant bytes.
fn trial(name: &str) -> anyhow::Result<(&'static dyn Provider, Map<String, Value>)> {
    let provider = provider(name).ok_or_else(|| anyhow::anyhow!("there is no provider `{name}`"))?;
    let mut byte = 0_u8;
    let options = provider.trial_options(&mut |buffer| {
        buffer.fill_with(|| {
            byte = byte.wrapping_mul(29).wrapping_add(71);
            byte
        });
    });
    Ok((provider, options))
}

fn source(name: &str, options: &Map<String, Value>) -> String {
    let mut lines = vec![format!("\n[sources.{name}]\nprovider = \"{name}\"\n")];
    // Keys in base64 and hex: JSON's text is TOML's.
    lines.extend(options.iter().map(|(key, value)| format!("{key} = {value}\n")));
    lines.concat()
}
