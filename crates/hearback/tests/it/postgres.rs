//! The same program on PostgreSQL: a person who changes `[storage] url` notices nothing but the name.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::program::Program;

/// A server of this test's own: nothing else is in its database.
pub(crate) struct Database {
    folder: tempfile::TempDir,
    pub(crate) url: String,
}

impl Database {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("hearback-pg").tempdir_in("/tmp").unwrap();
        let url = script("start", folder.path());
        Self { folder, url }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        script("stop", self.folder.path());
    }
}

fn script(action: &str, folder: &Path) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/postgres");
    let output = Command::new(script).arg(action).arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn everything_works_as_it_does_on_a_file() {
    let database = Database::new();
    let program = Program::new().with("DATABASE_URL", &database.url);
    program.write("hearback.toml", "[storage]\nurl = \"env:DATABASE_URL\"\n[sources.mg]\nprovider = \"mailgun\"\nkeys = \"0123456789abcdef0123456789abcdef\"\n");
    let before = program.run(&["check"]);
    assert_eq!(before.code, 0, "{}{}", before.out, before.err);
    assert!(before.out.contains("no tables yet; the first start makes them"), "{}", before.out);

    let first = program.serve(&[]);
    let token = first.token().expect("a token on the first start");
    assert!(first.welcome.contains(&database.url), "{}", first.welcome);
    assert!(
        first.log().contains("fsync = off"),
        "the test's server does not wait for its disk: {}",
        first.log()
    );
    assert_eq!(first.get("/readyz", None).status, 200);
    // A second one beside it, with the same configuration: nothing is locked away.
    let second_log = Program::new().with("DATABASE_URL", &database.url);
    second_log.write("hearback.toml", &std::fs::read_to_string(program.path("hearback.toml")).unwrap());
    let second = second_log.serve(&[]);
    assert_eq!(second.token(), None, "the token of the first start is everybody's");

    let url = format!("http://{}", first.address());
    let send = [
        "simulate",
        "mg",
        "--count",
        "60",
        "--seed",
        "7",
        "--scenario",
        "duplicates,reorder,broken",
        "--verify",
    ];
    let sent = program.run(&[&send[..], &["--url", &url, "--token", &token]].concat());
    assert_eq!(sent.code, 0, "{}{}", sent.out, sent.err);

    // What came in at the first is answered by the second, and on the command line.
    assert_eq!(second.get("/v1/events?limit=1", Some(&token)).status, 200);
    let other = format!("http://{}", second.address());
    let list = |arguments: &[&str]| -> Vec<Value> {
        // Of this source alone: alerts are raised meanwhile.
        let told = ["events", "--json", "--limit", "1000", "--source", "mg"];
        let done = program.run(&[&told[..], arguments].concat());
        assert_eq!(done.code, 0, "{}", done.err);
        done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (here, there) = (list(&[]), list(&["--url", &other, "--token", &token]));
    assert!(here.len() > 100, "{}", here.len());
    assert_eq!(here, there);

    assert_eq!(program.run(&["rebuild", "--check"]).code, 0, "beside running servers");
    let refused = program.run(&["rebuild"]);
    assert!(refused.code != 0 && refused.err.contains("or stop it"), "{}{}", refused.out, refused.err);
    assert_eq!((first.stop(), second.stop()), (0, 0));
    let rebuilt = program.run(&["rebuild"]);
    assert_eq!(rebuilt.code, 0, "{}{}", rebuilt.out, rebuilt.err);
    let after = program.run(&["check"]);
    assert!(after.out.contains("PostgreSQL ") && after.out.contains("schema 2"), "{}", after.out);

    // The server is gone: said in a way that helps, and without a word of the password.
    script("stop", database.folder.path());
    let program = program.with("DATABASE_URL", &database.url.replace("hearback@", "hearback:geheim@"));
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["events"], &["token", "list"]] {
        let done = program.run(arguments);
        assert_eq!(done.code, 3, "{arguments:?}: {}", done.err);
        assert!(
            done.err.contains("is PostgreSQL running there") && !done.err.contains("geheim"),
            "{}",
            done.err
        );
    }
    let checked = program.run(&["check"]);
    assert!(
        checked.code == 0 && checked.out.contains("warning: ") && !checked.out.contains("geheim"),
        "{}",
        checked.out
    );
}
