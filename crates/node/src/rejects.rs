//! Refused records on their way to JavaScript. As one text for many of them: objects that are made one by one across the boundary cost more
//! than all else that is done to a record.

use std::fmt::Write;

use copyist_format::Flaw;
use copyist_transcode::Reject;
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

/// Records that were refused, and rows with a value that was replaced.
#[napi(object)]
pub struct BindingRejects {
    pub count: u32,
    /// JSON, for each record `[file, position, line, lastLine, byteOffset, byteLength, rawLength, isCut, isMended, recordsBefore, flaws, told]`, of which
    /// `file` is the number of the input in the order of the load, from 0, and `position` is how many bytes of records are before it in all inputs; the numbers and strings of a flaw, one
    /// after the other, are its column (from 0, -1 for none), its code (an index into `errorCodes()`), message, detail and value, null for none.
    /// Those of a value that is told are its column and its text, null for NULL; without any such value `told` is missing.
    pub told: String,
    /// What is kept of their bytes, one after the other: a buffer for each would be as dear.
    pub raw: Buffer,
}

/// Bytes of a value that are told.
const MOST_SHOWN: usize = 1024;

/// About how long the text of a record is.
const TEXT: usize = 256;

pub fn rejects(records: &[Reject]) -> BindingRejects {
    let mut told = String::with_capacity(2 + TEXT * records.len());
    let mut raw = Vec::with_capacity(records.iter().map(|record| record.raw.len()).sum());
    told.push('[');
    for record in records {
        raw.extend_from_slice(&record.raw);
        let Reject {
            file, position, line, last_line, byte_offset, byte_len, is_cut, is_mended, records_before, ..
        } = record;
        let before = if told.len() > 1 { "," } else { "" };
        // Writing to a string does not fail.
        let _ = write!(
            told,
            "{before}[{file},{position},{line},{last_line},{byte_offset},{byte_len},{},{is_cut},{is_mended},{records_before},[",
            record.raw.len()
        );
        for (index, flaw) in record.flaws.iter().enumerate() {
            if index > 0 {
                told.push(',');
            }
            push_flaw(&mut told, flaw);
        }
        told.push(']');
        for (index, value) in record.told.iter().enumerate() {
            let before = if index == 0 { ",[" } else { "," };
            let _ = write!(told, "{before}{},", value.column);
            push_optional(&mut told, value.text.as_deref().map(String::from_utf8_lossy).as_deref());
        }
        told.push_str(if record.told.is_empty() { "]" } else { "]]" });
    }
    told.push(']');
    BindingRejects { count: records.len() as u32, told, raw: raw.into() }
}

fn push_flaw(told: &mut String, Flaw { column, error, value }: &Flaw) {
    let column = column.map_or(-1, |column| column as i64);
    let _ = write!(told, "{column},{},", error.code as usize);
    push_string(told, &error.message);
    told.push(',');
    push_optional(told, error.detail.as_deref());
    told.push(',');
    let value = value.as_ref().map(|value| String::from_utf8_lossy(&value[..value.len().min(MOST_SHOWN)]));
    push_optional(told, value.as_deref());
}

fn push_optional(told: &mut String, text: Option<&str>) {
    match text {
        Some(text) => push_string(told, text),
        None => told.push_str("null"),
    }
}

fn push_string(told: &mut String, text: &str) {
    told.push('"');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        told.push_str(&text[from..at]);
        let _ = write!(told, "\\u{byte:04x}");
        from = at + 1;
    }
    told.push_str(&text[from..]);
    told.push('"');
}

#[cfg(test)]
mod tests {
    use super::push_string;

    #[test]
    fn strings_are_those_of_json() {
        let mut told = String::new();
        push_string(&mut told, "a\"b\\c\n\0ü\u{2028}😀");
        assert_eq!(told, "\"a\\u0022b\\u005cc\\u000a\\u0000ü\u{2028}😀\"");
    }
}
