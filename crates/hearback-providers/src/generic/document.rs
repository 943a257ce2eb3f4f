//! From a body to events: the formats, the place of the events in them, and what wraps them.
//!
//! Every format becomes JSON text first. The list of events is split without reading its elements, so that a strange
//! one does not spoil its neighbours. A form or a query is a flat object; repeated names become a list.

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;

use super::numbers;
use super::source::Pointer;
use super::table::{Problems, Table};
use crate::Request;
use crate::form::Form;

/// How the body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// By content type, then by the first byte.
    Auto,
    /// One JSON document.
    Json,
    /// One JSON document per line.
    JsonLines,
    /// `application/x-www-form-urlencoded` or `multipart/form-data`.
    Form,
    /// No body: the fields are in the query.
    Query,
}

/// An element of a request: an event, or the text of what could not be read and why.
pub(super) type Element = Result<Value, (String, String)>;

/// The shape of a request.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) format: Format,
    pub(super) events: Pointer,
    pub(super) unwrap: Option<Pointer>,
    pub(super) parse_string: Vec<Pointer>,
    pub(super) json_fields: Vec<String>,
}

const FORMATS: &[(&str, Format)] = &[
    ("auto", Format::Auto),
    ("json", Format::Json),
    ("jsonl", Format::JsonLines),
    ("form", Format::Form),
    ("query", Format::Query),
];

impl Shape {
    pub(super) fn read(table: &mut Table, problems: &mut Problems) -> Self {
        let format = table.choice("format", FORMATS, problems).unwrap_or(Format::Auto);
        let mut pointer = |name, table: &mut Table| {
            let text = table.text(name, problems)?;
            problems.keep(&table.path(name), Pointer::parse(&text))
        };
        let events = pointer("events", table).unwrap_or_default();
        let unwrap = pointer("unwrap", table);
        let parse_string = table.texts("parse_string", problems).unwrap_or_default();
        let parse_string = parse_string
            .iter()
            .filter_map(|text| problems.keep("parse_string", Pointer::parse(text)))
            .collect();
        let json_fields = table.texts("json_fields", problems).unwrap_or_default();
        if !json_fields.is_empty() && matches!(format, Format::Json | Format::JsonLines) {
            problems.error("json_fields", "only forms and queries have fields; for JSON use `parse_string`");
        }
        Self { format, events, unwrap, parse_string, json_fields }
    }

    /// The events of a request in their order. An error where the body as a whole cannot be read.
    pub(super) fn elements(&self, request: &Request<'_>) -> Result<Vec<Element>, String> {
        let text = self.text(request)?;
        match self.format_of(request) {
            Format::JsonLines => {
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                let elements = lines.flat_map(|line| {
                    self.split(line).unwrap_or_else(|problem| vec![Err((problem, line.to_owned()))])
                });
                Ok(elements.collect())
            }
            _ => self.split(&text),
        }
    }

    /// The whole body as one value, for what is taken out of it before it is believed.
    pub(super) fn value(&self, request: &Request<'_>) -> Result<Value, String> {
        numbers::read(&self.text(request)?).map_err(|error| format!("not JSON: {error}"))
    }

    /// The format of this request.
    fn format_of(&self, request: &Request<'_>) -> Format {
        if self.format != Format::Auto {
            return self.format;
        }
        let first = request.body.iter().find(|byte| !byte.is_ascii_whitespace());
        // The content type is not signed. What looks like JSON is never read as a form, so that nobody can give a
        // captured body another meaning (and many senders of JSON call it a form).
        match request.media_type().as_str() {
            _ if request.method == "GET" => Format::Query,
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Format::JsonLines,
            media if media == "application/json" || media.ends_with("+json") => Format::Json,
            _ if matches!(first, Some(b'{' | b'[')) => Format::Json,
            _ => Format::Form,
        }
    }

    /// The body as JSON text.
    fn text<'a>(&self, request: &Request<'a>) -> Result<Cow<'a, str>, String> {
        let form = match self.format_of(request) {
            Format::Form => Form::read(request.header("content-type").unwrap_or_default(), request.body),
            Format::Query => Form::urlencoded(request.query().as_bytes()),
            Format::Auto | Format::Json | Format::JsonLines => {
                return std::str::from_utf8(request.body).map(Cow::Borrowed).map_err(|e| e.to_string());
            }
        };
        let form = form.map_err(|error| error.to_string())?;
        Ok(Cow::Owned(form_as_json(&form, &self.json_fields)))
    }

    /// The elements of one document.
    fn split(&self, text: &str) -> Result<Vec<Element>, String> {
        let document: &RawValue = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
        let found = descend(document, &self.events)
            .ok_or_else(|| format!("there is nothing at `{}`", self.events.as_str()))?;
        let list: Option<Vec<&RawValue>> = serde_json::from_str(found.get()).ok();
        Ok(match list {
            Some(list) => list.into_iter().map(|element| self.element(element.get())).collect(),
            None => vec![self.element(found.get())],
        })
    }

    /// Reads one element and takes it out of its wrapper.
    fn element(&self, text: &str) -> Element {
        let broken = |problem: String| (problem, text.to_owned());
        let mut value = numbers::read(text).map_err(|error| broken(format!("not JSON: {error}")))?;
        for pointer in &self.parse_string {
            if let Some(place) = value.pointer_mut(pointer.as_str())
                && let Some(inner) = place.as_str().and_then(|inner| numbers::read(inner).ok())
            {
                *place = inner;
            }
        }
        if let Some(pointer) = &self.unwrap {
            let inner = value.pointer_mut(pointer.as_str()).map(Value::take);
            value = inner.ok_or_else(|| broken(format!("there is nothing at `{}`", pointer.as_str())))?;
        }
        if value.is_object() { Ok(value) } else { Err(broken("the event is not an object".to_owned())) }
    }
}

/// Follows a pointer without reading what it passes.
fn descend<'a>(document: &'a RawValue, pointer: &Pointer) -> Option<&'a RawValue> {
    let mut here = document;
    for step in pointer.steps() {
        let object: Result<BTreeMap<Cow<'_, str>, &'a RawValue>, _> = serde_json::from_str(here.get());
        here = if let Ok(fields) = object {
            fields.get(step.as_str()).copied()?
        } else {
            let list: Vec<&'a RawValue> = serde_json::from_str(here.get()).ok()?;
            list.get(step.parse::<usize>().ok()?).copied()?
        };
    }
    Some(here)
}

/// A form as the text of a flat JSON object. The fields named in `json_fields` keep their exact text where it is JSON.
fn form_as_json(form: &Form, json_fields: &[String]) -> String {
    let mut fields: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in form.fields() {
        let is_json = json_fields.contains(name) && serde_json::from_str::<&RawValue>(value).is_ok();
        let text = if is_json { value.clone() } else { Value::from(value.as_str()).to_string() };
        fields.entry(name).or_default().push(text);
    }
    let members: Vec<String> = fields
        .into_iter()
        .map(|(name, values)| {
            let value = if values.len() == 1 { values.concat() } else { format!("[{}]", values.join(",")) };
            format!("{}:{value}", Value::from(name))
        })
        .collect();
    format!("{{{}}}", members.join(","))
}

/// The event as text that does not depend on the order of names or on white space, without the parts at `ignored`.
pub(super) fn canonical(event: &Value, ignored: &[Pointer]) -> String {
    let mut event = event.clone();
    for pointer in ignored {
        if let Some((parent, name)) = pointer.as_str().rsplit_once('/')
            && let Some(Value::Object(fields)) = event.pointer_mut(parent)
        {
            remove(fields, &name.replace("~1", "/").replace("~0", "~"));
        }
    }
    event.sort_all_objects();
    event.to_string()
}

fn remove(fields: &mut Map<String, Value>, name: &str) {
    fields.remove(name);
}
