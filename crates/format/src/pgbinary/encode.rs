//! Rows in PostgreSQL's binary COPY format.
//!
//! Row by row, so that a string may be copied in whole blocks: what is behind it has not been written yet.

use copyist_core::Type;
use copyist_scan::Work;

use crate::column::Validity;
use crate::{Column, Decoded, Plan, Tile, Values};

/// Signature, flags (none) and the length of the header extension (0).
pub const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// The field count that ends the stream.
pub const TRAILER: [u8; 2] = (-1i16).to_be_bytes();

const NULL: [u8; 4] = (-1i32).to_be_bytes();

/// Bytes of a NULL, and of every value's length word.
const WORD: usize = 4;

/// Room behind the rows, so that the last strings can be copied in blocks too.
const SLACK: usize = 64;

/// Writes the rows to `out` from `start` on and lets it end with them. What is before `start` is kept if there was anything. The
/// columns must have been decoded with [`crate::Layout::PgBinary`].
pub fn encode(plan: &Plan, tile: &Tile, decoded: &Decoded, out: &mut Vec<u8>, start: usize) {
    let rows = decoded.rows;
    let total =
        2 * rows + decoded.columns.iter().zip(&plan.columns).map(|(c, spec)| size(c, &spec.ty, rows)).sum::<usize>();
    // What is there of an earlier tile is overwritten: to clear it first would take as long as to write the rows.
    out.resize(start + total + SLACK, 0);
    let end = plan.scanner.run(WriteRows { plan, tile, decoded, out, at: start });
    debug_assert_eq!(end, start + total);
    out.truncate(end);
}

/// Bytes that a column takes.
fn size(column: &Column, ty: &Type, rows: usize) -> usize {
    let present = rows - column.validity.nulls();
    let values = match &column.values {
        // A NULL is empty.
        Values::Bytes(v) => v.iter().map(|value| value.len()).sum::<usize>() + present * prefix(ty).len(),
        values => present * width(values),
    };
    rows * WORD + values
}

/// Bytes of a value of fixed size; 0 for the others.
fn width(values: &Values) -> usize {
    match values {
        Values::Bool(_) => 1,
        Values::I16(_) => 2,
        Values::I32(_) | Values::F32(_) => 4,
        Values::I64(_) | Values::F64(_) => 8,
        Values::TimeTz(_) => 12,
        Values::Interval(_) | Values::Uuid(_) => 16,
        Values::Bytes(_) | Values::I128(_) | Values::Enum(_) => 0,
    }
}

/// What stands before a value's bytes: jsonb carries its version.
fn prefix(ty: &Type) -> &'static [u8] {
    if *ty == Type::Jsonb { &[1] } else { &[] }
}

struct WriteRows<'a> {
    plan: &'a Plan,
    tile: &'a Tile,
    decoded: &'a Decoded,
    out: &'a mut [u8],
    at: usize,
}

impl Work for WriteRows<'_> {
    /// Where the rows end.
    type Output = usize;

    #[inline(always)]
    fn run(self) -> usize {
        let Self { plan, tile, decoded, out, mut at } = self;
        let columns: Vec<(&Values, Option<&Validity>, &[u8])> = decoded
            .columns
            .iter()
            .zip(&plan.columns)
            .map(|(column, spec)| {
                let validity = (column.validity.nulls() > 0).then_some(&column.validity);
                (&column.values, validity, prefix(&spec.ty))
            })
            .collect();
        let count = (columns.len() as i16).to_be_bytes();
        for row in 0..decoded.rows {
            out[at..at + 2].copy_from_slice(&count);
            at += 2;
            for &(values, validity, prefix) in &columns {
                if validity.is_some_and(|validity| !validity.is_valid(row)) {
                    out[at..at + WORD].copy_from_slice(&NULL);
                    at += WORD;
                    continue;
                }
                at = match values {
                    Values::Bool(v) => fixed(out, at, [v[row]]),
                    Values::I16(v) => fixed(out, at, v[row].to_be_bytes()),
                    Values::I32(v) => fixed(out, at, v[row].to_be_bytes()),
                    Values::I64(v) => fixed(out, at, v[row].to_be_bytes()),
                    Values::F32(v) => fixed(out, at, v[row].to_bits().to_be_bytes()),
                    Values::F64(v) => fixed(out, at, v[row].to_bits().to_be_bytes()),
                    Values::TimeTz(v) => {
                        let (micros, zone) = v[row];
                        let mut bytes = [0; 12];
                        bytes[..8].copy_from_slice(&micros.to_be_bytes());
                        bytes[8..].copy_from_slice(&zone.to_be_bytes());
                        fixed(out, at, bytes)
                    }
                    Values::Interval(v) => {
                        let mut bytes = [0; 16];
                        bytes[..8].copy_from_slice(&v[row].micros.to_be_bytes());
                        bytes[8..12].copy_from_slice(&v[row].days.to_be_bytes());
                        bytes[12..].copy_from_slice(&v[row].months.to_be_bytes());
                        fixed(out, at, bytes)
                    }
                    Values::Uuid(v) => fixed(out, at, v[row]),
                    Values::Bytes(v) => {
                        let (value, start) = (v[row], at + WORD + prefix.len());
                        out[at..at + WORD].copy_from_slice(&((prefix.len() + value.len()) as i32).to_be_bytes());
                        out[at + WORD..start].copy_from_slice(prefix);
                        value.copy_to(&tile.buffer, &decoded.arena, out, start);
                        start + value.len()
                    }
                    Values::I128(_) | Values::Enum(_) => unreachable!("this layout has other vectors"),
                };
            }
        }
        at
    }
}

/// Writes a value of fixed size and its length; answers where it ends.
#[inline(always)]
fn fixed<const N: usize>(out: &mut [u8], at: usize, bytes: [u8; N]) -> usize {
    let slot = &mut out[at..at + WORD + N];
    slot[..WORD].copy_from_slice(&(N as i32).to_be_bytes());
    slot[WORD..].copy_from_slice(&bytes);
    at + WORD + N
}
