//! `serve`: the first start, the second, what it says when it cannot, and how it ends.

use std::fs;

use hearback_providers::PROVIDERS;

use crate::program::{Program, mode};

#[test]
fn the_first_start_needs_nothing_and_says_what_to_try() {
    let program = Program::new();
    let serving = program.serve(&[]);
    let token = serving.token().expect("a token on the first start");
    for provider in PROVIDERS {
        let url = format!("http://{}/webhooks/{}", serving.address(), provider.name());
        assert!(serving.welcome.contains(&url), "{url}\n{}", serving.welcome);
    }
    let simulate = format!("simulate mailgun --count 20 --verify --url http://{}", serving.address());
    assert!(serving.welcome.contains(&simulate), "{}", serving.welcome);
    assert!(serving.welcome.contains("TRIAL SOURCES"), "{}", serving.welcome);

    assert_eq!(serving.get("/readyz", None).status, 200);
    assert_eq!(serving.get("/v1/events", Some(&token)).status, 200);
    assert_eq!(serving.post("/webhooks/mailgun", "{}").status, 403, "nothing unsigned is believed");
    assert_eq!(mode(&program.path("data/trial.json")), 0o600);
    let log = serving.log();
    assert!(!log.contains(&token), "{log}");
    assert_eq!(serving.stop(), 0);
}

#[test]
fn a_token_is_printed_once_and_trial_keys_stay() {
    let program = Program::new();
    let first = program.serve(&[]);
    let token = first.token().unwrap();
    let keys = fs::read(program.path("data/trial.json")).unwrap();
    assert_eq!(first.stop(), 0);
    let second = program.serve(&[]);
    assert_eq!(second.token(), None);
    assert_eq!(second.get("/v1/events", Some(&token)).status, 200);
    assert_eq!(fs::read(program.path("data/trial.json")).unwrap(), keys);
}

#[test]
fn the_line_to_try_works_as_it_is_printed() {
    let program = Program::new();
    let serving = program.serve(&[]);
    let token = serving.token().unwrap();
    let line = serving.welcome.lines().find(|line| line.contains(" simulate ")).unwrap();
    for provider in PROVIDERS {
        let line = line.replace("mailgun", provider.name());
        let arguments: Vec<&str> = line.split_whitespace().skip(1).collect();
        let all: Vec<&str> = arguments.iter().copied().chain(["--token", &token]).collect();
        let done = program.run(&all);
        assert_eq!(done.code, 0, "{line}\n{}{}", done.out, done.err);
    }
    assert!(!serving.log().contains(&token));
}

#[test]
fn what_keeps_it_from_starting_is_said_with_what_to_do() {
    let program = Program::new();
    let serving = program.serve(&[]);
    let address = serving.address().to_owned();

    let same_port = program.run(&["serve", "--listen", &address, "--data", "other"]);
    assert_eq!(same_port.code, 3, "{}", same_port.err);
    assert!(same_port.err.contains(&format!("error: cannot listen on {address}")), "{}", same_port.err);
    assert!(same_port.err.contains("hint: another program"), "{}", same_port.err);
    assert!(!program.path("other/hearback.db").exists(), "nothing is written before");

    let same_data = program.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(same_data.code, 3, "{}", same_data.err);
    assert!(same_data.err.contains("hint: "), "{}", same_data.err);

    program.write("a-file", "");
    let no_folder = program.run(&["serve", "--listen", "127.0.0.1:0", "--data", "a-file/data"]);
    assert_eq!(no_folder.code, 3, "{}", no_folder.err);
    assert!(no_folder.err.contains("error: cannot make the folder") && no_folder.err.contains("--data"));
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let program = Program::new();
    assert_eq!(program.run(&["token", "create", "--name", "x"]).code, 0);
    let database = rusqlite::Connection::open(program.path("data/hearback.db")).unwrap();
    database.pragma_update(None, "user_version", 999).unwrap();
    drop(database);
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["token", "list"]] {
        let done = program.run(arguments);
        assert_eq!(done.code, 3, "{arguments:?}: {}", done.err);
        assert!(done.err.contains("schema 999"), "{arguments:?}: {}", done.err);
    }
}

#[test]
fn sources_that_check_nothing_are_refused_or_shouted_about() {
    let program = Program::new();
    program.write(
        "hearback.toml",
        "[sources.open]\nprovider = \"mailgun\"\nkeys = \"0123456789abcdef\"\nmode = \"off\"\n",
    );
    assert_eq!(program.run(&["serve"]).code, 1);
    let serving = program.serve(&["--insecure-no-verify"]);
    assert!(serving.log().contains("CHECKS NO SIGNATURES"), "{}", serving.log());
    assert_eq!(serving.post("/webhooks/open", "{}").status, 200);
}
