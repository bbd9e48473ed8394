//! PostgreSQL's binary format: any bytes, as rows of any types, must have the outcome of a reading row by row, however the input is cut.
#![no_main]

#[path = "../../crates/transcode/tests/tuples/mod.rs"]
mod tuples;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((choice, input)) = bytes.split_first_chunk::<4>() else { return };
    let choice = u32::from_le_bytes(*choice);
    let types: Vec<_> =
        tuples::types().into_iter().enumerate().filter(|(index, _)| choice >> index & 1 == 1).map(|(_, ty)| ty).collect();
    if choice >> 31 == 1 {
        tuples::check(&types, input);
    } else {
        // The header is not what there is to be found.
        tuples::check(&types, &[&copyist_format::pgbinary::HEADER[..], input].concat());
    }
});
