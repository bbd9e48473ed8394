//! The oracle of TEXT: how a line ends and how it splits, one byte at a time. See [`crate::naive`] for the rest.

use crate::Escapes;
use crate::naive::{
    self, Format, Kind, Line, LineEnd, Reader, Split, bad_format, classify, first_invalid, invalid_encoding,
};
use copyist_core::{DataError, Result};

pub use crate::naive::{Failure, Field, Header, Options, Outcome, Record};

/// Reads everything up to the end or to the first error.
pub fn read(input: &[u8], options: &Options<'_>) -> Outcome {
    naive::read(input, options, &Format { read_line, split, forces: false })
}

/// Finds the end of a line. A backslash takes the meaning from whatever byte follows, also from a line end.
fn read_line(reader: &mut Reader<'_>, options: &Options<'_>) -> Result<Line> {
    let start = reader.position;
    loop {
        if let Some(line_end) = options.line_end
            && reader.is_at(line_end)
        {
            let text = start..reader.position;
            reader.position += line_end.len();
            return Ok(Line { text, last: false });
        }
        let Some(byte) = reader.peek(0)? else {
            return Ok(Line { text: start..reader.position, last: true });
        };
        reader.position += 1;

        let text = start..reader.position - 1;
        match (byte, reader.line_end) {
            (b'\r' | b'\n', _) if options.line_end.is_some() => {}
            (b'\r', None | Some(LineEnd::CrLf)) => {
                if reader.peek(0)? == Some(b'\n') {
                    reader.position += 1;
                    reader.line_end = Some(LineEnd::CrLf);
                } else if reader.line_end.is_some() {
                    return Err(literal_carriage_return());
                } else {
                    reader.line_end = Some(LineEnd::Cr);
                }
                return Ok(Line { text, last: false });
            }
            (b'\r', Some(LineEnd::Lf)) => return Err(literal_carriage_return()),
            (b'\r', Some(LineEnd::Cr)) => return Ok(Line { text, last: false }),
            (b'\n', None | Some(LineEnd::Lf)) => {
                reader.line_end = Some(LineEnd::Lf);
                return Ok(Line { text, last: false });
            }
            (b'\n', Some(LineEnd::Cr | LineEnd::CrLf)) => {
                return Err(bad_format("literal newline found in data").with_hint("Use \"\\n\" to represent newline."));
            }
            (b'\\', _) => match reader.peek(0)? {
                None => return Ok(Line { text: start..reader.position, last: true }),
                Some(b'.') if options.marker => {
                    let alone = reader.position - 1 == start;
                    reader.position += 1;
                    end_of_copy(reader, alone, options)?;
                    return Ok(Line { text: start..start, last: true });
                }
                Some(_) => reader.position += 1,
            },
            _ => {}
        }
    }
}

fn literal_carriage_return() -> Box<DataError> {
    bad_format("literal carriage return found in data").with_hint("Use \"\\r\" to represent carriage return.")
}

/// After `\.`: only the line end that the data uses may follow, and nothing may stand before.
fn end_of_copy(reader: &mut Reader<'_>, alone: bool, options: &Options<'_>) -> Result<()> {
    const NOT_ALONE: &str = "end-of-copy marker is not alone on its line";
    const OTHER_STYLE: &str = "end-of-copy marker does not match previous newline style";
    if let Some(line_end) = options.line_end {
        reader.peek(0)?;
        if !alone || !reader.is_at(line_end) {
            return Err(bad_format(NOT_ALONE));
        }
        reader.position += line_end.len();
        return Ok(());
    }
    if reader.line_end == Some(LineEnd::CrLf) {
        match reader.peek(0)? {
            Some(b'\r') => reader.position += 1,
            Some(b'\n') => return Err(bad_format(OTHER_STYLE)),
            _ => return Err(bad_format(NOT_ALONE)),
        }
    }
    let byte = match reader.peek(0)? {
        Some(byte @ (b'\r' | b'\n')) => byte,
        _ => return Err(bad_format(NOT_ALONE)),
    };
    let expected = match reader.line_end {
        None => byte,
        Some(LineEnd::Lf | LineEnd::CrLf) => b'\n',
        Some(LineEnd::Cr) => b'\r',
    };
    if byte != expected {
        return Err(bad_format(OTHER_STYLE));
    }
    if !alone {
        return Err(bad_format(NOT_ALONE));
    }
    reader.position += 1;
    Ok(())
}

/// Splits a line at its delimiters and replaces escapes.
fn split(line: &[u8], options: &Options<'_>) -> Result<Vec<Split>> {
    let mut fields = Vec::new();
    let mut at = 0;
    loop {
        let start = at;
        let mut value = Vec::new();
        let mut check = false;
        let mut end = None;
        while at < line.len() && !line[at..].starts_with(options.delimiter) {
            if line[at] != b'\\' {
                value.push(line[at]);
                at += 1;
            } else if at + 1 == line.len() {
                // A backslash at the very end of the data is dropped, also from what NULL is compared with.
                end = Some(at);
                at += 1;
            } else {
                let (byte, length, numeric) = match options.escapes {
                    Escapes::Sequences => unescape(&line[at + 1..]),
                    Escapes::Next => (line[at + 1], 1, false),
                };
                check |= numeric && (byte == 0 || byte >= 0x80);
                value.push(byte);
                at += 1 + length;
            }
        }
        let field = classify(&line[start..end.unwrap_or(at)], value, true, fields.len(), options)?;
        // Numeric escapes can make bytes that are no characters.
        if check
            && field.kind == Kind::Value
            && let Some(invalid) = first_invalid(&field.value)
        {
            return Err(invalid_encoding(&field.value[invalid..]));
        }
        fields.push(field);
        if at == line.len() {
            return Ok(fields);
        }
        at += options.delimiter.len();
    }
}

/// What stands for the bytes after a backslash: the byte, how many bytes it took, whether it was written as a number.
fn unescape(after: &[u8]) -> (u8, usize, bool) {
    let digits = |from: usize, most: usize, radix: u32| {
        after[from..].iter().take(most).take_while(|&&byte| char::from(byte).is_digit(radix)).count()
    };
    let number = |digits: &[u8], radix: u32| {
        let value =
            digits.iter().filter_map(|&byte| char::from(byte).to_digit(radix)).fold(0, |sum, d| sum * radix + d);
        // Three octal digits can exceed a byte: the excess is dropped.
        value as u8
    };
    match after[0] {
        b'0'..=b'7' => {
            let count = digits(0, 3, 8);
            (number(&after[..count], 8), count, true)
        }
        b'x' if digits(1, 2, 16) > 0 => {
            let count = digits(1, 2, 16);
            (number(&after[1..=count], 16), 1 + count, true)
        }
        b'b' => (0x08, 1, false),
        b'f' => (0x0C, 1, false),
        b'n' => (b'\n', 1, false),
        b'r' => (b'\r', 1, false),
        b't' => (b'\t', 1, false),
        b'v' => (0x0B, 1, false),
        byte => (byte, 1, false),
    }
}

/// Answers of PostgreSQL 18.4 to `COPY t FROM '…'`.
#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(input: &[u8], columns: usize) -> Outcome {
        let names = ["a", "b"].map(str::to_owned);
        let options = Options {
            delimiter: b"\t",
            line_end: None,
            escapes: Escapes::Sequences,
            marker: true,
            quote: b'"',
            escape: b'"',
            unpads: false,
            null: b"\\N",
            default: Some(b"\\D"),
            header: Header::No,
            columns,
            force_not_null: &[],
            force_null: &[],
            has_default: &[true],
            column_names: &names,
            table: "t",
            skip_bom: false,
        };
        read(input, &options)
    }

    /// Rows as text, `∅` for NULL, `*` for DEFAULT; then the error, if any.
    fn answer(input: &[u8], columns: usize) -> String {
        let outcome = outcome(input, columns);
        let field = |field: &Field| match field {
            Field::Null => "∅".to_owned(),
            Field::Default => "*".to_owned(),
            Field::Value(value) => String::from_utf8(value.clone()).unwrap(),
        };
        let rows = outcome.records.iter().map(|row| row.fields.iter().map(field).collect::<Vec<_>>().join("|"));
        let error = outcome.failure.map(|failure| format!("{} @ {}", failure.error, failure.context));
        rows.chain(error).collect::<Vec<_>>().join(" / ")
    }

    #[test]
    fn escapes() {
        assert_eq!(answer(b"\\b\\f\\n\\r\\t\\v\n", 1), "\x08\x0C\n\r\t\x0B");
        assert_eq!(answer(b"\\101\\x42\\x4a\\7\\18\\1011\n", 1), "ABJ\x07\x018A1");
        assert_eq!(answer(b"\\q\\8\\x\\xg\\\\.\n", 1), "q8xxg\\.");
        assert_eq!(answer(b"a\\\tb\tc\\\nd\n", 2), "a\tb|c\nd");
        assert_eq!(answer(b"\\xc3\\xa9\t\\303\\251\n", 2), "é|é");
    }

    #[test]
    fn markers_are_matched_before_escapes() {
        assert_eq!(answer(b"\\N\t\\\\N\n\\D\t\\x4e\n", 2), "∅|\\N / *|N");
        assert_eq!(answer(b"x\t\\D", 2), "unexpected default marker in COPY data @ COPY t, line 1: \"x\t\\D\"");
        // A backslash at the very end stands for nothing, not even for the comparison.
        assert_eq!(answer(b"a\\\n\\N\\", 1), "a\nN");
        assert_eq!(answer(b"a\n\\N\\", 1), "a / ∅");
    }

    #[test]
    fn numbers_that_make_no_characters() {
        let invalid = |bytes: &str, line: &str| {
            format!("invalid byte sequence for encoding \"UTF8\": {bytes} @ COPY t, line 1: \"{line}\"")
        };
        assert_eq!(answer(b"\\xff\n", 1), invalid("0xff", "\\xff"));
        assert_eq!(answer(b"\\400\n", 1), invalid("0x00", "\\400"));
        assert_eq!(answer(b"\\xc3\\n\n", 1), invalid("0xc3 0x0a", "\\xc3\\n"));
    }

    #[test]
    fn line_ends() {
        assert_eq!(answer(b"a\r\nb\r\n", 1), "a / b");
        assert_eq!(answer(b"a\rb\r\rc", 1), "a / b /  / c");
        assert_eq!(answer(b"a\nb\r\n", 1), "a / literal carriage return found in data @ COPY t, line 2");
        assert_eq!(answer(b"a\r\nb\n", 1), "a / literal newline found in data @ COPY t, line 2");
        assert_eq!(answer(b"a\r\nb\r", 1), "a / literal carriage return found in data @ COPY t, line 2");
    }

    #[test]
    fn end_of_copy() {
        let alone = "end-of-copy marker is not alone on its line @ COPY t, line";
        let style = "end-of-copy marker does not match previous newline style @ COPY t, line";
        assert_eq!(answer(b"a\n\\.\nb\xFF\n", 1), "a");
        assert_eq!(answer(b"\\.\r\nb", 1), "");
        assert_eq!(answer(b"a\r\n\\.\r\n", 1), "a");
        assert_eq!(answer(b"a\\.\n", 1), format!("{alone} 1"));
        assert_eq!(answer(b"a\n\\.", 1), format!("a / {alone} 2"));
        assert_eq!(answer(b"a\n\\.b\n", 1), format!("a / {alone} 2"));
        assert_eq!(answer(b"a\n\\.\r\n", 1), format!("a / {style} 2"));
        assert_eq!(answer(b"a\r\n\\.\n", 1), format!("a / {style} 2"));
        assert_eq!(answer(b"a\r\\.\n", 1), format!("a / {style} 2"));
        assert_eq!(answer(b"\\\\.\n", 1), "\\.");
    }

    #[test]
    fn places() {
        let records = outcome(b"a\\\nb\r\nc\r\n", 1).records;
        let places: Vec<_> = records.iter().map(|record| (record.line, record.byte_offset, record.byte_len)).collect();
        assert_eq!(places, [(1, 0, 6), (2, 6, 3)]);
    }
}
