//! `check` and `config`.

use serde_json::Value;

use crate::program::Program;

const GOOD: &str = "[server]\npublic_url = \"https://hooks.example.com\"\n[sources.mg]\nprovider = \"mailgun\"\nkeys = [\"env:MG_KEY\", \"geheim-geheim-geheim-geheim\"]\n";

#[test]
fn a_right_configuration_is_shown_without_its_keys() {
    let program = Program::new().with("MG_KEY", "versteckt-versteckt-versteckt");
    program.write("hearback.toml", GOOD);
    for arguments in
        [&["check"][..], &["check", "--json"], &["config", "show"], &["config", "show", "--json"]]
    {
        let done = program.run(arguments);
        assert_eq!(done.code, 0, "{arguments:?}: {}{}", done.out, done.err);
        let all = format!("{}{}", done.out, done.err);
        assert!(all.contains("mailgun") && all.contains("https://hooks.example.com"), "{arguments:?}: {all}");
        assert!(!all.contains("geheim") && !all.contains("versteckt"), "{arguments:?}: {all}");
    }
    let json: Value = serde_json::from_str(&program.run(&["check", "--json"]).out).unwrap();
    assert_eq!(json["ok"], true);
    assert_eq!(json["sources"][0]["url"], "https://hooks.example.com/webhooks/mg");
    assert_eq!(json["sources"][0]["keys"], 2);
    assert!(!program.path("data").exists(), "looking makes nothing");
}

#[test]
fn every_problem_is_told_with_its_line() {
    let program = Program::new();
    program.write("hearback.toml", &format!("{GOOD}mdoe = \"enforce\"\nbody_max = \"many\"\n"));
    let done = program.run(&["check"]);
    assert_eq!(done.code, 1, "{}", done.err);
    for expected in [
        "problem: hearback.toml:5:9: the environment variable `MG_KEY` is not set",
        "problem: hearback.toml:6:1: unknown key `mdoe` in [sources.mg]; did you mean `mode`?",
        "problem: hearback.toml:7:12: `body_max`: expected a size",
        "3 problems, no warnings",
    ] {
        assert!(done.out.contains(expected), "{expected}\n{}", done.out);
    }
    let json: Value = serde_json::from_str(&program.run(&["check", "--json"]).out).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["problems"][1]["place"]["file"]["line"], 6);
    let serve = program.run(&["serve"]);
    assert_eq!(serve.code, 1, "{}", serve.out);
    assert!(serve.err.contains("error: the configuration has 3 problems"), "{}", serve.err);
}

#[test]
fn warnings_alone_are_no_problem_unless_strict() {
    let program = Program::new().with("TWILIO_AUTH_TOKEN", "0123456789abcdef0123456789abcdef");
    let done = program.run(&["check"]);
    assert_eq!(done.code, 0);
    assert!(done.out.contains("warning: $TWILIO_AUTH_TOKEN: Twilio signs the URL"), "{}", done.out);
    assert_eq!(program.run(&["check", "--strict"]).code, 1);
    let program = program.with("HEARBACK_PUBLIC_URL", "https://hooks.example.com");
    assert_eq!(program.run(&["check", "--strict"]).code, 0);
}

#[test]
fn the_default_configuration_can_be_written_and_used() {
    let program = Program::new();
    let done = program.run(&["config", "default"]);
    assert_eq!(done.code, 0);
    program.write("other.toml", &done.out);
    let checked = program.run(&["--config", "other.toml", "check"]);
    assert_eq!(checked.code, 0, "{}", checked.out);
}

#[test]
fn what_is_shown_can_be_read_again() {
    let program = Program::new().with("MG_KEY", "versteckt-versteckt-versteckt");
    program.write("hearback.toml", GOOD);
    let shown = program.run(&["config", "show"]).out;
    program.write("shown.toml", &shown.replace("(hidden)", "a-key-that-is-long-enough"));
    let again = program.run(&["--config", "shown.toml", "config", "show"]);
    assert_eq!(again.out, shown, "{}", again.err);
}
