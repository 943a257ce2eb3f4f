//! The description itself: the operations of every router, and what they have in common.

use std::sync::LazyLock;

use bytes::Bytes;
use hearback_event::Kind;
use serde_json::{Value, json};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Components, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem, RefOr, Schema, ServerBuilder,
    tag::TagBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use super::{answers, tighten};
use crate::api::{Example, examples};
use crate::problem::Rendered;
use crate::{api, health, ingest, metrics};

/// The name of the security scheme.
pub(super) const TOKEN: &str = "token";

const ABOUT: &str = "What became of every e-mail and SMS that was sent.

Ask with a token, `Authorization: Bearer hb_...`; `hearback token create --name NAME --scope SCOPE` makes one. Its scope is \
`read`, `write` or `admin`, and greater scopes hold the smaller ones. Each operation names the scope that it needs.

Errors are problem documents (RFC 9457, `application/problem+json`): `detail` says what is wrong, `field` names the \
parameter, path segment or header at fault, `expected` what would have been right there. A parameter that is not known is an \
error too, because a misspelt filter that is ignored gives a wrong answer.

Lists are paged: `next_cursor` of one page is `cursor` of the next. Cursors are opaque, stay valid while events arrive, and \
belong to the list, filter and order that they came from. Times are RFC 3339 in UTC. New members may be added to answers; \
those that are described stay.";

const TAGS: [(&str, &str); 13] = [
    ("events", "The log: everything that providers told, in the order of its arrival."),
    ("messages", "One e-mail or SMS to one recipient, made of its events."),
    ("recipients", "Addresses and numbers, over all messages."),
    ("suppressions", "Addresses that must not be sent to: why, since when, and saying so by hand."),
    ("timelines", "Everything that carries one label, such as a booking's number."),
    ("stats", "Counts over time."),
    ("sources", "The configured endpoints of providers."),
    ("consumers", "Programs that pull events, and keep their place here."),
    ("destinations", "Those to whom events are pushed."),
    ("alerts", "What somebody should look at, and what is expected."),
    ("quarantine", "Requests that were refused, to look at and to try again."),
    ("webhooks", "Where providers post."),
    ("machines", "Health, metrics, and this description."),
];

/// The description, and an example of each answer.
pub(crate) struct Document {
    /// As OpenAPI has it.
    pub(super) openapi: OpenApi,
    /// As it is served.
    pub(crate) json: Bytes,
    /// An example of each answer.
    pub(super) examples: Vec<Example>,
}

/// The description. Made once.
pub(crate) fn document() -> &'static Document {
    static DOCUMENT: LazyLock<Document> = LazyLock::new(make);
    &DOCUMENT
}

fn make() -> Document {
    let examples: Vec<Example> =
        examples().into_iter().chain(health::examples()).chain(metrics::examples()).collect();
    let mut openapi = base();
    for part in [
        api::router().into_openapi(),
        ingest::described(),
        health::router().into_openapi(),
        metrics::router().into_openapi(),
        super::router().into_openapi(),
    ] {
        openapi.merge(part);
    }
    let components = openapi.components.get_or_insert_default();
    components.schemas.values_mut().for_each(tighten::never_null);
    for (path, item) in &mut openapi.paths.paths {
        for (method, operation) in operations(item) {
            complete(path, method, operation, &examples);
        }
    }
    // Texts, numbers, lists and maps with texts as keys always serialise.
    let mut json = openapi.to_pretty_json().unwrap_or_default();
    json.push('\n');
    Document { openapi, json: json.into(), examples }
}

fn base() -> OpenApi {
    let license =
        LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title("Hearback")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(license))
        .build();
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("hb_...")
        .description(Some(
            "A token of the scope `read`, `write` or `admin`; greater scopes hold the smaller ones.",
        ))
        .build();
    let mut components = Components::builder()
        .security_scheme(TOKEN, SecurityScheme::Http(token))
        .schema(Rendered::name(), Rendered::schema())
        // Parameters name them, and utoipa collects only what answers name.
        .schema(<Kind as ToSchema>::name(), Kind::schema())
        .build();
    components.responses.extend(answers::all().into_iter().map(|(name, answer)| (name.to_owned(), answer)));
    let tags = TAGS.map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build());
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([ServerBuilder::new().url("/").build()]))
        .components(Some(components))
        .tags(Some(tags))
        .build()
}

/// The operations of a path, each with its method.
pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("GET", &mut item.get),
        ("POST", &mut item.post),
        ("DELETE", &mut item.delete),
        ("PUT", &mut item.put),
    ];
    all.into_iter().filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}

/// Adds what follows from the rest: the example, and a line to try it.
fn complete(path: &str, method: &str, operation: &mut Operation, examples: &[Example]) {
    let example =
        examples.iter().find(|example| Some(example.operation_id) == operation.operation_id.as_deref());
    if let Some(example) = example
        && let Some(RefOr::T(answer)) = operation.responses.responses.get_mut("200")
        && let Some(RefOr::T(content)) = answer.content.values_mut().next()
    {
        let text = || Value::String(example.body.clone());
        content.example = Some(serde_json::from_str(&example.body).unwrap_or_else(|_| text()));
    }
    let sample = json!([{"lang": "Shell", "label": "curl", "source": curl(path, method, operation)}]);
    let extensions = ExtensionsBuilder::new().add("x-codeSamples", sample).build();
    operation.extensions.get_or_insert_default().merge(extensions);
}

/// A line that asks for it.
fn curl(path: &str, method: &str, operation: &Operation) -> String {
    let mut path = path.to_owned();
    let mut query = form_urlencoded::Serializer::new(String::new());
    for parameter in operation.parameters.iter().flatten() {
        let parameter = serde_json::to_value(parameter).unwrap_or_default();
        let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
        let Some(shown) = parameter.get("example").cloned().or_else(|| example_of(&parameter)) else {
            continue;
        };
        if parameter.get("in").and_then(Value::as_str) == Some("path") {
            path = path.replace(&format!("{{{name}}}"), &plain(&shown));
        } else if is_worth_showing(operation, name) {
            query.append_pair(name, &plain(&shown));
        }
    }
    let query = query.finish().replace("%2C", ",");
    let query = if query.is_empty() { query } else { format!("?{query}") };
    let token =
        if operation.security.is_some() { "-H \"Authorization: Bearer $HEARBACK_TOKEN\" " } else { "" };
    let method = if method == "GET" { String::new() } else { format!("-X {method} ") };
    let body = operation.request_body.as_ref().and_then(|body| {
        let RefOr::T(body) = body else { return None };
        let (media, RefOr::T(content)) = body.content.first_key_value()? else { return None };
        let shown = content.example.as_ref().map_or_else(|| "{}".to_owned(), plain);
        let media = if media == "application/json" || content.example.is_some() {
            format!(" -H 'content-type: {media}'")
        } else {
            String::new()
        };
        Some(format!("{media} -d '{shown}'"))
    });
    let body = body.unwrap_or_default();
    format!("curl {method}{token}\"$HEARBACK_URL{path}{query}\"{body}")
}

/// The parameters of a first try: those that must be there, and a filter or two.
fn is_worth_showing(operation: &Operation, name: &str) -> bool {
    match operation.operation_id.as_deref() {
        Some("listEvents") => ["type", "label"].contains(&name),
        Some("listMessages") => name == "status",
        Some("listRecipients") => name == "last_event",
        Some("listSuppressions") => name == "reason",
        Some("explainDestination" | "acknowledgeEvent") => true,
        Some("listQuarantine" | "retryQuarantine") => name == "cause",
        Some("redriveDestination") => name == "dry_run",
        _ => false,
    }
}

/// The example of the schema that a parameter names.
fn example_of(parameter: &Value) -> Option<Value> {
    let reference = parameter.pointer("/schema/$ref")?.as_str()?;
    let schema = match reference.rsplit('/').next()? {
        "EventId" => hearback_event::EventId::schema(),
        "MessageId" => hearback_event::MessageId::schema(),
        "Address" => hearback_event::Address::schema(),
        _ => return None,
    };
    match schema {
        RefOr::T(Schema::Object(object)) => object.examples.first().cloned(),
        _ => None,
    }
}

/// A value as it stands in a URL.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
