//! Markdown tables that are aligned, so that they can be read without being rendered.

use std::fmt;

/// A table: the first column to the left, all others to the right.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub(super) fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(|cell| (*cell).to_owned()).collect()] }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn width(&self, column: usize) -> usize {
        let widths = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        widths.max().unwrap_or_default().max(3)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, row) in self.rows.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            for (column, cell) in row.iter().enumerate() {
                let width = self.width(column);
                if column == 0 { write!(f, "| {cell:<width$} ")? } else { write!(f, "| {cell:>width$} ")? }
            }
            f.write_str("|")?;
            if number == 0 {
                f.write_str("\n")?;
                for column in 0..row.len() {
                    let dashes = "-".repeat(self.width(column) - 1);
                    if column == 0 { write!(f, "|:{dashes}- ")? } else { write!(f, "| {dashes}: ")? }
                }
                f.write_str("|")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["case", "µs"]);
        table.row(["(a)".to_owned(), "12345".to_owned()]);
        assert_eq!(table.to_string(), "| case |    µs |\n|:---- | ----: |\n| (a)  | 12345 |");
    }
}
