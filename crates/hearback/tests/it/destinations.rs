//! From a webhook that comes in to one that goes out: the whole program, and the receiver of the examples.

use std::io::{BufRead as _, BufReader, Lines, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::program::{Done, Program};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// One of `examples/receivers/`, started.
struct Receiver {
    child: Child,
    lines: Lines<BufReader<Box<dyn Read>>>,
    url: String,
}

impl Receiver {
    fn start(secrets: &str) -> Self {
        Self::start_with("python3", "receive.py", secrets)
    }

    /// A receiver that takes the port as its argument, and says on standard output where it listens and what it handles.
    fn start_with(program: &str, script: &str, secrets: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/receivers").join(script);
        let mut command = Command::new(program);
        command.arg(script).arg("0").env("WEBHOOK_SECRET", secrets).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out: Box<dyn Read> = Box::new(child.stdout.take().unwrap());
        let mut lines = BufReader::new(out).lines();
        let url = lines.next().unwrap().unwrap().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, lines, url }
    }

    /// PHP's own server, which says on standard error what goes on.
    fn start_php(secrets: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/receivers/receive.php");
        // The port is free at this moment; the server takes it at once.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut command = Command::new("php");
        command.args(["-S", &address]).arg(script).env("WEBHOOK_SECRET", secrets).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out: Box<dyn Read> = Box::new(child.stderr.take().unwrap());
        let mut lines = BufReader::new(out).lines();
        assert!(lines.next().unwrap().unwrap().contains("started"));
        Self { child, lines, url: format!("http://{address}") }
    }

    /// The example that is built with the tests.
    fn start_rust(secrets: &str) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_hearback")).parent().unwrap().join("examples/receive");
        let mut command = Command::new(program);
        command.arg("0").env("WEBHOOK_SECRET", secrets).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out: Box<dyn Read> = Box::new(child.stdout.take().unwrap());
        let mut lines = BufReader::new(out).lines();
        let url = lines.next().unwrap().unwrap().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, lines, url }
    }

    /// The next events that it handled.
    fn handled(&mut self, count: usize) -> Vec<String> {
        let lines = self.lines.by_ref().map(Result::unwrap);
        lines.filter(|line| line.contains(" evt_")).take(count).collect()
    }
}

/// Whether a language is installed here.
fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

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
    let mut receiver = Receiver::start(&format!("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA {SECRET}"));
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
    let stranger = Receiver::start("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
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
    let mut receiver = Receiver::start(SECRET);
    configure(&program, &receiver.url);
    let dead = crm(&program)["dead"].as_u64().unwrap();
    let serving = program.serve(&[]);
    let redriven = json(&program.run(&["destinations", "redrive", "crm", "--json"]));
    assert_eq!(redriven["count"], dead);
    assert_eq!(program.run(&["destinations", "resume", "crm"]).code, 0);
    assert_eq!(receiver.handled(dead as usize).len() as u64, dead);
    assert_eq!(serving.stop(), 0);
}

/// Starts a receiver that knows these secrets.
type Start = fn(&str) -> Receiver;

#[test]
fn receivers_in_other_languages_take_what_is_theirs_and_nothing_else() {
    let strange = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let node: Start = |secrets| Receiver::start_with("node", "receive.mjs", secrets);
    for (language, start) in
        [("node", node), ("php", Receiver::start_php as Start), ("rust", Receiver::start_rust)]
    {
        if language != "rust" && !is_installed(language) {
            continue;
        }
        for (secrets, code) in [(format!("{strange} {SECRET}"), 0), (strange.to_owned(), 1)] {
            let mut receiver = start(&secrets);
            let program = Program::new();
            configure(&program, &receiver.url);
            let serving = program.serve(&[]);
            let tested = program.run(&["destinations", "test", "crm"]);
            assert_eq!(tested.code, code, "{language}: {}{}", tested.out, tested.err);
            if code == 0 {
                assert!(receiver.handled(1)[0].contains("test@example.com"), "{language}");
            } else {
                assert!(tested.out.contains("401 Unauthorized"), "{language}: {}", tested.out);
            }
            assert_eq!(serving.stop(), 0);
        }
    }
}
