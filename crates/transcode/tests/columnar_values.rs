//! What would be lost of a file of columns, or take long to keep, and what its errors are.
#![cfg(feature = "columnar")]
#![allow(clippy::unwrap_used, reason = "a helper of tests that fails them")]

use std::io;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, BinaryArray, DictionaryArray, FixedSizeBinaryArray, FixedSizeListArray, Int32Array, ListArray,
    MapArray, RecordBatch, StringArray, StructArray,
};
use arrow_buffer::OffsetBuffer;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_ipc::{
    Block, CompressionType, Endianness, FooterBuilder, MessageBuilder, MessageHeader, MetadataVersion, SchemaBuilder,
};
use arrow_schema::{DataType, Field, Schema};
use copyist_core::ErrorCode;
use copyist_transcode::columnar::{ArrowInput, Batches, ParquetInput, RandomAccess};
use flatbuffers::{FlatBufferBuilder, WIPOffset};
use parquet::arrow::ArrowWriter;
use parquet::data_type::{Int96, Int96Type};
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
    let inputs: [Box<dyn Batches>; 3] = [
        Box::new(ArrowInput::open(Arc::new(stream.into_inner().unwrap())).unwrap()),
        Box::new(ArrowInput::open(Arc::new(file.into_inner().unwrap())).unwrap()),
        Box::new(ParquetInput::open(Arc::new(parquet.into_inner().unwrap())).unwrap()),
    ];
    for mut input in inputs {
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
