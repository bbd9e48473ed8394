//! One tile in, columns out, and the first error where PostgreSQL would have stopped.

use std::sync::Arc;

use copyist_core::{DataError, ErrorCode, Result};
use copyist_scan::{Eol, Grammar};

use crate::column::Column;
use crate::csv::Csv;
use crate::fault::{Fault, Shown};
use crate::field::{Field, Fields, Plain};
use crate::fixed::{Positions, Ruler};
use crate::origin::{Constants, Numbers, RecordPlace, TooLarge};
use crate::pgbinary::Tuples;
use crate::refusal::{Places, Refusal};
use crate::text::{Text, end_marker_error};
use crate::tile::{LOOK_AHEAD, PAD, Tile};
use crate::values::{Rows, Span, explain_value, values_for};
use crate::{BadValue, Header, Plan, clean, utf8};

/// What a tile held.
#[derive(Debug)]
pub struct Decoded {
    pub columns: Vec<Column>,
    /// Bytes of rewritten values.
    pub arena: Vec<u8>,
    /// Rows in every column: all of the tile, or those before the error or the end marker.
    pub rows: usize,
    /// Offset in the tile's data of the first row's record.
    pub start: u32,
    /// Structural offsets before those of the first row.
    first_offset: usize,
    /// 1 when a header was passed over.
    pub header_lines: u64,
    /// Lines of the tile as PostgreSQL counts them.
    pub lines: u64,
    /// Why the tile ends early.
    pub fault: Option<Fault>,
    /// TEXT: the data ended here at `\.`; what follows in the input is not data.
    pub ended: bool,
    /// Records that were refused by themselves, in the order of the tile.
    pub refusals: Vec<Refusal>,
    /// Rows with a value that was refused and replaced.
    pub mended: u64,
    /// What was replaced in them, as if they had been refused, where that is told.
    pub mendings: Vec<Refusal>,
    /// Where the rows are, if records between them were taken out.
    pub places: Option<Places>,
    /// Records that do not meet the conditions.
    pub passed_over: u64,
    /// Empty lines that were passed over.
    pub blank_lines: u64,
    /// Rows with a refused value, and those with one that was replaced; reused memory.
    pub(crate) refused_rows: Vec<u32>,
    pub(crate) mended_rows: Vec<u32>,
    pub(crate) tells_mendings: bool,
}

impl Decoded {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            columns: plan
                .columns
                .iter()
                .map(|column| Column::of(column, values_for(plan.layout, &column.ty)))
                .collect(),
            arena: Vec::new(),
            rows: 0,
            start: 0,
            first_offset: 0,
            header_lines: 0,
            lines: 0,
            fault: None,
            ended: false,
            refusals: Vec::new(),
            mended: 0,
            mendings: Vec::new(),
            places: None,
            passed_over: 0,
            blank_lines: 0,
            refused_rows: Vec::new(),
            mended_rows: Vec::new(),
            tells_mendings: true,
        }
    }

    /// Forgets all that was decoded, and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.columns.iter_mut().for_each(Column::clear);
        self.arena.clear();
        (self.rows, self.start, self.first_offset, self.header_lines, self.lines) = (0, 0, 0, 0, 0);
        (self.fault, self.ended, self.mended, self.places) = (None, false, 0, None);
        (self.passed_over, self.blank_lines) = (0, 0);
        self.refusals.clear();
        self.mendings.clear();
    }
}

/// Decodes tiles; reuses its memory from one to the next.
pub struct Decoder {
    plan: Arc<Plan>,
    constants: Arc<Constants>,
    offsets: Vec<u32>,
    spans: Vec<Span>,
    tuples: Tuples,
    decoded: Decoded,
    tells_mendings: bool,
}

/// Why the tile cannot be read past a position.
#[derive(Clone, Copy)]
enum Event {
    /// The bad byte is here; the event is where PostgreSQL first looks at it, see [`Pass::noticed_at`].
    BadEncoding(usize),
    StrayEol,
    EndMarker,
}

impl Decoder {
    /// A decoder for tiles of one input. [`Plan::check`] must have found nothing.
    #[must_use]
    pub fn new(plan: Arc<Plan>) -> Self {
        let decoded = Decoded::new(&plan);
        let constants = Constants::new(&plan, None).unwrap_or_default();
        Self {
            plan,
            constants: Arc::new(constants),
            offsets: Vec::new(),
            spans: Vec::new(),
            tuples: Tuples::default(),
            decoded,
            tells_mendings: true,
        }
    }

    /// The last tile's result.
    #[must_use]
    pub fn decoded(&self) -> &Decoded {
        &self.decoded
    }

    /// Takes the last tile's refused records.
    pub fn take_refusals(&mut self) -> Vec<Refusal> {
        let Decoded { refusals, places, .. } = &mut self.decoded;
        if let Some(places) = places {
            for refusal in refusals.iter_mut() {
                refusal.rows_before = places.starts.partition_point(|&start| start < refusal.offset) as u32;
            }
        }
        std::mem::take(refusals)
    }

    /// Takes the last tile's rows with values that were replaced.
    pub fn take_mendings(&mut self) -> Vec<Refusal> {
        std::mem::take(&mut self.decoded.mendings)
    }

    /// Whether it is told of the next tiles what was replaced in them.
    pub fn tell_mendings(&mut self, tells: bool) {
        self.tells_mendings = tells;
    }

    /// Where each decoded row's record ends in the last tile's data (its line end excluded); for finding a row again.
    pub fn record_ends(&self, tile: &Tile) -> impl ExactSizeIterator<Item = u32> {
        let trim = tile.trim() as u32;
        let width = self.plan.width();
        // Rows are records of the right width, one after the other.
        let rows = self.offsets[self.decoded.first_offset..].chunks_exact(width);
        rows.take(self.decoded.rows).map(move |row| row[width - 1] - trim)
    }

    /// Records of the last tile that have numbers, see [`crate::Origin::Sequence`]. To be asked before the refusals are taken.
    #[must_use]
    pub fn numbered(&self) -> u64 {
        (self.decoded.rows + self.decoded.refusals.len()) as u64
    }

    /// Gives the rows of the last tile their numbers and places, where `before` records with numbers come before it. The first number that a
    /// column's type refuses ends the load: all that follow would be refused too.
    pub fn number(&mut self, tile: &Tile, before: u64, place: impl Fn(usize) -> RecordPlace) {
        let plan = Arc::clone(&self.plan);
        let Decoded { columns, arena, rows, refusals, places, .. } = &mut self.decoded;
        let constants = &self.constants;
        let gaps = refusals
            .iter()
            .map(|refusal| places.as_ref().map_or(0, |p| p.starts.partition_point(|&start| start < refusal.offset)))
            .collect();
        let first = Numbers { gaps, before, place }.write(&plan, constants, columns, arena, *rows);
        if let Some((column, too_large)) = first {
            self.end_at(tile, column, too_large);
        }
    }

    /// Ends the load at a row of the last tile.
    fn end_at(&mut self, tile: &Tile, column: usize, TooLarge { row, text, error }: TooLarge) {
        let (start, end, line) = match &self.decoded.places {
            Some(places) => (places.starts[row], places.ends[row], u64::from(places.last_lines[row])),
            None => {
                let mut ends = self.record_ends(tile).skip(row.saturating_sub(1));
                let before = if row == 0 { None } else { ends.next() };
                let start = before.map_or(self.decoded.start, |end| end + tile.eol_len() as u32);
                let end = ends.next().unwrap_or(start).min(tile.len as u32);
                let fields = Plain { null: &[], default: None };
                let pass = Pass { plan: &self.plan, constants: &self.constants, tile, data: tile.data(), fields };
                (start, end, pass.lines_before(end as usize, &self.offsets))
            }
        };
        let out = &mut self.decoded;
        out.refusals.retain(|refusal| refusal.offset < start);
        out.mendings.retain(|mending| mending.offset < start);
        if let Some(places) = &mut out.places {
            places.truncate(row);
        }
        out.columns.iter_mut().for_each(|column| column.truncate(row));
        (out.rows, out.ended) = (row, false);
        out.fault = Some(Fault {
            error,
            line,
            record_offset: u64::from(start),
            record_len: u64::from(end - start),
            shown: Shown::Value { column, text },
        });
    }

    /// Where each decoded row ends in the last tile's data, in the binary format.
    #[must_use]
    pub fn tuple_ends(&self) -> &[u32] {
        &self.tuples.ends
    }

    /// Decodes `tile`, replacing the previous result.
    pub fn decode(&mut self, tile: &Tile) -> &Decoded {
        let plan = Arc::clone(&self.plan);
        let out = &mut self.decoded;
        out.clear();
        if let Some(constants) = &tile.constants {
            constants.take_over(&mut self.constants, &plan, &mut out.columns);
        }
        out.tells_mendings = self.tells_mendings;
        out.arena.extend_from_slice(&self.constants.arena);

        if plan.is_binary {
            self.tuples.decode(&plan, tile, out);
            return &self.decoded;
        }
        let data = tile.data();
        let mut indexed = plan.scanner.index(data, plan.grammar, tile.eol.unwrap_or(Eol::Lf), &mut self.offsets);
        if plan.is_of_shape()
            && (!tile.breaks.is_empty() || indexed.stray_eol.is_some() || indexed.end_marker.is_some())
        {
            // What follows there will be read too, and nothing is known of it.
            (indexed.quotes, indexed.inner_quotes, indexed.backslashes) = (true, true, true);
        }
        match plan.grammar {
            Grammar::Csv { quote, escape, .. } => {
                let fields = Csv {
                    quote,
                    escape,
                    null: &plan.null,
                    default: plan.default.as_deref(),
                    quotes: indexed.quotes,
                    inner_quotes: indexed.inner_quotes,
                    unpads: plan.unpads_quotes,
                };
                Pass { plan: &plan, constants: &self.constants, tile, data, fields }.run(
                    &indexed,
                    &mut self.offsets,
                    &mut self.spans,
                    out,
                );
            }
            Grammar::Text { .. } => {
                let fields = Text {
                    null: &plan.null,
                    default: plan.default.as_deref(),
                    backslashes: indexed.backslashes,
                    escapes: plan.escapes,
                };
                Pass { plan: &plan, constants: &self.constants, tile, data, fields }.run(
                    &indexed,
                    &mut self.offsets,
                    &mut self.spans,
                    out,
                );
            }
            Grammar::Plain { .. } => {
                let fields = Plain { null: &plan.null, default: plan.default.as_deref() };
                Pass { plan: &plan, constants: &self.constants, tile, data, fields }.run(
                    &indexed,
                    &mut self.offsets,
                    &mut self.spans,
                    out,
                );
            }
        }
        if self.decoded.rows == 0 {
            // Nothing of the tile before may be taken for rows of this one.
            self.decoded.columns.iter_mut().for_each(|column| column.truncate(0));
        }
        &self.decoded
    }
}

#[inline(always)]
fn eol_byte(eol: Option<Eol>) -> u8 {
    eol.map_or(b'\n', Eol::last_byte)
}

/// One tile's decoding.
pub(crate) struct Pass<'a, F> {
    pub plan: &'a Plan,
    pub constants: &'a Constants,
    pub tile: &'a Tile,
    pub data: &'a [u8],
    pub fields: F,
}

impl<F: Fields> Pass<'_, F> {
    fn run(&self, indexed: &copyist_scan::Indexed, offsets: &mut Vec<u32>, spans: &mut Vec<Span>, out: &mut Decoded) {
        let (plan, data) = (self.plan, self.data);
        let trim = self.tile.trim();
        self.join_quoted(0..data.len(), offsets);
        let event = self.first_event(indexed, offsets);
        let is_irregular = plan.is_of_shape() && self.is_irregular(indexed, event.is_some(), offsets);
        // Two more passes, which a tile of nothing but rows does without.
        let has_single_lines = (is_irregular || plan.selects()) && self.has_single_lines(indexed);
        if is_irregular
            && !plan.tolerance.structure
            && !plan.selects()
            && let Some((at, event)) = event
        {
            self.run_to_event(at, event, has_single_lines, offsets, spans, out);
            return;
        }
        if is_irregular || plan.selects() && !has_single_lines {
            let first = offsets.iter().position(|&offset| self.is_end(offset));
            let first_record = offsets[..first.map_or(0, |at| at + 1)].to_vec();
            self.run_shaped(&first_record, has_single_lines, offsets, spans, out);
            return;
        }
        let mut records = indexed.records;
        if let Some((at, _)) = event {
            offsets.truncate(offsets.partition_point(|&offset| (offset as usize) < at));
            records = offsets.iter().filter(|&&offset| self.is_end(offset)).count();
        } else if self.tile.last && !data.is_empty() && !self.ends_with_record(offsets) {
            // The last line has no line end, whose last byte would be behind it.
            offsets.push((data.len() + trim) as u32);
            records += 1;
        }
        let open_quote = if event.is_none() { indexed.open_quote } else { None };

        let mut first = 0;
        if self.tile.header && records == 0 && self.is_over(event) {
            self.match_no_line(out);
            if out.fault.is_some() {
                return;
            }
        }
        if self.tile.header && records > 0 {
            let end = offsets.iter().position(|&offset| self.is_end(offset)).unwrap_or(offsets.len() - 1);
            first = end + 1;
            records -= 1;
            let unterminated = open_quote.filter(|_| records == 0);
            if plan.header == Header::Match
                && let Err(error) = self.match_header(0, &offsets[..first], unterminated)
            {
                let start = 0;
                out.fault = Some(self.fault(error, start, self.record_end(&offsets[..first]), offsets));
                return;
            }
            out.header_lines = 1;
            if unterminated.is_some() {
                return;
            }
        }

        let width = plan.width();
        let body = &offsets[first..];
        // That all are has been seen where it matters.
        let mut regular = if plan.is_of_shape() { records } else { self.regular_rows(body, records, width) };
        if open_quote.is_some() {
            regular = regular.min(records.saturating_sub(1));
        }
        let positions = self.positions();
        if let Some(positions) = positions {
            regular = self.fitting_lines(
                &body[..regular],
                if first == 0 { 0 } else { offsets[first - 1] as usize + 1 },
                positions,
            );
        }
        let start = if first == 0 { 0 } else { offsets[first - 1] as usize + 1 };
        (out.start, out.first_offset) = (start as u32, first);
        let rows = Rows {
            buffer: &self.tile.buffer,
            offsets: body,
            start: PAD + start,
            width,
            trim,
            gap: plan.gap(),
            fields: self.fields,
            starts: None,
            missing: &[],
            map: plan.map.as_ref().map(|map| &*map.columns),
            fixed: None,
        };
        let lines = (0..regular).map(|row| rows.record(row));
        let table = positions.map(|positions| positions.table(&plan.columns, rows.buffer, lines));
        let rows = Rows { fixed: positions.zip(table.as_deref()), ..rows };
        if plan.selects() {
            let passed_over = self.passed_over(&rows, regular, out);
            if !passed_over.is_empty() {
                self.run_selected(&rows, regular, &passed_over, spans, out);
                out.lines = self.lines(indexed, records + first.min(1), offsets);
                return;
            }
        }
        let mut limit = regular;
        if plan.has_no_fields() {
            limit = (0..regular).find(|&row| matches!(rows.record(row), (s, e) if s != e)).unwrap_or(regular);
        }
        limit = self.take_columns(&rows, limit, spans, out);
        if limit < regular || regular < records {
            out.columns.iter_mut().for_each(|column| column.truncate(limit));
        }
        self.settle(&rows, limit, Places::default(), out);
        if out.fault.is_some() {
            // A row that nobody but the server can judge.
        } else if limit < records {
            out.fault = Some(self.explain_row(body, limit, &rows, offsets, open_quote));
        } else if let Some((at, event)) = event {
            self.end_early(at, event, offsets, out);
        }
        out.lines = self.lines(indexed, records + first.min(1), offsets);
    }

    /// Whether each line end of the tile is that of a record.
    fn has_single_lines(&self, indexed: &copyist_scan::Indexed) -> bool {
        if !self.plan.is_csv() {
            return true;
        }
        if indexed.stray_eol.is_some() || !self.tile.breaks.is_empty() {
            return false;
        }
        let count = |byte| self.plan.scanner.count(self.data, byte);
        let (feeds, returns) = match self.tile.eol {
            Some(Eol::Lf) => (indexed.records, 0),
            Some(Eol::CrLf) => (indexed.records, indexed.records),
            Some(Eol::Cr) => (0, indexed.records),
            // CSV has no others.
            Some(Eol::Other(_)) | None => (0, 0),
        };
        !indexed.quotes || count(b'\n') == feeds && count(b'\r') == returns
    }

    /// Whether some records are not laid out like rows.
    fn is_irregular(&self, indexed: &copyist_scan::Indexed, has_event: bool, offsets: &[u32]) -> bool {
        let header = usize::from(self.tile.header);
        let columns = if self.plan.has_no_fields() { 0 } else { self.plan.width() };
        let open_end = self.tile.last && !self.data.is_empty() && !self.ends_with_record(offsets);
        let has_problem = has_event || !self.tile.breaks.is_empty() || indexed.open_quote.is_some() || columns == 0;
        if has_problem || indexed.records < header || self.begins_blank(offsets) {
            return true;
        }
        let body = match offsets.iter().position(|&offset| self.is_end(offset)) {
            Some(first) if header == 1 => &offsets[first + 1..],
            _ => offsets,
        };
        // The last field of an input that does not end in a line end has no offset yet.
        let whole = body.len() + usize::from(open_end) == (indexed.records - header + usize::from(open_end)) * columns;
        let records = indexed.records - header;
        if !whole || self.regular_rows(body, records, columns) != records {
            return true;
        }
        let Some(positions) = self.positions() else { return false };
        // A last line without its end has no offset yet.
        let start = if header == 1 { offsets[offsets.len() - body.len() - 1] as usize + 1 } else { 0 };
        open_end || self.fitting_lines(body, start, positions) != records
    }

    /// Whether what comes first where a header is due is a line that is passed over.
    fn begins_blank(&self, offsets: &[u32]) -> bool {
        self.tile.header
            && self.plan.passes_blank_lines
            && offsets.first().is_some_and(|&first| self.is_end(first) && first as usize == self.tile.trim())
    }

    /// FIXED: where the fields of this tile stand.
    pub(crate) fn positions(&self) -> Option<Positions<'_>> {
        let fixed = self.plan.fixed.as_ref()?;
        let is_ascii = !self.plan.scanner.non_ascii_or_nul(self.data).0;
        Some(Positions::new(fixed, self.tile, is_ascii))
    }

    /// FIXED: how many lines from the first are as long as they have to be.
    fn fitting_lines(&self, ends: &[u32], start: usize, positions: Positions<'_>) -> usize {
        let trim = self.tile.trim();
        let mut start = start;
        let Plan { columns, tolerance, .. } = self.plan;
        let mut ruler = Ruler::new(positions, columns);
        ends.iter()
            .take_while(|&&end| {
                let line = (PAD + start, PAD + (end as usize - trim).min(self.data.len()));
                start = end as usize + 1;
                ruler.fits(&self.tile.buffer, line, columns, tolerance)
            })
            .count()
    }

    /// Whether the structural at `offset` ends a record; the one past the data does.
    #[inline(always)]
    pub(crate) fn is_end(&self, offset: u32) -> bool {
        self.data.get(offset as usize).is_none_or(|byte| *byte == eol_byte(self.tile.eol))
    }

    fn ends_with_record(&self, offsets: &[u32]) -> bool {
        offsets.last().is_some_and(|&offset| offset as usize + 1 == self.data.len() && self.is_end(offset))
    }

    /// The first position that stops reading, if any.
    fn first_event(&self, indexed: &copyist_scan::Indexed, offsets: &[u32]) -> Option<(usize, Event)> {
        // Passes of their own: taken along by the scan, this and the count of lines cost it a third of its speed.
        let (high, nul) = self.plan.scanner.non_ascii_or_nul(self.data);
        let encoding = if high || nul { self.first_invalid(offsets) } else { None };
        let encoding = encoding
            .or_else(|| self.bad_after_return())
            .map(|bad| (self.noticed_at(bad, indexed, offsets), Event::BadEncoding(bad)))
            .filter(|(noticed, _)| *noticed < self.data.len());
        [
            // First, because looking ahead comes before any judgement of what was looked at.
            encoding,
            indexed.stray_eol.map(|at| (at, Event::StrayEol)),
            indexed.end_marker.map(|at| (at, Event::EndMarker)),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|(at, _)| *at)
    }

    /// The first byte that does not begin a character. A NUL is one where it is all of a field, and NULL.
    fn first_invalid(&self, offsets: &[u32]) -> Option<usize> {
        if self.plan.null != [0] {
            return utf8::first_invalid(self.data);
        }
        let malformed = utf8::first_malformed(self.data);
        let before = &self.data[..malformed.unwrap_or(self.data.len())];
        memchr::memchr_iter(0, before).find(|&at| !self.is_null_byte(at, 0, offsets)).or(malformed)
    }

    /// Whether the byte is the NULL string, NUL, and all of a field. `offsets` are those of records from `start` on.
    pub(crate) fn is_null_byte(&self, at: usize, start: usize, offsets: &[u32]) -> bool {
        if self.plan.null != [0] || self.data[at] != 0 {
            return false;
        }
        let next = offsets.partition_point(|&offset| (offset as usize) < at);
        let begin = next.checked_sub(1).map_or(start, |before| offsets[before] as usize + 1);
        let end = offsets.get(next).map_or(self.data.len(), |&offset| {
            offset as usize - if self.is_end(offset) { self.tile.trim() } else { self.plan.gap() }
        });
        (begin, end) == (at, at + 1)
    }

    /// The offset just past the data, if a bad byte stands there and the data ends in a lone carriage return.
    fn bad_after_return(&self) -> Option<usize> {
        let len = self.data.len();
        if self.tile.eol != Some(Eol::Cr) || self.tile.last || self.data.last() != Some(&b'\r') {
            return None;
        }
        let ahead = &self.tile.buffer[PAD + len..PAD + self.tile.filled];
        // What will be replaced when its own tile is made is no mistake.
        let is_replaced = |byte: &u8| {
            if *byte == 0 && self.plan.null == [0] {
                return true;
            }
            let replaces = self.plan.tolerance.invalid.as_ref();
            replaces.is_some_and(|replacement| *byte != 0 || replacement.nul.is_some())
        };
        let is_bad = utf8::first_invalid(&ahead[..ahead.len().min(LOOK_AHEAD)]) == Some(0);
        (is_bad && !ahead.first().is_some_and(is_replaced)).then_some(len)
    }

    /// Where PostgreSQL's reader stands when it runs into the bad byte: it looks one byte ahead at a carriage return that
    /// may begin a CRLF (in CSV at any), and up to two beyond an end marker, before it makes anything of either.
    fn noticed_at(&self, bad: usize, indexed: &copyist_scan::Indexed, offsets: &[u32]) -> usize {
        let crlf = self.tile.eol == Some(Eol::CrLf);
        let is_told = matches!(self.tile.eol, Some(Eol::Other(_)));
        if bad > 0 && self.data[bad - 1] == b'\r' && !is_told {
            if let Some(marker) = indexed.end_marker.filter(|marker| crlf && marker + 3 == bad) {
                return marker;
            }
            // In the first record the style is not known yet, whatever this return makes of it.
            let in_first = || {
                self.tile.tells_eol(self.plan)
                    && !offsets.iter().any(|&offset| (offset as usize) < bad - 1 && self.is_end(offset))
            };
            if self.plan.is_csv() || crlf || in_first() {
                return bad - 1;
            }
        }
        indexed.end_marker.filter(|marker| marker + 2 == bad).unwrap_or(bad)
    }

    /// Whether the data ends without a fault after the last record.
    fn is_over(&self, event: Option<(usize, Event)>) -> bool {
        match event {
            None => self.tile.last,
            Some((at, Event::EndMarker)) => self.end_marker(at, 0).is_ok(),
            Some(_) => false,
        }
    }

    /// How many rows from the first have exactly `width` fields.
    fn regular_rows(&self, body: &[u32], records: usize, width: usize) -> usize {
        if body.len() == records * width
            && body.chunks_exact(width).all(|row| row.last().is_some_and(|&offset| self.is_end(offset)))
        {
            return records;
        }
        let mut rows = 0;
        for row in body.chunks(width) {
            match row.iter().position(|&offset| self.is_end(offset)) {
                Some(at) if at + 1 == width => rows += 1,
                _ => break,
            }
        }
        rows
    }

    /// Lines before `at`, as PostgreSQL counts them: a line a record, and in CSV one more for each line end in quotes.
    /// Until the first record has told the line-end style, it counts carriage returns in quotes.
    pub(crate) fn lines_before(&self, at: usize, offsets: &[u32]) -> u64 {
        let scanner = &self.plan.scanner;
        if !self.plan.is_csv() {
            return offsets.iter().filter(|&&offset| (offset as usize) < at && self.is_end(offset)).count() as u64;
        }
        let counted = if self.tile.eol == Some(Eol::Lf) { b'\n' } else { b'\r' };
        if !self.tile.tells_eol(self.plan) {
            return scanner.count(&self.data[..at], counted) as u64;
        }
        let trim = self.tile.trim();
        match offsets.iter().find(|&&offset| self.is_end(offset)).map(|&offset| offset as usize) {
            Some(end) if end < at => {
                let first = scanner.count(&self.data[..end - trim], b'\r');
                (first + 1 + scanner.count(&self.data[end + 1..at], counted)) as u64
            }
            _ => scanner.count(&self.data[..at], b'\r') as u64,
        }
    }

    fn lines(&self, indexed: &copyist_scan::Indexed, records: usize, offsets: &[u32]) -> u64 {
        if self.plan.is_csv() && indexed.quotes { self.lines_before(self.data.len(), offsets) } else { records as u64 }
    }

    /// A fault in the record `start..end` of the data.
    fn fault(&self, error: Box<DataError>, start: usize, end: usize, offsets: &[u32]) -> Fault {
        let end = end.min(self.data.len());
        Fault {
            error,
            line: self.lines_before(end, offsets),
            record_offset: start as u64,
            record_len: (end - start) as u64,
            shown: Shown::Record(self.data[start..end].to_vec()),
        }
    }

    /// End of the record whose structurals are the last of `offsets`, without its line end.
    pub(crate) fn record_end(&self, offsets: &[u32]) -> usize {
        let end = offsets.last().map_or(0, |&offset| offset as usize);
        end - self.tile.trim()
    }

    /// Reads one refused row again in PostgreSQL's order: split, count, convert.
    fn explain_row(
        &self,
        body: &[u32],
        row: usize,
        rows: &Rows<'_, F>,
        offsets: &[u32],
        open_quote: Option<usize>,
    ) -> Fault {
        let width = rows.width;
        let from = row * width;
        let count = body[from..].iter().position(|&offset| self.is_end(offset)).map_or(body.len() - from, |at| at + 1);
        let start = if row == 0 { rows.start - PAD } else { body[from - 1] as usize + 1 };
        let end = self.record_end(&body[..from + count]).min(self.data.len());
        if let Some(positions) = self.positions() {
            return self.explain_line(start, end, positions, offsets);
        }
        let mut shown = None;
        let open = open_quote.filter(|open| (start..end).contains(open));
        let error = self.explain_fields(&body[from..from + count], start, open, offsets, &mut shown);
        let mut fault = self.fault(error, start, end, offsets);
        if let Some(shown) = shown {
            fault.shown = shown;
        }
        fault
    }

    /// FIXED: as [`Pass::explain_row`].
    fn explain_line(&self, start: usize, end: usize, positions: Positions<'_>, offsets: &[u32]) -> Fault {
        let columns = &self.plan.columns;
        let line = (PAD + start, PAD + end);
        let table = positions.table(columns, &self.tile.buffer, std::iter::once(line));
        let mut ruler = Ruler::new(positions, columns);
        let mut error = ruler.misfit(&self.tile.buffer, line, columns, &self.plan.tolerance);
        let mut shown = None;
        for (index, column) in columns.iter().enumerate() {
            if error.is_some() {
                break;
            }
            if !column.is_read() || self.plan.conversion(column) != BadValue::Stop {
                continue;
            }
            let (s, e) = match table.get(index) {
                Some(span) => span.bounds(),
                None => positions.field(&self.tile.buffer, line, index),
            };
            if let Some((bad, text)) = self.unreplaced(s - PAD, e - PAD, column) {
                (error, shown) = (Some(bad), Some(Shown::Value { column: index, text }));
                continue;
            }
            match self.value(s - PAD, e - PAD, column) {
                Ok(Some(text)) => {
                    error = explain_value(self.plan, column, &text).err();
                    shown = error.is_some().then_some(Shown::Value { column: index, text });
                }
                Ok(None) => {}
                Err(bad) => error = Some(bad),
            }
        }
        let error =
            error.unwrap_or_else(|| DataError::new(ErrorCode::InternalError, "a row was refused and then accepted"));
        let mut fault = self.fault(error, start, end, offsets);
        if let Some(shown) = shown {
            fault.shown = shown;
        }
        fault
    }

    fn explain_fields(
        &self,
        ends: &[u32],
        start: usize,
        open_quote: Option<usize>,
        offsets: &[u32],
        shown: &mut Option<Shown>,
    ) -> Box<DataError> {
        let columns = &self.plan.columns;
        if let Some(error) = self.too_much_for_no_columns(ends, start) {
            return error;
        }
        let mut values = Vec::with_capacity(ends.len());
        let mut bounds = Vec::with_capacity(ends.len());
        let spare = crate::ColumnPlan::of_text(String::new(), true);
        let mut at = start;
        for (index, &end) in ends.iter().enumerate() {
            let last = index + 1 == ends.len();
            if let Some(open) = open_quote.filter(|_| last) {
                return self.unterminated(open, offsets);
            }
            let stop = if last { self.record_end(ends) } else { end as usize - self.plan.gap() };
            let column = self.plan.column_of(index).map_or(&spare, |column| &columns[column]);
            match self.value(at, stop, column) {
                Ok(value) => values.push(value),
                Err(error) => return error,
            }
            bounds.push((at, stop));
            at = end as usize + 1;
        }
        if values.len() > self.plan.width() && !self.plan.has_no_fields() {
            return DataError::new(ErrorCode::BadCopyFileFormat, "extra data after last expected column");
        }
        for (index, column) in columns.iter().enumerate() {
            let field = self.plan.field_of(index);
            let (Some(value), Some(&(start, stop))) = (values.get(field), bounds.get(field)) else { continue };
            if self.plan.conversion(column) != BadValue::Stop {
                continue;
            }
            if let Some((error, text)) = self.unreplaced(start, stop, column) {
                *shown = Some(Shown::Value { column: index, text });
                return error;
            }
            if let Some(text) = value
                && let Err(error) = explain_value(self.plan, column, text)
            {
                *shown = Some(Shown::Value { column: index, text: text.clone() });
                return error;
            }
        }
        if values.len() < self.plan.width() {
            let message = format!("missing data for column \"{}\"", self.plan.missing_name(values.len()));
            return DataError::new(ErrorCode::BadCopyFileFormat, message);
        }
        DataError::new(ErrorCode::InternalError, "a row was refused and then accepted")
    }

    /// A table without columns takes empty lines only; their fields are never looked at.
    fn too_much_for_no_columns(&self, ends: &[u32], start: usize) -> Option<Box<DataError>> {
        (self.plan.has_no_fields() && self.record_end(ends).min(self.data.len()) > start)
            .then(|| DataError::new(ErrorCode::BadCopyFileFormat, "extra data after last expected column"))
    }

    /// One field's value, None for NULL and DEFAULT.
    pub(crate) fn value(&self, start: usize, end: usize, column: &crate::ColumnPlan) -> Result<Option<Vec<u8>>> {
        let mut arena = Vec::new();
        let buffer = &self.tile.buffer;
        Ok(match clean::resolve(self.fields, buffer, PAD + start, PAD + end, column, &mut arena)? {
            Field::Null | Field::Default => None,
            Field::Plain(s, e) => Some(buffer[s..e].to_vec()),
            Field::Rewritten(s, e) => Some(arena[s..e].to_vec()),
        })
    }

    /// What is wrong with a value for the characters that were replaced in it, and the value with U+FFFD for each.
    pub(crate) fn unreplaced(
        &self,
        start: usize,
        end: usize,
        column: &crate::ColumnPlan,
    ) -> Option<(Box<DataError>, Vec<u8>)> {
        if !column.refuses_replaced {
            return None;
        }
        let replaced = self.tile.replaced_in(start..end);
        let &(first, _) = replaced.first()?;
        let mut field = vec![0; PAD];
        let mut at = start;
        for &(place, len) in replaced {
            field.extend_from_slice(&self.data[at..place as usize]);
            field.extend_from_slice("\u{FFFD}".as_bytes());
            at = place as usize + usize::from(len);
        }
        field.extend_from_slice(&self.data[at.min(end)..end]);
        let stop = field.len();
        field.resize(stop + PAD, 0);
        let mut arena = Vec::new();
        let text = match clean::resolve(self.fields, &field, PAD, stop, column, &mut arena) {
            Ok(Field::Plain(s, e)) => field[s..e].to_vec(),
            Ok(Field::Rewritten(s, e)) => arena[s..e].to_vec(),
            Ok(Field::Null | Field::Default) | Err(_) => field[PAD..stop].to_vec(),
        };
        // A type that would take that character refuses the value for what was read.
        let error = explain_value(self.plan, column, &text).err().filter(|error| error.code != ErrorCode::LeftToServer);
        let error = error.unwrap_or_else(|| {
            let place = first as usize;
            if self.tile.transcript.is_some() {
                return self.tile.invalid_sequence(place);
            }
            let read = self.tile.as_read(place..end);
            match crate::text::numeric(read) {
                Some((_, byte)) if read[0] == b'\\' => utf8::invalid_sequence(&[byte]),
                _ => utf8::invalid_sequence(read),
            }
        });
        Some((error.with_hint("Invalid characters are replaced in columns of strings only."), text))
    }

    /// One field of the header, None for NULL. A DEFAULT string that the column may have is compared like any other.
    fn header_name(&self, start: usize, end: usize, column: &crate::ColumnPlan) -> Result<Option<Vec<u8>>> {
        let mut arena = Vec::new();
        let buffer = &self.tile.buffer;
        let mut field = clean::resolve(self.fields, buffer, PAD + start, PAD + end, column, &mut arena)?;
        if field == Field::Default {
            field = clean::resolve(self.fields.without_default(), buffer, PAD + start, PAD + end, column, &mut arena)?;
        }
        Ok(match field {
            Field::Null | Field::Default => None,
            Field::Plain(s, e) => Some(buffer[s..e].to_vec()),
            Field::Rewritten(s, e) => Some(arena[s..e].to_vec()),
        })
    }

    pub(crate) fn unterminated(&self, open: usize, offsets: &[u32]) -> Box<DataError> {
        let line = self.lines_before(open, offsets);
        DataError::new(ErrorCode::BadCopyFileFormat, "unterminated CSV quoted field").with_hint(format!(
            "The quote opened at byte {} of its input, {} and was never closed.",
            self.tile.place_in_input(open),
            match self.lines_before(self.data.len(), offsets) - line {
                0 => "on the same line,".to_owned(),
                1 => "one line above,".to_owned(),
                n => format!("{n} lines above,"),
            }
        ))
    }

    /// The data ends where the header was to be: PostgreSQL matches an empty line.
    pub(crate) fn match_no_line(&self, out: &mut Decoded) {
        if self.plan.header == Header::Match
            && let Err(error) = self.match_header(0, &[self.tile.trim() as u32], None)
        {
            out.fault = Some(self.fault(error, 0, 0, &[]));
        }
    }

    /// The header from `start` on.
    pub(crate) fn match_header(&self, start: usize, ends: &[u32], unterminated: Option<usize>) -> Result<()> {
        let columns = &self.plan.columns;
        let bad = |message: String| Err(DataError::new(ErrorCode::BadCopyFileFormat, message));
        if let Some(error) = self.too_much_for_no_columns(ends, start) {
            return Err(error);
        }
        let mut at = start;
        let mut names = Vec::with_capacity(ends.len());
        for (index, &end) in ends.iter().enumerate() {
            let last = index + 1 == ends.len();
            if let Some(open) = unterminated.filter(|_| last) {
                return Err(self.unterminated(open, ends));
            }
            let stop = if last { self.record_end(ends) } else { end as usize - self.plan.gap() };
            // FORCE_NULL and FORCE_NOT_NULL do not apply to the header, nor what is done to values; but a name may stand in quotation marks, too.
            let column = self.plan.column_of(index).map(|column| &columns[column]);
            let mut name = crate::ColumnPlan::of_text(
                column.map(|column| column.name.clone()).unwrap_or_default(),
                column.is_none_or(|column| column.has_default),
            );
            name.cleaning.unquotes = self.plan.unquotes();
            names.push(self.header_name(at, stop, &name)?);
            at = end as usize + 1;
        }
        if self.plan.has_no_fields() {
            return Ok(());
        }
        let width = self.plan.width();
        if names.len() != width {
            return bad(format!("wrong number of fields in header line: got {}, expected {width}", names.len(),));
        }
        for (index, name) in names.iter().enumerate() {
            let expected = self.plan.field_name(index);
            match name {
                None => {
                    return bad(format!(
                        "column name mismatch in header line field {}: got null value (\"{}\"), expected \"{}\"",
                        index + 1,
                        String::from_utf8_lossy(&self.plan.null),
                        expected
                    ));
                }
                Some(name) if *name != expected.as_bytes() => {
                    return bad(format!(
                        "column name mismatch in header line field {}: got \"{}\", expected \"{}\"",
                        index + 1,
                        String::from_utf8_lossy(name),
                        expected
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Reads the records before what ends the load, one by one: only values of theirs may be refused by themselves.
    fn run_to_event(
        &self,
        at: usize,
        event: Event,
        has_single_lines: bool,
        offsets: &mut Vec<u32>,
        spans: &mut Vec<Span>,
        out: &mut Decoded,
    ) {
        offsets.truncate(offsets.partition_point(|&offset| (offset as usize) < at));
        let known = offsets.clone();
        let start = known.iter().rposition(|&offset| self.is_end(offset)).map_or(0, |last| known[last] as usize + 1);
        if start > 0 {
            let first = known.iter().position(|&offset| self.is_end(offset));
            let before = Pass {
                plan: self.plan,
                constants: self.constants,
                tile: self.tile,
                data: &self.data[..start],
                fields: self.fields,
            };
            before.run_shaped(&known[..first.map_or(0, |at| at + 1)], has_single_lines, offsets, spans, out);
        }
        if self.tile.header && start == 0 && self.is_over(Some((at, event))) {
            self.match_no_line(out);
        }
        if out.fault.is_none() && !out.ended {
            self.end_early(at, event, &known, out);
        }
    }

    /// The tile ends at `at`: an error there, or the end of the data.
    fn end_early(&self, at: usize, event: Event, offsets: &[u32], out: &mut Decoded) {
        let start = offsets.iter().rev().find(|&&offset| self.is_end(offset)).map_or(0, |&offset| offset as usize + 1);
        let error = match event {
            Event::BadEncoding(bad) => self.tile.invalid_sequence(bad),
            Event::StrayEol => self.stray_eol(self.data[at]),
            Event::EndMarker => match self.end_marker(at, start) {
                Ok(()) => {
                    out.ended = true;
                    return;
                }
                Err(error) => error,
            },
        };
        out.fault = Some(Fault {
            error,
            line: self.lines_before(at, offsets),
            record_offset: start as u64,
            record_len: (at - start) as u64,
            shown: Shown::Nothing,
        });
    }

    pub(crate) fn stray_eol(&self, byte: u8) -> Box<DataError> {
        if matches!(self.plan.grammar, Grammar::Plain { .. }) {
            let name = if byte == b'\r' { "carriage return" } else { "newline" };
            return DataError::new(ErrorCode::BadCopyFileFormat, format!("literal {name} found in data"))
                .with_hint("The first line ends otherwise; nothing can be escaped in this format.");
        }
        let (message, hint) = match (self.plan.is_csv(), byte) {
            (true, b'\r') => {
                ("unquoted carriage return found in data", "Use quoted CSV field to represent carriage return.")
            }
            (true, _) => ("unquoted newline found in data", "Use quoted CSV field to represent newline."),
            (false, b'\r') => ("literal carriage return found in data", "Use \"\\r\" to represent carriage return."),
            (false, _) => ("literal newline found in data", "Use \"\\n\" to represent newline."),
        };
        DataError::new(ErrorCode::BadCopyFileFormat, message).with_hint(hint)
    }

    /// PostgreSQL's conditions for a `\.` at `at` in the record that starts at `start`.
    pub(crate) fn end_marker(&self, at: usize, start: usize) -> Result<()> {
        const ALONE: &str = "end-of-copy marker is not alone on its line";
        const STYLE: &str = "end-of-copy marker does not match previous newline style";
        // On the very first line the style is not known yet.
        let eol = if self.tile.first && start == 0 { self.plan.eol } else { self.tile.eol };
        if let Some(Eol::Other(end)) = eol {
            let is_alone = at == start && self.data[at + 2..].starts_with(end.as_bytes());
            return if is_alone { Ok(()) } else { Err(end_marker_error(ALONE)) };
        }
        let byte = |index: usize| self.data.get(at + 2 + index).copied().unwrap_or(0);
        let mut next = byte(0);
        if eol == Some(Eol::CrLf) {
            match next {
                b'\n' => return Err(end_marker_error(STYLE)),
                b'\r' => next = byte(1),
                _ => return Err(end_marker_error(ALONE)),
            }
        }
        if next != b'\r' && next != b'\n' {
            return Err(end_marker_error(ALONE));
        }
        let matches = match eol {
            Some(Eol::Cr) => next == b'\r',
            Some(_) => next == b'\n',
            None => true,
        };
        if !matches {
            return Err(end_marker_error(STYLE));
        }
        if at != start {
            return Err(end_marker_error(ALONE));
        }
        Ok(())
    }
}
