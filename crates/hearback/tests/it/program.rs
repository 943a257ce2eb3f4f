//! A folder, and the program in it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A folder of its own, an environment of its own.
pub(crate) struct Program {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

/// How a run ended.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Program {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hearback"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Done { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Starts serving on a free port, and waits until it says what there is to try.
    pub(crate) fn serve(&self, arguments: &[&str]) -> Serving {
        let all: Vec<&str> = ["serve", "--listen", "127.0.0.1:0"].iter().chain(arguments).copied().collect();
        let log = fs::File::create(self.path("log.txt")).unwrap();
        let mut child = self.command(&all).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut welcome = String::new();
        for line in lines.by_ref() {
            let line = line.unwrap();
            welcome.push_str(&line);
            welcome.push('\n');
            if line.ends_with("/docs") {
                break;
            }
        }
        assert!(welcome.contains("/docs"), "it ended: {}", fs::read_to_string(self.path("log.txt")).unwrap());
        Serving { child, welcome, log: self.path("log.txt") }
    }
}

/// A running server.
pub(crate) struct Serving {
    child: Child,
    pub(crate) welcome: String,
    log: PathBuf,
}

/// An answer over HTTP.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// As it came, perhaps in chunks; empty where the connection broke.
    pub(crate) body: String,
}

impl Serving {
    /// `127.0.0.1:PORT`, as it was printed.
    pub(crate) fn address(&self) -> &str {
        let (_, after) = self.welcome.split_once("http://").unwrap();
        after.split([' ', '/', '\n']).next().unwrap()
    }

    /// The token, if one was printed.
    pub(crate) fn token(&self) -> Option<String> {
        let (_, after) = self.welcome.split_once("HEARBACK_TOKEN=")?;
        Some(after.split_whitespace().next()?.to_owned())
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn get(&self, path: &str, token: Option<&str>) -> Answer {
        let authorization = token.map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
        self.exchange(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{authorization}\r\n"))
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        let length = body.len();
        self.exchange(&format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }

    /// Hands JSON to the API.
    pub(crate) fn give(&self, path: &str, token: &str, body: &str) -> Answer {
        exchange(self.address(), &giving(path, token, body))
    }

    fn exchange(&self, request: &str) -> Answer {
        exchange(self.address(), request)
    }

    /// Asks it to stop in order; its exit code.
    pub(crate) fn stop(mut self) -> i32 {
        let id = self.child.id().to_string();
        assert!(Command::new("/bin/kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().code().unwrap_or(-1)
    }

    /// Ends it with `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A request that hands JSON to the API.
pub(crate) fn giving(path: &str, token: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// Sends a request, and reads what comes until the connection ends.
pub(crate) fn exchange(address: &str, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    // A server that is killed breaks it off.
    drop(stream.read_to_string(&mut text));
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    Answer { status, body }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Who may do what with a file.
pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
