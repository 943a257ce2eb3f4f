//! From an authentic request to events, by the mapping.

use hearback_event::{
    Actor, Channel, DedupKey, Engagement, Event, Failure, Inbound, Kind, ListAction, Reason, Severity,
    SuppressionChange,
};

use super::dedup::{Recipe, key_of_bytes};
use super::document::{Element, Shape};
use super::field::strip_angle;
use super::mapping::Mapping;
use super::source::Scene;
use super::types::{Meaning, Types};
use crate::{Request, json, smtp};

/// More recipients than one event of any sender has; the rest is told as one `unknown` event.
const MOST_RECIPIENTS: usize = 1000;

/// Everything that says what a request means.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) shape: Shape,
    pub(super) mapping: Mapping,
    pub(super) types: Types,
    pub(super) dedup: Recipe,
    /// The channel, where it is not told by the look of the recipient.
    pub(super) channel: Option<Channel>,
}

impl Reading {
    /// The events of a request.
    pub(super) fn events(&self, request: &Request<'_>) -> Vec<Event> {
        let elements = match self.shape.elements(request) {
            Ok(elements) if elements.is_empty() => {
                return vec![self.unreadable("the list of events is empty", body_key(request))];
            }
            Ok(elements) => elements,
            Err(problem) => return vec![self.unreadable(&problem, body_key(request))],
        };
        elements.into_iter().flat_map(|element| self.events_of(element, request)).collect()
    }

    fn unreadable(&self, problem: &str, key: DedupKey) -> Event {
        let channel = self.channel.unwrap_or_default();
        Event { error: Some(json::cut(problem).to_owned()), ..Event::new(Kind::Unknown, "", channel, key) }
    }

    /// The events of one element: one for each recipient.
    fn events_of(&self, element: Element, request: &Request<'_>) -> Vec<Event> {
        let value = match element {
            Ok(value) => value,
            Err((problem, text)) => {
                let event = self.unreadable(&problem, key_of_bytes(text.as_bytes()));
                return vec![Event { raw: Some(json::cut(&text).to_owned()), ..event }];
            }
        };
        let scene = Scene { request, event: &value };
        let mut recipients = self.mapping.recipients(scene);
        let native = self.mapping.native_type(scene);
        let meaning = self.types.meaning(&native, scene);
        let whole = Event { native_type: native.clone(), ..self.event(meaning, scene) };
        let one = |event: Event, one_of_many: bool| {
            let recipient = event.recipient.as_ref();
            let key = self.dedup.key(&self.mapping, &native, recipient, one_of_many, scene);
            Event { dedup: vec![key], channel: self.channel_of(meaning, &event), ..event }
        };
        if recipients.len() <= 1 {
            return vec![one(Event { recipient: recipients.pop(), ..whole }, false)];
        }
        if !self.mapping.fans_out() {
            recipients.truncate(MOST_RECIPIENTS);
            return vec![one(Event { ambiguous_recipients: recipients, ..whole }, false)];
        }
        let too_many = recipients.len() > MOST_RECIPIENTS;
        recipients.truncate(MOST_RECIPIENTS);
        let each = recipients
            .into_iter()
            .map(|recipient| one(Event { recipient: Some(recipient), ..whole.clone() }, true));
        let mut events: Vec<Event> = each.collect();
        if too_many {
            let key = key_of_bytes(value.to_string().as_bytes());
            events.push(self.unreadable("more than 1000 recipients; the others are left out", key));
        }
        events
    }

    fn channel_of(&self, meaning: Meaning, event: &Event) -> Channel {
        let recipient = event.recipient.as_ref().or(event.ambiguous_recipients.first());
        meaning.channel.or(self.channel).unwrap_or_else(|| Mapping::channel_of(recipient))
    }

    /// Everything but the native type, the recipient, the channel and the key.
    fn event(&self, meaning: Meaning, scene: Scene<'_>) -> Event {
        let map = &self.mapping;
        let kind = meaning.kind.unwrap_or_default();
        let message_id = map.text("message_id", scene);
        let message_id = message_id.map(|id| strip_angle(&id).to_owned()).filter(|id| !id.is_empty());
        Event {
            kind,
            occurred_at: map.occurred_at(scene),
            provider_message_id: message_id,
            provider_event_id: map.text("event_id", scene),
            subject: map.text("subject", scene),
            failure: self.failure(kind, meaning, scene),
            engagement: self.engagement(kind, meaning, scene),
            suppression: (kind == Kind::SuppressionChanged).then(|| SuppressionChange {
                action: meaning.action.unwrap_or(ListAction::Changed),
                reason: map.text("reason", scene),
                scope: None,
                by: None,
            }),
            inbound: (kind == Kind::Inbound).then(|| Inbound {
                from: map.text("from", scene),
                to: map.recipients(scene).iter().map(ToString::to_string).collect(),
                ..Inbound::default()
            }),
            tags: map.tags(scene),
            labels: map.labels(scene),
            test: map.flag("test", scene).unwrap_or(false),
            ..Event::default()
        }
    }

    /// Why it did not arrive: what the configuration says, else what the answer of the mail server says.
    fn failure(&self, kind: Kind, meaning: Meaning, scene: Scene<'_>) -> Option<Failure> {
        let is_failure = matches!(
            kind,
            Kind::Bounced | Kind::Deferred | Kind::Rejected | Kind::Failed | Kind::InboundFailed
        );
        if !is_failure && meaning.severity.is_none() && meaning.reason.is_none() {
            return None;
        }
        let map = &self.mapping;
        let response = map.text("mta_response", scene);
        let description = map.text("reason", scene);
        let words = [response.as_deref(), description.as_deref()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("\n");
        let enhanced_code = map.text("enhanced_code", scene).or_else(|| smtp::enhanced_code(&words));
        let reply = smtp::reply_code(&words);
        let code = map.text("reason_code", scene).or_else(|| reply.clone());
        let reason = meaning
            .reason
            .unwrap_or_else(|| smtp::reason(enhanced_code.as_deref(), reply.as_deref(), &words));
        let told = enhanced_code.as_deref().and_then(smtp::severity);
        let told = told.or_else(|| reply.as_deref().and_then(smtp::severity));
        let by_kind = (kind == Kind::Deferred).then_some(Severity::Temporary);
        Some(Failure {
            severity: meaning.severity.or(by_kind).or(told),
            reason: (is_failure || reason != Reason::Other).then_some(reason),
            code,
            enhanced_code,
            response,
            description,
        })
    }

    fn engagement(&self, kind: Kind, meaning: Meaning, scene: Scene<'_>) -> Option<Engagement> {
        if !matches!(kind, Kind::Opened | Kind::Clicked | Kind::Unsubscribed | Kind::Complained) {
            return None;
        }
        let map = &self.mapping;
        let machine = meaning.machine.or_else(|| map.flag("machine", scene));
        let engagement = Engagement {
            url: map.text("click_url", scene),
            user_agent: map.text("user_agent", scene),
            ip: map.text("ip", scene),
            country: map.text("geo.country", scene),
            region: map.text("geo.region", scene),
            city: map.text("geo.city", scene),
            by: machine.map(|machine| if machine { Actor::Machine } else { Actor::Human }),
            why: None,
        };
        (engagement != Engagement::default()).then_some(engagement)
    }
}

/// The key of a request that could not be read at all: of its body, or of its query where it has none.
fn body_key(request: &Request<'_>) -> DedupKey {
    if request.body.is_empty() {
        key_of_bytes(request.query().as_bytes())
    } else {
        key_of_bytes(request.body)
    }
}
