//! `kill -9` under load, again and again.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hearback_providers::RawRequest;

use crate::http::Connection;
use crate::server::{Server, mailgun, request};

const ROUNDS: u64 = 8;
const SENDERS: usize = 12;

/// What the senders know.
#[derive(Default)]
pub(crate) struct Known {
    /// Requests that were answered 200.
    pub(crate) accepted: Mutex<Vec<RawRequest>>,
    /// Requests that were sent and not answered: a provider sends them again.
    unanswered: Mutex<Vec<RawRequest>>,
    serial: AtomicU64,
    pub(crate) stop: AtomicBool,
}

impl Known {
    /// The next request: mostly new ones, now and then one that was accepted before, and those that were not answered.
    fn next(&self, simulator: &dyn hearback_providers::Simulator) -> RawRequest {
        if let Some(again) = self.unanswered.lock().unwrap().pop() {
            return again;
        }
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let accepted = self.accepted.lock().unwrap();
        if serial.is_multiple_of(9) && !accepted.is_empty() {
            return accepted[serial as usize * 7919 % accepted.len()].clone();
        }
        drop(accepted);
        request(simulator, serial)
    }

    /// Sends until told to stop or until the server is gone.
    pub(crate) fn send(&self, server: std::net::SocketAddr) {
        let simulator = mailgun();
        let Ok(mut connection) = Connection::open(server) else { return };
        while !self.stop.load(Ordering::Relaxed) {
            let request = self.next(&*simulator);
            match connection.send(&request) {
                Ok(answer) if answer.status == 200 => self.accepted.lock().unwrap().push(request),
                // Its database is gone: the provider tries again.
                Ok(answer) if answer.status == 503 => self.unanswered.lock().unwrap().push(request),
                Ok(answer) => panic!("answered {}: {}", answer.status, String::from_utf8_lossy(&answer.body)),
                Err(_) => {
                    self.unanswered.lock().unwrap().push(request);
                    return;
                }
            }
        }
    }

    /// That everything that was accepted is there, once, and counted once.
    pub(crate) fn check(&self, server: &Server, token: &str) {
        let accepted = self.accepted.lock().unwrap();
        assert!(accepted.len() > 500, "only {} requests were accepted: no load", accepted.len());

        let (events, recipients) = server.log(token);
        for request in accepted.iter() {
            assert!(events.contains_key(&event_id(request)), "a request that was answered 200 is lost");
        }
        assert!(events.values().all(|count| *count == 1), "an event is in the log twice");
        for (address, count) in &recipients {
            assert_eq!(server.counted(address, token), *count, "counters of {address}");
        }
    }
}

fn event_id(request: &RawRequest) -> String {
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    body["event-data"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn what_was_answered_200_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::new(folder.path());
    let known = Arc::new(Known::default());
    server.start();
    let token = server.token();
    for round in 0..ROUNDS {
        known.stop.store(false, Ordering::Relaxed);
        let senders: Vec<_> = (0..SENDERS)
            .map(|_| {
                let (known, address) = (Arc::clone(&known), server.address);
                std::thread::spawn(move || known.send(address))
            })
            .collect();
        // The moment of death: any will do, and a different one each time.
        std::thread::sleep(Duration::from_millis(150 + (round * 7919 + u64::from(std::process::id())) % 400));
        server.kill();
        known.stop.store(true, Ordering::Relaxed);
        for sender in senders {
            sender.join().unwrap();
        }
        server.start();
    }
    known.check(&server, &token);
    server.kill();
    let (code, text) = server.run(&["rebuild", "--check"]);
    assert_eq!(code, 0, "{text}");
}
