//! Decodes the same bytes with the decoder and with its oracle and compares all that can be seen of them: fields, places
//! of records, and the error with its line and CONTEXT. Shared by the property tests and the fuzz targets.

use copyist_core::Session;
use copyist_datetime::Context;
use copyist_format::naive::{self, Field, Options, Outcome, Record};
use copyist_format::{
    ColumnPlan, Decoded, Decoder, Escapes, Header, Layout, PAD, Plan, Tile, Tolerance, Values, csv, text,
};
use copyist_scan::{Eol, Grammar, Scanner, Separator};
use std::sync::Arc;

/// What a splitter holds back behind a tile that is not the last: the longest character.
const LOOK_AHEAD: usize = 4;

/// One statement's options.
#[derive(Clone, Debug)]
pub struct Case {
    pub csv: bool,
    /// One to ten bytes.
    pub delimiter: Vec<u8>,
    /// TEXT: what ends a line, if that is told.
    pub line_end: Option<Vec<u8>>,
    /// TEXT: what a backslash does, and whether `\.` ends the data.
    pub escapes: Escapes,
    pub marker: bool,
    pub quote: u8,
    pub escape: u8,
    /// CSV: white space around a quoted field is no part of it.
    pub unpads: bool,
    pub null: Vec<u8>,
    pub default: Option<Vec<u8>>,
    pub header: naive::Header,
    pub columns: Vec<Column>,
    /// Bytes to cut a tile from; the tiles of a load are a quarter of a million bytes.
    pub tile_size: usize,
}

#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub force_not_null: bool,
    pub force_null: bool,
    pub has_default: bool,
}

impl Case {
    /// PostgreSQL's defaults for CSV, with columns `a`, `b`, ….
    #[must_use]
    pub fn csv(columns: usize) -> Self {
        let name = |index: usize| char::from(b'a' + index as u8).to_string();
        let columns = (0..columns)
            .map(|index| Column { name: name(index), force_not_null: false, force_null: false, has_default: false })
            .collect();
        Self {
            csv: true,
            delimiter: b",".to_vec(),
            line_end: None,
            escapes: Escapes::Sequences,
            marker: true,
            quote: b'"',
            escape: b'"',
            unpads: false,
            null: Vec::new(),
            default: None,
            header: naive::Header::No,
            columns,
            tile_size: usize::MAX,
        }
    }

    /// PostgreSQL's defaults for TEXT, with columns `a`, `b`, ….
    #[must_use]
    pub fn text(columns: usize) -> Self {
        Self { csv: false, delimiter: b"\t".to_vec(), null: b"\\N".to_vec(), ..Self::csv(columns) }
    }

    /// Makes the options something that PostgreSQL accepts, where they are not.
    #[must_use]
    pub fn repaired(mut self) -> Self {
        let clashes = |case: &Self, marker: &[u8]| {
            marker.windows(case.delimiter.len()).any(|bytes| bytes == case.delimiter)
                || (case.csv && marker.contains(&case.quote))
        };
        if self.csv {
            let quotes = [self.quote, b'"', b'\'', b'@'];
            self.quote = quotes.into_iter().find(|quote| !self.delimiter.contains(quote)).expect("one is free");
            self.line_end = None;
        }
        // Nothing could tell the one from the other.
        self.line_end = self.line_end.filter(|line_end| line_end.last() != self.delimiter.last());
        if clashes(&self, &self.null) {
            self.null = b"NULL".to_vec();
        }
        if self.default.as_ref().is_some_and(|default| *default == self.null || clashes(&self, default)) {
            self.default = None;
        }
        self
    }

    /// What the oracle says.
    #[must_use]
    pub fn expected(&self, input: &[u8]) -> Outcome {
        let flags = |flag: fn(&Column) -> bool| self.columns.iter().map(flag).collect::<Vec<_>>();
        let names: Vec<String> = self.columns.iter().map(|column| column.name.clone()).collect();
        let options = Options {
            delimiter: &self.delimiter,
            line_end: self.line_end.as_deref(),
            escapes: self.escapes,
            marker: self.marker,
            quote: self.quote,
            escape: self.escape,
            unpads: self.unpads,
            null: &self.null,
            default: self.default.as_deref(),
            header: self.header,
            columns: self.columns.len(),
            force_not_null: &flags(|column| column.force_not_null),
            force_null: &flags(|column| column.force_null),
            has_default: &flags(|column| column.has_default),
            column_names: &names,
            table: "t",
            skip_bom: true,
        };
        if self.csv { csv::naive::read(input, &options) } else { text::naive::read(input, &options) }
    }

    fn grammar(&self) -> Grammar {
        let Self { quote, escape, .. } = *self;
        let delimiter = Separator::new(&self.delimiter).expect("one to ten bytes");
        if self.csv {
            Grammar::Csv { delimiter, quote, escape }
        } else {
            Grammar::Text { delimiter, marker: self.marker }
        }
    }

    fn eol(&self) -> Option<Eol> {
        self.line_end.as_deref().and_then(Eol::of_bytes)
    }

    fn plan(&self, scanner: Scanner) -> Plan {
        let columns = self.columns.iter().map(|column| ColumnPlan {
            force_not_null: column.force_not_null,
            force_null: column.force_null,
            ..ColumnPlan::of_text(column.name.clone(), column.has_default)
        });
        Plan {
            scanner,
            grammar: self.grammar(),
            eol: self.eol(),
            null: self.null.clone(),
            default: self.default.clone(),
            header: match self.header {
                naive::Header::No => Header::No,
                naive::Header::Skip => Header::Skip,
                naive::Header::Match => Header::Match,
            },
            skip: 0,
            encoding: None,
            escapes: self.escapes,
            has_comma: false,
            truncates_decimals: false,
            unpads_quotes: self.unpads,
            columns: columns.collect(),
            conditions: Vec::new(),
            passes_blank_lines: false,
            map: None,
            fixed: None,
            is_binary: false,
            relation: "t".into(),
            tolerance: Tolerance::default(),
            layout: Layout::PgText,
            context: Arc::new(Context::new(&Session::default()).expect("UTC is a time zone")),
        }
    }
}

/// Compares the decoder with the oracle, once for each instruction set of this CPU.
///
/// # Panics
/// Where they differ.
pub fn check(case: &Case, input: &[u8]) {
    let expected = case.expected(input);
    for isa in Scanner::available() {
        let scanner = Scanner::with(isa).expect("it is available");
        let found = decode(case, scanner, input);
        assert_eq!(found.header_lines, expected.header_lines, "header lines, {isa:?}");
        for (index, (found, expected)) in found.records.iter().zip(&expected.records).enumerate() {
            assert_eq!(found.fields, expected.fields, "fields of record {index}, {isa:?}");
            assert_eq!(found.byte_offset, expected.byte_offset, "offset of record {index}, {isa:?}");
            assert_eq!(found.byte_len, expected.byte_len, "length of record {index}, {isa:?}");
        }
        assert_eq!(found.records.len(), expected.records.len(), "records, {isa:?}");
        assert_eq!(
            found.failure.is_some(),
            expected.failure.is_some(),
            "{:?} and {:?}",
            found.failure,
            expected.failure
        );
        let (Some(found), Some(expected)) = (&found.failure, &expected.failure) else { continue };
        assert_eq!(found.error.code, expected.error.code, "{found:?}, {isa:?}");
        assert_eq!(found.error.message, expected.error.message, "{isa:?}");
        assert_eq!(found.error.detail, expected.error.detail, "{isa:?}");
        match expected.opened_at {
            // PostgreSQL has no hint here; ours says where the quote is.
            Some(opened) => {
                let hint = found.error.hint.clone().unwrap_or_default();
                assert!(hint.contains(&format!(" {opened} ")), "opened at {opened}, {isa:?}: {hint}");
            }
            // Nor has it one for the byte order mark of UTF-16.
            None if input.starts_with(b"\xFF\xFE") || input.starts_with(b"\xFE\xFF") => {
                assert!(found.error.hint.as_ref().is_some_and(|hint| hint.contains("UTF16")), "{isa:?}");
            }
            None => assert_eq!(found.error.hint, expected.error.hint, "{isa:?}"),
        }
        assert_eq!(found.line, expected.line, "line of {:?}, {isa:?}", found.error);
        assert_eq!(found.context, expected.context, "{isa:?}");
        assert_eq!(found.byte_offset, expected.byte_offset, "offset of {:?}, {isa:?}", found.error);
    }
}

/// All tiles of the input through one decoder, up to the first fault.
fn decode(case: &Case, scanner: Scanner, input: &[u8]) -> Outcome {
    let plan = Arc::new(case.plan(scanner));
    let mut decoder = Decoder::new(Arc::clone(&plan));
    let mut outcome = Outcome { records: Vec::new(), failure: None, header_lines: 0 };
    let mut lines = 0;
    for tile in tiles(case, scanner, input) {
        let decoded = decoder.decode(&tile);
        outcome.header_lines += decoded.header_lines;
        let fault = decoded.fault.clone();
        let (tile_lines, ended) = (decoded.lines, decoded.ended);
        take_rows(&tile, &decoder, &mut outcome.records);
        if let Some(fault) = fault {
            let line = lines + fault.line + 1;
            outcome.failure = Some(naive::Failure {
                context: fault.context("t", &plan.columns, "line", line),
                byte_offset: tile.byte_offset + fault.record_offset,
                error: *fault.error,
                line,
                prefix: Vec::new(),
                opened_at: None,
            });
            break;
        }
        if ended {
            break;
        }
        lines += tile_lines;
    }
    outcome
}

fn take_rows(tile: &Tile, decoder: &Decoder, records: &mut Vec<Record>) {
    let decoded = decoder.decoded();
    let line_end = tile.eol_len() as u64;
    let mut start = u64::from(decoded.start);
    let ends: Vec<u32> = decoder.record_ends(tile).collect();
    assert_eq!(ends.len(), decoded.rows, "a record end for each row");
    for (row, end) in ends.into_iter().map(u64::from).enumerate() {
        let next = (end + line_end).min(tile.len as u64);
        records.push(Record {
            fields: (0..decoded.columns.len()).map(|column| field(tile, decoded, column, row)).collect(),
            line: 0,
            byte_offset: tile.byte_offset + start,
            byte_len: next - start,
        });
        start = next;
    }
}

fn field(tile: &Tile, decoded: &Decoded, column: usize, row: usize) -> Field {
    let column = &decoded.columns[column];
    let Values::Bytes(values) = &column.values else { panic!("text is bytes") };
    assert_eq!(values.len(), decoded.rows, "a value for each row");
    if column.defaults.contains(&(row as u32)) {
        assert!(!column.validity.is_valid(row), "a default is not valid");
        Field::Default
    } else if column.validity.is_valid(row) {
        Field::Value(values[row].get(&tile.buffer, &decoded.arena).to_vec())
    } else {
        Field::Null
    }
}

/// Cuts the input as a load does: read some, cut after the last whole record, read more where there is none.
fn tiles(case: &Case, scanner: Scanner, input: &[u8]) -> Vec<Tile> {
    let mut position = if input.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let mut tiles: Vec<Tile> = Vec::new();
    let mut eol = case.eol();
    let mut want = case.tile_size.max(1);
    loop {
        // The end is known only when less came than was wanted.
        let rest = &input[position..];
        let last = rest.len() < want;
        let visible = &rest[..rest.len().min(want)];
        eol = eol.or_else(|| first_line_end(case, visible, last));
        let cut = if last { Some(visible.len()) } else { None };
        // A character's length is kept beyond the tile, for messages and for the byte after a carriage return.
        let cuttable = &visible[..visible.len().saturating_sub(LOOK_AHEAD)];
        let cut = cut.or_else(|| scanner.last_record_end(cuttable, case.grammar(), eol?));
        let Some(len) = cut else {
            want *= 2;
            continue;
        };
        if len == 0 && !tiles.is_empty() {
            return tiles;
        }
        let mut buffer = vec![0; PAD];
        buffer.extend_from_slice(visible);
        buffer.resize(buffer.len() + PAD, 0);
        let first = tiles.is_empty();
        tiles.push(Tile {
            buffer,
            len,
            filled: visible.len(),
            sequence: tiles.len() as u64,
            file: 0,
            byte_offset: position as u64,
            eol,
            header: first && case.header != naive::Header::No,
            first,
            last,
            breaks: Vec::new(),
            original: None,
            replaced: Vec::new(),
            transcript: None,
            constants: None,
        });
        if last {
            return tiles;
        }
        position += len;
        want = case.tile_size.max(1);
    }
}

/// The style that the first line end shows, when enough can be seen to tell it.
fn first_line_end(case: &Case, visible: &[u8], last: bool) -> Option<Eol> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, &byte) in visible.iter().enumerate() {
        if case.csv {
            let is_escape = case.escape != case.quote && byte == case.escape;
            escaped ^= is_escape && quoted;
            quoted ^= byte == case.quote && !escaped;
            escaped &= is_escape;
        } else if std::mem::take(&mut escaped) {
            continue;
        } else {
            escaped = byte == b'\\';
        }
        match (byte, visible.get(at + 1)) {
            _ if quoted => {}
            (b'\n', _) => return Some(Eol::Lf),
            (b'\r', Some(b'\n')) => return Some(Eol::CrLf),
            (b'\r', None) if !last => return None,
            (b'\r', _) => return Some(Eol::Cr),
            _ => {}
        }
    }
    None
}
