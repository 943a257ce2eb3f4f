//! As much of HTTP/1.1 as a load generator needs: ready requests out, status and body in, connections kept alive.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// No answer is larger.
const LONGEST: usize = 64 << 20;

/// A connection that is kept alive.
pub(crate) struct Connection {
    stream: TcpStream,
    /// What was received; the answer of the last request lies at its beginning.
    buffer: Vec<u8>,
    filled: usize,
}

/// The head of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Where the body begins.
    body_at: usize,
    body_length: usize,
}

impl Connection {
    /// Connects to a port of this machine.
    pub(crate) async fn open(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 16 << 10], filled: 0 })
    }

    /// Sends a complete request and waits for the whole answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> anyhow::Result<(u16, &[u8])> {
        self.stream.write_all(request).await.context("cannot send")?;
        self.filled = 0;
        let mut head = None;
        loop {
            let wanted = head.as_ref().map_or(1, |head: &Head| head.body_at + head.body_length);
            if head.is_some() && self.filled >= wanted {
                break;
            }
            if self.buffer.len() < wanted.max(self.filled + 1) {
                ensure!(wanted <= LONGEST && self.filled < LONGEST, "the answer is too long");
                self.buffer.resize(wanted.max(self.buffer.len() * 2), 0);
            }
            let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
            match self.stream.read(room).await.context("cannot receive")? {
                0 => bail!("the server closed the connection"),
                count => self.filled += count,
            }
            if head.is_none() {
                head = Head::parse(self.buffer.get(..self.filled).unwrap_or_default())?;
            }
        }
        let Some(head) = head else { bail!("there was no answer") };
        let body = self.buffer.get(head.body_at..head.body_at + head.body_length).unwrap_or_default();
        Ok((head.status, body))
    }
}

impl Head {
    /// Reads the head, if it is complete.
    fn parse(bytes: &[u8]) -> anyhow::Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let head = bytes.get(..end).unwrap_or_default();
        let digits = head.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3));
        let status = digits.and_then(number).context("this is no HTTP/1.1 answer")? as u16;
        let mut body_length = None;
        for line in head.split(|byte| *byte == b'\n').skip(1) {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
            let (name, value) = line.split_at(colon);
            if name.eq_ignore_ascii_case(b"content-length") {
                body_length = number(value.get(1..).unwrap_or_default().trim_ascii());
            }
        }
        let body_length = if status == 204 { Some(0) } else { body_length };
        let body_length = body_length.context("the answer has no Content-Length")?;
        Ok(Some(Self { status, body_at: end + 4, body_length }))
    }
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// A request for something, with a token if one is given.
pub(crate) fn get(path: &str, token: Option<&str>) -> Vec<u8> {
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{token}\r\n").into_bytes()
}

/// A request that brings something.
pub(crate) fn post(path: &str, headers: &[(&str, &str)], body: &[u8]) -> Box<[u8]> {
    let mut request = Vec::with_capacity(512 + body.len());
    request.extend_from_slice(format!("POST {path} HTTP/1.1\r\nHost: hooks.example.com\r\n").as_bytes());
    for (name, value) in headers {
        request.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    request.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    request.extend_from_slice(body);
    request.into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_when_they_are_complete() {
        let answer = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\ncontent-LENGTH:  12\r\n\r\nabc";
        let head = Head::parse(answer).unwrap().unwrap();
        assert_eq!((head.status, head.body_length, &answer[head.body_at..]), (503, 12, &b"abc"[..]));
        assert_eq!(Head::parse(&answer[..40]).unwrap(), None);
        assert_eq!(Head::parse(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().unwrap().body_length, 0);
        for wrong in ["HTTP/1.1 200 OK\r\n\r\n", "SMTP\r\n\r\n"] {
            assert!(Head::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
