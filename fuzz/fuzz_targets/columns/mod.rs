//! What reading a file of columns comes to, however large its batches are.

use copyist_core::{ErrorCode, Result};
use copyist_format::arrow::row_text;
use copyist_transcode::columnar::Batches;

/// Rows that are compared; a few bytes may claim many more.
const MOST_ROWS: usize = 2_000;

/// The first rows, and whether they are followed by an error.
fn read(input: Result<Box<dyn Batches>>, aim: usize, keeps: bool) -> (Vec<Vec<u8>>, Option<ErrorCode>) {
    let mut rows = Vec::new();
    let mut input = match input {
        Ok(input) => input,
        Err(error) => return (rows, Some(error.code)),
    };
    input.aim_for(aim);
    if keeps {
        input.keep_dictionaries();
    }
    loop {
        match input.next() {
            Ok(Some(batch)) => {
                assert!(batch.num_rows() > 0, "a batch has rows");
                for row in 0..batch.num_rows() {
                    if rows.len() == MOST_ROWS {
                        return (rows, None);
                    }
                    rows.push(row_text(&batch, row));
                }
            }
            Ok(None) => return (rows, None),
            Err(error) => return (rows, Some(error.code)),
        }
    }
}

/// Small batches and large ones have the same rows, up to where one of them cannot be read; so have those with dictionaries.
pub fn check(open: impl Fn() -> Result<Box<dyn Batches>>) {
    let (small, small_error) = read(open(), 256, false);
    let (large, large_error) = read(open(), 1 << 20, false);
    let (kept, kept_error) = read(open(), 1 << 20, true);
    // Where a dictionary is damaged, one reader may find it before the other.
    let both = kept.len().min(large.len());
    assert_eq!(kept[..both], large[..both]);
    assert!(kept.len() == large.len() || kept_error.is_some() || large_error.is_some());
    // A batch that cannot be read has no rows at all, and a larger one may reach further.
    let common = small.len().min(large.len());
    assert_eq!(small[..common], large[..common]);
    match (small_error, large_error) {
        (None, None) => assert_eq!(small.len(), large.len()),
        (None, Some(_)) => assert!(small.len() == MOST_ROWS, "only the large batches end in an error"),
        (Some(_), None) => panic!("only the small batches end in an error"),
        (Some(_), Some(_)) => {}
    }
}
