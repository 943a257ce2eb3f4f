//! Events and messages as Parquet (<https://parquet.apache.org>): one column for each of the table's, typed, compressed with zstd.
//!
//! A group of rows is kept in memory until it is full; so much and no more.

use std::io::{self, Write};
use std::sync::Arc;

use hearback_event::Timestamp;
use parking_lot::Mutex;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::Value;

use super::row::{self, Columns};

/// Rows of a group.
const GROUP: usize = 10_000;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Text,
    Moment,
    Flag,
    Count,
    Seconds,
}

impl Type {
    fn of(name: &str) -> Self {
        match name {
            "since" => Self::Moment,
            "verified" | "test" | "occurred_at_approximate" | "overdue" | "implied" => Self::Flag,
            "opens_human" | "opens_machine" | "clicks_human" | "clicks_machine" => Self::Count,
            "delivered_after" => Self::Seconds,
            name if name.ends_with("_at") => Self::Moment,
            _ => Self::Text,
        }
    }

    const fn schema(self) -> (&'static str, &'static str) {
        match self {
            Self::Text => ("BYTE_ARRAY", " (UTF8)"),
            Self::Moment => ("INT64", " (TIMESTAMP(NANOS,true))"),
            Self::Flag => ("BOOLEAN", ""),
            Self::Count => ("INT64", ""),
            Self::Seconds => ("DOUBLE", ""),
        }
    }
}

/// Where the file is made, until it is passed on.
#[derive(Clone, Default)]
struct Made(Arc<Mutex<Vec<u8>>>);

impl Write for Made {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that is being made.
pub(super) struct Columnar {
    columns: Columns,
    writer: SerializedFileWriter<Made>,
    made: Made,
    waiting: Vec<Value>,
}

impl Columnar {
    /// Of these columns.
    pub(super) fn new(columns: Columns) -> io::Result<Self> {
        let field = |(name, _): &(&str, &str)| {
            let (physical, logical) = Type::of(name).schema();
            format!("OPTIONAL {physical} {name}{logical};\n")
        };
        let fields = columns.iter().map(field).collect::<Vec<_>>().concat();
        let schema = parse_message_type(&format!("message hearback {{\n{fields}}}")).map_err(failed)?;
        let compression = Compression::ZSTD(ZstdLevel::try_new(3).map_err(failed)?);
        let properties = WriterProperties::builder().set_compression(compression).build();
        let made = Made::default();
        let writer = SerializedFileWriter::new(made.clone(), Arc::new(schema), Arc::new(properties));
        Ok(Self { columns, writer: writer.map_err(failed)?, made, waiting: Vec::new() })
    }

    /// One more row.
    pub(super) fn write(&mut self, one: &Value, out: &mut dyn Write) -> io::Result<()> {
        self.waiting.push(one.clone());
        if self.waiting.len() >= GROUP { self.pass_on(out) } else { Ok(()) }
    }

    /// The rest, and the end of the file.
    pub(super) fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.pass_on(out)?;
        self.writer.finish().map_err(failed)?;
        self.drain(out)
    }

    fn pass_on(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let rows = std::mem::take(&mut self.waiting);
        if rows.is_empty() {
            return Ok(());
        }
        let mut group = self.writer.next_row_group().map_err(failed)?;
        for (name, pointer) in self.columns {
            let Some(mut column) = group.next_column().map_err(failed)? else { break };
            write_column(column.untyped(), Type::of(name), rows.iter().map(|row| row.pointer(pointer)))?;
            column.close().map_err(failed)?;
        }
        group.close().map_err(failed)?;
        self.drain(out)
    }

    fn drain(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&std::mem::take(&mut *self.made.0.lock()))
    }
}

/// Values that are there, and for each row whether it has one.
fn write_column<'a>(
    column: &mut ColumnWriter<'_>,
    kind: Type,
    cells: impl Iterator<Item = Option<&'a Value>>,
) -> io::Result<()> {
    let cells: Vec<Option<&Value>> = cells.collect();
    let written = match column {
        ColumnWriter::ByteArrayColumnWriter(writer) => {
            let (values, there) = split(&cells, |cell| {
                let text = row::text(Some(cell));
                (!text.is_empty()).then(|| ByteArray::from(text.into_bytes()))
            });
            writer.write_batch(&values, Some(&there), None)
        }
        ColumnWriter::Int64ColumnWriter(writer) => {
            let (values, there) = split(&cells, |cell| match kind {
                Type::Moment => cell.as_str()?.parse::<Timestamp>().ok().map(Timestamp::as_nanos),
                _ => cell.as_i64(),
            });
            writer.write_batch(&values, Some(&there), None)
        }
        ColumnWriter::BoolColumnWriter(writer) => {
            let (values, there) = split(&cells, Value::as_bool);
            writer.write_batch(&values, Some(&there), None)
        }
        ColumnWriter::DoubleColumnWriter(writer) => {
            let (values, there) = split(&cells, Value::as_f64);
            writer.write_batch(&values, Some(&there), None)
        }
        // No other type is in the schema.
        _ => Ok(0),
    };
    written.map(drop).map_err(failed)
}

fn split<T>(cells: &[Option<&Value>], read: impl Fn(&Value) -> Option<T>) -> (Vec<T>, Vec<i16>) {
    let read: Vec<Option<T>> = cells.iter().map(|cell| cell.and_then(&read)).collect();
    let there = read.iter().map(|value| i16::from(value.is_some())).collect();
    (read.into_iter().flatten().collect(), there)
}

fn failed(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::{Field, RowAccessor as _};
    use serde_json::json;

    use super::*;

    /// A file can be read from the middle.
    fn read_from(bytes: &[u8]) -> std::fs::File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn what_is_written_can_be_read_and_has_its_types() {
        let mut file = Vec::new();
        let mut rows = Columnar::new(row::OF_EVENTS).unwrap();
        for n in 0..=GROUP {
            let event = json!({
                "id": format!("evt_{n}"), "type": "message.sent", "received_at": "2026-11-20T10:02:11.5Z",
                "verified": n > 0, "labels": {"a": "b,c"}, "tags": [],
            });
            rows.write(&event, &mut file).unwrap();
        }
        rows.finish(&mut file).unwrap();
        let reader = SerializedFileReader::new(read_from(&file)).unwrap();
        assert_eq!(reader.metadata().file_metadata().num_rows() as usize, GROUP + 1);
        assert_eq!(reader.metadata().num_row_groups(), 2);
        let first = reader.get_row_iter(None).unwrap().next().unwrap().unwrap();
        let at = |name: &str| row::OF_EVENTS.iter().position(|(column, _)| *column == name).unwrap();
        assert_eq!(first.get_string(at("id")).unwrap(), "evt_0");
        assert_eq!(first.get_string(at("labels")).unwrap(), "{\"a\":\"b,c\"}");
        assert!(!first.get_bool(at("verified")).unwrap());
        let field = |name: &str| first.get_column_iter().nth(at(name)).unwrap().1.clone();
        assert_eq!(field("tags"), Field::Null);
        assert_eq!(field("test"), Field::Null);
        let moment = "2026-11-20T10:02:11.5Z".parse::<Timestamp>().unwrap();
        assert!(
            format!("{:?}", field("received_at")).contains(&moment.as_nanos().to_string()),
            "{:?}",
            field("received_at")
        );
    }

    #[test]
    fn every_list_of_columns_has_a_schema() {
        for columns in [row::OF_EVENTS, row::OF_MESSAGES] {
            let mut file = Vec::new();
            let mut rows = Columnar::new(columns).unwrap();
            rows.finish(&mut file).unwrap();
            assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1"));
        }
    }
}
