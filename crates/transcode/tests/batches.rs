//! Inputs that come in columns: rows, refusals, numbers and places are those of all inputs, one after the other, however they are cut.
#![cfg(feature = "columnar")]
#![allow(clippy::unwrap_used, reason = "a helper of tests that fails them")]

mod outcome;

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use copyist_core::Type;
use copyist_format::{BadValue, ColumnPlan, FieldMap, Layout, Origin, Plan, Tolerance};
use copyist_transcode::columnar::Format;
use copyist_transcode::values::{Kind, Node};
use copyist_transcode::{ChunkData, Failure, Input, Limits, Load, Next, Reject, Sink, Source, Specification};
use outcome::{SKIP, TEXT};

/// Rows of ids from `first` on, every `nth` of them with an amount that is no number, as the bytes of a Parquet file or an Arrow one.
fn file(format: Format, first: i64, rows: i64, nth: i64) -> Vec<u8> {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(first..first + rows));
    let amount = |id: i64| if id % nth == 0 { "no number".to_owned() } else { (id * 2).to_string() };
    let amounts: ArrayRef = Arc::new(StringArray::from_iter_values((first..first + rows).map(amount)));
    let unread: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|_| "unread")));
    // Of each file in another order.
    let columns = if first % 2 == 0 {
        vec![("unread", unread), ("AMOUNT", amounts), ("id", ids)]
    } else {
        vec![("id", ids), ("amount", amounts)]
    };
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    match format {
        Format::Parquet => {
            let properties = parquet::file::properties::WriterProperties::builder()
                .set_max_row_group_row_count(Some(1000))
                .set_data_page_row_count_limit(100)
                .set_write_batch_size(100)
                .build();
            let mut writer =
                parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
        }
        Format::Arrow => {
            let mut writer = arrow_ipc::writer::FileWriter::try_new(&mut bytes, &batch.schema()).unwrap();
            writer.write(&batch).unwrap();
            writer.finish().unwrap();
        }
    }
    bytes
}

fn plan(tolerance: Tolerance) -> Plan {
    let column = |name: &str, ty| ColumnPlan { ty, ..ColumnPlan::of_text(name.to_owned(), false) };
    let number = ColumnPlan { origin: Origin::Sequence { start: 1, increment: 1 }, ..column("number", Type::Int8) };
    let constant = ColumnPlan { origin: Origin::Constant(b"x".to_vec()), ..column("constant", Type::Text) };
    Plan {
        columns: vec![column("a", Type::Int4), column("key", Type::Int8), number, constant],
        map: Some(FieldMap {
            names: vec!["id".to_owned(), "amount".to_owned()],
            columns: vec![1, 0, FieldMap::NONE, FieldMap::NONE],
        }),
        layout: Layout::PgText,
        ..outcome::plan(TEXT, tolerance)
    }
}

fn start(plan: Plan, format: Format, files: Vec<Vec<u8>>, threads: usize, tile_size: usize) -> Load {
    start_with(Sink::PgText, plan, format, files, threads, tile_size)
}

fn start_with(sink: Sink, plan: Plan, format: Format, files: Vec<Vec<u8>>, threads: usize, tile_size: usize) -> Load {
    let input = |(index, bytes): (usize, Vec<u8>)| {
        let source = Source::Memory(Cursor::new(Arc::new(bytes)));
        Input::new(format!("f{index}"), source).in_columns(format, None)
    };
    Load::start(Specification {
        plan: Arc::new(plan),
        sink,
        inputs: files.into_iter().enumerate().map(input).collect(),
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
        keeps_records: true,
        on_ready: Box::new(|| {}),
    })
}

fn read(load: &Load) -> (String, Vec<Reject>, Option<Failure>) {
    let (mut text, mut rejects) = (Vec::new(), Vec::new());
    let failure = loop {
        match load.try_next(Duration::from_secs(60)) {
            Next::Chunk(chunk) => {
                let ChunkData::Messages(message) = &chunk.data else { panic!("it makes messages") };
                text.extend_from_slice(&message[5..]);
                load.recycle(chunk.data);
            }
            Next::Rejects => rejects.extend(load.take_rejects(usize::MAX)),
            Next::Pending => panic!("the load does not go on"),
            Next::End => break None,
            Next::Failed(failure) => break Some(*failure),
        }
    };
    rejects.extend(load.take_rejects(usize::MAX));
    (String::from_utf8(text).unwrap(), rejects, failure)
}

#[test]
fn rows_of_several_files_are_numbered_and_placed() {
    for format in [Format::Parquet, Format::Arrow] {
        for (threads, tile_size) in [(1, 1 << 18), (2, 1), (3, 2000), (2, 1 << 14)] {
            let tile_size = if tile_size == 1 { 64 } else { tile_size };
            let files = vec![file(format, 1, 2500, 10), file(format, 10_000, 10, 10), file(format, 20_001, 1200, 1201)];
            let load = start(plan(SKIP), format, files, threads, tile_size);
            let (text, rejects, failure) = read(&load);
            assert!(failure.is_none(), "{failure:?}");
            let mut expected = String::new();
            let mut refused = Vec::new();
            let all = (1..2501_i64).chain(10_000..10_010).chain(20_001..21_201);
            for (record, id) in all.enumerate() {
                let (bad, file, before) = match id {
                    ..3000 => (id % 10 == 0, 0, 0),
                    3000..20_000 => (id % 10 == 0, 1, 2500),
                    _ => (id % 1201 == 0, 2, 2510),
                };
                if bad {
                    refused.push((file, record as u64 + 1 - before, record as u64, id));
                } else {
                    expected.push_str(&format!("{}\t{id}\t{}\tx\n", id * 2, record + 1));
                }
            }
            assert_eq!(text, expected, "{format:?}, tiles of {tile_size}");
            let found: Vec<_> = rejects.iter().map(|r| (r.file, r.line, r.position, r.records_before)).collect();
            let wanted: Vec<_> =
                refused.iter().map(|&(file, row, position, _)| (file, row, position, position)).collect();
            assert_eq!(found, wanted);
            for (reject, (.., id)) in rejects.iter().zip(&refused) {
                assert_eq!(
                    String::from_utf8_lossy(&reject.raw).to_lowercase(),
                    format!("{{\"id\": {id}, \"amount\": \"no number\"}}")
                );
                assert_eq!(reject.flaws[0].column, Some(0));
            }
            // The last row is one of the third file's.
            let last = load.counters().rows_read - load.counters().rows_refused - 1;
            let place = load.locate(last).unwrap();
            assert_eq!((place.file, place.line, place.first_line, place.byte_offset), (2, 1200, 1200, 0));
            assert_eq!(load.record(last).unwrap(), b"{\"id\": 21200, \"amount\": \"42400\"}");
            assert_eq!(load.record(last + 1), None);
            let rows: Vec<_> = load.files().iter().map(|file| (file.rows_read, file.rows_refused)).collect();
            let third = refused.iter().filter(|row| row.0 == 2).count() as u64;
            assert_eq!(rows, [(2500, 250), (10, 1), (1200, third)]);
            assert!(load.files().iter().all(|file| file.bytes_read > 0));
        }
    }
}

#[test]
fn an_error_has_its_row_in_its_file() {
    let files = vec![file(Format::Parquet, 1, 1500, 5000), file(Format::Parquet, 4001, 1500, 5000)];
    // TEXT would leave the values to the server.
    let typed = Plan { layout: Layout::Arrow, ..plan(Tolerance::default()) };
    let load = start_with(Sink::Arrow, typed, Format::Parquet, files, 2, 1 << 12);
    let mut rows = 0;
    let failure = loop {
        match load.try_next(Duration::from_secs(60)) {
            Next::Chunk(chunk) => {
                rows += chunk.rows;
                load.recycle(chunk.data);
            }
            Next::Failed(failure) => break failure,
            other => panic!("there is an error in it: {other:?}"),
        }
    };
    assert_eq!(rows, 1500 + 999);
    assert_eq!((failure.file, failure.line, failure.byte_offset), (Some(1), Some(1000), None));
    assert_eq!(failure.column.as_deref(), Some("a"));
    assert_eq!(failure.context.as_deref(), Some("COPY t, row 1000, column a: \"no number\""));
}

#[test]
fn replaced_values_are_told() {
    let tolerance = Tolerance { conversion: BadValue::SetNull, ..SKIP };
    let load = start(plan(tolerance), Format::Parquet, vec![file(Format::Parquet, 1, 30, 10)], 1, 1 << 18);
    let (text, rejects, failure) = read(&load);
    assert!(failure.is_none(), "{failure:?}");
    assert_eq!(text.lines().filter(|line| line.starts_with("\\N\t")).count(), 3);
    let found: Vec<_> = rejects.iter().map(|r| (r.is_mended, r.line, r.flaws.len())).collect();
    assert_eq!(found, [(true, 10, 1), (true, 20, 1), (true, 30, 1)]);
    assert_eq!(load.counters().rows_mended, 3);
}

#[test]
fn a_file_without_a_column_is_refused_by_name() {
    let mut wanted = plan(SKIP);
    wanted.map = Some(FieldMap {
        names: vec!["id".to_owned(), "unread".to_owned()],
        columns: vec![1, 0, FieldMap::NONE, FieldMap::NONE],
    });
    wanted.columns[0].ty = Type::Text;
    let files = vec![file(Format::Parquet, 2, 5, 10), file(Format::Parquet, 1, 5, 10)];
    let (text, _, failure) = read(&start(wanted, Format::Parquet, files, 1, 1 << 18));
    assert_eq!(text.lines().count(), 5);
    let failure = failure.unwrap();
    assert_eq!(failure.error.code.sql_state(), "42703");
    assert_eq!(failure.error.message, "column \"unread\" is not in \"f1\"");
    assert_eq!(failure.error.detail.as_deref(), Some("Its columns are \"id\", \"amount\"."));
}

/// Rows, bytes read and the error.
type Outcome = (String, u64, Option<(&'static str, String)>);

/// Loads of the same file with different numbers of threads.
fn outcomes(bytes: &[u8]) -> Vec<Outcome> {
    let load = |threads| {
        let load = start(plan(SKIP), Format::Parquet, vec![bytes.to_vec()], threads, 3000);
        let (text, _, failure) = read(&load);
        let failure = failure.map(|failure| (failure.error.code.sql_state(), failure.error.message.to_string()));
        // What is read behind an error depends on who is ahead.
        let read = if failure.is_some() { 0 } else { load.counters().bytes_read };
        (text, read, failure)
    };
    [1, 2, 3, 8].map(load).into()
}

#[test]
fn any_number_of_threads_comes_to_the_same() {
    let whole = outcomes(&file(Format::Parquet, 1, 7300, 70));
    assert!(whole[0].2.is_none() && whole[0].1 > 0);
    assert!(whole.iter().all(|outcome| *outcome == whole[0]));
}

#[test]
fn a_page_that_is_damaged_in_a_middle_row_group_ends_the_load_at_its_rows() {
    let bytes = file(Format::Parquet, 1, 7300, 7301);
    // The amounts of the fourth row group have four digits, as of no other.
    let place = bytes.windows(4).position(|window| window == b"7002").expect("values are written as they are");
    for at in [place - 4, place - 30] {
        let mut bytes = bytes.clone();
        bytes[at] = 0xFF;
        let all = outcomes(&bytes);
        let (text, _, failure) = &all[0];
        let rows = text.lines().count();
        assert!((3000..4000).contains(&rows), "{rows} rows");
        assert_eq!(failure.as_ref().map(|(code, _)| *code), Some("22P04"));
        assert!(all.iter().all(|outcome| *outcome == all[0]), "{all:?}");
    }
}

#[test]
fn a_load_that_is_left_early_frees_the_file() {
    let access = Arc::new(file(Format::Parquet, 1, 7300, 7301));
    for threads in [1, 2, 8] {
        let source = Source::Memory(Cursor::new(Arc::clone(&access)));
        let load = Load::start(Specification {
            plan: Arc::new(plan(SKIP)),
            sink: Sink::PgText,
            inputs: vec![Input::new("f".to_owned(), source).in_columns(Format::Parquet, None)],
            maps_by_name: false,
            table: "t".to_owned(),
            limits: Limits {
                threads,
                tile_size: 500,
                window: threads + 4,
                max_record: 1 << 20,
                max_bytes: 1,
                max_rejects: 0,
            },
            is_framed: true,
            keeps_records: true,
            on_ready: Box::new(|| {}),
        });
        assert!(matches!(load.try_next(Duration::from_secs(60)), Next::Chunk(_)));
        drop(load);
        assert_eq!(Arc::strong_count(&access), 1, "{threads} threads");
    }
}

/// Texts of which each row group has others, and many of them come again, with NULLs between them.
fn texts(has_dictionaries: bool, different: usize) -> Vec<u8> {
    let text =
        |row: usize| (!row.is_multiple_of(11)).then(|| format!("täxt {} of {}", row * 7919 % different, row / 1000));
    let columns = [0, 5].map(|from| -> ArrayRef { Arc::new((from..from + 3500).map(text).collect::<StringArray>()) });
    let [a, key] = columns;
    let batch = RecordBatch::try_from_iter([("a", a), ("key", key)]).unwrap();
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_max_row_group_row_count(Some(1000))
        .set_data_page_row_count_limit(300)
        .set_write_batch_size(100)
        .set_dictionary_enabled(has_dictionaries)
        .build();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// A text of what a program gets.
fn text_of(load: &Load, index: usize, node: &Node, buffer: &[u8], row: usize) -> Vec<u8> {
    let number = |at: usize| u32::from_le_bytes(buffer[at..at + 4].try_into().unwrap()) as usize;
    if node.validity.is_some_and(|at| buffer[at + row / 8] >> (row % 8) & 1 == 0) {
        return b"NULL".to_vec();
    }
    if node.kind == Kind::Coded {
        let (all, ends) = load.texts(index, 0);
        let code = number(node.data + row * 4);
        assert!(code < node.units.unwrap(), "the dictionary has it");
        let start = if code == 0 { 0 } else { ends[code - 1] };
        return all[start as usize..ends[code] as usize].to_vec();
    }
    let at = node.offsets.unwrap() + row * 4;
    buffer[node.data + number(at)..node.data + number(at + 4)].to_vec()
}

/// What a load hands out, and whether it had numbers of texts in it.
fn handed_out(sink: Sink, bytes: &[u8], threads: usize) -> (Vec<Vec<u8>>, bool) {
    let column = |name: &str| ColumnPlan { ty: Type::Text, ..ColumnPlan::of_text(name.to_owned(), false) };
    let plan = Plan {
        columns: vec![column("a"), column("key")],
        layout: match sink {
            Sink::PgBinary => Layout::PgBinary,
            Sink::PgText => Layout::PgText,
            Sink::Duckdb => Layout::Duckdb,
            _ => Layout::Arrow,
        },
        ..outcome::plan(TEXT, Tolerance::default())
    };
    let load = start_with(sink, plan, Format::Parquet, vec![bytes.to_vec()], threads, 5000);
    let (mut values, mut is_coded) = (Vec::new(), false);
    loop {
        match load.try_next(Duration::from_secs(60)) {
            Next::Chunk(chunk) => {
                match &chunk.data {
                    ChunkData::Messages(message) => values.push(message[5..].to_vec()),
                    ChunkData::Values(buffer, nodes) => {
                        for row in 0..nodes[0].rows {
                            for (index, node) in nodes.iter().enumerate() {
                                is_coded |= node.kind == Kind::Coded;
                                values.push(text_of(&load, index, node, buffer, row));
                            }
                        }
                    }
                    other => panic!("{other:?}"),
                }
                load.recycle(chunk.data);
            }
            Next::End => return (values, is_coded),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn texts_that_are_in_dictionaries_are_those_that_are_not() {
    for different in [10, 300] {
        let (coded, plain) = (texts(true, different), texts(false, different));
        assert_ne!(coded.len(), plain.len());
        for sink in [Sink::PgBinary, Sink::PgText, Sink::Values] {
            for threads in [1, 3] {
                let (mut one, is_coded) = handed_out(sink, &coded, threads);
                let (mut other, _) = handed_out(sink, &plain, threads);
                if sink != Sink::Values {
                    // They are cut at other rows.
                    (one, other) = (vec![one.concat()], vec![other.concat()]);
                }
                assert_eq!(is_coded, sink == Sink::Values);
                assert!(one == other, "{sink:?}, {different} texts, {threads} threads");
            }
        }
    }
}
