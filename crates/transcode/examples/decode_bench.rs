//! Decodes a CSV of the weather shape to Arrow record batches and says how long it took.
//!
//! `decode_bench FILE [--threads N] [--reps N] [--json]`

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use copyist_core::{Session, Type};
use copyist_datetime::Context;
use copyist_format::{ColumnPlan, Header, Layout, Plan};
use copyist_scan::{Grammar, Scanner};
use copyist_transcode::{ChunkData, Limits, Load, Next, Sink, Source, Specification};

fn main() {
    let mut path = None;
    let (mut threads, mut reps, mut json) = (1, 1, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|n| n.parse().ok()).expect("a number");
        match &*argument {
            "--threads" => threads = number(),
            "--reps" => reps = number(),
            "--json" => json = true,
            _ => path = Some(argument),
        }
    }
    let path = path.expect("usage: decode_bench FILE [--threads N] [--reps N] [--json]");
    let columns = [
        ("id", Type::Int8),
        ("ts", Type::Timestamp(None)),
        ("station", Type::Text),
        ("temperature", Type::Float8),
        ("humidity", Type::Int4),
        ("flag", Type::Bool),
        ("note", Type::Text),
    ];
    let plan = Arc::new(Plan {
        scanner: Scanner::detect(),
        grammar: Grammar::Csv { delimiter: b',', quote: b'"', escape: b'"' },
        null: Vec::new(),
        default: None,
        header: Header::Skip,
        columns: columns
            .into_iter()
            .map(|(name, ty)| ColumnPlan {
                name: name.to_owned(),
                ty,
                force_not_null: false,
                force_null: false,
                has_default: false,
            })
            .collect(),
        layout: Layout::Arrow,
        context: Arc::new(Context::new(&Session::default()).expect("UTC is known")),
    });
    for _ in 0..reps {
        let started = Instant::now();
        let load = Load::start(Specification {
            plan: Arc::clone(&plan),
            sink: Sink::Arrow,
            source: Source::File(std::fs::File::open(&path).expect("the file opens")),
            name: path.clone(),
            table: "weather".into(),
            limits: Limits { threads, tile_size: 256 * 1024, window: threads + 4, max_record: 1 << 26 },
            on_ready: Box::new(|| {}),
        });
        let (mut rows, mut ids, mut humidity, mut temperature, mut text) = (0u64, 0i64, 0i64, 0f64, 0usize);
        loop {
            match load.try_next(Duration::from_secs(60)) {
                Next::Chunk(chunk) => {
                    rows += chunk.rows;
                    let ChunkData::Arrow(batch) = &chunk.data else { continue };
                    ids += batch.column(0).as_primitive::<Int64Type>().iter().flatten().sum::<i64>();
                    temperature += batch.column(3).as_primitive::<Float64Type>().iter().flatten().sum::<f64>();
                    humidity +=
                        batch.column(4).as_primitive::<Int32Type>().iter().flatten().map(i64::from).sum::<i64>();
                    text += batch.column(6).as_string::<i32>().value_data().len();
                    load.recycle(chunk.data);
                }
                Next::Pending => {}
                Next::End => break,
                Next::Failed(failure) => {
                    eprintln!("{}: {}", failure.context.unwrap_or_default(), failure.error);
                    std::process::exit(1);
                }
            }
        }
        let seconds = started.elapsed().as_secs_f64();
        let bytes = load.counters().bytes_read;
        if json {
            println!(
                "{{\"rows\":{rows},\"seconds\":{seconds:.6},\"bytes\":{bytes},\"threads\":{threads},\"checksum\":{{\"id\":{ids},\"temperature\":{temperature:.3},\"humidity\":{humidity},\"noteBytes\":{text}}}}}"
            );
        } else {
            println!(
                "{rows} rows, {seconds:.3} s, {:.2} GB/s, {threads} threads; id {ids}, temperature {temperature:.3}, humidity {humidity}, note bytes {text}",
                bytes as f64 / seconds / 1e9
            );
        }
    }
}
