//! Columns that are in no field, records that are passed over, fields that are cleaned and values that become NULL, against readings of
//! the same rules a line at a time.
#![cfg(feature = "arrow")]

mod outcome;

use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use copyist_core::{ArrayType, EnumType, Type};
use copyist_format::{
    BadValue, Cleaning, ColumnPlan, Condition, Fact, Facts, FieldMap, Fixed, FixedField, Header, Layout, Missing,
    Origin, Plan, Subject, Tolerance, Unit,
};
use copyist_scan::Grammar;
use copyist_transcode::{ChunkData, Counters, Limits, Load, Location, Next, Sink, Source, Specification};
use outcome::{CSV, SKIP, TEXT, plan, run};
use proptest::prelude::*;

const STRICT: Tolerance = Tolerance { conversion: BadValue::Stop, structure: false, constraint: false, ..SKIP };

/// How tests that depend on nothing else are cut.
const WHOLE: (usize, usize) = (1, 1 << 18);

struct Output {
    /// Of PostgreSQL's sinks: what the messages hold.
    bytes: Vec<u8>,
    batches: Vec<RecordBatch>,
    /// DuckDB: the values of each row, those of strings as their text.
    rows: Vec<Vec<Vec<u8>>>,
    places: Vec<Location>,
    counters: Counters,
    failure: Option<(String, &'static str)>,
}

fn output(plan: &Plan, sink: Sink, input: &[u8], (threads, tile_size): (usize, usize)) -> Output {
    let layout = match sink {
        Sink::PgBinary => Layout::PgBinary,
        Sink::Duckdb => Layout::Duckdb,
        Sink::Arrow => Layout::Arrow,
        _ => Layout::PgText,
    };
    let plan = Arc::new(Plan { layout, ..plan.clone() });
    let load = Load::start(Specification {
        plan: Arc::clone(&plan),
        sink,
        inputs: copyist_transcode::Input::only(
            "memory".to_owned(),
            Source::Memory(std::io::Cursor::new(Arc::new(input.to_vec()))),
        ),
        maps_by_name: false,
        table: "t".to_owned(),
        limits: Limits {
            threads,
            tile_size,
            window: 1 << 16,
            max_record: 1 << 20,
            max_bytes: usize::MAX,
            max_rejects: u64::MAX,
        },
        is_framed: true,
        keeps_records: false,
        on_ready: Box::new(|| {}),
    });
    let mut output = Output {
        bytes: Vec::new(),
        batches: Vec::new(),
        rows: Vec::new(),
        places: Vec::new(),
        counters: load.counters(),
        failure: None,
    };
    loop {
        match load.try_next(Duration::from_secs(60)) {
            Next::Chunk(chunk) => {
                match &chunk.data {
                    ChunkData::Messages(bytes) => output.bytes.extend_from_slice(&bytes[5..]),
                    ChunkData::Vectors(bytes, batch) => {
                        for row in 0..chunk.rows as usize {
                            let value = |(place, spec): (&copyist_format::duckdb::ColumnBatch, &ColumnPlan)| {
                                let from = place.data + row * place.width;
                                duckdb_value(bytes, &bytes[from..from + place.width], &spec.ty)
                            };
                            output.rows.push(batch.columns.iter().zip(&plan.columns).map(value).collect());
                        }
                    }
                    ChunkData::Arrow(batch) => output.batches.push(batch.clone()),
                    _ => unreachable!(),
                }
                load.recycle(chunk.data);
            }
            Next::Rejects => {
                drop(load.take_rejects(usize::MAX));
            }
            Next::Pending => panic!("the load does not go on"),
            Next::End => break,
            Next::Failed(failure) => {
                let error = &failure.error;
                let text = format!("{}: {}", failure.context.unwrap_or_default(), error.message);
                output.failure = Some((text, error.code.sql_state()));
                break;
            }
        }
    }
    output.counters = load.counters();
    output.places = (0..).map_while(|row| load.locate(row)).collect();
    output
}

/// The bytes of a value; of a string its text.
fn duckdb_value(buffer: &[u8], value: &[u8], ty: &Type) -> Vec<u8> {
    let is_number = matches!(ty, Type::Numeric(Some((precision, _))) if *precision <= 38);
    if value.len() < 16 || is_number || matches!(ty, Type::Uuid | Type::Interval(_)) {
        return value.to_vec();
    }
    let word = |from: usize| u32::from_le_bytes(value[from..from + 4].try_into().expect("four bytes")) as usize;
    let len = word(0);
    if len <= 12 {
        return value[4..4 + len].to_vec();
    }
    let address = u64::from_le_bytes(value[8..].try_into().expect("eight bytes"));
    let start = (address - buffer.as_ptr() as u64) as usize;
    buffer[start..start + len].to_vec()
}

fn column(name: &str, ty: Type, origin: Origin) -> ColumnPlan {
    ColumnPlan { ty, origin, ..ColumnPlan::of_text(name.to_owned(), false) }
}

fn columns(plan: Plan, columns: Vec<ColumnPlan>) -> Plan {
    let read = columns.iter().filter(|column| column.is_read());
    let names = read.map(|column| column.name.clone()).collect();
    let mut next = 0..;
    let fields = columns.iter().map(|c| if c.is_read() { next.next().unwrap_or(0) } else { FieldMap::NONE }).collect();
    Plan { columns, header: Header::No, map: Some(FieldMap { names, columns: fields }), ..plan }
}

const SINKS: [Sink; 4] = [Sink::PgBinary, Sink::PgText, Sink::Duckdb, Sink::Arrow];

/// Two loads that must come to the same.
fn assert_same(one: &Output, other: &Output, what: &str) {
    assert_eq!(one.failure, other.failure, "{what}");
    assert_eq!(one.bytes, other.bytes, "{what}");
    assert_eq!(one.rows, other.rows, "{what}");
    assert_eq!(one.batches, other.batches, "{what}");
}

#[test]
fn a_constant_is_like_a_field_that_says_so_in_each_record() {
    let mood = Type::Enum(Arc::new(EnumType { name: "mood".into(), labels: vec!["sad".into(), "so, \"so\"".into()] }));
    let list = Type::Array(Arc::new(ArrayType { element: Type::Int4, element_oid: 23, delimiter: b',', depth: 1 }));
    let values = [
        (Type::Bool, "yes"),
        (Type::Int2, "-7"),
        (Type::Int4, " 70000 "),
        (Type::Int8, "9000000000"),
        (Type::Float4, "1.5"),
        (Type::Float8, "-1e300"),
        (Type::Numeric(None), "12345678901234567890.123"),
        (Type::Numeric(Some((10, 2))), "1.255"),
        (Type::Numeric(Some((38, 0))), "99999999999999999999"),
        (Type::Text, "a long constant of \"more\" than twelve bytes"),
        (Type::Text, ""),
        (Type::Text, "\\N"),
        (Type::Varchar(Some(3)), "żół"),
        (Type::Bpchar(Some(5)), "ab"),
        (Type::Bytea, "\\x00ff"),
        (Type::Date, "2024-02-29"),
        (Type::Time(None), "12:34:56.789"),
        (Type::TimeTz(None), "12:34:56+02"),
        (Type::Timestamp(None), "2024-02-29 01:02:03.456"),
        (Type::TimestampTz(None), "2024-02-29 01:02:03+02"),
        (Type::Interval(None), "1 day 2 hours"),
        (Type::Uuid, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        (Type::Json, "{\"a\": [1]}"),
        (Type::Jsonb, "{\"a\": [1]}"),
        (mood, "so, \"so\""),
        (list, "{1,NULL,3}"),
    ];
    for (ty, text) in values {
        let quoted = format!("\"{}\"", text.replace('"', "\"\""));
        let (short, long): (String, String) =
            (0..50).map(|id| (format!("{id},n{id}\n"), format!("{id},{quoted},n{id}\n"))).unzip();
        let of = |origin| {
            let list = vec![
                column("id", Type::Int8, Origin::Field),
                column("c", ty.clone(), origin),
                column("name", Type::Text, Origin::Field),
            ];
            columns(plan(CSV, STRICT), list)
        };
        let constant = of(Origin::Constant(text.as_bytes().to_vec()));
        for sink in SINKS {
            if sink == Sink::Arrow && matches!(ty, Type::TimeTz(_)) {
                // Arrow has no such array.
                continue;
            }
            let read = output(&of(Origin::Field), sink, long.as_bytes(), WHOLE);
            assert_eq!(read.failure, None);
            assert_eq!(read.counters.rows_read, 50);
            let filled = output(&constant, sink, short.as_bytes(), WHOLE);
            assert_same(&filled, &read, &format!("{ty:?} {sink:?}"));
            if !matches!(sink, Sink::Arrow) {
                assert_same(
                    &output(&constant, sink, short.as_bytes(), (2, 16)),
                    &read,
                    &format!("{ty:?} {sink:?} cut"),
                );
            }
        }
        // Rows that are taken out from between others leave those alone, and so does a comma for the decimal mark.
        let tolerant = Plan { tolerance: SKIP, has_comma: true, ..constant.clone() };
        let with_errors = format!("x,y\n{}z,y\n1\n", short.replace("9,n9\n", "9,n9\ny,n\n"));
        let skipped = output(&tolerant, Sink::Duckdb, with_errors.as_bytes(), (2, 40));
        assert_eq!(skipped.rows, output(&constant, Sink::Duckdb, short.as_bytes(), WHOLE).rows, "{ty:?}");
    }
}

#[test]
fn a_constant_that_its_type_refuses_is_an_error_before_any_row() {
    for (ty, text, state) in [
        (Type::Int4, "x", "22P02"),
        (Type::Int2, "70000", "22003"),
        (Type::Int4, "", "22P02"),
        (Type::Date, "2024-02-30", "22008"),
        (Type::Varchar(Some(2)), "abc", "22001"),
        (Type::Text, "a\0b", "22021"),
        (Type::Numeric(Some((3, 1))), "1,5", "22P02"),
    ] {
        let list = vec![
            column("id", Type::Int8, Origin::Field),
            column("c", ty.clone(), Origin::Constant(text.as_bytes().to_vec())),
        ];
        let shaped = columns(plan(CSV, Tolerance { conversion: BadValue::SetNull, ..SKIP }), list);
        for sink in SINKS {
            if sink == Sink::PgText && ty == Type::Date {
                // The server judges it.
                continue;
            }
            let found = output(&Plan { has_comma: true, ..shaped.clone() }, sink, b"1\n2\n", (2, 1));
            assert_eq!(found.failure.map(|(_, state)| state), Some(state), "{ty:?} {sink:?}");
            assert_eq!((found.counters.rows_read, found.bytes.len(), found.rows.len()), (0, 0, 0));
        }
    }
}

#[test]
fn a_table_may_have_constants_and_numbers_only() {
    let list = vec![
        column("n", Type::Int8, Origin::Sequence { start: 5, increment: -2 }),
        column("c", Type::Text, Origin::Constant(b"x".to_vec())),
    ];
    let shaped = columns(plan(TEXT, STRICT), list);
    for cut in [WHOLE, (2, 1)] {
        let found = output(&shaped, Sink::PgText, b"\n\n\n", cut);
        assert_eq!((found.failure, &found.bytes[..]), (None, &b"5\tx\n3\tx\n1\tx\n"[..]));
        let failure = output(&shaped, Sink::PgText, b"\na\n", cut).failure.map(|(text, _)| text);
        assert_eq!(failure.as_deref(), Some("COPY t, line 2: \"a\": extra data after last expected column"));
    }
    outcome::check_any(&Plan { tolerance: SKIP, ..shaped }, b"\n\na\n\n\tb\n\n");
}

#[test]
fn numbers_are_like_a_field_with_them() {
    for (ty, start, increment) in [
        (Type::Int2, -32768, 1),
        (Type::Int4, 2_147_483_647, -40_000_000),
        (Type::Int8, i64::MAX - 990, 10),
        (Type::Numeric(None), i64::MAX, i64::MAX),
        (Type::Numeric(Some((12, 2))), 0, 0),
        (Type::Numeric(Some((38, 2))), -5, 123_456_789_012),
        (Type::Numeric(Some((60, 0))), -5, 7),
    ] {
        let number = |row: i64| i128::from(start) + i128::from(increment) * i128::from(row);
        let (short, long): (String, String) =
            (0..100).map(|row| (format!("{row}\n"), format!("{row}\t{}\n", number(row)))).unzip();
        let of = |origin| {
            let list = vec![column("id", Type::Int8, Origin::Field), column("n", ty.clone(), origin)];
            columns(plan(TEXT, STRICT), list)
        };
        let numbered = of(Origin::Sequence { start, increment });
        for sink in SINKS {
            let read = output(&of(Origin::Field), sink, long.as_bytes(), WHOLE);
            assert_same(&output(&numbered, sink, short.as_bytes(), WHOLE), &read, &format!("{ty:?} {sink:?}"));
            if !matches!(sink, Sink::Arrow) {
                for cut in [(1, 1), (2, 10), (4, 33)] {
                    assert_same(
                        &output(&numbered, sink, short.as_bytes(), cut),
                        &read,
                        &format!("{ty:?} {sink:?} cut"),
                    );
                }
            }
        }
    }
    let list = vec![
        column("id", Type::Int8, Origin::Field),
        column("n", Type::Float8, Origin::Sequence { start: 1, increment: 1 }),
    ];
    let refused = output(&columns(plan(TEXT, STRICT), list), Sink::PgText, b"1\n", WHOLE);
    assert_eq!(refused.failure.map(|(_, state)| state), Some("0A000"));
}

#[test]
fn records_may_have_the_numbers_that_they_had_in_another_input() {
    let of = |origin| {
        let list = vec![column("id", Type::Int8, Origin::Field), column("n", Type::Int8, origin)];
        columns(plan(TEXT, SKIP), list)
    };
    let (start, increment) = (100, -3);
    let numbered = of(Origin::Sequence { start, increment });
    for (threads, tile_size) in [WHOLE, (1, 1), (2, 7), (4, 16)] {
        // Records that are refused, by their values or their fields, between rows and one after the other.
        let first = run(&Arc::new(numbered.clone()), b"0\nx\n2\n3\ty\nz\n5\n", threads, tile_size);
        let before: Vec<u64> = first.rejects.iter().map(|reject| reject.records_before).collect();
        assert_eq!((first.ids, &before[..]), (vec![0, 2, 5], &[1, 3, 4][..]));
        let again = of(Origin::Numbered { start, increment, records: before.into() });
        let found = output(&again, Sink::PgText, b"11\n?\n14\n", (threads, tile_size));
        assert_eq!((found.failure, &found.bytes[..]), (None, &b"11\t97\n14\t88\n"[..]));
        let failure = output(&again, Sink::PgText, b"1\n2\n3\n4\n", (threads, tile_size)).failure;
        assert_eq!(failure.map(|(_, state)| state), Some("XX000"));
    }
}

#[test]
fn records_may_be_of_other_inputs() {
    let facts = |name: &str, given: Option<&str>| Facts {
        name: name.to_owned(),
        given: vec![given.map(str::to_owned)],
        ..Facts::default()
    };
    let inputs: Arc<[Facts]> = [facts("one", None), facts("other", Some("7"))].into();
    let of = |ty: Type, fact| {
        let records: Arc<[u32]> = [0, 0, 1, 1, 0, 1].into();
        let origin = Origin::FactOfEach { fact, inputs: Arc::clone(&inputs), records };
        let list = vec![column("id", Type::Int8, Origin::Field), column("f", ty, origin)];
        columns(plan(TEXT, SKIP), list)
    };
    for cut in [WHOLE, (1, 1), (2, 7), (4, 16)] {
        // Records that are refused count among those that have an input.
        let input = b"1\nx\n3\ny\n5\n6\n";
        let named = output(&of(Type::Text, Fact::Name), Sink::PgText, input, cut);
        assert_eq!((named.failure, &named.bytes[..]), (None, &b"1\tone\n3\tother\n5\tone\n6\tother\n"[..]), "{cut:?}");
        let given = output(&of(Type::Int4, Fact::Given(0)), Sink::PgText, input, cut);
        assert_eq!((given.failure, &given.bytes[..]), (None, &b"1\t\\N\n3\t7\n5\t\\N\n6\t7\n"[..]), "{cut:?}");
        let more = output(&of(Type::Text, Fact::Name), Sink::PgText, b"1\n2\n3\n4\n5\n6\n7\n", cut);
        assert_eq!(more.failure.map(|(_, state)| state), Some("XX000"));
    }
    // The value of every input has to be one of the column, whichever of them have records.
    let refused = output(&of(Type::Uuid, Fact::Given(0)), Sink::PgText, b"1\n", WHOLE);
    assert_eq!(refused.failure.map(|(_, state)| state), Some("22P02"));
}

#[test]
fn a_number_out_of_range_ends_the_load_at_its_row() {
    for (ty, start, increment, name) in [
        (Type::Int2, 32_766, 1, "smallint"),
        (Type::Int4, -2_147_483_646, -2, "integer"),
        (Type::Int8, i64::MAX - 1, 1, "bigint"),
    ] {
        let list = vec![
            column("n", ty.clone(), Origin::Sequence { start, increment }),
            column("id", Type::Int8, Origin::Field),
        ];
        for (tolerance, input, line) in [
            (STRICT, "id\n10\n11\n12\n13\n14\n", 4),
            // A refused record has had a number too.
            (SKIP, "id\n10\nx\n12\n13\ny\n15\n", 4),
        ] {
            let shaped = Plan { header: Header::Skip, ..columns(plan(TEXT, tolerance), list.clone()) };
            let failing = i128::from(start) + 2 * i128::from(increment);
            let rows = if line == 4 && tolerance.structure { 1 } else { 2 };
            for sink in SINKS {
                for cut in [WHOLE, (1, 1), (3, 7)] {
                    let found = output(&shaped, sink, input.as_bytes(), cut);
                    let text = format!(
                        "COPY t, line {line}, column n: \"{failing}\": value \"{failing}\" is out of range for type {name}"
                    );
                    assert_eq!(found.failure, Some((text, "22003")), "{sink:?} {cut:?}");
                    let taken = found.batches.iter().map(RecordBatch::num_rows).sum::<usize>() + found.rows.len();
                    match sink {
                        Sink::PgText => assert_eq!(found.bytes.iter().filter(|&&byte| byte == b'\n').count(), rows),
                        Sink::PgBinary => assert_eq!(found.counters.rows_read, 2),
                        _ => assert_eq!(taken, rows),
                    }
                }
            }
        }
    }
}

/// The fields of a line; what is between quotation marks around a field is not divided.
fn naive_fields(line: &str, unquotes: bool) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let ends = || rest.match_indices('\t').map(|(at, _)| at).chain([rest.len()]);
        let is_whole = |end: &usize| {
            let field = &rest[..*end];
            let before = || field[..field.len() - 1].chars().rev().take_while(|&c| c == '\\').count();
            field.len() > 1 && field.ends_with(&rest[..1]) && before() % 2 == 0
        };
        let first = rest.find('\t').unwrap_or(rest.len());
        let is_quoted = unquotes && rest.starts_with(['\'', '"']);
        let end = if is_quoted { ends().find(is_whole).unwrap_or(first) } else { first };
        fields.push(&rest[..end]);
        match rest.get(end + 1..) {
            Some(more) => rest = more,
            None => return fields,
        }
    }
}

/// What is made of a text field, without a word of the decoder's.
fn naive_text(raw: &str, cleaning: Cleaning) -> Result<Option<String>, ()> {
    if raw == "\\N" {
        return Ok(None);
    }
    let mut raw = raw;
    if cleaning.unquotes && raw.starts_with(['\'', '"']) {
        let before = raw[..raw.len() - 1].chars().rev().take_while(|&c| c == '\\').count();
        if raw.len() < 2 || raw.chars().next() != raw.chars().last() || before % 2 == 1 {
            return Err(());
        }
        raw = &raw[1..raw.len() - 1];
        if raw == "\\N" {
            return Ok(None);
        }
    }
    let mut text = String::new();
    let mut characters = raw.chars();
    while let Some(c) = characters.next() {
        text.push(if c == '\\' { characters.next().unwrap_or('?') } else { c });
    }
    if cleaning.blank_is_null && !text.is_empty() && text.trim().is_empty() {
        return Ok(None);
    }
    if cleaning.trims {
        text = text.trim_end().to_owned();
    }
    Ok(if cleaning.empty_is_null && text.is_empty() { None } else { Some(text) })
}

#[derive(Debug, Default, PartialEq)]
struct Naive {
    rows: String,
    lines: Vec<(u64, String)>,
    refused: u64,
    passed_over: u64,
    blank: u64,
}

fn naive(input: &str, plan: &Plan, (start, increment): (i64, i64)) -> Naive {
    let mut naive = Naive::default();
    let cleaning = plan.columns[3].cleaning;
    let mut taken = 0;
    'lines: for (line, number) in input.strip_suffix('\n').unwrap_or(input).split('\n').zip(1..) {
        if input.is_empty() {
            break;
        }
        if line.is_empty() && plan.passes_blank_lines {
            naive.blank += 1;
            continue;
        }
        let fields = naive_fields(line, cleaning.unquotes);
        for Condition { subject, negated, value } in &plan.conditions {
            let found = match *subject {
                Subject::Characters { start, end } => {
                    let characters: Vec<char> = line.chars().collect();
                    characters
                        .get(start as usize..end as usize)
                        .map(|part| part.iter().collect::<String>().into_bytes())
                }
                // Only FIXED lines have them.
                Subject::Place(_) => None,
                Subject::Field(field) => match fields.get(field as usize) {
                    None if plan.tolerance.missing == Missing::None => break,
                    None if plan.tolerance.missing == Missing::One && fields.len() < 2 => break,
                    None => None,
                    Some(raw) => match naive_text(raw, if field == 1 { cleaning } else { Cleaning::default() }) {
                        Err(()) => break,
                        Ok(text) => text.map(String::into_bytes),
                    },
                },
            };
            if found.is_none_or(|found| (found == *value) == *negated) {
                naive.passed_over += 1;
                continue 'lines;
            }
        }
        let value = start + increment * taken;
        taken += 1;
        let may_lack = match plan.tolerance.missing {
            Missing::None => 0,
            Missing::One => 1,
            Missing::Any => 3,
        };
        let id = match fields[0] {
            "\\N" => Some("\\N".to_owned()),
            raw => naive_text(raw, Cleaning::default())
                .ok()
                .flatten()
                .filter(|text| text.trim().parse::<i64>().is_ok())
                .filter(|text| !text.is_empty()),
        };
        let name = naive_text(fields.get(1).unwrap_or(&"\\N"), cleaning);
        match (id, name) {
            (Some(id), Ok(name)) if fields.len() <= 3 && fields.len() + may_lack >= 3 => {
                let name = name.map_or_else(|| "\\N".to_owned(), |name| name.replace('\t', "\\t"));
                naive.rows += &format!("{value}\tconst\t{id}\t{name}\n");
                naive.lines.push((number, line.to_owned()));
            }
            _ => naive.refused += 1,
        }
    }
    naive
}

fn condition() -> impl Strategy<Value = Condition> {
    let subject = prop_oneof![
        (0..4u32, 1..4u32).prop_map(|(start, length)| Subject::Characters { start, end: start + length }),
        (0..3u32).prop_map(Subject::Field),
    ];
    let value = prop::sample::select(vec!["1", "12", "a", "ab", "", "1\t", " ", "'a'"]);
    (subject, any::<bool>(), value).prop_map(|(subject, negated, value)| Condition {
        subject,
        negated,
        value: value.as_bytes().to_vec(),
    })
}

fn cleaning() -> impl Strategy<Value = Cleaning> {
    any::<[bool; 4]>().prop_map(|[unquotes, blank_is_null, trims, empty_is_null]| Cleaning {
        unquotes,
        blank_is_null,
        trims,
        empty_is_null,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equals_naive(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "1", "2", "a", "b", " ", "   ", "'", "\"", "\\'", "\\N", "\t", "\t", "\t", "\n", "\n", "\n\n", "1\ta\tx\n", "12\t'a'\t\n",
                "1\t  \tb\n", "2\t\\N\ty\n",
            ]),
            0..40,
        ),
        conditions in prop::collection::vec(condition(), 0..3),
        cleaning in cleaning(),
        passes_blank_lines in any::<bool>(),
        missing in prop::sample::select(vec![Missing::None, Missing::One, Missing::Any]),
        numbers in (-5..5i64, -3..4i64),
    ) {
        let input = pieces.concat();
        let (start, increment) = numbers;
        let list = vec![
            column("n", Type::Int8, Origin::Sequence { start, increment }),
            column("c", Type::Text, Origin::Constant(b"const".to_vec())),
            column("id", Type::Int8, Origin::Field),
            ColumnPlan { cleaning, ..column("name", Type::Text, Origin::Field) },
        ];
        let map = Some(FieldMap {
            names: ["id", "name", "filler"].map(str::to_owned).to_vec(),
            columns: vec![FieldMap::NONE, FieldMap::NONE, 0, 1],
        });
        let tolerance = Tolerance { missing, ..SKIP };
        let base = plan(TEXT, tolerance);
        let shaped = Plan { header: Header::No, columns: list, conditions, passes_blank_lines, map, ..base };
        outcome::check_any(&shaped, input.as_bytes());
        let expected = naive(&input, &shaped, numbers);
        for cut in [WHOLE, (2, 9)] {
            let found = output(&shaped, Sink::PgText, input.as_bytes(), cut);
            prop_assert_eq!(found.failure, None);
            prop_assert_eq!(String::from_utf8_lossy(&found.bytes), &expected.rows[..]);
            let counters = found.counters;
            prop_assert_eq!(
                (counters.rows_refused, counters.rows_passed_over, counters.blank_lines),
                (expected.refused, expected.passed_over, expected.blank)
            );
            let line = |place: &Location| {
                let start = place.byte_offset as usize;
                (place.line, input[start..start + place.byte_len as usize].to_owned())
            };
            prop_assert_eq!(found.places.iter().map(line).collect::<Vec<_>>(), expected.lines.clone());
        }
        // Without tolerance all is the same up to the first row that would have been refused.
        let strict = output(&Plan { tolerance: Tolerance { missing, ..STRICT }, ..shaped }, Sink::PgBinary, input.as_bytes(), (2, 9));
        prop_assert_eq!(strict.failure.is_some(), expected.refused > 0);
    }

    /// CSV, where lines are not records: however it is cut, and whatever is wrong.
    #[test]
    fn csv_has_one_outcome(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "1", "2", ",", ",", "\"", "\"\"", "\n", "\n", "\r\n", "\r", "a", " ", "\u{17c}", "x\n", "1,a,5,2024-01-01\n", "2,\"b\nc\",,\n",
                "3,\"\",7,2024-13-01\n", "\n\n", "4,\"q\"\"\",\"\",\"\"\n",
            ]),
            0..40,
        ),
        conditions in prop::collection::vec(condition(), 0..2),
        cleaning in cleaning(),
        passes_blank_lines in any::<bool>(),
        structure in any::<bool>(),
        day in prop::sample::select(vec![None, Some(BadValue::SetNull), Some(BadValue::Stop), Some(BadValue::SkipRow)]),
        start in any::<i64>(),
        header in any::<bool>(),
    ) {
        let input = pieces.concat();
        let mut shaped = plan(CSV, Tolerance { structure, ..SKIP });
        shaped.columns[0] = column("n", Type::Int8, Origin::Sequence { start: start / 2, increment: 3 });
        shaped.columns[1].cleaning = Cleaning { unquotes: false, ..cleaning };
        shaped.columns[2].cleaning = Cleaning { unquotes: false, trims: false, ..cleaning };
        shaped.columns[3].conversion = day;
        let shaped = Plan {
            conditions,
            passes_blank_lines,
            header: if header { Header::Skip } else { Header::No },
            map: Some(FieldMap {
                names: ["id", "name", "amount", "day"].map(str::to_owned).to_vec(),
                columns: vec![FieldMap::NONE, 1, 2, 3],
            }),
            ..shaped
        };
        if structure && day == Some(BadValue::Stop) {
            // The oracle takes for granted that such a load never fails.
            return Ok(());
        }
        outcome::check_any(&shaped, input.as_bytes());
    }

    /// Records that are all laid out like rows, of one line each or not: which of them are rows, and where these are.
    #[test]
    fn conditions_choose_among_regular_records(
        rows in prop::collection::vec((0..3i64, 0..12usize), 0..40),
        by_name in any::<bool>(),
        negated in any::<bool>(),
        eol in prop::sample::select(vec!["\n", "\r\n"]),
        header in any::<bool>(),
        is_open in any::<bool>(),
        strict in any::<bool>(),
    ) {
        let mut input = String::new();
        let mut line = 1;
        if header {
            input += &format!("id,name{eol}");
            line += 1;
        }
        let (mut text, mut places, mut passed) = (String::new(), Vec::new(), 0);
        for (index, &(id, kind)) in rows.iter().enumerate() {
            let (raw, name, lines) = match kind {
                0 => ("\"a\"".to_owned(), "a".to_owned(), 1),
                1 => ("\"\"\"a\"\"\"".to_owned(), "\"a\"".to_owned(), 1),
                2 => (String::new(), "\\N".to_owned(), 1),
                // Of lines in the first record PostgreSQL counts others.
                3 if index > 0 => (format!("\"x{eol}y\""), format!("x{}y", eol.replace('\r', "\\r").replace('\n', "\\n")), 2),
                4..=7 => ("a".to_owned(), "a".to_owned(), 1),
                _ => ("żółw".to_owned(), "żółw".to_owned(), 1),
            };
            let record = format!("{id},{raw}");
            let is_row = if by_name { kind != 2 && (name == "a") != negated } else { (id == 1) != negated };
            if is_row {
                text += &format!("{id}\t{name}\n");
                places.push(Location {
                    file: 0,
                    position: input.len() as u64,
                    line: line + lines - 1,
                    first_line: line,
                    byte_offset: input.len() as u64,
                    byte_len: record.len() as u64,
                });
            } else {
                passed += 1;
            }
            input += &record;
            if !is_open || index + 1 < rows.len() {
                input += eol;
            }
            line += lines;
        }
        let condition = if by_name {
            Condition { subject: Subject::Field(1), negated, value: b"a".to_vec() }
        } else {
            Condition { subject: Subject::Characters { start: 0, end: 2 }, negated, value: b"1,".to_vec() }
        };
        let list = vec![column("id", Type::Int8, Origin::Field), column("name", Type::Text, Origin::Field)];
        let shaped = Plan {
            conditions: vec![condition],
            header: if header { Header::Match } else { Header::No },
            ..columns(plan(CSV, if strict { STRICT } else { SKIP }), list)
        };
        for cut in [WHOLE, (1, 1), (2, 30)] {
            let found = output(&shaped, Sink::PgText, input.as_bytes(), cut);
            prop_assert_eq!(found.failure, None);
            prop_assert_eq!(String::from_utf8_lossy(&found.bytes), &text[..]);
            prop_assert_eq!(&found.places, &places);
            prop_assert_eq!(found.counters.rows_passed_over, passed);
        }
    }

    /// A policy for each column, and the numbers of the records that a policy refuses.
    #[test]
    fn values_are_judged_by_their_columns(
        rows in prop::collection::vec((0..3usize, 0..3usize, 0..3usize), 0..30),
        policies in prop::collection::vec(
            prop::sample::select(vec![None, Some(BadValue::SetNull), Some(BadValue::SkipRow), Some(BadValue::SetDefault)]), 3,
        ),
        whole in prop::sample::select(vec![BadValue::SetNull, BadValue::SkipRow]),
    ) {
        let of = |index: usize, value: usize| [["1", "x", "\\N"], ["2024-01-02", "2024-13-02", "\\N"], ["1.5", "1.5.5", "\\N"]][index][value];
        let input: String =
            rows.iter().map(|&(a, b, c)| format!("{}\t{}\t{}\n", of(0, a), of(1, b), of(2, c))).collect();
        let types = [Type::Int4, Type::Date, Type::Numeric(Some((5, 2)))];
        let mut list = vec![column("n", Type::Int8, Origin::Sequence { start: 0, increment: 1 })];
        for (index, (ty, conversion)) in types.into_iter().zip(&policies).enumerate() {
            list.push(ColumnPlan { ty, conversion: *conversion, ..ColumnPlan::of_text(format!("c{index}"), false) });
        }
        let shaped = columns(plan(TEXT, Tolerance { conversion: whole, ..SKIP }), list);
        outcome::check_any(&shaped, input.as_bytes());
        let bad = |row: &(usize, usize, usize), of: BadValue| {
            [row.0, row.1, row.2].iter().zip(&policies).any(|(&value, policy)| {
                let policy = policy.unwrap_or(whole);
                value == 1 && (policy == of || policy == BadValue::SetDefault && of == BadValue::SetNull)
            })
        };
        let kept: Vec<i64> = (0..).zip(&rows).filter(|(_, row)| !bad(row, BadValue::SkipRow)).map(|(id, _)| id).collect();
        let mended = rows.iter().filter(|row| !bad(row, BadValue::SkipRow) && bad(row, BadValue::SetNull)).count();
        let found = run(&Arc::new(shaped), input.as_bytes(), 2, 20);
        prop_assert_eq!(&found.ids, &kept);
        prop_assert_eq!(found.counters.rows_mended, mended as u64);
        prop_assert_eq!(found.counters.rows_refused as usize, rows.len() - kept.len());
    }
}

#[test]
fn a_stop_ends_the_load_beside_a_column_that_is_mended() {
    let list = vec![
        ColumnPlan { conversion: Some(BadValue::SkipRow), ..column("id", Type::Int8, Origin::Field) },
        ColumnPlan { conversion: Some(BadValue::SetNull), ..column("day", Type::Date, Origin::Field) },
        column("amount", Type::Int4, Origin::Field),
    ];
    let shaped = columns(plan(TEXT, STRICT), list);
    for cut in [WHOLE, (2, 1)] {
        let input = b"1\tx\t1\nx\t2024-01-01\t2\n3\t2024-01-01\t3\ny\tz\tbad\n";
        let found = output(&shaped, Sink::Duckdb, input, cut);
        let text = "COPY t, line 4, column amount: \"bad\": invalid input syntax for type integer: \"bad\"";
        assert_eq!(found.failure, Some((text.to_owned(), "22P02")));
        assert_eq!((found.rows.len(), found.counters.rows_refused, found.counters.rows_mended), (2, 1, 1));
    }
}

#[test]
fn strings_that_are_missing_may_be_empty() {
    let text = |name: &str, missing_is_empty| ColumnPlan {
        missing_is_empty,
        is_told: true,
        refuses_replaced: false,
        ..ColumnPlan::of_text(name.to_owned(), false)
    };
    let list = vec![
        column("id", Type::Int8, Origin::Field),
        text("name", true),
        column("amount", Type::Int4, Origin::Field),
        text("note", true),
        ColumnPlan { ty: Type::Varchar(Some(3)), ..text("short", true) },
        text("last", false),
    ];
    let input = b"1\n2\tb\n3\tc\t\t\\N\tx\n4\td\t5\te\tf\tg\nx\n";
    let expected = "1\t\t\\N\t\t\t\\N\n2\tb\t\\N\t\t\t\\N\n4\td\t5\te\tf\tg\n";
    let shaped = columns(plan(TEXT, Tolerance { missing: Missing::Any, ..SKIP }), list);
    for cut in [WHOLE, (2, 1)] {
        let found = output(&shaped, Sink::PgText, input, cut);
        // An empty field is no number, and no NULL either.
        assert_eq!((found.failure, String::from_utf8_lossy(&found.bytes).as_ref()), (None, expected));
        assert_eq!(found.counters.rows_refused, 2);
    }
}

#[test]
fn a_header_that_is_to_match_is_missed_before_the_end_marker() {
    let list = || vec![column("id", Type::Int8, Origin::Field), column("name", Type::Text, Origin::Field)];
    let values = Tolerance { conversion: BadValue::SkipRow, ..STRICT };
    for (tolerance, ending) in
        [STRICT, values, SKIP].into_iter().flat_map(|t| ["\n", "\r\n", "\r", "\n1\ta\n"].map(|e| (t, e)))
    {
        let input = format!("\\.{ending}");
        let matched = Plan { header: Header::Match, ..columns(plan(TEXT, tolerance), list()) };
        for cut in [WHOLE, (2, 1)] {
            let found = output(&matched, Sink::PgText, input.as_bytes(), cut);
            let text = "COPY t, line 1: \"\": wrong number of fields in header line: got 1, expected 2";
            assert_eq!(found.failure, Some((text.to_owned(), "22P04")), "{input:?}");
            // A line that is passed over may as well not be there.
            let skipped =
                output(&Plan { header: Header::Skip, ..matched.clone() }, Sink::PgText, input.as_bytes(), cut);
            assert_eq!((skipped.failure, skipped.counters.rows_read), (None, 0), "{input:?}");
        }
    }
}

#[test]
fn records_that_are_passed_over_are_not_judged() {
    let condition = |subject, negated, value: &str| Condition { subject, negated, value: value.as_bytes().to_vec() };
    let list = || vec![column("id", Type::Int8, Origin::Field), column("name", Type::Text, Origin::Field)];
    let only = Plan {
        conditions: vec![condition(Subject::Characters { start: 0, end: 1 }, false, "1")],
        ..columns(plan(TEXT, STRICT), list())
    };
    // Too many fields, too few, no number, no character.
    let input = b"1\ta\n2\n2\tb\tc\n2x\tb\n2\t\xff\n1\tb\n2\n";
    for cut in [WHOLE, (2, 1)] {
        let found = output(&only, Sink::PgText, input, cut);
        assert_eq!((found.failure, &found.bytes[..]), (None, &b"1\ta\n1\tb\n"[..]));
        assert_eq!((found.counters.rows_passed_over, found.counters.rows_read), (5, 2));
        assert_eq!(found.places.iter().map(|place| place.line).collect::<Vec<_>>(), [1, 6]);
    }
    // What meets the condition is judged, and so is a record without the field that the condition is about.
    let field = Plan { conditions: vec![condition(Subject::Field(1), true, "b")], ..only.clone() };
    for (input, message) in [
        (&b"1\tb\nx\ta\n"[..], "COPY t, line 2, column id: \"x\": invalid input syntax for type bigint: \"x\""),
        (b"1\tb\n1\n", "COPY t, line 2: \"1\": missing data for column \"name\""),
    ] {
        for cut in [WHOLE, (2, 1)] {
            let found = output(&field, Sink::PgBinary, input, cut);
            assert_eq!(found.failure.map(|(text, _)| text).as_deref(), Some(message));
            assert_eq!(found.counters.rows_passed_over, 1);
        }
    }
    for (subject, field) in [(Subject::Field(2), "field"), (Subject::Characters { start: 3, end: 3 }, "bytes")] {
        let nothing = Plan { conditions: vec![condition(subject, false, "")], ..only.clone() };
        assert_eq!(
            output(&nothing, Sink::PgText, b"", WHOLE).failure.map(|(_, state)| state),
            Some("22023"),
            "{field}"
        );
    }
}

#[test]
fn fixed_lines_have_conditions_constants_and_numbers() {
    let lines = Grammar::Plain { delimiter: None };
    let list = vec![
        column("n", Type::Int4, Origin::Sequence { start: 100, increment: 10 }),
        column("id", Type::Int8, Origin::Field),
        column("c", Type::Text, Origin::Constant("stały".as_bytes().to_vec())),
        column("name", Type::Text, Origin::Field),
    ];
    let fields = vec![
        FixedField { offset: 0, length: 0 },
        FixedField { offset: 1, length: 2 },
        FixedField { offset: 0, length: 0 },
        FixedField { offset: 3, length: 4 },
    ];
    for (unit, input) in [
        (Unit::Bytes, "D12ab  \nT99\n\nD 3abcd\nD 4zz  \nDxxabcd\nD 5cd\n"),
        (Unit::Characters, "D12ab  \nT99\n\nD 3żbcd\nD 4zz  \nDxxabcd\nD 5cd\n"),
    ] {
        let shaped = Plan {
            header: Header::No,
            null: Vec::new(),
            columns: list.clone(),
            fixed: Some(Fixed { fields: fields.clone(), unit, end: 0 }),
            conditions: vec![
                Condition { subject: Subject::Characters { start: 0, end: 1 }, negated: false, value: b"D".to_vec() },
                Condition { subject: Subject::Field(3), negated: true, value: b"zz".to_vec() },
            ],
            passes_blank_lines: true,
            ..plan(lines, SKIP)
        };
        for cut in [WHOLE, (2, 1)] {
            let found = output(&shaped, Sink::PgText, input.as_bytes(), cut);
            let third = if unit == Unit::Bytes { "abcd" } else { "żbcd" };
            let expected = format!("100\t12\tstały\tab\n110\t3\tstały\t{third}\n130\t5\tstały\tcd\n");
            assert_eq!((found.failure, String::from_utf8_lossy(&found.bytes)), (None, expected.into()));
            let counters = found.counters;
            assert_eq!((counters.rows_passed_over, counters.blank_lines, counters.rows_refused), (2, 1, 1));
        }
        let strict = Plan { tolerance: STRICT, ..shaped };
        let failure = output(&strict, Sink::PgText, b"D12ab\nDxxabcd\n", (2, 1)).failure.map(|(text, _)| text);
        // Values travel as text, and the server would say so of them.
        assert_eq!(failure, None);
        let failure = output(&strict, Sink::PgBinary, b"D12ab\nDxxabcd\n", (2, 1)).failure.map(|(text, _)| text);
        let message = "COPY t, line 2, column id: \"xx\": invalid input syntax for type bigint: \"xx\"";
        assert_eq!(failure.as_deref(), Some(message));
    }
}

#[test]
fn conditions_of_fixed_lines_count_what_their_fields_count() {
    let list = vec![column("a", Type::Text, Origin::Field), column("b", Type::Text, Origin::Field)];
    let fields = vec![FixedField { offset: 0, length: 4 }, FixedField { offset: 4, length: 1 }];
    let tag = Subject::Characters { start: 4, end: 5 };
    let place = Subject::Place(FixedField { offset: 4, length: 1 });
    let gbk = copyist_encoding::Encoding::find("GBK");
    let lines: [(Unit, _, &[u8]); 3] = [
        (Unit::Bytes, None, "üüX\nabcdX\nabcdY\nab\n".as_bytes()),
        (Unit::Characters, None, "üüüüX\nabcdX\nabcdY\nüb\n".as_bytes()),
        (Unit::Bytes, gbk, b"\xc4\xe3\xba\xc3X\nabcdX\nabcdY\nab\n"),
    ];
    for (unit, encoding, input) in lines {
        for subject in [tag, place, Subject::Field(1)] {
            let shaped = Plan {
                header: Header::No,
                null: Vec::new(),
                columns: list.clone(),
                encoding,
                fixed: Some(Fixed { fields: fields.clone(), unit, end: 0 }),
                conditions: vec![Condition { subject, negated: false, value: b"X".to_vec() }],
                ..plan(Grammar::Plain { delimiter: None }, SKIP)
            };
            for cut in [WHOLE, (2, 1)] {
                let found = output(&shaped, Sink::PgText, input, cut);
                assert_eq!(found.failure, None);
                let rows = String::from_utf8_lossy(&found.bytes).into_owned();
                assert!(rows.ends_with("\tX\nabcd\tX\n") && rows.lines().count() == 2, "{unit:?} {subject:?}: {rows}");
                // A line without a field of a column is refused, as ever.
                let refused = u64::from(matches!(subject, Subject::Field(_)));
                let counters = found.counters;
                assert_eq!((counters.rows_passed_over, counters.rows_refused), (2 - refused, refused));
            }
        }
    }
}

#[test]
fn empty_and_blank_fields_of_any_type_may_be_null() {
    let cleaning = Cleaning { blank_is_null: true, empty_is_null: true, ..Cleaning::default() };
    let list = vec![
        ColumnPlan { cleaning, ..column("a", Type::Int4, Origin::Field) },
        ColumnPlan { cleaning, ..column("b", Type::Text, Origin::Field) },
        ColumnPlan { cleaning, ..column("c", Type::Date, Origin::Field) },
        ColumnPlan { cleaning, ..column("d", Type::Numeric(None), Origin::Field) },
        ColumnPlan { cleaning, ..column("e", Type::Varchar(Some(2)), Origin::Field) },
    ];
    let shaped = Plan { null: b"NULL".to_vec(), ..columns(plan(CSV, STRICT), list) };
    let input =
        "\"\",\"\",\"\",\"\",\"\"\n,,,,\n  , ,\" \", ,\"   \"\nNULL,NULL,NULL,NULL,NULL\n1,x ,2024-01-02,3,ab\n";
    let nulls = "\\N\t\\N\t\\N\t\\N\t\\N\n".repeat(4);
    let found = output(&shaped, Sink::PgText, input.as_bytes(), WHOLE);
    assert_eq!(String::from_utf8_lossy(&found.bytes), nulls + "1\tx \t2024-01-02\t3\tab\n");
    for sink in SINKS {
        assert_eq!(output(&shaped, sink, input.as_bytes(), (2, 4)).failure, None, "{sink:?}");
    }
}

#[test]
fn a_pair_of_quotation_marks_is_removed() {
    let cleaning = Cleaning { unquotes: true, ..Cleaning::default() };
    let mood = Type::Enum(Arc::new(EnumType { name: "mood".into(), labels: vec!["'sad'".into(), "sad".into()] }));
    let list = vec![
        ColumnPlan { cleaning, ..column("a", Type::Int4, Origin::Field) },
        ColumnPlan { cleaning, ..column("b", Type::Text, Origin::Field) },
        ColumnPlan { cleaning, ..column("c", mood, Origin::Field) },
    ];
    let shaped = columns(plan(Grammar::Text { delimiter: b'|'.into(), marker: true }, SKIP), list);
    let input = "10|\"a|'b|\"|sad\n'1'|\"it's\"|'sad'\n2|it's'|sad\n\"3\"|'a\\|b'|\"sad\"\n4|''|\\N\n5|'a|sad\n6|'a\\'|sad\n7|\"|sad\n8|'a\\\\'|sad\n'9|a|sad\n";
    for sink in [Sink::PgText, Sink::PgBinary, Sink::Duckdb] {
        for cut in [WHOLE, (2, 4)] {
            let found = output(&shaped, sink, input.as_bytes(), cut);
            assert_eq!((found.failure, found.counters.rows_refused), (None, 4), "{sink:?}");
            match sink {
                Sink::PgText => assert_eq!(
                    String::from_utf8_lossy(&found.bytes),
                    "10\ta|'b|\tsad\n1\tit's\tsad\n2\tit's'\tsad\n3\ta|b\tsad\n4\t\t\\N\n8\ta\\\\\tsad\n"
                ),
                Sink::Duckdb => {
                    assert!(found.rows.iter().enumerate().all(|(row, values)| row == 4 || values[2] == [1]))
                }
                _ => {}
            }
        }
    }
}

#[test]
fn nul_is_null_where_it_is_all_of_a_field() {
    let list = vec![column("a", Type::Int8, Origin::Field), column("b", Type::Text, Origin::Field)];
    for (grammar, delimiter) in [(Grammar::Plain { delimiter: Some(b'|'.into()) }, "|"), (CSV, ",")] {
        let shaped =
            |tolerance| Plan { null: vec![0], header: Header::No, ..columns(plan(grammar, tolerance), list.clone()) };
        let input = "1|\0\n\0|x\n\0|\0\n4|a\0\n5|\0\0\n6|\0|\n7|y\n8|\0".replace('|', delimiter);
        outcome::check_any(&shaped(SKIP), input.as_bytes());
        for cut in [WHOLE, (2, 1)] {
            let found = output(&shaped(SKIP), Sink::PgText, input.as_bytes(), cut);
            assert_eq!((found.failure, found.counters.rows_refused), (None, 3));
            assert_eq!(String::from_utf8_lossy(&found.bytes), "1\t\\N\n\\N\tx\n\\N\t\\N\n7\ty\n8\t\\N\n");
            let strict = output(&shaped(STRICT), Sink::PgText, input.as_bytes(), cut);
            assert_eq!(strict.failure.map(|(_, state)| state), Some("22021"));
        }
    }
}

#[test]
fn a_load_with_numbers_can_be_dropped_at_any_time() {
    let list = vec![
        column("n", Type::Int8, Origin::Sequence { start: 1, increment: 1 }),
        column("id", Type::Int8, Origin::Field),
    ];
    let input: String = (0..2000).map(|id| format!("{id}\n")).collect();
    for taken in 0..60 {
        // One of the tiles ends the load, while others wait for it.
        let input = if taken % 3 == 0 { input.replace("\n700\n", "\nx\n") } else { input.clone() };
        let load = Load::start(Specification {
            plan: Arc::new(columns(plan(TEXT, STRICT), list.clone())),
            sink: Sink::Duckdb,
            inputs: copyist_transcode::Input::only(
                "memory".to_owned(),
                Source::Memory(std::io::Cursor::new(Arc::new(input.into_bytes()))),
            ),
            maps_by_name: false,
            table: "t".to_owned(),
            limits: Limits {
                threads: 4,
                tile_size: 100,
                window: 5,
                max_record: 1 << 20,
                max_bytes: usize::MAX,
                max_rejects: 0,
            },
            is_framed: true,
            keeps_records: false,
            on_ready: Box::new(|| {}),
        });
        for _ in 0..taken {
            match load.try_next(Duration::from_secs(60)) {
                Next::Chunk(chunk) => load.recycle(chunk.data),
                Next::Failed(_) | Next::End => break,
                found => panic!("{found:?}"),
            }
        }
    }
}

#[test]
fn what_is_missing_is_called_as_the_column_is() {
    let list = vec![column("id", Type::Int8, Origin::Field), column("name", Type::Text, Origin::Field)];
    let names = ["ID", "NAME", "Other"].map(str::to_owned).to_vec();
    let map = Some(FieldMap { names, columns: vec![0, 1] });
    let named = Plan { map, ..columns(plan(TEXT, STRICT), list) };
    for (input, name) in [(&b"1\ta\tb\n2\n"[..], "name"), (b"1\ta\n", "Other")] {
        let failure = output(&named, Sink::PgBinary, input, WHOLE).failure.map(|(text, _)| text);
        assert!(failure.is_some_and(|text| text.ends_with(&format!("missing data for column \"{name}\""))));
    }
}
