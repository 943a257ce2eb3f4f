//! What was sent is registered, listed and exported, over a server and beside a file.

use std::fs;

use serde_json::Value;

use crate::program::Program;

#[test]
fn what_is_registered_is_joined_listed_and_exported() {
    let program = Program::new();
    let serving = program.serve(&[]);
    let (url, token) = (format!("http://{}", serving.address()), serving.token().unwrap());
    let ask = |arguments: &[&str]| {
        let all: Vec<&str> = arguments.iter().copied().chain(["--url", &url, "--token", &token]).collect();
        let done = program.run(&all);
        assert_eq!(done.code, 0, "{arguments:?}: {}", done.err);
        done.out
    };
    let sent = program.run(&["simulate", "mailgun", "--count", "12", "--seed", "7", "--url", &url]);
    assert_eq!(sent.code, 0, "{}", sent.err);
    let list = |arguments: &[&str]| -> Vec<Value> {
        let all: Vec<&str> = ["messages", "--json", "-n", "500"].iter().chain(arguments).copied().collect();
        ask(&all).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let told = list(&[]);
    assert!(told.len() >= 12, "{}", told.len());
    let one = &told[0];
    let (recipient, provider_id) = (one["recipient"].as_str().unwrap(), one["provider_id"].as_str().unwrap());

    let stats = ask(&["stats", "--by", "source"]);
    assert!(stats.contains("mailgun") && stats.contains("DELIVERED"), "{stats}");
    let stats: Value = serde_json::from_str(&ask(&["stats", "--json"])).unwrap();
    let delivered = &stats["series"][0]["total"]["counts"]["delivered"];
    let times = &stats["series"][0]["total"]["delivery_time"];
    assert_eq!(
        times["measured"].as_u64().unwrap() + times["unmeasured"].as_u64().unwrap(),
        delivered.as_u64().unwrap()
    );
    assert!(times["p50"].as_f64().unwrap() > 0.0, "{times}");

    // One that has been told of, by the provider's id; and one of which nothing is told, long overdue.
    let registered = [
        "register",
        recipient,
        "--source",
        "mailgun",
        "--provider-message-id",
        provider_id,
        "--user-id",
        "u7",
    ];
    assert_eq!(ask(&registered).trim(), one["id"].as_str().unwrap());
    assert_eq!(ask(&registered).trim(), one["id"].as_str().unwrap());
    let late = [
        "register",
        "late@example.com",
        "--source",
        "mailgun",
        "--key",
        "k1",
        "--sent-at",
        "2h",
        "--expect-delivered-within",
        "60",
        "--label",
        "booking_id=77",
        "--subject",
        "=2+2",
    ];
    let late = ask(&late).trim().to_owned();
    assert_eq!(list(&[]).len(), told.len() + 1);
    let again = list(&["--recipient", recipient]);
    assert_eq!((&again[0]["status"], &again[0]["user_id"]), (&one["status"], &"u7".into()));
    let overdue = list(&["--overdue"]);
    assert_eq!((overdue.len(), overdue[0]["id"].as_str().unwrap()), (1, &*late));
    assert_eq!(list(&["--status", "registered", "--label", "booking_id=77"]).len(), 1);
    let page = ask(&["message", &late]);
    assert!(page.contains("REGISTERED") && page.contains("overdue since"), "{page}");
    assert!(ask(&["messages", "--overdue"]).contains("registered overdue"));

    // Beside the server, on the file itself.
    let done = program.run(&["export", "messages", "--format", "csv", "-o", "all.csv"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let csv = fs::read_to_string(program.path("all.csv")).unwrap();
    assert_eq!(csv.matches("\r\n").count(), told.len() + 2);
    assert!(csv.contains(",'=2+2,"), "{csv}");
    let ndjson = program.run(&["export", "messages", "--status", "registered"]).out;
    assert_eq!(ndjson.lines().count(), 1);
    assert_eq!(program.run(&["register", "x@example.com", "--key", "k"]).code, 3, "the server has the file");
    assert_eq!(serving.stop(), 0);
    let alone = program.run(&["register", "x@example.com", "--source", "mailgun", "--key", "k"]);
    assert_eq!(alone.code, 0, "{}", alone.err);
    let refused = program.run(&["register", "x@example.com", "--key", "k"]);
    assert!(refused.err.contains("source"), "{}", refused.err);
}

#[test]
fn many_are_registered_line_by_line() {
    let program = Program::new();
    let serving = program.serve(&[]);
    let (url, token) = (format!("http://{}", serving.address()), serving.token().unwrap());
    let lines = "{\"recipient\":\"+15551234567\",\"source\":\"twilio\",\"key\":\"s1\"}\n\nno\n";
    program.write("batch.ndjson", lines);
    let all = ["register", "--file", "batch.ndjson", "--url", &url, "--token", &token];
    let batch = program.run(&all);
    assert_eq!(batch.code, 1);
    assert!(
        batch.out.contains("1 registered, 0 known already") && batch.out.contains("line 3:"),
        "{}",
        batch.out
    );
    assert!(program.run(&all).out.contains("0 registered, 1 known already"));
    let csv = program.run(&["export", "messages", "--format", "csv"]).out;
    assert!(csv.contains(",'+15551234567,"), "{csv}");
}

#[test]
fn a_message_that_is_late_is_told_by_itself() {
    let program = Program::new();
    let serving = program.serve(&[]);
    let token = serving.token().unwrap();
    let url = format!("http://{}", serving.address());
    let register = [
        "register",
        "late@example.com",
        "--source",
        "mailgun",
        "--key",
        "k",
        "--sent-at",
        "1h",
        "--expect-delivered-within",
        "60",
        "--label",
        "booking_id=9",
        "--url",
        &url,
        "--token",
        &token,
    ];
    let registered = program.run(&register);
    assert_eq!(registered.code, 0, "{}", registered.err);
    // Asked for before it is there: the answer comes with it.
    let answer = serving.get("/v1/events?type=overdue&wait=60", Some(&token));
    assert!(answer.body.contains("not delivered within 60 s; its status is registered"), "{}", answer.body);
    let timeline = program.run(&["timeline", "booking_id=9"]);
    assert!(timeline.out.contains("overdue"), "{}", timeline.out);
}
