//! Asking the server whether everything is there, once, and stands where it must.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::stream;
use hearback_event::{Address, MessageId};
use serde_json::Value;

use super::compare;
use super::expected::{BOOKING, Expected, ExpectedMessage, ExpectedRecipient};
use crate::client::Client;
use crate::commands::timeline;
use crate::exit::CliError;

/// So many questions are under way at a time.
const CONCURRENCY: usize = 8;

/// Somebody who knows how it was before, and looks again afterwards.
pub(crate) struct Verifier {
    client: Client,
    source: String,
    before: Standing,
}

/// What a source has told and refused.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Events by kind.
    pub(crate) events: BTreeMap<String, u64>,
    /// Refused requests by cause.
    pub(crate) refused: BTreeMap<String, u64>,
}

impl Verifier {
    /// Looks how it is before anything is sent.
    pub(crate) async fn begin(api: &str, token: &str, source: &str) -> Result<Self, CliError> {
        let client = Client::server(api, Some(token))?;
        let before = standing(&client, source).await?;
        Ok(Self { client, source: source.to_owned(), before })
    }

    /// Everything that is other than expected, in words; empty where all is well.
    pub(crate) async fn end(self, expected: &Expected) -> Result<Vec<String>, CliError> {
        let mut differences =
            compare::standing(&self.before, &standing(&self.client, &self.source).await?, expected);
        let client = &self.client;
        differences.extend(
            gather(expected.messages.iter().map(|(id, message)| message_differences(client, *id, message)))
                .await?,
        );
        differences.extend(
            gather(
                expected.recipients.iter().map(|(address, one)| recipient_differences(client, address, one)),
            )
            .await?,
        );
        differences.extend(
            gather(
                expected
                    .bookings
                    .iter()
                    .map(|(booking, count)| timeline_differences(client, booking, *count)),
            )
            .await?,
        );
        Ok(differences)
    }
}

/// Asks a few at a time, and keeps the order.
async fn gather<F>(questions: impl Iterator<Item = F>) -> Result<Vec<String>, CliError>
where
    F: Future<Output = Result<Vec<String>, CliError>>,
{
    let mut answers = stream::iter(questions).buffered(CONCURRENCY);
    let mut all = Vec::new();
    while let Some(answer) = answers.next().await {
        all.extend(answer?);
    }
    Ok(all)
}

async fn standing(client: &Client, source: &str) -> Result<Standing, CliError> {
    let sources = client.list(&["v1", "sources"], &[]).await?;
    let found = crate::show::list(&sources, "/data")
        .iter()
        .find(|one| one.get("name").and_then(Value::as_str) == Some(source))
        .ok_or_else(|| {
            CliError::no(format!("the server has no source `{source}`"))
                .hint("does it run with this configuration? `hearback sources --url ...` lists what it has")
        })?;
    let counts = |name: &str| {
        let counts = found.get(name).and_then(Value::as_object);
        counts
            .into_iter()
            .flatten()
            .filter_map(|(name, count)| Some((name.clone(), count.as_u64()?)))
            .collect()
    };
    Ok(Standing { events: counts("events"), refused: counts("quarantine") })
}

async fn message_differences(
    client: &Client,
    id: MessageId,
    expected: &ExpectedMessage,
) -> Result<Vec<String>, CliError> {
    let found = client.get(&["v1", "messages", &id.to_string()], &[]).await?;
    Ok(compare::message(&expected.provider_id, expected, found.as_ref()))
}

async fn recipient_differences(
    client: &Client,
    address: &Address,
    expected: &ExpectedRecipient,
) -> Result<Vec<String>, CliError> {
    let found = client.get(&["v1", "recipients", address.as_str()], &[]).await?;
    Ok(compare::recipient(address.as_str(), expected, found.as_ref()))
}

async fn timeline_differences(
    client: &Client,
    booking: &str,
    expected: u64,
) -> Result<Vec<String>, CliError> {
    let found = timeline::whole(client, BOOKING, booking).await?;
    let events = crate::show::list(&found, "/data");
    let count = events.iter().filter(|event| compare::is_told(event)).count() as u64;
    Ok(if count == expected {
        Vec::new()
    } else {
        vec![format!("timeline {BOOKING}={booking}: expected {expected} events, found {count}")]
    })
}
