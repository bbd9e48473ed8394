#![allow(dead_code, reason = "every test has use for a part of it")]
//! What a load of the binary format comes to, and a reading of it row by row and field by field that it must agree with.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use copyist_core::{ArrayType, EnumType, Session, Type};
use copyist_datetime::Context;
use copyist_format::pgbinary::{HEADER, TRAILER};
use copyist_format::{ColumnPlan, Escapes, Header, Layout, Plan, Tolerance};
use copyist_scan::{Grammar, Scanner};
use copyist_transcode::{Chunk, ChunkData, Compression, Input, Limits, Load, Next, Sink, Source, Specification};

/// A column of every type but `timetz`, which Arrow does not have.
pub fn types() -> Vec<Type> {
    let array =
        |element, element_oid| Type::Array(Arc::new(ArrayType { element, element_oid, delimiter: b',', depth: 0 }));
    vec![
        Type::Bool,
        Type::Int2,
        Type::Int4,
        Type::Int8,
        Type::Float4,
        Type::Float8,
        Type::Numeric(None),
        Type::Numeric(Some((7, 2))),
        Type::Text,
        Type::Varchar(Some(3)),
        Type::Bpchar(Some(4)),
        Type::Bytea,
        Type::Date,
        Type::Time(Some(3)),
        Type::Timestamp(None),
        Type::TimestampTz(Some(0)),
        Type::Interval(None),
        Type::Uuid,
        Type::Json,
        Type::Jsonb,
        Type::Enum(Arc::new(EnumType { name: "mood".to_owned(), labels: vec!["sad".to_owned(), "ok".to_owned()] })),
        array(Type::Int4, 23),
        array(Type::Text, 25),
        array(Type::Numeric(Some((6, 3))), 1700),
    ]
}

pub fn plan(types: &[Type], layout: Layout, is_binary: bool) -> Plan {
    Plan {
        encoding: None,
        conditions: Vec::new(),
        passes_blank_lines: false,
        scanner: Scanner::detect(),
        grammar: Grammar::Csv { delimiter: b','.into(), quote: b'"', escape: b'"' },
        eol: None,
        is_binary,
        null: Vec::new(),
        default: None,
        header: Header::No,
        skip: 0,
        escapes: Escapes::Sequences,
        has_comma: false,
        truncates_decimals: false,
        unpads_quotes: false,
        columns: types
            .iter()
            .enumerate()
            .map(|(index, ty)| ColumnPlan { ty: ty.clone(), ..ColumnPlan::of_text(format!("c{index}"), false) })
            .collect(),
        map: None,
        fixed: None,
        relation: "t".to_owned(),
        tolerance: Tolerance::default(),
        layout,
        context: Arc::new(Context::new(&Session::default()).expect("UTC is a time zone")),
    }
}

/// How a load has failed.
#[derive(Debug, PartialEq, Eq)]
pub struct Failed {
    pub sql_state: &'static str,
    pub message: String,
    pub line: Option<u64>,
    pub byte_offset: Option<u64>,
    pub column: Option<String>,
}

pub const MAX_RECORD: usize = 1 << 20;

/// Hands the chunks of a load to `take`, and answers how many rows there were and how it failed.
pub fn run(
    plan: &Arc<Plan>,
    sink: Sink,
    input: &[u8],
    threads: usize,
    tile_size: usize,
    mut take: impl FnMut(&Chunk),
) -> (u64, Option<Failed>) {
    let mut inputs = Input::only("memory", Source::Memory(Cursor::new(Arc::new(input.to_vec()))));
    // Any bytes are to be read as they are, also those that begin like a compressed file.
    inputs[0].compression = Compression::None;
    let load = Load::start(Specification {
        plan: Arc::clone(plan),
        sink,
        inputs,
        maps_by_name: false,
        table: "t".to_owned(),
        limits: Limits {
            threads,
            tile_size,
            window: threads + 4,
            max_record: MAX_RECORD,
            max_bytes: usize::MAX,
            max_rejects: 0,
        },
        is_framed: true,
        keeps_records: false,
        on_ready: Box::new(|| {}),
    });
    loop {
        match load.try_next(Duration::from_secs(60)) {
            Next::Chunk(chunk) => {
                take(&chunk);
                load.recycle(chunk.data);
            }
            Next::Rejects => panic!("nothing is tolerated"),
            Next::Pending => panic!("the load does not go on"),
            Next::End => return (load.counters().rows_read, None),
            Next::Failed(failure) => {
                let failed = Failed {
                    sql_state: failure.error.code.sql_state(),
                    message: failure.error.message.to_string(),
                    line: failure.line,
                    byte_offset: failure.byte_offset,
                    column: failure.column,
                };
                return (load.counters().rows_read, Some(failed));
            }
        }
    }
}

/// The bytes of the stream that PostgreSQL gets.
pub fn stream(plan: &Arc<Plan>, input: &[u8], threads: usize, tile_size: usize) -> (Vec<u8>, Option<Failed>) {
    let mut stream = Vec::new();
    let (_, failed) = run(plan, Sink::PgBinary, input, threads, tile_size, |chunk| {
        let ChunkData::Messages(bytes) = &chunk.data else { panic!("messages are asked for") };
        assert_eq!(bytes[0], b'd');
        assert_eq!(u32::from_be_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]) as usize, bytes.len() - 1);
        stream.extend_from_slice(&bytes[5..]);
    });
    (stream, failed)
}

/// A value's verdict, or the SQLSTATE and message of its error.
type Verdict = Result<(), (&'static str, String)>;

/// Reads the input as PostgreSQL does. Returns where the whole rows begin and end, and the error.
pub fn naive(types: &[Type], input: &[u8]) -> (usize, usize, Option<Failed>) {
    let whole = |message: &str, at: usize| Failed {
        sql_state: "22P04",
        message: message.to_owned(),
        line: None,
        byte_offset: Some(at as u64),
        column: None,
    };
    if input.len() < 11 || input[..11] != HEADER[..11] {
        return (0, 0, Some(whole("COPY file signature not recognized", 0)));
    }
    let word = |at: usize| Some(i32::from_be_bytes(input.get(at..at + 4)?.try_into().ok()?));
    let Some(flags) = word(11) else {
        return (0, 0, Some(whole("invalid COPY file header (missing flags)", 11)));
    };
    if flags & 1 << 16 != 0 {
        return (0, 0, Some(whole("invalid COPY file header (WITH OIDS)", 11)));
    }
    if flags >> 16 != 0 {
        return (0, 0, Some(whole("unrecognized critical flags in COPY file header", 11)));
    }
    let Some(extension) = word(15).filter(|length| *length >= 0) else {
        return (0, 0, Some(whole("invalid COPY file header (missing length)", 15)));
    };
    let start = 19 + extension as usize;
    if start > input.len() {
        return (0, 0, Some(whole("invalid COPY file header (wrong length)", 15)));
    }
    let mut end = start;
    for line in 1.. {
        let failed = |sql_state, message: String, column: Option<usize>| Failed {
            sql_state,
            message,
            line: Some(line),
            byte_offset: Some(end as u64),
            column: column.map(|column| format!("c{column}")),
        };
        let at_end = |column| failed("22P04", "unexpected EOF in COPY data".to_owned(), column);
        let Some(count) = input.get(end..end + 2) else { return (start, end, Some(at_end(None))) };
        let count = i16::from_be_bytes([count[0], count[1]]);
        let mut at = end + 2;
        if count == -1 {
            let extra = at < input.len();
            let error = failed("22P04", "received copy data after EOF marker".to_owned(), None);
            return (start, end, extra.then_some(error));
        }
        if count as usize != types.len() {
            let message = format!("row field count is {count}, expected {}", types.len());
            return (start, end, Some(failed("22P04", message, None)));
        }
        for (column, ty) in types.iter().enumerate() {
            let Some(length) = word(at) else { return (start, end, Some(at_end(Some(column)))) };
            at += 4;
            if length == -1 {
                continue;
            }
            if length < 0 {
                return (start, end, Some(failed("22P04", "invalid field size".to_owned(), Some(column))));
            }
            let Some(value) = input.get(at..at + length as usize) else {
                return (start, end, Some(at_end(Some(column))));
            };
            if let Err((sql_state, message)) = judge(ty, value) {
                return (start, end, Some(failed(sql_state, message, Some(column))));
            }
            at += length as usize;
        }
        end = at;
    }
    unreachable!("the input ends")
}

fn judge(ty: &Type, value: &[u8]) -> Verdict {
    let read = read(ty, value)?;
    if read == value.len() { Ok(()) } else { Err(("22P03", "incorrect binary data format".to_owned())) }
}

fn number(value: &[u8], at: usize, size: usize) -> Result<i64, (&'static str, String)> {
    let Some(bytes) = value.get(at..at + size) else {
        return Err(("08P01", "insufficient data left in message".to_owned()));
    };
    let negative = bytes[0] & 0x80 != 0;
    Ok(bytes.iter().fold(if negative { -1 } else { 0 }, |all, byte| all << 8 | i64::from(*byte)))
}

fn err<T>(sql_state: &'static str, message: &str) -> Result<T, (&'static str, String)> {
    Err((sql_state, message.to_owned()))
}

fn read(ty: &Type, value: &[u8]) -> Result<usize, (&'static str, String)> {
    const DAY: i64 = 86_400_000_000;
    let library = |error: Box<copyist_core::DataError>| (error.code.sql_state(), error.message.to_string());
    let clock = |micros: i64| if (0..=DAY).contains(&micros) { Ok(()) } else { err("22008", "time out of range") };
    match ty {
        Type::Bool if value.is_empty() => err("08P01", "no data left in message"),
        Type::Bool => Ok(1),
        Type::Int2 => number(value, 0, 2).map(|_| 2),
        Type::Int4 | Type::Float4 => number(value, 0, 4).map(|_| 4),
        Type::Int8 | Type::Float8 => number(value, 0, 8).map(|_| 8),
        Type::Uuid => number(value, 0, 8).and(number(value, 8, 8)).map(|_| 16),
        Type::Date => {
            let days = number(value, 0, 4)?;
            let fits = (-2_451_545..2_145_031_949).contains(&days);
            if fits || days == i64::from(i32::MIN) || days == i64::from(i32::MAX) {
                Ok(4)
            } else {
                err("22008", "date out of range")
            }
        }
        Type::Time(_) => clock(number(value, 0, 8)?).map(|()| 8),
        Type::TimeTz(_) => {
            clock(number(value, 0, 8)?)?;
            if number(value, 8, 4)?.abs() < 16 * 3600 {
                Ok(12)
            } else {
                err("22009", "time zone displacement out of range")
            }
        }
        Type::Timestamp(_) | Type::TimestampTz(_) => {
            let micros = number(value, 0, 8)?;
            let fits = (-211_813_488_000_000_000..9_223_371_331_200_000_000).contains(&micros);
            if fits || micros == i64::MIN || micros == i64::MAX {
                Ok(8)
            } else {
                err("22008", "timestamp out of range")
            }
        }
        Type::Interval(_) => number(value, 0, 8).and(number(value, 8, 8)).map(|_| 16),
        Type::Numeric(typmod) => copyist_types::numeric::receive(value, *typmod).map(|(_, end)| end).map_err(library),
        Type::Bytea => Ok(value.len()),
        Type::Array(array) => {
            // An element that is left over is told by its place; all else is as outside.
            let mut number = 0;
            copyist_types::receive::array(value, array, |element, _| {
                number += 1;
                let Some(element) = element else { return Ok(0) };
                read(&array.element, element).map_err(|(sql_state, message)| {
                    let code = copyist_core::ErrorCode::ALL.iter().find(|code| code.sql_state() == sql_state);
                    copyist_core::DataError::new(*code.expect("one of ours"), message)
                })
            })
            .map(|(_, end)| end)
            .map_err(library)
        }
        Type::Jsonb if value.is_empty() => err("08P01", "insufficient data left in message"),
        Type::Jsonb if value[0] != 1 => err("22P03", &format!("unsupported jsonb version number {}", value[0])),
        Type::Jsonb => {
            text(&value[1..])?;
            copyist_types::json::check(&value[1..], true).map(|()| value.len()).map_err(library)
        }
        _ => {
            let characters = text(value)?;
            match ty {
                Type::Varchar(Some(n)) if characters.trim_end_matches(' ').chars().count() > *n as usize => {
                    err("22001", &format!("value too long for type character varying({n})"))
                }
                Type::Bpchar(Some(n)) if characters.trim_end_matches(' ').chars().count() > *n as usize => {
                    err("22001", &format!("value too long for type character({n})"))
                }
                Type::Json => copyist_types::json::check(value, false).map(|()| value.len()).map_err(library),
                Type::Enum(kind) if !kind.labels.iter().any(|label| label == characters) => {
                    err("22P02", &format!("invalid input value for enum {}: \"{characters}\"", kind.name))
                }
                _ => Ok(value.len()),
            }
        }
    }
}

fn text(value: &[u8]) -> Result<&str, (&'static str, String)> {
    let valid = std::str::from_utf8(value).map_or_else(|error| error.valid_up_to(), str::len);
    let nul = value.iter().position(|byte| *byte == 0).filter(|nul| *nul < valid);
    match nul.or((valid < value.len()).then_some(valid)) {
        Some(at) => {
            let error = copyist_format::utf8_error(&value[at..]);
            Err((error.code.sql_state(), error.message.to_string()))
        }
        None => Ok(std::str::from_utf8(value).expect("it is valid up to its end")),
    }
}

/// Whatever the input, the outcome is that of the naive reading, however the input is cut.
///
/// # Panics
/// Where it is not.
pub fn check(types: &[Type], input: &[u8]) {
    let (start, end, expected) = naive(types, input);
    let passed = Arc::new(plan(types, Layout::PgBinary, true));
    let mut wanted = if start > 0 { HEADER.to_vec() } else { Vec::new() };
    wanted.extend_from_slice(&input[start..end]);
    if expected.is_none() {
        wanted.extend_from_slice(&TRAILER);
    }
    let mut failures = Vec::new();
    for (threads, tile_size) in [(1, 1 << 16), (1, 1), (2, 23), (3, 100)] {
        let (stream, failed) = stream(&passed, input, threads, tile_size);
        assert_eq!(failed, expected, "tiles of {tile_size}");
        // A tile without rows is no message, so that the header may be missing where the load fails.
        if !(stream.is_empty() && start == end && failed.is_some()) {
            assert_eq!(stream, wanted, "tiles of {tile_size}");
        }
        if tile_size == 1 || threads == 3 {
            continue;
        }
        // Other layouts have narrower types, and refuse no less.
        for (sink, layout) in [(Sink::Arrow, Layout::Arrow), (Sink::Duckdb, Layout::Duckdb)] {
            if sink == Sink::Arrow && types.iter().any(|ty| matches!(ty, Type::TimeTz(_))) {
                continue;
            }
            let other = Arc::new(plan(types, layout, true));
            let (rows, failed) = run(&other, sink, input, threads, tile_size, |_| {});
            assert!(failed.is_some() || expected.is_none());
            failures.push((sink, rows, failed));
        }
    }
    for (sink, rows, failed) in &failures {
        let first = failures.iter().find(|(other, ..)| other == sink);
        assert_eq!(first.map(|(_, rows, failed)| (rows, failed)), Some((rows, failed)));
    }
}
