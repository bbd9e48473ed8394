//! Every Parquet and Arrow file at hand is read, or refused with a reason, without a panic.
#![cfg(feature = "columnar")]
#![allow(clippy::unwrap_used, reason = "a helper of tests that fails them")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use copyist_transcode::columnar::{ArrowInput, Batches, ParquetInput, access_file};

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
        let access = access_file(File::open(path).unwrap()).unwrap();
        let outcome = ParquetInput::open(access)
            .map_err(|error| format!("{} {error}", error.code.sql_state()))
            .and_then(|input| read(Box::new(input)));
        if let Err(error) = outcome {
            refused.push(format!("{}: {error}", path.strip_prefix(&corpus).unwrap().display()));
        }
    }
    for line in &refused {
        println!("{line}");
    }
    assert!(refused.len() < 40, "{} of {} refused", refused.len(), found.len());
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
        if bytes.len() > 200_000 {
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
            if let Ok(input) = ParquetInput::open(Arc::new(changed.clone())) {
                let _ = read(Box::new(input));
            }
            let _ = ArrowInput::open(Arc::new(changed)).map(|input| read(Box::new(input)));
        }
    }
}
