#![allow(dead_code, reason = "every test has use for a part of it")]
//! What a load that goes on past errors comes to, and what must hold of it for any input.

use std::sync::Arc;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use copyist_core::{Session, Type};
use copyist_datetime::Context;
use copyist_format::{BadValue, ColumnPlan, Escapes, Header, Layout, Missing, Plan, Tolerance};
use copyist_scan::{Eol, Grammar, Scanner, Separator};
use copyist_transcode::{ChunkData, Compression, Input, Limits, Load, Next, Reject, Sink, Source, Specification};

/// A record that is to be refused.
#[derive(Debug, PartialEq, Eq)]
pub struct Expected {
    pub line: u64,
    pub last_line: u64,
    pub offset: u64,
    pub raw: Vec<u8>,
    /// SQLSTATE and column of each error.
    pub errors: Vec<(String, Option<usize>)>,
}

pub fn plan(grammar: Grammar, tolerance: Tolerance) -> Plan {
    let column = |name: &str, ty, not_null| ColumnPlan { ty, not_null, ..ColumnPlan::of_text(name.to_owned(), false) };
    Plan {
        scanner: Scanner::detect(),
        grammar,
        eol: None,
        null: if matches!(grammar, Grammar::Csv { .. }) { Vec::new() } else { b"\\N".to_vec() },
        default: None,
        header: Header::Skip,
        skip: 0,
        encoding: None,
        escapes: Escapes::Sequences,
        has_comma: false,
        truncates_decimals: false,
        unpads_quotes: false,
        columns: vec![
            column("id", Type::Int8, false),
            column("name", Type::Text, false),
            column("amount", Type::Int4, true),
            column("day", Type::Date, false),
        ],
        conditions: Vec::new(),
        passes_blank_lines: false,
        map: None,
        fixed: None,
        is_binary: false,
        relation: "t".to_owned(),
        tolerance,
        layout: Layout::Arrow,
        context: Arc::new(Context::new(&Session::default()).expect("UTC is a time zone")),
    }
}

pub const SKIP: Tolerance = Tolerance {
    conversion: BadValue::SkipRow,
    structure: true,
    constraint: true,
    extra: false,
    missing: Missing::None,
    truncate: false,
    invalid: None,
    raw_limit: 1 << 20,
};

pub const CSV: Grammar = Grammar::Csv { delimiter: Separator::byte(b','), quote: b'"', escape: b'"' };
#[allow(dead_code, reason = "not every test needs it")]
pub const CSV_BACKSLASH: Grammar = Grammar::Csv { delimiter: Separator::byte(b','), quote: b'"', escape: b'\\' };
pub const TEXT: Grammar = Grammar::Text { delimiter: Separator::byte(b'\t'), marker: true };

pub struct Outcome {
    pub ids: Vec<i64>,
    pub rejects: Vec<Reject>,
    /// Rows with a value that was replaced.
    pub mended: Vec<Reject>,
    pub counters: copyist_transcode::Counters,
    pub failure: Option<String>,
}

pub fn start(plan: &Arc<Plan>, input: &[u8], threads: usize, tile_size: usize) -> Load {
    start_with(plan, Sink::Arrow, input, threads, tile_size)
}

fn start_with(plan: &Arc<Plan>, sink: Sink, input: &[u8], threads: usize, tile_size: usize) -> Load {
    let mut inputs = Input::only("memory", in_memory(input));
    // Any bytes are to be read as they are, also those that begin like a compressed file.
    inputs[0].compression = Compression::None;
    start_all(plan, sink, inputs, threads, tile_size)
}

pub fn in_memory(input: &[u8]) -> Source {
    Source::Memory(std::io::Cursor::new(Arc::new(input.to_vec())))
}

pub fn start_all(plan: &Arc<Plan>, sink: Sink, inputs: Vec<Input>, threads: usize, tile_size: usize) -> Load {
    Load::start(specification(plan, sink, inputs, threads, tile_size))
}

pub fn specification(plan: &Plan, sink: Sink, inputs: Vec<Input>, threads: usize, tile_size: usize) -> Specification {
    Specification {
        plan: Arc::new(plan.clone()),
        sink,
        inputs,
        maps_by_name: false,
        table: "t".to_owned(),
        limits: Limits {
            threads,
            tile_size,
            window: threads + 4,
            max_record: 1 << 20,
            max_bytes: usize::MAX,
            max_rejects: u64::MAX,
        },
        is_framed: true,
        keeps_records: false,
        on_ready: Box::new(|| {}),
    }
}

/// The rows as a TEXT COPY stream.
pub fn text_of(plan: &Arc<Plan>, input: &[u8]) -> String {
    let load = start_with(plan, Sink::PgText, input, 1, 1 << 18);
    let mut text = Vec::new();
    loop {
        match load.try_next(Duration::from_secs(60)) {
            Next::Chunk(chunk) => {
                if let ChunkData::Messages(message) = &chunk.data {
                    text.extend_from_slice(&message[5..]);
                }
                load.recycle(chunk.data);
            }
            Next::End => break,
            other => panic!("the load must go on: {other:?}"),
        }
    }
    String::from_utf8(text).expect("it is text")
}

pub fn run(plan: &Arc<Plan>, input: &[u8], threads: usize, tile_size: usize) -> Outcome {
    outcome(&start(plan, input, threads, tile_size))
}

pub fn outcome(load: &Load) -> Outcome {
    let mut outcome =
        Outcome { ids: Vec::new(), rejects: Vec::new(), mended: Vec::new(), counters: load.counters(), failure: None };
    loop {
        match load.try_next(Duration::from_secs(60)) {
            Next::Chunk(chunk) => {
                if let ChunkData::Arrow(batch) = &chunk.data {
                    outcome.ids.extend(batch.column(0).as_primitive::<Int64Type>().iter().map(|id| id.unwrap_or(-1)));
                }
                load.recycle(chunk.data);
            }
            Next::Rejects => {}
            Next::Pending => panic!("the load does not go on"),
            Next::End => break,
            Next::Failed(failure) => {
                outcome.failure = Some(format!("{}: {}", failure.context.unwrap_or_default(), failure.error.message));
                break;
            }
        }
        take(load, &mut outcome);
    }
    take(load, &mut outcome);
    outcome.counters = load.counters();
    outcome
}

fn take(load: &Load, outcome: &mut Outcome) {
    let (mended, rejects) = load.take_rejects(usize::MAX).into_iter().partition::<Vec<_>, _>(|reject| reject.is_mended);
    outcome.rejects.extend(rejects);
    outcome.mended.extend(mended);
}

pub fn seen(rejects: &[Reject]) -> Vec<Expected> {
    let of = |reject: &Reject| Expected {
        line: reject.line,
        last_line: reject.last_line,
        offset: reject.byte_offset,
        raw: reject.raw.clone(),
        errors: reject.flaws.iter().map(|flaw| (flaw.error.code.sql_state().to_owned(), flaw.column)).collect(),
    };
    rejects.iter().map(of).collect()
}

/// Whatever the input, the outcome is the same however it is cut, and every record is loaded or refused with its own bytes and place.
/// Lines that are skipped are as if they had never been there.
///
/// # Panics
/// Where that does not hold.
pub fn check_any(plan: &Plan, input: &[u8]) {
    // What begins like a server's page is refused where a header is expected, by as much of it as is in the first tile.
    if plan.header != Header::No && matches!(input.trim_ascii_start().first(), Some(b'<' | b'{' | b'[')) {
        return;
    }
    let plan = Arc::new(plan.clone());
    let whole = run(&plan, input, 1, 1 << 18);
    if plan.tolerance.structure {
        assert_eq!(whole.failure, None);
    }
    for reject in &whole.rejects {
        let start = reject.byte_offset as usize;
        assert_eq!(reject.raw[..], input[start..start + reject.byte_len as usize]);
        assert!(!reject.flaws.is_empty() && reject.line <= reject.last_line);
    }
    assert!(whole.rejects.is_sorted_by(|a, b| a.byte_offset < b.byte_offset));
    let passed = whole.counters.rows_passed_over;
    assert_eq!(whole.counters.rows_read, (whole.ids.len() + whole.rejects.len()) as u64);
    for (threads, tile_size) in [(1, 1), (2, 16), (3, 50)] {
        let cut = run(&plan, input, threads, tile_size);
        assert_eq!((&cut.failure, &cut.ids), (&whole.failure, &whole.ids), "tiles of {tile_size}");
        assert_eq!(seen(&cut.rejects), seen(&whole.rejects), "tiles of {tile_size}");
        let before = |outcome: &Outcome| outcome.rejects.iter().map(|reject| reject.records_before).collect::<Vec<_>>();
        assert_eq!(before(&cut), before(&whole), "tiles of {tile_size}");
        assert_eq!(cut.counters.header_lines, whole.counters.header_lines);
        assert_eq!(cut.counters.lines_skipped, whole.counters.lines_skipped);
        if whole.failure.is_none() {
            assert_eq!(cut.counters.rows_passed_over, passed, "tiles of {tile_size}");
            assert_eq!(cut.counters.blank_lines, whole.counters.blank_lines, "tiles of {tile_size}");
            assert_eq!(cut.counters.rows_mended, whole.counters.rows_mended, "tiles of {tile_size}");
            assert_eq!(cut.mended.len() as u64, cut.counters.rows_mended, "tiles of {tile_size}");
            assert_eq!(seen(&cut.mended), seen(&whole.mended), "tiles of {tile_size}");
        }
    }
    if plan.skip > 0 {
        check_skipped(&plan, input, &whole);
    }
}

fn check_skipped(plan: &Plan, input: &[u8], skipped: &Outcome) {
    let mut start = 0;
    let mut lines = 0;
    let mut told = None;
    while lines < plan.skip && start < input.len() {
        let rest = &input[start..];
        let end = |at: usize| match plan.eol {
            Some(Eol::Other(end)) => rest[at..].starts_with(end.as_bytes()).then_some(end.len()),
            _ if rest[at..].starts_with(b"\r\n") => Some(2),
            _ => matches!(rest[at], b'\n' | b'\r').then_some(1),
        };
        let ended = (0..rest.len()).find_map(|at| Some((at, end(at)?)));
        told = ended.map(|(at, length)| &rest[at..at + length]);
        start += ended.map_or(rest.len(), |(at, length)| at + length);
        lines += 1;
    }
    assert_eq!(skipped.counters.lines_skipped, lines);
    assert_eq!(skipped.counters.bytes_read, input.len() as u64);
    if input[start..].starts_with(b"\xef\xbb\xbf") {
        // Nobody but the first line has a byte order mark.
        return;
    }
    let has_quotes = input[start..].contains(&b'"');
    let is_other = |end: &[u8]| {
        let mut at = start;
        while at < input.len() {
            if input[at..].starts_with(end) {
                at += end.len();
            } else if matches!(input[at], b'\n' | b'\r') {
                return true;
            } else {
                at += 1;
            }
        }
        false
    };
    if has_quotes && told.is_some_and(is_other) {
        // The last line before has told what ends a line, which a record in quotes would tell otherwise.
        return;
    }
    let rest = run(&Arc::new(Plan { skip: 0, ..plan.clone() }), &input[start..], 1, 1 << 18);
    assert_eq!(skipped.ids, rest.ids);
    let moved = seen(&rest.rejects).into_iter().map(|reject| Expected {
        line: reject.line + plan.skip,
        last_line: reject.last_line + plan.skip,
        offset: reject.offset + start as u64,
        ..reject
    });
    let mut moved = moved.collect::<Vec<_>>();
    let mut found = seen(&skipped.rejects);
    if has_quotes {
        // Line ends in the quotes of a first record count otherwise where no line before has told their style.
        for reject in found.iter_mut().chain(&mut moved) {
            (reject.line, reject.last_line) = (0, 0);
        }
    }
    assert_eq!(found, moved);
}
