//! Rows in PostgreSQL's binary COPY format.
//!
//! Columns are written one after the other, each value at its row's cursor: the loops are per type and per column, so
//! nothing is decided per value. Row sizes are summed first.

use copyist_core::Type;

use crate::column::{ByteRef, Validity};
use crate::{Decoded, Plan, Tile, Values};

/// Signature, flags (none) and the length of the header extension (0).
pub const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// The field count that ends the stream.
pub const TRAILER: [u8; 2] = (-1i16).to_be_bytes();

const NULL: [u8; 4] = (-1i32).to_be_bytes();

/// Bytes of a NULL, and of every value's length word.
const WORD: usize = 4;

/// Encodes tiles; reuses its memory.
#[derive(Debug, Default)]
pub struct Encoder {
    cursors: Vec<u32>,
}

impl Encoder {
    /// Appends the rows. The columns must have been decoded with [`crate::Layout::PgBinary`].
    pub fn encode(&mut self, plan: &Plan, tile: &Tile, decoded: &Decoded, out: &mut Vec<u8>) {
        let base = out.len();
        let total = self.place_rows(plan, decoded, base);
        out.resize(base + total, 0);
        let count = (decoded.columns.len() as i16).to_be_bytes();
        for cursor in &mut self.cursors {
            let at = *cursor as usize;
            out[at..at + 2].copy_from_slice(&count);
            *cursor += 2;
        }
        for (column, spec) in decoded.columns.iter().zip(&plan.columns) {
            let mut place = Place { out, cursors: &mut self.cursors, validity: &column.validity };
            match &column.values {
                Values::Bool(v) => place.fixed(v, |v| [v]),
                Values::I16(v) => place.fixed(v, i16::to_be_bytes),
                Values::I32(v) => place.fixed(v, i32::to_be_bytes),
                Values::I64(v) => place.fixed(v, i64::to_be_bytes),
                Values::F32(v) => place.fixed(v, |v| v.to_bits().to_be_bytes()),
                Values::F64(v) => place.fixed(v, |v| v.to_bits().to_be_bytes()),
                Values::TimeTz(v) => place.fixed(v, |(micros, zone)| {
                    let mut bytes = [0; 12];
                    bytes[..8].copy_from_slice(&micros.to_be_bytes());
                    bytes[8..].copy_from_slice(&zone.to_be_bytes());
                    bytes
                }),
                Values::Interval(v) => place.fixed(v, |interval| {
                    let mut bytes = [0; 16];
                    bytes[..8].copy_from_slice(&interval.micros.to_be_bytes());
                    bytes[8..12].copy_from_slice(&interval.days.to_be_bytes());
                    bytes[12..].copy_from_slice(&interval.months.to_be_bytes());
                    bytes
                }),
                Values::Uuid(v) => place.fixed(v, |v| v),
                Values::Bytes(v) => place.bytes(v, prefix(&spec.ty), &tile.buffer, &decoded.arena),
                Values::I128(_) | Values::Enum(_) => {
                    unreachable!("{:?} has another vector in this layout", spec.ty)
                }
            }
        }
    }

    /// Sets each row's cursor to its start and returns the size of all rows.
    fn place_rows(&mut self, plan: &Plan, decoded: &Decoded, base: usize) -> usize {
        let rows = decoded.rows;
        let mut fixed = 2;
        for column in &decoded.columns {
            fixed += WORD + width(&column.values);
        }
        self.cursors.clear();
        self.cursors.resize(rows, fixed as u32);
        for (column, spec) in decoded.columns.iter().zip(&plan.columns) {
            let width = width(&column.values) as u32;
            if let Values::Bytes(refs) = &column.values {
                let prefix = prefix(&spec.ty).len() as u32;
                for (row, (size, value)) in self.cursors.iter_mut().zip(refs).enumerate() {
                    if column.validity.is_valid(row) {
                        *size += prefix + value.len() as u32;
                    }
                }
            } else if column.validity.nulls() > 0 {
                for (row, size) in self.cursors.iter_mut().enumerate() {
                    if !column.validity.is_valid(row) {
                        *size -= width;
                    }
                }
            }
        }
        let mut at = base as u32;
        for cursor in &mut self.cursors {
            let size = *cursor;
            *cursor = at;
            at += size;
        }
        at as usize - base
    }
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

struct Place<'a> {
    out: &'a mut [u8],
    cursors: &'a mut [u32],
    validity: &'a Validity,
}

impl Place<'_> {
    #[inline(always)]
    fn fixed<T: Copy, const N: usize>(&mut self, values: &[T], bytes: impl Fn(T) -> [u8; N]) {
        let len = (N as i32).to_be_bytes();
        let all = self.validity.nulls() == 0;
        for (row, (cursor, value)) in self.cursors.iter_mut().zip(values).enumerate() {
            let at = *cursor as usize;
            if all || self.validity.is_valid(row) {
                let slot = &mut self.out[at..at + WORD + N];
                slot[..WORD].copy_from_slice(&len);
                slot[WORD..].copy_from_slice(&bytes(*value));
                *cursor += (WORD + N) as u32;
            } else {
                self.out[at..at + WORD].copy_from_slice(&NULL);
                *cursor += WORD as u32;
            }
        }
    }

    #[inline(always)]
    fn bytes(&mut self, values: &[ByteRef], prefix: &[u8], tile: &[u8], arena: &[u8]) {
        for (row, (cursor, value)) in self.cursors.iter_mut().zip(values).enumerate() {
            let at = *cursor as usize;
            if self.validity.is_valid(row) {
                let value = value.get(tile, arena);
                let len = prefix.len() + value.len();
                let slot = &mut self.out[at..at + WORD + len];
                slot[..WORD].copy_from_slice(&(len as i32).to_be_bytes());
                slot[WORD..WORD + prefix.len()].copy_from_slice(prefix);
                slot[WORD + prefix.len()..].copy_from_slice(value);
                *cursor += (WORD + len) as u32;
            } else {
                self.out[at..at + WORD].copy_from_slice(&NULL);
                *cursor += WORD as u32;
            }
        }
    }
}
