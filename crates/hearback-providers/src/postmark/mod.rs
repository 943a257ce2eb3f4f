//! Postmark: delivery, bounce, complaint, open, click and subscription webhooks, and inbound mail.
//!
//! Postmark signs nothing. What stands for a signature is what the operator sets on the webhook: HTTP Basic
//! credentials or a secret header, and as a second layer the senders' networks. Every kind that is configured must
//! hold. There is no time and no nonce, so a replay is caught by the keys of its events only.
//!
//! Facts: Postmark's "Webhooks overview", the pages of each webhook, "SMTP API Error", "Understanding Inbound Webhook
//! Retries", its skills repository with the change notice of August 2026, and the bounce types of its Node SDK.

use hearback_event::{Event, Timestamp};
use serde_json::{Map, Value};

use crate::{
    Contract, Credential, Endpoint, OptionError, Options, Proof, Provider, Refusal, Request, SIGNATURE_401,
    Sender, Simulator, Verified, crypto,
};

mod bounce;
mod inbound;
mod normalise;
mod options;
mod payload;
mod send;
mod simulate;
mod subscription;
mod verify;

/// Postmark.
pub(crate) struct Postmark;

static CONTRACT: Contract = Contract {
    rate_limited: 429,
    // The shorter of its two schedules: on this much one can count.
    retries_for_seconds: 72 * 60,
    retries: 9,
    notes: "Tries again 9 times within 72 minutes on 5xx, 408, 429 and time-outs; every other 4xx is final, so a wrong \
            password loses events. Inbound mail and servers on the older rule get 10 attempts within 10.5 hours, \
            where only 403 is final. How long it waits for an answer is not published.",
    ..SIGNATURE_401
};

impl Provider for Postmark {
    fn name(&self) -> &'static str {
        "postmark"
    }

    fn title(&self) -> &'static str {
        "Postmark"
    }

    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn environment(&self) -> &'static [(&'static str, &'static str)] {
        &[("POSTMARK_WEBHOOK_USER", "user"), ("POSTMARK_WEBHOOK_PASSWORD", "password")]
    }

    fn takes_inbound_mail(&self) -> bool {
        true
    }

    fn endpoint(&self, options: &Options) -> Result<Box<dyn Endpoint>, Vec<OptionError>> {
        options::read(options).map(|access| Box::new(PostmarkEndpoint { access }) as Box<dyn Endpoint>)
    }

    fn simulator(&self, options: &Options) -> Result<Box<dyn Simulator>, Vec<OptionError>> {
        options::read(options)
            .map(|access| Box::new(simulate::PostmarkSimulator::new(access)) as Box<dyn Simulator>)
    }

    fn sender(&self, options: &Options) -> Option<Result<Box<dyn Sender>, Vec<OptionError>>> {
        Some(send::PostmarkSender::new(options).map(|sender| Box::new(sender) as _))
    }

    fn trial_options(&self, random: &mut dyn FnMut(&mut [u8])) -> Map<String, Value> {
        let mut password = [0; 16];
        random(&mut password);
        Map::from_iter([
            ("user".to_owned(), Value::String("hearback".to_owned())),
            ("password".to_owned(), Value::String(crypto::hex_encode(&password))),
        ])
    }
}

struct PostmarkEndpoint {
    access: options::Access,
}

impl Endpoint for PostmarkEndpoint {
    fn verify(&self, request: &Request<'_>, _now: Timestamp) -> Result<Proof, Refusal> {
        verify::check(&self.access, request)
    }

    fn normalise(&self, request: &Verified<'_>) -> Vec<Event> {
        vec![normalise::event(request.request())]
    }

    fn credentials(&self) -> Vec<Credential> {
        self.access.told_in_requests()
    }

    fn warnings(&self) -> Vec<String> {
        self.access.warnings()
    }
}

#[cfg(test)]
mod tests;
