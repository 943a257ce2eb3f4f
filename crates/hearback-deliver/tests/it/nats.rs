//! A real nats-server.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::StreamExt as _;
use hearback_deliver::{Destination, Nats, NatsOptions};
use serde_json::Value;

use crate::receiver::Receiver;
use crate::world::{World, destination};

/// A server of its own, with its data in a folder of its own.
struct Server {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The port is free at this moment; the server takes it at once.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        // Debian has it where only root looks for programs.
        let program = ["/usr/sbin/nats-server"].into_iter().find(|path| std::path::Path::new(path).exists());
        let mut command = Command::new(program.unwrap_or("nats-server"));
        command.args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"]).arg(folder.path());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.expect("nats-server is not installed: apt-get install nats-server");
        let server = Self { child, port, _folder: folder };
        // Bounded by attempts, so that a server that cannot start fails the test instead of hanging it.
        for _ in 0..500 {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return server;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("nats-server does not start");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn options(port: u16, stream: Option<&str>) -> NatsOptions {
    NatsOptions {
        url: format!("nats://127.0.0.1:{port}"),
        subject: "hearback.events".to_owned(),
        stream: stream.map(str::to_owned),
    }
}

fn published(receiver: &Receiver, options: NatsOptions) -> Destination {
    Destination { carrier: Box::new(Nats::new(options).unwrap()), ..destination("bus", receiver) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_gets_every_event_once_though_it_is_published_twice() {
    let (server, world, nobody) = (Server::start(), World::new(), Receiver::willing().await);
    world.add(0..20).await;
    let running = world.start(vec![published(&nobody, options(server.port, Some("HEARBACK")))]).await;
    world.until("bus", |state| state.cursor == 20).await;
    let all = hearback_deliver::Redrive { which: hearback_deliver::Which::All, ..Default::default() };
    assert_eq!(running.destinations.redrive("bus", &all).await.unwrap(), Some(20));
    world.until("bus", |state| state.delivered == 40 && state.waiting == 0).await;
    running.stop().await;

    let client = async_nats::connect(format!("127.0.0.1:{}", server.port)).await.unwrap();
    let stream = async_nats::jetstream::new(client).get_stream("HEARBACK").await.unwrap();
    let consumer =
        stream.create_consumer(async_nats::jetstream::consumer::pull::Config::default()).await.unwrap();
    let mut messages = consumer.fetch().max_messages(100).messages().await.unwrap();
    let mut ids = Vec::new();
    while let Some(message) = messages.next().await {
        let message = message.unwrap();
        let event: Value = serde_json::from_slice(&message.payload).unwrap();
        let kind = event["type"].as_str().unwrap();
        assert_eq!(message.subject.as_str(), format!("hearback.events.{kind}"));
        assert_eq!(message.headers.as_ref().unwrap().get("Nats-Msg-Id").unwrap().as_str(), event["id"]);
        ids.push(event["id"].as_str().unwrap().to_owned());
    }
    ids.sort();
    let mut expected = world.ids().await;
    expected.sort();
    assert_eq!(ids, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_stream_nothing_counts_as_taken() {
    let (server, world, nobody) = (Server::start(), World::new(), Receiver::willing().await);
    world.add(0..1).await;
    let running = world.start(vec![published(&nobody, options(server.port, None))]).await;
    let state = world.until("bus", |state| state.last_failure.is_some()).await;
    let why = state.last_failure.unwrap().1;
    assert!(why.ends_with("is there a stream that takes hearback.events.>?"), "{why}");
    assert_eq!(state.delivered, 0);
    running.stop().await;
}

#[test]
fn what_is_wrong_is_said() {
    let new = |url: &str, subject: &str| {
        Nats::new(NatsOptions { url: url.to_owned(), subject: subject.to_owned(), stream: None }).unwrap_err()
    };
    assert!(new("nats://127.0.0.1", "a..b").starts_with("`subject`"));
    assert!(new("nats://127.0.0.1", "a.>").starts_with("`subject`"));
    assert!(new("http://[", "a").starts_with("`url`"));
}
