//! What would be lost of a file of columns, or take long to keep, and what its errors are.
#![cfg(feature = "columnar")]
#![allow(clippy::unwrap_used, reason = "a helper of tests that fails them")]

use std::io;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_ipc::{
    Block, CompressionType, Endianness, FooterBuilder, MessageBuilder, MessageHeader, MetadataVersion, SchemaBuilder,
};
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
