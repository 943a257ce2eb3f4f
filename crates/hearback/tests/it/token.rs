//! `token`, with and without a server.

use serde_json::Value;

use crate::program::Program;

#[test]
fn tokens_are_made_listed_and_revoked_while_a_server_runs() {
    let program = Program::new();
    let serving = program.serve(&[]);
    let made = program.run(&["token", "create", "--name", "dashboard"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let token = made.out.trim();
    assert!(token.starts_with("hb_") && !token.contains(char::is_whitespace), "only the token is on stdout");
    assert_eq!(serving.get("/v1/events", Some(token)).status, 200);
    assert_eq!(serving.get("/v1/events", None).status, 401);
    assert_eq!(serving.get("/v1/events", Some(&format!("{token}x"))).status, 401);

    let list = program.run(&["token", "list", "--json"]).out;
    assert!(!list.contains(token), "never the token itself");
    let list: Value = serde_json::from_str(&list).unwrap();
    let of = |index: usize| (list[index]["name"].as_str().unwrap(), list[index]["scope"].as_str().unwrap());
    assert_eq!((of(0), of(1)), (("first start", "admin"), ("dashboard", "read")));

    assert_eq!(program.run(&["token", "create", "--name", "dashboard"]).code, 1, "names differ");
    assert_eq!(program.run(&["token", "revoke", "dashboard"]).code, 0);
    assert_eq!(program.run(&["token", "revoke", "dashboard"]).code, 1);
    // The server believes a list of tokens for two seconds.
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert_eq!(serving.get("/v1/events", Some(token)).status, 401);
}

#[test]
fn a_token_can_be_made_before_the_first_start() {
    let program = Program::new();
    let made = program.run(&["token", "create", "--name", "early", "--scope", "admin", "--json"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let made: Value = serde_json::from_str(&made.out).unwrap();
    let serving = program.serve(&[]);
    assert_eq!(serving.token(), None, "there is a token already");
    assert_eq!(serving.get("/v1/events", made["token"].as_str()).status, 200);
}

#[test]
fn names_that_would_confuse_are_refused() {
    let program = Program::new();
    for name in ["", "7", "a\nb"] {
        assert_eq!(program.run(&["token", "create", "--name", name]).code, 2, "{name:?}");
    }
}
