//! The real executable, as a person or a script meets it.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod alerts;
mod check;
mod destinations;
mod events;
mod life;
mod messages;
#[cfg(feature = "oidc")]
mod oidc;
mod people;
mod postgres;
mod program;
mod receiver;
mod receivers;
mod sending;
mod serve;
mod token;

use program::Program;

#[test]
fn completions_for_every_shell() {
    let program = Program::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let done = program.run(&["completions", shell]);
        assert_eq!(done.code, 0, "{shell}");
        assert!(done.out.contains("simulate") && done.out.contains("quarantine"), "{shell}");
    }
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    let program = Program::new();
    for arguments in [&["serv"][..], &["check", "--jsn"], &["token", "create"], &["completions", "cmd"]] {
        let done = program.run(arguments);
        assert_eq!(done.code, 2, "{arguments:?}: {}", done.err);
    }
}
