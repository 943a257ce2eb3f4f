//! The description of the API: that the snapshot is current, and that it says what is.

use std::fs;
use std::path::{Path, PathBuf};

use hearback_event::{AlertState, Kind, Timestamp, Urgency};
use hearback_store::AlertItem;
use serde_json::Value;

use crate::schema::complaints;
use crate::world::{ADMIN, READ, WRITE, World, source};

fn snapshot() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join("docs/openapi.json")
}

async fn served() -> (World, Value) {
    let world = World::new(source("one")).await;
    let document = world.get("/openapi.json").await.json();
    (world, document)
}

/// An operation, as it is described.
struct Operation {
    method: String,
    path: String,
    about: Value,
}

impl Operation {
    /// The body that its example has.
    fn body(&self) -> String {
        let content = &self.about["requestBody"]["content"]["application/json"];
        if content.is_null() { String::new() } else { content["example"].to_string() }
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The line to try it: its path with the query.
    fn target(&self) -> String {
        let line = self.about["x-codeSamples"][0]["source"].as_str().unwrap();
        let rest = line.split("$HEARBACK_URL").nth(1).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    /// The scope that it needs; none where no token is.
    fn scope(&self) -> Option<&str> {
        self.about["security"][0]["token"][0].as_str()
    }
}

fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| {
        let operation = |(method, about): (&String, &Value)| Operation {
            method: method.to_uppercase(),
            path: path.clone(),
            about: about.clone(),
        };
        item.as_object().unwrap().iter().map(operation).collect::<Vec<_>>()
    };
    let operations: Vec<_> = paths.iter().flat_map(of).collect();
    assert!(operations.len() > 20, "everything is described");
    operations
}

/// A change of the API is seen in review, as a change of this file.
#[tokio::test]
async fn the_snapshot_is_current() {
    let world = World::new(source("one")).await;
    let served = world.get("/openapi.json").await.body;
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(snapshot(), &served).unwrap();
    }
    let kept = fs::read(snapshot()).unwrap_or_default();
    assert!(
        kept == served,
        "the API is not what docs/openapi.json says; if that is meant, write it anew and read the difference:\n\n  \
         UPDATE_OPENAPI=1 cargo test -p hearback-server --test it the_snapshot_is_current\n"
    );
}

#[tokio::test]
async fn every_name_in_it_is_explained() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let (_, document) = served().await;
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100);
    for reference in found {
        assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
    }
    let mut ids: Vec<_> =
        operations(&document).iter().map(|one| one.about["operationId"].to_string()).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "each operation has a name of its own");
    for operation in operations(&document) {
        let name = operation.name();
        assert!(!operation.about["summary"].as_str().unwrap().is_empty(), "{name}");
        for parameter in operation.about["parameters"].as_array().into_iter().flatten() {
            assert!(!parameter["description"].as_str().unwrap_or_default().is_empty(), "{name}: {parameter}");
        }
    }
}

/// Whether an operation can be asked like every other: a webhook is signed, and a stream does not end.
fn can_be_asked(operation: &Operation) -> bool {
    !["/webhooks/{source}", "/v1/events/stream"].contains(&operation.path.as_str())
}

/// The scope that is described is the one that is asked for.
#[tokio::test]
async fn scopes_are_as_described() {
    let (world, document) = served().await;
    let mut secured = 0;
    for operation in operations(&document).iter().filter(|operation| can_be_asked(operation)) {
        let (name, target) = (operation.name(), operation.target());
        let ask = async |token: &str| {
            world.give(&operation.method, &target, token, operation.body()).await.status.as_u16()
        };
        let Some(scope) = operation.scope() else {
            assert_eq!(ask("").await, 200, "{name} needs no token");
            continue;
        };
        secured += 1;
        assert_eq!(ask("hb_unknown").await, 401, "{name}");
        let tokens = [("read", READ), ("write", WRITE), ("admin", ADMIN)];
        let needed = tokens.iter().position(|(known, _)| *known == scope).unwrap();
        for (place, (_, token)) in tokens.into_iter().enumerate() {
            assert_eq!(ask(token).await == 403, place < needed, "{name} with {token}");
        }
    }
    assert!(secured >= 14, "{secured}");
}

/// Each line to try, and each parameter by itself, is understood.
#[tokio::test]
async fn what_is_described_is_understood() {
    let (world, document) = served().await;
    for operation in operations(&document).iter().filter(|operation| can_be_asked(operation)) {
        let (name, target) = (operation.name(), operation.target());
        let got = world.give(&operation.method, &target, ADMIN, operation.body()).await;
        assert!([200, 201, 202, 204, 404].contains(&got.status.as_u16()), "{name}: {target}: {}", got.status);
        let described = &operation.about["responses"][got.status.as_str()];
        assert!(!described.is_null(), "{name} does not describe {}", got.status);
        let path = target.split('?').next().unwrap();
        if operation.scope().is_some() {
            let unknown = world.call(&operation.method, &format!("{path}?colour=red"), ADMIN).await;
            assert_eq!(unknown.problem(400), "bad_request", "{name}");
            assert_eq!(unknown.json()["field"], "colour");
        }
        for parameter in operation.about["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] == "query" {
                let query = format!("{path}?{}=%00", parameter["name"].as_str().unwrap());
                let got = world.call(&operation.method, &query, ADMIN).await;
                if got.status == 400 {
                    let detail = got.json()["detail"].to_string();
                    assert!(!detail.contains("unknown parameter"), "{name}: {query}: {detail}");
                }
            }
        }
    }
}

fn alert() -> AlertItem {
    AlertItem {
        id: 1,
        rule: "bounces".to_owned(),
        subject: [1; 16],
        sums_up: false,
        part_of: None,
        urgency: Urgency::Warning,
        kind: Kind::Bounced,
        cause: 1,
        first_at: Timestamp::EPOCH,
        last_at: Timestamp::EPOCH,
        count: 1,
        parts_left: 0,
        state: AlertState::Open,
        acknowledged: None,
        resolved: None,
        told: vec![(Timestamp::EPOCH, vec!["ops".to_owned()])],
    }
}

/// Examples, and answers to real questions, are as their schemas say, with no member that is not described.
#[tokio::test]
async fn answers_are_as_described() {
    let (world, document) = served().await;
    let told = |id: &str, kind: &str| {
        serde_json::json!({"id": id, "type": kind, "to": "alice@example.com", "message": "20261120.1.AAAA@mg.example.com",
            "subject": "Your stay", "labels": {"booking_id": 42}, "tag": "pre-arrival"})
    };
    let body = serde_json::json!({"events": [told("1", "sent"), told("2", "bounced"), told("3", "opened")]});
    assert_eq!(world.post(&body.to_string()).await.status, 200);
    let forged = http::Request::post("/webhooks/one").header("x-test-signature", "00");
    assert_eq!(world.send(forged.body("{}".into()).unwrap()).await.status, 403);
    let page = world.get("/v1/events?limit=1").await.json();
    let (event, message) =
        (page["data"][0]["id"].as_str().unwrap(), page["data"][0]["message"]["id"].as_str().unwrap());
    let mut checked = 0;
    let mut all = operations(&document);
    // What makes something to show comes first, what removes it last.
    all.sort_by_key(|operation| match operation.about["operationId"].as_str().unwrap() {
        "acknowledgeEvent" => 0,
        "forgetRecipient" => 3,
        _ if operation.method == "DELETE" => 2,
        _ => 1,
    });
    world.store.state().alerts.push(alert());
    for operation in all.iter().filter(|operation| can_be_asked(operation)) {
        let answer = &operation.about["responses"]["200"]["content"]["application/json"];
        let Some(schema) = answer.get("schema") else { continue };
        if let Some(example) = answer.get("example") {
            assert_eq!(
                complaints(&document, schema, example),
                [""; 0],
                "the example of {}",
                operation.name()
            );
        }
        let target = match operation.about["operationId"].as_str().unwrap() {
            "getEvent" => format!("/v1/events/{event}"),
            "getMessage" => format!("/v1/messages/{message}"),
            "listAlerts" => "/v1/alerts".to_owned(),
            "getAlert" => "/v1/alerts/1".to_owned(),
            "acknowledgeAlert" => "/v1/alerts/1/acknowledge".to_owned(),
            "resolveAlert" => "/v1/alerts/1/resolve".to_owned(),
            "getQuarantineEntry" => "/v1/quarantine/1".to_owned(),
            "acknowledgeEvent" => format!("/v1/consumers/billing/ack?event={event}"),
            "explainDestination" => format!("/v1/destinations/crm/explain?event={event}"),
            "listQuarantine" => "/v1/quarantine".to_owned(),
            "listRecipients" => "/v1/recipients".to_owned(),
            "listSuppressions" => "/v1/suppressions".to_owned(),
            "retryQuarantineEntry" => "/v1/quarantine/1/retry".to_owned(),
            _ => operation.target(),
        };
        let got = world.give(&operation.method, &target, ADMIN, operation.body()).await;
        assert!([200, 201, 202].contains(&got.status.as_u16()), "{target}: {}", got.status);
        let json = got.json();
        assert_eq!(complaints(&document, schema, &json), [""; 0], "{}", operation.name());
        assert!(json["data"].as_array().is_none_or(|rows| !rows.is_empty()), "{target} shows a row");
        checked += 1;
    }
    assert!(checked >= 13, "{checked}");
    for (path, token, status) in
        [("/v1/events?limit=0", READ, 400), ("/v1/events", "hb_x", 401), ("/v1/quarantine/1", READ, 403)]
    {
        let problem = world.get_as(path, token).await;
        problem.problem(status);
        let schema = &document["components"]["schemas"]["Problem"];
        assert_eq!(complaints(&document, schema, &problem.json()), [""; 0], "{path}");
    }
}

#[tokio::test]
async fn the_page_shows_every_operation_and_needs_nothing_from_elsewhere() {
    let (world, document) = served().await;
    let page = world.get_as("/docs", "").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self'") && !policy.contains("unsafe"),
        "{policy}"
    );
    let html = std::str::from_utf8(&page.body).unwrap();
    assert!(html.len() < 200_000, "{} bytes", html.len());
    for operation in operations(&document) {
        let id = operation.about["operationId"].as_str().unwrap();
        assert!(html.contains(&format!("<article id=\"{id}\">")), "{id}");
        let line = operation.about["x-codeSamples"][0]["source"].as_str().unwrap();
        let escaped = line.replace('&', "&amp;");
        assert!(html.contains(&escaped), "{escaped}");
    }
    for unwanted in ["<script", "style=", "http://", "https://", "javascript:", "onload"] {
        let html = html.replace("http://127.0.0.1:8025", "").replace("https://hooks.example.com", "");
        assert!(!html.contains(unwanted), "{unwanted}");
    }
    for target in html.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(html.contains(&format!("id=\"{target}\"")), "there is no {target} to go to");
    }
    let style = world.get_as("/docs/style.css", "").await;
    assert_eq!((style.status.as_u16(), style.header("content-type")), (200, "text/css; charset=utf-8"));
    assert!(!std::str::from_utf8(&style.body).unwrap().contains("url("));
    for unwanted in ["/docs/", "/docs/other", "/openapi.yaml"] {
        world.get_as(unwanted, "").await.problem(404);
    }
}
