//! `kill -9` of the server while it pushes to a receiver that fails now and then: every event arrives, at least once, rightly
//! signed, under one id.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::Value;

use crate::crash::Known;
use crate::server::Server;

const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ROUNDS: u64 = 5;
const SENDERS: usize = 4;

/// What a receiver got: the provider's ids by our ids, and how often it took each.
#[derive(Default)]
struct Receiver {
    taken: Mutex<BTreeMap<String, (String, u32)>>,
    requests: Mutex<u64>,
}

impl Receiver {
    fn start() -> (Arc<Self>, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let receiver = Arc::new(Self::default());
        let shared = Arc::clone(&receiver);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&shared);
                // A connection that breaks off is the server's death.
                std::thread::spawn(move || drop(shared.serve(stream.unwrap())));
            }
        });
        (receiver, address)
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream);
        loop {
            let mut headers: BTreeMap<String, String> = BTreeMap::new();
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line)? == 0 {
                    return Ok(());
                }
                if line.trim_end().is_empty() {
                    break;
                }
                if let Some((name, value)) = line.trim_end().split_once(": ") {
                    headers.insert(name.to_ascii_lowercase(), value.to_owned());
                }
            }
            let mut body = vec![0; headers["content-length"].parse().unwrap()];
            reader.read_exact(&mut body)?;
            let answer = self.answer(&headers, &body);
            reader
                .get_mut()
                .write_all(format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n").as_bytes())?;
        }
    }

    fn answer(&self, headers: &BTreeMap<String, String>, body: &[u8]) -> &'static str {
        let id = &headers["webhook-id"];
        let content = [format!("{id}.{}.", headers["webhook-timestamp"]).as_bytes(), body].concat();
        let key = aws_lc_rs::hmac::Key::new(
            aws_lc_rs::hmac::HMAC_SHA256,
            &BASE64.decode(SECRET.as_bytes()).unwrap(),
        );
        let signature = headers["webhook-signature"].strip_prefix("v1,").unwrap();
        let signature = BASE64.decode(signature.as_bytes()).unwrap();
        aws_lc_rs::hmac::verify(&key, &content, &signature).unwrap();
        let body: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(body["data"]["id"], id.as_str());
        let mut requests = self.requests.lock().unwrap();
        *requests += 1;
        if requests.is_multiple_of(11) {
            return "503 Service Unavailable";
        }
        let told = body["data"]["provider_event_id"].as_str().unwrap_or_default().to_owned();
        let mut taken = self.taken.lock().unwrap();
        let known = taken.entry(id.clone()).or_insert_with(|| (told.clone(), 0));
        assert_eq!(known.0, told, "an id means one event");
        known.1 += 1;
        "204 No Content"
    }
}

#[test]
fn every_event_arrives_though_the_server_is_killed_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let (receiver, address) = Receiver::start();
    let mut server = Server::new(folder.path());
    server.configure(&format!(
        "[destinations.crm]\nkind = \"webhook\"\nurl = \"http://{address}/\"\nsecrets = [\"whsec_{SECRET}\"]\n\
         allow_networks = [\"127.0.0.1\"]\nretry_s = [0, 0, 0, 1, 1, 1, 1, 1, 1]\nevents = [\"message.*\"]\n"
    ));
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
    let (events, _) = server.log(&token);
    // Bounded by progress: whoever stands still fails, whoever is slow does not.
    let mut before = 0;
    let mut still = 0;
    loop {
        let arrived = receiver.taken.lock().unwrap().len();
        if arrived >= events.len() {
            break;
        }
        still = if arrived > before { 0 } else { still + 1 };
        assert!(still < 600, "{arrived} of {} events arrived, and no more come", events.len());
        before = arrived;
        std::thread::sleep(Duration::from_millis(100));
    }
    let taken = receiver.taken.lock().unwrap();
    let arrived: std::collections::BTreeSet<_> = taken.values().map(|(told, _)| told).collect();
    assert!(events.keys().all(|event| arrived.contains(event)), "an event is lost");
    assert!(events.len() > 100, "only {} events: no load", events.len());
}
