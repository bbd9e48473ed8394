//! Columns whose dates and times have patterns.
#![cfg(feature = "arrow")]

mod outcome;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, TimestampMicrosecondType};
use copyist_core::Type;
use copyist_datetime::{Kind, Language, Patterns};
use copyist_format::{ColumnPlan, Header, Layout, Plan, Tolerance};
use copyist_transcode::{ChunkData, Next};
use outcome::{CSV, SKIP, plan, run};

fn column(name: &str, ty: Type, kind: Kind, language: Language, texts: &[&str]) -> ColumnPlan {
    let patterns = Patterns::compile(language, texts.iter().copied(), kind).expect("the patterns are right");
    ColumnPlan { ty, patterns: Some(Arc::new(patterns)), ..ColumnPlan::of_text(name.to_owned(), false) }
}

fn patterned(layout: Layout, tolerance: Tolerance) -> Plan {
    let id = ColumnPlan { ty: Type::Int8, ..ColumnPlan::of_text("id".to_owned(), false) };
    let columns = vec![
        id,
        column("day", Type::Date, Kind::Date, Language::ToChar, &["DD.MM.YYYY", "YYYYMMDD"]),
        column("at", Type::Timestamp(None), Kind::Timestamp, Language::Java, &["yyyy-MM-ddTHH:mm:ss.SSSUUUZ"]),
        column("clock", Type::Time(None), Kind::Time, Language::Strptime, &["%H:%M"]),
    ];
    Plan { columns, layout, header: Header::No, ..plan(CSV, tolerance) }
}

const INPUT: &str = "1,31.12.2023,2024-01-02T03:04:05.678901Z,13:05\n2,20240229,,\n\
                     3,\"01.02.2024\",2024-01-02T03:04:05.678901+02:00,00:00\n4,30.02.2024,2024,25:00\n5,x,,\n";

#[test]
fn are_read_by_them() {
    let outcome = run(&Arc::new(patterned(Layout::Arrow, SKIP)), INPUT.as_bytes(), 2, 64);
    assert_eq!((outcome.failure, outcome.ids), (None, vec![1, 2, 3]));
    let columns = |at: usize| outcome.rejects[at].flaws.iter().map(|flaw| flaw.column).collect::<Vec<_>>();
    assert_eq!((columns(0), columns(1)), (vec![Some(1), Some(2), Some(3)], vec![Some(1)]));
    let strict = run(&Arc::new(patterned(Layout::Arrow, Tolerance::default())), INPUT.as_bytes(), 1, 64);
    assert!(strict.failure.expect("the load must fail").starts_with("COPY t, line 4, column day: \"30.02.2024\""));
    outcome::check_any(&patterned(Layout::Arrow, SKIP), INPUT.as_bytes());

    let load = outcome::start(&Arc::new(patterned(Layout::Arrow, SKIP)), INPUT.as_bytes(), 1, 1 << 18);
    let Next::Chunk(chunk) = load.try_next(std::time::Duration::from_secs(60)) else { panic!("there are rows") };
    let ChunkData::Arrow(batch) = &chunk.data else { panic!("they are record batches") };
    let days: Vec<_> = batch.column(1).as_primitive::<Date32Type>().iter().collect();
    assert_eq!(days, [Some(19_722), Some(19_782), Some(19_754)]);
    let instants: Vec<_> = batch.column(2).as_primitive::<TimestampMicrosecondType>().iter().collect();
    assert_eq!(instants, [Some(1_704_164_645_678_901), None, Some(1_704_157_445_678_901)]);
}

#[test]
fn become_text_that_the_server_reads() {
    let text = Arc::new(patterned(Layout::PgText, Tolerance::default()));
    let input = &INPUT.as_bytes()[..INPUT.find("4,30").expect("it is there")];
    assert_eq!(
        outcome::text_of(&text, input),
        "1\t2023-12-31\t2024-01-02 03:04:05.678901\t13:05:00\n2\t2024-02-29\t\\N\t\\N\n\
         3\t2024-02-01\t2024-01-02 01:04:05.678901\t00:00:00\n"
    );
}

#[test]
fn are_told_as_literals_of_their_types() {
    let mut plan = patterned(Layout::Duckdb, SKIP);
    plan.columns.iter_mut().for_each(|column| column.is_told = true);
    let outcome = run(
        &Arc::new(Plan { layout: Layout::Arrow, ..plan }),
        b"x,31.12.2023,2024-01-02T03:04:05.678901Z,13:05\n",
        1,
        64,
    );
    let told: Vec<_> =
        outcome.rejects[0].told.iter().map(|told| told.text.as_deref().map(String::from_utf8_lossy)).collect();
    assert_eq!(told, [Some("2023-12-31".into()), Some("2024-01-02 03:04:05.678901".into()), Some("13:05:00".into())]);
}
