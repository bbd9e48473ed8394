//! Lines of fixed width: any input has one outcome however it is cut, and what it says in any encoding comes to what the rules say of
//! each of its characters.
//!
//! The first line gives the options: one digit each, in the order below. The data starts after the first LF.
#![no_main]

#[path = "../../crates/transcode/tests/outcome/mod.rs"]
mod outcome;
#[path = "../../crates/transcode/tests/places/mod.rs"]
mod places;

use copyist_encoding::Encoding;
use copyist_format::{BadValue, Missing, Plan, Replacement, Tolerance, Unit};
use outcome::SKIP;
use places::{ENCODINGS, PIECES, fixed};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some(line_end) = bytes.iter().position(|&byte| byte == b'\n') else { return };
    let (line, input) = (&bytes[..line_end], &bytes[line_end + 1..]);
    let mut digits = line.iter().map(|byte| usize::from(byte.wrapping_sub(b'0')));
    let mut pick = |choices: usize| digits.next().unwrap_or(0) % choices;

    let encoding = ENCODINGS[pick(ENCODINGS.len())].map(|name| Encoding::find(name).expect("it is known"));
    let unit = [Unit::Bytes, Unit::Characters][pick(2)];
    let tolerance = Tolerance {
        conversion: BadValue::SkipRow,
        structure: pick(2) == 0,
        constraint: false,
        extra: pick(2) == 1,
        missing: [Missing::None, Missing::One, Missing::Any][pick(3)],
        ..SKIP
    };
    let replaces = [None, Some(None), Some(Some(b' '))][pick(3)];
    let mut fields = vec![(pick(16) as u32, 1 + pick(16) as u32)];
    for _ in 0..pick(3) {
        fields.push((pick(32) as u32, 1 + pick(80) as u32));
    }
    let text: String = input.iter().map(|&byte| PIECES[usize::from(byte) % PIECES.len()]).collect();
    places::check(&text, encoding, &fields, unit, tolerance);
    let invalid = replaces.map(|nul| Replacement { byte: b'?', nul });
    outcome::check_any(&Plan { encoding, ..fixed(&fields, unit, Tolerance { invalid, ..tolerance }) }, input);
});
