//! An error of the data and where it is, relative to its tile until the tile's place in the input is known.

use copyist_core::DataError;

/// What PostgreSQL's CONTEXT line shows after the line number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// `COPY t, line 1`
    Nothing,
    /// `COPY t, line 1: "a,b"`
    Record(Vec<u8>),
    /// `COPY t, line 1, column c`
    Column { column: usize },
    /// `COPY t, line 1, column c: "x"`
    Value { column: usize, text: Vec<u8> },
}

/// The first error of a tile.
#[derive(Clone, Debug)]
pub struct Fault {
    pub error: Box<DataError>,
    /// Lines before the error's own line in this tile, counted as PostgreSQL counts.
    pub line: u64,
    /// Offset in the tile of the record it is in.
    pub record_offset: u64,
    /// Length in bytes of that record without its line end, where known.
    pub record_len: u64,
    pub shown: Shown,
}

/// PostgreSQL shows at most this many bytes of a value or record in CONTEXT.
const MAX_SHOWN: usize = 100;

impl Fault {
    /// PostgreSQL's CONTEXT: the value's own context lines, then the `COPY …` line. `unit` is what `number` counts: lines, or rows where
    /// there are none.
    #[must_use]
    pub fn context(&self, table: &str, columns: &[crate::ColumnPlan], unit: &str, number: u64) -> String {
        let place = format!("COPY {table}, {unit} {number}");
        let copy = match &self.shown {
            Shown::Nothing => place,
            Shown::Record(record) => format!("{place}: \"{}\"", limited(record)),
            Shown::Column { column } => format!("{place}, column {}", columns[*column].name),
            Shown::Value { column, text } => {
                format!("{place}, column {}: \"{}\"", columns[*column].name, limited(text))
            }
        };
        match &self.error.context {
            Some(own) => format!("{own}\n{copy}"),
            None => copy,
        }
    }
}

fn limited(text: &[u8]) -> String {
    if text.len() <= MAX_SHOWN {
        return String::from_utf8_lossy(text).into_owned();
    }
    // Cut before a character that would not fit whole.
    let mut end = MAX_SHOWN;
    while end > 0 && text[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    format!("{}...", String::from_utf8_lossy(&text[..end]))
}
