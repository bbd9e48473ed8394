//! Decoding on past what does not fit. A tile whose records are all laid out like rows needs nothing of this but the last part; of any
//! other the records are looked at one by one, and those that do not fit are refused or mended.

use std::borrow::Cow;

use copyist_core::{DataError, ErrorCode};
use copyist_scan::Eol;

use crate::decode::{Decoded, Pass};
use crate::fault::{Fault, Shown};
use crate::field::{Field, Fields};
use crate::fixed::{Part, Positions, Ruler, characters};
use crate::plan::{BadValue, ColumnPlan, Condition, Missing, Origin, Subject};
use crate::refusal::{Flaw, Places, Refusal, Told};
use crate::tile::PAD;
use crate::values::{Rows, Span, Stopped, decode_column, explain_value, literal};
use crate::{Header, clean, utf8};

/// The rows found so far.
#[derive(Default)]
struct Shape<'a> {
    /// Structural offsets of the rows, as many for each as there are columns.
    offsets: Vec<u32>,
    places: Places,
    missing: Vec<(u32, u32)>,
    /// Records so far, the header and refused ones included.
    records: u64,
    header_is_due: bool,
    /// CSV: each record is one line.
    has_single_lines: bool,
    /// FIXED: where fields stand.
    ruler: Option<Ruler<'a>>,
    judges: Judges<'a>,
}

/// The conditions of a tile.
#[derive(Default)]
struct Judges<'a> {
    /// Each with the column by whose rules its field is read.
    list: Vec<(&'a Condition, Cow<'a, ColumnPlan>)>,
    /// FIXED: where what they compare stands.
    ruler: Option<Ruler<'a>>,
}

/// Where a field is in the buffer; `Some(None)` if its record may lack it and does, None if it may not.
type Place = Option<Option<(usize, usize)>>;

/// Why no more records are read.
enum End {
    /// An error that ends the load.
    Fault,
    /// The data ended here.
    Marker,
}

/// Bytes in which the end of a record is looked for at first.
const FIRST_SEEN: usize = 64;

/// [`Pass::lines_before`] of offsets that ascend.
struct LineCount<'a, 'p, F> {
    pass: &'a Pass<'p, F>,
    counted: u8,
    at: usize,
    lines: u64,
    /// Line feeds that have ended records of an input whose line end is another one.
    feeds: u64,
    /// Where the input's first record ends, and how many more lines PostgreSQL counts in it than there are of its line ends.
    first: Option<(usize, i64)>,
}

/// What was found by reading ahead ends the load before the record is one.
fn show_no_record(taken: &Result<(), End>, out: &mut Decoded) {
    if let (Err(End::Fault), Some(fault)) = (taken, &mut out.fault) {
        fault.shown = Shown::Nothing;
    }
}

impl<'a, 'p, F: Fields> LineCount<'a, 'p, F> {
    fn new(pass: &'a Pass<'p, F>, offsets: &[u32]) -> Self {
        let counted = if pass.tile.eol == Some(Eol::Lf) { b'\n' } else { b'\r' };
        let end = offsets.iter().map(|&offset| offset as usize).find(|&end| pass.is_end(end as u32));
        let first = end.filter(|_| pass.tile.tells_eol(pass.plan)).map(|end| {
            let after = (end + 1).min(pass.data.len());
            let all = pass.plan.scanner.count(&pass.data[..after], counted) as i64;
            (end, pass.lines_before(after, offsets).cast_signed() - all)
        });
        Self { pass, counted, at: 0, lines: 0, feeds: 0, first }
    }

    fn before(&mut self, at: usize) -> u64 {
        let at = at.max(self.at).min(self.pass.data.len());
        let Self { pass, counted, .. } = *self;
        self.lines += pass.plan.scanner.count(&pass.data[self.at..at], counted) as u64;
        self.at = at;
        let lines = match self.first {
            Some((end, more)) if at > end => self.lines.saturating_add_signed(more),
            Some(_) => pass.lines_before(at, &[]),
            None => self.lines,
        };
        lines + self.feeds
    }
}

impl<F: Fields> Pass<'_, F> {
    /// Reads the tile record by record.
    pub(crate) fn run_shaped(
        &self,
        first_record: &[u32],
        has_single_lines: bool,
        offsets: &mut Vec<u32>,
        spans: &mut Vec<Span>,
        out: &mut Decoded,
    ) {
        let broken_end;
        let first_record = match self.tile.breaks.first() {
            // Its line is all there is of the first record.
            Some(&(0, end)) => {
                broken_end = [(self.after_line(end as usize) - 1) as u32];
                &broken_end[..]
            }
            _ => first_record,
        };
        let mut lines = LineCount::new(self, first_record);
        let bad = self.bad_bytes();
        let positions = self.positions();
        let mut shape = Shape {
            header_is_due: self.tile.header,
            has_single_lines,
            ruler: positions.map(|positions| Ruler::new(positions, &self.plan.columns)),
            judges: self.judges(positions),
            ..Shape::default()
        };
        let mut position = 0;
        for index in 0..=self.tile.breaks.len() {
            let broken = self.tile.breaks.get(index).map(|&(start, end)| (start as usize, end as usize));
            let end = broken.map_or(self.data.len(), |(start, _)| start);
            let is_last = broken.is_none() && self.tile.last;
            match self.read_region(position..end, is_last, &bad, &mut shape, &mut lines, offsets, out) {
                Ok(()) => {}
                Err(End::Marker) => {
                    out.ended = true;
                    break;
                }
                Err(End::Fault) => break,
            }
            let Some((start, end)) = broken else { break };
            shape.records += 1;
            let error = DataError::new(ErrorCode::BadCopyFileFormat, "unterminated CSV quoted field")
                .with_hint("Its quote is not closed where a field ends. Reading went on with the next line.");
            if std::mem::take(&mut shape.header_is_due) {
                if self.plan.header == Header::Match {
                    self.fault_at(error, start, end, lines.before(end), out);
                    break;
                }
                out.header_lines = 1;
            } else {
                let before = (lines.before(start), lines.before(end));
                out.refusals.push(self.refusal(start, end, before, vec![Flaw { column: None, error, value: None }]));
            }
            position = self.after_line(end).min(self.data.len());
            lines.feeds += u64::from(self.is_feed(end));
        }
        if shape.header_is_due && out.fault.is_none() && (out.ended || self.tile.last) {
            self.match_no_line(out);
            out.ended &= out.fault.is_none();
        }
        let total = lines.before(self.data.len());
        out.lines = if self.plan.is_csv() { total } else { shape.records };
        let Shape { offsets: body, places, missing, .. } = shape;
        self.take_rows(&body, &places, &missing, positions, spans, out);
    }

    /// Reads a tile all of whose records are laid out like rows and have one line each, without those that are passed over.
    pub(crate) fn run_selected(
        &self,
        rows: &Rows<'_, F>,
        limit: usize,
        passed_over: &[u32],
        spans: &mut Vec<Span>,
        out: &mut Decoded,
    ) {
        let mut offsets = Vec::with_capacity(rows.offsets.len());
        let mut places = Places::default();
        let mut passed_over = passed_over.iter().copied().peekable();
        for row in 0..limit {
            if passed_over.next_if_eq(&(row as u32)).is_some() {
                continue;
            }
            offsets.extend_from_slice(&rows.offsets[row * rows.width..][..rows.width]);
            let (start, end) = rows.record(row);
            let line = out.header_lines + row as u64;
            places.push(start - PAD, (end - PAD).min(self.data.len()), (line, line));
        }
        self.take_rows(&offsets, &places, &[], rows.fixed.map(|(positions, _)| positions), spans, out);
    }

    /// Which of the first rows, that are all laid out like rows, are passed over.
    pub(crate) fn passed_over(&self, rows: &Rows<'_, F>, limit: usize, out: &mut Decoded) -> Vec<u32> {
        let mut judges = self.judges(rows.fixed.map(|(positions, _)| positions));
        let mut passed = Vec::new();
        for row in 0..limit {
            let record @ (start, end) = rows.record(row);
            if self.plan.passes_blank_lines && start == end {
                out.blank_lines += 1;
                passed.push(row as u32);
                continue;
            }
            if !self.meets(&mut judges, record, |field| Some(Some(rows.field(row, field)))) {
                out.passed_over += 1;
                passed.push(row as u32);
            }
        }
        passed
    }

    /// Decodes rows that do not follow upon each other.
    fn take_rows(
        &self,
        offsets: &[u32],
        places: &Places,
        missing: &[(u32, u32)],
        positions: Option<Positions<'_>>,
        spans: &mut Vec<Span>,
        out: &mut Decoded,
    ) {
        let rows = Rows {
            buffer: &self.tile.buffer,
            offsets,
            start: PAD,
            width: self.plan.width(),
            trim: self.tile.trim(),
            gap: self.plan.gap(),
            fields: self.fields,
            starts: Some(&places.starts),
            missing,
            map: self.plan.map.as_ref().map(|map| &*map.columns),
            fixed: None,
        };
        let limit = places.len();
        let lines = (0..limit).map(|row| rows.record(row));
        let table = positions.map(|positions| positions.table(&self.plan.columns, rows.buffer, lines));
        let rows = Rows { fixed: positions.zip(table.as_deref()), ..rows };
        // Without tolerance of values the first that is refused ends the load, and comes before what ended the reading.
        let taken = self.take_columns(&rows, limit, spans, out);
        let stop = taken.min(limit);
        out.columns.iter_mut().for_each(|column| column.truncate(stop));
        let mut places = places.clone();
        if stop < limit {
            let Flaw { column, error, value } = self.first_flaw(&rows, stop);
            let is_read = !matches!(error.code, ErrorCode::BadCopyFileFormat | ErrorCode::CharacterNotInRepertoire);
            out.ended = false;
            self.fault_at(
                error,
                places.starts[stop] as usize,
                places.ends[stop] as usize,
                u64::from(places.last_lines[stop]),
                out,
            );
            if let (Some(fault), Some(column), Some(text)) = (&mut out.fault, column, value.filter(|_| is_read)) {
                fault.shown = Shown::Value { column, text };
            }
            let beyond: Vec<u32> = (stop as u32..limit as u32).collect();
            places.remove(&beyond);
            out.refusals.retain(|refusal| (refusal.offset as usize) < rows.record(stop).0 - PAD);
        }
        self.settle(&rows, stop, places, out);
    }

    /// The records of `region`, which begins at a record's start.
    #[allow(clippy::too_many_arguments, reason = "what is found goes to several places")]
    fn read_region(
        &self,
        region: std::ops::Range<usize>,
        is_last: bool,
        bad: &[usize],
        shape: &mut Shape<'_>,
        lines: &mut LineCount<'_, '_, F>,
        offsets: &mut Vec<u32>,
        out: &mut Decoded,
    ) -> Result<(), End> {
        let mut position = region.start;
        while position < region.end {
            let part = &self.data[position..region.end];
            let eol = self.tile.eol.unwrap_or(Eol::Lf);
            let indexed = self.plan.scanner.index(part, self.plan.grammar, eol, offsets);
            for offset in offsets.iter_mut() {
                *offset += position as u32;
            }
            self.join_quoted(position..region.end, offsets);
            let (mut start, mut field) = (position, 0);
            for index in 0..offsets.len() {
                if self.is_end(offsets[index]) {
                    self.take_record(start, &offsets[field..=index], bad, shape, lines, out)?;
                    (start, field) = (offsets[index] as usize + 1, index + 1);
                }
            }
            let stray = indexed.stray_eol.map(|at| position + at);
            let marker = indexed.end_marker.map(|at| position + at);
            if let Some(at) = stray.or(marker) {
                let error = if stray.is_some() {
                    self.stray_eol(self.data[at])
                } else {
                    match self.end_marker(at, start) {
                        Ok(()) => return Err(End::Marker),
                        Err(error) => error,
                    }
                };
                shape.records += 1;
                let (end, next) = self.end_past(start, at, region.end);
                let taken = self.refuse_record(start, end, error, Vec::new(), shape, lines, out);
                show_no_record(&taken, out);
                taken?;
                lines.feeds += u64::from(self.is_feed(end));
                position = next;
                continue;
            }
            if start < region.end {
                shape.records += 1;
                if indexed.open_quote.is_some() && shape.header_is_due && self.plan.header != Header::Match {
                    // It is not divided, so nothing of it is open.
                    shape.header_is_due = false;
                    out.header_lines = 1;
                } else if let Some(open) = indexed.open_quote {
                    let error = self.unterminated(position + open, offsets);
                    self.refuse_record(start, region.end, error, Vec::new(), shape, lines, out)?;
                } else if is_last {
                    shape.records -= 1;
                    offsets.push((region.end + self.tile.trim()) as u32);
                    self.take_record(start, &offsets[field..], bad, shape, lines, out)?;
                } else {
                    let error = DataError::new(ErrorCode::InternalError, "a record was cut in two");
                    self.fault_at(error, start, region.end, lines.before(region.end), out);
                    return Err(End::Fault);
                }
            }
            return Ok(());
        }
        Ok(())
    }

    /// Where the record ends that begins at `start` and has a stray line end or an end marker at `at`, and where the next one begins. It is
    /// where the splitter found it, which passes those over, but for line feeds that end records.
    fn end_past(&self, start: usize, at: usize, stop: usize) -> (usize, usize) {
        let (scanner, grammar) = (self.plan.scanner, self.plan.grammar);
        let eol = self.tile.eol.unwrap_or(Eol::Lf);
        let kinds = [eol, Eol::Lf];
        let kinds = if self.plan.ends_at_feeds(eol) { &kinds[..] } else { &kinds[..1] };
        let mut from = start;
        // Of the two kinds one may not come for long.
        let mut seen = at + 1 - start;
        loop {
            let part = &self.data[from..stop.min(from + seen)];
            let ends =
                kinds.iter().filter_map(|&kind| Some((scanner.first_records_end(part, 1, grammar, kind)?, kind)));
            if let Some((len, kind)) = ends.min_by_key(|&(len, _)| len) {
                let (end, next) = (from + len - kind.len(), from + len);
                if kind == eol || self.plan.ends_at_feed(eol, self.data, end) {
                    return (end, next);
                }
                // Behind it nothing is quoted or escaped, as behind a record.
                (from, seen) = (next, FIRST_SEEN);
            } else if from + seen >= stop {
                return (stop, stop);
            } else {
                seen *= 2;
            }
        }
    }

    /// Whether what ends a record at `end` is a line feed where others end lines.
    fn is_feed(&self, end: usize) -> bool {
        self.data.get(end) == Some(&b'\n') && self.tile.eol.is_some_and(|eol| self.plan.ends_at_feeds(eol))
    }

    /// Where the line behind the one that ends at `end` begins.
    fn after_line(&self, end: usize) -> usize {
        end + if self.is_feed(end) { 1 } else { self.tile.eol_len() }
    }

    fn take_record(
        &self,
        start: usize,
        ends: &[u32],
        bad: &[usize],
        shape: &mut Shape<'_>,
        lines: &mut LineCount<'_, '_, F>,
        out: &mut Decoded,
    ) -> Result<(), End> {
        let columns = &self.plan.columns;
        let width = self.plan.width();
        let (trim, gap) = (self.tile.trim() as u32, self.plan.gap() as u32);
        let end = self.record_end(ends).min(self.data.len());
        shape.records += 1;
        if self.plan.passes_blank_lines && start == end {
            out.blank_lines += 1;
            return Ok(());
        }
        if std::mem::take(&mut shape.header_is_due) {
            if self.plan.header == Header::Match
                && let Err(error) = self.match_header(start, ends, None)
            {
                let (_, line) = self.lines_of(start, end, shape, lines);
                self.fault_at(error, start, end, line, out);
                return Err(End::Fault);
            }
            out.header_lines = 1;
            return Ok(());
        }
        let record = (PAD + start, PAD + end);
        if !self.meets(&mut shape.judges, record, |field| self.field_place(record, ends, field)) {
            out.passed_over += 1;
            return Ok(());
        }
        let in_record = bad[bad.partition_point(|&at| at < start)..].iter().take_while(|&&at| at < end);
        if let Some(&at) = in_record.into_iter().find(|&&at| !self.is_null_byte(at, start, ends)) {
            let error = self.tile.invalid_sequence(at);
            let taken = self.refuse_record(start, end, error, Vec::new(), shape, lines, out);
            show_no_record(&taken, out);
            return taken;
        }
        let error = if self.plan.has_no_fields() && end > start || ends.len() > width && !self.plan.tolerance.extra {
            Some(DataError::new(ErrorCode::BadCopyFileFormat, "extra data after last expected column"))
        } else if ends.len() < width && !self.may_lack(width - ends.len()) {
            let message = format!("missing data for column \"{}\"", self.plan.missing_name(ends.len()));
            Some(DataError::new(ErrorCode::BadCopyFileFormat, message))
        } else {
            let ruler = shape.ruler.as_mut();
            ruler.and_then(|ruler| ruler.misfit(&self.tile.buffer, record, columns, &self.plan.tolerance))
        };
        if let Some(error) = error {
            if let Some(first) = self.undivided(start, ends) {
                return self.refuse_record(start, end, first, Vec::new(), shape, lines, out);
            }
            let mut flaws = Vec::new();
            if ends.len() < width {
                flaws = self.flaws_before_the_end(start, ends);
            }
            return self.refuse_record(start, end, error, flaws, shape, lines, out);
        }
        let before = self.lines_of(start, end, shape, lines);
        if ends.len() < width {
            shape.missing.push((shape.places.len() as u32, ends.len() as u32));
            shape.offsets.extend_from_slice(&ends[..ends.len() - 1]);
            shape.offsets.resize(shape.offsets.len() + width - ends.len(), end as u32 + gap);
            shape.offsets.push(end as u32 + trim);
        } else if ends.len() > width {
            shape.offsets.extend_from_slice(&ends[..width - 1]);
            // It is followed by a delimiter, and not by a line end, all but the last byte of which is taken off the last field of a row.
            shape.offsets.push(ends[width - 1] - gap + trim);
        } else {
            shape.offsets.extend_from_slice(ends);
        }
        shape.places.push(start, end, before);
        Ok(())
    }

    fn judges<'s>(&'s self, positions: Option<Positions<'s>>) -> Judges<'s> {
        let conditions = &self.plan.conditions;
        let list = conditions.iter().map(|condition| {
            let column = match condition.subject {
                Subject::Field(field) => self.plan.column_of(field as usize),
                Subject::Characters { .. } | Subject::Place(_) => None,
            };
            let spare = || Cow::Owned(ColumnPlan::of_text(String::new(), true));
            (condition, column.map_or_else(spare, |column| Cow::Borrowed(&self.plan.columns[column])))
        });
        let ruler = positions.filter(|_| !conditions.is_empty());
        Judges { list: list.collect(), ruler: ruler.map(|positions| Ruler::of_conditions(positions, conditions)) }
    }

    /// Whether a record, whose place in the buffer is given, meets the conditions, or cannot be judged and so has to be read: what is
    /// missing from it or cannot be unescaped is an error like any other. `place` is asked for fields that have no places of their own.
    #[inline]
    fn meets(&self, judges: &mut Judges<'_>, record: (usize, usize), place: impl Fn(usize) -> Place) -> bool {
        let buffer = &self.tile.buffer;
        let Judges { list, ruler } = judges;
        if let Some(ruler) = ruler {
            ruler.lay(buffer, record);
        }
        for (Condition { subject, negated, value }, column) in list {
            let part = ruler.as_ref().map(|ruler| ruler.part(buffer, record, *subject));
            let is_equal = match (*subject, part) {
                (Subject::Characters { start, end }, None) => {
                    characters(&buffer[record.0..record.1], start as usize, end as usize).map(|part| *part == **value)
                }
                (Subject::Characters { .. }, Some(Part::Whole(start, end))) => Some(buffer[start..end] == **value),
                // Part of a character is no value.
                (Subject::Characters { .. } | Subject::Place(_), Some(Part::Cut)) => Some(false),
                (Subject::Characters { .. } | Subject::Place(_), Some(Part::Lacking)) => None,
                (Subject::Field(_), Some(Part::Cut)) => return true,
                (Subject::Field(_), Some(Part::Lacking)) if self.plan.tolerance.missing == Missing::None => {
                    return true;
                }
                (Subject::Field(_), Some(Part::Lacking)) => None,
                (Subject::Field(_) | Subject::Place(_), Some(Part::Whole(start, end))) => {
                    match self.is_value((start, end), column, value) {
                        Ok(is_equal) => is_equal,
                        Err(()) => return true,
                    }
                }
                (Subject::Field(field), None) => match place(field as usize) {
                    None => return true,
                    Some(None) => None,
                    Some(Some(place)) => match self.is_value(place, column, value) {
                        Ok(is_equal) => is_equal,
                        Err(()) => return true,
                    },
                },
                // Only FIXED lines have such places.
                (Subject::Place(_), None) => return true,
            };
            if is_equal.is_none_or(|is_equal| is_equal == *negated) {
                return false;
            }
        }
        true
    }

    /// Whether a field has this value; None where it is NULL. Fails if it cannot be unescaped.
    fn is_value(&self, (start, end): (usize, usize), column: &ColumnPlan, value: &[u8]) -> Result<Option<bool>, ()> {
        let buffer = &self.tile.buffer;
        let mut arena = Vec::new();
        match clean::resolve(self.fields, buffer, start, end, column, &mut arena) {
            Ok(Field::Null | Field::Default) => Ok(None),
            Ok(Field::Plain(s, e)) => Ok(Some(buffer[s..e] == *value)),
            Ok(Field::Rewritten(s, e)) => Ok(Some(arena[s..e] == *value)),
            Err(_) => Err(()),
        }
    }

    fn field_place(&self, record: (usize, usize), ends: &[u32], field: usize) -> Place {
        if field >= ends.len() {
            return self.may_lack(self.plan.width() - ends.len()).then_some(None);
        }
        let from = if field == 0 { record.0 } else { PAD + ends[field - 1] as usize + 1 };
        let to = if field + 1 == ends.len() { record.1 } else { PAD + ends[field] as usize - self.plan.gap() };
        Some(Some((from, to)))
    }

    /// Lines before the first and before the last one of the record that has just been counted.
    fn lines_of(&self, start: usize, end: usize, shape: &Shape<'_>, lines: &mut LineCount<'_, '_, F>) -> (u64, u64) {
        if self.plan.is_csv() && !shape.has_single_lines {
            (lines.before(start), lines.before(end))
        } else {
            (shape.records - 1, shape.records - 1)
        }
    }

    /// What is wrong with the values of a record that lacks fields. They come before the fields, so PostgreSQL, where it leaves out rows
    /// with such values and no others, leaves this one out.
    fn flaws_before_the_end(&self, start: usize, ends: &[u32]) -> Vec<Flaw> {
        if self.plan.tolerance.structure || !self.plan.skips_rows() {
            return Vec::new();
        }
        let mut flaws = Vec::new();
        let mut at = start;
        for (index, &end) in ends.iter().enumerate() {
            let stop = if index + 1 == ends.len() {
                self.record_end(ends).min(self.data.len())
            } else {
                end as usize - self.plan.gap()
            };
            if let Some(index) = self.plan.column_of(index)
                && let column = &self.plan.columns[index]
                && self.plan.conversion(column) == BadValue::SkipRow
                && let Some((error, text)) = self.unreplaced(at, stop, column)
            {
                flaws.push(Flaw { column: Some(index), error, value: Some(text) });
            } else if let Some(index) = self.plan.column_of(index)
                && let column = &self.plan.columns[index]
                && self.plan.conversion(column) == BadValue::SkipRow
                && let Ok(value) = self.value(at, stop, column)
                && let Some(text) = value
                && let Err(error) = explain_value(self.plan, column, &text)
            {
                if error.code == ErrorCode::LeftToServer {
                    break;
                }
                flaws.push(Flaw { column: Some(index), error, value: Some(text) });
            }
            at = end as usize + 1;
        }
        flaws
    }

    /// What is wrong with a record of which only values may be refused: a DEFAULT string in a column without a default, or an escape
    /// that makes no character, which PostgreSQL finds before it counts the fields and reads any value.
    fn undivided(&self, start: usize, ends: &[u32]) -> Option<Box<DataError>> {
        if self.plan.tolerance.structure || self.positions().is_some() {
            return None;
        }
        let spare = ColumnPlan::of_text(String::new(), true);
        let mut at = start;
        ends.iter().enumerate().find_map(|(index, &end)| {
            let is_last = index + 1 == ends.len();
            let stop =
                if is_last { self.record_end(ends).min(self.data.len()) } else { end as usize - self.plan.gap() };
            let column = self.plan.column_of(index).map_or(&spare, |column| &self.plan.columns[column]);
            let error = self.value(at, stop, column).err();
            at = end as usize + 1;
            error
        })
    }

    fn may_lack(&self, fields: usize) -> bool {
        match self.plan.tolerance.missing {
            Missing::None => false,
            Missing::One => fields == 1,
            Missing::Any => true,
        }
    }

    /// A record that is not laid out like a row, after what is wrong with its values.
    #[allow(clippy::too_many_arguments, reason = "what is found goes to several places")]
    fn refuse_record(
        &self,
        start: usize,
        end: usize,
        error: Box<DataError>,
        mut flaws: Vec<Flaw>,
        shape: &mut Shape<'_>,
        lines: &mut LineCount<'_, '_, F>,
        out: &mut Decoded,
    ) -> Result<(), End> {
        let is_header = std::mem::take(&mut shape.header_is_due);
        if is_header && self.plan.header != Header::Match && self.plan.tolerance.structure {
            // It is not read, so it cannot be wrong.
            out.header_lines = 1;
            return Ok(());
        }
        let before = self.lines_of(start, end, shape, lines);
        if !self.plan.tolerance.structure && flaws.is_empty() || is_header {
            self.fault_at(error, start, end, before.1, out);
            return Err(End::Fault);
        }
        flaws.push(Flaw { column: None, error, value: None });
        out.refusals.push(self.refusal(start, end, before, flaws));
        Ok(())
    }

    fn fault_at(&self, error: Box<DataError>, start: usize, end: usize, line: u64, out: &mut Decoded) {
        out.fault = Some(Fault {
            error,
            line,
            record_offset: start as u64,
            record_len: (end - start) as u64,
            shown: Shown::Record(self.data[start..end].to_vec()),
        });
    }

    fn refusal(&self, start: usize, end: usize, (first_line, last_line): (u64, u64), flaws: Vec<Flaw>) -> Refusal {
        let len = end - start;
        let read = self.tile.as_read(start..end);
        let raw = read[..read.len().min(self.plan.tolerance.raw_limit)].to_vec();
        let told = Vec::new();
        Refusal { offset: start as u32, len: len as u32, first_line, last_line, flaws, told, raw, rows_before: 0 }
    }

    /// Values of a refused row that are told.
    fn told(&self, rows: &Rows<'_, F>, row: usize, flaws: &[Flaw]) -> Vec<Told> {
        let mut told = Vec::new();
        for (index, column) in self.plan.columns.iter().enumerate() {
            if !column.is_told || flaws.iter().any(|flaw| flaw.column == Some(index)) {
                continue;
            }
            if let Origin::Constant(text) = &column.origin {
                told.push(Told { column: index, text: Some(text.clone()) });
            }
            // What is in place of a value that is replaced is not known.
            if !column.is_read() || !matches!(self.plan.conversion(column), BadValue::Stop | BadValue::SkipRow) {
                continue;
            }
            if rows.is_missing(row, index) && !column.missing_is_empty {
                told.push(Told { column: index, text: None });
                continue;
            }
            let (start, end) = rows.bounds(row, index);
            let (buffer, mut arena) = (&self.tile.buffer, Vec::new());
            let text = match clean::resolve(self.fields, buffer, start, end, column, &mut arena) {
                Ok(Field::Null) => None,
                Ok(Field::Plain(s, e)) => Some(&buffer[s..e]),
                Ok(Field::Rewritten(s, e)) => Some(&arena[s..e]),
                Ok(Field::Default) | Err(_) => continue,
            };
            match text.map(|text| literal(self.plan, column, text)) {
                None => told.push(Told { column: index, text: None }),
                Some(None) => {}
                Some(text) => told.push(Told { column: index, text }),
            }
        }
        told
    }

    /// Every byte that does not begin a valid character.
    fn bad_bytes(&self) -> Vec<usize> {
        let (high, nul) = self.plan.scanner.non_ascii_or_nul(self.data);
        let mut bad: Vec<usize> = if nul { memchr::memchr_iter(0, self.data).collect() } else { Vec::new() };
        let mut from = 0;
        while high && let Some(at) = utf8::first_malformed(&self.data[from..]) {
            bad.push(from + at);
            from += at + 1;
        }
        bad.sort_unstable();
        bad
    }

    /// Decodes the columns of the first `limit` rows; the first row that ends the load, or `limit`. What was refused or replaced is
    /// left in `out.refused_rows`.
    pub(crate) fn take_columns(
        &self,
        rows: &Rows<'_, F>,
        mut limit: usize,
        spans: &mut Vec<Span>,
        out: &mut Decoded,
    ) -> usize {
        let plan = self.plan;
        let mut refused = std::mem::take(&mut out.refused_rows);
        let mut mended = std::mem::take(&mut out.mended_rows);
        refused.clear();
        mended.clear();
        for (c, (column, spec)) in out.columns.iter_mut().zip(&plan.columns).enumerate() {
            if !spec.is_read() {
                self.constants.fill(c, column, limit);
                continue;
            }
            let conversion = plan.conversion(spec);
            let changed = self.changed_rows(rows, c, spec, limit);
            let list = match conversion {
                BadValue::Stop => {
                    limit = changed.first().map_or(limit, |&row| row as usize);
                    None
                }
                BadValue::SkipRow => Some(&mut refused),
                BadValue::SetNull | BadValue::SetDefault => Some(&mut mended),
            };
            let known = list.as_ref().map_or(0, |list| list.len());
            if let Err(Stopped(row)) = decode_column(rows, plan, c, limit, column, &mut out.arena, spans, list) {
                limit = row;
            }
            if conversion != BadValue::Stop {
                let list = if conversion == BadValue::SkipRow { &mut refused } else { &mut mended };
                let sets_default = conversion == BadValue::SetDefault && spec.has_default;
                let judged = list.len();
                for row in changed {
                    if list[known..judged].binary_search(&row).is_ok() {
                        continue;
                    }
                    list.push(row);
                    if column.validity.is_valid(row as usize) {
                        column.validity.set_null(row as usize);
                    }
                    if let Err(at) = column.defaults.binary_search(&row)
                        && sets_default
                    {
                        column.defaults.insert(at, row);
                    }
                }
            }
        }
        (out.refused_rows, out.mended_rows) = (refused, mended);
        limit
    }

    /// Rows whose values of a column are refused for the characters that were replaced in them.
    fn changed_rows(&self, rows: &Rows<'_, F>, c: usize, column: &ColumnPlan, limit: usize) -> Vec<u32> {
        if !column.refuses_replaced || self.tile.replaced.is_empty() {
            return Vec::new();
        }
        let is_changed = |row: &usize| {
            let (start, end) = rows.bounds(*row, c);
            !self.tile.replaced_in(start - PAD..end - PAD).is_empty()
        };
        (0..limit).filter(is_changed).map(|row| row as u32).collect()
    }

    /// What is wrong with the values of a row, in the order of its columns.
    fn flaws(&self, rows: &Rows<'_, F>, row: usize) -> Vec<Flaw> {
        let tolerance = &self.plan.tolerance;
        let mut flaws = Vec::new();
        for (index, column) in self.plan.columns.iter().enumerate() {
            if !column.is_read() {
                continue;
            }
            let mut is_null = rows.is_missing(row, index) && !column.missing_is_empty;
            if !is_null {
                let conversion = self.plan.conversion(column);
                let (start, end) = rows.bounds(row, index);
                let mut arena = Vec::new();
                let text = match clean::resolve(self.fields, &self.tile.buffer, start, end, column, &mut arena) {
                    Ok(Field::Null) => None,
                    Ok(Field::Default) => continue,
                    Ok(Field::Plain(s, e)) => Some(self.tile.buffer[s..e].to_vec()),
                    Ok(Field::Rewritten(s, e)) => Some(arena[s..e].to_vec()),
                    Err(error) => {
                        let value = Some(self.tile.buffer[start..end].to_vec());
                        flaws.push(Flaw { column: Some(index), error, value });
                        continue;
                    }
                };
                let changed = self.unreplaced(start - PAD, end - PAD, column);
                is_null = text.is_none() && changed.is_none();
                let refused = changed.or_else(|| {
                    let text = text?;
                    Some((explain_value(self.plan, column, &text).err()?, text))
                });
                if let Some((error, text)) = refused {
                    if matches!(conversion, BadValue::Stop | BadValue::SkipRow) {
                        flaws.push(Flaw { column: Some(index), error, value: Some(text) });
                        continue;
                    }
                    is_null = conversion == BadValue::SetNull || !column.has_default;
                }
            }
            if is_null && tolerance.constraint && column.not_null {
                let message = format!(
                    "null value in column \"{}\" of relation \"{}\" violates not-null constraint",
                    column.name, self.plan.relation
                );
                let error = DataError::new(ErrorCode::NotNullViolation, message);
                flaws.push(Flaw { column: Some(index), error, value: None });
            }
        }
        flaws
    }

    /// The values of a row that were replaced. Of one that nobody but the server can judge, its error.
    fn replaced(&self, rows: &Rows<'_, F>, row: usize) -> Result<Vec<Flaw>, Box<DataError>> {
        let mut flaws = Vec::new();
        for (index, column) in self.plan.columns.iter().enumerate() {
            if !column.is_read() || rows.is_missing(row, index) {
                continue;
            }
            let (start, end) = rows.bounds(row, index);
            let changed = self.unreplaced(start - PAD, end - PAD, column);
            let (error, text) = match (changed, self.value(start - PAD, end - PAD, column)) {
                (Some(changed), _) => changed,
                (None, Ok(None)) => continue,
                (None, Ok(Some(text))) => match explain_value(self.plan, column, &text) {
                    Ok(()) => continue,
                    Err(error) if error.code == ErrorCode::LeftToServer => return Err(error),
                    Err(error) => (error, text),
                },
                (None, Err(error)) => (error, self.tile.buffer[start..end].to_vec()),
            };
            if matches!(self.plan.conversion(column), BadValue::SetNull | BadValue::SetDefault) {
                flaws.push(Flaw { column: Some(index), error, value: Some(text) });
            }
        }
        Ok(flaws)
    }

    /// As [`Pass::undivided`], of a record that is laid out like a row.
    fn undivided_row(&self, rows: &Rows<'_, F>, row: usize) -> Option<Box<DataError>> {
        if self.plan.tolerance.structure {
            return None;
        }
        self.plan.columns.iter().enumerate().find_map(|(index, column)| {
            if !column.is_read() || rows.is_missing(row, index) {
                return None;
            }
            let (start, end) = rows.bounds(row, index);
            self.value(start - PAD, end - PAD, column).err()
        })
    }

    /// What ends the load at a row.
    fn first_flaw(&self, rows: &Rows<'_, F>, row: usize) -> Flaw {
        let ends_it = |flaw: &Flaw| {
            flaw.column.is_some_and(|column| self.plan.conversion(&self.plan.columns[column]) == BadValue::Stop)
        };
        self.flaws(rows, row).into_iter().find(ends_it).unwrap_or_else(|| {
            let error = DataError::new(ErrorCode::InternalError, "a row was refused and then accepted");
            Flaw { column: None, error, value: None }
        })
    }

    /// Takes the refused rows out of the first `limit`, and counts what is left.
    pub(crate) fn settle(&self, rows: &Rows<'_, F>, limit: usize, mut places: Places, out: &mut Decoded) {
        let tolerance = &self.plan.tolerance;
        let mut refused = std::mem::take(&mut out.refused_rows);
        let mut mended = std::mem::take(&mut out.mended_rows);
        for list in [&mut refused, &mut mended] {
            list.retain(|&row| (row as usize) < limit);
            list.sort_unstable();
            list.dedup();
        }
        let mut limit = limit;
        if let Some((row, error)) =
            refused.iter().find_map(|&row| Some((row as usize, self.undivided_row(rows, row as usize)?)))
        {
            if places.len() == 0 {
                places = self.places_of(rows, row + 1, out);
            }
            let (start, end, line) = (places.starts[row] as usize, places.ends[row] as usize, places.last_lines[row]);
            out.ended = false;
            self.fault_at(error, start, end, u64::from(line), out);
            limit = row;
            refused.retain(|&other| (other as usize) < limit);
            mended.retain(|&other| (other as usize) < limit);
            out.refusals.retain(|refusal| (refusal.offset as usize) < start);
            out.columns.iter_mut().for_each(|column| column.truncate(limit));
            places.truncate(limit);
        }
        let mut replaced = Vec::new();
        for &row in &mended {
            match self.replaced(rows, row as usize) {
                Ok(flaws) if out.tells_mendings => replaced.push((row, flaws)),
                Ok(_) => {}
                Err(error) => {
                    let (start, end) = (rows.record(row as usize).0 - PAD, rows.record(row as usize).1 - PAD);
                    self.fault_at(error, start, end.min(self.data.len()), 0, out);
                    break;
                }
            }
        }
        if tolerance.constraint {
            let before = refused.len();
            for (spec, column) in self.plan.columns.iter().zip(&out.columns) {
                if spec.not_null && column.validity.nulls() > 0 {
                    let nulls = column.validity.null_rows(limit);
                    refused.extend(nulls.filter(|row| column.defaults.binary_search(row).is_err()));
                }
            }
            if refused.len() > before {
                refused.sort_unstable();
                refused.dedup();
            }
        }
        out.mended = mended.iter().filter(|row| refused.binary_search(row).is_err()).count() as u64;
        out.mended_rows = mended;
        out.rows = limit - refused.len();
        replaced.retain(|(row, _)| refused.binary_search(row).is_err());
        let has_places = places.len() > 0 || !refused.is_empty();
        if places.len() == 0 && (!refused.is_empty() || !replaced.is_empty()) {
            places = self.places_of(rows, limit, out);
        }
        for (row, flaws) in replaced {
            let at = row as usize;
            let lines = (u64::from(places.first_lines[at]), u64::from(places.last_lines[at]));
            out.mendings.push(self.refusal(places.starts[at] as usize, places.ends[at] as usize, lines, flaws));
        }
        if !refused.is_empty() {
            for &row in &refused {
                let at = row as usize;
                let flaws = self.flaws(rows, at);
                let (start, end) = (places.starts[at] as usize, places.ends[at] as usize);
                let lines = (u64::from(places.first_lines[at]), u64::from(places.last_lines[at]));
                let left = flaws.iter().find(|flaw| flaw.error.code == ErrorCode::LeftToServer);
                if flaws.is_empty() || left.is_some() {
                    let error = left.map_or_else(
                        || DataError::new(ErrorCode::InternalError, "a row was refused and then accepted"),
                        |flaw| flaw.error.clone(),
                    );
                    self.fault_at(error, start, end, lines.1, out);
                    break;
                }
                let told = self.told(rows, at, &flaws);
                out.refusals.push(Refusal { told, ..self.refusal(start, end, lines, flaws) });
            }
            out.columns.iter_mut().for_each(|column| column.remove(&refused, limit));
            places.remove(&refused);
        }
        out.refusals.sort_by_key(|refusal| refusal.offset);
        out.refused_rows = refused;
        out.places = has_places.then_some(places);
    }

    /// The places of rows that follow upon each other.
    fn places_of(&self, rows: &Rows<'_, F>, limit: usize, out: &Decoded) -> Places {
        let mut places = Places::default();
        // The first record is the header, if there is one.
        let header_end = [out.start.saturating_sub(1)];
        let first_record = if out.header_lines > 0 { &header_end[..] } else { rows.offsets };
        let mut lines = LineCount::new(self, first_record);
        let has_quotes = self.plan.is_csv() && memchr::memchr(self.quote(), self.data).is_some();
        for row in 0..limit {
            let (start, end) = rows.record(row);
            let (start, end) = (start - PAD, (end - PAD).min(self.data.len()));
            let before = if has_quotes {
                (lines.before(start), lines.before(end))
            } else {
                let line = out.header_lines + row as u64;
                (line, line)
            };
            places.push(start, end, before);
        }
        places
    }

    fn quote(&self) -> u8 {
        match self.plan.grammar {
            copyist_scan::Grammar::Csv { quote, .. } => quote,
            copyist_scan::Grammar::Text { .. } | copyist_scan::Grammar::Plain { .. } => 0,
        }
    }
}
