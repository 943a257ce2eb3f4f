//! What only sockets show: slow senders, limits of connections and headers, the split, an orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hearback_providers::crypto::sha256;
use hearback_server::{Listeners, ServeError, Settings, run_on};
use hearback_store::{NewToken, Store as _};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::fake_store::FakeStore;
use crate::test_provider::{SIGNATURE, sign};
use crate::world::{METRICS, READ, event, settings, source};

struct Running {
    public: SocketAddr,
    admin: Option<SocketAddr>,
    store: Arc<FakeStore>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    async fn start(settings: Settings, split: bool) -> Self {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let listeners = Listeners::bind(any, split.then_some(any)).await.unwrap();
        let public = listeners.public.local_addr().unwrap();
        let admin = listeners.admin.as_ref().map(|listener| listener.local_addr().unwrap());
        let store = Arc::new(FakeStore::default());
        let hash = sha256(&[READ.as_bytes()]);
        let (name, scope) = ("t".to_owned(), "read".to_owned());
        let created_at = hearback_event::Timestamp::now();
        store.add_token(NewToken { name, scope, hash, created_at }).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move {
            stopped.await.unwrap_or_default();
        };
        let served = run_on(listeners, settings, Arc::clone(&store) as _, METRICS.clone(), shutdown);
        Self { public, admin, store, stop: Some(stop), task: tokio::spawn(served) }
    }

    async fn stop(mut self) -> Duration {
        let begun = Instant::now();
        self.stop.take().unwrap().send(()).unwrap();
        self.task.await.unwrap().unwrap();
        begun.elapsed()
    }
}

fn quick() -> Settings {
    let mut settings = settings(vec![source("one")]);
    settings.limits.read_timeout = Duration::from_millis(300);
    settings.limits.drain_timeout = Duration::from_secs(3);
    settings
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A reset after the answer is as good as an end.
    if let Err(error) = stream.read_to_end(&mut text).await {
        assert!(!text.is_empty(), "{error}");
    }
    String::from_utf8_lossy(&text).into_owned()
}

async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), read_all(&mut stream)).await.unwrap()
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {READ}\r\nconnection: close\r\n\r\n")
        .into()
}

fn post(body: &str, connection: &str) -> Vec<u8> {
    let (length, signature) = (body.len(), sign("k1", body.as_bytes()));
    format!(
        "POST /webhooks/one HTTP/1.1\r\nhost: h\r\n{SIGNATURE}: {signature}\r\nconnection: {connection}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into()
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default()
}

#[tokio::test]
async fn slow_senders_are_cut_off() {
    let server = Running::start(quick(), false).await;
    let begun = Instant::now();
    let slow_body =
        exchange(server.public, b"POST /webhooks/one HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\n\r\nabc")
            .await;
    assert_eq!(status(&slow_body), 408, "{slow_body}");
    assert!(slow_body.contains("connection: close"));
    let mut slow_head = TcpStream::connect(server.public).await.unwrap();
    slow_head.write_all(b"POST /webhooks/one HTTP/1.1\r\nho").await.unwrap();
    let mut rest = Vec::new();
    let _ended = slow_head.read_to_end(&mut rest).await;
    assert!(begun.elapsed() < Duration::from_secs(3));
    server.stop().await;
}

#[tokio::test]
async fn too_many_headers_and_too_long_heads_are_431() {
    let mut settings = quick();
    settings.limits.headers_max = 10;
    let server = Running::start(settings, false).await;
    let head = |count: usize, length: usize| {
        let headers = format!("h: {}\r\n", "x".repeat(length)).repeat(count);
        format!(
            "POST /webhooks/one HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 0\r\n{headers}\r\n"
        )
    };
    assert_eq!(status(&exchange(server.public, head(20, 1).as_bytes()).await), 431);
    assert_eq!(status(&exchange(server.public, head(7, 1).as_bytes()).await), 422);
    assert_eq!(status(&exchange(server.public, head(5, 40_000).as_bytes()).await), 431);
    server.stop().await;
}

#[tokio::test]
async fn too_large_is_answered_before_the_connection_ends() {
    let server = Running::start(quick(), false).await;
    for stated in [true, false] {
        let body = "x".repeat(3000);
        let request = if stated {
            format!(
                "POST /webhooks/one HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 3000\r\n\r\n{body}"
            )
        } else {
            format!(
                "POST /webhooks/one HTTP/1.1\r\nhost: h\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\nbb8\r\n{body}\r\n0\r\n\r\n"
            )
        };
        assert_eq!(status(&exchange(server.public, request.as_bytes()).await), 413);
    }
    server.stop().await;
}

#[tokio::test]
async fn beyond_the_limit_of_connections_newcomers_are_told_to_come_again() {
    let mut settings = quick();
    settings.limits.connections_max = 1;
    settings.limits.read_timeout = Duration::from_secs(10);
    let server = Running::start(settings, false).await;
    let mut first = TcpStream::connect(server.public).await.unwrap();
    first.write_all(&post(&event("1", "sent", "a@x.example", "m"), "keep-alive")).await.unwrap();
    let mut start = [0; 12];
    first.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
    let answer = exchange(server.public, &get("/healthz")).await;
    assert_eq!(status(&answer), 503);
    assert!(answer.contains("retry-after: 5") && answer.contains("connection: close"), "{answer}");
    drop(first);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(status(&exchange(server.public, &get("/healthz")).await), 200);
    server.stop().await;
}

#[tokio::test]
async fn the_public_side_serves_webhooks_and_health_only() {
    let server = Running::start(quick(), true).await;
    let (public, admin) = (server.public, server.admin.unwrap());
    let table = [
        ("/webhooks/health", 200, 200),
        ("/healthz", 200, 200),
        ("/readyz", 200, 200),
        ("/metrics", 404, 200),
        ("/v1/events", 404, 200),
        ("/v1/sources", 404, 200),
    ];
    for (path, at_public, at_admin) in table {
        assert_eq!(status(&exchange(public, &get(path)).await), at_public, "{path}");
        assert_eq!(status(&exchange(admin, &get(path)).await), at_admin, "{path}");
    }
    let body = event("1", "sent", "a@x.example", "m");
    assert_eq!(status(&exchange(admin, &post(&body, "close")).await), 404);
    assert_eq!(status(&exchange(public, &post(&body, "close")).await), 200);
    assert_eq!(server.store.events(), 1);
    assert_eq!(server.store.state().submissions.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn stopping_ends_waiting_requests_and_idle_connections() {
    let mut settings = quick();
    settings.limits.read_timeout = Duration::from_secs(20);
    let server = Running::start(settings, false).await;
    let public = server.public;
    let mut idle = TcpStream::connect(public).await.unwrap();
    idle.write_all(&post(&event("1", "sent", "a@x.example", "m"), "keep-alive")).await.unwrap();
    let mut start = [0; 12];
    idle.read_exact(&mut start).await.unwrap();
    let waiting =
        tokio::spawn(
            async move { exchange(public, &get("/v1/events?order=oldest&after=end&wait=60")).await },
        );
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(server.stop().await < Duration::from_secs(2));
    let answer = waiting.await.unwrap();
    assert_eq!(status(&answer), 200, "{answer}");
    assert!(answer.contains("next_cursor"));
    assert!(TcpStream::connect(public).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn long_bodies_are_examined_on_a_runtime_with_workers() {
    let mut one = source("one");
    one.body_bytes_max = 1024 * 1024;
    let server = Running::start(settings(vec![one]), false).await;
    let long = "s".repeat(300 * 1024);
    let body = serde_json::json!({"events": [{"id": "1", "type": "sent", "pad": long}]}).to_string();
    assert_eq!(status(&exchange(server.public, &post(&body, "close")).await), 200);
    assert_eq!(server.store.events(), 1);
    server.stop().await;
}
