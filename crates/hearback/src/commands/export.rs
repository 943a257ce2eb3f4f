//! `hearback export`: events or messages to a file, page by page, in constant memory.

#[cfg(feature = "parquet")]
mod columnar;
mod row;

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use hearback_event::EventId;
use indicatif::ProgressBar;
use serde_json::Value;
use tempfile::NamedTempFile;

use super::events::{FilterArgs, PAGE, Pairs, page};
use super::messages;
use crate::cli::Global;
use crate::client::{Client, Where};
use crate::exit::{CliError, Exit};
use crate::{output, progress, runtime, show};

/// Arguments of `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Events, the first received first
    Events(EventsArgs),
    /// Messages as they stand now, those of which something happened last first
    Messages(MessagesArgs),
}

#[derive(Debug, Args)]
struct EventsArgs {
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, Args)]
struct MessagesArgs {
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    filter: messages::FilterArgs,
    #[command(flatten)]
    place: Where,
}

/// Where to, and how.
#[derive(Debug, Args)]
struct FileArgs {
    /// ndjson: everything, one JSON object per line; of events, what `hearback import` reads. csv: for spreadsheets. parquet: for
    /// analysis, where it was built in (feature `parquet`)
    #[arg(long, value_enum, default_value_t = Format::Ndjson)]
    format: Format,
    /// The file to make [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long, requires = "output")]
    force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Ndjson,
    Csv,
    #[cfg(feature = "parquet")]
    Parquet,
}

/// Runs `export`.
pub(crate) fn run(args: &ExportArgs, global: &Global) -> Result<Exit, CliError> {
    let (file, place) = match &args.what {
        What::Events(args) => (&args.file, &args.place),
        What::Messages(args) => (&args.file, &args.place),
    };
    if let Some(path) = &file.output
        && path.exists()
        && !file.force
    {
        return Err(CliError::failed(format!("there is a file {} already", path.display()))
            .hint("name another one, or replace it with --force"));
    }
    let client = place.open(global)?;
    write_to(file, &client, &args.what)
}

fn write_to(args: &FileArgs, client: &Client, what: &What) -> Result<Exit, CliError> {
    let Some(path) = &args.output else {
        let mut out = BufWriter::new(io::stdout().lock());
        return match run_to_end(what, client, &mut out) {
            // A reader that went away has seen what it wanted.
            Err(Stopped::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Ok),
            Err(stopped) => Err(stopped.said("standard output")),
            Ok(_) => Ok(Exit::Ok),
        };
    };
    let shown = path.display().to_string();
    let failed = |error: io::Error| Stopped::Write(error).said(&shown);
    // Under another name until it is complete: half an export looks like a whole one.
    let mut part = part_of(path).map_err(failed)?;
    let mut out = BufWriter::new(part.as_file_mut());
    let count = run_to_end(what, client, &mut out).map_err(|stopped| stopped.said(&shown))?;
    out.flush().map_err(failed)?;
    drop(out);
    part.as_file().sync_all().map_err(failed)?;
    let named = if args.force { part.persist(path) } else { part.persist_noclobber(path) };
    named.map_err(|error| failed(error.error))?;
    let rows = if matches!(what, What::Events(_)) { "events" } else { "messages" };
    output::note(format_args!("{count} {rows} written to {shown}"));
    Ok(Exit::Ok)
}

/// Writes everything, on this thread; how many rows that were.
fn run_to_end(what: &What, client: &Client, out: &mut dyn Write) -> Result<u64, Stopped> {
    runtime::block_on(async {
        Ok(match what {
            What::Events(args) => write_events(args, client, out).await,
            What::Messages(args) => write_messages(args, client, out).await,
        })
    })?
}

fn part_of(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() {
        tempfile::Builder::new().prefix(".hearback-").suffix(".part").tempfile_in(folder)
    } else {
        Err(io::Error::new(io::ErrorKind::NotFound, "there is no such folder"))
    }
}

/// Why an export ended before its end.
enum Stopped {
    Write(io::Error),
    Ask(CliError),
}

impl Stopped {
    fn said(self, to: &str) -> CliError {
        match self {
            Self::Write(error) => CliError::failed(format!("cannot write to {to}: {error}")),
            Self::Ask(error) => error,
        }
    }
}

impl From<CliError> for Stopped {
    fn from(error: CliError) -> Self {
        Self::Ask(error)
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

/// Writes everything that passes the filter up to now; how many events that were.
async fn write_events(args: &EventsArgs, client: &Client, out: &mut dyn Write) -> Result<u64, Stopped> {
    let mut filter = args.filter.pairs(client).await?;
    if args.file.format == Format::Ndjson {
        filter.push(("include", "keys".to_owned()));
    }
    let last = newest(client, &Pairs::new()).await?;
    let bar = progress::bar(last, "{bar:30} {percent}% of the log, {msg} events, {eta} left");
    let mut rows = Rows::begin(args.file.format, row::OF_EVENTS, out)?;
    let written = write_pages(client, &filter, last, &mut rows, &bar).await;
    bar.finish_and_clear();
    written?;
    rows.finish()
}

/// Writes every message that passes the filter, as it stands now; how many messages that were.
async fn write_messages(args: &MessagesArgs, client: &Client, out: &mut dyn Write) -> Result<u64, Stopped> {
    let mut pages = messages::Pages::new(client, args.filter.pairs()?);
    let bar = progress::counter("{spinner} {msg} messages");
    let mut rows = Rows::begin(args.file.format, row::OF_MESSAGES, out)?;
    let written = async {
        while let Some(page) = pages.next(usize::MAX).await? {
            for message in &page {
                rows.write(message)?;
            }
            bar.set_message(rows.count.to_string());
            bar.tick();
        }
        Ok::<(), Stopped>(())
    }
    .await;
    bar.finish_and_clear();
    written?;
    rows.finish()
}

async fn write_pages(
    client: &Client,
    filter: &Pairs,
    last: u64,
    rows: &mut Rows<'_>,
    bar: &ProgressBar,
) -> Result<(), Stopped> {
    let mut cursor = None;
    loop {
        let page = page(client, filter, "oldest", PAGE, cursor.take()).await?;
        let events = show::list(&page, "/data");
        for event in events {
            let at = position(event);
            // What comes in meanwhile would never end.
            if at > last {
                return Ok(());
            }
            rows.write(event)?;
            bar.set_position(at);
        }
        bar.set_message(rows.count.to_string());
        cursor = page.get("next_cursor").and_then(Value::as_str).map(ToOwned::to_owned);
        // The oldest first, the log always has a cursor.
        if events.len() < PAGE || cursor.is_none() {
            return Ok(());
        }
    }
}

/// The position of the newest event.
async fn newest(client: &Client, filter: &Pairs) -> Result<u64, CliError> {
    let newest = page(client, filter, "newest", 1, None).await?;
    Ok(show::list(&newest, "/data").first().map_or(0, position))
}

fn position(event: &Value) -> u64 {
    show::text(event, "/id").parse::<EventId>().map_or(0, EventId::position)
}

struct Rows<'a> {
    format: Format,
    columns: row::Columns,
    out: &'a mut dyn Write,
    count: u64,
    #[cfg(feature = "parquet")]
    columnar: Option<columnar::Columnar>,
}

impl<'a> Rows<'a> {
    fn begin(format: Format, columns: row::Columns, out: &'a mut dyn Write) -> io::Result<Self> {
        if format == Format::Csv {
            out.write_all(row::head(columns).as_bytes())?;
        }
        Ok(Self {
            format,
            columns,
            out,
            count: 0,
            #[cfg(feature = "parquet")]
            columnar: (format == Format::Parquet).then(|| columnar::Columnar::new(columns)).transpose()?,
        })
    }

    fn write(&mut self, event: &Value) -> io::Result<()> {
        self.count += 1;
        match self.format {
            Format::Ndjson => writeln!(self.out, "{event}"),
            Format::Csv => self.out.write_all(row::row(self.columns, event).as_bytes()),
            #[cfg(feature = "parquet")]
            Format::Parquet => self.columnar.as_mut().map_or(Ok(()), |rows| rows.write(event, self.out)),
        }
    }

    /// How many there were.
    fn finish(self) -> Result<u64, Stopped> {
        #[cfg(feature = "parquet")]
        if let Some(mut rows) = self.columnar {
            rows.finish(self.out)?;
        }
        self.out.flush()?;
        Ok(self.count)
    }
}
