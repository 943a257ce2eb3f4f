//! `sms`: a text message for each event, through Twilio's Messages API
//! (<https://www.twilio.com/docs/messaging/api/message-resource>), or a vendor that speaks it.
//!
//! One number per destination: of several, some might get a message twice when it fails for another. Twilio cannot know a message
//! again: a push that is repeated because its answer got lost is sent twice.

use std::fmt;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hearback_event::{Address, Timestamp};
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;

use crate::http::{ClientError, Http, shown};
use crate::network::Guard;
use crate::parcel::{Carrier, Failure, Outcome, Parcel};
use crate::words::Words;

/// Two segments of a message, so that it does not become dear.
const LONGEST: usize = 300;

/// What texts are sent with.
#[derive(Clone)]
pub struct SmsOptions {
    /// Where the API is: `https://api.twilio.com/`.
    pub base: Url,
    /// The account, `AC...`.
    pub account_sid: String,
    /// Its token.
    pub auth_token: String,
    /// A number, or a messaging service (`MG...`).
    pub from: String,
    /// To whom.
    pub to: Address,
    /// Networks that may be connected to.
    pub guard: Guard,
}

/// Sends texts.
pub struct Sms {
    http: Http,
    url: Url,
    options: SmsOptions,
}

impl fmt::Debug for Sms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sms").field("base", &self.options.base.as_str()).finish_non_exhaustive()
    }
}

impl Sms {
    /// Texts to one number.
    pub fn new(options: SmsOptions) -> Result<Self, ClientError> {
        let mut url = options.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["2010-04-01", "Accounts", &options.account_sid, "Messages.json"]);
        }
        Ok(Self { http: Http::new(options.guard.clone())?, url, options })
    }
}

impl Carrier for Sms {
    fn kind(&self) -> &'static str {
        "sms"
    }

    fn target(&self) -> String {
        format!("{} via {}", hearback_event::mask(self.options.to.as_str()), shown(&self.options.base, true))
    }

    fn carry<'a>(&'a self, load: &'a [Parcel], now: Timestamp) -> BoxFuture<'a, Outcome> {
        async move {
            let Some(parcel) = load.first() else { return Failure::new("there is nothing to push").into() };
            let text: String = Words::of(&parcel.record).line().chars().take(LONGEST).collect();
            let SmsOptions { account_sid, auth_token, from, .. } = &self.options;
            let event = &parcel.record.event;
            let is_fallback = event.alert.as_ref().is_some_and(|alert| alert.fallback);
            let to = event.recipient.as_ref().filter(|_| is_fallback).unwrap_or(&self.options.to);
            let sender = if from.starts_with("MG") { "MessagingServiceSid" } else { "From" };
            let body = form_urlencoded::Serializer::new(String::new())
                .append_pair("To", to.as_str())
                .append_pair(sender, from)
                .append_pair("Body", &text)
                .finish();
            let request = self
                .http
                .client()
                .post(self.url.clone())
                .basic_auth(account_sid, Some(auth_token))
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            match request.body(body).build() {
                Ok(request) => self.http.send(request, now).await,
                Err(_) => Failure::new("the request cannot be made").into(),
            }
        }
        .boxed()
    }
}
