//! `file` and `stdout`: one JSON object per line, for log shippers and pipes.
//!
//! A file is opened for each push, so that it can also be moved away by others (logrotate), and synced to disk before its events count
//! as taken. When it would grow beyond its bound it becomes `FILE.1`, that one `FILE.2`, and so on; the last one goes. Half a line,
//! which only a crash can leave behind, is cut off before something is added: its event comes again.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hearback_event::Timestamp;
use parking_lot::Mutex;

use crate::parcel::{Carrier, Failure, Outcome, Parcel};

/// What a file is written like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinesOptions {
    /// The file.
    pub path: PathBuf,
    /// It is turned over before it grows beyond so many bytes.
    pub bytes_max: u64,
    /// So many old files are kept.
    pub keep: u32,
}

/// Writes lines to a file.
#[derive(Debug)]
pub struct Lines {
    options: Arc<LinesOptions>,
    /// Whoever writes has the file for himself.
    writing: Arc<Mutex<()>>,
}

/// Writes lines to standard output.
#[derive(Debug, Default)]
pub struct Stdout;

impl Lines {
    /// Lines in a file.
    pub fn new(options: LinesOptions) -> Self {
        Self { options: Arc::new(options), writing: Arc::default() }
    }
}

fn lines(load: &[Parcel]) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    for parcel in load {
        serde_json::to_writer(&mut text, &*parcel.record)
            .map_err(|error| Failure::new(format!("the event cannot be written as JSON: {error}")))?;
        text.push(b'\n');
    }
    Ok(text)
}

/// Writes away from the tasks that serve others.
async fn write(text: Vec<u8>, write: impl FnOnce(&[u8]) -> io::Result<()> + Send + 'static) -> Outcome {
    match tokio::task::spawn_blocking(move || write(&text)).await {
        Ok(Ok(())) => Outcome::Taken,
        Ok(Err(error)) => Failure::new(format!("cannot write: {error}")).into(),
        Err(_) => Failure::new("the writing thread failed").into(),
    }
}

impl Carrier for Lines {
    fn kind(&self) -> &'static str {
        "file"
    }

    fn target(&self) -> String {
        self.options.path.display().to_string()
    }

    fn carry<'a>(&'a self, load: &'a [Parcel], _now: Timestamp) -> BoxFuture<'a, Outcome> {
        async move {
            let text = match lines(load) {
                Ok(text) => text,
                Err(failure) => return failure.into(),
            };
            let (options, writing) = (Arc::clone(&self.options), Arc::clone(&self.writing));
            write(text, move |text| {
                let _alone = writing.lock();
                append(&options, text)
            })
            .await
        }
        .boxed()
    }
}

impl Carrier for Stdout {
    fn kind(&self) -> &'static str {
        "stdout"
    }

    fn target(&self) -> String {
        "standard output".to_owned()
    }

    fn carry<'a>(&'a self, load: &'a [Parcel], _now: Timestamp) -> BoxFuture<'a, Outcome> {
        async move {
            let text = match lines(load) {
                Ok(text) => text,
                Err(failure) => return failure.into(),
            };
            write(text, |text| {
                let mut out = io::stdout().lock();
                out.write_all(text)?;
                out.flush()
            })
            .await
        }
        .boxed()
    }
}

fn append(options: &LinesOptions, text: &[u8]) -> io::Result<()> {
    let mut file = open(&options.path)?;
    let mut length = cut_half_line(&mut file)?;
    if length > 0 && length + text.len() as u64 > options.bytes_max {
        drop(file);
        turn_over(options)?;
        file = open(&options.path)?;
        length = 0;
    }
    file.seek(SeekFrom::Start(length))?;
    let written = file.write_all(text).and_then(|()| file.sync_data());
    if written.is_err() {
        // The disk may be full: what is half written comes again.
        file.set_len(length)?;
    }
    written
}

fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Cuts off what stands behind the last line. The length after that.
fn cut_half_line(file: &mut File) -> io::Result<u64> {
    const PIECE: u64 = 64 << 10;
    let length = file.metadata()?.len();
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(PIECE);
        let mut piece = vec![0; (end - start) as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut piece)?;
        if let Some(at) = piece.iter().rposition(|byte| *byte == b'\n') {
            end = start + at as u64 + 1;
            break;
        }
        end = start;
    }
    if end < length {
        file.set_len(end)?;
    }
    Ok(end)
}

fn turn_over(options: &LinesOptions) -> io::Result<()> {
    let old = |number: u32| {
        let mut name = options.path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    if options.keep == 0 {
        return fs::remove_file(&options.path);
    }
    for number in (1..options.keep).rev() {
        if old(number).exists() {
            fs::rename(old(number), old(number + 1))?;
        }
    }
    fs::rename(&options.path, old(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(folder: &tempfile::TempDir) -> LinesOptions {
        LinesOptions { path: folder.path().join("events.ndjson"), bytes_max: 25, keep: 2 }
    }

    #[test]
    fn a_full_file_is_turned_over_and_the_last_one_goes() {
        let folder = tempfile::tempdir().unwrap();
        let options = options(&folder);
        for number in 0..9 {
            append(&options, format!("{{\"n\":{number}}}\n{{}}\n").as_bytes()).unwrap();
        }
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("events.ndjson"), "{\"n\":8}\n{}\n");
        assert_eq!(read("events.ndjson.1"), "{\"n\":6}\n{}\n{\"n\":7}\n{}\n");
        assert_eq!(read("events.ndjson.2"), "{\"n\":4}\n{}\n{\"n\":5}\n{}\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn half_a_line_is_cut_off_and_a_file_that_was_moved_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let options = options(&folder);
        fs::write(&options.path, "{\"a\":1}\n{\"b\":").unwrap();
        append(&options, b"{\"b\":2}\n").unwrap();
        assert_eq!(fs::read_to_string(&options.path).unwrap(), "{\"a\":1}\n{\"b\":2}\n");
        fs::rename(&options.path, folder.path().join("moved")).unwrap();
        append(&options, b"{}\n").unwrap();
        assert_eq!(fs::read_to_string(&options.path).unwrap(), "{}\n");
        fs::write(&options.path, "no line at all").unwrap();
        append(&options, b"{}\n").unwrap();
        assert_eq!(fs::read_to_string(&options.path).unwrap(), "{}\n");
    }
}
