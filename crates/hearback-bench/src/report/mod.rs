//! What is printed: tables that are readable as they stand, and Markdown.

mod table;

use std::fmt;
use std::io::{self, Write as _};

use crate::cli::Storage;
use crate::figures::{Growth, Load, Point, Stored, UNSTEADY, Windows};
use crate::push::Push;
use crate::run::Report;
use crate::traffic::POSSIBLE_RECIPIENTS;
use table::Table;

/// Prints the report.
pub(crate) fn print(text: &str) -> io::Result<()> {
    io::stdout().lock().write_all(text.as_bytes())
}

/// Tells how far it is, where people look.
pub(crate) fn note(text: fmt::Arguments<'_>) {
    // Nobody may be listening.
    drop(writeln!(io::stderr(), "{text}"));
}

/// The whole report.
pub(crate) fn markdown(report: &Report) -> String {
    let mut parts = vec![report.machine.line()];
    if report.quick {
        parts.push("A quick run: it shows that everything works. Its figures mean nothing.".to_owned());
    }
    let stolen = most_stolen(report);
    if stolen >= UNSTEADY {
        parts.push(format!(
            "The host gave up to {} of a core to others during a measurement: times of requests and reads are not judged where it was more than {}; rates are compared per \
             second that it left to them.",
            percent(stolen),
            percent(UNSTEADY)
        ));
    }
    parts.push(format!("### Small store, {} s per figure, median of {}", report.seconds, report.repeat));
    parts.push(format!(
        "(a) a handler that reads the body and answers 200; (b) signed Mailgun events, one each, {} bytes with headers; (c) signed \
         SendGrid batches of 100, {} bytes. Every accepted event was found in the store.",
        report.single_bytes, report.batch_bytes
    ));
    parts.push(cases(report));
    parts.push(ratios(report));
    for growth in &report.growth {
        parts.push(format!("### Growing store, {}", growth.storage.title()));
        parts.push(format!(
            "Filled with SendGrid batches: {POSSIBLE_RECIPIENTS} possible recipients, four events per message, two labels and a tag. \
             (b) at 256 connections, (c) at 64."
        ));
        parts.push(rates(growth));
        parts.push(sizes(growth));
        parts.push(reads(growth));
        parts.push(match &growth.check {
            Ok(seconds) => format!("`hearback rebuild --check` afterwards: clean, {seconds:.1} s."),
            Err(error) => format!("`hearback rebuild --check` afterwards FAILED: {error}"),
        });
    }
    if let Some(push) = &report.push {
        parts.push("### Pushing to one webhook receiver".to_owned());
        parts.push(pushing(push));
    }
    parts.push("### Targets".to_owned());
    parts.push(targets(report));
    parts.join("\n\n") + "\n"
}

/// The largest share of the servers' core that any measurement went without.
fn most_stolen(report: &Report) -> f64 {
    let of_stored = |stored: &Stored| [stored.single.stolen, stored.batch.stolen];
    let rows =
        report.rows.iter().flat_map(|row| row.stored.iter().flat_map(of_stored).chain([row.limit.stolen]));
    let of_windows = |windows: &Windows| [windows.single.load.stolen, windows.batch.load.stolen];
    let of_reads = |point: &Point| point.reads.iter().map(|read| read.stolen).fold(0.0, f64::max);
    let of_point = |point: &Point| of_windows(&point.windows).into_iter().chain([of_reads(point)]);
    let growth = report.growth.iter().flat_map(|growth| {
        growth.points.iter().flat_map(of_point).chain(growth.control.iter().flat_map(of_windows))
    });
    rows.chain(growth).fold(0.0, f64::max)
}

fn cases(report: &Report) -> String {
    let mut table = Table::new(&[
        "case",
        "connections",
        "requests/s",
        "events/s",
        "p50 ms",
        "p99 ms",
        "CPU µs/request",
        "CPU µs/event",
        "server busy",
        "stolen",
        "load busy",
        "requests/commit",
        "RSS MiB",
        "peak MiB",
        "refused",
    ]);
    let mut case = |name: &str, connections: usize, load: &Load| {
        table.row([name.to_owned(), connections.to_string()].into_iter().chain(load_cells(load)));
    };
    for row in &report.rows {
        case("(a) limit", row.connections, &row.limit);
    }
    let storages: Vec<Storage> =
        report.rows.first().into_iter().flat_map(|row| &row.stored).map(|stored| stored.storage).collect();
    for storage in storages {
        let stored = || report.rows.iter().filter_map(|row| Some((row.connections, row.on(storage)?)));
        for (connections, stored) in stored() {
            case(&format!("(b) Mailgun, {}", storage.title()), connections, &stored.single);
        }
        for (connections, stored) in stored() {
            case(&format!("(c) SendGrid, {}", storage.title()), connections, &stored.batch);
        }
    }
    table.to_string()
}

fn load_cells(load: &Load) -> [String; 13] {
    [
        count(load.requests_per_s),
        count(load.events_per_s),
        format!("{:.2}", load.p50_ms),
        format!("{:.2}", load.p99_ms),
        format!("{:.1}", load.cpu_us_per_request),
        format!("{:.1}", load.cpu_us_per_event),
        percent(load.server_busy),
        percent(load.stolen),
        percent(load.generator_busy),
        if load.requests_per_commit > 0.0 {
            format!("{:.1}", load.requests_per_commit)
        } else {
            "-".to_owned()
        },
        format!("{:.0}", load.memory_mib),
        format!("{:.0}", load.peak_mib),
        load.refused.to_string(),
    ]
}

fn ratios(report: &Report) -> String {
    let mut table = Table::new(&["database", "connections", "(b)/(a) requests", "(c)/(b) events"]);
    for row in &report.rows {
        for stored in &row.stored {
            let (single, batch) = (row.single_to_limit(stored), stored.batch_to_single());
            let title = stored.storage.title().to_owned();
            table.row([title, row.connections.to_string(), format!("{single:.3}"), format!("{batch:.2}")]);
        }
    }
    table.to_string()
}

fn rates(growth: &Growth) -> String {
    let mut table = Table::new(&[
        "case",
        "events before",
        "events after",
        "events/s",
        "p50 ms",
        "p99 ms",
        "CPU µs/event",
        "server busy",
        "stolen",
        "load busy",
    ]);
    let singles = growth.points.iter().map(|point| ("(b) Mailgun", &point.windows.single));
    let batches = growth.points.iter().map(|point| ("(c) SendGrid", &point.windows.batch));
    let single_control = growth.control.iter().map(|control| ("(b) a new store", &control.single));
    let batch_control = growth.control.iter().map(|control| ("(c) a new store", &control.batch));
    for (name, window) in singles.chain(single_control).chain(batches).chain(batch_control) {
        let load = &window.load;
        table.row([
            name.to_owned(),
            count(window.from as f64),
            count(window.to as f64),
            count(load.events_per_s),
            format!("{:.2}", load.p50_ms),
            format!("{:.2}", load.p99_ms),
            format!("{:.1}", load.cpu_us_per_event),
            percent(load.server_busy),
            percent(load.stolen),
            percent(load.generator_busy),
        ]);
    }
    table.to_string()
}

fn sizes(growth: &Growth) -> String {
    let mut table = Table::new(&[
        "filled to",
        "fill events/s",
        "fill CPU µs/event",
        "then stored",
        "database MiB",
        "bytes/event",
        "RSS MiB",
        "peak MiB",
    ]);
    for point in &growth.points {
        let bytes_per_event = point.database_mib * f64::from(1 << 20) / point.stored.max(1) as f64;
        table.row([
            count(point.at as f64),
            count(point.fill_events_per_s),
            format!("{:.1}", point.fill_cpu_us_per_event),
            count(point.stored as f64),
            format!("{:.0}", point.database_mib),
            format!("{bytes_per_event:.0}"),
            format!("{:.0}", point.memory_mib),
            format!("{:.0}", point.peak_mib),
        ]);
    }
    table.to_string()
}

fn reads(growth: &Growth) -> String {
    let at: Vec<String> =
        growth.points.iter().map(|point| format!("{}: p50 / p99 ms", count(point.stored as f64))).collect();
    let mut head = vec!["question to the API"];
    head.extend(at.iter().map(String::as_str));
    head.extend(["stolen at last", "bytes"]);
    let mut table = Table::new(&head);
    let Some(last) = growth.points.last() else { return String::new() };
    for (index, read) in last.reads.iter().enumerate() {
        let times = growth.points.iter().map(|point| {
            let read = point.reads.get(index);
            read.map(|read| format!("{:.2} / {:.2}", read.p50_ms, read.p99_ms)).unwrap_or_default()
        });
        let cells = std::iter::once(read.of.to_owned()).chain(times);
        table.row(cells.chain([percent(read.stolen), read.mean_bytes.to_string()]));
    }
    table.to_string()
}

fn pushing(push: &Push) -> String {
    let mut table = Table::new(&["", "measured"]);
    let mut row = |what: &str, measured: String| table.row([what.to_owned(), measured]);
    row("events/s that one receiver gets of a burst", count(push.burst_events_per_s));
    row("delay at 1000 events/s, from the request that came in, p50 ms", format!("{:.1}", push.p50_ms));
    row("delay at 1000 events/s, p99 ms", format!("{:.1}", push.p99_ms));
    row("events/s that come in on 16 connections without pushing", count(push.limit_per_s));
    row("events/s that come in when half of that is offered and all is pushed", count(push.half_per_s));
    row("pushed per second meanwhile", count(push.pushed_per_s));
    table.to_string()
}

fn targets(report: &Report) -> String {
    let mut table = Table::new(&["target", "wanted", "measured", "met"]);
    for target in &report.targets {
        let met = match target.met {
            _ if report.quick => "-",
            None if target.measured.is_some() => "does not apply",
            None => "not measured",
            Some(true) => "yes",
            Some(false) => "NO",
        };
        let measured = target.measured.map_or_else(|| "-".to_owned(), |measured| format!("{measured:.2}"));
        table.row([target.what.to_owned(), target.wanted.to_owned(), measured, met.to_owned()]);
    }
    table.to_string()
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// A whole number with spaces between thousands.
fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [(0.0, "0"), (999.4, "999"), (1000.0, "1 000"), (5_300_000.0, "5 300 000")] {
            assert_eq!(super::count(number), text);
        }
    }
}
