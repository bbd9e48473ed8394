//! Every Parquet and Arrow file at hand is read, or refused with a reason, without a panic.
#![cfg(feature = "columnar")]
#![allow(clippy::unwrap_used, reason = "a helper of tests that fails them")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::{Int8Type, Int32Type};
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, ListArray, RecordBatch};
use arrow_buffer::OffsetBuffer;
use arrow_ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions, StreamWriter};
use arrow_ipc::{CompressionType, MetadataVersion};
use arrow_schema::{DataType, Field};
use bytes::Bytes;
use copyist_core::ErrorCode;
use copyist_format::arrow::row_text;
use copyist_transcode::LocalFile;
use copyist_transcode::columnar::{ArrowInput, Batches, ParquetInput, RandomAccess};
use flate2::Crc;
use parquet::arrow::ArrowWriter;
use parquet::basic::Encoding;
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::file::metadata::{ParquetMetaDataReader, ParquetMetaDataWriter};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};

/// Files of other projects, which are not part of this one.
fn corpus() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    if !path.is_dir() {
        eprintln!("SKIPPED: there is no {}", path.display());
        return None;
    }
    Some(path)
}

fn files(under: &Path, ends: &[&str], into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(under).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files(&path, ends, into);
        } else if ends.iter().any(|end| path.to_string_lossy().ends_with(end)) {
            into.push(path);
        }
    }
}

fn read(mut input: Box<dyn Batches>) -> Result<u64, String> {
    let mut rows = 0;
    while let Some(batch) = input.next().map_err(|error| format!("{} {error}", error.code.sql_state()))? {
        rows += batch.num_rows() as u64;
    }
    if let Some(claimed) = input.row_count()
        && claimed != rows
    {
        return Err(format!("{rows} rows instead of {claimed}"));
    }
    Ok(rows)
}

#[test]
fn every_file_is_read_or_refused_with_a_reason() {
    let Some(corpus) = corpus() else { return };
    let mut found = Vec::new();
    files(&corpus, &[".parquet"], &mut found);
    assert!(found.len() > 100, "{} files", found.len());
    let mut refused = Vec::new();
    for path in &found {
        let access: Arc<dyn RandomAccess> = Arc::new(LocalFile::open(path, "").unwrap());
        let open = |access| ParquetInput::open(access).map_err(|error| format!("{} {error}", error.code.sql_state()));
        let outcome = open(Arc::clone(&access)).and_then(|input| read(Box::new(input)));
        let kept = open(access).and_then(|mut input| {
            input.keep_dictionaries();
            read(Box::new(input))
        });
        assert_eq!(kept, outcome, "{}", path.display());
        if let Err(error) = outcome {
            refused.push(format!("{}: {error}", path.strip_prefix(&corpus).unwrap().display()));
        }
    }
    for line in &refused {
        println!("{line}");
    }
    let is_refused = |name: &str| refused.iter().any(|line| line.contains(name) && line.contains("checksum mismatch"));
    assert!(is_refused("/rle-dict-uncompressed-corrupt-checksum.parquet: 22P04"));
    assert!(!is_refused("/rle-dict-snappy-checksum.parquet"));
    // A VARIANT is refused for what it is.
    let damaged = refused.iter().filter(|line| !line.contains(" is or has a VARIANT of Parquet")).count();
    assert!(damaged < 40, "{damaged} of {} refused", found.len());
}

#[test]
fn nothing_that_is_cut_or_changed_brings_the_reader_down() {
    let Some(corpus) = corpus() else { return };
    let mut found = Vec::new();
    files(&corpus.join("parquet-testing/data"), &[".parquet"], &mut found);
    let mut state = 7_u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for path in &found {
        let bytes = fs::read(path).unwrap();
        if bytes.len() > 20_000 {
            continue;
        }
        for round in 0..40 {
            let mut changed = bytes.clone();
            for _ in 0..=random(4) {
                let at = if round % 2 == 0 {
                    changed.len() - 1 - random(changed.len().min(2000))
                } else {
                    random(changed.len())
                };
                changed[at] = random(256) as u8;
            }
            for keeps in [false, true] {
                if let Ok(mut input) = ParquetInput::open(Arc::new(changed.clone())) {
                    if keeps {
                        input.keep_dictionaries();
                    }
                    let _ = read(Box::new(input));
                }
            }
            let _ = ArrowInput::open(Arc::new(changed)).map(|input| read(Box::new(input)));
        }
    }
}

/// Three batches: numbers and nulls, texts of a dictionary, lists.
fn sample() -> Vec<RecordBatch> {
    (0..3_i32)
        .map(|part| {
            let numbers: Int32Array = (0..1000).map(|n| (n % 7 != 0).then_some(part * 1000 + n)).collect();
            let texts: DictionaryArray<Int8Type> = (0..1000).map(|n| ["a", "b", "c"].get(n % 4).copied()).collect();
            let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(
                (0..1000).map(|n| (n % 5 != 0).then(|| (0..n % 3).map(Some).collect::<Vec<_>>())),
            );
            let columns: [(&str, ArrayRef); 3] =
                [("n", Arc::new(numbers)), ("t", Arc::new(texts)), ("l", Arc::new(lists))];
            RecordBatch::try_from_iter(columns).unwrap()
        })
        .collect()
}

fn rows_of(bytes: Vec<u8>, aim: usize, columns: &[usize]) -> Vec<String> {
    let mut input = ArrowInput::open(Arc::new(bytes)).unwrap();
    input.select(columns);
    input.aim_for(aim);
    let mut rows = Vec::new();
    while let Some(batch) = input.next().unwrap() {
        rows.extend((0..batch.num_rows()).map(|row| String::from_utf8(row_text(&batch, row)).unwrap()));
    }
    rows
}

#[test]
fn streams_of_arrow_have_the_rows_that_files_have() {
    let batches = sample();
    let schema = batches[0].schema();
    let expected: Vec<String> = batches
        .iter()
        .flat_map(|batch| (0..batch.num_rows()).map(|row| String::from_utf8(row_text(batch, row)).unwrap()))
        .collect();
    for codec in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
        let options = || {
            IpcWriteOptions::default()
                .try_with_compression(codec)
                .unwrap()
                .with_dictionary_handling(DictionaryHandling::Resend)
        };
        let mut stream = StreamWriter::try_new_with_options(Vec::new(), &schema, options()).unwrap();
        batches.iter().for_each(|batch| stream.write(batch).unwrap());
        let mut file = FileWriter::try_new_with_options(Vec::new(), &schema, options()).unwrap();
        batches.iter().for_each(|batch| file.write(batch).unwrap());
        let (stream, file) = (stream.into_inner().unwrap(), file.into_inner().unwrap());
        for aim in [1, 1000, 1 << 20] {
            assert!(rows_of(stream.clone(), aim, &[0, 1, 2]) == expected);
            assert!(rows_of(file.clone(), aim, &[0, 1, 2]) == expected);
        }
        assert!(rows_of(stream.clone(), 1000, &[2, 0]) == rows_of(file, 1 << 20, &[2, 0]));
        let mut cut = ArrowInput::open(Arc::new(stream[..stream.len() - 40].to_vec())).unwrap();
        let end = std::iter::from_fn(|| cut.next().transpose()).find_map(Result::err).expect("a batch is cut");
        assert_eq!(end.code.sql_state(), "22P04");
    }
}

#[test]
fn a_stream_of_arrow_ends_with_its_mark() {
    let batch = RecordBatch::try_from_iter([("a", Arc::new(Int32Array::from(vec![1, 2, 3])) as ArrayRef)]).unwrap();
    let stream_of = |options: IpcWriteOptions, batches: usize| {
        let mut stream = StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options).unwrap();
        (0..batches).for_each(|_| stream.write(&batch).unwrap());
        stream.into_inner().unwrap()
    };
    let end_of = |bytes: Vec<u8>| {
        let mut input = ArrowInput::open(Arc::new(bytes)).unwrap();
        std::iter::from_fn(|| input.next().transpose()).find_map(Result::err).map(|error| error.message.to_string())
    };
    let unmarked = "the Arrow file is damaged: it ends without the mark of a stream's end";
    let joined = "the Arrow file is damaged: something follows the mark of the stream's end";
    // In the first versions of the format the mark has four bytes.
    let legacy = IpcWriteOptions::try_new(8, true, MetadataVersion::V4).unwrap();
    for (options, mark) in [(IpcWriteOptions::default(), 8), (legacy, 4)] {
        for batches in 0..3 {
            let stream = stream_of(options.clone(), batches);
            assert_eq!(end_of(stream.clone()), None, "{mark} {batches}");
            for cut in 1..=mark {
                let end = end_of(stream[..stream.len() - cut].to_vec());
                assert_eq!(end.as_deref(), Some(unmarked), "{mark} {batches} {cut}");
            }
            for more in [stream.as_slice(), b"x", &[0; 8]] {
                assert_eq!(end_of([&stream, more].concat()).as_deref(), Some(joined), "{mark} {batches}");
            }
        }
    }
}

#[test]
fn a_file_of_the_other_format_is_told() {
    let batches = sample();
    let of_parquet = |bytes: Arc<dyn RandomAccess>| ParquetInput::open(bytes).err().unwrap().message.to_string();
    for is_file in [true, false] {
        assert_eq!(of_parquet(ipc(&batches, is_file, None)), "this is no Parquet file: it is in Arrow's format");
    }
    let others: [(&[u8], &str); 2] = [
        (b"FEA1\0\0\0\0\0\0FEA1", "in the first version of Feather, which is not read"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\0\0\0\0\0\0\0", "compressed by gzip"),
    ];
    for (bytes, what) in others {
        let arrow = ArrowInput::open(Arc::new(bytes.to_vec())).err().unwrap();
        assert_eq!(
            (arrow.code.sql_state(), &*arrow.message),
            ("0A000", &*format!("this is no Arrow file: it is {what}"))
        );
        assert_eq!(of_parquet(Arc::new(bytes.to_vec())), format!("this is no Parquet file: it is {what}"));
    }
}

#[test]
fn a_compressed_buffer_that_claims_too_much_is_refused() {
    let batches = sample();
    let options = IpcWriteOptions::default()
        .try_with_compression(Some(CompressionType::ZSTD))
        .unwrap()
        .with_dictionary_handling(DictionaryHandling::Resend);
    let mut stream = StreamWriter::try_new_with_options(Vec::new(), &batches[0].schema(), options).unwrap();
    stream.write(&batches[0]).unwrap();
    let mut bytes = stream.into_inner().unwrap();
    // In front of what is compressed stands how long it was.
    let frame = bytes.windows(4).position(|window| window == [0x28, 0xB5, 0x2F, 0xFD]).expect("it is compressed");
    bytes[frame - 8..frame].copy_from_slice(&(i64::MAX / 2).to_le_bytes());
    let mut input = ArrowInput::open(Arc::new(bytes)).unwrap();
    assert_eq!(input.next().unwrap_err().code.sql_state(), "54000");
}

fn ipc(batches: &[RecordBatch], is_file: bool, compression: Option<CompressionType>) -> Arc<dyn RandomAccess> {
    let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
    let mut bytes = Vec::new();
    if is_file {
        let mut writer = FileWriter::try_new_with_options(&mut bytes, &batches[0].schema(), options).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.finish().unwrap();
    } else {
        let mut writer = StreamWriter::try_new_with_options(&mut bytes, &batches[0].schema(), options).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.finish().unwrap();
    }
    Arc::new(bytes)
}

/// Rows of each batch of an input.
fn parts_of(mut input: ArrowInput, aim: usize) -> Vec<usize> {
    input.aim_for(aim);
    let mut sizes = Vec::new();
    while let Some(batch) = input.next().unwrap() {
        sizes.push(batch.num_rows());
    }
    sizes
}

#[test]
fn a_batch_of_arrow_is_cut_into_parts_of_one_size() {
    let columns = (0..3).map(|column| {
        let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values((0..100_000).map(|row| row * 3 + column)));
        (format!("c{column}"), numbers)
    });
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    for is_file in [true, false] {
        let input =
            ArrowInput::open(ipc(&[batch.slice(0, 70_000), batch.slice(70_000, 30_000)], is_file, None)).unwrap();
        let sizes = parts_of(input, 120_000);
        assert_eq!(sizes, [10_000; 10], "{is_file}");
    }
}

#[test]
fn strings_of_a_dictionary_of_arrow_bound_the_rows_of_a_batch() {
    let texts = ["x".repeat(20_000), "y".repeat(20_000)];
    let coded: DictionaryArray<Int32Type> = (0..20_000).map(|row| Some(texts[row % 2].as_str())).collect();
    let batch = RecordBatch::try_from_iter([("d", Arc::new(coded) as ArrayRef)]).unwrap();
    for is_file in [true, false] {
        let sizes = parts_of(ArrowInput::open(ipc(std::slice::from_ref(&batch), is_file, None)).unwrap(), 1 << 20);
        assert_eq!(sizes.iter().sum::<usize>(), 20_000);
        // 4 MiB of them.
        assert!(sizes.iter().all(|&size| size <= 210), "{sizes:?}");
        // One of them is long, and hardly any row has it.
        let mut input = ArrowInput::open(ipc(std::slice::from_ref(&batch), is_file, None)).unwrap();
        input.bound_by(400_000);
        assert!(parts_of(input, 1 << 30).iter().all(|&size| size <= 5));
    }
}

#[test]
fn only_the_columns_of_arrow_that_are_wanted_are_read_and_count() {
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>((0..20_000).map(|row| Some([Some(row), None])));
    let numbers = |from: i32| -> ArrayRef { Arc::new(Int32Array::from_iter_values(from..from + 20_000)) };
    let columns = [("a", numbers(5)), ("l", Arc::new(lists) as ArrayRef), ("b", numbers(7)), ("c", numbers(9))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    for compression in [None, Some(CompressionType::ZSTD), Some(CompressionType::LZ4_FRAME)] {
        for is_file in [true, false] {
            let bytes = ipc(&[batch.slice(0, 15_000), batch.slice(15_000, 5_000)], is_file, compression);
            let size = bytes.size();
            let mut input = ArrowInput::open(Arc::clone(&bytes)).unwrap();
            input.select(&[2, 0, 2]);
            let mut found = Vec::new();
            while let Some(batch) = input.next().unwrap() {
                found.extend((0..batch.num_rows()).map(|row| row_text(&batch, row)));
            }
            let wanted = batch.project(&[2, 0, 2]).unwrap();
            let wanted: Vec<_> = (0..wanted.num_rows()).map(|row| row_text(&wanted, row)).collect();
            assert!(found == wanted, "{is_file} {compression:?}");
            assert!(input.bytes_read() < size * 2 / 3, "{} of {size}", input.bytes_read());
            // All columns of the larger batch take 360 kB, and one takes 60.
            for (columns, is_enough) in [(vec![0, 1, 2, 3], false), (vec![3], true)] {
                let mut input = ArrowInput::open(Arc::clone(&bytes)).unwrap();
                input.bound_by(70_000);
                input.select(&columns);
                let outcome = input.next().map(|_| ()).map_err(|error| error.code);
                assert_eq!(outcome, if is_enough { Ok(()) } else { Err(ErrorCode::ProgramLimitExceeded) });
            }
        }
    }
}

/// A file of one row group with other bytes in its last column.
fn with_last_column(mut bytes: Vec<u8>, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&Bytes::copy_from_slice(&bytes)).unwrap();
    let mut columns = metadata.row_group(0).columns().to_vec();
    let last = columns.pop().unwrap();
    let (start, length) = last.byte_range();
    let mut chunk = bytes[start as usize..][..length as usize].to_vec();
    change(&mut chunk);
    columns.push(last.into_builder().set_total_compressed_size(chunk.len() as i64).build().unwrap());
    let group = metadata.row_group(0).clone().into_builder().set_column_metadata(columns).build().unwrap();
    let metadata = metadata.into_builder().set_row_groups(vec![group]).build();
    bytes.truncate(start as usize);
    bytes.extend(chunk);
    ParquetMetaDataWriter::new(&mut bytes, &metadata).finish().unwrap();
    bytes
}

/// A file with one page, whose header has this checksum; by what it should be. The writer at hand leaves none.
fn with_checksum(of: impl Fn(u32) -> u32) -> Vec<u8> {
    let numbers: ArrayRef = Arc::new((0..1000).collect::<Int32Array>());
    let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    with_last_column(writer.into_inner().unwrap(), |chunk| {
        // The kind of the page and its two lengths are numbers, each behind the mark 0x15; what describes its values comes two fields behind them.
        let mut end = 0;
        for _ in 0..3 {
            assert_eq!(chunk[end], 0x15);
            end += 2 + chunk[end + 1..].iter().take_while(|&&byte| byte >= 0x80).count();
        }
        assert_eq!(chunk[end], 0x2C);
        let mut sum = Crc::new();
        sum.update(&chunk[chunk.len() - 4000..]);
        let sum = of(sum.sum()).cast_signed();
        let mut zigzag = ((sum << 1) ^ (sum >> 31)).cast_unsigned();
        let mut field = vec![0x15];
        while zigzag >= 0x80 {
            field.push(zigzag as u8 | 0x80);
            zigzag >>= 7;
        }
        field.push(zigzag as u8);
        chunk[end] = 0x1C;
        chunk.splice(end..end, field);
    })
}

#[test]
fn a_page_that_is_not_what_its_checksum_is_of_is_refused_by_its_place() {
    let read =
        |bytes: Vec<u8>| ParquetInput::open(Arc::new(bytes)).map_err(|e| e.to_string()).and_then(|i| read(Box::new(i)));
    assert_eq!(read(with_checksum(|sum| sum)), Ok(1000));
    let why = "a page of column \"n\" in row group 1 cannot be read: Page CRC checksum mismatch";
    assert_eq!(read(with_checksum(|sum| sum ^ 1)), Err(format!("22P04 the Parquet file is damaged: {why}")));
    let mut bytes = with_checksum(|sum| sum);
    let last = bytes.windows(4).rposition(|number| number == 999_i32.to_le_bytes()).unwrap();
    bytes[last] ^= 4;
    assert_eq!(read(bytes), Err(format!("22P04 the Parquet file is damaged: {why}")));
}

#[test]
fn a_page_of_the_second_version_may_begin_within_a_row() {
    // Rows of three values each, and pages of eight values.
    let numbers: ArrayRef = Arc::new((0..8).collect::<Int32Array>());
    let item = Arc::new(Field::new_list_field(DataType::Int32, false));
    let values = Arc::new((0..24).collect::<Int32Array>());
    let lists: ArrayRef = Arc::new(ListArray::new(item, OffsetBuffer::from_lengths([3; 8]), values, None));
    let batch = RecordBatch::try_from_iter([("n", Arc::clone(&numbers)), ("l", Arc::clone(&lists))]).unwrap();
    let properties = WriterProperties::builder().set_dictionary_enabled(false).set_offset_index_disabled(true).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    let bytes = with_last_column(writer.into_inner().unwrap(), |chunk| {
        let mut pages = TrackedWrite::new(Vec::new());
        // Eight bits each, the first one lowest: which of the values are of the row of the one before. The last number is that of rows that begin.
        for (page, (repeated, rows)) in [(0b1011_0110, 3), (0b0110_1101, 3), (0b1101_1011, 2)].into_iter().enumerate() {
            let repetitions = [3, repeated];
            let definitions = [16, 1];
            let values = (0..8).flat_map(|value| (page as i32 * 8 + value).to_le_bytes());
            let buf: Vec<u8> = repetitions.into_iter().chain(definitions).chain(values).collect();
            let size = buf.len();
            let page = Page::DataPageV2 {
                buf: buf.into(),
                num_values: 8,
                encoding: Encoding::PLAIN,
                num_nulls: 0,
                num_rows: rows,
                def_levels_byte_len: 2,
                rep_levels_byte_len: 2,
                is_compressed: false,
                statistics: None,
            };
            SerializedPageWriter::new(&mut pages).write_page(CompressedPage::new(page, size)).unwrap();
        }
        *chunk = pages.into_inner().unwrap();
    });
    for columns in [&[1][..], &[0, 1]] {
        let mut input = ParquetInput::open(Arc::new(bytes.clone())).unwrap();
        input.select(columns);
        let read = input.next().unwrap().unwrap();
        let expected: Vec<ArrayRef> = columns.iter().map(|&column| Arc::clone(batch.column(column))).collect();
        assert_eq!(read.columns(), expected);
        assert!(input.next().unwrap().is_none());
    }
}

#[test]
fn an_error_of_the_reader_has_its_column_and_what_to_do_about_it() {
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![0, 7]));
    let batch = RecordBatch::try_from_iter([("other", Arc::clone(&numbers)), ("wide", numbers)]).unwrap();
    let properties = WriterProperties::builder().set_dictionary_enabled(false).set_offset_index_disabled(true).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    let bytes = with_last_column(writer.into_inner().unwrap(), |chunk| {
        // A block of 128 values in 4 parts, of which there are two: 0, and that less 2^32, which none of 32 bits is.
        let buf = vec![0x80, 1, 4, 2, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x1F, 0, 0, 0, 0];
        let size = buf.len();
        let page = Page::DataPage {
            buf: buf.into(),
            num_values: 2,
            encoding: Encoding::DELTA_BINARY_PACKED,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let mut pages = TrackedWrite::new(Vec::new());
        SerializedPageWriter::new(&mut pages).write_page(CompressedPage::new(page, size)).unwrap();
        *chunk = pages.into_inner().unwrap();
    });
    let mut input = ParquetInput::open(Arc::new(bytes)).unwrap();
    let error = input.next().unwrap_err();
    assert_eq!(error.message, "the Parquet file is damaged: Parquet error: 'min_delta' too large");
    assert_eq!(error.detail.as_deref(), Some("It is in column \"wide\"."));
    let hint = "If DuckDB has written the file with PARQUET_VERSION V2, have it written anew with V1.";
    assert_eq!(error.hint.as_deref(), Some(hint));
}
