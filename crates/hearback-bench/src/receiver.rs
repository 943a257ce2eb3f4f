//! Who is pushed to: takes everything at once, and notes when it came.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hearback_event::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

/// The longest request that is read.
const LONGEST: usize = 1 << 20;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
/// The member of a pushed event that says when it came in.
const RECEIVED_AT: &str = "\"received_at\":\"";

/// A webhook receiver on a port of its own.
pub(crate) struct Receiver {
    port: u16,
    noted: Arc<Noted>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Noted {
    count: AtomicU64,
    /// Nanoseconds from when each event came into Hearback to when it came here.
    delays: Mutex<Vec<u64>>,
}

impl Receiver {
    /// Listens until it is dropped.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let noted = Arc::new(Noted::default());
        let shared = Arc::clone(&noted);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(take(stream, Arc::clone(&shared)));
            }
        });
        Ok(Self { port, noted, task })
    }

    /// The part of a configuration that has events pushed here.
    pub(crate) fn destination(&self) -> String {
        format!(
            "\n[destinations.bench]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{}/\"\nallow_networks = [\"127.0.0.1\"]\n\
             secrets = [\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]\n",
            self.port
        )
    }

    /// How many events came so far.
    pub(crate) fn count(&self) -> u64 {
        self.noted.count.load(Ordering::Relaxed)
    }

    /// The delays of what came since this was asked last, sorted.
    pub(crate) async fn take_delays(&self) -> Vec<u64> {
        let mut delays = std::mem::take(&mut *self.noted.delays.lock().await);
        delays.sort_unstable();
        delays
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers requests on one connection, as long as there are some.
async fn take(mut stream: TcpStream, noted: Arc<Noted>) {
    let mut buffer: Vec<u8> = Vec::with_capacity(16 << 10);
    loop {
        let Some(length) = length(&buffer) else {
            if buffer.len() > LONGEST || matches!(stream.read_buf(&mut buffer).await, Ok(0) | Err(_)) {
                return;
            }
            continue;
        };
        let now = Timestamp::now();
        let request: Vec<u8> = buffer.drain(..length).collect();
        noted.count.fetch_add(1, Ordering::Relaxed);
        if let Some(delay) = delay(&request, now) {
            noted.delays.lock().await.push(delay);
        }
        if stream.write_all(ANSWER).await.is_err() {
            return;
        }
    }
}

/// The length of the first request, once it is all there.
fn length(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(buffer.get(..head)?).ok()?;
    let body = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let whole = head + body.unwrap_or_default();
    (buffer.len() >= whole).then_some(whole)
}

fn delay(request: &[u8], now: Timestamp) -> Option<u64> {
    let text = String::from_utf8_lossy(request);
    let (_, rest) = text.split_once(RECEIVED_AT)?;
    let at = rest.split('"').next()?.parse::<Timestamp>().ok()?;
    u64::try_from(now.as_nanos() - at.as_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_when_all_of_it_is_there() {
        let request = b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET";
        assert_eq!(length(request), Some(request.len() - 3));
        assert_eq!(length(&request[..request.len() - 4]), None);
        assert_eq!(length(b"POST / HTTP/1.1\r\n"), None);
        let at = "2026-11-20T10:00:00Z".parse::<Timestamp>().unwrap();
        let body = b"{\"received_at\":\"2026-11-20T10:00:00Z\"}";
        assert_eq!(delay(body, at.plus_seconds(1)), Some(1_000_000_000));
    }
}
