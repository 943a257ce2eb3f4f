//! Statistics: a table of rates, and a small chart of each series.

use serde_json::Value;

use super::{Looks, list, number, table, text};

/// Widest bar, in letters.
const WIDEST: u64 = 40;

/// Rates of every series, and a chart where there are steps.
pub(crate) fn stats_page(stats: &Value, looks: Looks) -> String {
    let series = list(stats, "/series");
    let head = ["", "DELIVERED", "BOUNCED", "COMPLAINED", "OPENED", "CLICKED", "IN TIME: HALF", "95 %"];
    let rows = series.iter().map(|one| {
        let rate = |name: &str| share(one.pointer(&format!("/total/rates/{name}")));
        let time = |name: &str| seconds(one.pointer(&format!("/total/delivery_time/{name}")));
        let count = |name: &str| number(one, &format!("/total/counts/{name}"));
        let with = |name: &str, count: u64| format!("{count} {}", rate(name)).trim_end().to_owned();
        vec![
            name(one),
            with("delivered", count("delivered")),
            with("bounced", count("bounced")),
            with("complained", count("complained")),
            with("opened", number(one, "/total/counts/opened/human")),
            with("clicked", number(one, "/total/counts/clicked/human")),
            time("p50"),
            time("p95"),
        ]
    });
    let mut parts = vec![table(looks, &head, rows)];
    for one in series {
        let points = list(one, "/points");
        if points.len() > 1 {
            parts.push(format!("{}\n{}", name(one), chart(points)));
        }
    }
    parts.join("\n\n")
}

fn name(series: &Value) -> String {
    let of = text(series, "/of");
    if of.is_empty() { "everything".to_owned() } else { of }
}

/// A bar per step: delivered `#`, ended otherwise `x`.
fn chart(points: &[Value]) -> String {
    let ended = |point: &Value| -> (u64, u64) {
        let count = |name: &str| number(point, &format!("/counts/{name}"));
        (count("delivered"), count("bounced") + count("rejected") + count("failed"))
    };
    let greatest = points.iter().map(ended).map(|(good, bad)| good + bad).max().unwrap_or(0).max(1);
    let line = |point: &Value| {
        let (good, bad) = ended(point);
        // What is there is seen, however little it is.
        let bar = |count: u64| ((count * WIDEST).div_ceil(greatest)) as usize;
        let start: String = text(point, "/start").replace('T', " ").chars().take(16).collect();
        format!("  {start}  {}{} {}", "#".repeat(bar(good)), "x".repeat(bar(bad)), good + bad)
    };
    let lines: Vec<String> = points.iter().map(line).collect();
    format!("{}\n  # delivered, x bounced, rejected or failed", lines.join("\n"))
}

fn share(value: Option<&Value>) -> String {
    value.and_then(Value::as_f64).map(|share| format!("({:.1} %)", share * 100.0)).unwrap_or_default()
}

fn seconds(value: Option<&Value>) -> String {
    match value.and_then(Value::as_f64) {
        None => String::new(),
        Some(seconds) if seconds < 120.0 => format!("{seconds:.1} s"),
        Some(seconds) if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        Some(seconds) => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_has_rates_and_bars() {
        let counts = |delivered: u64, bounced: u64| {
            json!({"delivered": delivered, "bounced": bounced, "rejected": 0, "failed": 0, "complained": 0,
                "opened": {"human": 3, "machine": 0}, "clicked": {"human": 0, "machine": 0}})
        };
        let stats = json!({"series": [{"of": null,
            "total": {"counts": counts(99, 1), "rates": {"delivered": 0.99, "bounced": 0.01, "opened": 0.03},
                "delivery_time": {"p50": 1.5, "p95": 600.0}},
            "points": [{"start": "2026-11-20T10:00:00Z", "counts": counts(98, 0)},
                {"start": "2026-11-20T11:00:00Z", "counts": counts(1, 1)}]}]});
        let page = stats_page(&stats, Looks::default());
        assert!(page.contains("99 (99.0 %)") && page.contains("1.5 s") && page.contains("10 min"), "{page}");
        assert!(page.contains(&format!("2026-11-20 10:00  {} 98", "#".repeat(40))), "{page}");
        assert!(page.contains("2026-11-20 11:00  #x 2"), "{page}");
    }
}
