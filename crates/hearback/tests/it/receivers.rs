//! The receivers in `examples/receivers/`: each takes what the real program pushes, once, and nothing that somebody made up.
//! Those for frameworks need what `./test examples` installs.

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use hearback_event::Timestamp;
use serde_json::{Value, json};

use crate::program::{Program, exchange};
use crate::receiver::{Receiver, Start, is_installed};

mod django;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Not of zeros alone: to HMAC those are the same as an empty key.
const OTHER: &str = "whsec_CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC";

/// What a receiver with frameworks around it tells once it can: the first time its listener fails.
const FAILS_ONCE: &str = "fails-once@example.com";

/// A request as Hearback sends it, or nearly so.
#[derive(Clone)]
struct Push {
    id: String,
    timestamp: String,
    signature: String,
    body: String,
}

impl Push {
    /// A genuine one, signed now.
    fn of(event: &Value) -> Self {
        let body = json!({"type": event["type"], "timestamp": event["occurred_at"], "data": event});
        let id = event["id"].as_str().unwrap().to_owned();
        Self { id, timestamp: later(0), signature: String::new(), body: body.to_string() }.signed(SECRET)
    }

    /// The same, signed with this secret as it stands.
    fn signed(mut self, secret: &str) -> Self {
        let key = BASE64.decode(secret.trim_start_matches("whsec_").as_bytes()).unwrap();
        let content = format!("{}.{}.{}", self.id, self.timestamp, self.body);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), content.as_bytes());
        self.signature = format!("v1,{}", BASE64.encode(tag.as_ref()));
        self
    }

    /// The same with a change, and the signature of before.
    fn but(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = self.clone();
        change(&mut changed);
        changed
    }

    /// Sends it; headers that are empty are left out. The status that is answered.
    fn send(&self, receiver: &Receiver) -> u16 {
        let Self { id, timestamp, signature, body } = self;
        let named = [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature)];
        let given = named.into_iter().filter(|(_, value)| !value.is_empty());
        let headers: Vec<String> = given.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let headers = headers.concat();
        let (path, host, length) = (receiver.path, receiver.address(), body.len());
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n{headers}\r\n{body}"
        );
        exchange(host, &request).status
    }
}

/// So many seconds from now.
fn later(seconds: i64) -> String {
    (Timestamp::now().as_seconds() + seconds).to_string()
}

/// A bounce as the API gives it. The number makes it another one.
fn bounced(number: u32) -> Value {
    json!({
        "id": format!("evt_01KAGR1Z1KE7NB8000000000{number:02}"),
        "type": "message.bounced",
        "source": "hotel-mail",
        "provider": "mailgun",
        "native_type": "failed",
        "channel": "email",
        "origin": "webhook",
        "occurred_at": "2026-11-20T10:02:11.412305Z",
        "received_at": "2026-11-20T10:02:12Z",
        "verified": true,
        "recipient": "alice@example.com",
        "message": {"id": "msg_0ETAK2TA35SX5EDNGG601ZY2DD", "provider_id": "20261120.1.AAAA@mg.example.com", "subject": "Grüße"},
        "failure": {"severity": "permanent", "reason": "invalid_recipient", "code": "550", "enhanced_code": "5.1.1",
                    "response": "550 5.1.1 no such user", "description": "Not delivering to previously bounced address"},
        "tags": ["pre-arrival"],
        "labels": {"booking_id": "42", "note": "  as it was  ", "empty": ""}
    })
}

fn is_taken(status: u16) -> bool {
    (200..300).contains(&status)
}

/// What it handled until this event, whose line is the last: the ids.
fn ids_until(receiver: &mut Receiver, id: &str) -> Vec<String> {
    let words = receiver.lines_until(id);
    let ids = words.iter().flat_map(|line| line.split(' ').filter(|word| word.starts_with("evt_")));
    ids.map(str::to_owned).collect()
}

fn nothing_made_up_is_taken(receiver: &mut Receiver) {
    let genuine = Push::of(&bounced(1));
    let old = genuine.but(|push| push.timestamp = later(-400)).signed(SECRET);
    let made_up = [
        ("a changed body", genuine.but(|push| push.body = push.body.replace("alice", "mallory"))),
        ("a byte more", genuine.but(|push| push.body.push(' '))),
        ("no body", genuine.but(|push| push.body.clear())),
        ("too old", old.clone()),
        ("an old signature with a new time", old.but(|push| push.timestamp = later(0))),
        ("from the future", genuine.but(|push| push.timestamp = later(400)).signed(SECRET)),
        ("no time", genuine.but(|push| push.timestamp.clear()).signed(SECRET)),
        ("a time that is no number", genuine.but(|push| push.timestamp = "soon".into()).signed(SECRET)),
        ("a time without end", genuine.but(|push| push.timestamp = "9".repeat(5000)).signed(SECRET)),
        ("another id", genuine.but(|push| push.id = "evt_01KAGR1Z1KE7NB800000000099".into())),
        ("no id", genuine.but(|push| push.id.clear())),
        ("a strange secret", genuine.clone().signed("whsec_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB")),
        ("an empty secret", genuine.clone().signed("whsec_")),
        ("no signature", genuine.but(|push| push.signature.clear())),
        ("a signature cut short", genuine.but(|push| push.signature.truncate(12))),
        ("a signature of nothing", genuine.but(|push| push.signature.truncate(3))),
        ("no version", genuine.but(|push| push.signature = push.signature.replace("v1,", ""))),
        ("another version", genuine.but(|push| push.signature = push.signature.replace("v1,", "v2,"))),
        ("a signature that is no ASCII", genuine.but(|push| push.signature = "v1,ü".into())),
    ];
    for (what, push) in &made_up {
        assert_eq!(push.send(receiver), 401, "{what}");
    }
    assert!(is_taken(genuine.send(receiver)));
    assert_eq!(ids_until(receiver, &genuine.id), [genuine.id.as_str()]);
}

fn any_of_several_secrets_and_signatures_is_enough(receiver: &mut Receiver) {
    let first = Push::of(&bounced(2)).signed(OTHER);
    let (strange, known) = ("v1,AAAA", Push::of(&bounced(3)));
    let second = known.but(|push| push.signature = format!("v1a,BBBB {strange} {}", push.signature));
    for push in [&first, &second] {
        assert!(is_taken(push.send(receiver)), "{}", push.id);
    }
    assert_eq!(ids_until(receiver, &second.id), [first.id.as_str(), &second.id]);
}

fn what_comes_again_is_answered_and_not_told_again(receiver: &mut Receiver) {
    let (once, last) = (Push::of(&bounced(4)), Push::of(&bounced(5)));
    // A later try of the same event is signed anew.
    let again = once.but(|push| push.timestamp = later(-7)).signed(SECRET);
    for push in [&once, &once, &again, &last] {
        assert!(is_taken(push.send(receiver)));
    }
    assert_eq!(ids_until(receiver, &last.id), [once.id.as_str(), &last.id]);
}

fn without_a_secret_nothing_is_taken(start: Start) {
    for secrets in ["", "whsec_", "whsec_c2hvcnQ="] {
        let Some(receiver) = start(secrets) else { continue };
        for key in ["whsec_", "whsec_c2hvcnQ="] {
            let status = Push::of(&bounced(6)).signed(key).send(&receiver);
            assert!(status >= 400, "`{secrets}` takes what `{key}` signed: {status}");
        }
    }
}

fn configure(program: &Program, receiver: &Receiver, more: &str) {
    let (url, path) = (&receiver.url, receiver.path);
    program.write(
        "hearback.toml",
        &format!(
            "[sources.mailgun]\nprovider = \"mailgun\"\nkeys = [\"mg-signing-key-0123456789\"]\n\
             [destinations.app]\nkind = \"webhook\"\nurl = \"{url}{path}\"\nsecrets = [\"{SECRET}\"]\n\
             allow_networks = [\"127.0.0.1\"]\nstart = \"beginning\"\nretry_s = [0, 0]\n\
             events = [\"message.*\"]\n{more}\n"
        ),
    );
}

/// The real program pushes to it: each event is handled once. What came in, as the API gives it.
fn what_the_program_pushes_is_handled(receiver: &mut Receiver, more: &str) -> Vec<Value> {
    let program = Program::new();
    configure(&program, receiver, more);
    let serving = program.serve(&[]);
    let url = format!("http://{}", serving.address());
    let sent = program.run(&["simulate", "mailgun", "--count", "10", "--seed", "7", "--url", &url]);
    assert_eq!(sent.code, 0, "{}{}", sent.out, sent.err);
    // Of this source alone, as only its events are pushed: alerts are raised meanwhile.
    let listed = program.run(&["events", "--json", "-n", "1000", "--source", "mailgun"]);
    let events: Vec<Value> = listed.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut wanted: Vec<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert!(wanted.len() >= 20, "{}", listed.out);
    let mut handled = receiver.handled(wanted.len());
    for line in &mut handled {
        *line = line.split(' ').find(|word| word.starts_with("evt_")).unwrap().to_owned();
    }
    handled.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(handled, wanted);
    let tested = program.run(&["destinations", "test", "app"]);
    assert_eq!(tested.code, 0, "{}{}", tested.out, tested.err);
    assert!(receiver.handled(1)[0].contains("test@example.com"));
    assert_eq!(serving.stop(), 0);
    events
}

/// One that knows other secrets refuses what the program pushes, and says so with the right status.
fn a_stranger_takes_nothing_of_the_program(start: Start) {
    let stranger = start(OTHER).unwrap();
    let program = Program::new();
    configure(&program, &stranger, "");
    let serving = program.serve(&[]);
    let tested = program.run(&["destinations", "test", "app"]);
    assert_eq!(tested.code, 1, "{}", tested.out);
    assert!(tested.out.contains("401 Unauthorized"), "{}", tested.out);
    assert_eq!(serving.stop(), 0);
}

/// What all of them do.
fn try_plain(start: Start) {
    let mut receiver = start(&format!("{OTHER} {SECRET}")).unwrap();
    nothing_made_up_is_taken(&mut receiver);
    any_of_several_secrets_and_signatures_is_enough(&mut receiver);
    what_comes_again_is_answered_and_not_told_again(&mut receiver);
    what_the_program_pushes_is_handled(&mut receiver, "");
    a_stranger_takes_nothing_of_the_program(start);
    without_a_secret_nothing_is_taken(start);
}

/// What those for frameworks do as well.
fn try_framework(start: Start) {
    try_plain(start);
    let mut receiver = start(SECRET).unwrap();
    what_fails_is_refused_and_handled_when_it_comes_again(&mut receiver);
    what_the_program_pushes_is_handled(&mut receiver, "batch = 7");
}

fn what_fails_is_refused_and_handled_when_it_comes_again(receiver: &mut Receiver) {
    let mut event = bounced(7);
    event["recipient"] = FAILS_ONCE.into();
    let push = Push::of(&event);
    assert_eq!(push.send(receiver), 500);
    assert!(is_taken(push.send(receiver)));
    assert!(is_taken(push.send(receiver)));
    let last = Push::of(&bounced(8));
    assert!(is_taken(last.send(receiver)));
    assert_eq!(ids_until(receiver, &last.id), [push.id.as_str(), &last.id]);
}

#[test]
fn python() {
    if is_installed("python3") {
        try_plain(Receiver::python);
    }
}

#[test]
fn node() {
    if is_installed("node") {
        try_plain(Receiver::node);
    }
}

#[test]
fn php() {
    if is_installed("php") {
        try_plain(Receiver::php);
    }
}

#[test]
fn rust() {
    try_plain(Receiver::rust);
}

#[test]
#[ignore = "needs Express: ./test examples"]
fn express() {
    try_framework(Receiver::express);
}

#[test]
#[ignore = "needs Laravel: ./test examples"]
fn laravel() {
    try_framework(Receiver::laravel);
    // The event's text is as it was, though the application trims its input and makes null of what is empty.
    let mut receiver = Receiver::laravel(SECRET).unwrap();
    let push = Push::of(&bounced(9));
    assert!(is_taken(push.send(&receiver)));
    let said = receiver.lines_until(&push.id).pop().unwrap();
    let labels = r#"{"booking_id":"42","empty":"","note":"  as it was  "}"#;
    let expected = format!("handled message.bounced {} alice@example.com not-delivered {labels}", push.id);
    assert!(said.ends_with(&expected), "{said}");
}
