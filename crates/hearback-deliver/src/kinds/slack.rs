//! `slack`: messages in a chat, through an incoming webhook (<https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>).
//!
//! Slack gets Block Kit in a coloured attachment. Mattermost, Rocket.Chat and Discord (its URL with `/slack` behind) understand the older
//! attachments with fields, so every other host gets these. A chat cannot know a message again: a push that is repeated because
//! its answer got lost is shown twice.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hearback_event::Timestamp;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::http::{ClientError, Http, shown};
use crate::network::Guard;
use crate::pages::Pages;
use crate::parcel::{Carrier, Failure, Outcome, Parcel};
use crate::words::{Tone, Words};

/// Slack's own host, also for its government's.
const SLACK: &[&str] = &["hooks.slack.com", "hooks.slack-gov.com"];

/// Writes into a chat.
#[derive(Debug)]
pub struct Slack {
    http: Http,
    url: Url,
    has_blocks: bool,
    pages: Pages,
}

impl Slack {
    /// A chat behind an incoming webhook.
    pub fn new(url: Url, guard: Guard) -> Result<Self, ClientError> {
        let has_blocks = url.host_str().is_some_and(|host| SLACK.contains(&host));
        Ok(Self { http: Http::new(guard)?, url, has_blocks, pages: Pages::default() })
    }

    /// With links to these pages.
    #[must_use]
    pub fn with_pages(self, pages: Pages) -> Self {
        Self { pages, ..self }
    }

    fn message(&self, words: &Words, links: &[(&str, String)]) -> Value {
        let colour = match words.tone {
            Tone::Good => "#2eb67d",
            Tone::Doubtful => "#ecb22e",
            Tone::Bad => "#e01e5a",
            Tone::Neutral => "#8d8d8d",
        };
        let plain = words.line();
        if self.has_blocks {
            json!({ "text": escaped(&plain), "attachments": [{ "color": colour, "blocks": blocks(words, links) }] })
        } else {
            json!({ "attachments": [{
                "color": colour,
                "fallback": plain,
                "title": words.title,
                "title_link": links.first().map(|(_, url)| url),
                "text": words.reason.as_deref().map(escaped).unwrap_or_default(),
                "footer": links.iter().map(|(word, url)| format!("<{url}|{word}>")).collect::<Vec<_>>().join(" · "),
                "fields": words.facts.iter().map(|(name, value)| json!({
                    "title": name, "value": escaped(value), "short": value.len() < 40,
                })).collect::<Value>(),
            }] })
        }
    }
}

fn blocks(words: &Words, links: &[(&str, String)]) -> Value {
    let mut text = format!("*{}*", escaped(&words.title));
    if let Some(reason) = &words.reason {
        text.push('\n');
        text.push_str(&escaped(reason));
    }
    let facts: Vec<String> =
        words.facts.iter().map(|(name, value)| format!("{name}: {}", escaped(value))).collect();
    let links: Vec<String> = links.iter().map(|(word, url)| format!("<{url}|{word}>")).collect();
    if !links.is_empty() {
        text = format!("{text}\n{}", links.join(" · "));
    }
    json!([
        { "type": "section", "text": { "type": "mrkdwn", "text": text } },
        { "type": "context", "elements": [{ "type": "mrkdwn", "text": facts.join(" · ") }] },
    ])
}

/// What others wrote is neither a link nor a mention.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl Carrier for Slack {
    fn kind(&self) -> &'static str {
        "slack"
    }

    fn target(&self) -> String {
        // The path is the secret.
        shown(&self.url, false)
    }

    fn carry<'a>(&'a self, load: &'a [Parcel], now: Timestamp) -> BoxFuture<'a, Outcome> {
        async move {
            let Some(parcel) = load.first() else { return Failure::new("there is nothing to push").into() };
            let body =
                self.message(&Words::of(&parcel.record), &self.pages.links(&parcel.record)).to_string();
            let request = self.http.client().post(self.url.clone());
            match request.header(CONTENT_TYPE, "application/json").body(body).build() {
                Ok(request) => self.http.send(request, now).await,
                Err(_) => Failure::new("the request cannot be made").into(),
            }
        }
        .boxed()
    }
}
