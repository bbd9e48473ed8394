//! Several inputs in one load: what comes out is what comes out of each by itself, one after the other, however they are cut.
#![cfg(feature = "arrow")]

mod outcome;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use copyist_encoding::Encoding;
use copyist_format::{FieldMap, Header, Layout, Origin, Plan, Tolerance};
use copyist_transcode::{ChunkData, Failure, FileCounters, Input, Load, LocalFile, Next, Order, Pushed, Sink, Source};
use outcome::{CSV, Expected, SKIP, TEXT, in_memory, outcome, plan, run, seen, specification, start_all};
use proptest::prelude::*;

const CUTS: [(usize, usize); 5] = [(1, 1), (2, 16), (3, 50), (2, 400), (2, 1 << 18)];

fn named(inputs: &[Vec<u8>]) -> Vec<Input> {
    let input = |(index, bytes): (usize, &Vec<u8>)| Input::new(format!("f{index}"), in_memory(bytes));
    inputs.iter().enumerate().map(input).collect()
}

/// Everything that must be the same: rows, refused records with their inputs, what each input counts, and the failure.
fn check(plan: &Plan, inputs: &[Vec<u8>]) {
    let plan = Arc::new(plan.clone());
    let (mut ids, mut rejects, mut failure) = (Vec::new(), Vec::new(), None);
    let mut files: Vec<FileCounters> = Vec::new();
    for (index, input) in inputs.iter().enumerate() {
        let alone = run(&plan, input, 1, 1 << 18);
        ids.extend(alone.ids);
        rejects.extend(seen(&alone.rejects).into_iter().map(|reject| (index as u32, reject)));
        let counters = alone.counters;
        files.push(FileCounters {
            bytes_read: counters.bytes_read,
            rows_read: counters.rows_read,
            header_lines: counters.header_lines,
            lines_skipped: counters.lines_skipped,
            rows_refused: counters.rows_refused,
            rows_passed_over: counters.rows_passed_over,
            blank_lines: counters.blank_lines,
            rows_mended: counters.rows_mended,
            bytes_replaced: counters.bytes_replaced,
        });
        if let Some(message) = alone.failure {
            failure = Some((index as u32, message));
            break;
        }
    }
    for (threads, tile_size) in CUTS {
        let load = start_all(&plan, Sink::Arrow, named(inputs), threads, tile_size);
        let all = outcome(&load);
        assert_eq!(all.failure, failure.as_ref().map(|(_, message)| message.clone()), "tiles of {tile_size}");
        let placed: Vec<(u32, Expected)> =
            all.rejects.iter().map(|reject| reject.file).zip(seen(&all.rejects)).collect();
        assert_eq!(placed, rejects, "tiles of {tile_size}");
        assert!(all.rejects.is_sorted_by(|a, b| a.position < b.position), "positions ascend");
        if failure.is_none() {
            assert_eq!(all.ids, ids, "tiles of {tile_size}");
            let read: Vec<_> = load.files().into_iter().map(|f| FileCounters { bytes_read: 0, ..f }).collect();
            let expected: Vec<_> = files.iter().map(|f| FileCounters { bytes_read: 0, ..*f }).collect();
            assert_eq!(read, expected, "tiles of {tile_size}");
        }
        // The other sinks take several small inputs at a time.
        let text = Arc::new(Plan { layout: Layout::PgText, ..(*plan).clone() });
        let (found, failed) = messages(&start_all(&text, Sink::PgText, named(inputs), threads, tile_size));
        assert_eq!(failed.and_then(|failure| failure.file), failure.as_ref().map(|(file, _)| *file));
        if failure.is_none() {
            let alone = inputs.iter().flat_map(|input| outcome::text_of(&text, input).into_bytes());
            assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(&alone.collect::<Vec<_>>()));
        }
    }
}

/// The contents of all CopyData messages, and why there are no more.
fn messages(load: &Load) -> (Vec<u8>, Option<Failure>) {
    let mut bytes = Vec::new();
    loop {
        match load.try_next(Duration::from_secs(60)) {
            Next::Chunk(chunk) => {
                let ChunkData::Messages(message) = &chunk.data else { panic!("it makes messages") };
                assert_eq!(message[1..5], ((message.len() - 1) as u32).to_be_bytes());
                bytes.extend_from_slice(&message[5..]);
                load.recycle(chunk.data);
            }
            Next::Rejects => {
                drop(load.take_rejects(usize::MAX));
            }
            Next::Pending => panic!("the load does not go on"),
            Next::End => return (bytes, None),
            Next::Failed(failure) => return (bytes, Some(*failure)),
        }
    }
}

fn record(kind: u8, id: usize) -> String {
    match kind % 11 {
        0 => format!("{id},x,notanumber,2024-01-01\n"),
        1 => format!("{id},\"two\nlines\",5,2024-01-01\n"),
        2 => format!("{id},only three,5\n"),
        3 => format!("{id},\"open,5,2024-01-01\n"),
        4 => format!("{id},ż,,2024-01-01\n"),
        5 => format!("{id},crlf,5,2024-01-01\r\n"),
        _ => format!("{id},\"a, \"\"b\"\"\",5,2024-01-01\n"),
    }
}

const HEADER: &str = "id,name,amount,day";

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn inputs_are_as_each_by_itself(
        files in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..9), any::<u8>()), 1..7),
        tolerates in any::<bool>(),
    ) {
        let inputs: Vec<Vec<u8>> = files.iter().enumerate().map(|(file, (kinds, form))| {
            if form % 7 == 0 {
                return Vec::new();
            }
            let mut text = format!("{}{HEADER}\n", if form % 7 == 1 { "\u{feff}" } else { "" });
            for (row, kind) in kinds.iter().enumerate() {
                // Without tolerance most files should go well, and of values that travel as text only the server says that they are none.
                let kind = if tolerates || (1..8).contains(kind) { *kind } else { 6 };
                text += &record(kind, file * 100 + row);
            }
            if form % 2 == 0 && text.ends_with('\n') {
                text.pop();
            }
            text.into_bytes()
        }).collect();
        let tolerance = if tolerates { SKIP } else { copyist_format::Tolerance::default() };
        check(&plan(CSV, tolerance), &inputs);
    }

    #[test]
    fn an_end_marker_ends_its_input_only(
        files in prop::collection::vec((0..12usize, 0..12usize, any::<bool>()), 1..5),
    ) {
        let inputs: Vec<Vec<u8>> = files.iter().enumerate().map(|(file, &(before, behind, is_junk))| {
            let rows = |from: usize, count| (from..from + count).map(|id| format!("{id}\tn\t1\t2024-01-01\n"));
            let mut text: String = rows(file * 100, before).collect();
            if behind > 0 {
                text += "\\.\n";
                text.extend(rows(file * 100 + 50, behind));
                if is_junk {
                    text += "no\trow\n";
                }
            }
            text.into_bytes()
        }).collect();
        check(&Plan { header: Header::No, ..plan(TEXT, copyist_format::Tolerance::default()) }, &inputs);
    }

    #[test]
    fn records_are_numbered_across_inputs(counts in prop::collection::vec(0..9usize, 1..6), ended in any::<bool>()) {
        let mut plain = Plan { header: Header::No, ..plan(TEXT, copyist_format::Tolerance::default()) };
        plain.columns[0].origin = Origin::Sequence { start: 10, increment: 2 };
        plain.map = Some(FieldMap { names: vec!["a".into(), "b".into(), "c".into()], columns: vec![FieldMap::NONE, 0, 1, 2] });
        let inputs: Vec<Vec<u8>> = counts.iter().map(|&count| {
            let mut text = "n\t1\t2024-01-01\n".repeat(count);
            if ended {
                text += "\\.\nx\t2\t2024-01-01\nx\t2\t2024-01-01\n";
            }
            text.into_bytes()
        }).collect();
        let total = counts.iter().sum::<usize>() as i64;
        for (threads, tile_size) in CUTS {
            let all = outcome(&start_all(&Arc::new(plain.clone()), Sink::Arrow, named(&inputs), threads, tile_size));
            prop_assert_eq!(all.failure, None);
            prop_assert_eq!(all.ids, (0..total).map(|row| 10 + 2 * row).collect::<Vec<_>>());
        }
    }
}

fn failure_of(plan: &Plan, inputs: &[Vec<u8>]) -> Failure {
    let plan = Arc::new(Plan { layout: Layout::PgText, ..plan.clone() });
    messages(&start_all(&plan, Sink::PgText, named(inputs), 2, 1 << 18)).1.expect("it fails")
}

#[test]
fn headers_are_compared() {
    let strict = plan(CSV, copyist_format::Tolerance::default());
    let first = format!("{HEADER}\n1,a,1,2024-01-01\n").into_bytes();
    let check = |other: &str, detail: &str| {
        let failure = failure_of(&strict, &[first.clone(), Vec::new(), other.as_bytes().to_vec()]);
        assert_eq!(failure.error.message, "the header of file \"f2\" differs from that of file \"f0\"");
        assert_eq!((failure.error.detail.as_deref(), failure.file, failure.line), (Some(detail), Some(2), Some(1)));
    };
    check("name,id,amount,day\na,1,1,2024-01-01\n", "Field 1 is \"name\", and \"id\" there.");
    check("id,name,amount\n1,a,1\n", "Field 4 is missing, and \"day\" there.");
    check("id,name,amount,day,x\n1,a,1,2024-01-01,2\n", "Field 5 is \"x\", and missing there.");
    // The same header, written otherwise.
    let same = [first.clone(), b"\"id\",name,\"amount\",day\r\n2,a,1,2024-01-01\r\n".to_vec()];
    let all = outcome(&start_all(&Arc::new(strict.clone()), Sink::Arrow, named(&same), 2, 1 << 18));
    assert_eq!((all.failure, all.ids), (None, vec![1, 2]));
}

#[test]
fn fields_are_found_by_their_names_in_each_input() {
    let mut plain = plan(CSV, copyist_format::Tolerance::default());
    plain.map = Some(FieldMap { names: HEADER.split(',').map(str::to_owned).collect(), columns: vec![0, 1, 2, 3] });
    let rows: String = (0..50).map(|id| format!("2024-01-01,{id},n,5\n")).collect();
    let inputs = [
        format!("{HEADER}\n100,a,1,2024-01-01\n").into_bytes(),
        format!("day,id,name,amount\n{rows}").into_bytes(),
        format!("{}\n200,a,1,2024-01-01\n", HEADER.to_uppercase()).into_bytes(),
    ];
    for (threads, tile_size) in CUTS {
        let start = |sink, plan: &Plan| {
            copyist_transcode::Load::start(copyist_transcode::Specification {
                maps_by_name: true,
                ..specification(plan, sink, named(&inputs), threads, tile_size)
            })
        };
        let load = start(Sink::Arrow, &plain);
        let all = outcome(&load);
        assert_eq!(all.failure, None);
        let fields = load.fields_of(1).map(|names| names.join(","));
        assert_eq!((load.fields_of(0), fields.as_deref(), load.fields_of(2)), (None, Some("day,id,name,amount"), None));
        assert_eq!(all.ids, std::iter::once(100).chain(0..50).chain([200]).collect::<Vec<_>>());
    }
    // Some rows of each, below one header line, with the order that each is in.
    let parts = [("100,a,1,2024-01-01\n", HEADER), (&rows, "day,id,name,amount"), ("200,a,1,2024-01-01\n", HEADER)];
    let mut together = "\n".to_owned();
    let orders = parts.map(|(rows, names)| {
        let start = together.len() as u64;
        together.push_str(rows);
        Order { start, names: names.split(',').map(str::to_owned).collect() }
    });
    for (from, width) in [(0, 1), (1, 2)] {
        // The first order is that of the header, whether it is told or not; bytes as they are, and two for each.
        let bytes = together.bytes().flat_map(|byte| [byte, 0].into_iter().take(width)).collect::<Vec<_>>();
        let orders = orders[from..].iter().map(|order| Order { start: order.start * width as u64, ..order.clone() });
        let encoding = (width == 2).then(|| Encoding::find("UTF16LE")).flatten();
        let plain = Plan { encoding, ..plain.clone() };
        for (threads, tile_size) in CUTS {
            let input = Input { orders: orders.clone().collect(), ..Input::new("t", in_memory(&bytes)) };
            let all = outcome(&start_all(&Arc::new(plain.clone()), Sink::Arrow, vec![input], threads, tile_size));
            assert_eq!((all.failure, all.ids), (None, std::iter::once(100).chain(0..50).chain([200]).collect()));
        }
    }
    let other = [inputs[0].clone(), b"id,name,amount,dey\n1,a,1,2024-01-01\n".to_vec()];
    let load = Load::start(copyist_transcode::Specification {
        maps_by_name: true,
        ..specification(&plain, Sink::Arrow, named(&other), 1, 1 << 18)
    });
    let Some(failure) = std::iter::repeat_with(|| load.try_next(Duration::from_secs(60))).find_map(|next| match next {
        Next::Failed(failure) => Some(failure),
        _ => None,
    }) else {
        panic!("it fails")
    };
    assert_eq!(failure.error.detail.as_deref(), Some("It has no field \"day\"."));
}

/// A folder that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("copyist-inputs-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("the folder is made");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

#[test]
fn files_are_opened_in_their_turn() {
    let folder = Folder::new("turn");
    let plan = Arc::new(Plan { layout: Layout::PgText, ..plan(CSV, copyist_format::Tolerance::default()) });
    let input = |name: &str| {
        let path = folder.0.join(name);
        Input::new(name, Source::Path(path))
    };
    fs::write(folder.0.join("a"), format!("{HEADER}\n1,a,1,2024-01-01\n")).expect("a file is written");
    let failure = |inputs| messages(&start_all(&plan, Sink::PgText, inputs, 2, 1 << 18)).1.expect("it fails");
    let missing = failure(vec![input("a"), input("b"), input("a")]);
    assert_eq!(missing.error.message, "could not open file \"b\" for reading: No such file or directory");
    assert_eq!(missing.file, Some(1));
    fs::create_dir(folder.0.join("c")).expect("a folder is made");
    let folder_failure = failure(vec![input("a"), input("c")]);
    assert_eq!((&*folder_failure.error.message, folder_failure.file), ("\"c\" is a directory", Some(1)));
    let (bytes, failed) = messages(&start_all(&plan, Sink::PgText, vec![input("a"), input("a")], 2, 1 << 18));
    assert!(failed.is_none());
    assert_eq!(String::from_utf8_lossy(&bytes), "1\ta\t1\t2024-01-01\n".repeat(2));
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).expect("it is written");
    encoder.finish().expect("it is written")
}

/// A stream that comes in small pieces.
fn pushed(bytes: &[u8]) -> Source {
    let queue = Pushed::new(1 << 20, Box::new(|| {}));
    for piece in bytes.chunks(7) {
        queue.push(piece.to_vec());
    }
    queue.end();
    Source::Pushed(queue)
}

#[test]
fn compressed_inputs_are_as_their_text() {
    let folder = Folder::new("gzip");
    let plan = Arc::new(plan(CSV, SKIP));
    let text: String = (0..60_000).map(|row| record(if row % 1000 == 7 { 2 } else { 6 }, row)).collect();
    let text = format!("{HEADER}\n{text}").into_bytes();
    let expected = run(&plan, &text, 1, 1 << 18);
    // Of several members, which may end anywhere.
    let (head, tail) = text.split_at(text.len() / 3);
    let bytes = [gzip(head), gzip(b""), gzip(tail)].concat();
    fs::write(folder.0.join("a.gz"), &bytes).expect("a file is written");
    let opened = || Source::File(LocalFile::open(folder.0.join("a.gz"), "a").expect("it is there"));
    let sources: [fn(&Folder, &[u8]) -> Source; 3] =
        [|folder, _| Source::Path(folder.0.join("a.gz")), |_, bytes| in_memory(bytes), |_, bytes| pushed(bytes)];
    let all = sources.iter().map(|source| source(&folder, &bytes)).chain([opened()]);
    for source in all {
        let load = start_all(&plan, Sink::Arrow, Input::only("a", source), 2, 1 << 16);
        let found = outcome(&load);
        assert_eq!(found.failure, None);
        assert_eq!((found.ids, seen(&found.rejects)), (expected.ids.clone(), seen(&expected.rejects)));
        assert_eq!(found.counters.bytes_read, bytes.len() as u64);
    }
    // Beside others.
    let plain = format!("{HEADER}\n1,a,1,2024-01-01\n").into_bytes();
    let inputs = || {
        let sources =
            [in_memory(&plain), in_memory(&gzip(&plain)), Source::Path(folder.0.join("a.gz")), pushed(&plain)];
        sources.into_iter().map(|source| Input::new("x", source)).collect()
    };
    let load = start_all(&plan, Sink::Arrow, inputs(), 2, 1 << 16);
    let found = outcome(&load);
    assert_eq!((found.failure, found.ids.len()), (None, expected.ids.len() + 3));
    assert_eq!(load.files().iter().map(|file| file.rows_read).collect::<Vec<_>>(), [1, 1, 60_000, 1]);
}

#[test]
fn an_input_that_breaks_off_is_an_error_after_its_rows() {
    let plan = Arc::new(plan(CSV, SKIP));
    let text: String = (0..60_000).map(|row| record(6, row)).collect();
    let bytes = gzip(format!("{HEADER}\n{text}").as_bytes());
    for cut in [bytes.len() - 1, bytes.len() / 2, 11] {
        for source in [in_memory(&bytes[..cut]), pushed(&bytes[..cut])] {
            let found = outcome(&start_all(&plan, Sink::Arrow, Input::only("a.gz", source), 2, 1 << 16));
            assert_eq!(found.failure.as_deref(), Some(": file \"a.gz\" ends in the midst of its gzip data"));
        }
    }
}

#[test]
fn a_load_of_a_silent_compressed_stream_can_be_dropped() {
    let plan = Arc::new(plan(CSV, SKIP));
    for start in [&b""[..], b"\x1f", &gzip(b"id,name\n")[..12]] {
        let queue = Pushed::new(1 << 20, Box::new(|| {}));
        queue.push(start.to_vec());
        let load = start_all(&plan, Sink::Arrow, Input::only("a", Source::Pushed(queue)), 2, 1 << 16);
        assert!(matches!(load.try_next(Duration::from_millis(20)), Next::Pending));
        let started = std::time::Instant::now();
        drop(load);
        assert!(started.elapsed() < Duration::from_secs(1));
    }
}

#[test]
fn a_fault_is_told_while_the_next_input_is_silent() {
    let read = Arc::new(plan(CSV, SKIP));
    let strict = Arc::new(plan(CSV, Tolerance::default()));
    // One that breaks off, and one with a bad record.
    for (plan, bytes, is_broken) in
        [(&read, "id,name,n,d\n", true), (&strict, "id,name,n,d\nx,a,1,2024-01-01\n", false)]
    {
        for turn in 0..50 {
            let (failing, silent) = (Pushed::new(1 << 20, Box::new(|| {})), Pushed::new(1 << 20, Box::new(|| {})));
            failing.push(bytes.as_bytes().to_vec());
            let inputs = [&failing, &silent].map(|queue| Input::new("a", Source::Pushed(Arc::clone(queue)))).into();
            let load = start_all(plan, Sink::Arrow, inputs, 8, 1 << 16);
            // The others wait for the one that reads.
            while !matches!(load.try_next(Duration::from_millis(2)), Next::Pending) {}
            if is_broken {
                failing.fail("gone".into());
            } else {
                failing.end();
            }
            let next = load.try_next(Duration::from_secs(5));
            silent.cancel();
            assert!(matches!(next, Next::Failed(_)), "{turn}: {next:?}");
        }
    }
}
