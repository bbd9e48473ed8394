//! Compressed inputs: whole, in several parts, cut anywhere, changed anywhere, and far larger than they look.

use std::io::{self, Cursor, Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use copyist_store::{Ahead, Codec, Compression, Decompressor, Expansion, MARK, Mark, carried};

/// By the codec's own program, so that both are not wrong in the same way; None where it is not installed.
fn program(codec: Codec, text: &[u8]) -> Option<Vec<u8>> {
    let program = if codec == Codec::Brotli { "brotli" } else { codec.name() };
    let spawned =
        Command::new(program).arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = spawned.ok()?;
    let mut stdin = child.stdin.take()?;
    let text = text.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&text));
    let output = child.wait_with_output().ok()?;
    writer.join().expect("it is written").ok()?;
    output.status.success().then_some(output.stdout)
}

/// By the libraries' encoders, where they have one.
fn library(codec: Codec, text: &[u8]) -> Option<Vec<u8>> {
    Some(match codec {
        Codec::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(text).expect("it is written");
            encoder.finish().expect("it is written")
        }
        Codec::Zstd => {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).expect("it is made");
            encoder.include_checksum(true).expect("it can");
            encoder.write_all(text).expect("it is written");
            encoder.finish().expect("it is written")
        }
        Codec::Bzip2 => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
            encoder.write_all(text).expect("it is written");
            encoder.finish().expect("it is written")
        }
        Codec::Xz => {
            let mut encoder =
                lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::default()).expect("it is made");
            encoder.write_all(text).expect("it is written");
            encoder.finish().expect("it is written")
        }
        Codec::Lz4 => {
            let info = lz4_flex::frame::FrameInfo::new().content_checksum(true).block_checksums(true);
            let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
            encoder.write_all(text).expect("it is written");
            encoder.finish().expect("it is written")
        }
        Codec::Brotli => {
            let mut out = Vec::new();
            let params = brotli::enc::BrotliEncoderParams { quality: 5, ..Default::default() };
            brotli::BrotliCompress(&mut &*text, &mut out, &params).expect("it is written");
            out
        }
    })
}

fn read(codec: Codec, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    Decompressor::new(Cursor::new(bytes.to_vec()), codec, "f", Expansion::default())?.read_to_end(&mut text)?;
    Ok(text)
}

fn rows(count: usize) -> Vec<u8> {
    (0..count).flat_map(|row| format!("{row},row number {},{}\n", row * 7, row % 13).into_bytes()).collect()
}

#[test]
fn what_was_compressed_comes_out() {
    for codec in Codec::ALL {
        for text in [Vec::new(), b"a".to_vec(), rows(10), rows(60_000)] {
            for bytes in [program(codec, &text), library(codec, &text)].into_iter().flatten() {
                assert_eq!(read(codec, &bytes).expect("it is whole"), text, "{}", codec.name());
                if codec != Codec::Brotli {
                    assert_eq!(Codec::of_mark(&bytes[..bytes.len().min(10)]), Mark::Is(codec));
                }
                let decompressor = Decompressor::new(Cursor::new(bytes), codec, "f", Expansion::default());
                let mut ahead = Ahead::new(decompressor.expect("it is made")).expect("it is started");
                let mut found = Vec::new();
                ahead.read_to_end(&mut found).expect("it is whole");
                assert_eq!(found, text);
            }
        }
    }
}

#[test]
fn parts_follow_upon_each_other() {
    // A brotli stream ends once.
    for codec in [Codec::Gzip, Codec::Zstd, Codec::Bzip2, Codec::Xz, Codec::Lz4] {
        let parts = [rows(3), Vec::new(), rows(1000), rows(1)];
        let bytes: Vec<u8> = parts.iter().filter_map(|part| library(codec, part)).flatten().collect();
        assert_eq!(read(codec, &bytes).expect("it is whole"), parts.concat(), "{}", codec.name());
    }
}

fn refused(codec: Codec, bytes: &[u8]) -> String {
    refused_why(codec, bytes).0
}

/// The message, and the detail.
fn refused_why(codec: Codec, bytes: &[u8]) -> (String, String) {
    refused_by("22P04", codec, bytes)
}

fn refused_by(state: &str, codec: Codec, bytes: &[u8]) -> (String, String) {
    let read = read(codec, bytes).map(|text| text.len());
    let error = read.expect_err(&format!("{} of {} bytes is broken", codec.name(), bytes.len()));
    let error = carried(&error).expect("it says what is wrong");
    assert_eq!(error.code.sql_state(), state);
    let detail = error.detail.clone().unwrap_or_default();
    assert!(detail.contains(" at byte "), "{error:?}");
    (error.message.to_string(), detail)
}

fn hint(codec: Codec, bytes: &[u8]) -> Option<String> {
    read(codec, bytes).err().as_ref().and_then(carried).and_then(|error| error.hint.clone())
}

#[test]
fn nothing_may_follow_brotli() {
    for text in [Vec::new(), b"a\n".to_vec(), rows(5000)] {
        let bytes = library(Codec::Brotli, &text).expect("there is an encoder");
        for behind in [&b"x"[..], &[0], b"trailing junk", &bytes, &vec![b'x'; 300_000]] {
            let (message, detail) = refused_why(Codec::Brotli, &[&bytes[..], behind].concat());
            assert_eq!(message, "file \"f\" is no valid brotli data");
            assert!(detail.contains(": bytes follow its end."), "{detail}");
        }
    }
}

#[test]
fn large_windows_of_brotli_are_refused_at_once() {
    let mut bytes = Vec::new();
    let params = brotli::enc::BrotliEncoderParams { quality: 2, lgwin: 30, large_window: true, ..Default::default() };
    brotli::BrotliCompress(&mut &*rows(10), &mut bytes, &params).expect("it is written");
    let (message, detail) = refused_by("54000", Codec::Brotli, &bytes);
    assert_eq!(message, "file \"f\" has brotli data with too large a window");
    assert!(detail.contains(", after 0 bytes of text: it is of the kind with windows of up to 1 GiB"), "{detail}");
}

#[test]
fn large_windows_of_zstd_are_a_limit() {
    // A frame of one block, with a window of 2 GiB.
    let frame = |window: u8| [0x28, 0xb5, 0x2f, 0xfd, 0, window, 1, 0, 0];
    let (message, detail) = refused_by("54000", Codec::Zstd, &frame(0xa8));
    assert_eq!(message, "file \"f\" has zstd data with too large a window");
    assert!(detail.contains("too much memory"), "{detail}");
    assert_eq!(read(Codec::Zstd, &frame(0x88)).expect("128 MiB are read"), b"");
}

/// A frame that has nothing of the text.
fn skippable(number: u8, size: u32) -> Vec<u8> {
    let header = [0x50 + number, 0x2a, 0x4d, 0x18];
    [&header[..], &size.to_le_bytes(), &vec![b'?'; size as usize]].concat()
}

#[test]
fn frames_without_text_are_passed_over() {
    for codec in [Codec::Zstd, Codec::Lz4] {
        let [one, other] = [rows(3), rows(100)].map(|text| library(codec, &text).expect("there is an encoder"));
        let text = [rows(3), rows(100)].concat();
        for (number, size) in [(0, 0), (0, 4), (7, 5), (15, 300_000)] {
            let skip = skippable(number, size);
            for bytes in [
                [&skip[..], &one, &other].concat(),
                [&one[..], &skip, &other].concat(),
                [&one[..], &other, &skip].concat(),
                [&skip[..], &skip, &one, &skip, &skip, &other, &skip].concat(),
            ] {
                assert_eq!(read(codec, &bytes).expect("it is whole"), text, "{} {size}", codec.name());
            }
            let whole = [&one[..], &skip].concat();
            for cut in one.len() + 1..whole.len().min(one.len() + 20) {
                let message = refused(codec, &whole[..cut]);
                assert!(message.starts_with("file \"f\" "), "{} cut at {cut}: {message}", codec.name());
            }
            // By what follows it, if that is near, or else by the name.
            let first = [&skip[..], &one].concat();
            let start = &first[..first.len().min(MARK)];
            assert_eq!(Compression::Auto.codec(&format!("a.csv.{}", codec.name()), start), Some(codec));
            assert_eq!(Codec::of_mark(start), if size <= 4 { Mark::Is(codec) } else { Mark::Skippable });
            assert_eq!(Codec::of_mark(&start[..10]), Mark::TooShort);
            let several = [&skippable(1, 0)[..], &skip, &one].concat();
            assert_eq!(Codec::of_mark(&several[..MARK]), Mark::Skippable);
        }
    }
    assert_eq!(Codec::of_mark(b"PK"), Mark::None);
    assert_eq!(Codec::of_mark(b"P*M,a\n"), Mark::None);
}

#[test]
fn what_is_compressed_twice_is_refused() {
    for outer in Codec::ALL {
        for inner in Codec::ALL {
            let Some(bytes) = library(inner, b"1,a\n").and_then(|once| library(outer, &once)) else { continue };
            if inner == Codec::Brotli {
                // It has no mark.
                assert_ne!(read(outer, &bytes).expect("it is read"), b"1,a\n");
                continue;
            }
            let error = read(outer, &bytes).expect_err("it is twice");
            let message = carried(&error).map(|error| error.message.to_string());
            assert_eq!(message.as_deref(), Some("file \"f\" is compressed twice"), "{outer:?} {inner:?}");
        }
    }
}

#[test]
fn zeros_may_follow_gzip() {
    let bytes = library(Codec::Gzip, b"a").expect("there is an encoder");
    for zeros in [1, 100, 300_000] {
        let padded = [&bytes[..], &bytes, &vec![0; zeros]].concat();
        assert_eq!(read(Codec::Gzip, &padded).expect("it is whole"), b"aa");
        assert_eq!(refused(Codec::Gzip, &[&padded[..], &bytes].concat()), "file \"f\" is no valid gzip data");
        assert_eq!(refused(Codec::Gzip, &[&padded[..], b"x"].concat()), "file \"f\" is no valid gzip data");
    }
    assert_eq!(refused(Codec::Gzip, &[&bytes[..], b"\x1f"].concat()), "file \"f\" ends in the midst of its gzip data");
    assert_eq!(refused(Codec::Gzip, &[&bytes[..], b"x"].concat()), "file \"f\" is no valid gzip data");
    assert_eq!(refused(Codec::Gzip, &[&bytes[..], b"id,name\n1,a\n"].concat()), "file \"f\" is no valid gzip data");
}

#[test]
fn an_input_that_is_cut_is_refused() {
    for codec in Codec::ALL {
        let bytes = library(codec, &rows(300)).expect("there is an encoder");
        // Nothing at all is no compressed input either.
        for cut in 0..bytes.len() {
            let message = refused(codec, &bytes[..cut]);
            assert!(message.starts_with("file \"f\" "), "{} cut at {cut}: {message}", codec.name());
        }
        assert_eq!(
            refused(codec, &bytes[..bytes.len() / 2]),
            format!("file \"f\" ends in the midst of its {} data", codec.name())
        );
    }
}

#[test]
fn what_is_no_compressed_input_is_not_called_a_part_of_one() {
    for codec in [Codec::Gzip, Codec::Zstd, Codec::Bzip2, Codec::Xz, Codec::Lz4] {
        for plain in [&b"1"[..], b"1,a\n", b"1,a\n2,b\n3,c\n4,d\n5,e\n6,f\n"] {
            assert_eq!(refused(codec, plain), format!("file \"f\" is no valid {} data", codec.name()));
            assert!(hint(codec, plain).is_some_and(|hint| hint.contains("COMPRESSION 'none'")));
        }
    }
    let mut bytes = library(Codec::Gzip, &rows(3)).expect("there is an encoder");
    bytes.extend_from_slice(b"1,a\n");
    assert_eq!(refused(Codec::Gzip, &bytes), "file \"f\" is no valid gzip data");
    assert_eq!(hint(Codec::Gzip, &bytes), None);
}

#[test]
fn a_changed_byte_never_goes_unnoticed() {
    // Brotli has no check sum, so that some changes give another text.
    for codec in [Codec::Gzip, Codec::Zstd, Codec::Bzip2, Codec::Xz, Codec::Lz4] {
        let text = rows(40);
        let bytes = library(codec, &text).expect("there is an encoder");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x41;
            // A header has bytes that mean nothing, such as a time.
            match read(codec, &changed) {
                Ok(found) => assert_eq!(found, text, "{} changed at {at}", codec.name()),
                Err(error) => assert!(carried(&error).is_some(), "{}: {error}", codec.name()),
            }
        }
    }
    assert!(read(Codec::Gzip, b"id,name\n1,a\n").is_err());
}

#[test]
fn bombs_are_refused_at_once() {
    struct Lines(u64);
    impl Read for Lines {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let size = into.len().min(usize::try_from(self.0).unwrap_or(usize::MAX));
            into[..size].fill(b'\n');
            self.0 -= size as u64;
            Ok(size)
        }
    }
    let bombs = [
        (Codec::Gzip, 500, {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            io::copy(&mut Lines(1 << 27), &mut encoder).expect("it is written");
            encoder.finish().expect("it is written")
        }),
        (Codec::Zstd, 500, {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).expect("it is made");
            io::copy(&mut Lines(1 << 27), &mut encoder).expect("it is written");
            encoder.finish().expect("it is written")
        }),
        // Less than 256 for each, which is all that it can.
        (Codec::Lz4, 100, {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
            io::copy(&mut Lines(1 << 27), &mut encoder).expect("it is written");
            encoder.finish().expect("it is written")
        }),
    ];
    for (codec, ratio, bytes) in bombs {
        let started = Instant::now();
        let mut decompressor =
            Decompressor::new(Cursor::new(bytes), codec, "f", Expansion::default()).expect("it is made");
        let error = io::copy(&mut decompressor, &mut io::sink()).expect_err("it is too much");
        let error = carried(&error).expect("it says what is wrong");
        assert_eq!(error.message, format!("file \"f\" decompresses to more than {ratio} times its size"));
        assert_eq!(error.code.sql_state(), "54000");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
    let limits = Expansion { max_bytes: 1000, ..Expansion::default() };
    let bytes = library(Codec::Gzip, &rows(1000)).expect("there is an encoder");
    let mut decompressor = Decompressor::new(Cursor::new(bytes), Codec::Gzip, "f", limits).expect("it is made");
    let error = io::copy(&mut decompressor, &mut io::sink()).expect_err("it is too much");
    assert_eq!(carried(&error).expect("it says").message, "file \"f\" decompresses to more than 1000 bytes");
}

#[test]
fn a_codec_is_told_by_the_first_bytes() {
    assert_eq!(Codec::of_mark(b"id,name\n"), Mark::None);
    assert_eq!(Codec::of_mark(b"BZh9,name\n"), Mark::None);
    assert_eq!(Codec::of_mark(b"BZh9"), Mark::TooShort);
    assert_eq!(Codec::of_mark(b""), Mark::TooShort);
    assert_eq!(Compression::Auto.codec("a.csv.br", b"\x0b\x02"), Some(Codec::Brotli));
    assert_eq!(Compression::Auto.codec("A.CSV.BR", b"\x0b\x02"), Some(Codec::Brotli));
    let skippable = b"\x50\x2a\x4d\x18\xff\xff\0\0 and more.";
    assert_eq!(Compression::Auto.codec("a.csv.Lz4", skippable), Some(Codec::Lz4));
    assert_eq!(Compression::Auto.codec("a.csv", skippable), Some(Codec::Zstd));
    assert_eq!(Compression::Auto.codec("a.csv.gz", b"id,name\n"), None);
    assert_eq!(Compression::None.codec("a", b"\x1f\x8b"), None);
}

#[test]
fn a_reader_can_be_dropped_at_any_time() {
    let bytes = library(Codec::Gzip, &rows(60_000)).expect("there is an encoder");
    for taken in [0, 1, 300_000] {
        let decompressor =
            Decompressor::new(Cursor::new(bytes.clone()), Codec::Gzip, "f", Expansion::default()).expect("it is made");
        let mut ahead = Ahead::new(decompressor).expect("it is started");
        let mut buffer = vec![0; taken];
        ahead.read_exact(&mut buffer).expect("there is as much");
    }
}
