//! Writing an event to the places where the mapping reads it: the mapping run backwards, for the simulator.

use hearback_event::Kind;
use serde_json::{Map, Value};

use super::document::{Format, Shape};
use super::field::Field;
use super::mapping::Mapping;
use super::moment::Unit;
use super::normalise::Reading;
use super::source::{Pointer, Source};
use crate::Happening;

/// The sender's id of a happening.
pub(super) fn event_id(happening: &Happening) -> String {
    format!("evt-{}", happening.serial)
}

/// One event as the mapping expects it; `native` is the sender's word for it.
pub(super) fn event(reading: &Reading, happening: &Happening, native: &str) -> Value {
    let map = &reading.mapping;
    let mut event = Value::Object(Map::new());
    if let Some(Source::Pointer(pointer)) = map.kind_source() {
        set(&mut event, pointer, Value::from(native));
    }
    let mut write = |field: Option<&Field>, value: Value| {
        if let Some(Source::Pointer(pointer)) = field.and_then(Field::first_source) {
            set(&mut event, pointer, value);
        }
    };
    write(map.field("event_id"), event_id(happening).into());
    write(map.field("message_id"), happening.message.as_str().into());
    write(map.field("recipient"), happening.recipient.as_str().into());
    write(map.field("subject"), happening.subject.as_str().into());
    write(map.field("timestamp"), moment(&map.unit, happening));
    write(map.field("tags"), tags(map, happening));
    if let Some(words) = answer_of_server(happening.kind) {
        write(map.field("mta_response").or(map.field("reason")), words.into());
    }
    if happening.kind == Kind::Clicked {
        write(map.field("click_url"), "https://example.com/check-in".into());
    }
    for (name, field) in map.label_places() {
        match name {
            None => write(Some(field), labels(happening)),
            Some(name) => {
                if let Some(value) = happening.labels.get(name) {
                    write(Some(field), value.as_str().into());
                }
            }
        }
    }
    event
}

/// The body that carries the events; a broken one has an element that is no event.
pub(super) fn body(shape: &Shape, mut events: Vec<Value>, broken: Option<u64>) -> Vec<u8> {
    if shape.format == Format::Form {
        let event = if broken.is_some() { None } else { events.into_iter().next() };
        return form(
            &event.unwrap_or_else(|| serde_json::json!({"broken": broken.map(|number| number.to_string())})),
        )
        .into_bytes();
    }
    for event in &mut events {
        if let Some(pointer) = &shape.unwrap {
            let mut wrapper = Value::Object(Map::new());
            set(&mut wrapper, pointer, event.take());
            *event = wrapper;
        }
    }
    if let (Some(number), Some(first)) = (broken, events.first_mut()) {
        *first = Value::from(format!("broken {number}"));
    }
    let document = if shape.events.as_str().is_empty() {
        events.into_iter().next().unwrap_or_default()
    } else {
        let mut document = Value::Object(Map::new());
        set(&mut document, &shape.events, Value::Array(events));
        document
    };
    document.to_string().into_bytes()
}

/// Puts a value at a pointer; what is missing on the way becomes objects.
fn set(document: &mut Value, pointer: &Pointer, value: Value) {
    let mut here = document;
    for step in pointer.steps() {
        if !here.is_object() {
            *here = Value::Object(Map::new());
        }
        let Value::Object(fields) = here else { return };
        here = fields.entry(step).or_insert(Value::Null);
    }
    *here = value;
}

/// A flat object as a form; lists become repeated names, objects their JSON text.
fn form(event: &Value) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    let Value::Object(fields) = event else { return String::new() };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    for (name, value) in fields {
        match value {
            Value::Array(items) => items.iter().for_each(|item| {
                form.append_pair(name, &text(item));
            }),
            one => {
                form.append_pair(name, &text(one));
            }
        }
    }
    form.finish()
}

/// A number where the unit is one, else a text.
fn moment(unit: &Unit, happening: &Happening) -> Value {
    let text = unit.write(happening.occurred_at);
    text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from)
}

fn tags(map: &Mapping, happening: &Happening) -> Value {
    match &map.tags_sep {
        Some(separator) => happening.tags.join(separator).into(),
        None => happening.tags.clone().into(),
    }
}

fn labels(happening: &Happening) -> Value {
    happening.labels.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
}

fn answer_of_server(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Bounced | Kind::Failed | Kind::Rejected => Some("550 5.1.1 user unknown"),
        Kind::Deferred => Some("451 4.4.1 no answer from the host, trying again"),
        _ => None,
    }
}
