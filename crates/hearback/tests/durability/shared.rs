//! Two servers on one PostgreSQL database; `kill -9` of either, and of the database itself.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::crash::Known;
use crate::server::Server;

const ROUNDS: u64 = 9;
const SENDERS: usize = 6;

/// A database server of this test's own, since it is killed.
struct Database {
    folder: tempfile::TempDir,
}

impl Database {
    fn new() -> Self {
        Self { folder: tempfile::Builder::new().prefix("hearback-pg").tempdir_in("/tmp").unwrap() }
    }

    fn script(&self, action: &str) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/postgres");
        let output = Command::new(script).arg(action).arg(self.folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.script("stop");
    }
}

fn folder(database: &Database, name: &str) -> PathBuf {
    let folder = database.folder.path().join(name);
    std::fs::create_dir(&folder).unwrap();
    folder
}

#[test]
fn what_was_answered_200_survives_kill_9_of_either_server_and_of_the_database() {
    let database = Database::new();
    let url = database.script("start");
    let mut servers = ["one", "two"].map(|name| Server::storing_in(&folder(&database, name), &url));
    for server in &mut servers {
        server.start();
    }
    let token = servers[0].token();
    let known = Arc::new(Known::default());
    for round in 0..ROUNDS {
        known.stop.store(false, Ordering::Relaxed);
        // Every sender goes to both, one after the other, so that retries and duplicates reach both.
        let senders: Vec<_> = (0..SENDERS)
            .map(|n| {
                let (known, one, two) =
                    (Arc::clone(&known), servers[n % 2].address, servers[1 - n % 2].address);
                std::thread::spawn(move || {
                    while !known.stop.load(Ordering::Relaxed) {
                        known.send(one);
                        known.send(two);
                    }
                })
            })
            .collect();
        // The moment of death: any will do, and a different one each time.
        std::thread::sleep(Duration::from_millis(200 + (round * 7919 + u64::from(std::process::id())) % 400));
        match round % 3 {
            2 => {
                database.script("kill");
                database.script("start");
            }
            which => {
                servers[which as usize].kill();
                servers[which as usize].start();
            }
        }
        known.stop.store(true, Ordering::Relaxed);
        for sender in senders {
            sender.join().unwrap();
        }
    }
    for server in &servers {
        known.check(server, &token);
    }
    let (code, text) = servers[0].run(&["rebuild", "--check"]);
    assert_eq!(code, 0, "{text}");
}
