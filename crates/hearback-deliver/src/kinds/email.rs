//! `email`: a mail for each event, over SMTP, for those who have nothing else.
//!
//! The `Message-ID` follows from the event, so that a mail that is sent twice, because the server's answer got lost, can be known by it.

use std::fmt;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hearback_event::{Timestamp, mask};
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use crate::pages::Pages;
use crate::parcel::{Carrier, Failure, Outcome, Parcel};
use crate::words::Words;

/// Sends mails.
pub struct Email {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    server: String,
    from: Mailbox,
    to: Vec<Mailbox>,
    pages: Pages,
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Email").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Email {
    /// Mails through the server of a URL: `smtps://user:password@smtp.example.com`, or with STARTTLS
    /// `smtp://user:password@smtp.example.com:587?tls=required`.
    ///
    /// # Errors
    /// In words for the person who wrote it; the password is not in them.
    pub fn new(url: &str, from: &str, to: &[String]) -> Result<Self, String> {
        // Whoever was first has chosen.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let expected = "expected smtps://user:password@host, or smtp://user:password@host:587?tls=required";
        let parsed: reqwest::Url = url.trim().parse().map_err(|_| format!("`url`: {expected}"))?;
        if !matches!(parsed.scheme(), "smtp" | "smtps") || parsed.host_str().is_none() {
            return Err(format!("`url`: {expected}"));
        }
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.trim())
            .map_err(|_| format!("`url`: {expected}"))?;
        let mailbox = |name: &str, text: &str| {
            text.parse::<Mailbox>()
                .map_err(|_| format!("`{name}`: expected an address such as Hearback <hearback@example.com>"))
        };
        Ok(Self {
            transport: builder.build(),
            server: parsed.host_str().unwrap_or_default().to_owned(),
            from: mailbox("from", from)?,
            to: to.iter().map(|text| mailbox("to", text)).collect::<Result<_, _>>()?,
            pages: Pages::default(),
        })
    }

    /// With links to these pages.
    #[must_use]
    pub fn with_pages(self, pages: Pages) -> Self {
        Self { pages, ..self }
    }

    fn message(&self, parcel: &Parcel) -> Result<Message, lettre::error::Error> {
        let words = Words::of(&parcel.record);
        let facts = words.facts.iter().map(|(name, value)| format!("{name}: {value}"));
        let lines = [words.title.clone()].into_iter().chain(words.reason.clone()).chain([String::new()]);
        let links = self.pages.links(&parcel.record);
        let links = links.iter().map(|(word, url)| format!("{word}: {url}"));
        let text = lines.chain(facts).chain(links).collect::<Vec<_>>().join("\n");
        let mut builder = Message::builder()
            .from(self.from.clone())
            .message_id(Some(format!("<{}@hearback.invalid>", parcel.id)))
            .subject(words.title)
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            builder = builder.to(to.clone());
        }
        builder.body(text)
    }
}

/// What a mail server said, without its text: that may name people.
fn explain(error: &lettre::transport::smtp::Error) -> Failure {
    let status = error.status().map(u16::from);
    let why = match status {
        Some(status) => format!("the mail server answered {status}"),
        None if error.is_timeout() => "the mail server does not answer in time".to_owned(),
        None if error.is_tls() => format!("no encryption with the mail server: {error}"),
        None => format!("the mail server cannot be reached: {error}"),
    };
    Failure { status, ..Failure::new(why) }
}

impl Carrier for Email {
    fn kind(&self) -> &'static str {
        "email"
    }

    fn target(&self) -> String {
        let to: Vec<String> = self.to.iter().map(|to| mask(to.email.as_ref())).collect();
        format!("{} via {}", to.join(", "), self.server)
    }

    fn carry<'a>(&'a self, load: &'a [Parcel], _now: Timestamp) -> BoxFuture<'a, Outcome> {
        async move {
            let Some(parcel) = load.first() else { return Failure::new("there is nothing to push").into() };
            match self.message(parcel) {
                Ok(message) => match self.transport.send(message).await {
                    Ok(_) => Outcome::Taken,
                    Err(error) => explain(&error).into(),
                },
                Err(error) => Failure::new(format!("the mail cannot be made: {error}")).into(),
            }
        }
        .boxed()
    }
}
