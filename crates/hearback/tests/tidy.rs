//! The house rules that no compiler checks: sizes, words that must not be left behind, and documents that say what is.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hearback_providers::PROVIDERS;

/// Most lines of a source file. Functions are held to 80 lines by clippy.
const LINES_MAX: usize = 800;
/// Most lines of ARCHITECTURE.md: whoever is new here reads it whole.
const MAP_LINES_MAX: usize = 360;

/// Folders that are made and not written.
const MADE: &[&str] = &["target", ".git", "data", "corpus", "artifacts", "node_modules"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Every file that somebody wrote.
fn files() -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                let name = entry.file_name();
                if !MADE.iter().any(|made| name == *made) {
                    folders.push(path);
                }
            } else {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 500, "the whole tree is looked at");
    found
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// Fails with all of what is wrong.
fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn sources_are_short_and_finished() {
    // Written in two parts, so that this file does not find itself.
    let unwanted = [
        (concat!("to", "do!("), "finish it"),
        (concat!("unimple", "mented!("), "finish it"),
        (
            concat!("#[al", "low("),
            "use #[expect(..., reason = \"...\")], which is noticed when it is no longer needed",
        ),
        (concat!("#![al", "low("), "as #[allow]"),
        (concat!("FIX", "ME"), "mend it"),
    ];
    let mut wrong = Vec::new();
    for path in files().iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().count();
        if lines > LINES_MAX {
            wrong.push(format!("{} has {lines} lines; {LINES_MAX} is the most", shown(path)));
        }
        for (word, instead) in unwanted {
            for (number, _) in text.lines().enumerate().filter(|(_, line)| line.contains(word)) {
                wrong.push(format!("{}:{}: `{word}`: {instead}", shown(path), number + 1));
            }
        }
    }
    none(&wrong);
}

#[test]
fn nothing_tells_where_it_was_written() {
    let homes =
        [concat!("/ho", "me/"), concat!("/Use", "rs/"), concat!("/ro", "ot/"), concat!("/tm", "p/hb")];
    let mut wrong = Vec::new();
    for path in files() {
        let bytes = fs::read(&path).unwrap();
        for (number, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            if let Some(home) = homes.iter().find(|home| line.contains(**home)) {
                wrong.push(format!("{}:{}: `{home}`", shown(&path), number + 1));
            }
        }
    }
    none(&wrong);
}

#[test]
fn every_crate_is_held_to_the_lints_of_the_workspace_and_is_on_the_map() {
    let map = read("ARCHITECTURE.md");
    let mut wrong = Vec::new();
    for entry in fs::read_dir(root().join("crates")).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let manifest = fs::read_to_string(entry.path().join("Cargo.toml")).unwrap();
        if !manifest.contains("[lints]\nworkspace = true") {
            wrong.push(format!("crates/{name}/Cargo.toml: add `[lints]` with `workspace = true`"));
        }
        if !map.contains(&format!("`{name}`")) {
            wrong.push(format!("ARCHITECTURE.md does not name `{name}`"));
        }
    }
    let lines = map.lines().count();
    if lines > MAP_LINES_MAX {
        wrong.push(format!("ARCHITECTURE.md has {lines} lines; {MAP_LINES_MAX} is the most"));
    }
    none(&wrong);
}

#[test]
fn the_readme_knows_every_provider_with_its_variables() {
    let readme = read("README.md");
    let mut wrong = Vec::new();
    for provider in PROVIDERS {
        let mut words = vec![format!("`{}`", provider.name())];
        words.extend(provider.environment().iter().map(|(variable, _)| format!("`{variable}`")));
        let missing = words.into_iter().filter(|word| !readme.contains(word.as_str()));
        wrong.extend(missing.map(|word| format!("README.md does not name {word}")));
    }
    none(&wrong);
}

/// Lines of the README's blocks of shell commands that call `hearback`, as lists of words.
fn commands(readme: &str) -> Vec<Vec<String>> {
    let (mut found, mut inside) = (Vec::new(), false);
    for line in readme.lines() {
        if let Some(kind) = line.trim_start().strip_prefix("```") {
            inside = !inside && matches!(kind, "sh" | "console");
        } else if inside {
            let line = line.trim_start().trim_start_matches("$ ");
            let line = line.split(" #").next().unwrap_or(line);
            let mut words = line.split_whitespace().map(str::to_owned);
            if words.next().as_deref() == Some("hearback") {
                found.push(words.collect());
            }
        }
    }
    found
}

#[test]
fn the_readmes_commands_exist() {
    let mut wrong = Vec::new();
    let commands = commands(&read("README.md"));
    assert!(commands.len() > 5, "the README shows how it is used");
    for words in commands {
        let is_name = |word: &&String| word.bytes().all(|byte| byte.is_ascii_lowercase());
        let mut help = String::new();
        // `quarantine retry` has help of its own, `simulate mailgun` has not.
        for depth in [2, 1] {
            let names: Vec<_> = words.iter().take(depth).take_while(is_name).collect();
            let output =
                Command::new(env!("CARGO_BIN_EXE_hearback")).args(&names).arg("--help").output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            if output.status.success() && names.first().is_none_or(|name| text.contains(&format!(" {name}")))
            {
                help = text;
                break;
            }
        }
        let line = words.join(" ");
        if help.is_empty() {
            wrong.push(format!("README.md: there is no `hearback {line}`"));
        }
        for option in
            words.iter().filter_map(|word| word.split('=').next()).filter(|word| word.starts_with("--"))
        {
            if !help.contains(option) {
                wrong.push(format!("README.md: `hearback {line}`: there is no `{option}`"));
            }
        }
    }
    none(&wrong);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut wrong = Vec::new();
    for path in files().iter().filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        let text = fs::read_to_string(path).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap_or_default();
            let elsewhere = target.is_empty() || target.contains(':') || target.contains(char::is_whitespace);
            if !elsewhere && !path.parent().unwrap().join(target).exists() {
                wrong.push(format!("{}: there is no `{target}`", shown(path)));
            }
        }
    }
    none(&wrong);
}

#[test]
fn the_change_log_knows_this_version() {
    let log = read("CHANGELOG.md");
    let version = format!("## [{}]", env!("CARGO_PKG_VERSION"));
    assert!(log.contains("## [Unreleased]") || log.contains(&version), "CHANGELOG.md: add `{version}`");
}
