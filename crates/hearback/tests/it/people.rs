//! Recipients and suppressions from the command line, at a server and at the database file.

use serde_json::Value;

use crate::program::{Done, Program};

fn ok(done: &Done) -> &str {
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    &done.out
}

fn lines(done: &Done) -> Vec<Value> {
    ok(done).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn json(done: &Done) -> Value {
    serde_json::from_str(ok(done)).unwrap()
}

#[test]
fn somebody_is_suppressed_by_hand_and_lifted_at_a_server_and_without_one() {
    let program = Program::new();
    let mut serving = Some(program.serve(&[]));
    let token = serving.as_ref().unwrap().token().unwrap();
    let url = format!("http://{}", serving.as_ref().unwrap().address());
    ok(&program.run(&["simulate", "mailgun", "--count", "30", "--seed", "7", "--url", &url]));
    assert_eq!(
        program.run(&["suppressions", "add", "a@x.example"]).code,
        3,
        "only the server can, while it runs"
    );
    program.write("list.txt", "\nann@x.example\n +1 (555) 123-4567 \n");
    for (remote, by) in [(true, "first start"), (false, "command line")] {
        let ask = |arguments: &[&str]| {
            let mut all = arguments.to_vec();
            if remote {
                all.extend(["--url", &url, "--token", &token]);
            }
            program.run(&all)
        };
        let added =
            ask(&["suppressions", "add", "Ann@x.example", "--file", "list.txt", "--reason", "called us"]);
        assert_eq!(ok(&added), "2 suppressed, 1 were already\n");
        let checked = ask(&["suppressions", "check", "--json", "ann@x.example", "new@x.example"]);
        assert_eq!(checked.code, 1, "one must not be sent to");
        assert!(
            checked.out.contains("\"may_send\":false") && checked.out.contains("\"may_send\":true"),
            "{}",
            checked.out
        );
        assert_eq!(ask(&["suppressions", "check", "new@x.example"]).code, 0);
        let listed = lines(&ask(&["suppressions", "list", "--reason", "manual", "--json"]));
        assert_eq!(listed.len(), 2);
        let history = json(&ask(&["suppressions", "history", "ann@x.example", "--json"]));
        assert_eq!((&history["because"], &history["may_send"]), (&"called us".into(), &false.into()));
        assert!(!remote || !history["by"].as_str().unwrap().is_empty());
        assert!(remote || history["by"] == by, "{history}");
        assert!(ok(&ask(&["suppressions", "history", "ann@x.example"])).contains("called us"));

        ok(&ask(&["recipient", "ann@x.example", "--user-id", "42", "--name", "Ann"]));
        let page = ask(&["recipient", "+15551234567", "--user-id", "42"]);
        assert!(ok(&page).contains("ann@x.example (suppressed)"), "{}", page.out);
        ok(&ask(&["recipient", "+15551234567", "--name", "Nobody"]));
        let named = json(&ask(&["recipient", "+15551234567", "--name", "", "--json"]));
        assert_eq!(
            (&named["recipient"]["user_id"], &named["recipient"]["name"]),
            (&"42".into(), &Value::Null)
        );
        let mine = lines(&ask(&["recipients", "--user-id", "42", "--json"]));
        assert_eq!((mine.len(), &mine[1]["name"]), (2, &"Ann".into()));
        let bounced = lines(&ask(&["recipients", "--min", "bounced=1", "--status", "suppressed", "--json"]));
        assert!(!bounced.is_empty() && bounced.iter().all(|one| one["status"] == "suppressed"));
        assert!(ok(&ask(&["recipients", "--last-event", "suppression_changed"])).contains("ann@x.example"));
        assert_eq!(ask(&["recipients", "--min", "born=1"]).code, 2);
        assert_eq!(ask(&["recipients", "--status", "dead"]).code, 2);

        for address in ["ann@x.example", "+15551234567"] {
            let lifted = ask(&["suppressions", "lift", address, "--reason", "asked for it"]);
            assert!(
                ok(&lifted).contains("manual") && lifted.err.contains("own list"),
                "{}{}",
                lifted.out,
                lifted.err
            );
            assert_eq!(ask(&["suppressions", "lift", address]).code, 1, "there is nothing to lift any more");
        }
        if let Some(serving) = serving.take() {
            assert!(!serving.log().contains("ann@x.example"), "{}", serving.log());
            drop(serving);
        }
    }
    ok(&program.run(&["rebuild", "--check"]));
}

#[test]
fn what_was_done_by_hand_goes_along_with_exports_and_backups() {
    let program = Program::new();
    drop(program.serve(&[]));
    ok(&program.run(&["suppressions", "add", "ann@x.example", "--reason", "called us"]));
    ok(&program.run(&["recipient", "ann@x.example", "--user-id", "42"]));
    ok(&program.run(&["export", "events", "--output", "events.ndjson"]));
    ok(&program.run(&["import", "events.ndjson", "--data", "other"]));
    let there =
        json(&program.run(&["suppressions", "history", "ann@x.example", "--json", "--data", "other"]));
    assert_eq!((&there["suppression"]["reason"], &there["by"]), (&"manual".into(), &"command line".into()));
    ok(&program.run(&["backup", "copy.db"]));
    ok(&program.run(&["restore", "copy.db", "--data", "third"]));
    let there = json(&program.run(&["recipient", "ann@x.example", "--json", "--data", "third"]));
    assert_eq!(
        (&there["recipient"]["user_id"], &there["recipient"]["status"]),
        (&"42".into(), &"suppressed".into())
    );
}
