//! The life of data: out of the program and in again, dropped by age, erased.

use std::fs;

use serde_json::{Value, json};

use crate::program::{Done, Program, Serving};

/// What providers told. Alerts come when they come.
fn events(done: &Done) -> Vec<Value> {
    assert_eq!(done.code, 0, "{}", done.err);
    let events = done.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["origin"] != "hearback").collect()
}

/// One line of an export.
fn line(serial: u32, to: &str, received_at: &str) -> String {
    json!({
        "type": "message.delivered", "source": "mg", "provider": "mailgun", "account": "mg", "channel": "email",
        "occurred_at": received_at, "received_at": received_at, "verified": true, "recipient": to,
        "message": {"id": "msg_0000000000000000000000000A", "provider_id": format!("m{serial}"), "subject": "=1+1"},
        "tags": ["t"], "labels": {"booking_id": serial.to_string()}, "keys": [format!("{serial:032x}")],
    })
    .to_string()
}

fn asking<'a>(serving: &Serving, token: &'a str) -> (String, [&'a str; 2]) {
    (format!("http://{}", serving.address()), ["--token", token])
}

/// Files of the data folder in which a text stands.
fn stands_in(program: &Program, folder: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(program.path(folder)).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap().to_ascii_lowercase();
        if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn who_is_forgotten_is_nowhere_in_the_files_while_the_server_runs() {
    let program = Program::new();
    let serving = program.serve(&[]);
    let token = serving.token().unwrap();
    let (url, [flag, token]) = asking(&serving, &token);
    let ask = |arguments: &[&str]| {
        let all: Vec<&str> = arguments.iter().copied().chain(["--url", &url, flag, token]).collect();
        program.run(&all)
    };
    for provider in ["mailgun", "sendgrid", "twilio"] {
        let sent = program.run(&["simulate", provider, "--count", "30", "--seed", "7", "--url", &url]);
        assert_eq!(sent.code, 0, "{}", sent.err);
    }
    let before = events(&ask(&["events", "--json", "--limit", "1000"]));
    let recipients: Vec<&str> = before.iter().filter_map(|event| event["recipient"].as_str()).collect();
    let mail = *recipients.iter().find(|recipient| recipient.contains('@')).unwrap();
    let number = *recipients.iter().find(|recipient| recipient.starts_with('+')).unwrap();
    assert!(!stands_in(&program, "data", mail).is_empty(), "the test looks in the right place");

    let refused = ask(&["forget", "not-an-address\u{1}"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert_eq!(program.run(&["forget", mail]).code, 3, "only the server can, while it runs");
    for person in [mail, number] {
        let done = ask(&["forget", person]);
        assert_eq!(done.code, 0, "{}", done.err);
        assert!(done.out.contains(&format!("{person} is forgotten")), "{}", done.out);
        assert!(done.out.contains("raw requests"), "{}", done.out);
        assert_eq!(stands_in(&program, "data", person), Vec::<String>::new());
        assert_eq!(ask(&["recipient", person]).code, 1);
        let again = ask(&["forget", person]);
        assert!(again.out.contains("Nothing was kept"), "{}", again.out);
    }
    let after = events(&ask(&["events", "--json", "--limit", "1000"]));
    assert_eq!(after.len(), before.len(), "what happened has happened");
    assert!(!serving.log().contains(mail) && !serving.log().contains(number), "{}", serving.log());
    let read_only = program.run(&["token", "create", "--name", "r", "--scope", "read"]).out;
    let denied = program.run(&["forget", "x@y.example", "--url", &url, flag, read_only.trim()]);
    assert_eq!(denied.code, 3, "{}", denied.err);
    assert_eq!(serving.stop(), 0);
    let check = program.run(&["rebuild", "--check"]);
    assert_eq!(check.code, 0, "{}", check.out);
}

#[test]
fn a_backup_is_taken_while_the_server_runs_and_restored_elsewhere() {
    let program = Program::new();
    let serving = program.serve(&[]);
    let token = serving.token().unwrap();
    let url = format!("http://{}", serving.address());
    assert_eq!(program.run(&["simulate", "mailgun", "--count", "20", "--seed", "7", "--url", &url]).code, 0);
    let kept = events(&program.run(&["events", "--json", "--limit", "1000"])).len();
    let done = program.run(&["backup", "copy.db"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(crate::program::mode(&program.path("copy.db")), 0o600);
    let first = fs::read(program.path("copy.db")).unwrap();
    let again = program.run(&["backup", "copy.db"]);
    assert_eq!(again.code, 3, "{}", again.err);
    assert!(again.err.contains("--force"), "{}", again.err);
    assert_eq!(fs::read(program.path("copy.db")).unwrap(), first);
    assert_eq!(program.run(&["backup", "copy.db", "--force"]).code, 0);
    assert_eq!(program.run(&["backup", "no/such/folder/copy.db"]).code, 3);
    let under_a_server = program.run(&["restore", "copy.db", "--force"]);
    assert_eq!(under_a_server.code, 3);
    assert!(under_a_server.err.contains("stop the server"), "{}", under_a_server.err);

    let done = program.run(&["--data", "other", "restore", "copy.db"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let restored = events(&program.run(&["--data", "other", "events", "--json", "--limit", "1000"]));
    assert_eq!(restored.len(), kept);
    let check = program.run(&["--data", "other", "rebuild", "--check"]);
    assert_eq!(check.code, 0, "{}", check.out);
    // What came after the backup is gone with a restore over it, and only with --force.
    assert_eq!(program.run(&["simulate", "mailgun", "--count", "20", "--seed", "9", "--url", &url]).code, 0);
    assert_eq!(serving.stop(), 0);
    let refused = program.run(&["restore", "copy.db"]);
    assert_eq!(refused.code, 3, "{}", refused.err);
    assert!(refused.err.contains("--force"), "{}", refused.err);
    assert_eq!(program.run(&["restore", "copy.db", "--force"]).code, 0);
    assert_eq!(events(&program.run(&["events", "--json", "--limit", "1000"])).len(), kept);
    let serving = program.serve(&[]);
    assert_eq!(serving.get("/v1/events", Some(&token)).status, 200, "tokens come back as well");
}

#[test]
fn what_is_no_backup_is_refused_and_nothing_is_changed() {
    let program = Program::new();
    program.write("text.db", "this is no database, only a text of some length that is no header");
    rusqlite::Connection::open(program.path("theirs.db"))
        .unwrap()
        .execute_batch("CREATE TABLE t (a)")
        .unwrap();
    assert_eq!(program.run(&["--data", "newer", "token", "create", "--name", "x"]).code, 0);
    let newer = rusqlite::Connection::open(program.path("newer/hearback.db")).unwrap();
    newer.pragma_update(None, "user_version", 999).unwrap();
    drop(newer);
    assert_eq!(program.run(&["token", "create", "--name", "x"]).code, 0);
    let before = fs::read(program.path("data/hearback.db")).unwrap();
    for (file, expected) in [
        ("missing.db", "there is no such file"),
        ("text.db", "no backup of Hearback"),
        ("theirs.db", "another program"),
        ("newer/hearback.db", "schema 999"),
        ("data/hearback.db", "the database itself"),
    ] {
        let done = program.run(&["restore", file, "--force"]);
        assert_eq!(done.code, 3, "{file}: {}", done.err);
        assert!(done.err.contains(expected), "{file}: {}", done.err);
        assert_eq!(fs::read(program.path("data/hearback.db")).unwrap(), before, "{file}");
    }
}

#[test]
fn what_is_exported_is_imported_once() {
    let program = Program::new();
    let serving = program.serve(&[]);
    let token = serving.token().unwrap();
    let url = format!("http://{}", serving.address());
    assert_eq!(program.run(&["simulate", "mailgun", "--count", "40", "--seed", "7", "--url", &url]).code, 0);
    // What the provider told: alerts about it are raised meanwhile, and are not of this source.
    let told = ["export", "events", "--source", "mailgun"];
    let local = program.run(&told);
    let remote = program.run(&[&told[..], &["--url", &url, "--token", &token]].concat());
    assert_eq!((local.code, &local.out), (0, &remote.out), "{}{}", local.err, remote.err);
    let exported = events(&local);
    assert!(exported.len() > 40, "{}", exported.len());
    let done = program.run(&[&told[..], &["--output", "events.ndjson"]].concat());
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(fs::read_to_string(program.path("events.ndjson")).unwrap(), local.out);
    let again = program.run(&[&told[..], &["--output", "events.ndjson"]].concat());
    assert!(again.code == 3 && again.err.contains("--force"), "{}", again.err);
    let delivered = events(&program.run(&["export", "events", "--type", "delivered"]));
    assert!(!delivered.is_empty() && delivered.iter().all(|event| event["type"] == "message.delivered"));

    // Into the log that they are from: nothing new. While a server runs, only by way of it.
    assert_eq!(program.run(&["import", "events.ndjson"]).code, 3);
    let known = program.run(&["import", "events.ndjson", "--url", &url, "--token", &token]);
    assert_eq!(known.code, 0, "{}", known.err);
    assert_eq!(known.out.trim(), format!("0 new, {} known already", exported.len()));
    // Into another: all of them, once.
    for expected in [
        format!("{} new, 0 known already", exported.len()),
        format!("0 new, {} known already", exported.len()),
    ] {
        let done = program.run(&["--data", "other", "import", "events.ndjson"]);
        assert_eq!((done.code, done.out.trim()), (0, expected.as_str()), "{}", done.err);
    }
    let there = events(&program.run(&["--data", "other", "export", "events"]));
    let same = |event: &Value| {
        let mut event = event.clone();
        let fields = event.as_object_mut().unwrap();
        for name in ["id", "origin"] {
            fields.remove(name);
        }
        event
    };
    assert_eq!(there.iter().map(same).collect::<Vec<_>>(), exported.iter().map(same).collect::<Vec<_>>());
    assert!(there.iter().all(|event| event["origin"] == "import"));
    assert_eq!(program.run(&["--data", "other", "rebuild", "--check"]).code, 0);
}

#[test]
fn bad_lines_are_told_and_do_not_stop_the_rest() {
    let program = Program::new();
    let good = |serial| line(serial, "a@b.example", "2026-01-01T00:00:00Z");
    let mut lines = vec![
        good(1),
        "{".to_owned(),
        String::new(),
        good(2),
        good(1),
        line(3, "x@y.example", "2200-01-01T00:00:00Z"),
    ];
    lines.extend((10..2010).map(good));
    lines.push("null".to_owned());
    program.write("lines.ndjson", &lines.join("\n"));
    let done = program.run(&["import", "lines.ndjson"]);
    assert_eq!(done.code, 1, "{}", done.err);
    for expected in [
        "2002 new, 1 known already",
        "3 bad lines",
        "line 2: EOF",
        "line 6: `received_at` is in the future",
        "line 2007: ",
    ] {
        assert!(done.out.contains(expected), "{expected}\n{}", done.out);
    }
    let json: Value = serde_json::from_str(&program.run(&["import", "lines.ndjson", "--json"]).out).unwrap();
    assert_eq!((&json["new"], &json["known"], &json["bad"]), (&json!(0), &json!(2003), &json!(3)));

    let csv = program.run(&["export", "events", "--format", "csv", "--label", "booking_id=2"]);
    let rows: Vec<&str> = csv.out.split("\r\n").collect();
    assert_eq!(rows.len(), 3, "a head, a row, and its end: {}", csv.out);
    assert!(rows[0].starts_with("id,type,source,"), "{}", rows[0]);
    assert!(rows[1].contains(",'=1+1,"), "no formulas: {}", rows[1]);
}

#[test]
fn what_is_too_old_is_dropped_while_the_server_runs() {
    let program = Program::new();
    let lines: Vec<String> = (0..600)
        .map(|n| line(n, "old@b.example", "2020-01-01T00:00:00Z"))
        .chain((600..605).map(|n| line(n, "young@b.example", "2026-11-01T00:00:00Z")))
        .collect();
    program.write("lines.ndjson", &lines.join("\n"));
    assert_eq!(program.run(&["import", "lines.ndjson"]).code, 0);
    program.write("hearback.toml", "[retention]\nevents_days = 1000\n");
    let serving = program.serve(&[]);
    while !serving.log().contains("dropped what was too old") {
        std::thread::yield_now();
    }
    let left = events(&program.run(&["events", "--json", "--limit", "1000"]));
    assert_eq!(left.len(), 5);
    let recipient = program.run(&["recipient", "old@b.example", "--json"]);
    let recipient: Value = serde_json::from_str(&recipient.out).unwrap();
    assert_eq!(recipient["recipient"]["counts"]["delivered"], 600, "what was counted stays counted");
    let check = program.run(&["rebuild", "--check"]);
    assert_eq!(check.code, 0, "beside the server: {}", check.out);
    assert_eq!(serving.stop(), 0);
    assert_eq!(program.run(&["rebuild"]).code, 0);
    assert_eq!(program.run(&["rebuild", "--check"]).code, 0);
    program.write("hearback.toml", "[retention]\nevents_days = 10\n");
    let wrong = program.run(&["check"]);
    assert!(wrong.code == 1 && wrong.out.contains("write at least 36"), "{}", wrong.out);
}
