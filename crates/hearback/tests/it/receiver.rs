//! The receivers in `examples/receivers/`, started as processes of their own.

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver as Lines};
use std::time::Duration;

/// How long a line is waited for that must come; a run that goes well never waits so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// A receiver that runs, and what it says.
pub(crate) struct Receiver {
    child: Child,
    lines: Lines<String>,
    /// All of that which was read.
    pub(crate) said: Vec<String>,
    /// Where it listens.
    pub(crate) url: String,
    /// The path of its hook.
    pub(crate) path: &'static str,
    /// Where it was put together.
    _folder: Option<tempfile::TempDir>,
}

/// Starts a receiver that knows these secrets; nothing if it ends at once.
pub(crate) type Start = fn(&str) -> Option<Receiver>;

/// The path of the receivers for frameworks.
const HOOKS: &str = "/hooks/hearback";

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/receivers")
}

/// What the test puts around the example of a framework.
fn around(framework: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/receivers").join(framework)
}

/// Where `./test examples` installed what the frameworks need.
fn installed() -> PathBuf {
    std::env::var_os("HEARBACK_FRAMEWORKS").expect("./test examples sets HEARBACK_FRAMEWORKS").into()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

/// A folder with the example of a framework, and what the test puts around it.
fn application(framework: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&examples().join(framework), folder.path());
    copy(&around(framework), folder.path());
    folder
}

/// Whether a language is installed here.
pub(crate) fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn lines_of(stream: impl Read + Send + 'static) -> Lines<String> {
    let (sender, lines) = mpsc::channel();
    // Read on whatever happens, so that a receiver with much to say does not stand still.
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            drop(sender.send(line));
        }
    });
    lines
}

impl Receiver {
    /// One that says on standard output where it listens and what it handles.
    fn start(command: &mut Command, path: &'static str, folder: Option<tempfile::TempDir>) -> Option<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        let mut receiver = Self { child, lines, said: Vec::new(), url: String::new(), path, _folder: folder };
        let first = receiver.lines.recv().ok()?;
        first.strip_prefix("listening on ").unwrap().clone_into(&mut receiver.url);
        Some(receiver)
    }

    /// PHP's own server, which says on standard error what goes on. Its script is in the folder.
    fn start_php(
        command: &mut Command,
        script: &Path,
        path: &'static str,
        folder: Option<tempfile::TempDir>,
    ) -> Option<Self> {
        // The port is free at this moment; the server takes it at once.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut child = command.args(["-S", &address]).arg(script).stderr(Stdio::piped()).spawn().unwrap();
        let lines = lines_of(child.stderr.take().unwrap());
        let url = format!("http://{address}");
        let receiver = Self { child, lines, said: Vec::new(), url, path, _folder: folder };
        receiver.lines.recv().ok()?.contains("started").then_some(receiver)
    }

    /// Plain Python.
    pub(crate) fn python(secrets: &str) -> Option<Self> {
        Self::plain(Command::new("python3").arg(examples().join("receive.py")), secrets)
    }

    /// Plain Node.
    pub(crate) fn node(secrets: &str) -> Option<Self> {
        Self::plain(Command::new("node").arg(examples().join("receive.mjs")), secrets)
    }

    /// Rust with axum: the example that is built with the tests.
    pub(crate) fn rust(secrets: &str) -> Option<Self> {
        let program = Path::new(env!("CARGO_BIN_EXE_hearback")).parent().unwrap().join("examples/receive");
        Self::plain(&mut Command::new(program), secrets)
    }

    fn plain(command: &mut Command, secrets: &str) -> Option<Self> {
        Self::start(command.arg("0").env("WEBHOOK_SECRET", secrets), "/hook", None)
    }

    /// Plain PHP.
    pub(crate) fn php(secrets: &str) -> Option<Self> {
        // It keeps what it has seen in the folder for temporary files.
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("php");
        command.env("WEBHOOK_SECRET", secrets).env("TMPDIR", folder.path());
        Self::start_php(&mut command, &examples().join("receive.php"), "/hook", Some(folder))
    }

    /// Express, whose packages stand beside the example as `npm ci` leaves them.
    pub(crate) fn express(secrets: &str) -> Option<Self> {
        let folder = application("express");
        let packages = installed().join("express/node_modules");
        std::os::unix::fs::symlink(packages, folder.path().join("node_modules")).unwrap();
        let mut command = Command::new("node");
        command.args(["app.mjs", "0"]).current_dir(folder.path()).env("HEARBACK_WEBHOOK_SECRETS", secrets);
        Self::start(&mut command, HOOKS, Some(folder))
    }

    /// Django beside django-anymail.
    pub(crate) fn django(secrets: &str) -> Option<Self> {
        Self::start_django(secrets, "")
    }

    /// Django without django-anymail.
    pub(crate) fn django_alone(secrets: &str) -> Option<Self> {
        Self::start_django(secrets, "1")
    }

    fn start_django(secrets: &str, without_anymail: &str) -> Option<Self> {
        let folder = application("django");
        let mut command = Command::new(installed().join("venv/bin/python"));
        command.arg("project.py").current_dir(folder.path());
        command.env("WITHOUT_ANYMAIL", without_anymail).env("HEARBACK_WEBHOOK_SECRETS", secrets);
        Self::start(&mut command, HOOKS, Some(folder))
    }

    /// Laravel, served by PHP itself.
    pub(crate) fn laravel(secrets: &str) -> Option<Self> {
        let folder = application("laravel");
        for made in ["bootstrap/cache", "storage/framework/views"] {
            fs::create_dir_all(folder.path().join(made)).unwrap();
        }
        fs::write(folder.path().join("database/app.sqlite"), "").unwrap();
        let mut command = Command::new("php");
        command.current_dir(folder.path()).env("HEARBACK_WEBHOOK_SECRETS", secrets);
        Self::start_php(&mut command, Path::new("index.php"), HOOKS, Some(folder))
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// The next events that it handled.
    pub(crate) fn handled(&mut self, count: usize) -> Vec<String> {
        let mut handled = Vec::new();
        while handled.len() < count {
            let line = self.next(|| format!("{count} events, and only {handled:#?}"));
            if line.contains(" evt_") {
                handled.push(line);
            }
        }
        handled
    }

    fn next(&mut self, wanted: impl FnOnce() -> String) -> String {
        let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
            panic!("waited for {}; it said {:#?}", wanted(), self.said)
        };
        self.said.push(line.clone());
        line
    }

    /// Everything that it says, until it has handled this event.
    pub(crate) fn lines_until(&mut self, id: &str) -> Vec<String> {
        let begin = self.said.len();
        while !self.next(|| id.to_owned()).contains(&format!(" {id} ")) {}
        self.said[begin..].to_vec()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
