//! Where at each provider a webhook is set up, and what its key is called there. Words only: no format, no signature.

/// The steps of one provider.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guide {
    /// Where to click.
    pub(crate) place: &'static str,
    /// Which events to tick.
    pub(crate) events: &'static [&'static str],
    /// What the key is called there.
    pub(crate) key: &'static str,
}

/// Of a provider by its name; of a generic source, what holds for all.
pub(crate) fn guide(provider: &str) -> Guide {
    match provider {
        "mailgun" => Guide {
            place: "Sending › Webhooks › your domain › Add webhook. Take the region of your domain (EU or US) and tick these events:",
            events: &[
                "accepted",
                "delivered",
                "permanent_fail",
                "temporary_fail",
                "opened",
                "clicked",
                "unsubscribed",
                "complained",
            ],
            key: "Mailgun shows it as HTTP webhook signing key. It is not the API key.",
        },
        "mandrill" => Guide {
            place: "Settings › Webhooks › Add a webhook. Tick every event; the URL must be exactly this one, because the signature covers it:",
            events: &[
                "send",
                "deferral",
                "hard_bounce",
                "soft_bounce",
                "open",
                "click",
                "spam",
                "unsub",
                "reject",
            ],
            key: "Mandrill shows it as Key beside the webhook, once it is saved.",
        },
        "sendgrid" => Guide {
            place: "Settings › Mail Settings › Event Webhook. Tick these events and switch Signed Event Webhook on:",
            events: &[
                "processed",
                "delivered",
                "deferred",
                "bounce",
                "dropped",
                "open",
                "click",
                "spamreport",
                "unsubscribe",
            ],
            key: "SendGrid shows it as Verification Key once the signature is switched on.",
        },
        "resend" => Guide {
            place: "Webhooks › Add webhook. Tick these events:",
            events: &[
                "email.sent",
                "email.delivered",
                "email.delivery_delayed",
                "email.bounced",
                "email.complained",
                "email.opened",
                "email.clicked",
                "email.failed",
            ],
            key: "Resend shows it as Signing secret (whsec_...).",
        },
        "postmark" => Guide {
            place: "Servers › your server › your message stream › Webhooks › Add webhook. Tick these events, and give user and password as Basic auth:",
            events: &["Delivery", "Bounce", "Spam complaint", "Open", "Link click", "Subscription change"],
            key: "Postmark signs nothing: the password that you make up for the URL is the key.",
        },
        "twilio" => Guide {
            place: "Give it as StatusCallback with each message, or to your messaging service: Messaging › Services › Integration › Status callback URL.",
            events: &["queued", "sent", "delivered", "undelivered", "failed"],
            key: "Twilio shows it as Auth Token on the console's first page.",
        },
        _ => Guide {
            place: "Wherever your sender has its webhooks: give it this URL.",
            events: &[],
            key: "What the sender signs with, or the credential that it sends along.",
        },
    }
}
