//! Pages that a server gives in place of a file: to log in at, or to tell of an error.

use copyist_core::{DataError, ErrorCode};
use copyist_scan::Separator;

use crate::failure::Failure;

/// A page where records should begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// What it seems to be.
    pub what: &'static str,
    /// The line of the text on which it begins.
    pub line: u64,
}

const LIKE_HTML: &str = "It begins like an HTML page: one to log in at, perhaps, or one that tells of an error.";
const LIKE_XML: &str = "It begins like XML: the answer of a server, perhaps, that tells of an error.";
const LIKE_JSON: &str = "It begins like JSON: the answer of a server, perhaps, that tells of an error.";

/// What a text seems to be that a server gives in place of a file, if it does; the text may be `all` of it.
pub(crate) fn page_of(text: &[u8], delimiter: Option<Separator>, all: bool) -> Option<Page> {
    let begun = text.trim_ascii_start();
    let what = like(begun, delimiter, all)?;
    let blank = &text[..text.len() - begun.len()];
    Some(Page { what, line: 1 + memchr::memchr_iter(b'\n', blank).count() as u64 })
}

fn like(text: &[u8], delimiter: Option<Separator>, all: bool) -> Option<&'static str> {
    let (line, below) = text.split_at(memchr::memchr(b'\n', text).unwrap_or(text.len()));
    let line = line.trim_ascii_end();
    let has_more = !below.trim_ascii().is_empty();
    let is_alone = all && !has_more;
    match text.first()? {
        b'<' => like_tags(text, line, delimiter, is_alone),
        open @ (b'{' | b'[') => {
            let within = text[1..].trim_ascii_start().first()?;
            let is_json = match open {
                // An object on a line of its own, with more below it, is a file of such lines.
                b'{' if *within == b'"' => !(line.ends_with(b"}") && has_more),
                b'{' => is_alone && *within == b'}',
                // Some programs write the names of columns as `[id]`.
                _ => matches!(within, b'{' | b'"' | b']') && (line == b"[" || is_alone && line.ends_with(b"]")),
            };
            is_json.then_some(LIKE_JSON)
        }
        _ => None,
    }
}

fn like_tags(text: &[u8], line: &[u8], delimiter: Option<Separator>, is_alone: bool) -> Option<&'static str> {
    let rest = |mark: &str| {
        let (start, rest) = text.split_at_checked(mark.len())?;
        start.eq_ignore_ascii_case(mark.as_bytes()).then_some(rest)
    };
    let is_comment = rest("<!--").is_some();
    let close: &[u8] = if is_comment { b"-->" } else { b">" };
    let tag = memchr::memmem::find(text, close).map_or(text, |at| &text[..at + close.len()]);
    // Some programs write the names of columns as `<DATE>`, or a remark before them.
    if delimiter.is_some_and(|delimiter| text[tag.len()..].starts_with(delimiter.as_bytes())) {
        return None;
    }
    let begins_tag = |mark: &str| {
        let end = rest(mark).map(<[u8]>::first);
        matches!(end, Some(None | Some(b'>' | b'/' | b' ' | b'\t' | b'\r' | b'\n')))
    };
    if is_comment || HTML.into_iter().any(begins_tag) {
        return Some(LIKE_HTML);
    }
    let is_in_space = memchr::memmem::find(tag, b"xmlns").is_some_and(|at| tag[at - 1].is_ascii_whitespace());
    let is_element = line.ends_with(b"/>") || line.ends_with(b">") && memchr::memmem::find(line, b"</").is_some();
    let is_xml = begins_tag("<?xml") || begins_tag("<error") || is_in_space || is_alone && is_element;
    is_xml.then_some(LIKE_XML)
}

/// What pages begin with.
const HTML: [&str; 6] = ["<!doctype html", "<html", "<head", "<title", "<body", "<script"];

/// The failure of an input that begins like a page where its header should be.
pub(crate) fn no_header(name: &str, page: Page) -> Failure {
    let message = format!("the first line of \"{name}\" is no header");
    let mut failure = Failure::whole(DataError::new(ErrorCode::BadCopyFileFormat, message).with_hint(page.what));
    (failure.line, failure.byte_offset) = (Some(1), Some(0));
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(text: &str) -> Option<&'static str> {
        page_of(text.as_bytes(), Separator::new(b","), true).map(|page| page.what)
    }

    #[test]
    fn pages_are_told_from_names() {
        for html in ["<html>", "<!DOCTYPE html>\n", "<!-- x\n-->\n<html>", "<TITLE>a,b</TITLE>", "<head\nx>"] {
            assert_eq!(like(html), Some(LIKE_HTML), "{html}");
        }
        for xml in ["<?xml version='1.0'?>", "<error>x", "<s:Envelope xmlns:s='x'>\n<s:Body/>", "<a>b,c</a>\n", "<a/>"]
        {
            assert_eq!(like(xml), Some(LIKE_XML), "{xml}");
        }
        for json in ["{}", "[]\n", "[ ]", "[{\"a\":1}]", "[\n{\"a\":1}\n]", "{\"a\":1,\"b\":2}", "{\n \"a\": 1\n}"] {
            assert_eq!(like(json), Some(LIKE_JSON), "{json}");
        }
        for names in [
            "<TITLE>,<BODY>\nx,y",
            "<error>,<html>",
            "<!-- of X -->,b\nx,y",
            "<DATE>\n1",
            "<xmlns>\n1",
            "<b>id</b>\n1",
            "{id},{note}",
            "[id],[note]",
            "[\"a\",1]\n[\"b\",2]",
            "{\"a\":1}\n{\"b\":2}",
            "[",
            "",
        ] {
            assert_eq!(like(names), None, "{names}");
        }
    }

    #[test]
    fn a_page_has_a_line() {
        let page = page_of(b"\r\n\n <html>\n", None, true);
        assert_eq!(page.map(|page| page.line), Some(3));
        // What comes of an input that goes on may be a line of many.
        assert_eq!(page_of(b"[]\n", None, false), None);
    }
}
