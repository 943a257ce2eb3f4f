//! From a webhook that comes in to one that goes out: the whole program, and the receiver of the examples.

use serde_json::Value;

use crate::program::{Done, Program};
use crate::receiver::Receiver;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn configure(program: &Program, url: &str) {
    program.write(
        "hearback.toml",
        &format!(
            "[sources.mailgun]\nprovider = \"mailgun\"\nkeys = [\"mg-signing-key-0123456789\"]\n\
             [destinations.crm]\nkind = \"webhook\"\nurl = \"{url}/hook\"\nsecrets = [\"{SECRET}\"]\n\
             events = [\"message.delivered\", \"message.bounced\"]\nallow_networks = [\"127.0.0.1\"]\n\
             start = \"beginning\"\nretry_s = [0, 0]\n"
        ),
    );
}

fn json(done: &Done) -> Value {
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    serde_json::from_str(&done.out).unwrap()
}

/// How the destination stands, as the command line tells it beside the running server.
fn crm(program: &Program) -> Value {
    json(&program.run(&["destinations", "show", "crm", "--json"]))["destination"].clone()
}

/// Waits until it stands as wanted: what is looked at is on disk, and nothing tells of it.
fn until(program: &Program, wanted: impl Fn(&Value) -> bool) {
    for _ in 0..300 {
        if wanted(&crm(program)) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("{}", crm(program));
}

#[test]
fn what_comes_in_goes_out_and_everything_about_it_can_be_asked() {
    let mut receiver = Receiver::python(&format!("whsec_CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC {SECRET}")).unwrap();
    let program = Program::new();
    configure(&program, &receiver.url);
    assert_eq!(program.run(&["check"]).code, 0, "{}", program.run(&["check"]).out);
    let serving = program.serve(&[]);
    let url = format!("http://{}", serving.address());
    let sent = program.run(&["simulate", "mailgun", "--count", "10", "--seed", "7", "--url", &url]);
    assert_eq!(sent.code, 0, "{}{}", sent.out, sent.err);

    let listed = program.run(&["events", "--type", "delivered,bounced", "--json", "-n", "100"]);
    let wanted: Vec<String> = listed
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned())
        .collect();
    assert!(wanted.len() >= 9, "{}", listed.out);
    let handled = receiver.handled(wanted.len());
    for id in &wanted {
        assert!(handled.iter().any(|line| line.contains(id)), "{id} is not in {handled:?}");
    }

    until(&program, |crm| crm["lag_events"] == 0);
    assert_eq!(program.run(&["destinations", "test", "crm"]).code, 0);
    assert!(receiver.handled(1)[0].contains("test@example.com"));
    let explain = |id: &str| program.run(&["destinations", "explain", "crm", id]).out;
    assert!(explain(&wanted[0]).starts_with("delivered: "), "{}", explain(&wanted[0]));
    let queued = program.run(&["events", "--type", "queued", "--json", "-n", "1"]);
    let queued: Value = serde_json::from_str(&queued.out).unwrap();
    assert!(explain(queued["id"].as_str().unwrap()).starts_with("skipped: its type is none of"));
    assert_eq!(serving.stop(), 0);
    let shown = json(&program.run(&["destinations", "show", "crm", "--json"]));
    assert_eq!(shown["destination"]["delivered"], wanted.len());
    assert_eq!(shown["destination"]["lag_events"], 0);
}

#[test]
fn what_a_receiver_refuses_is_given_up_and_put_back_by_hand() {
    let stranger = Receiver::python("whsec_CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC").unwrap();
    let program = Program::new();
    configure(&program, &stranger.url);
    let serving = program.serve(&[]);
    let url = format!("http://{}", serving.address());
    assert_eq!(program.run(&["simulate", "mailgun", "--count", "3", "--seed", "7", "--url", &url]).code, 0);
    until(&program, |crm| crm["dead"] != 0 && crm["waiting"] == 0 && crm["lag_events"] == 0);
    assert_eq!(crm(&program)["last_failure"], "it answered 401 Unauthorized");
    assert_eq!(program.run(&["destinations", "test", "crm"]).code, 1);
    let dry = json(&program.run(&["destinations", "redrive", "crm", "--dry-run", "--json"]));
    assert!(dry["count"].as_u64().unwrap() >= 1, "{dry}");
    assert_eq!(program.run(&["destinations", "pause", "crm"]).code, 0);
    assert_eq!(crm(&program)["state"], "paused");
    assert_eq!(program.run(&["destinations", "pause", "nobody"]).code, 1);
    assert_eq!(serving.stop(), 0);

    // The receiver learns the secret; what was given up comes when it is put back.
    let mut receiver = Receiver::python(SECRET).unwrap();
    configure(&program, &receiver.url);
    let dead = crm(&program)["dead"].as_u64().unwrap();
    let serving = program.serve(&[]);
    let redriven = json(&program.run(&["destinations", "redrive", "crm", "--json"]));
    assert_eq!(redriven["count"], dead);
    assert_eq!(program.run(&["destinations", "resume", "crm"]).code, 0);
    assert_eq!(receiver.handled(dead as usize).len() as u64, dead);
    assert_eq!(serving.stop(), 0);
}
