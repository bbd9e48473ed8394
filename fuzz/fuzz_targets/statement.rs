//! Options out of the first line of a fuzzer's input, so that seeds can be read and written by hand.
//!
//! One digit an option, in the order below: digit `0` is PostgreSQL's default, and any other byte means something, too.
//! Missing digits are `0`. The data starts after the first LF.

use crate::differential::{Case, Column};
use copyist_format::Escapes;
use copyist_format::naive::Header;

/// The options and the data behind them; none without an LF.
pub fn read(bytes: &[u8], csv: bool) -> Option<(Case, &[u8])> {
    let line_end = bytes.iter().position(|&byte| byte == b'\n')?;
    let (line, input) = (&bytes[..line_end], &bytes[line_end + 1..]);
    let mut digits = line.iter().map(|byte| usize::from(byte.wrapping_sub(b'0')));
    let mut pick = |choices: usize| digits.next().unwrap_or(0) % choices;

    let columns = [2, 1, 3, 0, 8][pick(5)];
    let mut case = if csv { Case::csv(columns) } else { Case::text(columns) };
    case.delimiter = match (csv, pick(5)) {
        (true, choice) => vec![b",;\t\\a"[choice]],
        (false, choice) => vec![b"\t,|\" "[choice]],
    };
    case.quote = b"\"'a"[pick(3)];
    case.escape = [case.quote, b'\\', b'\'', b'"', b'a'][pick(5)];
    if let choice @ 1.. = pick(7) {
        case.null = [&b""[..], b"\\N", b"NA", b"1", b"x y", b"\\\\"][choice - 1].to_vec();
    }
    case.default = [None, Some(&b"\\D"[..]), Some(b"D"), Some(b""), Some(b"\\\\")][pick(5)].map(<[u8]>::to_vec);
    case.header = [Header::No, Header::Skip, Header::Match][pick(3)];
    case.tile_size = [usize::MAX, 1, 2, 7, 64, 65, 130, 1000][pick(8)];
    for (flags, set) in [
        (pick(16), (|column, on| column.has_default = on) as fn(&mut Column, bool)),
        (pick(16), |column, on| column.force_null = on),
        (pick(16), |column, on| column.force_not_null = on),
    ] {
        for (index, column) in case.columns.iter_mut().enumerate() {
            set(column, flags >> (index % 4) & 1 == 1);
        }
    }
    if let choice @ 1.. = pick(8) {
        case.delimiter = [&b"||"[..], b"$$", b"$$$", b"|+|", b", ", b"aba", b"|,|,|,|,|,"][choice - 1].to_vec();
        if !csv && choice == 6 {
            case.delimiter = b"#A#".to_vec();
        }
    }
    case.line_end =
        [None, Some(&b"$"[..]), Some(b"||\n"), Some(b"|\n"), Some(b"\n\n"), Some(b"!!")][pick(6)].map(<[u8]>::to_vec);
    // PostgreSQL's backslashes, or without the end marker, or such as make the next byte part of the value.
    if let choice @ 1.. = pick(4) {
        case.marker = false;
        case.escapes = if choice == 1 { Escapes::Sequences } else { Escapes::Next };
    }
    case.unpads = csv && pick(2) == 1;
    Some((case.repaired(), input))
}
