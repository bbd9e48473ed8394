//! Speed of the scanner beside this machine's memory read bandwidth, both on one core.
//!
//! ```text
//! cargo run --profile quick -p copyist-scan --example scan_bench [-- [--json] [--megabytes N] [--repeat N]]
//! ```
//! Prints a table, or with `--json` one object per line. Sizes and speeds are decimal (1 GB = 10^9 bytes). Each
//! repetition first reads at least 1 GiB of the file's own buffer with the widest loads, then scans it: `ratio` is the
//! median of the ratios of the two within a repetition, so that a machine that is slower for a while is so for both.
//! Exits with 1 if the offsets of two kernels differ.

use copyist_scan::{Eol, Grammar, Isa, Scanner, Separator};
use std::fmt::Write;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

/// Input of a tiled scan: what a reader hands over at a time.
const TILE: usize = 256 * 1024;
/// Bytes read, at least, to measure the read bandwidth.
const MEMORY: usize = 1 << 30;

const CSV: Grammar = Grammar::Csv { delimiter: Separator::byte(b','), quote: b'"', escape: b'"' };
const CSV_BACKSLASH: Grammar = Grammar::Csv { delimiter: Separator::byte(b','), quote: b'"', escape: b'\\' };
const TEXT: Grammar = Grammar::Text { delimiter: Separator::byte(b'\t'), marker: true };

const TWO: Separator = Separator::byte(b'|').then(b'|');
const THREE: Separator = Separator::byte(b'$').then(b'^').then(b'&');
const TEN: Separator = THREE.then(b'$').then(b'^').then(b'&').then(b'|').then(b'+').then(b'|').then(b'!');

const fn csv_with(delimiter: Separator) -> Grammar {
    Grammar::Csv { delimiter, quote: b'"', escape: b'"' }
}

struct Options {
    json: bool,
    bytes: usize,
    repeat: usize,
}

fn options() -> Result<Options, String> {
    let mut options = Options { json: false, bytes: 360_000_000, repeat: 7 };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let value = arguments.next().and_then(|value| value.parse().ok()).filter(|value| *value > 0);
            value.ok_or_else(|| format!("{argument} needs a number above 0"))
        };
        match argument.as_str() {
            "--json" => options.json = true,
            "--megabytes" => options.bytes = number()? * 1_000_000,
            "--repeat" => options.repeat = number()?,
            // Passed by cargo bench and the like.
            "--bench" => {}
            _ => return Err(format!("unknown argument {argument}: use --json, --megabytes N, --repeat N")),
        }
    }
    Ok(options)
}

/// Marsaglia's xorshift: the same data in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

/// Appends formatted text; writing to a `String` cannot fail.
macro_rules! push {
    ($text:expr, $($argument:tt)*) => {{
        let _: std::fmt::Result = write!($text, $($argument)*);
    }};
}

fn push_timestamp(text: &mut String, id: u64) {
    let minutes = id * 7;
    let (day, minute) = (minutes / 1440, minutes % 1440);
    let (year, month, day) = (2020 + day / 336 % 8, day / 28 % 12 + 1, day % 28 + 1);
    push!(
        text,
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:06}",
        minute / 60,
        minute % 60,
        id % 60,
        id % 1_000_000
    );
}

/// id, timestamp, station, temperature, humidity, flag, note; 15 % of the notes are quoted, with commas, doubled quotes
/// and line breaks in them.
fn weather(bytes: usize) -> String {
    let (mut text, mut random) = (String::with_capacity(bytes + 200), Random(1));
    for id in 1.. {
        push!(text, "{id},");
        push_timestamp(&mut text, id);
        let (station, temperature) = (random.below(5000), random.below(6000) as f64 / 100.0 - 20.0);
        let (humidity, flag) = (random.below(101), if random.below(2) == 0 { "t" } else { "f" });
        push!(text, ",ST{station:05},{temperature:.2},{humidity},{flag},");
        match random.below(100) {
            0..5 => text.push_str("\"gusts, then calm\""),
            5..10 => text.push_str("\"observer said \"\"fog\"\" at noon\""),
            10..15 => text.push_str("\"line one\nline two, still inside\""),
            15..50 => text.push_str("clear sky"),
            50..75 => text.push_str("light rain in the evening"),
            _ => {}
        }
        text.push('\n');
        if text.len() >= bytes {
            break;
        }
    }
    text
}

/// Eight columns of short numbers, nothing quoted.
fn numeric(bytes: usize) -> String {
    let (mut text, mut random) = (String::with_capacity(bytes + 200), Random(2));
    while text.len() < bytes {
        for column in 0..8 {
            let end = if column == 7 { '\n' } else { ',' };
            match column % 4 {
                0 => push!(text, "{}{end}", random.below(10_000_000)),
                1 => push!(text, "{:.3}{end}", random.below(2_000_000) as f64 / 1000.0 - 1000.0),
                2 => push!(text, "{}{end}", random.below(1_000)),
                _ => push!(text, "{:.4}{end}", random.below(100_000_000) as f64 / 10_000.0),
            }
        }
    }
    text
}

/// Half of all fields quoted, with commas inside.
fn half_quoted(bytes: usize) -> String {
    let (mut text, mut random) = (String::with_capacity(bytes + 200), Random(3));
    while text.len() < bytes {
        for column in 0..8 {
            let end = if column == 7 { '\n' } else { ',' };
            let number = random.below(1_000_000);
            if random.below(2) == 0 {
                push!(text, "\"{number},{}\"{end}", number % 97);
            } else {
                push!(text, "{number}{end}");
            }
        }
    }
    text
}

/// The weather data in COPY's TEXT format: tabs, and escaped line breaks in place of quotes.
fn text_format(bytes: usize) -> String {
    let (mut text, mut random) = (String::with_capacity(bytes + 200), Random(4));
    for id in 1.. {
        push!(text, "{id}\t");
        push_timestamp(&mut text, id);
        let (station, temperature) = (random.below(5000), random.below(6000) as f64 / 100.0 - 20.0);
        push!(text, "\tST{station:05}\t{temperature:.2}\t{}\tt\t", random.below(101));
        match random.below(100) {
            0..10 => text.push_str("line one\\nline two, C:\\\\data"),
            10..20 => text.push_str("\\N"),
            20..60 => text.push_str("light rain in the evening"),
            _ => text.push_str("clear"),
        }
        text.push('\n');
        if text.len() >= bytes {
            break;
        }
    }
    text
}

/// The numbers with this between them.
fn numeric_with(delimiter: Separator, bytes: usize) -> String {
    let delimiter = String::from_utf8_lossy(delimiter.as_bytes()).into_owned();
    // As many records as there would be with commas.
    numeric(bytes).replace(',', &delimiter)
}

/// The weather data with backslashes in place of doubled quotes.
fn weather_backslash(bytes: usize) -> String {
    weather(bytes).replace("\"\"", "\\\"")
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Seconds that `work` takes.
fn time(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// Sum in lanes that do not wait for each other.
fn sum_plain(words: &[u64]) -> u64 {
    let mut sums = [0u64; 16];
    for chunk in words.as_chunks::<16>().0 {
        for (sum, word) in sums.iter_mut().zip(chunk) {
            *sum = sum.wrapping_add(*word);
        }
    }
    sums.into_iter().fold(0, u64::wrapping_add)
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{
        _mm256_add_epi64, _mm256_extract_epi64, _mm256_loadu_si256, _mm256_setzero_si256, _mm512_add_epi64,
        _mm512_loadu_si512, _mm512_reduce_add_epi64, _mm512_setzero_si512,
    };

    #[target_feature(enable = "avx2")]
    pub fn sum_avx2(words: &[u64]) -> u64 {
        let mut sums = [_mm256_setzero_si256(); 8];
        for chunk in words.as_chunks::<32>().0 {
            for (sum, four) in sums.iter_mut().zip(chunk.as_chunks::<4>().0) {
                // SAFETY: loads the four words of the reference.
                *sum = _mm256_add_epi64(*sum, unsafe { _mm256_loadu_si256(four.as_ptr().cast()) });
            }
        }
        let total = sums.into_iter().fold(_mm256_setzero_si256(), |total, sum| _mm256_add_epi64(total, sum));
        _mm256_extract_epi64::<0>(total).cast_unsigned()
    }

    #[target_feature(enable = "avx512f")]
    pub fn sum_avx512(words: &[u64]) -> u64 {
        let mut sums = [_mm512_setzero_si512(); 8];
        for chunk in words.as_chunks::<64>().0 {
            for (sum, eight) in sums.iter_mut().zip(chunk.as_chunks::<8>().0) {
                // SAFETY: loads the eight words of the reference.
                *sum = _mm512_add_epi64(*sum, unsafe { _mm512_loadu_si512(eight.as_ptr().cast()) });
            }
        }
        let total = sums.into_iter().fold(_mm512_setzero_si512(), |total, sum| _mm512_add_epi64(total, sum));
        _mm512_reduce_add_epi64(total).cast_unsigned()
    }
}

/// The ways to read memory that this CPU offers.
fn sums() -> Vec<fn(&[u64]) -> u64> {
    #[allow(unused_mut, reason = "only some architectures have more")]
    let mut sums: Vec<fn(&[u64]) -> u64> = vec![sum_plain];
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the CPU has AVX2.
            sums.push(|words| unsafe { wide::sum_avx2(words) });
        }
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the CPU has AVX-512 F.
            sums.push(|words| unsafe { wide::sum_avx512(words) });
        }
    }
    sums
}

/// Bytes a second one core reads of `data`, which is larger than the caches, the best way.
fn read_bandwidth(data: &[u8]) -> f64 {
    // SAFETY: every eight bytes are a `u64`.
    let (_, words, _) = unsafe { data.align_to::<u64>() };
    let passes = MEMORY.div_ceil(words.len() * 8);
    let seconds = sums().into_iter().map(|sum| {
        time(|| {
            for _ in 0..passes {
                black_box(sum(black_box(words)));
            }
        })
    });
    (passes * words.len() * 8) as f64 / seconds.fold(f64::INFINITY, f64::min)
}

/// FNV-1a over words.
fn hash(state: u64, offsets: &[u32], base: u64) -> u64 {
    offsets.iter().fold(state, |state, offset| (state ^ (base + u64::from(*offset))).wrapping_mul(0x0100_0000_01b3))
}

/// Calls `visit` with each tile: as many whole records as fit into it.
fn tiles(scanner: Scanner, data: &[u8], grammar: Grammar, mut visit: impl FnMut(usize, &[u8])) {
    let mut start = 0;
    while start < data.len() {
        let tile = &data[start..data.len().min(start + TILE)];
        let length = scanner.last_record_end(tile, grammar, Eol::Lf).unwrap_or(tile.len());
        visit(start, &tile[..length]);
        start += length;
    }
}

/// Medians over the repetitions of one way to scan.
struct Column {
    name: &'static str,
    /// Bytes a second.
    speed: f64,
    /// Speed over read bandwidth.
    ratio: f64,
}

/// One kernel on one file.
struct Measured {
    columns: Vec<Column>,
    bandwidth: f64,
    offsets_hash: u64,
}

fn measure(scanner: Scanner, data: &[u8], grammar: Grammar, repeat: usize) -> Measured {
    let mut bounds = Vec::new();
    let mut offsets = Vec::new();
    let mut offsets_hash = 0xcbf2_9ce4_8422_2325;
    tiles(scanner, data, grammar, |start, tile| {
        bounds.push(start..start + tile.len());
        scanner.index(tile, grammar, Eol::Lf, &mut offsets);
        offsets_hash = hash(offsets_hash, &offsets, start as u64);
    });
    // Grown to its size before the clock runs.
    scanner.index(data, grammar, Eol::Lf, &mut offsets);
    let mut bandwidths = Vec::new();
    let mut speeds = [const { Vec::new() }; 3];
    for _ in 0..repeat {
        bandwidths.push(read_bandwidth(data));
        let tiled = time(|| {
            for tile in &bounds {
                black_box(scanner.index(&data[tile.clone()], grammar, Eol::Lf, &mut offsets));
            }
        });
        let whole = time(|| {
            black_box(scanner.index(data, grammar, Eol::Lf, &mut offsets));
        });
        let split = time(|| {
            tiles(scanner, data, grammar, |_, tile| {
                black_box(scanner.index(tile, grammar, Eol::Lf, &mut offsets));
            });
        });
        for (speeds, seconds) in speeds.iter_mut().zip([tiled, whole, split]) {
            speeds.push(data.len() as f64 / seconds);
        }
    }
    let columns = ["tiled", "whole", "split"].into_iter().zip(speeds).map(|(name, speeds)| {
        let ratios = speeds.iter().zip(&bandwidths).map(|(speed, bandwidth)| speed / bandwidth).collect();
        Column { name, ratio: median(ratios), speed: median(speeds) }
    });
    Measured { columns: columns.collect(), bandwidth: median(bandwidths), offsets_hash }
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::FAILURE;
        }
    };
    if !options.json {
        println!(
            "One core, GB/s and in brackets the ratio to the memory read bandwidth. tiled: pieces of {TILE} bytes;"
        );
        println!("whole: the buffer at once; split: pieces whose last record end is looked for first.");
    }
    type Generate = fn(usize) -> String;
    let files: [(&str, Grammar, Generate); 10] = [
        ("weather", CSV, weather),
        ("numeric", CSV, numeric),
        ("half_quoted", CSV, half_quoted),
        ("text", TEXT, text_format),
        ("weather_backslash", CSV_BACKSLASH, weather_backslash),
        ("numeric_2_bytes", csv_with(TWO), |bytes| numeric_with(TWO, bytes)),
        ("numeric_3_bytes", csv_with(THREE), |bytes| numeric_with(THREE, bytes)),
        ("numeric_10_bytes", csv_with(TEN), |bytes| numeric_with(TEN, bytes)),
        ("text_2_bytes", Grammar::Text { delimiter: TWO, marker: true }, |bytes| {
            text_format(bytes).replace('\t', "||")
        }),
        ("weather_2_bytes", csv_with(TWO), |bytes| weather(bytes).replace(',', "||")),
    ];
    let mut differs = false;
    for (file, grammar, generate) in files {
        let data = generate(options.bytes).into_bytes();
        let mut expected = None;
        for isa in Scanner::available() {
            let Some(scanner) = Scanner::with(isa) else { continue };
            let measured = measure(scanner, &data, grammar, options.repeat);
            let equal = *expected.get_or_insert(measured.offsets_hash) == measured.offsets_hash;
            differs |= !equal;
            print_measured(&options, file, isa, data.len(), &measured, equal);
        }
    }
    if differs {
        eprintln!("the offsets of two kernels differ");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn print_measured(options: &Options, file: &str, isa: Isa, bytes: usize, measured: &Measured, equal: bool) {
    let mut line = String::new();
    let bandwidth = measured.bandwidth / 1e9;
    if options.json {
        push!(line, "{{\"file\":\"{file}\",\"bytes\":{bytes},\"isa\":\"{isa}\",\"offsets_equal_scalar\":{equal}");
        push!(line, ",\"read_bandwidth_gb_s\":{bandwidth:.2}");
        for Column { name, speed, ratio } in &measured.columns {
            push!(line, ",\"{name}_gb_s\":{:.2},\"{name}_ratio\":{ratio:.3}", speed / 1e9);
        }
        line.push('}');
    } else {
        push!(line, "{file:17} {:6} memory {bandwidth:5.1}", isa.name());
        for Column { name, speed, ratio } in &measured.columns {
            push!(line, " | {name} {:5.2} ({ratio:.2})", speed / 1e9);
        }
        line.push_str(if equal { "" } else { "  OFFSETS DIFFER" });
    }
    println!("{line}");
}
