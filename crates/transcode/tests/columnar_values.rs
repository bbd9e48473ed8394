//! What would be lost of a file of columns, or take long to keep, and what its errors are.
#![cfg(feature = "columnar")]
#![allow(clippy::unwrap_used, reason = "a helper of tests that fails them")]

use std::io;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal256Type, Float16Type, Int8Type, Int32Type, TimestampNanosecondType,
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Decimal128Array, DictionaryArray, FixedSizeBinaryArray,
    FixedSizeListArray, Float16Array, Int8Array, Int32Array, LargeStringArray, ListArray, MapArray, RecordBatch,
    StringArray, StringViewArray, StructArray, TimestampNanosecondArray,
};
use arrow_buffer::{OffsetBuffer, i256};
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_ipc::{
    Block, CompressionType, Endianness, FooterBuilder, MessageBuilder, MessageHeader, MetadataVersion, SchemaBuilder,
    root_as_message,
};
use arrow_schema::{DataType, Field, IntervalUnit, Schema};
use copyist_core::ErrorCode;
use copyist_transcode::columnar::{ArrowInput, Batches, ParquetInput, RandomAccess};
use flatbuffers::{FlatBufferBuilder, Table, WIPOffset};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::{ARROW_SCHEMA_META_KEY, ArrowWriter, encode_arrow_schema};
use parquet::data_type::{ByteArrayType, DataType as ParquetType, FixedLenByteArrayType, Int96, Int96Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// An Arrow file or stream without columns, of this byte order.
fn in_order(order: Endianness, is_file: bool) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let fields = builder.create_vector::<WIPOffset<arrow_ipc::Field<'_>>>(&[]);
    let mut schema = SchemaBuilder::new(&mut builder);
    schema.add_endianness(order);
    schema.add_fields(fields);
    let schema = schema.finish();
    if is_file {
        let blocks = builder.create_vector::<Block>(&[]);
        let mut footer = FooterBuilder::new(&mut builder);
        footer.add_dictionaries(blocks);
        footer.add_recordBatches(blocks);
        footer.add_version(MetadataVersion::V5);
        footer.add_schema(schema);
        let footer = footer.finish();
        builder.finish(footer, None);
    } else {
        let mut message = MessageBuilder::new(&mut builder);
        message.add_version(MetadataVersion::V5);
        message.add_header_type(MessageHeader::Schema);
        message.add_header(schema.as_union_value());
        let message = message.finish();
        builder.finish(message, None);
    }
    let bytes = builder.finished_data();
    let length = (bytes.len() as u32).to_le_bytes();
    let end: &[u8] = b"ARROW1";
    if is_file {
        [b"ARROW1\0\0", bytes, &length, end].concat()
    } else {
        [&[0xFF; 4], &length[..], bytes, &[0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]].concat()
    }
}

#[test]
fn numbers_in_another_byte_order_are_refused() {
    for is_file in [false, true] {
        let mut read = ArrowInput::open(Arc::new(in_order(Endianness::Little, is_file))).unwrap();
        assert!(read.next().unwrap().is_none());
        let refused = ArrowInput::open(Arc::new(in_order(Endianness::Big, is_file))).err().unwrap();
        assert_eq!(refused.code, ErrorCode::FeatureNotSupported);
        assert!(refused.message.contains("big-endian"), "{refused}");
    }
}

fn compressed(codec: CompressionType) -> Vec<u8> {
    let numbers: ArrayRef = Arc::new((0..2000).map(|n| n % 50).collect::<Int32Array>());
    let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
    let options = IpcWriteOptions::default().try_with_compression(Some(codec)).unwrap();
    let mut stream = StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options).unwrap();
    stream.write(&batch).unwrap();
    stream.into_inner().unwrap()
}

fn end_of(mut input: ArrowInput) -> Option<ErrorCode> {
    std::iter::from_fn(|| input.next().transpose()).find_map(|batch| batch.err().map(|error| error.code))
}

/// Bytes whose end cannot be read.
struct Failing(Vec<u8>);

impl RandomAccess for Failing {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        if at + into.len() as u64 > self.size() - 100 {
            return Err(io::Error::other("the disk is gone"));
        }
        self.0.read_at(at, into)
    }
}

#[test]
fn what_cannot_be_decompressed_is_damaged_and_a_failed_read_is_none_of_it() {
    for codec in [CompressionType::LZ4_FRAME, CompressionType::ZSTD] {
        let good = compressed(codec);
        let (mut damaged, from) = (0, good.len() - 120);
        for at in from..good.len() - 10 {
            let mut bytes = good.clone();
            bytes[at] ^= 0x55;
            let Ok(input) = ArrowInput::open(Arc::new(bytes)) else { continue };
            let Some(code) = end_of(input) else { continue };
            assert!(matches!(code, ErrorCode::BadCopyFileFormat | ErrorCode::ProgramLimitExceeded), "{code:?} at {at}");
            damaged += 1;
        }
        assert!(damaged > 20, "{damaged}");
        let input = ArrowInput::open(Arc::new(Failing(good))).unwrap();
        assert_eq!(end_of(input), Some(ErrorCode::IoError));
    }
}

/// A file of the days as INT96 counts them, with a dictionary or without.
fn instants(days: &[u32], has_dictionary: bool) -> Vec<u8> {
    let schema = Arc::new(parse_message_type("message m { REQUIRED INT96 at; }").unwrap());
    let properties = Arc::new(WriterProperties::builder().set_dictionary_enabled(has_dictionary).build());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let instant = |&day: &u32| {
        let mut instant = Int96::new();
        instant.set_data(0, 0, day);
        instant
    };
    let values: Vec<Int96> = days.iter().map(instant).collect();
    column.typed::<Int96Type>().write_batch(&values, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn days_that_have_no_microseconds_are_refused() {
    const EPOCH: u32 = 2_440_588;
    const LAST: u32 = 106_751_990;
    for has_dictionary in [false, true] {
        let end = |days: &[u32]| {
            let mut input = ParquetInput::open(Arc::new(instants(days, has_dictionary))).unwrap();
            input.next().map(|batch| batch.unwrap().num_rows()).map_err(|error| error.code)
        };
        assert_eq!(end(&[EPOCH, EPOCH + LAST, EPOCH - 1]), Ok(3));
        assert_eq!(end(&[EPOCH, EPOCH + LAST + 1]), Err(ErrorCode::DatetimeFieldOverflow));
        assert_eq!(end(&[i32::MAX.cast_unsigned()]), Err(ErrorCode::DatetimeFieldOverflow));
        assert_eq!(end(&[i32::MIN.cast_unsigned()]), Err(ErrorCode::DatetimeFieldOverflow));
    }
}

#[test]
fn no_dictionary_is_made_for_texts_that_are_all_missing() {
    const ROWS: usize = 50_000;
    let texts: ArrayRef = Arc::new((0..ROWS).map(|n| Some(["a", "b", "c"][n % 3])).collect::<StringArray>());
    let nothing: ArrayRef = Arc::new(StringArray::new_null(ROWS));
    let columns = [("none", Arc::clone(&nothing), true), ("text", texts, true), ("other", nothing, true)];
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    let mut input = ParquetInput::open(Arc::new(writer.into_inner().unwrap())).unwrap();
    input.keep_dictionaries();
    input.aim_for(1 << 14);
    let mut dictionaries: Vec<ArrayRef> = Vec::new();
    let mut rows = 0;
    while let Some(batch) = input.next().unwrap() {
        rows += batch.num_rows();
        for missing in [0, 2] {
            assert!(batch.column(missing).as_any_dictionary_opt().is_none());
            assert_eq!(batch.column(missing).null_count(), batch.num_rows());
        }
        dictionaries.push(Arc::clone(batch.column(1).as_any_dictionary().values()));
    }
    assert_eq!(rows, ROWS);
    assert!(dictionaries.len() > 3, "{}", dictionaries.len());
    assert!(dictionaries.iter().all(|dictionary| Arc::ptr_eq(dictionary, &dictionaries[0])));
}

/// Three rows of `plain`, and of what it may be in; beside it UUIDs that are marked as such.
fn sixteen(plain: &ArrayRef) -> RecordBatch {
    let field = |name: &str| Arc::new(Field::new(name, plain.data_type().clone(), true));
    let id =
        Field::new("id", DataType::FixedSizeBinary(16), false).with_metadata([("ARROW:extension:name", "arrow.uuid")]);
    let ids: ArrayRef = Arc::new(FixedSizeBinaryArray::try_from_iter([[1; 16], [2; 16], [3; 16]].into_iter()).unwrap());
    let offsets = || OffsetBuffer::<i32>::from_lengths([2, 0, 1]);
    let list = ListArray::new(field("item"), offsets(), Arc::clone(plain), None);
    let lists = FixedSizeListArray::new(field("item"), 1, Arc::clone(plain), None);
    let fields = [field("plain"), Arc::new(id.clone())];
    let pair = StructArray::new(
        fields.into(),
        vec![Arc::clone(plain), Arc::clone(&ids)],
        Some(vec![true, true, false].into()),
    );
    let keys: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "a"]));
    let entries = [Arc::new(Field::new("key", DataType::Utf8, false)), field("value")];
    let entries = StructArray::new(entries.into(), vec![keys, Arc::clone(plain)], None);
    let of_map = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    let map = MapArray::new(of_map, offsets(), entries, None, false);
    let coded = DictionaryArray::new(Int32Array::from(vec![Some(2), None, Some(0)]), Arc::clone(plain));
    let columns: [(Field, ArrayRef); 7] = [
        (field("plain").as_ref().clone(), Arc::clone(plain)),
        (id, ids),
        (Field::new("list", list.data_type().clone(), true), Arc::new(list)),
        (Field::new("lists", lists.data_type().clone(), true), Arc::new(lists)),
        (Field::new("pair", pair.data_type().clone(), true), Arc::new(pair)),
        (Field::new("map", map.data_type().clone(), true), Arc::new(map)),
        (Field::new("coded", coded.data_type().clone(), true), Arc::new(coded)),
    ];
    let (fields, columns): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// The same rows as Parquet's reader has them: with lists that need not be of one length, and bytes in no dictionary.
fn plainer(batch: &RecordBatch) -> RecordBatch {
    let lists = batch.column(3).as_fixed_size_list();
    let item = Arc::new(Field::new("item", lists.value_type(), true));
    let lists = ListArray::new(item, OffsetBuffer::from_lengths([1; 3]), Arc::clone(lists.values()), None);
    let coded = batch.column(6).as_any_dictionary();
    let bytes = arrow_select::take::take(coded.values(), coded.keys(), None).unwrap();
    let (mut columns, mut fields) = (batch.columns().to_vec(), batch.schema().fields().to_vec());
    for (place, column) in [(3, Arc::new(lists) as ArrayRef), (6, bytes)] {
        fields[place] = Arc::new(fields[place].as_ref().clone().with_data_type(column.data_type().clone()));
        columns[place] = column;
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

#[test]
fn sixteen_bytes_are_a_uuid_only_where_they_are_said_to_be_one() {
    let values: [Option<[u8; 16]>; 3] = [Some(*b"0123456789abcdef"), None, Some([0xFF; 16])];
    let fixed = FixedSizeBinaryArray::try_from_sparse_iter_with_size(values.into_iter(), 16).unwrap();
    let batch = sixteen(&(Arc::new(fixed) as ArrayRef));
    let expected = sixteen(&(Arc::new(BinaryArray::from_iter(values)) as ArrayRef));
    let mut stream = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    stream.write(&batch).unwrap();
    stream.finish().unwrap();
    let mut file = FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    file.write(&batch).unwrap();
    let mut parquet = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    parquet.write(&batch).unwrap();
    let plainer = plainer(&expected);
    let inputs: [(Box<dyn Batches>, RecordBatch); 3] = [
        (Box::new(ArrowInput::open(Arc::new(stream.into_inner().unwrap())).unwrap()), expected.clone()),
        (Box::new(ArrowInput::open(Arc::new(file.into_inner().unwrap())).unwrap()), expected),
        (Box::new(ParquetInput::open(Arc::new(parquet.into_inner().unwrap())).unwrap()), plainer),
    ];
    for (mut input, expected) in inputs {
        assert_eq!(input.schema().fields(), expected.schema().fields());
        // One row at a time.
        input.aim_for(1);
        for row in 0..3 {
            let read = input.next().unwrap().unwrap();
            assert_eq!(read.schema().fields(), expected.schema().fields());
            assert_eq!(read.columns(), expected.slice(row, 1).columns());
        }
        assert!(input.next().unwrap().is_none());
    }
}

#[test]
fn parquet_says_by_itself_what_a_uuid_is() {
    let columns = "OPTIONAL FIXED_LEN_BYTE_ARRAY (16) id (UUID); REQUIRED FIXED_LEN_BYTE_ARRAY (16) hash; \
        OPTIONAL group both { REQUIRED FIXED_LEN_BYTE_ARRAY (16) hash; REQUIRED FIXED_LEN_BYTE_ARRAY (16) id (UUID); }";
    let schema = Arc::new(parse_message_type(&format!("message m {{ {columns} }}")).unwrap());
    let writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let input = ParquetInput::open(Arc::new(writer.into_inner().unwrap())).unwrap();
    let schema = input.schema();
    let DataType::Struct(both) = schema.field(2).data_type() else { panic!("{schema}") };
    let types = [schema.field(0), schema.field(1), &*both[0], &*both[1]].map(|field| field.data_type().clone());
    let (uuid, bytes) = (DataType::FixedSizeBinary(16), DataType::Binary);
    assert_eq!(types, [uuid.clone(), bytes.clone(), bytes, uuid]);
}

#[test]
fn intervals_and_instants_of_one_file_are_what_its_schema_says() {
    let columns = "REQUIRED FIXED_LEN_BYTE_ARRAY (12) length (INTERVAL); REQUIRED INT96 at;";
    let schema = Arc::new(parse_message_type(&format!("message m {{ {columns} }}")).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<FixedLenByteArrayType>().write_batch(&[vec![1_u8; 12].into()], None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int96Type>().write_batch(&[Int96::from(vec![0_u32, 0, 2_440_588])], None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    let mut input = ParquetInput::open(Arc::new(writer.into_inner().unwrap())).unwrap();
    assert_eq!(*input.schema().field(0).data_type(), DataType::Interval(IntervalUnit::MonthDayNano));
    assert_eq!(input.next().unwrap().unwrap().schema(), input.schema());
}

#[test]
fn nanoseconds_of_a_dictionary_are_those_of_instants() {
    for zone in [None, Some("UTC")] {
        let instants = TimestampNanosecondArray::from(vec![1, 2_000]).with_timezone_opt(zone);
        let coded = DictionaryArray::new(Int8Array::from(vec![Some(1), None, Some(0)]), Arc::new(instants));
        let coded: ArrayRef = Arc::new(coded);
        let texts: ArrayRef = Arc::new(["a", "b", "a"].into_iter().collect::<DictionaryArray<Int8Type>>());
        let columns = [("at", coded, true), ("t", Arc::clone(&texts), true)];
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let mut stream = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        stream.write(&batch).unwrap();
        let mut input = ArrowInput::open(Arc::new(stream.into_inner().unwrap())).unwrap();
        // One row at a time.
        input.aim_for(1);
        let plain = TimestampNanosecondArray::from(vec![Some(2_000), None, Some(1)]).with_timezone_opt(zone);
        for row in 0..3 {
            let read = input.next().unwrap().unwrap();
            assert_eq!(read.schema(), input.schema());
            assert_eq!(read.column(0).as_primitive::<TimestampNanosecondType>(), &plain.slice(row, 1));
            assert_eq!(read.column(1), &texts.slice(row, 1));
        }
    }
}

/// A file of these columns that says of them in Arrow's words that they are of other types.
fn said_to_be(columns: Vec<(&str, ArrayRef, DataType)>) -> ParquetInput {
    let said: Vec<Field> = columns.iter().map(|(name, _, ty)| Field::new(*name, ty.clone(), true)).collect();
    let said = KeyValue::new(ARROW_SCHEMA_META_KEY.to_owned(), encode_arrow_schema(&Schema::new(said)));
    let columns = columns.into_iter().map(|(name, array, _)| (name, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![said])).build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), batch.schema(), options).unwrap();
    writer.write(&batch).unwrap();
    ParquetInput::open(Arc::new(writer.into_inner().unwrap())).unwrap()
}

#[test]
fn what_is_said_to_be_in_dictionaries_that_the_reader_has_not_is_read_as_its_values() {
    let coded = |of: &DataType| DataType::Dictionary(Box::new(DataType::Int8), Box::new(of.clone()));
    let decimals = Decimal128Array::from(vec![Some(150), None, Some(275)]).with_precision_and_scale(3, 2).unwrap();
    let halves =
        [Some(1.5), None, Some(-2.0)].map(|half| half.map(<Float16Type as ArrowPrimitiveType>::Native::from_f32));
    let plain: [ArrayRef; 5] = [
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        Arc::new(decimals),
        Arc::new(Float16Array::from(halves.to_vec())),
        Arc::new(BinaryArray::from(vec![Some(&b"a"[..]), None, Some(b"bc")])),
        Arc::new(Int32Array::from(vec![Some(7), None, Some(9)])),
    ];
    for values in plain {
        let ends = OffsetBuffer::from_lengths([2, 0, 1]);
        let item = |ty: DataType| Arc::new(Field::new_list_field(ty, true));
        let lists = ListArray::new(item(values.data_type().clone()), ends, Arc::clone(&values), None);
        let lists: ArrayRef = Arc::new(lists);
        let said = coded(values.data_type());
        let mut input = said_to_be(vec![
            ("v", Arc::clone(&values), said.clone()),
            ("l", Arc::clone(&lists), DataType::List(item(said))),
        ]);
        let batch = input.next().unwrap().unwrap();
        assert_eq!(batch.schema(), input.schema());
        assert_eq!((batch.column(0), batch.column(1)), (&values, &lists));
    }
    // Texts stay where they are.
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("a")]));
    let batch = said_to_be(vec![("v", texts, coded(&DataType::Utf8))]).next().unwrap().unwrap();
    assert_eq!(batch.column(0).as_dictionary::<Int8Type>().values().len(), 1);
}

#[test]
fn lists_that_are_said_to_be_of_one_length_have_their_own() {
    let lists = [Some(vec![Some(1), Some(2)]), Some(vec![]), None, Some(vec![Some(5), None, Some(6)])];
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists));
    let item = Arc::new(Field::new_list_field(DataType::Int32, true));
    let batch = said_to_be(vec![("l", Arc::clone(&lists), DataType::FixedSizeList(item, 2))]).next().unwrap().unwrap();
    assert_eq!(batch.column(0), &lists);
}

/// A file of a column `v`, as Parquet says what its bytes are.
fn bytes_of(annotation: &str, values: &[&[u8]]) -> ParquetInput {
    let schema = Arc::new(parse_message_type(&format!("message m {{ REQUIRED BYTE_ARRAY v {annotation}; }}")).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let values: Vec<_> = values.iter().map(|value| value.to_vec().into()).collect();
    column.typed::<ByteArrayType>().write_batch(&values, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    ParquetInput::open(Arc::new(writer.into_inner().unwrap())).unwrap()
}

#[test]
fn labels_of_an_enum_are_texts() {
    let mut input = bytes_of("(ENUM)", &[b"red", "żółty".as_bytes(), b"red"]);
    let batch = input.next().unwrap().unwrap();
    assert_eq!(batch.schema(), input.schema());
    assert!(batch.schema().field(0).metadata().is_empty());
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["red", "żółty", "red"]));
    assert_eq!(batch.column(0), &texts);
}

/// A file of a column of lists in two levels, as parquet-avro writes them: one of the first two values, and one of the third.
fn lists_of<T: ParquetType>(item: &str, values: [&[u8]; 3]) -> ParquetInput
where
    T::T: From<Vec<u8>>,
{
    let schema = format!("message m {{ REQUIRED group l (LIST) {{ REPEATED {item}; }} }}");
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let values: Vec<_> = values.iter().map(|value| T::T::from(value.to_vec())).collect();
    column.typed::<T>().write_batch(&values, Some(&[1, 1, 1]), Some(&[0, 1, 0])).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    ParquetInput::open(Arc::new(writer.into_inner().unwrap())).unwrap()
}

#[test]
fn what_parquet_says_of_the_items_of_lists_in_two_levels_is_so() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["1", "2", "3"]));
    let ids: ArrayRef = Arc::new(FixedSizeBinaryArray::try_from_iter([[1; 16], [2; 16], [3; 16]].into_iter()).unwrap());
    let texts_of =
        |annotation| lists_of::<ByteArrayType>(&format!("BYTE_ARRAY array {annotation}"), [b"1", b"2", b"3"]);
    let ids_of = |annotation| {
        let item = format!("FIXED_LEN_BYTE_ARRAY (16) array {annotation}");
        lists_of::<FixedLenByteArrayType>(&item, [&[1; 16], &[2; 16], &[3; 16]])
    };
    for (mut input, items, extension) in [
        (texts_of("(ENUM)"), &texts, None),
        (texts_of("(JSON)"), &texts, Some("arrow.json")),
        (ids_of("(UUID)"), &ids, Some("arrow.uuid")),
    ] {
        let batch = input.next().unwrap().unwrap();
        assert_eq!(batch.schema(), input.schema());
        let mut item = Field::new("array", items.data_type().clone(), false);
        item.metadata_mut().extend(extension.map(|name| ("ARROW:extension:name", name)));
        let lists = ListArray::new(Arc::new(item), OffsetBuffer::from_lengths([2, 1]), Arc::clone(items), None);
        assert_eq!(batch.column(0).as_list::<i32>(), &lists);
    }
    let mut damaged = lists_of::<ByteArrayType>("BYTE_ARRAY array (ENUM)", [b"1", b"2", b"\xff"]);
    assert_eq!(damaged.next().err().unwrap().code, ErrorCode::BadCopyFileFormat);
}

#[test]
fn a_number_of_128_bits_may_have_an_extension_of_arrow_already() {
    let values: ArrayRef = Arc::new(FixedSizeBinaryArray::try_from_iter([7_u128.to_le_bytes()].into_iter()).unwrap());
    let field =
        Field::new("n", values.data_type().clone(), true).with_metadata([("ARROW:extension:name", "someone.number")]);
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![values]).unwrap();
    let mut stream = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    stream.write(&batch).unwrap();
    let mut bytes = stream.into_inner().unwrap();
    // The writer knows no such number. What it says of 16 bytes has its number of bits where that of bytes stands.
    let message = root_as_message(&bytes[8..]).unwrap();
    let field = message.header_as_schema().unwrap().fields().unwrap().get(0);
    let place = |table: Table<'_>, slot| 8 + table.loc() + usize::from(table.vtable().get(slot));
    let kind = place(field._tab, arrow_ipc::Field::VT_TYPE_TYPE);
    let width = place(field.type_as_fixed_size_binary().unwrap()._tab, arrow_ipc::FixedSizeBinary::VT_BYTEWIDTH);
    bytes[kind] = arrow_ipc::Type::Int.0;
    bytes[width] = 128;
    let mut input = ArrowInput::open(Arc::new(bytes)).unwrap();
    let read = input.next().unwrap().unwrap();
    assert_eq!(read.schema(), input.schema());
    assert_eq!(read.column(0).as_primitive::<Decimal256Type>().value(0), i256::from(7));
}

#[test]
fn texts_that_the_reader_has_not_looked_at_are_looked_at() {
    for annotation in ["(ENUM)", "(JSON)"] {
        assert_eq!(bytes_of(annotation, &[b"1", b"\xff"]).next().err().unwrap().code, ErrorCode::BadCopyFileFormat);
    }
    let values = [Some("a"), None, Some("ż")];
    let read: [ArrayRef; 4] = [
        Arc::new(StringArray::from(values.to_vec())),
        Arc::new(LargeStringArray::from(values.to_vec())),
        Arc::new(StringViewArray::from(values.to_vec())),
        Arc::new(values.into_iter().collect::<DictionaryArray<Int8Type>>()),
    ];
    for texts in read {
        let said = texts.data_type().clone();
        let bytes: ArrayRef = Arc::new(BinaryArray::from(values.map(|value| value.map(str::as_bytes)).to_vec()));
        let mut input = said_to_be(vec![("v", bytes, said.clone())]);
        let batch = input.next().unwrap().unwrap();
        assert_eq!((batch.schema(), batch.column(0)), (input.schema(), &texts));
        let damaged: ArrayRef = Arc::new(BinaryArray::from(vec![&b"a"[..], b"\xff"]));
        assert_eq!(said_to_be(vec![("v", damaged, said)]).next().err().unwrap().code, ErrorCode::BadCopyFileFormat);
    }
}
