//! TEXT COPY lines for PostgreSQL: tab, `\N`, `\D`, a line feed after each row.

use crate::{Column, Decoded, Tile, Values};

/// Appends the rows as TEXT lines. Every column must hold bytes ([`crate::Layout::PgText`]).
///
/// # Panics
/// If a column was decoded to anything else, which is a defect of the caller.
pub fn encode_rows(tile: &Tile, decoded: &Decoded, out: &mut Vec<u8>) {
    let mut cursors: Vec<usize> = vec![0; decoded.columns.len()];
    for row in 0..decoded.rows {
        for (index, column) in decoded.columns.iter().enumerate() {
            if index > 0 {
                out.push(b'\t');
            }
            if column.validity.is_valid(row) {
                let Values::Bytes(refs) = &column.values else { panic!("TEXT rows are encoded from bytes") };
                escape(refs[row].get(&tile.buffer, &decoded.arena), out);
            } else if is_default(column, row, &mut cursors[index]) {
                match column.zero {
                    Some(zero) => out.push(zero),
                    None => out.extend_from_slice(b"\\D"),
                }
            } else {
                out.extend_from_slice(b"\\N");
            }
        }
        out.push(b'\n');
    }
}

fn is_default(column: &Column, row: usize, cursor: &mut usize) -> bool {
    let hit = column.defaults.get(*cursor) == Some(&(row as u32));
    *cursor += usize::from(hit);
    hit
}

fn escape(value: &[u8], out: &mut Vec<u8>) {
    let mut rest = value;
    // Backslash, tab, line feed and carriage return are all that a TEXT reader takes for something else.
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\\' | b'\t' | b'\n' | b'\r')) {
        out.extend_from_slice(&rest[..at]);
        let letter = match rest[at] {
            b'\t' => b't',
            b'\n' => b'n',
            b'\r' => b'r',
            _ => b'\\',
        };
        out.extend_from_slice(&[b'\\', letter]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}
