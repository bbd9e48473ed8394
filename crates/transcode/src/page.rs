//! Pages that a server gives in place of a file: to log in at, or to tell of an error.

use copyist_core::{DataError, ErrorCode};

use crate::failure::Failure;

/// What a text seems to be that a server gives in place of a file. Some programs write the names of columns as `<DATE>`.
pub(crate) fn page_of(text: &[u8]) -> Option<&'static str> {
    let text = text.trim_ascii_start();
    let rest = |mark: &str| {
        let (start, rest) = text.split_at_checked(mark.len())?;
        start.eq_ignore_ascii_case(mark.as_bytes()).then_some(rest)
    };
    let begins_tag = |mark: &str| {
        let end = rest(mark).map(<[u8]>::first);
        matches!(end, Some(None | Some(b'>' | b'/' | b' ' | b'\t' | b'\r' | b'\n')))
    };
    let is_html = rest("<!--").is_some() || HTML.into_iter().any(begins_tag);
    if is_html {
        return Some("It begins like an HTML page: one to log in at, perhaps, or one that tells of an error.");
    }
    if begins_tag("<?xml") || begins_tag("<error") {
        return Some("It begins like XML: the answer of a server, perhaps, that tells of an error.");
    }
    // An object on a line of its own, with more below it, is a file of such lines.
    let (line, below) = text.split_at(memchr::memchr(b'\n', text).unwrap_or(text.len()));
    let is_of_lines = line.trim_ascii_end().ends_with(b"}") && !below.trim_ascii().is_empty();
    rest("{")
        .is_some_and(|rest| rest.trim_ascii_start().starts_with(b"\"") && !is_of_lines)
        .then_some("It begins like JSON: the answer of a server, perhaps, that tells of an error.")
}

/// What pages begin with.
const HTML: [&str; 6] = ["<!doctype html", "<html", "<head", "<title", "<body", "<script"];

/// The failure of an input that begins like a page where its header should be. What it seems to be is told with it.
pub(crate) fn no_header(name: &str) -> Failure {
    let message = format!("the first line of \"{name}\" is no header");
    let mut failure = Failure::whole(DataError::new(ErrorCode::BadCopyFileFormat, message));
    (failure.line, failure.byte_offset) = (Some(1), Some(0));
    failure
}
