//! Reading a body: whole, capped, in time.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, EXPECT};
use hyper::body::Body;
use tokio::time::Sleep;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// Longer than allowed.
    TooLarge,
    /// Not complete in time.
    TimedOut,
    /// The sender broke off.
    Disconnected,
}

/// The whole body, of at most `bytes_max` bytes, within `timeout`. A body that came in one piece is not copied.
///
/// Of a body that is too long, as many bytes again are read and thrown away, so that its sender reads the answer
/// before the connection is closed; a sender that asked first (`Expect: 100-continue`) is answered at once.
pub(super) async fn read<B>(
    mut body: B,
    headers: &HeaderMap,
    bytes_max: usize,
    timeout: Duration,
) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let stated = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let mut deadline = Deadline { timeout, sleep: None };
    if stated.is_some_and(|length| length > bytes_max as u64) {
        if !headers.contains_key(EXPECT) {
            discard(&mut body, bytes_max.saturating_mul(2), &mut deadline).await;
        }
        return Err(BodyError::TooLarge);
    }
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(data) = next(&mut body, &mut deadline).await? {
        let read = first.len() + joined.len();
        if read + data.len() > bytes_max {
            discard(&mut body, bytes_max, &mut deadline).await;
            return Err(BodyError::TooLarge);
        }
        if read == 0 {
            first = data;
            continue;
        }
        if joined.is_empty() {
            joined.reserve(stated.unwrap_or(0) as usize);
            joined.extend_from_slice(&std::mem::take(&mut first));
        }
        joined.extend_from_slice(&data);
    }
    Ok(if joined.is_empty() { first } else { joined.freeze() })
}

async fn discard<B: Body<Data = Bytes> + Unpin>(body: &mut B, bytes_max: usize, deadline: &mut Deadline) {
    let mut left = bytes_max;
    while let Ok(Some(data)) = next(body, deadline).await {
        let Some(rest) = left.checked_sub(data.len()) else { return };
        left = rest;
    }
}

/// A timer that is made only when something has to be waited for: most bodies came with their head.
struct Deadline {
    timeout: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

/// The next piece; `None` at the end.
async fn next<B: Body<Data = Bytes> + Unpin>(
    body: &mut B,
    deadline: &mut Deadline,
) -> Result<Option<Bytes>, BodyError> {
    poll_fn(|context| {
        loop {
            match Pin::new(&mut *body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers carry nothing that a provider signs.
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Ok(Some(data)));
                    }
                }
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(BodyError::Disconnected)),
                Poll::Ready(None) => return Poll::Ready(Ok(None)),
                Poll::Pending => break,
            }
        }
        let timeout = deadline.timeout;
        let sleep = deadline.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        sleep.as_mut().poll(context).map(|()| Err(BodyError::TimedOut))
    })
    .await
}
