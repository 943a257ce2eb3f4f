//! Messages sent through the real program, to stand-ins of the providers, whose webhooks come back.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use hearback_event::{Address, Kind, Timestamp};
use hearback_providers::{Happening, Options, Provider, Simulator, Tamper, form::Form, provider};
use serde_json::{Map, Value, json};

use crate::postgres::Database;
use crate::program::{Answer, Program, Serving, exchange, giving};

const KEY: &str = "send-key-0123456789-geheim";
const CONTENT: &str = "We are looking forward to it";
const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// What a stand-in does with a request.
#[derive(Clone, Debug)]
enum Act {
    /// Takes the message, under this id.
    Accept(String),
    Answer(u16, &'static str),
    /// Reads the request, and ends the connection without an answer.
    Break,
    /// Never answers.
    Hang,
}

/// A request that a stand-in read.
#[derive(Clone, Debug)]
struct Read {
    line: String,
    head: BTreeMap<String, String>,
    body: String,
}

/// A provider's API, as far as sending goes.
struct Standin {
    url: String,
    state: Arc<(Mutex<State>, Condvar)>,
}

struct State {
    act: Act,
    read: Vec<Read>,
    /// Kept open, so that who waits for an answer goes on waiting.
    hanging: Vec<TcpStream>,
}

impl Standin {
    fn start(provider: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = State { act: Act::Break, read: Vec::new(), hanging: Vec::new() };
        let state = Arc::new((Mutex::new(state), Condvar::new()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, shared) = (stream.unwrap(), Arc::clone(&shared));
                std::thread::spawn(move || answer(provider, stream, &shared));
            }
        });
        Self { url, state }
    }

    fn act(&self, act: Act) {
        self.state.0.lock().unwrap().act = act;
    }

    fn read(&self) -> Vec<Read> {
        self.state.0.lock().unwrap().read.clone()
    }

    /// Waits until so many requests were read.
    fn wait_for(&self, count: usize) {
        let (state, changed) = &*self.state;
        drop(changed.wait_while(state.lock().unwrap(), |state| state.read.len() < count).unwrap());
    }
}

fn answer(provider: &str, mut stream: TcpStream, shared: &(Mutex<State>, Condvar)) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or_default() == 0 {
        return;
    }
    let mut head = BTreeMap::new();
    for one in reader.by_ref().lines() {
        let one = one.unwrap();
        let Some((name, value)) = one.split_once(": ") else { break };
        head.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; head["content-length"].parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let act = {
        let mut state = shared.0.lock().unwrap();
        state.read.push(Read { line: line.trim().to_owned(), head, body: String::from_utf8(body).unwrap() });
        if matches!(state.act, Act::Hang) {
            state.hanging.push(stream.try_clone().unwrap());
        }
        shared.1.notify_all();
        state.act.clone()
    };
    let (status, header, body) = match act {
        Act::Break | Act::Hang => return,
        Act::Answer(status, body) => (status, String::new(), body.to_owned()),
        Act::Accept(id) => accepted(provider, &id),
    };
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {length}\r\n{header}\r\n{body}");
    // Who was killed does not read it.
    drop(stream.write_all(answer.as_bytes()));
}

/// How a provider says that it took a message.
fn accepted(provider: &str, id: &str) -> (u16, String, String) {
    let body = match provider {
        "mailgun" => json!({"id": format!("<{id}>"), "message": "Queued. Thank you."}),
        "mandrill" => json!([{"email": "x", "status": "queued", "_id": id}]),
        "sendgrid" => return (202, format!("X-Message-Id: {id}\r\n"), String::new()),
        "resend" => json!({"id": id}),
        "postmark" => json!({"ErrorCode": 0, "Message": "OK", "MessageID": id}),
        "twilio" => return (201, String::new(), json!({"sid": id, "status": "queued"}).to_string()),
        other => panic!("{other}"),
    };
    (200, String::new(), body.to_string())
}

/// Where a provider takes messages, and the header with the key that the configuration has.
fn way_in(provider: &str) -> (&'static str, Option<(&'static str, String)>) {
    let basic = |user: &str| {
        let pair = hearback_providers::crypto::base64_encode(format!("{user}:{KEY}").as_bytes());
        Some(("authorization", format!("Basic {pair}")))
    };
    let bearer = Some(("authorization", format!("Bearer {KEY}")));
    match provider {
        "mailgun" => ("/v3/mg.example.com/messages", basic("api")),
        "mandrill" => ("/messages/send", None),
        "sendgrid" => ("/v3/mail/send", bearer),
        "resend" => ("/emails", bearer),
        "postmark" => ("/email", Some(("x-postmark-server-token", KEY.to_owned()))),
        "twilio" => ("/2010-04-01/Accounts/ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Messages.json", basic(ACCOUNT)),
        other => panic!("{other}"),
    }
}

/// A program that serves one source, which sends to a stand-in.
struct World {
    provider: &'static dyn Provider,
    standin: Standin,
    program: Program,
    simulator: Box<dyn Simulator>,
}

impl World {
    fn new(name: &'static str, timeout: u64) -> Self {
        let provider = provider(name).unwrap();
        let standin = Standin::start(name);
        let options = provider.trial_options(&mut |bytes| {
            bytes.iter_mut().zip(1..).for_each(|(byte, number)| *byte = number);
        });
        let simulator = provider.simulator(&Options::new(options.clone())).unwrap();
        let mut send = json!({"key": KEY, "base_url": standin.url, "timeout_s": timeout});
        send["from"] =
            if name == "twilio" { "+15005550006".into() } else { "Shop <shop@example.com>".into() };
        match name {
            "mailgun" => send["domain"] = "mg.example.com".into(),
            "twilio" => send["account_sid"] = ACCOUNT.into(),
            _ => {}
        }
        let mut source: Map<String, Value> = options;
        source.insert("provider".to_owned(), name.into());
        source.insert("send".to_owned(), send);
        let program = Program::new();
        program.write("hearback.toml", &toml::to_string(&json!({"sources": {name: source}})).unwrap());
        Self { provider, standin, program, simulator }
    }

    /// The same on a database that others share.
    fn on(mut self, database: &Database) -> Self {
        let file = std::fs::read_to_string(self.program.path("hearback.toml")).unwrap();
        self.program = Program::new().with("DATABASE_URL", &database.url);
        self.program.write("hearback.toml", &format!("{file}[storage]\nurl = \"env:DATABASE_URL\"\n"));
        self
    }

    /// Asks servers by turns, `count` times in all and at once; how often each status was answered.
    fn ask_at_once(&self, servers: &[&Serving], token: &str, count: usize) -> BTreeMap<u16, usize> {
        let request = giving("/v1/send", token, &self.body(1).to_string());
        let asked: Vec<_> = (0..count)
            .map(|number| {
                let (address, request) =
                    (servers[number % servers.len()].address().to_owned(), request.clone());
                std::thread::spawn(move || exchange(&address, &request))
            })
            .collect();
        let mut statuses = BTreeMap::new();
        for one in asked {
            let answer = one.join().unwrap();
            assert_eq!(parsed(&answer)["provider_message_id"], self.provider_id(1), "{}", answer.body);
            *statuses.entry(answer.status).or_insert(0) += 1;
        }
        statuses
    }

    fn is_sms(&self) -> bool {
        self.provider.name() == "twilio"
    }

    fn to(&self, number: u32) -> String {
        if self.is_sms() { format!("+1555867531{number}") } else { format!("guest{number}@example.com") }
    }

    fn body(&self, number: u32) -> Value {
        let mut body = json!({
            "key": format!("booking-{number}"), "to": self.to(number), "subject": "Your very own stay",
            "text": CONTENT, "labels": {"booking_id": number.to_string()}, "tags": ["pre-arrival"],
        });
        if self.is_sms() {
            body.as_object_mut().unwrap().remove("subject");
        }
        body
    }

    fn happening(&self, number: u32, labels: &[(&str, &str)]) -> Happening {
        Happening {
            kind: Kind::Delivered,
            occurred_at: Timestamp::now(),
            recipient: Address::parse(&self.to(number)).unwrap(),
            message: format!("m{number}"),
            serial: u64::from(number),
            labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            tags: Vec::new(),
            subject: "Your very own stay".to_owned(),
        }
    }

    fn provider_id(&self, number: u32) -> String {
        self.simulator.provider_message_id(&self.happening(number, &[]))
    }

    /// The webhook of a message, as its provider would send it: with the labels that it was given, or without any.
    fn webhook(&self, serving: &Serving, number: u32, id: Option<&str>) -> Answer {
        let name = self.provider.name();
        let plain = format!("http://{}/webhooks/{name}", serving.address());
        // Twilio has no labels but those in the URL that it was told.
        let told = || {
            let sent = self.standin.read().pop().unwrap();
            let form = Form::urlencoded(sent.body.as_bytes()).unwrap();
            form.first("StatusCallback").unwrap().split('#').next().unwrap().to_owned()
        };
        let (url, labels) = match id {
            Some(_) if self.is_sms() => (told(), vec![]),
            Some(id) => (plain, vec![("hearback_id", id)]),
            None => (plain, vec![]),
        };
        let request =
            self.simulator.request(&[self.happening(number, &labels)], &url, Timestamp::now(), Tamper::None);
        let mut text =
            format!("POST {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", request.path_and_query);
        for (name, value) in &request.headers {
            text.extend([name.as_str(), ": ", value.to_str().unwrap(), "\r\n"]);
        }
        let length = request.body.len();
        let body = String::from_utf8(request.body).unwrap();
        exchange(serving.address(), &format!("{text}Content-Length: {length}\r\n\r\n{body}"))
    }
}

fn parsed(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{} {}", answer.status, answer.body))
}

/// The only message to an address.
fn only(serving: &Serving, token: &str, to: &str) -> Value {
    let list =
        parsed(&serving.get(&format!("/v1/messages?recipient={}", to.replace('+', "%2B")), Some(token)));
    assert_eq!(list["data"].as_array().unwrap().len(), 1, "{list}");
    let id = list["data"][0]["id"].as_str().unwrap();
    parsed(&serving.get(&format!("/v1/messages/{id}"), Some(token)))
}

#[test]
fn through_every_provider_and_back() {
    for name in ["mailgun", "mandrill", "sendgrid", "resend", "postmark", "twilio"] {
        let world = World::new(name, 30);
        let checked = world.program.run(&["check"]);
        assert_eq!(checked.code, 0, "{name}: {}", checked.out);
        let shown = world.program.run(&["config", "show"]).out;
        assert!(shown.contains(&world.standin.url) && !shown.contains(KEY), "{name}: {shown}");
        let serving = world.program.serve(&[]);
        let token = serving.token().unwrap();
        let give = |body: &Value| serving.give("/v1/send", &token, &body.to_string());

        // Sent, and sent once.
        world.standin.act(Act::Accept(world.provider_id(1)));
        let first = give(&world.body(1));
        assert_eq!(first.status, 202, "{name}: {}", first.body);
        let sent = parsed(&first);
        assert_eq!(
            (&sent["provider_message_id"], &sent["repeated"]),
            (&world.provider_id(1).into(), &false.into())
        );
        let again = give(&world.body(1));
        assert_eq!((again.status, parsed(&again)["id"].clone()), (200, sent["id"].clone()), "{name}");
        let read = world.standin.read();
        assert_eq!(read.len(), 1, "{name}");
        let (path, credentials) = way_in(name);
        assert_eq!(read[0].line, format!("POST {path} HTTP/1.1"));
        match credentials {
            Some((header, value)) => assert_eq!(read[0].head[header], value, "{name}"),
            None => assert!(read[0].body.contains(KEY)),
        }
        assert!(read[0].body.contains(sent["id"].as_str().unwrap()), "{name}: {}", read[0].body);
        assert!(read[0].head["user-agent"].starts_with("hearback/"));

        // Its webhook says nothing but the provider's id.
        assert_eq!(world.webhook(&serving, 1, None).status, 200, "{name}");
        let message = only(&serving, &token, &world.to(1));
        assert_eq!((&message["id"], &message["status"]), (&sent["id"], &"delivered".into()), "{name}");
        assert_eq!(message["sending"]["outcome"], "accepted");

        // Nobody knows, until the webhook says it by the label.
        world.standin.act(Act::Break);
        let lost = give(&world.body(2));
        assert_eq!(lost.status, 504, "{name}: {}", lost.body);
        let message = only(&serving, &token, &world.to(2));
        assert_eq!(message["sending"]["outcome"], "not_known", "{name}");
        let id = message["id"].as_str().unwrap();
        assert_eq!(world.webhook(&serving, 2, Some(id)).status, 200, "{name}");
        let message = only(&serving, &token, &world.to(2));
        assert_eq!((message["id"].as_str(), &message["status"]), (Some(id), &"delivered".into()), "{name}");
        let told = give(&world.body(2));
        assert_eq!(told.status, 200, "{name}: {}", told.body);
        assert_eq!(parsed(&told)["provider_message_id"], world.provider_id(2), "{name}");
        assert_eq!(world.standin.read().len(), 2, "{name}");

        // It would not have it now, and then it does.
        world.standin.act(Act::Answer(429, ""));
        let busy = give(&world.body(3));
        assert_eq!(busy.status, 503, "{name}: {}", busy.body);
        assert_eq!(only(&serving, &token, &world.to(3))["status"], "deferred");
        world.standin.act(Act::Accept(world.provider_id(3)));
        assert_eq!(give(&world.body(3)).status, 202, "{name}");
        // It will not have it at all.
        world.standin.act(Act::Answer(413, ""));
        for _ in 0..2 {
            let refused = give(&world.body(4));
            assert_eq!(refused.status, 422, "{name}: {}", refused.body);
        }
        assert_eq!(only(&serving, &token, &world.to(4))["status"], "rejected");
        assert_eq!(world.standin.read().len(), 5, "{name}");

        let log = serving.log();
        assert!(log.contains("sent a message"), "{name}: {log}");
        for secret in [KEY, CONTENT, "very own", &world.to(1)] {
            assert!(!log.contains(secret), "{name}: {secret} is in the log: {log}");
        }
        let content = world.program.path("data/hearback.db");
        let kept = std::fs::read(&content).unwrap();
        assert!(!kept.windows(CONTENT.len()).any(|window| window == CONTENT.as_bytes()), "{name}");
        assert_eq!(serving.stop(), 0);
    }
}

#[test]
fn what_was_being_sent_when_the_server_was_killed_says_so_and_is_not_sent_again() {
    let world = World::new("postmark", 60);
    world.standin.act(Act::Hang);
    let serving = world.program.serve(&[]);
    let token = serving.token().unwrap();
    let body = world.body(1).to_string();
    let (address, request) = (serving.address().to_owned(), giving("/v1/send", &token, &body));
    let asking = std::thread::spawn(move || exchange(&address, &request));
    world.standin.wait_for(1);
    serving.kill();
    assert_eq!(asking.join().unwrap().status, 0, "nothing was answered");

    let serving = world.program.serve(&[]);
    let message = only(&serving, &token, &world.to(1));
    assert_eq!(
        (&message["status"], &message["sending"]["outcome"]),
        (&"registered".into(), &"not_known".into())
    );
    let note = message["sending"]["note"].as_str().unwrap();
    assert!(
        note.starts_with("sending was begun at 2") && note.ends_with("its outcome is not known"),
        "{note}"
    );
    let page = world.program.run(&["message", message["id"].as_str().unwrap()]);
    assert!(page.out.contains(note), "{}", page.out);

    world.standin.act(Act::Accept(world.provider_id(1)));
    for _ in 0..2 {
        let repeated = serving.give("/v1/send", &token, &body);
        let problem = parsed(&repeated);
        assert_eq!((repeated.status, &problem["field"]), (409, &"key".into()), "{problem}");
        assert!(problem["type"].as_str().unwrap().ends_with(":outcome_unknown"), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("its outcome is not known"), "{problem}");
    }
    assert_eq!(world.standin.read().len(), 1);
    let mut insisting = world.body(1);
    insisting["retry_unknown"] = true.into();
    assert_eq!(serving.give("/v1/send", &token, &insisting.to_string()).status, 202);
    assert_eq!(serving.give("/v1/send", &token, &body).status, 200);
    assert_eq!(world.standin.read().len(), 2);
    assert_eq!(serving.stop(), 0);
}

#[test]
fn of_twenty_calls_with_one_key_one_sends() {
    let world = World::new("mailgun", 60);
    world.standin.act(Act::Accept(world.provider_id(1)));
    let serving = world.program.serve(&[]);
    let token = serving.token().unwrap();
    let statuses = world.ask_at_once(&[&serving], &token, 20);
    assert_eq!(statuses, BTreeMap::from([(200, 19), (202, 1)]));
    assert_eq!(world.standin.read().len(), 1);
    let metrics = serving.get("/metrics", None).body;
    for line in ["source=\"mailgun\",outcome=\"accepted\"} 1", "source=\"mailgun\",outcome=\"repeated\"} 19"]
    {
        assert!(metrics.contains(&format!("hearback_sends_total{{{line}")), "{metrics}");
    }
    assert_eq!(serving.stop(), 0);
}

/// Two servers on one database: one of them sends, and the other tells what came of it.
#[test]
fn of_twenty_calls_to_two_servers_one_sends() {
    let database = Database::new();
    let world = World::new("postmark", 60).on(&database);
    world.standin.act(Act::Accept(world.provider_id(1)));
    let first = world.program.serve(&[]);
    let token = first.token().unwrap();
    let beside = Program::new().with("DATABASE_URL", &database.url);
    beside.write("hearback.toml", &std::fs::read_to_string(world.program.path("hearback.toml")).unwrap());
    let second = beside.serve(&[]);
    let statuses = world.ask_at_once(&[&first, &second], &token, 20);
    assert_eq!(statuses, BTreeMap::from([(200, 19), (202, 1)]));
    assert_eq!(world.standin.read().len(), 1);
    assert_eq!((first.stop(), second.stop()), (0, 0));
}

#[test]
fn from_the_command_line_and_never_to_who_is_suppressed() {
    let world = World::new("resend", 60);
    world.standin.act(Act::Accept(world.provider_id(1)));
    let serving = world.program.serve(&[]);
    let token = serving.token().unwrap();
    let url = format!("http://{}", serving.address());
    let send = |key: &str, further: &[&str]| {
        let to = world.to(1);
        let head =
            ["send", &to, "--key", key, "--subject", "Stay", "--text", CONTENT, "--label", "booking_id=42"];
        let all: Vec<&str> = head.iter().chain(further).copied().collect();
        world.program.run(&all)
    };
    let at = ["--url", &url, "--token", &token];
    let alone = send("k", &[]);
    assert!(alone.code == 2 && alone.err.contains("only a running server sends"), "{}", alone.err);
    let sent = send("k", &at);
    assert_eq!(sent.code, 0, "{}", sent.err);
    assert!(sent.out.starts_with("msg_"), "{}", sent.out);
    let again = send("k", &at);
    assert_eq!((again.code, &again.out), (0, &sent.out));
    assert!(again.err.contains("nothing was sent now"), "{}", again.err);
    let nobody =
        world.program.run(&["send", "no address", "--key", "k", "--text", "x", at[0], at[1], at[2], at[3]]);
    assert!(nobody.code == 2 && nobody.err.contains("`to`"), "{}", nobody.err);

    let to = world.to(1);
    let added =
        world.program.run(&["suppressions", "add", &to, "--reason", "asked", at[0], at[1], at[2], at[3]]);
    assert_eq!(added.code, 0, "{}", added.err);
    let refused = send("l", &at);
    assert_eq!(refused.code, 1, "{}", refused.err);
    assert!(
        refused.err.contains("is suppressed since 2") && refused.err.contains("manual"),
        "{}",
        refused.err
    );
    assert!(refused.err.contains("send_to_suppressed"), "{}", refused.err);
    let body = json!({"key": "l", "to": to, "subject": "x", "text": "x"}).to_string();
    let problem = parsed(&serving.give("/v1/send", &token, &body));
    assert_eq!((&problem["status"], &problem["field"]), (&409.into(), &"to".into()));
    assert_eq!(world.standin.read().len(), 1);
    let mut insisting = at.to_vec();
    insisting.push("--send-to-suppressed");
    assert_eq!(send("l", &insisting).code, 0);
    assert_eq!(world.standin.read().len(), 2);
    assert_eq!(serving.stop(), 0);
}
