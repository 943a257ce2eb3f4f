//! The real binary, started and killed.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hearback_event::{Kind, Timestamp};
use hearback_providers::{Happening, Options, RawRequest, Simulator, Tamper, provider};
use serde_json::{Value, json};

use crate::http::Connection;

const KEY: &str = "mg-durability-signing-key-0123456789";

/// A folder with a configuration, and the server in it.
pub(crate) struct Server {
    folder: PathBuf,
    pub(crate) address: SocketAddr,
    child: Option<Child>,
}

impl Server {
    /// A server whose database lies in `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        Self::storing_in(folder, "sqlite:hearback.db")
    }

    /// A server with its configuration in `folder`, and its database elsewhere.
    pub(crate) fn storing_in(folder: &Path, url: &str) -> Self {
        // The port is free at this moment; the server takes it at once.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let configuration = format!(
            "[server]\nlisten = \"{address}\"\n[storage]\nurl = \"{url}\"\n[sources.mailgun]\nprovider = \"mailgun\"\nkeys = [\"{KEY}\"]\n"
        );
        std::fs::write(folder.join("hearback.toml"), configuration).unwrap();
        Self { folder: folder.to_owned(), address, child: None }
    }

    /// Adds to its configuration.
    pub(crate) fn configure(&self, more: &str) {
        let path = self.folder.join("hearback.toml");
        let configuration = std::fs::read_to_string(&path).unwrap() + more;
        std::fs::write(path, configuration).unwrap();
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hearback"));
        command.arg("--config").arg(self.folder.join("hearback.toml")).arg("--data").arg(&self.folder);
        command.env_clear().env("HEARBACK_LOG", "warn").stdin(Stdio::null());
        command
    }

    /// Starts it and waits until it answers.
    pub(crate) fn start(&mut self) {
        let child = self.command().arg("serve").stdout(Stdio::null()).spawn().unwrap();
        self.child = Some(child);
        // Bounded by attempts, so that a server that cannot start fails the test instead of hanging it.
        for _ in 0..1500 {
            if let Ok(mut connection) = Connection::open(self.address)
                && connection.get("/healthz", "").is_ok_and(|answer| answer.status == 200)
            {
                return;
            }
            assert!(self.child.as_mut().unwrap().try_wait().unwrap().is_none(), "the server ended at once");
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the server does not answer");
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Runs another command on the same data; its exit code and output.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.command().args(arguments).output().unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap_or(-1), text)
    }

    /// A token that may read everything.
    pub(crate) fn token(&self) -> String {
        let (code, text) = self.run(&["token", "create", "--name", "test", "--scope", "admin", "--json"]);
        assert_eq!(code, 0, "{text}");
        serde_json::from_str::<Value>(&text).unwrap()["token"].as_str().unwrap().to_owned()
    }

    /// Every event of the log, by provider event id, and how often it is there; and the recipients' events.
    pub(crate) fn log(&self, token: &str) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
        let mut connection = Connection::open(self.address).unwrap();
        let (mut events, mut recipients) = (BTreeMap::new(), BTreeMap::new());
        let mut cursor = String::new();
        loop {
            let answer =
                connection.get(&format!("/v1/events?order=oldest&limit=1000{cursor}"), token).unwrap();
            let page: Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(answer.status, 200, "{page}");
            let rows = page["data"].as_array().unwrap();
            for row in rows {
                *events.entry(row["provider_event_id"].as_str().unwrap().to_owned()).or_default() += 1;
                *recipients.entry(row["recipient"].as_str().unwrap().to_owned()).or_default() += 1;
            }
            match page["next_cursor"].as_str() {
                Some(next) if !rows.is_empty() => cursor = format!("&cursor={next}"),
                _ => return (events, recipients),
            }
        }
    }

    /// How many events the server counts for a recipient.
    pub(crate) fn counted(&self, address: &str, token: &str) -> u64 {
        let answer =
            Connection::open(self.address).unwrap().get(&format!("/v1/recipients/{address}"), token).unwrap();
        assert_eq!(answer.status, 200, "{address}");
        let recipient: Value = serde_json::from_slice(&answer.body).unwrap();
        sum(&recipient["counts"])
    }
}

/// The sum of all numbers in a JSON value.
fn sum(value: &Value) -> u64 {
    match value {
        Value::Number(number) => number.as_u64().unwrap(),
        Value::Object(fields) => fields.values().map(sum).sum(),
        _ => 0,
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Signs requests as Mailgun would.
pub(crate) fn mailgun() -> Box<dyn Simulator> {
    provider("mailgun").unwrap().simulator(&Options::from_value(json!({ "keys": [KEY] }))).unwrap()
}

/// The request number `serial`: the same number gives the same event.
pub(crate) fn request(simulator: &dyn Simulator, serial: u64) -> RawRequest {
    let kinds = [Kind::Delivered, Kind::Opened, Kind::Clicked, Kind::Deferred];
    let happening = Happening {
        kind: kinds[serial as usize % kinds.len()],
        occurred_at: Timestamp::now(),
        recipient: format!("guest{}@example.com", serial % 37).parse().unwrap(),
        message: format!("m{}", serial / 4),
        serial,
        labels: [("booking_id".to_owned(), (serial / 8).to_string())].into(),
        tags: vec!["durability".to_owned()],
        subject: "Your stay".to_owned(),
    };
    simulator.request(&[happening], "http://test/webhooks/mailgun", Timestamp::now(), Tamper::None)
}
