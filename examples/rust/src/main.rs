//! Registers a message, waits for its outcome, and asks what is known of it:
//! `ask-hearback PROVIDER_MESSAGE_ID RECIPIENT KEY=VALUE`, with `HEARBACK_URL` and `HEARBACK_TOKEN`.
#![expect(clippy::print_stdout, reason = "that is what it does")]

use std::env;
use std::error::Error;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use ureq::Body;
use ureq::http::Response;

#[derive(Deserialize)]
struct Event {
    r#type: String,
    recipient: Option<String>,
    failure: Option<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Registered {
    id: String,
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Event>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    id: String,
    status: String,
    explanation: Vec<Explanation>,
}

#[derive(Deserialize)]
struct Explanation {
    r#type: String,
    decided: bool,
}

#[derive(Deserialize)]
struct Problem {
    status: u16,
    detail: String,
}

struct Hearback {
    agent: ureq::Agent,
    url: String,
    token: String,
}

impl Hearback {
    fn from_environment() -> Result<Self, env::VarError> {
        // Errors have bodies that are worth reading.
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Ok(Self { agent, url: env::var("HEARBACK_URL")?, token: env::var("HEARBACK_TOKEN")? })
    }

    /// The answer, or what Hearback says is wrong with the question.
    fn ask<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<T, Box<dyn Error>> {
        let path = path.iter().map(|segment| encoded(segment)).collect::<Vec<_>>().join("/");
        let request = self.agent.get(format!("{}/{path}", self.url)).query_pairs(query.iter().copied());
        read(request.header("authorization", self.bearer()).call()?)
    }

    /// Hands something over, and reads what comes of it.
    fn tell<T: DeserializeOwned>(&self, path: &str, what: &Value) -> Result<T, Box<dyn Error>> {
        let request = self.agent.post(format!("{}{path}", self.url));
        read(request.header("authorization", self.bearer()).send_json(what)?)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// Waits for the event that says how it ended.
    fn outcome(&self, message: &str) -> Result<Event, Box<dyn Error>> {
        let mut after = None::<String>;
        loop {
            let mut query =
                vec![("message", message), ("type", "delivered,bounced,rejected,failed"), ("wait", "30")];
            query.extend(after.as_deref().map(|after| ("after", after)));
            let page: Page = self.ask(&["v1", "events"], &query)?;
            if let Some(event) = page.data.into_iter().next() {
                return Ok(event);
            }
            after = page.next_cursor;
        }
    }

    /// Every event with a label, page by page.
    fn timeline(&self, key: &str, value: &str) -> Result<Vec<Event>, Box<dyn Error>> {
        let (mut events, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut query = vec![("limit", "3")];
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page: Page = self.ask(&["v1", "timelines", key, value], &query)?;
            events.extend(page.data);
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(events),
            }
        }
    }
}

/// The answer, or what Hearback says is wrong.
fn read<T: DeserializeOwned>(mut answer: Response<Body>) -> Result<T, Box<dyn Error>> {
    if answer.status().is_success() {
        return Ok(answer.body_mut().read_json()?);
    }
    let Problem { status, detail } = answer.body_mut().read_json()?;
    Err(format!("{status} {detail}").into())
}

/// A segment of a path.
fn encoded(segment: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    segment
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).into() } else { format!("%{byte:02X}") })
        .collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [provider_message_id, recipient, label] = arguments.as_slice() else {
        return Err("usage: ask-hearback PROVIDER_MESSAGE_ID RECIPIENT KEY=VALUE".into());
    };
    let (key, value) = label.split_once('=').ok_or("a label is KEY=VALUE")?;
    let hearback = Hearback::from_environment()?;

    let message = json!({
        "source": "mailgun", "provider_message_id": provider_message_id, "recipient": recipient,
        "labels": {key: value}, "expect_delivered_within": 900,
    });
    let Registered { id } = hearback.tell("/v1/messages", &message)?;
    println!("registered {id}");

    let Event { r#type, recipient, failure } = hearback.outcome(&id)?;
    let reason = failure.and_then(|failure| failure.reason).unwrap_or_else(|| "-".to_owned());
    println!("outcome {type} {} {reason}", recipient.unwrap_or_default(), r#type = r#type);

    let message: Message = hearback.ask(&["v1", "messages", &id], &[])?;
    if let Some(why) = message.explanation.iter().find(|why| why.decided) {
        println!("message {} {} because of {}", message.id, message.status, why.r#type);
    }

    for event in hearback.timeline(key, value)? {
        println!("timeline {label} {} {}", event.r#type, event.recipient.unwrap_or_default());
    }
    Ok(())
}
