//! The oracle of CSV: how a record ends and how it splits, one byte at a time. See [`crate::naive`] for the rest.

use crate::naive::{self, Format, Line, LineEnd, Reader, Split, bad_format, classify};
use copyist_core::{DataError, Result};

pub use crate::naive::{Failure, Field, Header, Options, Outcome, Record};

/// Reads everything up to the end or to the first error.
pub fn read(input: &[u8], options: &Options<'_>) -> Outcome {
    naive::read(input, options, &Format { read_line, split, forces: true })
}

/// Finds the end of a record. A quote anywhere switches between inside and outside; only outside does a line end count.
fn read_line(reader: &mut Reader<'_>, options: &Options<'_>) -> Result<Line> {
    let start = reader.position;
    let mut quoted = false;
    // An escape stands before this byte, within quotes. With escape = quote the switching back and forth is enough.
    let mut escaped = false;
    loop {
        let Some(byte) = reader.peek(0)? else {
            return Ok(Line { text: start..reader.position, last: true });
        };
        if byte == b'\r' {
            // The byte after a carriage return is always looked at, even when nothing depends on it.
            reader.peek(1)?;
        }
        reader.position += 1;

        let is_escape = options.escape != options.quote && byte == options.escape;
        if is_escape && quoted {
            escaped = !escaped;
        }
        if byte == options.quote && !escaped {
            quoted = !quoted;
        }
        if !is_escape {
            escaped = false;
        }

        if quoted {
            // Until the first line end is seen nobody knows what ends a line; PostgreSQL counts carriage returns then.
            let counted = if reader.line_end == Some(LineEnd::Lf) { b'\n' } else { b'\r' };
            if byte == counted {
                reader.line_number += 1;
            }
            continue;
        }

        let text = start..reader.position - 1;
        match (byte, reader.line_end) {
            (b'\r', None | Some(LineEnd::CrLf)) => {
                if reader.peek(0)? == Some(b'\n') {
                    reader.position += 1;
                    reader.line_end = Some(LineEnd::CrLf);
                } else if reader.line_end.is_some() {
                    return Err(unquoted_carriage_return());
                } else {
                    reader.line_end = Some(LineEnd::Cr);
                }
                return Ok(Line { text, last: false });
            }
            (b'\r', Some(LineEnd::Lf)) => return Err(unquoted_carriage_return()),
            (b'\r', Some(LineEnd::Cr)) => return Ok(Line { text, last: false }),
            (b'\n', None | Some(LineEnd::Lf)) => {
                reader.line_end = Some(LineEnd::Lf);
                return Ok(Line { text, last: false });
            }
            (b'\n', Some(LineEnd::Cr | LineEnd::CrLf)) => {
                return Err(bad_format("unquoted newline found in data")
                    .with_hint("Use quoted CSV field to represent newline."));
            }
            _ => {}
        }
    }
}

fn unquoted_carriage_return() -> Box<DataError> {
    bad_format("unquoted carriage return found in data").with_hint("Use quoted CSV field to represent carriage return.")
}

/// Splits a record at its unquoted delimiters and takes quotes and escapes away.
fn split(line: &[u8], options: &Options<'_>) -> Result<Vec<Split>> {
    let mut fields = Vec::new();
    let mut at = 0;
    loop {
        let start = at;
        let mut value = Vec::new();
        let mut quoted = false;
        let mut saw_quote = false;
        while at < line.len() && (quoted || line[at] != options.delimiter) {
            let byte = line[at];
            let next = line.get(at + 1).copied();
            if quoted && byte == options.escape && (next == Some(options.escape) || next == Some(options.quote)) {
                value.extend(next);
                at += 2;
            } else if byte == options.quote {
                quoted = !quoted;
                saw_quote = true;
                at += 1;
            } else {
                value.push(byte);
                at += 1;
            }
        }
        if quoted {
            return Err(bad_format("unterminated CSV quoted field"));
        }
        fields.push(classify(&line[start..at], value, !saw_quote, fields.len(), options)?);
        if at == line.len() {
            return Ok(fields);
        }
        at += 1;
    }
}
