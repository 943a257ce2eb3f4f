//! `nats`: publishing to NATS JetStream (<https://docs.nats.io/nats-concepts/jetstream>), with the feature `nats`.
//!
//! The subject is `hearback.events.` and the event's type; `Nats-Msg-Id` is the event's id, by which the stream leaves out what it has
//! already. An event counts as taken when the stream has acknowledged it.

use std::fmt;
use std::time::Duration;

use async_nats::jetstream::{self, Context, stream};
use async_nats::{ConnectOptions, HeaderMap};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hearback_event::Timestamp;
use tokio::sync::OnceCell;

use crate::parcel::{Carrier, Failure, Outcome, Parcel};

/// A stream that is made here knows ids for so long: longer than most pushes are tried again.
const KNOWN_FOR: Duration = Duration::from_hours(2);

/// Where is published.
#[derive(Clone)]
pub struct NatsOptions {
    /// The servers: `nats://user:password@host:4222`, several with commas.
    pub url: String,
    /// What subjects begin with: `hearback.events`.
    pub subject: String,
    /// A stream to be made where there is none that takes these subjects.
    pub stream: Option<String>,
}

/// Publishes to JetStream.
pub struct Nats {
    options: NatsOptions,
    servers: Vec<async_nats::ServerAddr>,
    context: OnceCell<Context>,
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats").field("subject", &self.options.subject).finish_non_exhaustive()
    }
}

impl Nats {
    /// A publisher; it connects when there is something to publish.
    ///
    /// # Errors
    /// In words for the person who wrote it; the password is not in them.
    pub fn new(options: NatsOptions) -> Result<Self, String> {
        // Whoever was first has chosen.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let server = |text: &str| {
            let expected =
                "`url`: expected nats://user:password@host:4222 or tls://host:4222, several with commas";
            text.trim().parse().map_err(|_| expected.to_owned())
        };
        let servers = options.url.split(',').map(server).collect::<Result<_, _>>()?;
        let plain = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        if !options.subject.split('.').all(plain) {
            return Err(
                "`subject`: expected words of letters and digits with dots between, such as hearback.events"
                    .to_owned(),
            );
        }
        Ok(Self { options, servers, context: OnceCell::new() })
    }

    async fn context(&self) -> Result<&Context, Failure> {
        let failed = |what: &str, error: String| Failure::new(format!("{what}: {error}"));
        self.context
            .get_or_try_init(async || {
                let client = ConnectOptions::new().name("hearback").connect(&self.servers[..]).await;
                let client = client.map_err(|error| failed("cannot connect", error.to_string()))?;
                let context = jetstream::new(client);
                if let Some(name) = &self.options.stream {
                    let wanted = stream::Config {
                        name: name.clone(),
                        subjects: vec![format!("{}.>", self.options.subject)],
                        duplicate_window: KNOWN_FOR,
                        ..stream::Config::default()
                    };
                    let made = context.get_or_create_stream(wanted).await;
                    made.map_err(|error| failed("the stream cannot be made", error.to_string()))?;
                }
                Ok(context)
            })
            .await
    }

    async fn publish(&self, parcel: &Parcel) -> Result<(), Failure> {
        let context = self.context().await?;
        let subject = format!("{}.{}", self.options.subject, parcel.record.event.kind.dotted());
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", parcel.id.as_str());
        headers.insert("Content-Type", "application/json");
        let body = serde_json::to_vec(&*parcel.record)
            .map_err(|error| Failure::new(format!("the event cannot be written as JSON: {error}")))?;
        let refused = |error: jetstream::context::PublishError| {
            Failure::new(format!("{error}; is there a stream that takes {}.>?", self.options.subject))
        };
        let acknowledged =
            context.publish_with_headers(subject, headers, body.into()).await.map_err(refused)?;
        acknowledged.await.map(drop).map_err(refused)
    }
}

impl Carrier for Nats {
    fn kind(&self) -> &'static str {
        "nats"
    }

    fn target(&self) -> String {
        let hosts: Vec<String> =
            self.servers.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect();
        format!("{}.> at {}", self.options.subject, hosts.join(", "))
    }

    fn carry<'a>(&'a self, load: &'a [Parcel], _now: Timestamp) -> BoxFuture<'a, Outcome> {
        async move {
            for parcel in load {
                if let Err(failure) = self.publish(parcel).await {
                    return failure.into();
                }
            }
            Outcome::Taken
        }
        .boxed()
    }
}
