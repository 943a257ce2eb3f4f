//! The description as one page to read: no scripts, nothing from elsewhere.

use std::fmt;

use askama::Template;
use askama::filters::HtmlSafe;
use bytes::Bytes;
use serde_json::Value;
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::{Content, RefOr, Response, Schema};

use super::document::{Document, document, operations};
use super::kind::{Kind, bounds, kind};

/// How the page looks.
pub(super) const STYLE: &str = include_str!("../../templates/docs.css");

/// Text between tags, escaped for that place: quotes stay as they are, which makes JSON a tenth shorter.
struct Words(String);

impl Words {
    fn new(text: &str) -> Self {
        Self(text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Words {}

/// Text in which some words are code.
type Prose = Vec<Span>;

struct Span {
    text: Words,
    code: bool,
}

#[derive(Template)]
#[template(path = "docs.html")]
struct Page {
    title: String,
    version: String,
    about: Vec<Prose>,
    groups: Vec<Group>,
    errors: Vec<SharedAnswer>,
    schemas: Vec<SchemaView>,
}

struct Group {
    name: String,
    about: String,
    operations: Vec<OperationView>,
}

struct OperationView {
    id: String,
    method: &'static str,
    path: String,
    summary: String,
    about: Vec<Prose>,
    scope: Option<String>,
    parameters: Vec<Row>,
    answers: Vec<Answer>,
    /// Answers that many operations share: the status, and the name under which they are explained.
    shared: Vec<(String, String)>,
    curl: Words,
    example: Option<Words>,
}

/// A parameter, or a member of a schema.
struct Row {
    name: String,
    required: bool,
    kind: Kind,
    bounds: String,
    about: Prose,
}

struct Answer {
    status: String,
    about: Prose,
    kind: Option<Kind>,
}

struct SharedAnswer {
    name: String,
    about: Prose,
    example: Option<Words>,
}

struct SchemaView {
    name: String,
    about: Prose,
    bases: Vec<String>,
    words: Vec<String>,
    fields: Vec<Row>,
}

/// The page.
pub(super) fn html() -> Bytes {
    match page(document()).render() {
        Ok(html) => html.into(),
        Err(error) => {
            tracing::error!(%error, "the page /docs cannot be written");
            Bytes::new()
        }
    }
}

fn page(document: &Document) -> Page {
    let openapi = &document.openapi;
    let mut paths = openapi.paths.paths.clone();
    let mut all: Vec<(Option<String>, OperationView)> = Vec::new();
    for (path, item) in &mut paths {
        for (method, operation) in operations(item) {
            let tag = operation.tags.as_ref().and_then(|tags| tags.first()).cloned();
            all.push((tag, view(document, path, method, operation)));
        }
    }
    let tags = openapi.tags.iter().flatten();
    let groups = tags.map(|tag| {
        let (here, rest) = std::mem::take(&mut all)
            .into_iter()
            .partition(|(of, _): &(Option<String>, _)| of.as_deref() == Some(&tag.name));
        all = rest;
        let operations = here.into_iter().map(|(_, operation)| operation).collect();
        Group { name: tag.name.clone(), about: tag.description.clone().unwrap_or_default(), operations }
    });
    let groups = groups.collect();
    let components = openapi.components.iter();
    let errors = components.clone().flat_map(|components| &components.responses).map(shared_answer);
    let schemas = components.flat_map(|components| &components.schemas).map(schema_view);
    Page {
        title: openapi.info.title.clone(),
        version: openapi.info.version.clone(),
        about: paragraphs(openapi.info.description.as_deref()),
        groups,
        errors: errors.collect(),
        schemas: schemas.collect(),
    }
}

fn view(document: &Document, path: &str, method: &'static str, operation: &Operation) -> OperationView {
    let id = operation.operation_id.clone().unwrap_or_default();
    let example = document.examples.iter().find(|example| example.operation_id == id);
    let all = &operation.responses.responses;
    OperationView {
        method,
        path: path.to_owned(),
        summary: operation.summary.clone().unwrap_or_default(),
        about: paragraphs(operation.description.as_deref()),
        scope: scope(operation),
        parameters: operation.parameters.iter().flatten().filter_map(parameter).collect(),
        answers: all.iter().filter_map(answer).collect(),
        shared: all.iter().filter_map(shared).collect(),
        curl: Words::new(&sample(operation).unwrap_or_default()),
        example: example.map(|example| Words::new(&example.body)),
        id,
    }
}

fn scope(operation: &Operation) -> Option<String> {
    let security = serde_json::to_value(operation.security.as_ref()?).ok()?;
    security.pointer(&format!("/0/{}/0", super::document::TOKEN))?.as_str().map(str::to_owned)
}

fn sample(operation: &Operation) -> Option<String> {
    let extensions = serde_json::to_value(operation.extensions.as_ref()?).ok()?;
    extensions.pointer("/x-codeSamples/0/source")?.as_str().map(str::to_owned)
}

fn parameter(parameter: &RefOr<Parameter>) -> Option<Row> {
    let RefOr::T(parameter) = parameter else { return None };
    let schema = json(parameter.schema.as_ref()?);
    let required = json(&parameter.required) == Value::Bool(true);
    Some(Row {
        name: parameter.name.clone(),
        required,
        kind: kind(&schema),
        bounds: bounds(&schema),
        about: prose(parameter.description.as_deref().unwrap_or_default()),
    })
}

fn answer((status, answer): (&String, &RefOr<Response>)) -> Option<Answer> {
    let RefOr::T(answer) = answer else { return None };
    let schema = content(answer).and_then(|content| content.schema.as_ref());
    let kind = schema.map(|schema| kind(&json(schema)));
    Some(Answer { status: status.clone(), about: prose(&answer.description), kind })
}

fn shared((status, answer): (&String, &RefOr<Response>)) -> Option<(String, String)> {
    let RefOr::Ref(reference) = answer else { return None };
    Some((status.clone(), reference.ref_location.rsplit('/').next()?.to_owned()))
}

/// The first form of an answer.
fn content(answer: &Response) -> Option<&Content> {
    match answer.content.values().next()? {
        RefOr::T(content) => Some(content),
        RefOr::Ref(_) => None,
    }
}

fn shared_answer((name, answer): (&String, &RefOr<Response>)) -> SharedAnswer {
    let (about, example) = match answer {
        RefOr::Ref(_) => (Vec::new(), None),
        RefOr::T(answer) => {
            let example = content(answer).and_then(|content| content.example.as_ref());
            (
                prose(&answer.description),
                example.and_then(|example| serde_json::to_string_pretty(example).ok()),
            )
        }
    };
    SharedAnswer { name: name.clone(), about, example: example.as_deref().map(Words::new) }
}

fn schema_view((name, schema): (&String, &RefOr<Schema>)) -> SchemaView {
    let mut view = SchemaView {
        name: name.clone(),
        about: Vec::new(),
        bases: Vec::new(),
        words: Vec::new(),
        fields: Vec::new(),
    };
    fill(&mut view, schema);
    view
}

fn fill(view: &mut SchemaView, schema: &RefOr<Schema>) {
    match schema {
        RefOr::Ref(reference) => {
            view.bases.extend(reference.ref_location.rsplit('/').next().map(str::to_owned));
        }
        RefOr::T(Schema::Object(object)) => {
            if let Some(about) = &object.description {
                view.about = prose(about);
            }
            let words = object.enum_values.iter().flatten().filter_map(Value::as_str);
            view.words.extend(words.map(str::to_owned));
            for (name, property) in &object.properties {
                let schema = json(property);
                let about = schema.get("description").and_then(Value::as_str).unwrap_or_default();
                view.fields.push(Row {
                    name: name.clone(),
                    required: object.required.contains(name),
                    kind: kind(&schema),
                    bounds: bounds(&schema),
                    about: prose(about),
                });
            }
        }
        RefOr::T(Schema::AllOf(all)) => {
            if let Some(about) = &all.description {
                view.about = prose(about);
            }
            for part in &all.items {
                fill(view, part);
            }
        }
        RefOr::T(_) => {}
    }
}

fn json(schema: &impl serde::Serialize) -> Value {
    serde_json::to_value(schema).unwrap_or_default()
}

fn paragraphs(text: Option<&str>) -> Vec<Prose> {
    let paragraphs = text.unwrap_or_default().split("\n\n").filter(|paragraph| !paragraph.is_empty());
    paragraphs.map(prose).collect()
}

/// Between backticks stands code.
fn prose(text: &str) -> Prose {
    let spans = text
        .split('`')
        .enumerate()
        .map(|(place, text)| Span { text: Words::new(text), code: place % 2 == 1 });
    spans.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cannot_become_tags() {
        assert_eq!(Words::new("<script>\"&lt;\"").to_string(), "&lt;script&gt;\"&amp;lt;\"");
    }
}
