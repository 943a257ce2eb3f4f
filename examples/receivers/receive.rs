//! A receiver of Hearback's webhooks with axum.
//!
//! ```sh
//! WEBHOOK_SECRET=whsec_... cargo run --package hearback --example receive -- [PORT]
//! ```

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use data_encoding::BASE64;
use serde_json::Value;

const TOLERANCE_SECONDS: u64 = 5 * 60;

/// The keys in `whsec_... whsec_...`: several while a secret is changed.
fn keys_of(secrets: &str) -> Option<Vec<hmac::Key>> {
    let keys = secrets.split_whitespace().map(|secret| {
        let bytes = BASE64.decode(secret.trim_start_matches("whsec_").as_bytes()).ok()?;
        // With an empty key everybody could sign.
        (bytes.len() >= 24).then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
    });
    keys.collect::<Option<Vec<_>>>().filter(|keys| !keys.is_empty())
}

/// The request's JSON, if one of the keys signed it just now.
fn verify(keys: &[hmac::Key], headers: &HeaderMap, body: &[u8], now: u64) -> Result<Value, &'static str> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let is_fresh = timestamp.parse::<u64>().is_ok_and(|at| now.abs_diff(at) <= TOLERANCE_SECONDS);
    if id.is_empty() || !is_fresh {
        return Err("too old, or from the future");
    }
    // The signature covers the bytes as they came.
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    let given = header("webhook-signature").split(' ').filter_map(|part| part.strip_prefix("v1,"));
    let given: Vec<Vec<u8>> = given.filter_map(|text| BASE64.decode(text.as_bytes()).ok()).collect();
    let is_genuine = |key| given.iter().any(|signature| hmac::verify(key, &signed, signature).is_ok());
    if keys.iter().any(is_genuine) {
        serde_json::from_slice(body).map_err(|_| "no JSON")
    } else {
        Err("signed with no secret of ours")
    }
}

struct Receiver {
    keys: Vec<hmac::Key>,
    /// In an application: a table with a unique key, written in the event's own transaction.
    handled: Mutex<HashSet<String>>,
}

#[expect(clippy::disallowed_methods, reason = "a program of its own, which has no other clock")]
async fn receive(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, (StatusCode, &'static str)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let message = verify(&receiver.keys, &headers, &body, now)
        .map_err(|problem| (StatusCode::UNAUTHORIZED, problem))?;
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    let mut handled = receiver.handled.lock().unwrap_or_else(PoisonError::into_inner);
    if !handled.contains(id) {
        handle(&message["type"], &message["data"]);
        handled.insert(id.to_owned());
    }
    Ok(StatusCode::NO_CONTENT)
}

#[expect(clippy::print_stdout, reason = "it is all that this program does with an event")]
fn handle(kind: &Value, event: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    println!(
        "{} {} {} {}",
        text(kind),
        text(&event["id"]),
        text(&event["recipient"]),
        text(&event["failure"]["reason"])
    );
}

#[expect(clippy::print_stdout, reason = "whoever starts it wants to know where it listens")]
#[tokio::main]
async fn main() -> std::io::Result<()> {
    let secrets = std::env::var("WEBHOOK_SECRET").unwrap_or_default();
    let keys =
        keys_of(&secrets).ok_or_else(|| std::io::Error::other("WEBHOOK_SECRET must be whsec_ and Base64"))?;
    let port: u16 = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(9000);
    let receiver = Arc::new(Receiver { keys, handled: Mutex::default() });
    let app = Router::new().route("/", post(receive)).route("/hook", post(receive)).with_state(receiver);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await
}
