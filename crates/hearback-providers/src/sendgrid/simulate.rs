//! Requests as SendGrid sends them: batches, signed with a private key that only the simulator has.

use hearback_event::{Kind, Timestamp};
use serde_json::{Value, json};

use super::SendGridOptions;
use super::keypair::{KeyPair, SigningKey};
use super::verify::{SIGNATURE, TIMESTAMP};
use crate::{Happening, OptionError, RawRequest, SimulatedRequest, Simulator, Tamper, crypto};

/// The kinds that SendGrid tells of a message. Inbound mail names no message that was sent.
const KINDS: &[Kind] = &[
    Kind::Queued,
    Kind::Delivered,
    Kind::Deferred,
    Kind::Bounced,
    Kind::Rejected,
    Kind::Opened,
    Kind::Clicked,
    Kind::Complained,
    Kind::Unsubscribed,
    Kind::Subscribed,
];

/// An event webhook.
pub(super) struct SendGridSimulator {
    keys: Option<[SigningKey; 2]>,
    authorization: Option<String>,
}

impl SendGridSimulator {
    /// One that signs with `simulate_private_key` and sends the credential, whichever of them the options have.
    pub(super) fn new(options: &SendGridOptions) -> Result<Self, OptionError> {
        let private = options.simulate_private_key.as_ref();
        if private.is_none() && !options.keys.is_empty() {
            return Err(OptionError::new(
                "simulate_private_key",
                "not set: SendGrid's private key is not known, so only an endpoint with a key pair of its own can be tried",
            ));
        }
        let problem = || {
            OptionError::new("simulate_private_key", "not a private key: expected base64 of PKCS#8 for P-256")
        };
        let keys = private
            .map(|private| {
                let key = SigningKey::parse(private.expose()).ok_or_else(problem)?;
                let seed = crypto::sha256(&[b"another key", private.expose().as_bytes()]);
                let other = KeyPair::fresh(&mut |buffer| buffer.copy_from_slice(&seed));
                let other = other.and_then(|pair| SigningKey::parse(&pair.private)).ok_or_else(problem)?;
                Ok([key, other])
            })
            .transpose()?;
        let basic = options.user.as_ref().zip(options.password.as_ref()).map(|(user, password)| {
            format!("Basic {}", crypto::base64_encode(format!("{user}:{}", password.expose()).as_bytes()))
        });
        let bearer = options.bearer.first().map(|token| format!("Bearer {}", token.expose()));
        Ok(Self { keys, authorization: bearer.or(basic) })
    }

    fn element(&self, happening: &Happening) -> Value {
        let base = self.provider_message_id(happening);
        let mut element = json!({
            "email": happening.recipient,
            "timestamp": happening.occurred_at.as_seconds(),
            "smtp-id": format!("<{base}@geopod-ismtpd-7>"),
            "category": happening.tags,
            "sg_event_id": crypto::base64_encode(format!("event-{}", happening.serial).as_bytes()),
            "sg_message_id": format!("{base}.recvd-7bd9484584-qt86v-1-698B2E9F-D.0"),
        });
        let labels = happening.labels.iter().map(|(key, value)| (key.clone(), json!(value)));
        if let (Value::Object(fields), Value::Object(told)) = (&mut element, told(happening.kind)) {
            // The simulated sender's arguments yield to SendGrid's own fields, as in the real thing.
            for (key, value) in labels {
                fields.entry(key).or_insert(value);
            }
            fields.extend(told);
        }
        element
    }
}

/// What is particular to each kind.
fn told(kind: Kind) -> Value {
    let person = ("203.0.113.9", "Mozilla/5.0");
    match kind {
        Kind::Delivered => json!({"event": "delivered", "response": "250 OK", "ip": "192.0.2.10", "tls": 1}),
        Kind::Deferred => {
            json!({"event": "deferred", "response": "451 4.3.0 try again later", "attempt": "3"})
        }
        Kind::Bounced | Kind::Failed => {
            json!({"event": "bounce", "type": "bounce", "bounce_classification": "Invalid Address",
                "reason": "550 5.1.1 unknown user", "status": "5.1.1", "ip": "192.0.2.10", "tls": 1})
        }
        Kind::Rejected => json!({"event": "dropped", "reason": "Bounced Address", "status": "5.0.0"}),
        Kind::Opened => json!({"event": "open", "sg_machine_open": false, "sg_content_type": "html",
            "ip": person.0, "useragent": person.1}),
        Kind::Clicked => json!({"event": "click", "url": "https://example.org/stay",
            "url_offset": {"index": 0, "type": "html"}, "ip": person.0, "useragent": person.1}),
        Kind::Complained => json!({"event": "spamreport"}),
        Kind::Unsubscribed => json!({"event": "unsubscribe"}),
        Kind::Subscribed => json!({"event": "group_resubscribe", "asm_group_id": 10,
            "ip": person.0, "useragent": person.1}),
        _ => json!({"event": "processed"}),
    }
}

impl Simulator for SendGridSimulator {
    fn batch_limit(&self) -> usize {
        1000
    }

    fn kinds(&self) -> &'static [Kind] {
        KINDS
    }

    /// 22 characters of URL-safe base64, as `X-Message-Id` has them.
    fn provider_message_id(&self, happening: &Happening) -> String {
        let digest = crypto::sha256(&[b"sendgrid", happening.message.as_bytes()]);
        let text = crypto::base64_encode(&digest).replace('+', "-").replace('/', "_");
        text.chars().take(22).collect()
    }

    fn request(
        &self,
        happenings: &[Happening],
        url: &str,
        now: Timestamp,
        tamper: Tamper,
    ) -> SimulatedRequest {
        let told = happenings.iter().take(self.batch_limit());
        let mut elements: Vec<Value> = told.map(|happening| self.element(happening)).collect();
        if tamper == Tamper::Broken {
            elements.push(json!(["not", "an", "event", happenings.first().map(|first| first.serial)]));
        }
        // A real body ends with a line end, which is signed too.
        let body = format!("{}\r\n", Value::from(elements)).into_bytes();
        let timestamp = now.as_seconds().to_string();
        let forged = tamper == Tamper::Forged;
        let signature = self.keys.as_ref().map(|[key, other]| {
            (if forged { other } else { key }).sign(&[timestamp.as_bytes(), &body].concat())
        });
        let authorization = self.authorization.as_ref().map(|right| match right.split_once(' ') {
            Some((scheme, _)) if forged && self.keys.is_none() => format!("{scheme} Zm9yZ2VkOmZvcmdlZA=="),
            _ => right.clone(),
        });
        let mut headers = vec![("content-type", "application/json"), ("user-agent", "SendGrid Event API")];
        if let Some(signature) = &signature {
            headers.extend([(SIGNATURE, signature.as_str()), (TIMESTAMP, timestamp.as_str())]);
        }
        headers.extend(authorization.as_deref().map(|value| ("authorization", value)));
        RawRequest::post(url, &headers, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Provider as _, Verified};

    #[test]
    fn a_credential_alone_is_sent_and_forged_too() {
        for options in
            [json!({"bearer": "a-long-static-token"}), json!({"user": "hook", "password": "s3cret-Pa55"})]
        {
            let options = Options::from_value(options);
            let endpoint = super::super::SendGrid.endpoint(&options).unwrap();
            let simulator = super::super::SendGrid.simulator(&options).unwrap();
            let now = Timestamp::from_seconds(1_760_000_000).unwrap();
            let check = |tamper| {
                let request = simulator.request(&[], "https://h.example.com/w", now, tamper);
                Verified::check(endpoint.as_ref(), request.borrow(&[], None), now).map(|_| ())
            };
            assert_eq!(check(Tamper::None), Ok(()));
            assert_eq!(check(Tamper::Forged).unwrap_err().cause(), "bad_signature");
        }
    }

    #[test]
    fn a_real_key_cannot_be_simulated() {
        let options = Options::from_value(
            json!({"keys": "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEpbvuhZnS7Vn7ik8SSJtq5gQZW38m1nWkGKXFobJaksg3HMq6/5loCLV0kwZdvGdmz1szVf7n6mHb9wBUBsFhSA=="}),
        );
        let errors = super::super::SendGrid.simulator(&options).err().unwrap();
        assert_eq!(errors[0].option.as_deref(), Some("simulate_private_key"));
    }
}
