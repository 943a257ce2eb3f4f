//! Every provider that can send makes the requests under `samples/<provider>/send/` of the same drafts, and reads the answers there.
//!
//! `options.json` are its options for sending. `<case>.request.json` is the request that must come of the draft of that name in this
//! file; `<case>.answer.json` is an answer of the provider, and what it means. With `UPDATE_SAMPLES=1` what is expected is
//! written anew: read the difference before you commit it, against the provider's documents.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hearback_event::{Address, Channel, MessageId, Severity};
use hearback_providers::{Answer, Draft, Meaning, OptionError, Options, PROVIDERS, Provider, Sender};
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use serde_json::{Value, json};

fn folder(provider: &dyn Provider) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(provider.name()).join("send")
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn made(provider: &dyn Provider, options: &Value) -> Option<Result<Box<dyn Sender>, Vec<OptionError>>> {
    provider.sender(&Options::from_value(options.clone()))
}

/// Every provider that can send, configured as its samples are.
fn senders() -> Vec<(&'static dyn Provider, Box<dyn Sender>)> {
    let can_send = PROVIDERS.iter().filter(|provider| made(**provider, &json!({})).is_some());
    let senders: Vec<_> = can_send
        .map(|provider| {
            (*provider, made(*provider, &read(&folder(*provider).join("options.json"))).unwrap().unwrap())
        })
        .collect();
    assert!(senders.len() >= 6);
    senders
}

fn draft(to: &str) -> Draft {
    Draft {
        id: MessageId::of_key("main", "booking-42", Some(to)),
        idempotency_key: "msg_x/0".to_owned(),
        to: Address::parse(to).unwrap(),
        from: None,
        reply_to: None,
        subject: Some("Your stay".to_owned()),
        text: Some("Hello & welcome.\n".to_owned()),
        html: None,
        tags: Vec::new(),
        labels: BTreeMap::new(),
        callback_url: Some("https://hooks.example.com/webhooks/main".to_owned()),
    }
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// The drafts, by name: as little and as much as there can be, and what providers do not take.
fn drafts(channel: Channel) -> Vec<(&'static str, Draft)> {
    let sms = channel == Channel::Sms;
    let plain = draft(if sms { "+15558675310" } else { "alice@example.com" });
    let mut full = plain.clone();
    full.from =
        Some(if sms { "+15005550009".to_owned() } else { "\"Café, Ltd.\" <Cafe@example.com>".to_owned() });
    full.labels = labels(&[("booking_id", "42"), ("purpose", "pre_arrival")]);
    full.tags = vec!["pre-arrival".to_owned(), "guest".to_owned()];
    full.callback_url = Some("https://hooks.example.com/webhooks/main?src=a#rc=1".to_owned());
    if !sms {
        full.html = Some("<p>Hello &amp; welcome.</p>".to_owned());
        full.reply_to = Some("Desk <desk@example.com>".to_owned());
    }
    let mut odd = plain.clone();
    let long = "x".repeat(900);
    odd.labels = labels(&[
        ("a name that is long, has blanks and Größe", "v"),
        ("email", "taken@example.com"),
        ("long", &long),
        ("nested", "{\"a\":[1]}"),
        ("bodySHA256", "00"),
        ("z", "ü & =\u{1f600}"),
    ]);
    odd.tags = vec!["_underscored".to_owned(), "größe".to_owned(), "t".repeat(300), "fits".to_owned()];
    vec![("plain", plain), ("full", full), ("odd", odd)]
}

fn request_json(sender: &dyn Sender, draft: &Draft) -> Value {
    let request = sender.request(draft).unwrap();
    let body = String::from_utf8(request.body.clone()).unwrap();
    let body = match request.headers["content-type"].to_str().unwrap() {
        "application/json" => serde_json::from_str(&body).unwrap(),
        _ => form_urlencoded(&body),
    };
    let headers: BTreeMap<_, _> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    json!({"url": request.url, "headers": headers, "body": body})
}

/// A form as it is read, in its order.
fn form_urlencoded(body: &str) -> Value {
    let form = hearback_providers::form::Form::urlencoded(body.as_bytes()).unwrap();
    form.fields().iter().map(|(name, value)| json!([name, value])).collect()
}

fn check(path: &Path, found: &Value, failures: &mut Vec<String>) {
    if std::env::var_os("UPDATE_SAMPLES").is_some() {
        fs::write(path, format!("{}\n", serde_json::to_string_pretty(found).unwrap())).unwrap();
    } else if read(path) != *found {
        failures.push(format!("{}: found {}", path.display(), serde_json::to_string_pretty(found).unwrap()));
    }
}

#[test]
fn every_draft_becomes_the_request_in_its_file() {
    let mut failures = Vec::new();
    for (provider, sender) in senders() {
        for (name, draft) in drafts(sender.channel()) {
            let path = folder(provider).join(format!("{name}.request.json"));
            let found = request_json(&*sender, &draft);
            assert!(found.to_string().contains(&draft.id.to_string()), "{}: no hearback_id", path.display());
            check(&path, &found, &mut failures);
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn headers(answer: &Value) -> HeaderMap {
    let pairs = answer.get("headers").and_then(Value::as_object).into_iter().flatten();
    pairs
        .map(|(name, value)| {
            let name: HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_str(value.as_str().unwrap()).unwrap())
        })
        .collect()
}

fn answers(provider: &dyn Provider) -> Vec<(PathBuf, Value)> {
    let mut paths: Vec<_> =
        fs::read_dir(folder(provider)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_str().unwrap().ends_with(".answer.json"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let answer = read(&path);
            (path, answer)
        })
        .collect()
}

fn meaning_json(meaning: &Meaning) -> Value {
    match meaning {
        Meaning::Accepted(id) => json!({"accepted": id}),
        Meaning::Refused(failure) => json!({"refused": failure}),
        Meaning::Unclear(why) => json!({"unclear": why}),
    }
}

#[test]
fn every_answer_means_what_its_file_says() {
    let mut failures = Vec::new();
    for (provider, sender) in senders() {
        let mut seen = [0; 4];
        for (path, mut answer) in answers(provider) {
            let body = answer["body"].as_str().unwrap().to_owned();
            let status = answer["status"].as_u64().unwrap() as u16;
            let meaning =
                sender.meaning(&Answer { status, headers: &headers(&answer), body: body.as_bytes() });
            seen[match &meaning {
                Meaning::Accepted(_) => 0,
                Meaning::Refused(failure) if failure.severity == Some(Severity::Permanent) => 1,
                Meaning::Refused(_) => 2,
                Meaning::Unclear(_) => 3,
            }] += 1;
            answer["expect"] = meaning_json(&meaning);
            check(&path, &answer, &mut failures);
        }
        assert!(
            seen.iter().all(|count| *count > 0),
            "{}: of each meaning one sample: {seen:?}",
            provider.name()
        );
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn what_cannot_be_sent_is_refused_by_its_field() {
    for (provider, sender) in senders() {
        let good = drafts(sender.channel()).remove(0).1;
        let refused = |change: &dyn Fn(&mut Draft)| {
            let mut draft = good.clone();
            change(&mut draft);
            sender.request(&draft).map(|_| ()).map_err(|error| error.field)
        };
        let other = if sender.channel() == Channel::Sms { "alice@example.com" } else { "+15558675310" };
        let name = provider.name();
        assert_eq!(refused(&|draft| draft.to = Address::parse(other).unwrap()), Err("to"), "{name}");
        assert_eq!(refused(&|draft| draft.text = None), Err("text"), "{name}");
        if sender.channel() == Channel::Email {
            for several in ["a@x.example,b@y.example", "a@x.example;b@y.example", "a b@x.example"] {
                let several = Address::parse(several).unwrap();
                assert_eq!(refused(&|draft| draft.to = several.clone()), Err("to"), "{name}");
            }
            assert_eq!(refused(&|draft| draft.subject = None), Err("subject"), "{name}");
            let header = Some("a@x.example\r\nBcc: b@y.example".to_owned());
            assert_eq!(refused(&|draft| draft.from = header.clone()), Err("from"), "{name}");
            assert_eq!(refused(&|draft| draft.reply_to = header.clone()), Err("reply_to"), "{name}");
        } else {
            assert_eq!(refused(&|draft| draft.html = Some("<p>".to_owned())), Err("html"), "{name}");
        }
        // Without a default, the sender must be given.
        let mut options = read(&folder(provider).join("options.json"));
        options.as_object_mut().unwrap().remove("from");
        let without = made(provider, &options).unwrap().unwrap();
        assert_eq!(without.request(&good).unwrap_err().field, "from", "{name}");
    }
}

#[test]
fn wrong_options_are_named() {
    for (provider, _) in senders() {
        let good = read(&folder(provider).join("options.json"));
        let wrong = |name: &str, value: Value| {
            let mut options = good.clone();
            options[name] = value;
            let errors = made(provider, &options)
                .unwrap()
                .err()
                .unwrap_or_else(|| panic!("{}: {name}", provider.name()));
            assert!(!format!("{errors:?}").contains(good["key"].as_str().unwrap()));
            errors[0].option.clone()
        };
        assert_eq!(wrong("key", json!("")), Some("key".to_owned()));
        assert_eq!(wrong("key", json!("a\nb")), Some("key".to_owned()));
        assert_eq!(wrong("nonsense", json!(1)), None);
        for url in [
            "",
            "api.example.com",
            "ftp://x",
            "https://x/?q",
            "https://u:p@x/",
            "https://x/#f",
            "https://a b",
        ] {
            assert_eq!(wrong("base_url", json!(url)), Some("base_url".to_owned()), "{url}");
        }
        let mut options = good.clone();
        options["base_url"] = json!("http://api.example.com");
        assert_eq!(made(provider, &options).unwrap().unwrap().warnings().len(), 1);
        options["base_url"] = json!("http://127.0.0.1:9/");
        assert!(made(provider, &options).unwrap().unwrap().warnings().is_empty());
    }
    for (provider, option, value) in [
        ("mailgun", "domain", json!("mg.example.com/../x")),
        ("mailgun", "from", json!("a@x, b@y")),
        ("twilio", "account_sid", json!("AC/../x")),
        ("twilio", "account_sid", Value::Null),
    ] {
        let provider = hearback_providers::provider(provider).unwrap();
        let mut options = read(&folder(provider).join("options.json"));
        options[option] = value;
        let errors = made(provider, &options).unwrap().err().unwrap();
        assert_eq!(errors[0].option.as_deref(), Some(option));
    }
}

#[test]
fn neither_keys_nor_content_are_shown() {
    for (provider, sender) in senders() {
        let key = read(&folder(provider).join("options.json"))["key"].as_str().unwrap().to_owned();
        let draft = drafts(sender.channel()).remove(1).1;
        let request = sender.request(&draft).unwrap();
        let shown = format!("{request:?} {draft:?} {:?}", request.headers);
        assert!(!shown.contains(&key) && !shown.contains("Hello") && !shown.contains("alice"), "{shown}");
        // What stands in a header is marked as secret, too; Mandrill's key is in the body.
        let sensitive = request.headers.values().filter(|value| value.is_sensitive()).count();
        assert_eq!(sensitive, usize::from(provider.name() != "mandrill"), "{}", provider.name());
    }
}

proptest! {
    #[test]
    fn no_answer_is_too_strange(
        status in 0_u16..1000,
        id in proptest::option::of(proptest::collection::vec(32_u8..127, 0..40)),
        body in proptest::collection::vec(any::<u8>(), 0..200),
        sample in any::<proptest::sample::Index>(),
        at in any::<proptest::sample::Index>(),
        byte: u8,
    ) {
        for (provider, sender) in senders() {
            let mut headers = HeaderMap::new();
            if let Some(id) = id.as_ref().and_then(|id| HeaderValue::from_bytes(id).ok()) {
                headers.insert("x-message-id", id);
            }
            let answers = answers(provider);
            let mut spoilt = answers[sample.index(answers.len())].1["body"].as_str().unwrap().as_bytes().to_vec();
            if !spoilt.is_empty() {
                let place = at.index(spoilt.len());
                spoilt[place] = byte;
            }
            for body in [&body, &spoilt] {
                let meaning = sender.meaning(&Answer { status, headers: &headers, body });
                // Nothing but a success can be an acceptance, and nobody is told of one without an id.
                if let Meaning::Accepted(id) = &meaning {
                    prop_assert!((200..300).contains(&status) && !id.is_empty());
                }
                if let Meaning::Refused(failure) = &meaning {
                    prop_assert!(failure.severity.is_some() && failure.reason.is_some());
                }
            }
        }
    }

    #[test]
    fn any_draft_is_a_request_or_a_named_fault(
        text in proptest::option::of(".{0,40}"), subject in proptest::option::of(".{0,40}"),
        from in proptest::option::of(".{0,40}"), tags in proptest::collection::vec(".{0,20}", 0..4),
        labels in proptest::collection::btree_map(".{1,30}", ".{0,60}", 0..5),
    ) {
        for (_, sender) in senders() {
            let mut draft = drafts(sender.channel()).remove(0).1;
            (draft.text, draft.subject, draft.from) = (text.clone(), subject.clone(), from.clone());
            (draft.tags, draft.labels) = (tags.clone(), labels.clone());
            if let Ok(request) = sender.request(&draft) {
                let body = String::from_utf8(request.body).unwrap();
                prop_assert!(body.contains(&draft.id.to_string()));
            }
        }
    }
}
