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
        while at < line.len() && (quoted || !line[at..].starts_with(options.delimiter)) {
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
        if options.unpads && saw_quote {
            take_padding(&line[start..at], &mut value, options.quote);
        }
        fields.push(classify(&line[start..at], value, !saw_quote, fields.len(), options)?);
        if at == line.len() {
            return Ok(fields);
        }
        at += options.delimiter.len();
    }
}

/// Redshift's: takes white space before the first quote, and behind the last, out of a value that is otherwise in quotes.
fn take_padding(raw: &[u8], value: &mut Vec<u8>, quote: u8) {
    let is_white = |byte: &&u8| byte.is_ascii_whitespace() || **byte == 0x0B;
    let before = raw.iter().take_while(is_white).count();
    if raw[before] != quote {
        return;
    }
    let behind = raw.iter().rev().take_while(is_white).count();
    if raw[raw.len() - 1 - behind] == quote {
        value.truncate(value.len() - behind);
    }
    value.drain(..before);
}

/// Answers of PostgreSQL 18.4 to `COPY t FROM '…' (FORMAT csv)`.
#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 2] = ["a", "b"];

    fn outcome(input: &[u8], change: impl FnOnce(&mut Options<'_>)) -> Outcome {
        let names = NAMES.map(str::to_owned);
        let mut options = Options {
            delimiter: b",",
            line_end: None,
            escapes: crate::Escapes::Sequences,
            marker: true,
            quote: b'"',
            escape: b'"',
            unpads: false,
            null: b"",
            default: None,
            header: Header::No,
            columns: 2,
            force_not_null: &[],
            force_null: &[],
            has_default: &[],
            column_names: &names,
            table: "t",
            skip_bom: false,
        };
        change(&mut options);
        read(input, &options)
    }

    /// Rows as text, `∅` for NULL, `*` for DEFAULT; then the error, if any.
    fn answer(input: &[u8], change: impl FnOnce(&mut Options<'_>)) -> String {
        let outcome = outcome(input, change);
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
    fn fields() {
        let plain = |input| answer(input, |_| {});
        assert_eq!(plain(b"a,b\n\"\",\n"), "a|b / |∅");
        assert_eq!(plain(b"a\"b,c\"d,\"x\"\"y\"z"), "ab,cd|x\"yz");
        assert_eq!(plain(b"\\.,1\n"), "\\.|1");
        assert_eq!(plain(b"\xEF\xBB\xBFa,b"), "\u{FEFF}a|b");
        assert_eq!(answer(b"\xEF\xBB\xBFa,b", |options| options.skip_bom = true), "a|b");
        assert_eq!(answer(b"\"\\\"\",\"\\x\\\\\"\n", |options| options.escape = b'\\'), "\"|\\x\\");
    }

    #[test]
    fn markers() {
        let change = |options: &mut Options<'_>| {
            (options.null, options.default, options.has_default) = (b"N", Some(&b"D"[..]), &[true, false]);
        };
        assert_eq!(answer(b"N,\"N\"\nD,\"D\"\n\"D\",x", change), "∅|N / *|D / D|x");
        assert_eq!(answer(b"x,D\n", change), "unexpected default marker in COPY data @ COPY t, line 1: \"x,D\"");
        let force = |options: &mut Options<'_>| {
            (options.force_not_null, options.force_null) = (&[true, false], &[false, true]);
        };
        assert_eq!(answer(b",\n\"\",\"\"\n", force), "|∅ / |∅");
    }

    #[test]
    fn line_ends() {
        let plain = |input| answer(input, |_| {});
        assert_eq!(plain(b"a,b\r\nc,d"), "a|b / c|d");
        assert_eq!(plain(b"a,b\rc,\"\r\n\"\r"), "a|b / c|\r\n");
        assert_eq!(plain(b"a,b\nc,d\r\n"), "a|b / unquoted carriage return found in data @ COPY t, line 2");
        assert_eq!(plain(b"a,b\r\nc,d\n"), "a|b / unquoted newline found in data @ COPY t, line 2");
        assert_eq!(plain(b"a,b\r\nc,d\r"), "a|b / unquoted carriage return found in data @ COPY t, line 2");
        let hint = |input| outcome(input, |_| {}).failure.and_then(|failure| failure.error.hint);
        assert_eq!(hint(b"a,b\nc\r").as_deref(), Some("Use quoted CSV field to represent carriage return."));
    }

    #[test]
    fn lines_are_counted_by_carriage_returns_until_the_first_line_ends() {
        let line = |input| outcome(input, |_| {}).records.last().map(|record| record.line);
        assert_eq!(line(b"\"\n\n\",\n"), Some(1));
        assert_eq!(line(b"\"\r\r\",\n"), Some(3));
        assert_eq!(line(b"a,\n\"\n\n\",\n"), Some(4));
        assert_eq!(line(b"a,\r\n\"\r\n\",\r\n"), Some(3));
    }

    #[test]
    fn errors_of_a_record() {
        let plain = |input| answer(input, |_| {});
        assert_eq!(plain(b"a\n"), "missing data for column \"b\" @ COPY t, line 1: \"a\"");
        assert_eq!(plain(b"\n"), "missing data for column \"b\" @ COPY t, line 1: \"\"");
        assert_eq!(plain(b"a,b,c\n"), "extra data after last expected column @ COPY t, line 1: \"a,b,c\"");
        assert_eq!(plain(b"a,b,c,\"\n"), "unterminated CSV quoted field @ COPY t, line 1: \"a,b,c,\"\n\"");
        let failure = outcome(b"a,b\nx,\"y\"\",\nz", |_| {}).failure.unwrap();
        assert_eq!((failure.byte_offset, failure.opened_at, failure.line), (4, Some(6), 3));
        let failure = outcome(b"a", |_| {}).failure.unwrap();
        assert_eq!(failure.prefix, [Field::Value(b"a".to_vec())]);
        let long = "é".repeat(51);
        let shown = format!("missing data for column \"b\" @ COPY t, line 1: \"{}...\"", "é".repeat(50));
        assert_eq!(plain(long.as_bytes()), shown);
    }

    #[test]
    fn bytes_that_are_no_characters() {
        let plain = |input| answer(input, |_| {});
        let invalid = |bytes: &str| format!("invalid byte sequence for encoding \"UTF8\": {bytes}");
        assert_eq!(plain(b"a,b\nc,\xFF\n"), format!("a|b / {} @ COPY t, line 2", invalid("0xff")));
        assert_eq!(plain(b"a,b\n\0"), format!("a|b / {} @ COPY t, line 2", invalid("0x00")));
        assert_eq!(plain(b"a,\xF0\x9F"), format!("{} @ COPY t, line 1", invalid("0xf0 0x9f")));
        assert_eq!(plain(b"a,\xED\xA0\x80"), format!("{} @ COPY t, line 1", invalid("0xed 0xa0 0x80")));
        // The byte after a carriage return is looked at before the record counts as read.
        assert_eq!(plain(b"a,b\r\xFF"), format!("{} @ COPY t, line 1", invalid("0xff")));
    }

    #[test]
    fn headers() {
        let with = |header| move |options: &mut Options<'_>| options.header = header;
        assert_eq!(answer(b"\"x\n\"\na,b\n", with(Header::Skip)), "a|b");
        assert_eq!(answer(b"\"never closed\na,b\n", with(Header::Skip)), "");
        assert_eq!(answer(b"a,b\n1,2\n", with(Header::Match)), "1|2");
        let mismatch = "column name mismatch in header line field 2: got";
        assert_eq!(
            answer(b"a,x\n", with(Header::Match)),
            format!("{mismatch} \"x\", expected \"b\" @ COPY t, line 1: \"a,x\"")
        );
        assert_eq!(
            answer(b"a,\n", with(Header::Match)),
            format!("{mismatch} null value (\"\"), expected \"b\" @ COPY t, line 1: \"a,\"")
        );
        assert_eq!(
            answer(b"", with(Header::Match)),
            "wrong number of fields in header line: got 1, expected 2 @ COPY t, line 1: \"\""
        );
        assert_eq!(outcome(b"a,b", with(Header::Match)).header_lines, 1);
        assert_eq!(outcome(b"", with(Header::Skip)).header_lines, 0);
    }
}
