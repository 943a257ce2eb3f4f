//! Correctly signed requests for a configured endpoint.
//!
//! Not every configuration can be run backwards: the body must be JSON or a form, the one check an HMAC whose content
//! can be rendered from the request itself, and the fields stand at pointers. Anything else is told as an error.

use std::collections::BTreeMap;

use hearback_event::{Address, Kind, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::auth::Check;
use super::content::{Named, Variable};
use super::document::Format;
use super::extract::Extract;
use super::field::{Field, strip_angle};
use super::signature::{Place, Signature, Verifiers};
use super::source::Source;
use super::{Configured, compose};
use crate::crypto::HmacKey;
use crate::{
    Endpoint as _, Happening, OptionError, RawRequest, SimulatedRequest, Simulator, Tamper, Verified,
};

/// A simulated sender.
pub(super) struct Sender {
    endpoint: Configured,
    kinds: Vec<Kind>,
}

/// How many events go into one request where the configuration has a place for a list.
const BATCH: usize = 20;

const TRIAL_URL: &str = "https://hooks.example.com/webhooks/generic";

impl Sender {
    pub(super) fn new(endpoint: Configured) -> Result<Self, Vec<OptionError>> {
        let problems = obstacles(&endpoint);
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut sender = Self { endpoint, kinds: Vec::new() };
        let kinds = Kind::TOLD_BY_PROVIDERS.iter().copied().filter(|kind| *kind != Kind::Unknown);
        sender.kinds = kinds.filter(|kind| sender.comes_back(*kind)).collect();
        if sender.kinds.is_empty() {
            let problem = "no kind of event can be simulated: its type, message id and recipient must each stand at one \
                           pointer in the event";
            return Err(vec![OptionError::new("map", problem)]);
        }
        Ok(sender)
    }

    /// Whether a simulated event of this kind is understood as what it is.
    fn comes_back(&self, kind: Kind) -> bool {
        let Ok(recipient) = Address::parse("+15550001234") else { return false };
        let happening = Happening {
            kind,
            occurred_at: Timestamp::EPOCH,
            recipient,
            message: "m-1".to_owned(),
            serial: 1,
            labels: BTreeMap::new(),
            tags: Vec::new(),
            subject: String::new(),
        };
        let happenings = std::slice::from_ref(&happening);
        let raw = self.request(happenings, TRIAL_URL, Timestamp::EPOCH, Tamper::None);
        let urls = [TRIAL_URL.to_owned()];
        let checked = Verified::check(&self.endpoint, raw.borrow(&urls, None), Timestamp::EPOCH);
        checked.is_ok_and(|verified| {
            let events = self.endpoint.normalise(&verified);
            events.first().is_some_and(|event| {
                event.kind == kind
                    && event.recipient.as_ref() == Some(&happening.recipient)
                    && event.provider_message_id == Some(self.provider_message_id(&happening))
            })
        })
    }

    fn signature(&self) -> Option<(&Signature, &HmacKey)> {
        match self.endpoint.0.auth.checks.first() {
            Some(Check::Signature(signature)) => match &signature.verifiers {
                Verifiers::Hmac(keys) => Some((signature, keys.first()?)),
                Verifiers::Public(_) => None,
            },
            _ => None,
        }
    }

    /// Adds the headers of the signature.
    fn sign(&self, raw: &mut RawRequest, id: &str, url: &str, now: Timestamp, tamper: Tamper) -> Option<()> {
        let (signature, key) = self.signature()?;
        let named = Named {
            timestamp: signature.stamp.as_ref().map(|stamp| stamp.unit.write(now)),
            id: signature.id.as_ref().map(|_| id.to_owned()),
            nonce: None,
        };
        let mut siblings = Vec::new();
        let stamp = signature.stamp.as_ref().map(|stamp| &stamp.from);
        for (place, value) in [(stamp, &named.timestamp), (signature.id.as_ref(), &named.id)] {
            match (place, value) {
                (Some(Place::Header(name)), Some(value)) => {
                    raw.headers.insert(name.clone(), HeaderValue::from_str(value).ok()?);
                }
                (Some(Place::Sibling(key)), Some(value)) => siblings.push(format!("{key}={value}")),
                _ => {}
            }
        }
        let urls = [url.to_owned()];
        let mut contents = signature.content.render(&raw.borrow(&urls, None), &named, None).ok()?;
        let mut parts: Vec<&[u8]> = contents.first_mut()?.iter().map(AsRef::as_ref).collect();
        if tamper == Tamper::Forged {
            // The tag over other bytes is as good as the tag of another key: nobody can tell them apart.
            parts.push(b"forged");
        }
        let tag = signature.encoding.encode(&key.sign(&parts));
        let value = match &signature.extract {
            Extract::Prefix(prefix) => format!("{prefix}{tag}"),
            Extract::List { tag: mark, .. } => format!("{mark}{tag}"),
            Extract::Pairs { separator, key } => {
                siblings.push(format!("{key}={tag}"));
                siblings.join(separator)
            }
            Extract::Whole | Extract::JsonField(_) => tag,
        };
        let value = HeaderValue::from_str(&value).ok()?;
        raw.headers.insert(signature.header.clone()?, value);
        Some(())
    }

    /// The sender's word for a kind; of a kind that it does not know, for the nearest that it does.
    fn native(&self, kind: Kind) -> &str {
        let types = &self.endpoint.0.reading.types;
        let nearest = || self.kinds.first().and_then(|kind| types.native_for(*kind));
        types.native_for(kind).or_else(nearest).unwrap_or_default()
    }

    fn header_of_event_id(&self) -> Option<&HeaderName> {
        match self.endpoint.0.reading.mapping.field("event_id").and_then(Field::first_source) {
            Some(Source::Header(name)) => Some(name),
            _ => None,
        }
    }
}

impl Simulator for Sender {
    fn batch_limit(&self) -> usize {
        let shape = &self.endpoint.0.reading.shape;
        let has_list = shape.format != Format::Form && !shape.events.as_str().is_empty();
        if has_list && self.header_of_event_id().is_none() { BATCH } else { 1 }
    }

    fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    fn provider_message_id(&self, happening: &Happening) -> String {
        let field = self.endpoint.0.reading.mapping.field("message_id");
        let id = field.map_or_else(String::new, |field| field.transformed(happening.message.clone()));
        strip_angle(&id).to_owned()
    }

    fn request(
        &self,
        happenings: &[Happening],
        url: &str,
        now: Timestamp,
        tamper: Tamper,
    ) -> SimulatedRequest {
        let reading = &self.endpoint.0.reading;
        let happenings = happenings.iter().take(self.batch_limit());
        let events =
            happenings.clone().map(|one| compose::event(reading, one, self.native(one.kind))).collect();
        // Told apart by the number, or all broken elements would count as one.
        let number = || happenings.clone().next().map_or(0, |one| one.serial);
        let broken = (tamper == Tamper::Broken).then(number);
        let body = compose::body(&reading.shape, events, broken);
        let form = reading.shape.format == Format::Form;
        let media = if form { "application/x-www-form-urlencoded" } else { "application/json" };
        let mut raw = RawRequest::post(url, &[("content-type", media)], body);
        let id = happenings.clone().next().map(compose::event_id).unwrap_or_default();
        if let (Some(name), Ok(value)) = (self.header_of_event_id(), HeaderValue::from_str(&id)) {
            raw.headers.insert(name.clone(), value);
        }
        // What cannot be signed was refused when the simulator was made; an unsigned request is refused by anybody.
        let signed = self.sign(&mut raw, &id, url, now, tamper);
        if signed.is_none() {
            raw.headers = HeaderMap::new();
        }
        raw
    }
}

/// Everything in a configuration that cannot be run backwards.
fn obstacles(endpoint: &Configured) -> Vec<OptionError> {
    let (shape, auth) = (&endpoint.0.reading.shape, &endpoint.0.auth);
    let mut found = Vec::new();
    let mut add = |option: &str, problem: &str| {
        found.push(OptionError::new(option, format!("cannot be simulated: {problem}")));
    };
    if matches!(shape.format, Format::JsonLines | Format::Query) {
        add("format", "only JSON bodies and forms can");
    }
    if !endpoint.0.methods.iter().any(|method| method == "POST") {
        add("methods", "only POST can");
    }
    if !shape.parse_string.is_empty() || !shape.json_fields.is_empty() {
        add("parse_string", "JSON inside texts cannot");
    }
    if shape.format == Format::Form && !shape.events.as_str().is_empty() {
        add("events", "a form is one event");
    }
    match auth.checks.as_slice() {
        [Check::Signature(signature)] => {
            if let Some(problem) = obstacle_in(signature) {
                add("auth[0]", problem);
            }
        }
        _ => add("auth", "only a single `hmac` check can"),
    }
    found
}

fn obstacle_in(signature: &Signature) -> Option<&'static str> {
    let told_by_us = |place: Option<&Place>| {
        place.is_none_or(|place| matches!(place, Place::Header(_) | Place::Sibling(_)))
    };
    let renders = signature.content.variables().all(|variable| {
        !matches!(variable, Variable::Header(_) | Variable::Query(_) | Variable::Json(_) | Variable::Nonce)
    });
    if !matches!(signature.verifiers, Verifiers::Hmac(_)) {
        Some("private keys are not known here; only `hmac` can")
    } else if matches!(signature.extract, Extract::JsonField(_)) {
        Some("a signature inside the body cannot")
    } else if !told_by_us(signature.stamp.as_ref().map(|stamp| &stamp.from))
        || !told_by_us(signature.id.as_ref())
    {
        Some("the time and the id must stand in headers")
    } else if !renders {
        Some("`content` uses a variable whose value is not known here")
    } else {
        None
    }
}
