//! The oracle's common half: what CSV and TEXT do alike when PostgreSQL 18 reads `COPY t FROM 'file'`.
//!
//! `csv/naive.rs` and `text/naive.rs` say how a line ends and how it splits; this file says everything around that: the
//! order of errors, the header, line numbers and CONTEXT. All of it works byte by byte and allocates freely. It exists to
//! be read beside the documentation and compared with the real decoders, never to be fast.
//!
//! Every column is taken to be `text`, so there are no conversion errors here. PostgreSQL converts the values of a record
//! from left to right and says `missing data for column` when it arrives at the missing one; the values before it are in
//! [`Failure::prefix`], so that a typed caller can look for an earlier conversion error among them. All other errors of a
//! record precede its first conversion.

use copyist_core::{DataError, ErrorCode, Result};
use std::ops::Range;

/// What to do with the first record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// It is data.
    #[default]
    No,
    /// `HEADER true`: it is dropped unread.
    Skip,
    /// `HEADER match`: its fields must be the column names, in order.
    Match,
}

/// A COPY statement's options and what they need to know of the table.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// One byte or several.
    pub delimiter: &'a [u8],
    /// TEXT only. What ends a line, where that is none of the usual line ends.
    pub line_end: Option<&'a [u8]>,
    /// TEXT only. What a backslash does.
    pub escapes: crate::Escapes,
    /// TEXT only. Whether `\.` ends the data.
    pub marker: bool,
    /// CSV only.
    pub quote: u8,
    /// CSV only; may equal `quote`.
    pub escape: u8,
    /// CSV only. White space around a quoted field is no part of it.
    pub unpads: bool,
    pub null: &'a [u8],
    /// The `DEFAULT` option's marker.
    pub default: Option<&'a [u8]>,
    pub header: Header,
    /// How many columns the statement loads.
    pub columns: usize,
    /// CSV only. One flag a column; a missing flag is false.
    pub force_not_null: &'a [bool],
    /// CSV only. One flag a column; a missing flag is false.
    pub force_null: &'a [bool],
    /// Whether a column has a default expression. One flag a column; a missing flag is false.
    pub has_default: &'a [bool],
    pub column_names: &'a [String],
    /// The table's name as it stands in CONTEXT.
    pub table: &'a str,
    /// Drop a UTF-8 byte order mark at the very start. PostgreSQL would load it.
    pub skip_bom: bool,
}

/// One field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    Null,
    /// The `DEFAULT` marker.
    Default,
    Value(Vec<u8>),
}

/// A record that loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// One for each column.
    pub fields: Vec<Field>,
    /// The line PostgreSQL would name in an error about this record: that of the record's end.
    pub line: u64,
    /// Offset of the record's first byte in the input.
    pub byte_offset: u64,
    /// Length in bytes with its line end.
    pub byte_len: u64,
}

/// Why reading stopped early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub error: DataError,
    pub line: u64,
    /// PostgreSQL's CONTEXT line, such as `COPY t, line 3: "a,b"`.
    pub context: String,
    /// Offset of the first byte of the record that failed.
    pub byte_offset: u64,
    /// The fields before the missing one, for `missing data for column`; empty for every other error.
    pub prefix: Vec<Field>,
    /// Where the quote stands that was never closed, for `unterminated CSV quoted field`.
    pub opened_at: Option<u64>,
}

/// All records up to the first error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub records: Vec<Record>,
    pub failure: Option<Failure>,
    /// Records passed over as header: 0 or 1.
    pub header_lines: u64,
}

/// How lines end. The first line end decides for the whole input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineEnd {
    Lf,
    Cr,
    CrLf,
}

/// The input as the line readers see it.
pub(crate) struct Reader<'a> {
    input: &'a [u8],
    /// First byte that is not part of valid UTF-8 without NUL. Reaching for it is the error; what stands before it is read
    /// as if nothing were wrong.
    invalid_at: Option<usize>,
    /// The next byte to read.
    pub position: usize,
    pub line_end: Option<LineEnd>,
    pub line_number: u64,
}

/// A line as read, before it is split.
pub(crate) struct Line {
    /// Without the line end.
    pub text: Range<usize>,
    /// Ended by the end of the data rather than by a line end.
    pub last: bool,
}

/// One raw field.
pub(crate) struct Split {
    /// De-escaped. Also there when `kind` is not `Value`, since the header is compared with it.
    pub value: Vec<u8>,
    pub kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Default,
    Value,
}

/// What the two formats do differently.
pub(crate) struct Format {
    pub read_line: fn(&mut Reader<'_>, &Options<'_>) -> Result<Line>,
    pub split: fn(&[u8], &Options<'_>) -> Result<Vec<Split>>,
    /// Whether `FORCE_NULL` and `FORCE_NOT_NULL` exist.
    pub forces: bool,
}

impl Reader<'_> {
    /// The byte at `ahead` from the position, or none at the end of the input.
    ///
    /// # Errors
    /// That byte begins an invalid character, or comes after one.
    pub fn peek(&self, ahead: usize) -> Result<Option<u8>> {
        let at = self.position + ahead;
        match self.invalid_at {
            Some(invalid) if at >= invalid => Err(invalid_encoding(&self.input[invalid..])),
            _ => Ok(self.input.get(at).copied()),
        }
    }

    /// Whether these bytes come next, all of them good.
    pub fn is_at(&self, bytes: &[u8]) -> bool {
        self.input[self.position..self.invalid_at.unwrap_or(self.input.len())].starts_with(bytes)
    }
}

/// Reads everything up to the end or to the first error.
pub(crate) fn read(input: &[u8], options: &Options<'_>, format: &Format) -> Outcome {
    let start = if options.skip_bom && input.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let invalid_at = first_invalid(input);
    let mut reader = Reader { input, invalid_at, position: start, line_end: None, line_number: 0 };
    let mut outcome = Outcome { records: Vec::new(), failure: None, header_lines: 0 };

    if options.header != Header::No {
        let begin = reader.position;
        reader.line_number += 1;
        let line = match (format.read_line)(&mut reader, options) {
            Ok(line) => line,
            Err(error) => {
                outcome.failure = Some(fail(*error, &reader, begin, None, options));
                return outcome;
            }
        };
        if options.header == Header::Match
            && let Err(error) = match_header(&input[line.text.clone()], options, format)
        {
            outcome.failure = Some(fail(*error, &reader, begin, Some(line.text), options));
            return outcome;
        }
        if !line.last || !line.text.is_empty() {
            outcome.header_lines = 1;
        }
        if line.last {
            return outcome;
        }
    }

    loop {
        let begin = reader.position;
        reader.line_number += 1;
        let line = match (format.read_line)(&mut reader, options) {
            Ok(line) => line,
            Err(error) => {
                outcome.failure = Some(fail(*error, &reader, begin, None, options));
                return outcome;
            }
        };
        if line.last && line.text.is_empty() {
            return outcome;
        }
        let mut fields = Vec::new();
        match take_record(&input[line.text.clone()], options, format, &mut fields) {
            Ok(()) => outcome.records.push(Record {
                fields,
                line: reader.line_number,
                byte_offset: begin as u64,
                byte_len: (reader.position - begin) as u64,
            }),
            Err(error) => {
                let mut failure = fail(*error, &reader, begin, Some(line.text), options);
                failure.prefix = fields;
                outcome.failure = Some(failure);
                return outcome;
            }
        }
    }
}

/// Splits a line and pushes one field for each column; when data is missing, those before it are in `fields`.
fn take_record(line: &[u8], options: &Options<'_>, format: &Format, fields: &mut Vec<Field>) -> Result<()> {
    let splits = split_line(line, options, format)?;
    if options.columns > 0 && splits.len() > options.columns {
        return Err(bad_format("extra data after last expected column"));
    }
    for column in 0..options.columns {
        let Some(split) = splits.get(column) else {
            return Err(bad_format(format!("missing data for column \"{}\"", options.column_names[column])));
        };
        let forced = |flags: &[bool]| format.forces && flags.get(column).copied().unwrap_or(false);
        fields.push(match split.kind {
            Kind::Default => Field::Default,
            Kind::Null if forced(options.force_not_null) => Field::Value(options.null.to_vec()),
            Kind::Null => Field::Null,
            Kind::Value if split.value == options.null && forced(options.force_null) => Field::Null,
            Kind::Value => Field::Value(split.value.clone()),
        });
    }
    Ok(())
}

fn match_header(line: &[u8], options: &Options<'_>, format: &Format) -> Result<()> {
    let splits = split_line(line, options, format)?;
    if splits.len() != options.columns {
        return Err(bad_format(format!(
            "wrong number of fields in header line: got {}, expected {}",
            splits.len(),
            options.columns
        )));
    }
    for (index, (split, name)) in splits.iter().zip(options.column_names).enumerate() {
        let number = index + 1;
        if split.kind == Kind::Null {
            let null = String::from_utf8_lossy(options.null);
            return Err(bad_format(format!(
                "column name mismatch in header line field {number}: got null value (\"{null}\"), expected \"{name}\""
            )));
        }
        if split.value != name.as_bytes() {
            let got = String::from_utf8_lossy(&split.value);
            return Err(bad_format(format!(
                "column name mismatch in header line field {number}: got \"{got}\", expected \"{name}\""
            )));
        }
    }
    Ok(())
}

/// A table without columns takes empty lines only.
fn split_line(line: &[u8], options: &Options<'_>, format: &Format) -> Result<Vec<Split>> {
    match (options.columns, line.is_empty()) {
        (0, true) => Ok(Vec::new()),
        (0, false) => Err(bad_format("extra data after last expected column")),
        _ => (format.split)(line, options),
    }
}

/// Decides what field number `column` is, given its bytes as they stand in the line and its value.
pub(crate) fn classify(
    raw: &[u8],
    value: Vec<u8>,
    may_be_null: bool,
    column: usize,
    options: &Options<'_>,
) -> Result<Split> {
    let kind = if may_be_null && raw == options.null {
        Kind::Null
    } else if column < options.columns && options.default == Some(raw) {
        if !options.has_default.get(column).copied().unwrap_or(false) {
            return Err(bad_format("unexpected default marker in COPY data")
                .with_detail(format!("Column \"{}\" has no default value.", options.column_names[column])));
        }
        Kind::Default
    } else {
        Kind::Value
    };
    Ok(Split { value, kind })
}

fn fail(
    error: DataError,
    reader: &Reader<'_>,
    begin: usize,
    line: Option<Range<usize>>,
    options: &Options<'_>,
) -> Failure {
    let place = format!("COPY {}, line {}", options.table, reader.line_number);
    // Only a line that was read to its end is shown.
    let context = match &line {
        Some(range) => format!("{place}: \"{}\"", limit(&reader.input[range.clone()])),
        None => place,
    };
    let opened_at = match &line {
        Some(range) if error.message == "unterminated CSV quoted field" => {
            last_opened(&reader.input[range.clone()], options).map(|at| (range.start + at) as u64)
        }
        _ => None,
    };
    let line = reader.line_number;
    Failure { error, line, context, byte_offset: begin as u64, prefix: Vec::new(), opened_at }
}

/// At most 100 bytes of the line, whole characters, and dots for the rest.
fn limit(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    if text.len() <= 100 {
        return text.into_owned();
    }
    let mut end = 100;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}...", &text[..end])
}

/// Where in the line the quote stands that nothing closes.
fn last_opened(line: &[u8], options: &Options<'_>) -> Option<usize> {
    let mut opened = None;
    let mut at = 0;
    while at < line.len() {
        let next = line.get(at + 1).copied();
        let escaped = next == Some(options.quote) || next == Some(options.escape);
        if opened.is_some() && line[at] == options.escape && escaped {
            at += 1;
        } else if line[at] == options.quote {
            opened = if opened.is_some() { None } else { Some(at) };
        }
        at += 1;
    }
    opened
}

/// `22P04`.
pub(crate) fn bad_format(message: impl Into<std::borrow::Cow<'static, str>>) -> Box<DataError> {
    DataError::new(ErrorCode::BadCopyFileFormat, message)
}

/// `22021` for bytes that begin with an invalid character: as many as its first byte promises are shown.
pub(crate) fn invalid_encoding(bytes: &[u8]) -> Box<DataError> {
    let promised = match bytes[0] {
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF7 => 4,
        _ => 1,
    };
    let shown: Vec<String> = bytes.iter().take(promised).map(|byte| format!("0x{byte:02x}")).collect();
    let message = format!("invalid byte sequence for encoding \"UTF8\": {}", shown.join(" "));
    DataError::new(ErrorCode::CharacterNotInRepertoire, message)
}

/// Offset of the first NUL or of the first character that is not UTF-8.
pub(crate) fn first_invalid(bytes: &[u8]) -> Option<usize> {
    let nul = bytes.iter().position(|&byte| byte == 0);
    let malformed = std::str::from_utf8(bytes).err().map(|error| error.valid_up_to());
    match (nul, malformed) {
        (Some(nul), Some(malformed)) => Some(nul.min(malformed)),
        (nul, malformed) => nul.or(malformed),
    }
}
