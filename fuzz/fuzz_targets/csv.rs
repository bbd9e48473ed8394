//! CSV: the decoder must agree with its oracle on any bytes, under any options, however the input is cut.
#![no_main]

#[path = "../../crates/format/tests/differential/mod.rs"]
mod differential;
mod statement;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((case, input)) = statement::read(bytes, true) {
        differential::check(&case, input);
    }
});
