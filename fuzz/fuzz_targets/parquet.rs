//! Parquet files: any bytes are rows or an error, without a panic that ends the process, and the same whatever is read at a time.
#![no_main]

mod columns;

use std::sync::Arc;

use copyist_transcode::columnar::{Batches, RandomAccess, ParquetInput};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let access: Arc<dyn RandomAccess> = Arc::new(bytes.to_vec());
    columns::check(|| {
        let input = ParquetInput::open(Arc::clone(&access))?;
        Ok(Box::new(input) as Box<dyn Batches>)
    });
});
