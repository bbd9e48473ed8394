//! Reading on after a broken quote.
//!
//! A quote that is not closed where its field ends swallows what follows, up to the next quote of the file, which then opens what it
//! should close: every record after it would be read wrongly. Where a record is refused by itself the damage is kept small: a record that
//! spans lines and has a quote where no field begins or ends is taken to begin with a broken line. So is one that never ends. That line
//! alone is refused, and reading goes on with the next one, outside quotes. (PostgreSQL takes quotes anywhere, but nobody writes lines
//! so: rather are such records refused, where they can be seen, than lines swallowed by a field.)
//!
//! A record that is longer than may be could end later, and the lines in it be part of a value. Where all its quotes are in their place these are
//! read as records only if the first of them that are at hand look like such, and with them the line that the record begins with; else it ends
//! the load.
//!
//! Where lines end in CR LF, or CR, a line feed in quotes is one of the value, and ends no broken line. But such a file may go on with lines that end in
//! a line feed alone, each of which is a refused record ([`Plan::ends_at_feeds`]): among those, and where no other line end follows, it does.
//!
//! Whether a record is such depends on nothing but itself and how the one before it ends, so the result is the same however the input is cut.

use std::cell::Cell;

use copyist_format::Plan;
use copyist_scan::{Eol, Grammar, Separator};
use memchr::{memchr, memchr2, memchr3};

/// Where a tile ends, and the broken lines in it.
pub(crate) struct Cut {
    pub len: usize,
    pub breaks: Vec<(u32, u32)>,
}

/// Whether this applies to the plan.
pub(crate) fn applies(plan: &Plan) -> bool {
    plan.is_csv() && plan.tolerance.structure && plan.grammar.is_regular(Eol::Lf)
}

/// Whether all quotes in `data`, which are whole records, are certainly where they should be.
pub(crate) fn is_sound(plan: &Plan, data: &[u8], eol: Eol) -> bool {
    match plan.grammar {
        Grammar::Csv { delimiter, quote, escape } if escape == quote => {
            plan.scanner.quotes_are_sound(data, delimiter, quote, eol)
        }
        Grammar::Csv { quote, .. } => plan.scanner.count(data, quote) == 0,
        Grammar::Text { .. } | Grammar::Plain { .. } => true,
    }
}

/// The line end that comes first, quoted or not.
pub(crate) fn raw_eol(data: &[u8], end: bool) -> Option<Eol> {
    let at = memchr2(b'\n', b'\r', data)?;
    match (data[at], data.get(at + 1)) {
        (b'\n', _) => Some(Eol::Lf),
        (_, Some(b'\n')) => Some(Eol::CrLf),
        (_, None) if !end => None,
        _ => Some(Eol::Cr),
    }
}

/// Whether records, which are all of `data`, end in a line feed where others end lines.
pub(crate) fn ends_at_feed(plan: &Plan, data: &[u8], eol: Eol) -> bool {
    plan.ends_at_feeds(eol) && data.ends_with(b"\n") && !(eol == Eol::CrLf && data.ends_with(b"\r\n"))
}

/// A line's end, and where the next one begins.
type LineEnd = (usize, usize);

/// How a record ended.
enum Ended {
    Line(LineEnd),
    /// With the data, outside quotes.
    Data,
    /// With the data, inside quotes.
    Quoted,
}

struct Record {
    ended: Ended,
    /// It has a quote where no field begins or ends.
    is_odd: bool,
}

/// Lines that are looked at to tell records from the lines of a value.
const LINES_SEEN: usize = 1_000;

/// Cuts `data`, which begins at a record's start, `after_feed` behind one that has [ended so](ends_at_feed). `end`: the input ends with it.
/// `give_up`: the first record is longer than may be. None when more data are needed to find its end, or it is no broken line either.
pub(crate) fn cut(plan: &Plan, data: &[u8], eol: Eol, after_feed: bool, end: bool, give_up: bool) -> Option<Cut> {
    let Grammar::Csv { delimiter, quote, escape } = plan.grammar else { return None };
    let has_feeds = plan.ends_at_feeds(eol);
    let rules = Rules {
        plan,
        delimiter,
        quote,
        escape,
        eol,
        has_feeds,
        open_from: Cell::new(usize::MAX),
        closed: Cell::new((1, 0)),
    };
    let mut breaks = Vec::new();
    let mut at = 0;
    let mut after_feed = after_feed;
    while at < data.len() {
        let record = rules.record(data, at);
        let mut feeds = after_feed || matches!(record.ended, Ended::Line(ended) if rules.is_feed(data, ended));
        let mut line = rules.line_end(data, at, feeds);
        if has_feeds && line.is_none() && matches!(record.ended, Ended::Quoted) {
            feeds = true;
            line = rules.line_end(data, at, feeds);
        }
        let (line_end, next_line) = line.unwrap_or((data.len(), data.len()));
        let is_broken = match record.ended {
            Ended::Line((stop, _)) => record.is_odd && line_end < stop,
            Ended::Quoted if end => true,
            Ended::Quoted => {
                let has_lines = give_up && at == 0 && line_end < data.len();
                has_lines && (record.is_odd || rules.are_records(data, (line_end, next_line), feeds))
            }
            Ended::Data => end && record.is_odd && line_end < data.len(),
        };
        let ended = match record.ended {
            _ if is_broken => (line_end, next_line),
            Ended::Line(ended) => ended,
            Ended::Data | Ended::Quoted if end => (data.len(), data.len()),
            Ended::Data | Ended::Quoted => break,
        };
        if is_broken {
            breaks.push((at as u32, line_end as u32));
        }
        after_feed = rules.is_feed(data, ended);
        at = ended.1;
    }
    (at > 0).then_some(Cut { len: at, breaks })
}

struct Rules<'a> {
    plan: &'a Plan,
    delimiter: Separator,
    quote: u8,
    escape: u8,
    eol: Eol,
    /// Whether a line feed ends records, too.
    has_feeds: bool,
    /// Quoting that begins here or later is known not to end in the data: to find that out for every line would take for ever.
    open_from: Cell<usize>,
    /// Quoting that begins between these ends with the second: a line that is broken begins within what its quote has passed over.
    closed: Cell<(usize, usize)>,
}

impl Rules<'_> {
    /// The line end that begins at `at`, if one does. `feeds`: a line feed is one, too.
    fn line_end_at(&self, data: &[u8], at: usize, feeds: bool) -> Option<LineEnd> {
        let is_own = match self.eol {
            Eol::Lf => data[at] == b'\n',
            Eol::Cr => data[at] == b'\r',
            Eol::CrLf => data[at] == b'\r' && data.get(at + 1) == Some(&b'\n'),
            Eol::Other(end) => data[at..].starts_with(end.as_bytes()),
        };
        let len = if is_own { self.eol.len() } else { 1 };
        let ends = is_own || feeds && data[at] == b'\n' && self.plan.ends_at_feed(self.eol, data, at);
        ends.then_some((at, at + len))
    }

    /// Whether a line has ended in a line feed where others end lines.
    fn is_feed(&self, data: &[u8], (stop, _): LineEnd) -> bool {
        self.has_feeds && data.get(stop) == Some(&b'\n')
    }

    /// How the line that begins at `from` ends, whatever is quoted. `feeds`: a line feed ends it, too.
    fn line_end(&self, data: &[u8], from: usize, feeds: bool) -> Option<LineEnd> {
        let first = self.eol.first_byte();
        let feed = if feeds { b'\n' } else { first };
        let mut at = from;
        while let Some(found) = memchr2(first, feed, &data[at..]) {
            let ended = self.line_end_at(data, at + found, feeds);
            if ended.is_some() {
                return ended;
            }
            at += found + 1;
        }
        None
    }

    /// Whether most of the lines behind the first one have as many delimiters as it has, whether or not these stand behind its quote that is not
    /// closed. Lines of a value are seldom so: the first one has those of its own record before it. With fewer than two that would prove little.
    fn are_records(&self, data: &[u8], (line_end, next): LineEnd, feeds: bool) -> bool {
        let (expected, open) = self.delimiters(&data[..line_end]);
        if expected < 2 || open.is_none_or(|quote| quote + 1 == line_end) {
            return false;
        }
        let (mut lines, mut alike) = (0, 0);
        let mut at = next;
        while lines < LINES_SEEN
            && at < data.len()
            // What the last one has is not all there.
            && let Some((stop, next)) = self.line_end(data, at, feeds)
        {
            lines += 1;
            alike += usize::from(self.delimiters(&data[at..stop]).0 == expected);
            at = next;
        }
        alike * 2 > lines
    }

    /// How many there are in one line, but in quotes that are closed, and where the quote is that is not.
    fn delimiters(&self, line: &[u8]) -> (usize, Option<usize>) {
        let (mut count, mut at, mut open) = (0, 0, None);
        while at < line.len() {
            if line[at] == self.quote && open.is_none() {
                let close = self.find_closing(line, at + 1);
                if close.is_none() {
                    open = Some(at);
                }
                at = close.unwrap_or(at) + 1;
            } else if line[at..].starts_with(self.delimiter.as_bytes()) {
                count += 1;
                at += self.delimiter.len();
            } else {
                at += 1;
            }
        }
        (count, open)
    }

    /// What [`Scanner::quotes_are_sound`](copyist_scan::Scanner::quotes_are_sound) finds nothing wrong with must not be broken here.
    fn record(&self, data: &[u8], start: usize) -> Record {
        let mut record = Record { ended: Ended::Data, is_odd: false };
        let (first, last) = (self.eol.first_byte(), self.eol.last_byte());
        let feed = if self.has_feeds { b'\n' } else { first };
        let mut at = start;
        while let Some(found) = memchr3(self.quote, first, feed, &data[at..]) {
            let here = at + found;
            at = here + 1;
            if data[here] != self.quote {
                if let Some(ended) = self.line_end_at(data, here, self.has_feeds) {
                    record.ended = Ended::Line(ended);
                    return record;
                }
                continue;
            }
            record.is_odd |= !self.begins(data, start, here, last);
            let Some(close) = self.closing(data, at) else {
                record.ended = Ended::Quoted;
                return record;
            };
            at = close + 1;
            record.is_odd |= !self.ends(data, at, first, feed);
        }
        record
    }

    /// Whether a quote opens at the beginning of a field, or is the second of a doubled one. Blanks before it are no mistake.
    fn begins(&self, data: &[u8], start: usize, quote: usize, last: u8) -> bool {
        let mut before = &data[start..quote];
        if before.last() == Some(&self.quote) {
            return true;
        }
        loop {
            if before.is_empty() || before.ends_with(self.delimiter.as_bytes()) || before.last() == Some(&last) {
                return true;
            }
            match before {
                [rest @ .., b' ' | b'\t'] => before = rest,
                _ => return false,
            }
        }
    }

    /// Whether the quote before `after` closes at the end of a field, or is the first of a doubled one. Blanks behind it are no mistake, nor is
    /// the line end of another file.
    fn ends(&self, data: &[u8], after: usize, first: u8, feed: u8) -> bool {
        let mut rest = &data[after..];
        if rest.first() == Some(&self.quote) {
            return true;
        }
        loop {
            if rest.is_empty() || rest.starts_with(self.delimiter.as_bytes()) || rest[0] == first || rest[0] == feed {
                return true;
            }
            if self.eol == Eol::Lf && rest[0] == b'\r' {
                return true;
            }
            match rest {
                [b' ' | b'\t', more @ ..] => rest = more,
                _ => return false,
            }
        }
    }

    /// The quote that ends the quoting which begins at `from`.
    fn closing(&self, data: &[u8], from: usize) -> Option<usize> {
        if from >= self.open_from.get() {
            return None;
        }
        // After a quote, escapes are told apart as they are here: it was passed over as a whole.
        let (first, close) = self.closed.get();
        if (first..=close).contains(&from) {
            return Some(close);
        }
        let found = self.find_closing(data, from);
        match found {
            Some(close) => self.closed.set((from, close)),
            None => self.open_from.set(from),
        }
        found
    }

    fn find_closing(&self, data: &[u8], from: usize) -> Option<usize> {
        if self.escape == self.quote {
            return memchr(self.quote, &data[from..]).map(|found| from + found);
        }
        let mut at = from;
        while let Some(found) = memchr2(self.quote, self.escape, &data[at..]) {
            let here = at + found;
            if data[here] == self.quote {
                return Some(here);
            }
            let next = data.get(here + 1);
            at = here + 1 + usize::from(next == Some(&self.quote) || next == Some(&self.escape));
        }
        None
    }
}
