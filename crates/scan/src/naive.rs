//! The scanner a byte at a time, in the order in which PostgreSQL's `CopyReadLineText` looks at them: the oracle of the
//! tests, and the code for grammars that are not regular (see [`Grammar`]).

use crate::grammar::{Eol, Grammar, Indexed};
use std::ops::ControlFlow;

/// A byte with a meaning.
enum Event {
    /// The last byte of a delimiter outside quotes, not escaped.
    Delimiter,
    /// The last byte of a record end.
    End,
    /// A CR or LF that the style of line ends forbids.
    Stray,
    /// A backslash before a full stop.
    EndMarker,
    /// A quote that begins quoting and is not the second half of a doubled quote.
    Open,
}

/// Calls `visit` with the offset of each byte that has a meaning, in order, until it breaks. Answers whether the data
/// ends inside quotes.
fn walk(
    data: &[u8],
    grammar: Grammar,
    eol: Eol,
    mut visit: impl FnMut(usize, Event) -> ControlFlow<()>,
) -> ControlFlow<(), bool> {
    let (mut in_quote, mut last_was_escape) = (false, false);
    // Offset after the last quote that ended quoting.
    let mut closed = None;
    let mut offset = 0;
    while let Some(&byte) = data.get(offset) {
        let next = data.get(offset + 1).copied();
        let delimiter = match grammar {
            Grammar::Csv { delimiter, quote, escape } => {
                if in_quote && byte == escape {
                    last_was_escape = !last_was_escape;
                }
                // Where the escape is the quote, it would be taken for escaped by itself: then it only toggles.
                if byte == quote && (!last_was_escape || escape == quote) {
                    in_quote = !in_quote;
                    if !in_quote {
                        closed = Some(offset + 1);
                    } else if escape != quote || closed != Some(offset) {
                        visit(offset, Event::Open)?;
                    }
                }
                if byte != escape {
                    last_was_escape = false;
                }
                Some(delimiter)
            }
            Grammar::Text { delimiter, .. } => Some(delimiter),
            Grammar::Plain { delimiter } => delimiter,
        };
        let is_text = matches!(grammar, Grammar::Text { .. });
        let (rest, other) = (&data[offset..], matches!(eol, Eol::Other(_)));
        if in_quote {
            offset += 1;
        } else if let Eol::Other(end) = eol
            && rest.starts_with(end.as_bytes())
        {
            visit(offset + end.len() - 1, Event::End)?;
            offset += end.len();
        } else if byte == b'\r' && !other {
            match eol {
                Eol::CrLf if next == Some(b'\n') => {
                    visit(offset + 1, Event::End)?;
                    offset += 1;
                }
                Eol::Cr => visit(offset, Event::End)?,
                Eol::CrLf | Eol::Lf | Eol::Other(_) => visit(offset, Event::Stray)?,
            }
            offset += 1;
        } else if byte == b'\n' && !other {
            visit(offset, if eol == Eol::Lf { Event::End } else { Event::Stray })?;
            offset += 1;
        } else if byte == b'\\' && is_text {
            if next == Some(b'.') && matches!(grammar, Grammar::Text { marker: true, .. }) {
                visit(offset, Event::EndMarker)?;
            }
            // Whatever comes next is not looked at.
            offset += 2;
        } else if let Some(delimiter) = delimiter
            && rest.starts_with(delimiter.as_bytes())
            && !has_end(&rest[1..], delimiter.len() - 1, eol)
        {
            visit(offset + delimiter.len() - 1, Event::Delimiter)?;
            offset += delimiter.len();
        } else {
            offset += 1;
        }
    }
    ControlFlow::Continue(in_quote)
}

/// Whether what ends a record begins in the first `within` bytes: a delimiter cannot have it inside.
fn has_end(data: &[u8], within: usize, eol: Eol) -> bool {
    matches!(eol, Eol::Other(end) if (0..within).any(|at| data[at..].starts_with(end.as_bytes())))
}

/// See [`Scanner::index`](crate::Scanner::index).
pub fn index(data: &[u8], grammar: Grammar, eol: Eol, offsets: &mut Vec<u32>) -> Indexed {
    offsets.clear();
    let mut indexed = Indexed::default();
    let mut open_quote = None;
    let end = walk(data, grammar, eol, |offset, event| {
        match event {
            Event::Delimiter => offsets.push(offset as u32),
            Event::End => {
                offsets.push(offset as u32);
                indexed.records += 1;
            }
            Event::Stray => {
                indexed.stray_eol = Some(offset);
                return ControlFlow::Break(());
            }
            Event::EndMarker => {
                indexed.end_marker = Some(offset);
                return ControlFlow::Break(());
            }
            Event::Open => {
                open_quote = Some(offset);
                let begins_field = offset == 0 || offsets.last() == Some(&(offset as u32 - 1));
                indexed.inner_quotes |= !begins_field && !is_quote(grammar, data[offset - 1]);
            }
        }
        ControlFlow::Continue(())
    });
    if end == ControlFlow::Continue(true) {
        indexed.open_quote = open_quote;
    }
    match grammar {
        Grammar::Csv { quote, escape, .. } => {
            indexed.quotes = data.contains(&quote);
            if escape != quote {
                indexed.inner_quotes = indexed.quotes;
            }
            indexed.backslashes = true;
        }
        Grammar::Text { .. } => {
            indexed.quotes = true;
            indexed.inner_quotes = true;
            indexed.backslashes = data.contains(&b'\\');
        }
        Grammar::Plain { .. } => {}
    }
    indexed
}

fn is_quote(grammar: Grammar, byte: u8) -> bool {
    matches!(grammar, Grammar::Csv { quote, .. } if quote == byte)
}

/// The quote that is open at the end of `data`, as in [`Indexed::open_quote`], of data with a record start at 0.
pub(crate) fn open_quote(data: &[u8], grammar: Grammar, eol: Eol) -> Option<usize> {
    let mut open_quote = None;
    let end = walk(data, grammar, eol, |offset, event| {
        if let Event::Open = event {
            open_quote = Some(offset);
        }
        ControlFlow::Continue(())
    });
    open_quote.filter(|_| end == ControlFlow::Continue(true))
}

/// See [`Scanner::last_record_end`](crate::Scanner::last_record_end).
pub fn last_record_end(data: &[u8], grammar: Grammar, eol: Eol) -> Option<usize> {
    let mut last = None;
    let _end = walk(data, grammar, eol, |offset, event| {
        if let Event::End = event {
            last = Some(offset + 1);
        }
        ControlFlow::Continue(())
    });
    last
}

/// See [`Scanner::first_records_end`](crate::Scanner::first_records_end).
pub fn first_records_end(data: &[u8], records: usize, grammar: Grammar, eol: Eol) -> Option<usize> {
    let mut missing = records;
    let mut end = (records == 0).then_some(0);
    let _stopped = walk(data, grammar, eol, |offset, event| {
        if missing == 0 {
            return ControlFlow::Break(());
        }
        if let Event::End = event {
            missing -= 1;
            if missing == 0 {
                end = Some(offset + 1);
            }
        }
        ControlFlow::Continue(())
    });
    end
}

/// See [`Scanner::quotes_are_sound`](crate::Scanner::quotes_are_sound).
#[cfg(any(test, feature = "naive"))]
pub fn quotes_are_sound(data: &[u8], delimiter: crate::Separator, quote: u8, eol: Eol) -> bool {
    let mut in_quote = false;
    for (offset, &byte) in data.iter().enumerate() {
        if byte != quote {
            continue;
        }
        in_quote = !in_quote;
        let (before, after) = (&data[..offset], &data[offset + 1..]);
        let sound = if in_quote {
            before.last().is_none_or(|&byte| byte == quote || byte == eol.last_byte())
                || before.ends_with(delimiter.as_bytes())
        } else {
            after.first().is_none_or(|&byte| byte == quote || byte == eol.first_byte())
                || after.starts_with(delimiter.as_bytes())
        };
        if !sound {
            return false;
        }
    }
    !in_quote
}

/// See [`Scanner::count`](crate::Scanner::count).
#[cfg(any(test, feature = "naive"))]
pub fn count(data: &[u8], byte: u8) -> usize {
    data.iter().filter(|candidate| **candidate == byte).count()
}

/// See [`Scanner::non_ascii_or_nul`](crate::Scanner::non_ascii_or_nul).
#[cfg(any(test, feature = "naive"))]
pub fn non_ascii_or_nul(data: &[u8]) -> (bool, bool) {
    (!data.is_ascii(), data.contains(&0))
}
