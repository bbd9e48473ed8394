use std::sync::Arc;

use arrow_array::types::{Int8Type, TimestampNanosecondType};
use arrow_array::*;
use arrow_buffer::{IntervalDayTime, IntervalMonthDayNano, NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Fields, Schema};
use copyist_core::{ArrayType, EnumType, Session};
use copyist_datetime::Context;
use copyist_scan::{Grammar, Scanner};

use super::*;
use crate::{Header, Tolerance, Values};

fn plan(ty: Type, layout: Layout, conversion: BadValue) -> Plan {
    let column = ColumnPlan { ty, ..ColumnPlan::of_text("c".to_owned(), false) };
    Plan {
        scanner: Scanner::detect(),
        grammar: Grammar::Plain { delimiter: None },
        is_binary: false,
        eol: None,
        null: Vec::new(),
        default: None,
        header: Header::No,
        skip: 0,
        encoding: None,
        escapes: crate::Escapes::Sequences,
        truncates_decimals: false,
        has_comma: false,
        columns: vec![column],
        conditions: Vec::new(),
        passes_blank_lines: false,
        unpads_quotes: false,
        map: Some(FieldMap { names: vec!["c".to_owned()], columns: vec![0] }),
        fixed: None,
        relation: "t".to_owned(),
        tolerance: Tolerance { conversion, raw_limit: 1 << 20, ..Tolerance::default() },
        layout,
        context: Arc::new(Context::new(&Session::default()).unwrap()),
    }
}

fn batch(array: ArrayRef) -> RecordBatch {
    let field = Field::new("c", array.data_type().clone(), true);
    RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap()
}

fn decoder(ty: &Type, layout: Layout, conversion: BadValue, only_literals: bool) -> BatchDecoder {
    let mut decoder = BatchDecoder::new(Arc::new(plan(ty.clone(), layout, conversion)));
    decoder.only_literals = only_literals;
    decoder
}

/// The rows as text, NULL as None.
fn shown(decoder: &BatchDecoder) -> Vec<Option<String>> {
    let (decoded, tile) = decoder.decoded();
    let column = &decoded.columns[0];
    (0..decoded.rows)
        .map(|row| {
            column.validity.is_valid(row).then(|| match &column.values {
                Values::Bool(v) => v[row].to_string(),
                Values::I16(v) => v[row].to_string(),
                Values::I32(v) => v[row].to_string(),
                Values::I64(v) => v[row].to_string(),
                Values::F32(v) => format!("{:?}", v[row]),
                Values::F64(v) => format!("{:?}", v[row]),
                Values::I128(v) => v[row].to_string(),
                Values::TimeTz(v) => format!("{:?}", v[row]),
                Values::Interval(v) => format!("{:?}", v[row]),
                Values::Uuid(v) => format!("{:02x?}", v[row]),
                Values::Enum(v) => v[row].to_string(),
                Values::Bytes(v) => v[row].get(&tile.buffer, &decoded.arena).escape_ascii().to_string(),
            })
        })
        .collect()
}

fn arrays() -> Vec<ArrayRef> {
    let nanos =
        vec![Some(0), Some(1_700_000_000_123_456_000), Some(1), None, Some(i64::MAX), Some(-86_400_000_000_000)];
    let strings =
        vec![Some("abc"), None, Some("-1.50"), Some(""), Some("\0"), Some("2020-02-29 10:00"), Some("ä  "), Some("t")];
    let dictionary: DictionaryArray<Int8Type> = vec![Some("b"), None, Some("a"), Some("b")].into_iter().collect();
    let decimals = vec![Some(0), Some(12_345), None, Some(-10), Some(99_999), Some(-100)];
    let list = ListArray::new(
        Arc::new(Field::new("item", DataType::Int32, true)),
        OffsetBuffer::from_lengths([2, 0, 1]),
        Arc::new(Int32Array::from(vec![Some(1), None, Some(3)])),
        Some(NullBuffer::from(vec![true, true, false])),
    );
    let texts = ListArray::new(
        Arc::new(Field::new("item", DataType::Utf8, true)),
        OffsetBuffer::from_lengths([2, 1]),
        Arc::new(StringArray::from(vec!["a\"b\\", "NULL", "{,}"])),
        None,
    );
    let fields = Fields::from(vec![Field::new("x", DataType::Int32, true), Field::new("y\"", DataType::Utf8, true)]);
    let structure = StructArray::new(
        fields,
        vec![Arc::new(Int32Array::from(vec![Some(1), None])), Arc::new(StringArray::from(vec!["a,b", "c\n"]))],
        None,
    );
    vec![
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        Arc::new(Int8Array::from(vec![Some(0), Some(-128), None, Some(127)])),
        Arc::new(Int16Array::from(vec![Some(0), Some(i16::MIN), None, Some(1)])),
        Arc::new(Int32Array::from(vec![Some(0), Some(i32::MIN), None, Some(32_768), Some(16_777_217)])),
        Arc::new(Int64Array::from(vec![Some(1), Some(i64::MIN), None, Some(i64::MAX), Some(70_000), Some(-32_768)])),
        Arc::new(UInt8Array::from(vec![Some(0), None, Some(255)])),
        Arc::new(UInt16Array::from(vec![Some(0), None, Some(65_535)])),
        Arc::new(UInt32Array::from(vec![Some(0), None, Some(u32::MAX)])),
        Arc::new(UInt64Array::from(vec![Some(0), None, Some(u64::MAX), Some(1 << 53)])),
        Arc::new(Float32Array::from(vec![Some(0.1), None, Some(f32::NAN), Some(-1e30), Some(2.0)])),
        Arc::new(Float64Array::from(vec![
            Some(0.1),
            None,
            Some(f64::INFINITY),
            Some(1e300),
            Some(-0.0),
            Some(1e-7),
            Some(123456789.25),
        ])),
        Arc::new(Decimal128Array::from(decimals.clone()).with_precision_and_scale(10, 2).unwrap()),
        Arc::new(
            Decimal128Array::from(vec![Some(i128::from(i64::MAX)), None, Some(10_i128.pow(37))])
                .with_precision_and_scale(38, 10)
                .unwrap(),
        ),
        Arc::new(Decimal128Array::from(vec![Some(12), None, Some(-7)]).with_precision_and_scale(10, -2).unwrap()),
        Arc::new(Decimal64Array::from(vec![Some(12), None, Some(-700)]).with_precision_and_scale(10, 4).unwrap()),
        Arc::new(Date32Array::from(vec![Some(0), Some(-719_528), None, Some(20_000), Some(i32::MAX)])),
        Arc::new(Date64Array::from(vec![Some(0), Some(86_400_000), None, Some(1)])),
        Arc::new(Time32MillisecondArray::from(vec![Some(0), Some(86_399_999), None, Some(86_400_001)])),
        Arc::new(Time64NanosecondArray::from(vec![Some(0), Some(1), None, Some(3_600_000_001_000)])),
        Arc::new(PrimitiveArray::<TimestampNanosecondType>::from(nanos.clone())),
        Arc::new(PrimitiveArray::<TimestampNanosecondType>::from(nanos).with_timezone("+02:00")),
        Arc::new(TimestampSecondArray::from(vec![Some(0), None, Some(-62_135_596_801), Some(i64::MAX)])),
        Arc::new(TimestampMicrosecondArray::from(vec![Some(0), None, Some(i64::MAX), Some(500_000), Some(i64::MIN)])),
        Arc::new(DurationSecondArray::from(vec![Some(0), None, Some(-90_061)])),
        Arc::new(IntervalYearMonthArray::from(vec![Some(14), None, Some(-1)])),
        Arc::new(IntervalDayTimeArray::from(vec![Some(IntervalDayTime::new(1, -1500)), None])),
        Arc::new(IntervalMonthDayNanoArray::from(vec![
            Some(IntervalMonthDayNano::new(1, -2, 3_000)),
            None,
            Some(IntervalMonthDayNano::new(0, 0, 1)),
        ])),
        Arc::new(StringArray::from(strings.clone())),
        Arc::new(LargeStringArray::from(strings.clone())),
        Arc::new(StringViewArray::from(strings)),
        Arc::new(dictionary),
        Arc::new(BinaryArray::from_opt_vec(vec![Some(b"\0\xff"), None, Some(b""), Some(&[7; 16])])),
        Arc::new(FixedSizeBinaryArray::try_from_iter([[7_u8; 16], [0; 16]].into_iter()).unwrap()),
        Arc::new(list),
        Arc::new(texts),
        Arc::new(structure),
        Arc::new(NullArray::new(3)),
    ]
}

fn types() -> Vec<Type> {
    let labels = Arc::new(EnumType { name: "e".to_owned(), labels: vec!["a".to_owned(), "b".to_owned()] });
    let list = |element, oid| Type::Array(Arc::new(ArrayType { element, element_oid: oid, delimiter: b',', depth: 1 }));
    vec![
        Type::Bool,
        Type::Int2,
        Type::Int4,
        Type::Int8,
        Type::Float4,
        Type::Float8,
        Type::Numeric(None),
        Type::Numeric(Some((10, 2))),
        Type::Numeric(Some((5, 0))),
        Type::Numeric(Some((38, 10))),
        Type::Text,
        Type::Varchar(Some(3)),
        Type::Bpchar(Some(2)),
        Type::Bytea,
        Type::Date,
        Type::Time(None),
        Type::Time(Some(0)),
        Type::TimeTz(None),
        Type::Timestamp(None),
        Type::Timestamp(Some(3)),
        Type::TimestampTz(None),
        Type::Interval(None),
        Type::Uuid,
        Type::Json,
        Type::Jsonb,
        Type::Enum(labels),
        list(Type::Int4, 23),
        list(Type::Text, 25),
        Type::Other,
    ]
}

const LAYOUTS: [Layout; 4] = [Layout::PgBinary, Layout::PgText, Layout::Duckdb, Layout::Arrow];

/// Whatever is converted directly is what its literal says, and what is refused is refused by both, in the same words.
#[test]
fn conversion_and_literals_agree() {
    for array in arrays() {
        let batch = batch(Arc::clone(&array));
        for ty in types() {
            for layout in LAYOUTS {
                for conversion in [BadValue::SkipRow, BadValue::SetNull, BadValue::Stop] {
                    let mut direct = decoder(&ty, layout, conversion, false);
                    let mut literal = decoder(&ty, layout, conversion, true);
                    direct.decode(&batch);
                    literal.decode(&batch);
                    let place = format!("{} to {ty:?} in {layout:?}, {conversion:?}", array.data_type());
                    assert_eq!(shown(&direct), shown(&literal), "{place}");
                    let told = |decoder: &BatchDecoder| {
                        let (decoded, _) = decoder.decoded();
                        (format!("{:?} {:?}", decoded.refusals, decoded.fault), decoded.mended, decoded.lines)
                    };
                    assert_eq!(told(&direct), told(&literal), "{place}");
                    assert!(!told(&direct).0.contains("InternalError"), "{place}: {}", told(&direct).0);
                }
            }
        }
    }
}

fn accepted_of(array: ArrayRef, ty: Type) -> Vec<Option<String>> {
    let mut decoder = decoder(&ty, Layout::Duckdb, BadValue::SkipRow, false);
    decoder.decode(&batch(array));
    shown(&decoder)
}

fn errors_of(array: ArrayRef, ty: Type) -> Vec<(u64, ErrorCode, String)> {
    let mut decoder = decoder(&ty, Layout::PgBinary, BadValue::SkipRow, false);
    decoder.decode(&batch(array));
    let told = decoder.take_refusals().into_iter().flat_map(|refusal| {
        let line = refusal.first_line;
        refusal.flaws.into_iter().map(move |flaw| (line, flaw.error.code, flaw.error.message.into_owned()))
    });
    told.collect()
}

#[test]
fn a_loss_is_an_error() {
    let halves = Arc::new(Float64Array::from(vec![0.5, 0.1]));
    assert_eq!(
        errors_of(halves, Type::Float4),
        [(
            1,
            ErrorCode::NumericValueOutOfRange,
            "value \"0.1\" of type Float64 cannot be stored exactly in type real".to_owned()
        )]
    );
    let decimals = Arc::new(Decimal128Array::from(vec![1250, 1255]).with_precision_and_scale(10, 3).unwrap());
    let found = errors_of(decimals, Type::Numeric(Some((10, 2))));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].2, "value \"1.255\" of type Decimal128(10, 3) cannot be stored exactly in type numeric(10,2)");
    let instants = Arc::new(TimestampNanosecondArray::from(vec![1_000, 1_001]));
    assert_eq!(errors_of(instants, Type::Timestamp(None))[0].0, 1);
    let noon = Arc::new(TimestampSecondArray::from(vec![86_400, 43_200]));
    assert_eq!(errors_of(noon, Type::Date)[0].1, ErrorCode::DatetimeFieldOverflow);
    let big = Arc::new(Int64Array::from(vec![1 << 53, (1 << 53) + 1]));
    assert_eq!(errors_of(big, Type::Float8)[0].0, 1);
}

#[test]
fn a_number_that_is_too_large_is_told_as_postgresql_tells_it() {
    let numbers = Arc::new(UInt64Array::from(vec![1, u64::MAX]));
    let message = "value \"18446744073709551615\" is out of range for type bigint".to_owned();
    assert_eq!(errors_of(numbers, Type::Int8), [(1, ErrorCode::NumericValueOutOfRange, message)]);
}

#[test]
fn nested_values_become_literals_or_json() {
    let arrays = arrays();
    let of = |kind: &str| Arc::clone(arrays.iter().find(|a| a.data_type().to_string().starts_with(kind)).unwrap());
    assert_eq!(
        accepted_of(of("Struct"), Type::Json),
        [
            Some(r#"{\"x\": 1, \"y\\\"\": \"a,b\"}"#.to_owned()),
            Some(r#"{\"x\": null, \"y\\\"\": \"c\\n\"}"#.to_owned())
        ]
    );
}

#[test]
fn the_text_of_a_row_is_a_json_object_even_where_json_has_no_form_for_a_value() {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("a", Arc::new(Int32Array::from(vec![Some(1), None]))),
        ("b", Arc::new(Float64Array::from(vec![f64::NAN, 0.5]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    assert_eq!(row_text(&batch, 0), br#"{"a": 1, "b": "NaN"}"#);
    assert_eq!(row_text(&batch, 1), br#"{"a": null, "b": 0.5}"#);
}

#[test]
fn a_decimal_has_the_binary_form_of_its_text() {
    for scale in 0..=12_i8 {
        for unscaled in
            [0, 1, -1, 9_999, 10_000, -123_456_789, 10_i128.pow(20), 10_i128.pow(37) + 7, i128::from(i64::MIN)]
        {
            let array: ArrayRef =
                Arc::new(Decimal128Array::from(vec![unscaled]).with_precision_and_scale(38, scale).unwrap());
            let batch = batch(array);
            let ty = Type::Numeric(None);
            let mut direct = decoder(&ty, Layout::PgBinary, BadValue::Stop, false);
            let mut literal = decoder(&ty, Layout::PgBinary, BadValue::Stop, true);
            direct.decode(&batch);
            literal.decode(&batch);
            assert_eq!(shown(&direct), shown(&literal), "{unscaled} at {scale}");
        }
    }
}

#[test]
fn a_key_that_comes_twice_is_an_error_of_jsonb_alone() {
    let mut builder = builder::MapBuilder::new(None, builder::StringBuilder::new(), builder::Int32Builder::new());
    for keys in [["a", "b"], ["k", "k"]] {
        for (value, key) in keys.into_iter().enumerate() {
            builder.keys().append_value(key);
            builder.values().append_value(value as i32);
        }
        builder.append(true).unwrap();
    }
    let map: ArrayRef = Arc::new(builder.finish());
    let mut decoder = self::decoder(&Type::Jsonb, Layout::PgBinary, BadValue::SkipRow, false);
    decoder.decode(&batch(Arc::clone(&map)));
    assert_eq!(shown(&decoder).len(), 1);
    let refusals = decoder.take_refusals();
    let flaw = &refusals[0].flaws[0];
    assert_eq!(flaw.error.message, "duplicate JSON object key value: \"k\"");
    assert_eq!(flaw.value.as_deref(), Some(&br#"{"k": 0, "k": 1}"#[..]));
    // Whoever reads the text has all of it.
    for (ty, layout) in [(Type::Json, Layout::PgBinary), (Type::Jsonb, Layout::Arrow)] {
        let mut decoder = self::decoder(&ty, layout, BadValue::Stop, false);
        decoder.decode(&batch(Arc::clone(&map)));
        assert_eq!(shown(&decoder).len(), 2);
    }
    // Wherever it goes to jsonb, and nowhere else.
    let told = (1, "duplicate JSON object key value: \"k\"".to_owned());
    let member =
        |ty| Foreign::Record(vec![("t".to_owned(), Foreign::Like(Type::Text)), ("m".to_owned(), Foreign::Like(ty))]);
    let fields = record(vec![("m", Arc::clone(&map)), ("t", Arc::clone(&map))]);
    let lists: ArrayRef = Arc::new(ListArray::new(
        Arc::new(Field::new("item", map.data_type().clone(), true)),
        OffsetBuffer::from_lengths([1, 1]),
        map,
        None,
    ));
    let array = |element| Type::Array(Arc::new(ArrayType { element, element_oid: 0, delimiter: b',', depth: 0 }));
    for (array, to, is_jsonb) in [
        (&lists, Foreign::Like(array(Type::Jsonb)), true),
        (&lists, Foreign::Like(array(Type::Text)), false),
        (&fields, member(Type::Jsonb), true),
        (&fields, member(Type::Json), false),
    ] {
        let (rows, refused) = foreign(Arc::clone(array), to, Layout::PgText);
        assert_eq!(refused, if is_jsonb { vec![told.clone()] } else { Vec::new() });
        assert_eq!(rows.len(), if is_jsonb { 1 } else { 2 });
    }
}

#[test]
fn what_is_no_day_of_the_calendar_is_told_as_the_file_has_it() {
    let days: ArrayRef = Arc::new(Date32Array::from(vec![0, -2_549_000]));
    let instants: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![0, 9_300_000_000_000_000]));
    for (array, ty, told) in [
        (days, Type::Date, "-2549000 days since 1970"),
        (instants, Type::Timestamp(None), "9300000000000000 milliseconds since 1970"),
    ] {
        let mut decoder = self::decoder(&ty, Layout::PgBinary, BadValue::SkipRow, false);
        decoder.decode(&batch(array));
        let refusals = decoder.take_refusals();
        assert_eq!(refusals.len(), 1);
        assert_eq!(refusals[0].flaws[0].value.as_deref(), Some(told.as_bytes()));
        let raw = String::from_utf8_lossy(&refusals[0].raw);
        assert!(raw.contains(&format!("\"{told}\"")), "{raw}");
    }
}

#[test]
fn uuids_of_slices_are_text_wherever_they_are() {
    let id = |byte: u8| -> ArrayRef {
        Arc::new(FixedSizeBinaryArray::try_from_iter([[byte; 16], [byte + 1; 16], [byte + 2; 16]].into_iter()).unwrap())
    };
    let field = Arc::new(Field::new("item", DataType::FixedSizeBinary(16), true));
    let list: ArrayRef = Arc::new(ListArray::new(field, OffsetBuffer::from_lengths([1, 2]), id(1), None));
    let text = |array: &ArrayRef, row| {
        let mut out = Vec::new();
        let field = Field::new("c", array.data_type().clone(), true);
        let written = rewrite::rewritten(array, &field, Target::Type(&Type::Text), Layout::PgText);
        write_literal(&written, row, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let [one, two, three] = ["01", "02", "03"].map(|b| {
        let part = |count: usize| b.repeat(count);
        format!("{}-{}-{}-{}-{}", part(4), part(2), part(2), part(2), part(6))
    });
    assert_eq!(text(&id(1), 0), one);
    assert_eq!(text(&list.slice(1, 1), 0), format!("[\"{two}\",\"{three}\"]"));
    let fields = Fields::from(vec![Field::new("u", list.data_type().clone(), true)]);
    let pair: ArrayRef = Arc::new(StructArray::new(fields, vec![list], None));
    assert_eq!(text(&pair, 0), format!("{{\"u\": [\"{one}\"]}}"));
}

#[test]
fn a_time_of_utc_is_one_wherever_the_session_is() {
    let micros = vec![Some(36_000_000_000_000), Some(1_000), None, Some(1_001), Some(86_400_000_000_001_000)];
    let times: ArrayRef = Arc::new(Time64NanosecondArray::from(micros));
    let session = Session { time_zone: "Asia/Tokyo".into(), ..Session::default() };
    let element = Type::TimeTz(None);
    let list_type = Type::Array(Arc::new(ArrayType { element, element_oid: 1266, delimiter: b',', depth: 0 }));
    for is_utc in [true, false] {
        let field = Field::new("c", times.data_type().clone(), true);
        let field = if is_utc { field.with_metadata([(UTC.to_owned(), String::new())]) } else { field };
        let lengths = OffsetBuffer::from_lengths([3, 1, 1]);
        let list: ArrayRef = Arc::new(ListArray::new(Arc::new(field.clone()), lengths, Arc::clone(&times), None));
        let of_list = Field::new("c", list.data_type().clone(), true);
        let decoded = |field: &Field, array: &ArrayRef, ty: &Type, layout| {
            let mut plan = plan(ty.clone(), layout, BadValue::SkipRow);
            plan.context = Arc::new(Context::new(&session).unwrap());
            let mut decoder = BatchDecoder::new(Arc::new(plan));
            let schema = Arc::new(Schema::new(vec![field.clone()]));
            decoder.decode(&RecordBatch::try_new(schema, vec![Arc::clone(array)]).unwrap());
            let told = decoder.take_refusals().into_iter().map(|refusal| refusal.flaws[0].error.message.to_string());
            let told: Vec<_> = told.collect();
            assert_eq!(told.len(), 2, "{told:?}");
            assert!(told[0].ends_with("cannot be stored exactly in type time with time zone"), "{}", told[0]);
            assert_eq!(told[1], "time out of range");
            shown(&decoder)
        };
        let west = if is_utc { 0 } else { -32_400 };
        let times_of = |micros: i64| Some(format!("({micros}, {west})"));
        let one = Type::TimeTz(None);
        let numbers = [times_of(36_000_000_000), times_of(1), None];
        assert_eq!(decoded(&field, &times, &one, Layout::PgBinary), numbers);
        // The server reads these.
        for (field, array, ty) in [(&field, &times, &one), (&of_list, &list, &list_type)] {
            let texts = format!("{:?}", decoded(field, array, ty, Layout::PgText));
            assert_eq!(texts.matches("+00").count(), if is_utc { 2 } else { 0 }, "{texts}");
        }
    }
}

/// The rows of a column of a type that only the target parses.
fn foreign(array: ArrayRef, foreign: Foreign, layout: Layout) -> (Vec<Option<String>>, Vec<(u64, String)>) {
    let mut plan = plan(Type::Other, layout, BadValue::SkipRow);
    plan.columns[0].foreign = foreign;
    let mut decoder = BatchDecoder::new(Arc::new(plan));
    decoder.decode(&batch(array));
    let told = decoder.take_refusals().into_iter().flat_map(|refusal| {
        let line = refusal.first_line;
        refusal.flaws.into_iter().map(move |flaw| (line, flaw.error.message.into_owned()))
    });
    let told = told.collect();
    (shown(&decoder), told)
}

fn record(fields: Vec<(&str, ArrayRef)>) -> ArrayRef {
    let fields = fields.into_iter().map(|(name, array)| (Field::new(name, array.data_type().clone(), true), array));
    let (fields, arrays): (Vec<_>, Vec<_>) = fields.unzip();
    Arc::new(StructArray::new(fields.into(), arrays, None))
}

#[test]
fn duckdb_reads_the_strings_of_a_structure_as_they_are() {
    let array = record(vec![
        ("a'\\", Arc::new(StringArray::from(vec![Some("tab\tnl\n\\ ' \" {x: 1}"), None, Some("")]))),
        ("b", Arc::new(BinaryArray::from_vec(vec![b"\0\xff", b"'", b""]))),
    ]);
    let like = |ty| Foreign::Like(ty);
    let ty = Foreign::Record(vec![("a'\\".to_owned(), like(Type::Text)), ("b".to_owned(), like(Type::Bytea))]);
    let (rows, refused) = foreign(array, ty, Layout::Duckdb);
    assert_eq!(refused, []);
    let expected = [
        "{'a\\'\\\\':'tab\tnl\n\\\\ \\' \" {x: 1}','b':'\\\\x00\\\\xff'}",
        "{'a\\'\\\\':NULL,'b':'\\\\x27'}",
        "{'a\\'\\\\':'','b':''}",
    ];
    assert_eq!(rows, expected.map(|text| Some(text.as_bytes().escape_ascii().to_string())));
}

#[test]
fn a_length_of_time_is_written_as_postgresql_prints_it_but_where_duckdb_casts_it() {
    let lengths: ArrayRef = Arc::new(IntervalMonthDayNanoArray::from(vec![
        IntervalMonthDayNano::new(1, 1, 1_000),
        IntervalMonthDayNano::new(-14, 2, -3_723_000_001_000),
    ]));
    let texts = ["1 mon 1 day 00:00:00.000001", "-1 years -2 mons +2 days -01:02:03.000001"];
    assert_eq!(accepted_of(Arc::clone(&lengths), Type::Text), texts.map(|text| Some(text.to_owned())));
    let seconds: ArrayRef = Arc::new(DurationSecondArray::from(vec![5]));
    assert_eq!(accepted_of(seconds, Type::Text), [Some("00:00:05".to_owned())]);
    let pair = record(vec![("t", Arc::clone(&lengths)), ("i", lengths)]);
    let json = texts.map(|text| Some(format!("{{\"t\": \"{text}\", \"i\": \"{text}\"}}").escape_default().to_string()));
    assert_eq!(accepted_of(Arc::clone(&pair), Type::Json), json);
    let like = Foreign::Like;
    let ty = Foreign::Record(vec![("t".to_owned(), like(Type::Text)), ("i".to_owned(), like(Type::Interval(None)))]);
    let casts = ["1 mons 1 days 0.000001000 secs", "-14 mons 2 days -3723.000001000 secs"];
    let rows =
        [0, 1].map(|row| Some(format!("{{'t':'{}','i':'{}'}}", texts[row], casts[row]).escape_default().to_string()));
    assert_eq!(foreign(pair, ty, Layout::Duckdb).0, rows);
}

#[test]
fn structures_within_others_are_in_quotes_only_where_a_string_has_a_bracket() {
    // The text of a string within so many structures.
    let within = |text: &str, depth: usize| {
        let mut array: ArrayRef = Arc::new(StringArray::from(vec![text]));
        let mut ty = Foreign::Like(Type::Text);
        for _ in 0..depth {
            array = record(vec![("a", array)]);
            ty = Foreign::Record(vec![("a".to_owned(), ty)]);
        }
        foreign(array, ty, Layout::Duckdb)
    };
    let plainly = |text: &str, depth| format!("{}'{text}'{}", "{'a':".repeat(depth), "}".repeat(depth));
    for text in ["x", "{[(", "a, b: c"] {
        let expected = plainly(text, 90).as_bytes().escape_ascii().to_string();
        assert_eq!(within(text, 90), (vec![Some(expected)], vec![]), "{text}");
    }
    let escaped = |text: &str| Some(text.as_bytes().escape_ascii().to_string());
    assert_eq!(within("'\\", 2).0, [escaped(r"{'a':{'a':'\'\\'}}")]);
    assert_eq!(within("]", 2).0, [escaped(r"{'a':'{\'a\':\']\'}'}")]);
    let (rows, refused) = within("}", 90);
    assert_eq!((rows, refused.len()), (vec![], 1));
    assert_eq!(refused[0].1, "a value comes to more than 1048576 bytes when it is written as text");
    // Of what is no structure to DuckDB the text is a string like any other.
    let inner = record(vec![("x", Arc::new(Int32Array::from(vec![1])) as ArrayRef)]);
    let ty = Foreign::Record(vec![("a".to_owned(), Foreign::Like(Type::Json))]);
    let (rows, _) = foreign(record(vec![("a", inner)]), ty, Layout::Duckdb);
    assert_eq!(rows, [escaped(r#"{'a':'{"x": 1}'}"#)]);
}

#[test]
fn a_list_that_is_too_long_as_text_is_an_error_of_its_row() {
    let days = |count: usize| -> ArrayRef { Arc::new(Date32Array::from(vec![0; count])) };
    let lists = |ends: [usize; 2]| -> ArrayRef {
        let field = Arc::new(Field::new_list_field(DataType::Date32, true));
        Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(ends), days(ends.iter().sum()), None))
    };
    let told: Vec<_> =
        errors_of(lists([2, 100_000]), Type::Jsonb).into_iter().map(|(row, code, _)| (row, code)).collect();
    assert_eq!(told, [(1, ErrorCode::ProgramLimitExceeded)]);
    assert_eq!(errors_of(lists([2, 80_000]), Type::Jsonb), []);
}

#[test]
fn what_postgres_would_cut_or_wrap_around_is_an_error() {
    let told = |array: ArrayRef, ty: Foreign| {
        let (rows, refused) = foreign(array, ty, Layout::PgBinary);
        (rows.into_iter().flatten().collect::<Vec<_>>(), refused)
    };
    let oid = || Foreign::Unsigned { name: "oid".to_owned(), bits: 32 };
    let out_of_range = |row, value: &str| (row, format!("value \"{value}\" is out of range for type oid"));
    assert_eq!(
        told(Arc::new(Int64Array::from(vec![0, -1, u32::MAX.into(), 1 << 32])), oid()),
        (vec!["0".to_owned(), "4294967295".to_owned()], vec![out_of_range(1, "-1"), out_of_range(3, "4294967296")])
    );
    let floats = Float64Array::from(vec![5.0, -0.0, -1.0, 1e30, f64::NAN]);
    let (rows, refused) = told(Arc::new(floats), oid());
    // What is no number is the server's to refuse.
    assert_eq!(rows, ["5", "0", "NaN"]);
    assert_eq!(refused.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [2, 3]);
    let (_, refused) = told(Arc::new(Float64Array::from(vec![1.5])), oid());
    assert_eq!(refused[0].1, "value \"1.5\" of type Float64 cannot be stored exactly in a whole number");
    let listed = Foreign::List(Box::new(oid()));
    let field = Arc::new(Field::new_list_field(DataType::Int8, true));
    let list =
        ListArray::new(field, OffsetBuffer::from_lengths([2, 1]), Arc::new(Int8Array::from(vec![1, 2, -1])), None);
    assert_eq!(told(Arc::new(list), listed).1, [out_of_range(1, "-1")]);

    let short = |bytes| Foreign::Short { name: "name".to_owned(), bytes };
    let too_long = |row| (row, "value too long for type name".to_owned());
    let texts: ArrayRef =
        Arc::new(StringArray::from(vec![Some("a"), Some("ab"), Some("é"), None, Some(""), Some("\\303")]));
    assert_eq!(told(Arc::clone(&texts), short(1)).1, [too_long(1), too_long(2)]);
    assert_eq!(told(texts, short(63)).1, []);
    let coded: DictionaryArray<Int8Type> = vec![Some("b"), Some("abc")].into_iter().collect();
    assert_eq!(told(Arc::new(coded), short(1)).1, [too_long(1)]);
    assert_eq!(told(Arc::new(Int8Array::from(vec![1, -1, 10])), short(1)).1, [too_long(1), too_long(2)]);
}

#[test]
fn a_length_of_time_has_no_parts_that_its_interval_lacks() {
    let refused = |array: &ArrayRef, fields: &[&str], digits| {
        let fields = fields.iter().map(|&field| field.to_owned()).collect();
        let (_, told) = foreign(Arc::clone(array), Foreign::Interval { fields, digits }, Layout::PgText);
        told.into_iter().map(|(row, _)| row).collect::<Vec<_>>()
    };
    let seconds: ArrayRef = Arc::new(DurationSecondArray::from(vec![0, 3600, 60, 1, -86_400]));
    assert_eq!(refused(&seconds, &["day"], 6), [1, 2, 3, 4]);
    assert_eq!(refused(&seconds, &["day", "hour"], 6), [2, 3]);
    assert_eq!(refused(&seconds, &["minute"], 6), [3]);
    assert_eq!(refused(&seconds, &["day", "hour", "minute", "second"], 0), []);
    let nanos: ArrayRef = Arc::new(DurationNanosecondArray::from(vec![1_400_000_000, 1_000_000, 1, 2_000_000_000]));
    assert_eq!(refused(&nanos, &["second"], 0), [0, 1, 2]);
    assert_eq!(refused(&nanos, &["second"], 3), [2]);
    let months: ArrayRef = Arc::new(IntervalYearMonthArray::from(vec![12, 13, -24]));
    assert_eq!(refused(&months, &["year"], 6), [1]);
    assert_eq!(refused(&months, &["year", "month"], 6), []);
    let mixed: ArrayRef = Arc::new(IntervalMonthDayNanoArray::from(vec![
        IntervalMonthDayNano::new(12, 0, 0),
        IntervalMonthDayNano::new(1, 1, 0),
        IntervalMonthDayNano::new(0, 0, 1_000),
    ]));
    assert_eq!(refused(&mixed, &["month"], 6), [1, 2]);
    assert_eq!(refused(&mixed, &["day"], 6), [2]);
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![2.0, 1.5]));
    assert_eq!(refused(&floats, &["second"], 0), [1]);
    for last in ["year", "month", "day", "hour", "minute"] {
        assert_eq!(refused(&floats, &[last], 6), [1], "{last}");
    }
    let times: [ArrayRef; 4] = [
        Arc::new(Time32SecondArray::from(vec![43_200, 45_240, 45_296])),
        Arc::new(Time32MillisecondArray::from(vec![43_200_000, 45_240_000, 45_296_000])),
        Arc::new(Time64MicrosecondArray::from(vec![43_200_000_000, 45_240_000_000, 45_296_000_000])),
        Arc::new(Time64NanosecondArray::from(vec![43_200_000_000_000, 45_240_000_000_000, 45_296_000_000_000])),
    ];
    for times in times {
        assert_eq!(refused(&times, &["day"], 6), [0, 1, 2]);
        assert_eq!(refused(&times, &["day", "hour"], 6), [1, 2]);
        assert_eq!(refused(&times, &["minute"], 6), [2]);
        assert_eq!(refused(&times, &["second"], 0), []);
    }
    let millis: ArrayRef = Arc::new(IntervalDayTimeArray::from(vec![IntervalDayTime::new(1, 1500)]));
    assert_eq!(refused(&millis, &["second"], 0), [0]);
    let (_, told) = foreign(
        millis,
        Foreign::Interval { fields: vec!["day".to_owned(), "hour".to_owned(), "second".to_owned()], digits: 0 },
        Layout::PgBinary,
    );
    assert_eq!(
        told[0].1,
        "value \"1 day 00:00:01.5\" of type Interval(DayTime) cannot be stored exactly in type interval day to second(0)"
    );
    // The type that is decoded here is written as text where the server's encoding is another one.
    let errors = |array: ArrayRef| {
        let mut decoder = decoder(&Type::Interval(Some(0)), Layout::PgText, BadValue::SkipRow, false);
        decoder.decode(&batch(array));
        decoder.take_refusals().len()
    };
    assert_eq!(errors(Arc::new(IntervalDayTimeArray::from(vec![IntervalDayTime::new(0, 1)]))), 1);
    assert_eq!(errors(Arc::new(Float64Array::from(vec![1.5, 1.0]))), 1);
}

#[test]
fn what_is_lost_within_lists_and_records_is_an_error() {
    let numbers = |values| -> ArrayRef {
        Arc::new(Decimal128Array::from(values).with_precision_and_scale(9, 2).expect("they fit"))
    };
    let list = |element| Type::Array(Arc::new(ArrayType { element, element_oid: 0, delimiter: b',', depth: 1 }));
    let listed = |values: ArrayRef| -> ArrayRef {
        let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        Arc::new(ListArray::new(field, OffsetBuffer::from_lengths([1, values.len() - 1]), values, None))
    };
    let only = |errors: Vec<(u64, ErrorCode, String)>| errors.into_iter().map(|(row, ..)| row).collect::<Vec<_>>();
    assert_eq!(only(errors_of(listed(numbers(vec![150, 125, 110])), list(Type::Numeric(Some((9, 1)))))), [1]);
    let instants: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![1_000, 1_001]));
    assert_eq!(only(errors_of(listed(Arc::clone(&instants)), list(Type::Timestamp(None)))), [1]);
    assert_eq!(only(errors_of(listed(instants), list(Type::Date))), [0, 1]);
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.5, 0.1]));
    assert_eq!(only(errors_of(listed(floats), list(Type::Float4))), [1]);
    let (rows, refused) = foreign(
        record(vec![("x", numbers(vec![150, 125])), ("y", numbers(vec![200, 100]))]),
        Foreign::Record(vec![
            ("x".to_owned(), Foreign::Like(Type::Numeric(Some((9, 1))))),
            ("y".to_owned(), Foreign::Whole),
        ]),
        Layout::PgBinary,
    );
    assert_eq!(rows, [Some("(\\\"1.50\\\",\\\"2\\\")".to_owned())]);
    assert_eq!(refused[0].0, 1);
    let (rows, refused) = foreign(numbers(vec![150, 200]), Foreign::Whole, Layout::Duckdb);
    assert_eq!(rows, [Some("2".to_owned())]);
    assert_eq!(refused[0].1, "value \"1.50\" of type Decimal128(9, 2) cannot be stored exactly in a whole number");
}

#[test]
fn a_program_is_told_what_holds_nanoseconds_in_lists_and_elsewhere() {
    let decode = |array: &ArrayRef, ty: &Type| {
        let mut decoder = decoder(ty, Layout::Arrow, BadValue::SkipRow, false);
        decoder.decode(&batch(Arc::clone(array)));
        let refusals = decoder.take_refusals();
        (refusals.first().and_then(|refusal| refusal.flaws[0].error.hint.clone()), shown(&decoder))
    };
    let instants: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![1]));
    let field = Arc::new(Field::new_list_field(instants.data_type().clone(), true));
    let lists: ArrayRef = Arc::new(ListArray::new(field, OffsetBuffer::from_lengths([1]), Arc::clone(&instants), None));
    let element = Type::Timestamp(None);
    let (hint, _) = decode(&instants, &element);
    assert!(hint.as_deref().is_some_and(|hint| hint.contains("timestamp(9)")), "{hint:?}");
    let of_lists = Type::Array(Arc::new(ArrayType { element, element_oid: 0, delimiter: b',', depth: 1 }));
    let (hint, _) = decode(&lists, &of_lists);
    let told = "Give the column the type jsonb or text, which hold all that lists have.";
    assert_eq!(hint.as_deref(), Some(told));
    for ty in [Type::Jsonb, Type::Text] {
        let (hint, rows) = decode(&lists, &ty);
        assert_eq!(hint, None);
        assert!(matches!(&rows[..], [Some(text)] if text.contains("00:00:00.000000001")), "{rows:?}");
    }
}

#[test]
fn a_number_that_is_whole_is_one_whatever_its_type() {
    let whole = |unscaled: Vec<i128>| -> ArrayRef {
        Arc::new(Decimal128Array::from(unscaled).with_precision_and_scale(38, 2).unwrap())
    };
    let shown = |values: &[&str]| -> Vec<_> { values.iter().map(|&value| Some(value.to_owned())).collect() };
    assert_eq!(accepted_of(whole(vec![500, 501, -3_276_800, 3_276_800]), Type::Int2), shown(&["5", "-32768"]));
    let floats = || -> ArrayRef { Arc::new(Float64Array::from(vec![7.0, 7.5, -0.0, 1e18, 2f64.powi(63), f64::NAN])) };
    assert_eq!(accepted_of(floats(), Type::Int8), shown(&["7", "0", "1000000000000000000"]));
    let told: Vec<_> =
        errors_of(floats(), Type::Int8).into_iter().map(|(row, code, _)| (row, code.sql_state())).collect();
    assert_eq!(told, [(1, "22003"), (4, "22003"), (5, "22P02")]);
    assert_eq!(
        errors_of(whole(vec![501]), Type::Int4)[0].2,
        "value \"5.01\" of type Decimal128(38, 2) cannot be stored exactly in type integer"
    );
    assert_eq!(foreign(floats(), Foreign::Whole, Layout::Duckdb).0[3], Some("9223372036854775808".to_owned()));
    let field = Arc::new(Field::new_list_field(DataType::Decimal128(38, 2), true));
    let lists: ArrayRef =
        Arc::new(ListArray::new(field, OffsetBuffer::from_lengths([2, 1]), whole(vec![500, 0, 501]), None));
    let ty = Type::Array(Arc::new(ArrayType { element: Type::Int4, element_oid: 0, delimiter: b',', depth: 1 }));
    assert_eq!(accepted_of(lists, ty), shown(&["[\\\"5\\\",\\\"0\\\"]"]));
}

#[test]
fn fields_go_to_the_attributes_of_their_names() {
    let numbers = |values: [i32; 2]| -> ArrayRef { Arc::new(Int32Array::from(values.to_vec())) };
    let whole = |names: &[&str]| names.iter().map(|&name| (name.to_owned(), Foreign::Like(Type::Int4))).collect();
    let ty = Foreign::Record(vec![
        ("inner".to_owned(), Foreign::Record(whole(&["y", "x"]))),
        ("more".to_owned(), Foreign::Like(Type::Text)),
        ("list".to_owned(), Foreign::List(Box::new(Foreign::Record(whole(&["b", "a"]))))),
    ]);
    let pair = record(vec![("a", numbers([1, 2])), ("B", numbers([3, 4]))]);
    let field = Arc::new(Field::new_list_field(pair.data_type().clone(), true));
    let list: ArrayRef = Arc::new(ListArray::new(field, OffsetBuffer::from_lengths([0, 2]), pair, None));
    let inner = record(vec![("X", numbers([5, 6])), ("y", numbers([7, 8]))]);
    let (rows, refused) = foreign(record(vec![("list", list), ("inner", inner)]), ty, Layout::PgText);
    assert_eq!(refused, []);
    let texts = rows.into_iter().flatten().map(|text| text.replace(['\\', '"'], ""));
    assert_eq!(texts.collect::<Vec<_>>(), ["((7,5),,{})", "((8,6),,{(3,1),(4,2)})"]);
}

#[test]
fn null_is_null_in_lists_and_records_too() {
    let named: ArrayRef = Arc::new(DictionaryArray::new(
        Int8Array::from(vec![Some(0), Some(1), None]),
        Arc::new(StringArray::from(vec![Some("x"), None])),
    ));
    let nothing: ArrayRef = Arc::new(NullArray::new(3));
    let listed = |values: ArrayRef| -> ArrayRef {
        let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        Arc::new(ListArray::new(field, OffsetBuffer::from_lengths([3]), values, None))
    };
    let texts = Type::Array(Arc::new(ArrayType { element: Type::Text, element_oid: 0, delimiter: b',', depth: 1 }));
    assert_eq!(accepted_of(listed(Arc::clone(&named)), texts.clone()), [Some("[\\\"x\\\",null,null]".to_owned())]);
    assert_eq!(accepted_of(listed(Arc::clone(&nothing)), texts), [Some("[null,null,null]".to_owned())]);
    let (rows, _) = foreign(record(vec![("a", named), ("b", nothing)]), Foreign::Opaque, Layout::PgBinary);
    assert_eq!(rows, [Some("(\\\"x\\\",)".to_owned()), Some("(,)".to_owned()), Some("(,)".to_owned())]);
}

#[test]
fn numbers_beyond_128_bits_are_those_of_a_wide_numeric() {
    let large: ArrayRef =
        Arc::new(Decimal128Array::from(vec![10_i128.pow(21)]).with_precision_and_scale(38, 0).unwrap());
    assert_eq!(errors_of(large, Type::Numeric(Some((78, 18)))), []);
}

#[test]
fn the_ends_of_dates_and_instants_are_infinite_and_no_others() {
    let dates: ArrayRef = Arc::new(Date32Array::from(vec![i32::MAX, i32::MIN, -i32::MAX, i32::MIN + 10_957]));
    assert_eq!(
        accepted_of(Arc::clone(&dates), Type::Text),
        ["infinity", "-infinity", "-infinity"].map(|text| Some(text.to_owned()))
    );
    let (last, first) = (i32::MAX.to_string(), i32::MIN.to_string());
    assert_eq!(accepted_of(dates, Type::Date), [last, first.clone(), first].map(Some));
    let ends = vec![i64::MAX, i64::MIN, -i64::MAX, i64::MIN + 946_684_800_000_000];
    let (last, first) = (i64::MAX.to_string(), i64::MIN.to_string());
    let arrays: [ArrayRef; 3] = [
        Arc::new(TimestampMicrosecondArray::from(ends.clone())),
        Arc::new(TimestampMillisecondArray::from(ends.clone())),
        Arc::new(TimestampSecondArray::from(ends)),
    ];
    for array in arrays {
        assert_eq!(errors_of(Arc::clone(&array), Type::Timestamp(None)).len(), 1);
        assert_eq!(
            accepted_of(array, Type::Timestamp(Some(0))),
            [last.clone(), first.clone(), first.clone()].map(Some)
        );
    }
}

#[test]
fn sixteen_bytes_go_to_a_uuid_and_any_others_do_not() {
    let bytes: &[&[u8]] = &[&[7; 16], b"fifteen letters", &[7; 17], &[0; 16]];
    for array in [
        Arc::new(BinaryArray::from_vec(bytes.to_vec())) as ArrayRef,
        Arc::new(LargeBinaryArray::from_vec(bytes.to_vec())),
        Arc::new(BinaryViewArray::from_iter_values(bytes)),
    ] {
        let place = array.data_type().clone();
        let (seven, zero) = (format!("{:02x?}", [7_u8; 16]), format!("{:02x?}", [0_u8; 16]));
        assert_eq!(accepted_of(Arc::clone(&array), Type::Uuid), [Some(seven), Some(zero)], "{place}");
        let refused = |row, hex: &str| {
            (row, ErrorCode::InvalidTextRepresentation, format!("invalid input syntax for type uuid: \"\\x{hex}\""))
        };
        let fifteen = refused(1, "6669667465656e206c657474657273");
        assert_eq!(errors_of(array, Type::Uuid), [fifteen, refused(2, &"07".repeat(17))], "{place}");
    }
}

#[test]
fn a_uuid_within_a_value_is_written_as_one() {
    let bytes = || -> ArrayRef { Arc::new(FixedSizeBinaryArray::try_from_iter([[7_u8; 16]].into_iter()).unwrap()) };
    let text = "07070707-0707-0707-0707-070707070707";
    let ty = Foreign::Record(vec![("a".to_owned(), Foreign::Like(Type::Uuid))]);
    assert_eq!(
        foreign(record(vec![("a", bytes())]), ty, Layout::Duckdb).0,
        [Some(format!("{{\\'a\\':\\'{text}\\'}}"))]
    );
    // Beside one, bytes stay bytes where bytes are wanted.
    let ty = Foreign::Record(vec![
        ("a".to_owned(), Foreign::Like(Type::Bytea)),
        ("b".to_owned(), Foreign::Like(Type::Uuid)),
    ]);
    assert_eq!(
        foreign(record(vec![("a", bytes()), ("b", bytes())]), ty, Layout::PgBinary).0,
        [Some(format!("(\\\"\\\\\\\\x{}\\\",\\\"{text}\\\")", "07".repeat(16)))]
    );
    let field = Arc::new(Field::new_list_field(bytes().data_type().clone(), true));
    let lists = Arc::new(ListArray::new(field, OffsetBuffer::from_lengths([1]), bytes(), None));
    let ty = Type::Array(Arc::new(ArrayType { element: Type::Uuid, element_oid: 2950, delimiter: b',', depth: 1 }));
    assert_eq!(errors_of(lists, ty), []);
}
