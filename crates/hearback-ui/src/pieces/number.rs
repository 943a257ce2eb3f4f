//! Figures as people read them.

/// `18,412`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A share in percent: `96.1`, `1.31`, `0.02`; a dash where there is nothing to have a share of.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let share = part as f64 * 100.0 / whole as f64;
    match share {
        0.0 | 100.0 => format!("{share:.0}"),
        _ if share < 10.0 => format!("{share:.2}"),
        _ => format!("{share:.1}"),
    }
}

/// Nanoseconds as `0.3 s`, `42 s`, `12 min 42 s`, `2 h 22 min`, `3 d 4 h`.
pub(crate) fn duration(nanos: i64) -> String {
    let seconds = nanos.max(0) / 1_000_000_000;
    match seconds {
        0..10 => format!("{:.1} s", nanos.max(0) as f64 / 1e9),
        10..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// As [`duration`], with the greatest unit only: `14 min`.
pub(crate) fn brief(nanos: i64) -> String {
    let seconds = nanos.max(0) / 1_000_000_000;
    match seconds {
        0..60 => duration(nanos),
        60..3600 => format!("{} min", (seconds + 30) / 60),
        3600..86_400 => format!("{} h", (seconds + 1800) / 3600),
        _ => format!("{} d", (seconds + 43_200) / 86_400),
    }
}

fn two(great: i64, great_unit: &str, small: i64, small_unit: &str) -> String {
    if small == 0 {
        format!("{great} {great_unit}")
    } else {
        format!("{great} {great_unit} {small} {small_unit}")
    }
}

/// `1.7 KB`, `24 MB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "KB", "MB", "GB"] {
        if size < 1000.0 {
            return if size < 10.0 && unit != "B" {
                format!("{size:.1} {unit}")
            } else {
                format!("{size:.0} {unit}")
            };
        }
        size /= 1000.0;
    }
    format!("{size:.1} TB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(
            [0, 999, 1000, 18_412, 1_234_567].map(count),
            ["0", "999", "1,000", "18,412", "1,234,567"]
        );
        let shares = [(0, 0), (0, 9), (9, 9), (961, 1000), (131, 10_000), (3, 18_412)];
        assert_eq!(
            shares.map(|(part, whole)| percent(part, whole)),
            ["–", "0", "100", "96.1", "1.31", "0.02"]
        );
        let seconds = [0.3, 42.0, 762.0, 8520.0, 273_600.0, 120.0];
        let read = seconds.map(|seconds| duration((seconds * 1e9) as i64));
        assert_eq!(read, ["0.3 s", "42 s", "12 min 42 s", "2 h 22 min", "3 d 4 h", "2 min"]);
        let read = [5.1, 868.0, 8520.0, 273_600.0].map(|seconds| brief((seconds * 1e9) as i64));
        assert_eq!(read, ["5.1 s", "14 min", "2 h", "3 d"]);
        assert_eq!([12, 1700, 24_000_000].map(bytes), ["12 B", "1.7 KB", "24 MB"]);
    }
}
