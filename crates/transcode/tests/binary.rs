//! PostgreSQL's binary format: what the encoder writes is read back, and any bytes have one outcome.

mod tuples;

use std::sync::Arc;

use arrow_array::RecordBatch;
use copyist_core::Type;
use copyist_format::pgbinary::HEADER;
use copyist_format::{Condition, FieldMap, Layout, Origin, Plan, Subject};
use copyist_transcode::{ChunkData, Sink};
use proptest::prelude::*;
use tuples::{check, plan, run, stream, types};

/// A line of CSV with a value of each of [`types`].
const LINE: &str = "t,-2,3,4,0.1,-1e300,-12345678.90123,12.5,é,abc,ab,\\x00ff,2024-02-29,24:00:00,\
    0044-03-15 12:00:00 BC,infinity,1 mon -2 days 03:00:00.5,a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,\"{\"\"a\"\": 1}\",\
    \"[1, null]\",ok,\"{{1,2},{NULL,4}}\",\"{a,\"\"b c\"\",NULL}\",\"{1.5,-0.001}\"\n";

fn columns_of(line: &str) -> Vec<String> {
    // No field of LINE but the quoted ones has a comma.
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for character in line.trim_end().chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                fields.push(String::new());
                continue;
            }
            _ => {}
        }
        fields.last_mut().expect("there is one").push(character);
    }
    fields
}

fn batches(is_binary: bool, input: &[u8]) -> Vec<RecordBatch> {
    let mut batches = Vec::new();
    let plan = Arc::new(plan(&types(), Layout::Arrow, is_binary));
    let (_, failed) = run(&plan, Sink::Arrow, input, 1, 1 << 20, |chunk| {
        if let ChunkData::Arrow(batch) = &chunk.data {
            batches.push(batch.clone());
        }
    });
    assert_eq!(failed, None);
    batches
}

/// The stream that our encoder makes of lines.
fn encoded(csv: &str) -> Vec<u8> {
    let (stream, failed) = stream(&Arc::new(plan(&types(), Layout::PgBinary, false)), csv.as_bytes(), 1, 1 << 20);
    assert_eq!(failed, None);
    stream
}

/// Lines of CSV of which some fields are NULL.
fn lines() -> impl Strategy<Value = String> {
    let row = (any::<i32>(), "[a-zé]{0,3}", -99_999i32..99_999, any::<u32>());
    proptest::collection::vec(row, 0..12).prop_map(|rows| {
        let mut csv = String::new();
        for (number, word, cents, nulls) in rows {
            let mut fields = columns_of(LINE);
            fields[2] = number.to_string();
            fields[8].clone_from(&word);
            fields[9] = format!("\"{word}\"");
            fields[7] = format!("{}.{:02}", cents / 100, (cents % 100).abs());
            for (index, field) in fields.iter_mut().enumerate() {
                if nulls >> (index % 32) & 1 == 1 {
                    field.clear();
                }
            }
            csv.push_str(&fields.join(","));
            csv.push('\n');
        }
        csv
    })
}

#[test]
fn columns_that_are_no_fields_are_refused_before_anything_is_read() {
    let one = plan(&types()[1..2], Layout::PgBinary, true);
    for origin in [Origin::Sequence { start: 1, increment: 1 }, Origin::Constant(b"1".to_vec())] {
        let mut made = one.clone();
        made.columns[0].origin = origin;
        assert_refused(made);
    }
    let names = vec!["dropped".to_owned(), "c0".to_owned()];
    assert_refused(Plan { map: Some(FieldMap { names, columns: vec![1] }), ..one.clone() });
    let condition = Condition { subject: Subject::Field(0), negated: false, value: b"1".to_vec() };
    assert_refused(Plan { conditions: vec![condition], ..one });
}

fn assert_refused(plan: Plan) {
    for sink in [Sink::PgBinary, Sink::Duckdb, Sink::Arrow] {
        let (_, failed) = run(&Arc::new(plan.clone()), sink, &encoded(LINE), 1, 1 << 20, |_| panic!("rows came of it"));
        let failed = failed.expect("the load must fail");
        assert!(failed.message.contains("cannot be used in BINARY mode"), "{failed:?}");
    }
}

#[test]
fn a_row_of_every_type() {
    let binary = encoded(&LINE.repeat(3));
    check(&types(), &binary);
    assert_eq!(batches(true, &binary), batches(false, LINE.repeat(3).as_bytes()));
}

#[test]
fn every_cut_is_an_error() {
    let binary = encoded(LINE);
    for end in 0..binary.len() {
        let (_, failed) = stream(&Arc::new(plan(&types(), Layout::PgBinary, true)), &binary[..end], 1, 64);
        assert!(failed.is_some(), "{end}");
    }
    check(&types(), &[&binary[..], &[0]].concat());
}

#[test]
fn an_extension_is_passed_over() {
    let mut input = HEADER[..15].to_vec();
    input[14] = 5;
    input.extend_from_slice(&300i32.to_be_bytes());
    input.extend_from_slice(&[7; 300]);
    input.extend_from_slice(&[0, 1, 0, 0, 0, 4, 0, 0, 0, 9, 255, 255]);
    check(&[Type::Int4], &input);
    check(&[Type::Int4], &input[..200]);
}

#[test]
fn an_announced_length_is_not_believed() {
    let mut input = HEADER.to_vec();
    input.extend_from_slice(&[0, 1, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3]);
    check(&[Type::Text], &input);
    input.resize(tuples::MAX_RECORD * 3, 7);
    let (_, failed) = stream(&Arc::new(plan(&[Type::Text], Layout::PgBinary, true)), &input, 1, 64);
    let failed = failed.expect("it is too long");
    assert_eq!((failed.sql_state, failed.byte_offset), ("54000", Some(19)));
}

#[test]
fn zoned_times() {
    for (micros, west) in [(0i64, 57_599i32), (86_400_000_000, -57_599), (86_400_000_001, 0), (-1, 0), (1, 57_600)] {
        let mut input = HEADER.to_vec();
        input.extend_from_slice(&[0, 1, 0, 0, 0, 12]);
        input.extend_from_slice(&micros.to_be_bytes());
        input.extend_from_slice(&west.to_be_bytes());
        input.extend_from_slice(&[255, 255]);
        check(&[Type::TimeTz(None)], &input);
        input[24] = 8;
        check(&[Type::TimeTz(None)], &input);
    }
}

#[test]
fn rows_without_columns() {
    check(&[], &[&HEADER[..], &[0, 0, 0, 0, 255, 255]].concat());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_written_is_read(csv in lines()) {
        let binary = encoded(&csv);
        check(&types(), &binary);
        prop_assert_eq!(batches(true, &binary), batches(false, csv.as_bytes()));
    }

    #[test]
    fn any_corruption_has_one_outcome(
        csv in lines(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), prop_oneof![Just(0u8), Just(255), any::<u8>()]), 1..4),
        end in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut binary = encoded(&csv);
        for (at, byte) in changes {
            let at = at.index(binary.len());
            binary[at] = byte;
        }
        if let Some(end) = end {
            let end = end.index(binary.len());
            binary.truncate(end);
        }
        check(&types(), &binary);
    }
}
