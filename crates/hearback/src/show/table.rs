//! Tables for people; plain columns where nobody looks at a terminal.

use std::io::IsTerminal as _;

use comfy_table::{Attribute, Cell, ContentArrangement, Table, presets};

use super::clean;

/// How an answer is to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Looks {
    /// Whether it goes to a terminal: then it is fitted to its width.
    pub(crate) terminal: bool,
    /// Whether times are told as distances from now.
    pub(crate) relative: bool,
}

impl Looks {
    /// As standard output wants it.
    pub(crate) fn of_stdout(relative: bool) -> Self {
        Self { terminal: std::io::stdout().is_terminal(), relative }
    }
}

/// Rows under a head. Without a terminal nothing is wrapped or cut, so that `grep` and `awk` find whole lines.
pub(crate) fn table(looks: Looks, head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(if looks.terminal {
        ContentArrangement::Dynamic
    } else {
        ContentArrangement::Disabled
    });
    table.set_header(head.iter().map(|name| {
        let cell = Cell::new(name);
        if looks.terminal { cell.add_attribute(Attribute::Bold) } else { cell }
    }));
    for row in rows {
        table.add_row(row.iter().map(|text| clean(text)));
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_per_row_where_nobody_looks() {
        let long = "x".repeat(300);
        let text = table(
            Looks::default(),
            &["A", "B"],
            [vec!["1".to_owned(), long.clone()], vec!["2\n3".to_owned(), String::new()]],
        );
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[1].ends_with(&long) && lines[2].trim() == "2 3", "{text}");
    }
}
