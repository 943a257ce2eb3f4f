//! `events` against a running server.

use serde_json::Value;

use crate::program::Program;

#[test]
fn failures_by_their_reason() {
    let program = Program::new();
    let serving = program.serve(&[]);
    let (url, token) = (format!("http://{}", serving.address()), serving.token().unwrap());
    let simulated = program.run(&["simulate", "mailgun", "--count", "40", "--seed", "7", "--url", &url]);
    assert_eq!(simulated.code, 0, "{}", simulated.err);
    let events = |more: &[&str]| -> Vec<Value> {
        let asked = ["events", "--json", "--limit", "1000", "--url", &url, "--token", &token];
        let done = program.run(&[&asked[..], more].concat());
        assert_eq!(done.code, 0, "{}", done.err);
        done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let reason = |event: &Value| event["failure"]["reason"].as_str().unwrap_or_default().to_owned();
    let all = events(&[]);
    for wanted in
        [&["mailbox_full"][..], &["invalid_recipient"], &["mailbox_full", "invalid_recipient"], &["dns"]]
    {
        let expected: Vec<_> = all.iter().filter(|event| wanted.contains(&&*reason(event))).collect();
        let found = events(&["--reason", &wanted.join(",")]);
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{wanted:?}");
        assert_eq!(found.is_empty(), wanted == ["dns"], "{wanted:?} tells something");
    }
    let wrong = program.run(&["events", "--reason", "full"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("mailbox_full"), "{}", wrong.err);
}
