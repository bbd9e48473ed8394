//! Decodes a CSV file with a header, or a file of fixed-width fields without one, to Arrow record batches and says how long it took.
//!
//! ```text
//! decode_bench FILE --columns NAME:TYPE[:OFFSET:LENGTH],… [--text] [--delimiter BYTES] [--encoding NAME] [--threads N] [--repeat N] [--json]
//! ```
//! The fields of a fixed-width file have places in bytes, from 0. With `--text` the file is in PostgreSQL's TEXT, with a header. TYPE is one of bigint, int4, float8, bool, text, timestamp. The time is the median of the repetitions, each a whole
//! load whose batches are dropped. Before them, outside the time, one load computes the checksum: the number of rows and
//! for every column the sum of its values (timestamps in microseconds since 2020-01-01, floats times 100 and rounded, true as 1,
//! text by its length in bytes) and its NULLs, separated by slashes.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use copyist_core::{Session, Type};
use copyist_datetime::Context;
use copyist_encoding::Encoding;
use copyist_format::{ColumnPlan, Escapes, Fixed, FixedField, Header, Layout, Plan, Tolerance, Unit};
use copyist_scan::{Grammar, Scanner, Separator};
use copyist_transcode::{ChunkData, Limits, Load, LocalFile, Next, Sink, Source, Specification};

/// 2020-01-01 00:00:00 in microseconds since 1970.
const EPOCH_MICROS: i64 = 1_577_836_800_000_000;
const TILE: usize = 512 * 1024;
const MAX_RECORD: usize = 64 << 20;

struct Options {
    path: String,
    columns: Vec<(String, Type)>,
    places: Vec<FixedField>,
    is_text: bool,
    delimiter: Separator,
    threads: usize,
    repeat: usize,
    json: bool,
    encoding: Option<Encoding>,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        path: String::new(),
        columns: Vec::new(),
        places: Vec::new(),
        is_text: false,
        delimiter: Separator::byte(b','),
        threads: 1,
        repeat: 1,
        json: false,
        encoding: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match &*argument {
            "--columns" => {
                for text in value()?.split(',') {
                    let (column, place) = column(text)?;
                    options.columns.push(column);
                    options.places.extend(place);
                }
            }
            "--text" => options.is_text = true,
            "--delimiter" => {
                let bytes = value()?;
                options.delimiter = Separator::new(bytes.as_bytes()).ok_or("a delimiter has one to ten bytes")?;
            }
            "--threads" => options.threads = number(&value()?)?,
            "--repeat" => options.repeat = number(&value()?)?,
            "--encoding" => {
                let name = value()?;
                options.encoding = Some(Encoding::find(&name).ok_or_else(|| format!("unknown encoding {name}"))?);
            }
            "--json" => options.json = true,
            _ => options.path = argument,
        }
    }
    let is_partial = !options.places.is_empty() && options.places.len() != options.columns.len();
    if options.path.is_empty() || options.columns.is_empty() || is_partial {
        return Err(
            "usage: decode_bench FILE --columns NAME:TYPE[:OFFSET:LENGTH],… [--text] [--delimiter BYTES] [--encoding NAME] [--threads N] [--repeat N] [--json]"
                .into(),
        );
    }
    Ok(options)
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| format!("{text} is not a number above 0"))
}

fn column(text: &str) -> Result<((String, Type), Option<FixedField>), String> {
    let parts: Vec<&str> = text.split(':').collect();
    let (name, kind, place) = match *parts {
        [name, kind] => (name, kind, None),
        [name, kind, offset, length] => {
            let number = |text: &str| text.parse::<u32>().map_err(|_| format!("{text} is no place in a line"));
            (name, kind, Some(FixedField { offset: number(offset)?, length: number(length)? }))
        }
        _ => return Err(format!("{text} is not NAME:TYPE or NAME:TYPE:OFFSET:LENGTH")),
    };
    let kind = match kind {
        "bigint" => Type::Int8,
        "int4" => Type::Int4,
        "float8" => Type::Float8,
        "bool" => Type::Bool,
        "text" => Type::Text,
        "timestamp" => Type::Timestamp(None),
        _ => return Err(format!("unknown type {kind}")),
    };
    Ok(((name.to_owned(), kind), place))
}

fn plan(Options { columns, places, is_text, delimiter, encoding, .. }: &Options) -> Result<Plan, String> {
    let (delimiter, is_fixed) = (*delimiter, !places.is_empty());
    Ok(Plan {
        scanner: Scanner::detect(),
        grammar: match (is_fixed, is_text) {
            (true, _) => Grammar::Plain { delimiter: None },
            (_, true) => Grammar::Text { delimiter, marker: true },
            _ => Grammar::Csv { delimiter, quote: b'"', escape: b'"' },
        },
        eol: None,
        null: if *is_text { b"\\N".to_vec() } else { Vec::new() },
        default: None,
        header: if is_fixed { Header::No } else { Header::Skip },
        skip: 0,
        encoding: *encoding,
        escapes: Escapes::Sequences,
        has_comma: false,
        truncates_decimals: false,
        unpads_quotes: false,
        columns: columns
            .iter()
            .map(|(name, ty)| ColumnPlan { ty: ty.clone(), ..ColumnPlan::of_text(name.clone(), false) })
            .collect(),
        conditions: Vec::new(),
        passes_blank_lines: false,
        map: None,
        fixed: is_fixed.then(|| Fixed { fields: places.clone(), unit: Unit::Bytes, end: 0 }),
        is_binary: false,
        relation: String::new(),
        tolerance: Tolerance::default(),
        layout: Layout::Arrow,
        context: Arc::new(Context::new(&Session::default()).map_err(|error| error.to_string())?),
    })
}

/// Loads the whole file and hands each batch to `visit`. Returns the bytes read.
fn load(plan: &Arc<Plan>, path: &str, threads: usize, mut visit: impl FnMut(&RecordBatch)) -> Result<u64, String> {
    let load = Load::start(Specification {
        plan: Arc::clone(plan),
        sink: Sink::Arrow,
        inputs: copyist_transcode::Input::only(
            path.to_owned(),
            Source::File(LocalFile::open(path, path).map_err(|error| format!("{path}: {error}"))?),
        ),
        maps_by_name: false,
        table: "benchmark".into(),
        limits: Limits {
            threads,
            tile_size: TILE,
            window: threads + 12,
            max_record: MAX_RECORD,
            max_bytes: usize::MAX,
            max_rejects: 0,
        },
        is_framed: true,
        keeps_records: false,
        on_ready: Box::new(|| {}),
    });
    loop {
        match load.try_next(Duration::from_secs(60)) {
            Next::Chunk(chunk) => {
                if let ChunkData::Arrow(batch) = &chunk.data {
                    visit(batch);
                }
                load.recycle(chunk.data);
            }
            Next::Pending | Next::Rejects => {}
            Next::End => return Ok(load.counters().bytes_read),
            Next::Failed(failure) => {
                return Err(format!("{}: {}", failure.context.unwrap_or_default(), failure.error));
            }
        }
    }
}

/// Sum and NULLs of each column.
struct Checksum {
    rows: usize,
    columns: Vec<(i128, usize)>,
}

impl Checksum {
    fn add(&mut self, types: &[(String, Type)], batch: &RecordBatch) {
        self.rows += batch.num_rows();
        for (((_, ty), array), (sum, nulls)) in types.iter().zip(batch.columns()).zip(&mut self.columns) {
            *nulls += array.null_count();
            *sum += sum_of(ty, array.as_ref());
        }
    }

    fn print(&self) -> String {
        self.columns.iter().fold(self.rows.to_string(), |text, (sum, nulls)| format!("{text}/{sum}/{nulls}"))
    }
}

fn sum_of(ty: &Type, array: &dyn Array) -> i128 {
    match ty {
        Type::Int8 => array.as_primitive::<Int64Type>().iter().flatten().map(i128::from).sum(),
        Type::Int4 => array.as_primitive::<Int32Type>().iter().flatten().map(i128::from).sum(),
        Type::Float8 => {
            array.as_primitive::<Float64Type>().iter().flatten().map(|value| (value * 100.0).round() as i128).sum()
        }
        Type::Timestamp(_) => array
            .as_primitive::<TimestampMicrosecondType>()
            .iter()
            .flatten()
            .map(|micros| i128::from(micros - EPOCH_MICROS))
            .sum(),
        Type::Bool => array.as_boolean().iter().flatten().map(i128::from).sum(),
        _ => array.as_string::<i32>().iter().flatten().map(|text| text.len() as i128).sum(),
    }
}

fn run() -> Result<(), String> {
    let options = options()?;
    let plan = Arc::new(plan(&options)?);
    let Options { path, columns, threads, repeat, json, .. } = options;
    let mut checksum = Checksum { rows: 0, columns: vec![(0, 0); columns.len()] };
    let bytes = load(&plan, &path, threads, |batch| checksum.add(&columns, batch))?;
    let mut seconds = Vec::with_capacity(repeat);
    for _ in 0..repeat {
        let started = Instant::now();
        load(&plan, &path, threads, |_| {})?;
        seconds.push(started.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    let (rows, checksum) = (checksum.rows, checksum.print());
    if json {
        println!(
            "{{\"rows\":{rows},\"bytes\":{bytes},\"threads\":{threads},\"seconds\":{median:.6},\"checksum\":\"{checksum}\"}}"
        );
    } else {
        let speed = bytes as f64 / median / 1e9;
        println!("{rows} rows, {median:.3} s, {speed:.2} GB/s, {threads} threads; checksum {checksum}");
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
