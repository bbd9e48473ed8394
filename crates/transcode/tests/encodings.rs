//! An input in another encoding comes to the same as its transcription, every place found again in the bytes that were read, however it
//! is cut.
#![cfg(feature = "arrow")]

mod outcome;

use std::sync::Arc;
use std::time::Duration;

use copyist_encoding::{Charset, Encoding};
use copyist_format::{Layout, Plan, Replacement, Tolerance};
use copyist_scan::{Eol, Grammar};
use copyist_transcode::{Limits, Load, Location, Next, Sink, Source, Specification};
use outcome::{CSV, SKIP, TEXT, check_any, plan, run};
use proptest::prelude::*;

fn encodings() -> Vec<Encoding> {
    let charsets =
        Charset::all().iter().map(|charset| Encoding::find(charset.name()).expect("it is found by its name"));
    charsets.chain([Encoding::Utf16Le, Encoding::Utf16Be]).collect()
}

/// An input in pieces, each with its transcription.
#[derive(Default)]
struct Input {
    bytes: Vec<u8>,
    text: Vec<u8>,
    /// Where pieces begin, in the text and in the bytes.
    places: Vec<(usize, usize)>,
}

impl Input {
    fn push(&mut self, bytes: &[u8], text: &[u8]) {
        self.places.push((self.text.len(), self.bytes.len()));
        self.bytes.extend_from_slice(bytes);
        self.text.extend_from_slice(text);
    }

    fn place(&self, at: u64) -> u64 {
        let index =
            self.places.binary_search_by_key(&(at as usize), |place| place.0).expect("a character begins there");
        self.places[index].1 as u64
    }

    /// Of these pieces, each a number; ASCII, other characters, and what is none.
    fn new(encoding: Encoding, pieces: &[u8]) -> Self {
        let mut input = Self::default();
        let characters: Vec<(Vec<u8>, String)> = CHARACTERS
            .chars()
            .map(|character| (encoding.encode(&character.to_string()), character.to_string()))
            .filter(|(bytes, text)| encoding.decode(bytes) == *text)
            .collect();
        for ascii in "id,name,amount,day\n".chars() {
            input.push_ascii(encoding, ascii);
        }
        for &piece in pieces {
            match piece % 32 {
                0..4 => input.push_ascii(encoding, '\n'),
                4..8 => "7,n,5,2024-01-02\n".chars().for_each(|ascii| input.push_ascii(encoding, ascii)),
                8..12 => "8\tn\t5\t2024-01-02\n".chars().for_each(|ascii| input.push_ascii(encoding, ascii)),
                12 => input.push_ascii(encoding, '"'),
                13 => input.push_ascii(encoding, '\\'),
                14 => input.push_ascii(encoding, '\r'),
                15..18 => input.push_ascii(encoding, ','),
                18 => input.push_ascii(encoding, '\t'),
                19 => input.push_malformed(encoding),
                20 => input.push_ascii(encoding, '\0'),
                21..23 => input.push_ascii(encoding, '9'),
                _ => {
                    let (bytes, text) = &characters[usize::from(piece) % characters.len()];
                    input.push(bytes, text.as_bytes());
                }
            }
        }
        input.places.push((input.text.len(), input.bytes.len()));
        input
    }

    fn push_ascii(&mut self, encoding: Encoding, ascii: char) {
        self.push(&encoding.encode(&ascii.to_string()), &[ascii as u8]);
    }

    /// With a space, so that nothing that follows becomes part of it.
    fn push_malformed(&mut self, encoding: Encoding) {
        let none: &[u8] = match encoding {
            Encoding::Utf16 | Encoding::Utf16Le => &[0x00, 0xD8],
            Encoding::Utf16Be => &[0xDC, 0x01],
            Encoding::Charset(charset) => match charset.name() {
                "WIN1252" | "WIN1254" => &[0x81],
                "WIN1251" => &[0x98],
                name if name.starts_with("WIN") || name.starts_with("LATIN") || name.starts_with("KOI") => return,
                name if name.starts_with("ISO") => return,
                _ => &[0xFF],
            },
        };
        self.push(none, &[0xFF]);
        self.push_ascii(encoding, ' ');
    }
}

/// Some of them are in every encoding.
const CHARACTERS: &str = "éÄñßя中国表乗ソ貼功許あア가각한ιЖקكกąčœ€£\u{a0}😀𐐷丂㐀";

fn grammars() -> [(Grammar, Tolerance); 5] {
    let replaced = |byte, nul| Tolerance { invalid: Some(Replacement { byte, nul }), ..SKIP };
    [
        (CSV, SKIP),
        (TEXT, SKIP),
        (CSV, Tolerance::default()),
        (CSV, replaced(b'?', Some(b' '))),
        (TEXT, replaced(b'x', None)),
    ]
}

/// Places of rows and their bytes, as a target asks for them.
fn located(plan: &Plan, input: &[u8], tile_size: usize) -> Vec<(Location, Vec<u8>)> {
    let load = Load::start(Specification {
        plan: Arc::new(Plan { layout: Layout::PgText, ..plan.clone() }),
        sink: Sink::PgText,
        inputs: copyist_transcode::Input::only(
            "memory".to_owned(),
            Source::Memory(std::io::Cursor::new(Arc::new(input.to_vec()))),
        ),
        maps_by_name: false,
        table: "t".to_owned(),
        limits: Limits {
            threads: 2,
            tile_size,
            window: 1 << 12,
            max_record: 1 << 20,
            max_bytes: usize::MAX,
            max_rejects: 0,
        },
        is_framed: true,
        keeps_records: true,
        on_ready: Box::new(|| {}),
    });
    let mut rows = 0;
    loop {
        match load.try_next(Duration::from_secs(60)) {
            Next::Chunk(chunk) => {
                rows += chunk.rows;
                load.recycle(chunk.data);
            }
            Next::Rejects => {}
            Next::Pending => panic!("the load does not go on"),
            Next::End | Next::Failed(_) => break,
        }
    }
    (0..rows).map(|row| (load.locate(row).expect("it is recent"), load.record(row).expect("it is kept"))).collect()
}

fn check(encoding: Encoding, pieces: &[u8]) {
    let input = Input::new(encoding, pieces);
    for (grammar, tolerance) in grammars() {
        let utf8 = plan(grammar, tolerance);
        let other = Plan { encoding: Some(encoding), ..utf8.clone() };
        let expected = run(&Arc::new(utf8.clone()), &input.text, 1, 1 << 18);
        for (threads, tile_size) in [(1, 1), (2, 17), (1, 1 << 18)] {
            let found = run(&Arc::new(other.clone()), &input.bytes, threads, tile_size);
            assert_eq!(found.ids, expected.ids, "{} in tiles of {tile_size}", encoding.name());
            let words = |failure: &Option<String>| {
                let words = failure.as_deref()?.split("invalid byte sequence").next()?;
                Some(words.split("character with byte").next()?.to_owned())
            };
            assert_eq!(words(&found.failure), words(&expected.failure));
            assert_eq!(found.counters.bytes_replaced, expected.counters.bytes_replaced);
            assert_eq!(found.rejects.len(), expected.rejects.len());
            for (one, other) in found.rejects.iter().zip(&expected.rejects) {
                let (start, end) = (input.place(other.byte_offset), input.place(other.byte_offset + other.byte_len));
                assert_eq!((one.line, one.last_line), (other.line, other.last_line));
                assert_eq!((one.byte_offset, one.byte_len, one.is_cut), (start, end - start, false));
                assert_eq!(one.raw[..], input.bytes[start as usize..end as usize]);
                let columns = |reject: &copyist_transcode::Reject| {
                    reject.flaws.iter().map(|flaw| flaw.column).collect::<Vec<_>>()
                };
                assert_eq!(columns(one), columns(other));
            }
            let (found, expected) = (located(&other, &input.bytes, tile_size), located(&utf8, &input.text, tile_size));
            assert_eq!(found.len(), expected.len());
            for ((place, raw), (expected, _)) in found.into_iter().zip(expected) {
                let (start, end) =
                    (input.place(expected.byte_offset), input.place(expected.byte_offset + expected.byte_len));
                let moved =
                    Location { position: place.position, byte_offset: start, byte_len: end - start, ..expected };
                assert_eq!(place, moved);
                assert_eq!(raw[..], input.bytes[start as usize..end as usize]);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_its_transcription(pieces in prop::collection::vec(any::<u8>(), 0..80), which in any::<usize>()) {
        let all = encodings();
        check(all[which % all.len()], &pieces);
    }

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200), which in any::<usize>(), csv in any::<bool>()) {
        let all = encodings();
        let encoding = all[which % all.len()];
        let mut input = encoding.encode("id\n");
        input.extend_from_slice(&bytes);
        check_any(&Plan { encoding: Some(encoding), ..plan(if csv { CSV } else { TEXT }, SKIP) }, &input);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Lines that are passed over may end in more than one byte, which a tile, a read or a character may part.
    #[test]
    fn lines_with_ends_of_their_own_are_passed_over(
        pieces in prop::collection::vec(prop::sample::select(vec!["1\ta\t5\t", "$", "|", "$|$", "中", "\n", "x"]), 0..40),
        skip in 0..4u64, which in 0..4usize,
    ) {
        let encoding = Encoding::find(["GBK", "UTF16LE", "UTF16BE", "GB18030"][which]).expect("it is supported");
        let text = pieces.concat();
        let utf8 = Plan { skip, eol: Eol::of_bytes(b"$|$"), ..plan(TEXT, SKIP) };
        let other = Plan { encoding: Some(encoding), ..utf8.clone() };
        let bytes = encoding.encode(&text);
        let expected = run(&Arc::new(utf8), text.as_bytes(), 1, 1 << 18);
        for tile_size in [1, 5, 1 << 18] {
            let found = run(&Arc::new(other.clone()), &bytes, 2, tile_size);
            prop_assert_eq!(&found.ids, &expected.ids);
            prop_assert_eq!(&found.failure, &expected.failure);
            prop_assert_eq!(found.counters.lines_skipped, expected.counters.lines_skipped);
            prop_assert_eq!(found.counters.bytes_read, bytes.len() as u64);
            for (one, other) in found.rejects.iter().zip(&expected.rejects) {
                let place = |offset: u64| encoding.encode(&text[..offset as usize]).len() as u64;
                prop_assert_eq!((one.line, one.byte_offset), (other.line, place(other.byte_offset)));
            }
            prop_assert_eq!(found.rejects.len(), expected.rejects.len());
        }
        // It looks for line ends among the bytes.
        if which == 0 || which == 3 {
            check_any(&other, &bytes);
        }
    }
}

/// More than is made text at a time, and than is read at a time.
#[test]
fn long_inputs() {
    let pieces: Vec<u8> = (0..40_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for name in ["GBK", "EUC_JP", "GB18030", "LATIN1", "UTF16BE"] {
        check(Encoding::find(name).expect("it is supported"), &pieces);
    }
}

#[test]
fn byte_order_marks() {
    let text = "id,name,amount,day\n1,中,5,2024-01-02\n2,n,x,2024-01-02\n";
    let loads = |name: &str, input: &[u8], skip| {
        let encoding = Encoding::find(name).expect("it is supported");
        let plan = Arc::new(Plan { encoding: Some(encoding), skip, ..plan(CSV, SKIP) });
        run(&plan, input, 1, 64)
    };
    for (name, mark) in [("UTF16LE", &b"\xff\xfe"[..]), ("UTF16BE", b"\xfe\xff"), ("GB18030", b"\x84\x31\x95\x33")] {
        let encoding = Encoding::find(name).expect("it is supported");
        let marked = [mark, &encoding.encode(text)].concat();
        let at = marked.len() - encoding.encode("2,n,x,2024-01-02\n").len();
        for name in if name == "GB18030" { vec![name] } else { vec![name, "UTF16"] } {
            let outcome = loads(name, &marked, 0);
            assert_eq!((outcome.failure, outcome.ids), (None, vec![1]));
            assert_eq!(outcome.rejects[0].byte_offset, at as u64);
            assert_eq!(outcome.counters.bytes_read, marked.len() as u64);
            assert_eq!(outcome.counters.encoding.map(Encoding::name), Some(encoding.name()));
            // A line is passed over, and what is then the header.
            let outcome = loads(name, &marked, 1);
            assert_eq!((outcome.ids, outcome.rejects[0].byte_offset), (vec![], at as u64));
        }
        assert_eq!(loads(name, &encoding.encode(text), 0).ids, [1]);
    }
    let unmarked = loads("UTF16", &Encoding::Utf16Le.encode(text), 0).failure.expect("it is refused");
    assert!(unmarked.contains("does not begin with a byte order mark"), "{unmarked}");
    let wrong = loads("UTF16BE", b"\xff\xfe1\0", 0).failure.expect("it is refused");
    assert!(wrong.contains("byte order mark"), "{wrong}");
    assert_eq!(loads("UTF16", b"", 0).failure, None);
}

#[test]
fn errors_are_in_the_words_of_postgresql() {
    let failure = |name: &str, value: &[u8]| {
        let encoding = Encoding::find(name).expect("it is supported");
        let plan = Arc::new(Plan { encoding: Some(encoding), ..plan(CSV, Tolerance::default()) });
        let input = [&encoding.encode("id,name,amount,day\n1,a,5,\n2,"), value].concat();
        run(&plan, &input, 1, 64).failure.expect("it is refused")
    };
    assert_eq!(failure("GBK", b"\x81"), "COPY t, line 3: invalid byte sequence for encoding \"GBK\": 0x81");
    assert_eq!(
        failure("GBK", b"\xa2\xe3,"),
        "COPY t, line 3: character with byte sequence 0xa2 0xe3 in encoding \"GBK\" has no equivalent in encoding \"UTF8\""
    );
    assert_eq!(
        failure("EUC_JP", b"\x8f\xa1,"),
        "COPY t, line 3: invalid byte sequence for encoding \"EUC_JP\": 0x8f 0xa1 0x2c"
    );
    assert_eq!(
        failure("UTF16LE", b"\x00\xd8,\0"),
        "COPY t, line 3: invalid byte sequence for encoding \"UTF16LE\": 0x00 0xd8"
    );
    assert_eq!(failure("UTF16LE", b"\x2c"), "COPY t, line 3: invalid byte sequence for encoding \"UTF16LE\": 0x2c");
    assert_eq!(
        failure("UTF16BE", b"\0\0"),
        "COPY t, line 3: invalid byte sequence for encoding \"UTF16BE\": 0x00 0x00"
    );
}
