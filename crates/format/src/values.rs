//! Column-at-a-time decoding: one specialised loop a type, a fast path for the usual spelling of its values, and the
//! full input function for all others.

use copyist_core::{DataError, ErrorCode, Result, Type};
use copyist_datetime::{self as datetime, DateCache};
use copyist_scan::{Scanner, Work};
use copyist_types as types;

use crate::column::{ByteRef, Column, Values};
use crate::decimal::{self, Pointed, Truncated};
use crate::field::{Field, Fields};
use crate::fixed::Positions;
use crate::parse::{self, Parse};
use crate::patterned::{self, By};
use crate::tile::PAD;
use crate::{BadValue, ColumnPlan, Layout, Plan, clean};

/// The regular rows of a tile: `width` structural offsets each.
pub(crate) struct Rows<'a, F> {
    pub buffer: &'a [u8],
    /// From the first row's first field on.
    pub offsets: &'a [u32],
    /// Where the first row starts in `buffer`.
    pub start: usize,
    pub width: usize,
    /// Bytes between the last field's end and its record's structural offset: 1 under CRLF.
    pub trim: usize,
    /// Bytes between another field's end and its structural offset: those of a delimiter but the last.
    pub gap: usize,
    pub fields: F,
    /// Where each row starts in the data, if they do not follow upon each other.
    pub starts: Option<&'a [u32]>,
    /// Rows that lack fields, ascending, and how many they have.
    pub missing: &'a [(u32, u32)],
    /// Which field of a row is which column's, where it is not one after the other.
    pub map: Option<&'a [u32]>,
    /// Where fields have places of their own; `width` is then 1. With the fields of lines whose characters are counted.
    pub fixed: Option<(Positions<'a>, &'a [Span])>,
}

impl<F: Fields> Rows<'_, F> {
    /// The raw field of `row` and `column` as positions in the buffer.
    #[inline(always)]
    pub fn bounds(&self, row: usize, column: usize) -> (usize, usize) {
        if let Some((positions, table)) = self.fixed {
            return match table.get(row * positions.fields.len() + column) {
                Some(span) => span.bounds(),
                None => positions.field(self.buffer, self.record(row), column),
            };
        }
        let (start, end) = self.field(row, self.field_of(column));
        // Before a field that is missing there is no delimiter.
        (start.min(end), end)
    }

    /// The record of `row` without its line end, as positions in the buffer.
    pub fn record(&self, row: usize) -> (usize, usize) {
        (self.field(row, 0).0, self.field(row, self.width - 1).1)
    }

    /// A raw field by its number in the record.
    #[inline(always)]
    pub fn field(&self, row: usize, field: usize) -> (usize, usize) {
        let index = row * self.width + field;
        let start = match self.starts {
            Some(starts) if field == 0 => PAD + starts[row] as usize,
            _ if index == 0 => self.start,
            _ => PAD + self.offsets[index - 1] as usize + 1,
        };
        let end = PAD + self.offsets[index] as usize;
        (start, end - if field + 1 == self.width { self.trim } else { self.gap })
    }

    #[inline(always)]
    fn field_of(&self, column: usize) -> usize {
        self.map.map_or(column, |map| map[column] as usize)
    }

    /// Whether rows may lack fields.
    #[inline(always)]
    fn may_lack(&self) -> bool {
        !self.missing.is_empty() || self.fixed.is_some()
    }

    /// Whether the record of `row` ends before `column`.
    pub fn is_missing(&self, row: usize, column: usize) -> bool {
        if let Some((positions, table)) = self.fixed {
            let found = table.get(row * positions.fields.len() + column);
            return positions.is_missing(self.record(row), column, found);
        }
        let column = self.field_of(column);
        let found = self.missing.binary_search_by_key(&(row as u32), |&(row, _)| row);
        found.is_ok_and(|index| column >= self.missing[index].1 as usize)
    }
}

/// One raw field as positions in the buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    pub fn bounds(self) -> (usize, usize) {
        (self.start as usize, self.end as usize)
    }
}

/// The raw fields of a column in the first `limit` rows. Written out first, so that the loops over values have nothing
/// else to do.
struct FindSpans<'a, 'r, F> {
    rows: &'a Rows<'r, F>,
    column: usize,
    limit: usize,
    out: &'a mut Vec<Span>,
}

impl<F: Fields> Work for FindSpans<'_, '_, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { rows: all @ Rows { offsets, width, start, trim, gap, starts, missing, .. }, column, limit, out } =
            self;
        let pad = PAD as u32;
        if let Some((positions, [])) = all.fixed {
            out.resize(limit, Span { start: 0, end: 0 });
            let ends = offsets.iter().map(|&offset| PAD + offset as usize);
            let mut next = *start;
            let lines = ends.enumerate().map(|(row, end)| {
                let begin = starts.map_or(next, |starts| PAD + starts[row] as usize);
                next = end + 1;
                (begin, end - *trim)
            });
            positions.find(all.buffer, lines, column, out);
            return;
        }
        if all.fixed.is_some() {
            out.clear();
            out.extend((0..limit).map(|row| {
                let (start, end) = all.bounds(row, column);
                Span::new(start, end)
            }));
            return;
        }
        let column = all.field_of(column);
        let trim = if column + 1 == *width { *trim as u32 } else { *gap as u32 };
        out.resize(limit, Span { start: 0, end: 0 });
        let rows = out.iter_mut().zip(offsets.chunks_exact(*width));
        if let (0, Some(starts)) = (column, starts) {
            for ((span, row), start) in rows.zip(*starts) {
                *span = Span { start: pad + start, end: pad + row[0] - trim };
            }
        } else if column == 0 {
            let mut start = *start as u32;
            for (span, row) in rows {
                *span = Span { start, end: pad + row[0] - trim };
                start = pad + row[row.len() - 1] + 1;
            }
        } else {
            for (span, row) in rows {
                *span = Span { start: pad + row[column - 1] + 1, end: pad + row[column] - trim };
            }
        }
        for &(row, fields) in *missing {
            if column >= fields as usize
                && let Some(span) = out.get_mut(row as usize)
            {
                span.start = span.end;
            }
        }
    }
}

/// The row at which a column stopped.
pub(crate) struct Stopped(pub usize);

/// The physical vector for a type under a layout.
pub(crate) fn values_for(layout: Layout, ty: &Type) -> Values {
    match (layout, ty) {
        (Layout::PgText, _) => Values::Bytes(Vec::new()),
        (_, Type::Bool) => Values::Bool(Vec::new()),
        (_, Type::Int2) => Values::I16(Vec::new()),
        (_, Type::Int4 | Type::Date) => Values::I32(Vec::new()),
        (_, Type::Int8 | Type::Time(_) | Type::Timestamp(_) | Type::TimestampTz(_)) => Values::I64(Vec::new()),
        (_, Type::Float4) => Values::F32(Vec::new()),
        (_, Type::Float8) => Values::F64(Vec::new()),
        (_, Type::TimeTz(_)) => Values::TimeTz(Vec::new()),
        (_, Type::Interval(_)) => Values::Interval(Vec::new()),
        (_, Type::Uuid) => Values::Uuid(Vec::new()),
        (Layout::Duckdb | Layout::Arrow, Type::Numeric(Some((precision, scale)))) if unscaled(*precision, *scale) => {
            Values::I128(Vec::new())
        }
        (Layout::Duckdb, Type::Enum(_)) => Values::Enum(Vec::new()),
        _ => Values::Bytes(Vec::new()),
    }
}

/// Whether `numeric(precision, scale)` fits a 128-bit unscaled integer.
fn unscaled(precision: u16, scale: i16) -> bool {
    precision <= 38 && scale >= 0 && scale as u16 <= precision
}

/// Decodes column `c` of the first `limit` rows. Stops at the first row that its type refuses; with `refused`, notes it there and goes
/// on, the value being NULL.
#[allow(clippy::too_many_arguments, reason = "each is reused memory or a place of its own")]
pub(crate) fn decode_column<F: Fields>(
    rows: &Rows<'_, F>,
    plan: &Plan,
    c: usize,
    limit: usize,
    column: &mut Column,
    arena: &mut Vec<u8>,
    spans: &mut Vec<Span>,
    refused: Option<&mut Vec<u32>>,
) -> std::result::Result<(), Stopped> {
    let context = &*plan.context;
    let spec = &plan.columns[c];
    let bounded = plan.counts_from_1970();
    let Column { values, validity, defaults, .. } = column;
    plan.scanner.run(FindSpans { rows, column: c, limit, out: spans });
    let sets_default = plan.conversion(spec) == BadValue::SetDefault && spec.has_default;
    let mut sink =
        Sink { rows, spec, column: c, spans, validity, defaults, arena, refused, sets_default, scanner: plan.scanner };
    if let Some(by) = by_patterns(plan, spec) {
        return match (values, &spec.ty) {
            (Values::I32(out), _) => sink.typed(out, patterned::Date(by)),
            (Values::I64(out), Type::Time(_)) => sink.typed(out, patterned::Time(by)),
            (Values::I64(out), Type::Timestamp(_)) => sink.typed(out, patterned::Timestamp(by)),
            (Values::I64(out), _) => sink.typed(out, patterned::TimestampTz(by)),
            (Values::TimeTz(out), _) => sink.typed(out, patterned::TimeTz(by)),
            (Values::Bytes(out), Type::Array(array)) => sink.rewritten(out, |v, arena| {
                let mut iso = Vec::new();
                patterned::write_iso_array(array, by, v, &mut iso)?;
                match plan.layout {
                    Layout::PgText => arena.extend_from_slice(&iso),
                    Layout::PgBinary => types::write_binary(&spec.ty, &iso, context, arena)?,
                    _ => crate::duckdb::write_list(&iso, array, context, arena)?,
                }
                Ok(())
            }),
            (Values::Bytes(out), ty) => sink.rewritten(out, |v, arena| patterned::write_iso(ty, by, v, arena)),
            (values, ty) => unreachable!("no vector {values:?} is made for {ty:?} by a pattern"),
        };
    }
    match (values, &spec.ty) {
        (Values::Bool(out), _) => sink.typed(out, parse::Bool),
        (Values::I16(out), _) => sink.typed(out, parse::Int2),
        (Values::I32(out), Type::Date) => sink.typed(out, parse::Date { context }),
        (Values::I32(out), _) => sink.typed(out, parse::Int4),
        (Values::I64(out), Type::Time(p)) => sink.typed(out, parse::Time { precision: *p, context }),
        (Values::I64(out), Type::Timestamp(p)) => {
            sink.typed(out, parse::Timestamp { precision: *p, context, bounded, dates: DateCache::default() })
        }
        (Values::I64(out), Type::TimestampTz(p)) => {
            sink.typed(out, parse::TimestampTz { precision: *p, context, bounded, dates: DateCache::default() })
        }
        (Values::I64(out), _) => sink.typed(out, parse::Int8),
        (Values::F32(out), _) if plan.has_comma => sink.typed(out, Pointed(parse::Float4)),
        (Values::F32(out), _) => sink.typed(out, parse::Float4),
        (Values::F64(out), _) if plan.has_comma => sink.typed(out, Pointed(parse::Float8)),
        (Values::F64(out), _) => sink.typed(out, parse::Float8),
        (Values::I128(out), Type::Numeric(Some((precision, scale)))) => {
            let parser = parse::Decimal { precision: *precision, scale: *scale };
            match (plan.has_comma, plan.truncates_decimals) {
                (false, false) => sink.typed(out, parser),
                (true, false) => sink.typed(out, Pointed(parser)),
                (false, true) => sink.typed(out, Truncated { parser, scale: *scale }),
                (true, true) => sink.typed(out, Pointed(Truncated { parser, scale: *scale })),
            }
        }
        (Values::TimeTz(out), Type::TimeTz(p)) => {
            sink.typed(out, parse::TimeTz { precision: *p, context, bounded: plan.layout == Layout::Duckdb })
        }
        (Values::Interval(out), Type::Interval(p)) => {
            let finite = plan.layout != Layout::PgBinary;
            sink.typed(out, parse::Interval { precision: *p, context, finite })
        }
        (Values::Uuid(out), _) => sink.typed(out, parse::Uuid),
        (Values::Enum(out), Type::Enum(kind)) => sink.typed(out, parse::Label::new(kind, plan.grammar)),
        (Values::Bytes(out), ty) => decode_bytes(&mut sink, out, ty, plan),
        (values, ty) => unreachable!("no vector {values:?} is made for {ty:?}"),
    }
}

/// The patterns of a column whose type, or that of whose elements, has a date or a time.
fn by_patterns<'a>(plan: &'a Plan, column: &'a ColumnPlan) -> Option<By<'a>> {
    let single = match &column.ty {
        Type::Array(array) => &array.element,
        ty => ty,
    };
    let precision = match *single {
        Type::Date => None,
        Type::Time(p) | Type::TimeTz(p) | Type::Timestamp(p) | Type::TimestampTz(p) => p,
        _ => return None,
    };
    let patterns = column.patterns.as_deref()?;
    Some(By { patterns, precision, context: &plan.context, bounded: plan.counts_from_1970() })
}

/// Columns whose values are bytes: as they stand in the tile, or rewritten into the arena.
fn decode_bytes<F: Fields>(
    sink: &mut Sink<'_, '_, F>,
    out: &mut Vec<ByteRef>,
    ty: &Type,
    plan: &Plan,
) -> std::result::Result<(), Stopped> {
    let conversion = plan.conversion(sink.spec);
    if plan.tolerance.truncate
        && let Type::Varchar(Some(n)) | Type::Bpchar(Some(n)) = ty
    {
        return sink.shortened(out, |v| Ok(types::text::truncate(v, *n).len()));
    }
    if plan.has_comma && decimal::has_mark(ty) || scale_of_cut(plan, ty).is_some() {
        return decode_numbers(sink, out, ty, plan);
    }
    if plan.layout == Layout::PgText {
        if conversion == BadValue::Stop || *ty == Type::Text {
            return sink.whole(out);
        }
        // The server would end the load at a value that it cannot read.
        let column = sink.spec;
        return sink.bytes(out, |v| explain_value(plan, column, v));
    }
    let context = &*plan.context;
    match ty {
        Type::Varchar(Some(n)) => sink.shortened(out, |v| types::text::check_varchar(v, *n).map(<[u8]>::len)),
        Type::Bpchar(Some(n)) => sink.shortened(out, |v| types::text::check_bpchar(v, *n).map(<[u8]>::len)),
        Type::Json => sink.bytes(out, |v| types::json::check(v, false)),
        Type::Jsonb => sink.bytes(out, |v| types::json::check(v, true)),
        Type::Enum(kind) => sink.bytes(out, |v| types::enumeration::check(v, kind)),
        Type::Bytea => sink.rewritten(out, types::bytea::parse),
        Type::Numeric(typmod) if plan.layout == Layout::PgBinary => sink.rewritten(out, |v, arena| {
            if types::numeric::fast_binary(v, *typmod, arena) {
                return Ok(());
            }
            types::numeric::parse(v, *typmod).map(|n| n.write_binary(arena))
        }),
        Type::Numeric(typmod) => sink.bytes(out, |v| types::numeric::parse(v, *typmod).map(drop)),
        Type::Array(_) if plan.layout == Layout::PgBinary => {
            sink.rewritten(out, |v, arena| types::write_binary(ty, v, context, arena))
        }
        Type::Array(array) => sink.rewritten(out, |v, arena| crate::duckdb::write_list(v, array, context, arena)),
        _ => sink.whole(out),
    }
}

/// The decimals that a column keeps, where others are cut off.
fn scale_of_cut(plan: &Plan, ty: &Type) -> Option<i16> {
    match ty {
        Type::Numeric(Some((_, scale))) if plan.truncates_decimals => Some(*scale),
        _ => None,
    }
}

/// Numbers with a comma for their mark, or of which decimals are cut off, that are no vector of fixed size.
fn decode_numbers<F: Fields>(
    sink: &mut Sink<'_, '_, F>,
    out: &mut Vec<ByteRef>,
    ty: &Type,
    plan: &Plan,
) -> std::result::Result<(), Stopped> {
    let column = sink.spec;
    let scale = scale_of_cut(plan, ty);
    sink.rewritten(out, |v, arena| {
        match (plan.layout, ty) {
            (Layout::PgBinary, Type::Numeric(typmod)) => {
                return as_number(plan, ty, v, |v| {
                    if types::numeric::fast_binary(v, *typmod, arena) {
                        return Ok(());
                    }
                    types::numeric::parse(v, *typmod).map(|n| n.write_binary(arena))
                });
            }
            // Also where the server would find what is wrong: it would show the number as it is written for it.
            _ => explain_value(plan, column, v)?,
        }
        let mut pointed = Vec::new();
        let number = if plan.has_comma {
            decimal::write_pointed(v, &mut pointed);
            &pointed
        } else {
            v
        };
        match scale {
            Some(scale) => decimal::write_truncated(number, scale, arena),
            None => arena.extend_from_slice(number),
        }
        Ok(())
    })
}

/// What every loop needs.
struct Sink<'a, 'r, F> {
    rows: &'a Rows<'r, F>,
    spec: &'a ColumnPlan,
    /// Its number.
    column: usize,
    spans: &'a [Span],
    validity: &'a mut crate::column::Validity,
    defaults: &'a mut Vec<u32>,
    arena: &'a mut Vec<u8>,
    /// Where refused rows are noted; None if the first ends the load.
    refused: Option<&'a mut Vec<u32>>,
    /// A refused value is the column's default.
    sets_default: bool,
    scanner: Scanner,
}

impl<F: Fields> Sink<'_, '_, F> {
    /// Values of fixed size.
    fn typed<P: Parse>(&mut self, out: &mut Vec<P::Value>, parse: P) -> std::result::Result<(), Stopped> {
        // What the last tile left in the vector may stay where this one has NULLs.
        out.resize(self.spans.len(), P::NULL);
        let scanner = self.scanner;
        scanner.run(ParseAll { sink: self, out, parse })
    }

    /// A field that is not a value in its usual spelling: NULL, quoted, or in another spelling. `Some(None)` is a NULL; `None` is an
    /// error, to be explained later.
    #[inline(never)]
    fn other<P: Parse>(
        &mut self,
        row: usize,
        start: usize,
        end: usize,
        tried: Tried,
        parse: &P,
    ) -> Option<Option<P::Value>> {
        let Rows { buffer, fields, .. } = *self.rows;
        if fields.is_null(buffer, start, end, self.spec) || self.is_missing(row, start, end) {
            self.validity.set_null(row);
            return Some(None);
        }
        if !tried.default_reads
            && let (s, e) = fields.unquoted(buffer, start, end, self.spec)
            && !(tried.direct && s == start)
            && let Some(value) = parse.fast(buffer, s, e)
        {
            return Some(Some(value));
        }
        self.slow(row, start, end, parse)
    }

    #[cold]
    #[inline(never)]
    fn slow<P: Parse>(&mut self, row: usize, start: usize, end: usize, parse: &P) -> Option<Option<P::Value>> {
        let buffer = self.rows.buffer;
        let mark = self.arena.len();
        match clean::resolve(self.rows.fields, buffer, start, end, self.spec, self.arena).ok()? {
            field @ (Field::Null | Field::Default) => self.set_absent(row, field),
            Field::Plain(s, e) => return parse.full(&buffer[s..e]).ok().map(Some),
            Field::Rewritten(s, e) => {
                let value = parse.full(&self.arena[s..e]).ok();
                self.arena.truncate(mark);
                return value.map(Some);
            }
        }
        Some(None)
    }

    /// Values that are their own bytes, whatever these are.
    fn whole(&mut self, out: &mut Vec<ByteRef>) -> std::result::Result<(), Stopped> {
        if !self.spec.cleaning.is_none() {
            return self.cleaned(out, &whole);
        }
        out.resize(self.spans.len(), ByteRef::EMPTY);
        let scanner = self.scanner;
        scanner.run(KeepWhole { sink: self, out })
    }

    /// Values that are their own bytes if these pass a check.
    #[inline(always)]
    fn bytes(
        &mut self,
        out: &mut Vec<ByteRef>,
        check: impl Fn(&[u8]) -> Result<()>,
    ) -> std::result::Result<(), Stopped> {
        self.shortened(out, |value| check(value).map(|()| value.len()))
    }

    /// Values that are a prefix of their own bytes; `keep` says how much of it.
    #[inline(always)]
    fn shortened(
        &mut self,
        out: &mut Vec<ByteRef>,
        keep: impl Fn(&[u8]) -> Result<usize>,
    ) -> std::result::Result<(), Stopped> {
        if !self.spec.cleaning.is_none() {
            return self.cleaned(out, &keep);
        }
        out.resize(self.spans.len(), ByteRef::EMPTY);
        let scanner = self.scanner;
        scanner.run(KeepAll { sink: self, out, keep })
    }

    /// The value of one field, of which `keep` says how much is kept.
    #[inline(always)]
    fn keep(
        &mut self,
        row: usize,
        span: Span,
        keep: &impl Fn(&[u8]) -> Result<usize>,
    ) -> std::result::Result<ByteRef, Stopped> {
        let Rows { buffer, fields, .. } = *self.rows;
        let (start, end) = span.bounds();
        if fields.is_null(buffer, start, end, self.spec) || self.is_missing(row, start, end) {
            self.validity.set_null(row);
            return Ok(ByteRef::EMPTY);
        }
        let field = match fields.quick(buffer, start, end, self.spec, self.arena) {
            Some(field) => field,
            None => match fields.resolve(buffer, start, end, self.spec, self.arena) {
                Ok(field) => field,
                Err(_) => return self.refuse(row).map(|()| ByteRef::EMPTY),
            },
        };
        self.keep_field(row, field, keep)
    }

    /// [`Sink::shortened`] of fields that are cleaned first.
    fn cleaned(
        &mut self,
        out: &mut Vec<ByteRef>,
        keep: &impl Fn(&[u8]) -> Result<usize>,
    ) -> std::result::Result<(), Stopped> {
        let Rows { buffer, fields, .. } = *self.rows;
        out.clear();
        out.resize(self.spans.len(), ByteRef::EMPTY);
        for (row, (span, slot)) in self.spans.iter().zip(out).enumerate() {
            let (start, end) = span.bounds();
            if fields.is_null(buffer, start, end, self.spec) || self.is_missing(row, start, end) {
                self.validity.set_null(row);
                continue;
            }
            match clean::resolve(fields, buffer, start, end, self.spec, self.arena) {
                Ok(field) => *slot = self.keep_field(row, field, keep)?,
                Err(_) => self.refuse(row)?,
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn keep_field(
        &mut self,
        row: usize,
        field: Field,
        keep: &impl Fn(&[u8]) -> Result<usize>,
    ) -> std::result::Result<ByteRef, Stopped> {
        let buffer = self.rows.buffer;
        let kept = match field {
            Field::Plain(s, e) => keep(&buffer[s..e]).map(|len| ByteRef::tile(s, s + len)),
            Field::Rewritten(s, e) => keep(&self.arena[s..e]).map(|len| ByteRef::arena(s, s + len)),
            Field::Null | Field::Default => {
                self.set_absent(row, field);
                return Ok(ByteRef::EMPTY);
            }
        };
        match kept {
            Ok(kept) => Ok(kept),
            Err(_) => self.refuse(row).map(|()| ByteRef::EMPTY),
        }
    }

    /// Whether the record of `row` has no such field; only an empty span can be one that is not there.
    #[inline(always)]
    fn is_missing(&self, row: usize, start: usize, end: usize) -> bool {
        start == end && self.rows.may_lack() && !self.spec.missing_is_empty && self.rows.is_missing(row, self.column)
    }

    /// Notes a row whose value is refused, if that is to be tolerated.
    #[cold]
    #[inline(never)]
    fn refuse(&mut self, row: usize) -> std::result::Result<(), Stopped> {
        let Some(refused) = &mut self.refused else { return Err(Stopped(row)) };
        refused.push(row as u32);
        self.validity.set_null(row);
        if self.sets_default {
            self.defaults.push(row as u32);
        }
        Ok(())
    }

    fn set_absent(&mut self, row: usize, field: Field) {
        self.validity.set_null(row);
        if field == Field::Default {
            self.defaults.push(row as u32);
        }
    }

    /// Values that are written anew into the arena by `write`.
    #[inline(always)]
    fn rewritten(
        &mut self,
        out: &mut Vec<ByteRef>,
        write: impl Fn(&[u8], &mut Vec<u8>) -> Result<()>,
    ) -> std::result::Result<(), Stopped> {
        let Rows { buffer, fields, .. } = *self.rows;
        let mut unescaped = Vec::new();
        out.clear();
        out.resize(self.spans.len(), ByteRef::EMPTY);
        for (row, (span, slot)) in self.spans.iter().zip(out).enumerate() {
            let (start, end) = (span.start as usize, span.end as usize);
            if fields.is_null(buffer, start, end, self.spec) || self.is_missing(row, start, end) {
                self.validity.set_null(row);
                continue;
            }
            unescaped.clear();
            let value = match clean::resolve(fields, buffer, start, end, self.spec, &mut unescaped) {
                Ok(Field::Plain(s, e)) => &buffer[s..e],
                Ok(Field::Rewritten(s, e)) => &unescaped[s..e],
                Ok(field) => {
                    self.set_absent(row, field);
                    continue;
                }
                Err(_) => {
                    self.refuse(row)?;
                    continue;
                }
            };
            let from = self.arena.len();
            if write(value, self.arena).is_err() {
                self.arena.truncate(from);
                self.refuse(row)?;
                continue;
            }
            *slot = ByteRef::arena(from, self.arena.len());
        }
        Ok(())
    }
}

/// What is known of a field that the loop over values has not taken.
#[derive(Clone, Copy)]
struct Tried {
    /// The fast path has refused it as it stands.
    direct: bool,
    /// The fast path would take the DEFAULT string, or what is to be cleaned, for a value.
    default_reads: bool,
}

/// The loop of [`Sink::typed`].
struct ParseAll<'a, 's, 'r, F, P: Parse> {
    sink: &'a mut Sink<'s, 'r, F>,
    out: &'a mut [P::Value],
    parse: P,
}

impl<F: Fields, P: Parse> Work for ParseAll<'_, '_, '_, F, P> {
    type Output = std::result::Result<(), Stopped>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self { sink, out, parse } = self;
        let Rows { buffer, fields, .. } = *sink.rows;
        // Fields may be tried before they are compared with the markers, unless a marker reads like a value.
        let reads = |marker: &[u8]| parse.fast(marker, 0, marker.len()).is_some();
        // A label may begin with a quotation mark that is to be removed.
        let has_marks = sink.spec.cleaning.unquotes && matches!(sink.spec.ty, Type::Enum(_));
        let default_reads = has_marks || fields.default().is_some_and(reads);
        let direct = !default_reads && !reads(fields.null());
        for (row, (span, slot)) in sink.spans.iter().zip(out).enumerate() {
            let (start, end) = (span.start as usize, span.end as usize);
            if direct && let Some(value) = parse.fast(buffer, start, end) {
                *slot = value;
                continue;
            }
            match sink.other(row, start, end, Tried { direct, default_reads }, &parse) {
                Some(Some(value)) => *slot = value,
                Some(None) => {}
                None => sink.refuse(row)?,
            }
        }
        Ok(())
    }
}

/// The loop of [`Sink::shortened`].
struct KeepAll<'a, 's, 'r, F, K> {
    sink: &'a mut Sink<'s, 'r, F>,
    out: &'a mut [ByteRef],
    keep: K,
}

impl<F: Fields, K: Fn(&[u8]) -> Result<usize>> Work for KeepAll<'_, '_, '_, F, K> {
    type Output = std::result::Result<(), Stopped>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self { sink, out, keep } = self;
        let spans = sink.spans;
        for (row, (span, slot)) in spans.iter().zip(out).enumerate() {
            *slot = sink.keep(row, *span, &keep)?;
        }
        Ok(())
    }
}

/// The loops of [`Sink::whole`].
struct KeepWhole<'a, 's, 'r, F> {
    sink: &'a mut Sink<'s, 'r, F>,
    out: &'a mut [ByteRef],
}

impl<F: Fields> Work for KeepWhole<'_, '_, '_, F> {
    type Output = std::result::Result<(), Stopped>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self { sink, out } = self;
        let Rows { buffer, fields, .. } = *sink.rows;
        let has_missing = sink.rows.may_lack();
        let mut odd = [0; BLOCK_ROWS];
        let mut mostly_odd = false;
        for (block, (spans, out)) in sink.spans.chunks(BLOCK_ROWS).zip(out.chunks_mut(BLOCK_ROWS)).enumerate() {
            let first = block * BLOCK_ROWS;
            let mut count = 0;
            if mostly_odd {
                for (row, (span, slot)) in spans.iter().zip(out).enumerate() {
                    count += usize::from(!fields.is_surely_plain(buffer, span.start as usize, span.end as usize));
                    *slot = sink.keep(first + row, *span, &whole)?;
                }
            } else {
                // Every field is taken as it stands and the odd ones are noted, without a branch on which they are: among quoted
                // and unquoted fields, or NULLs, that would be mispredicted all the time.
                for (row, (span, slot)) in spans.iter().zip(out.iter_mut()).enumerate() {
                    let (start, end) = (span.start as usize, span.end as usize);
                    *slot = ByteRef::tile(start, end);
                    odd[count] = row as u8;
                    let is_odd = !fields.is_surely_plain(buffer, start, end) | (has_missing & (start == end));
                    count += usize::from(is_odd);
                }
                for &row in &odd[..count] {
                    let row = usize::from(row);
                    out[row] = sink.keep(first + row, spans[row], &whole)?;
                }
            }
            mostly_odd = count > spans.len() * 3 / 4;
        }
        Ok(())
    }
}

/// Rows that [`KeepWhole`] looks at together; a number of them fits a byte.
const BLOCK_ROWS: usize = 256;

#[allow(clippy::unnecessary_wraps, reason = "a check that passes everything")]
#[inline(always)]
fn whole(value: &[u8]) -> Result<usize> {
    Ok(value.len())
}

/// What the type's input function, and then the layout, say of a value. Used to find out why a row was refused.
pub(crate) fn explain_value(plan: &Plan, column: &ColumnPlan, value: &[u8]) -> Result<()> {
    let ty = &column.ty;
    if let Some(by) = by_patterns(plan, column) {
        let mut iso = Vec::new();
        let Type::Array(array) = ty else { return patterned::write_iso(ty, by, value, &mut iso) };
        patterned::write_iso_array(array, by, value, &mut iso)?;
        return explain_plain(plan, ty, &iso);
    }
    as_number(plan, ty, value, |value| explain_plain(plan, ty, value))
}

/// Bytes of a value that is told.
const MOST_TOLD: usize = 1 << 20;

/// A value that its column takes as a literal of the column's type, whichever way it is written; None where that is not the whole value.
pub(crate) fn literal(plan: &Plan, column: &ColumnPlan, value: &[u8]) -> Option<Vec<u8>> {
    let ty = &column.ty;
    if value.len() > MOST_TOLD
        || plan.tolerance.truncate && matches!(ty, Type::Varchar(Some(_)) | Type::Bpchar(Some(_)))
    {
        return None;
    }
    if let Some(by) = by_patterns(plan, column) {
        let mut text = Vec::new();
        return patterned::write_iso(ty, by, value, &mut text).ok().map(|()| text);
    }
    as_number(plan, ty, value, |value| Ok(value.to_vec())).ok()
}

/// What `parse` makes of a value as the parser of its type reads it: with a point, and without the decimals that are cut off.
fn as_number<T>(plan: &Plan, ty: &Type, value: &[u8], mut parse: impl FnMut(&[u8]) -> Result<T>) -> Result<T> {
    let mut cut = |value: &[u8]| match scale_of_cut(plan, ty) {
        Some(scale) => decimal::truncated(value, scale, &mut parse),
        None => parse(value),
    };
    if plan.has_comma && decimal::has_mark(ty) {
        return decimal::with_point(value, cut);
    }
    cut(value)
}

fn explain_plain(plan: &Plan, ty: &Type, value: &[u8]) -> Result<()> {
    // What the session's settings have a say in is why values travel as text at all. Of a row that is refused for another
    // reason, the values before that are still ours to judge.
    let depends_on_session = matches!(
        ty,
        Type::Array(_) | Type::Date | Type::Time(_) | Type::TimeTz(_) | Type::Timestamp(_) | Type::TimestampTz(_)
    );
    if *ty == Type::Other || plan.layout == Layout::PgText && depends_on_session {
        return Ok(());
    }
    if plan.tolerance.truncate && matches!(ty, Type::Varchar(Some(_)) | Type::Bpchar(Some(_))) {
        return Ok(());
    }
    let mut scratch = Vec::new();
    if let (Type::Array(array), Layout::Duckdb) = (ty, plan.layout) {
        return crate::duckdb::write_list(value, array, &plan.context, &mut scratch);
    }
    types::write_binary(ty, value, &plan.context, &mut scratch)?;
    if matches!(plan.layout, Layout::PgBinary | Layout::PgText) {
        return Ok(());
    }
    let bounded = plan.counts_from_1970();
    match ty {
        Type::Numeric(Some((p, s))) if unscaled(*p, *s) => unscaled_decimal(value, *p, *s).map(drop),
        Type::TimeTz(p) => {
            let bounded = plan.layout == Layout::Duckdb;
            datetime::timetz(value, *p, &plan.context).and_then(|t| in_duckdb_displacement(bounded, t, value)).map(drop)
        }
        Type::Timestamp(p) => {
            datetime::timestamp(value, *p, &plan.context).and_then(|t| in_duckdb_range(bounded, t, value)).map(drop)
        }
        Type::TimestampTz(p) => {
            datetime::timestamptz(value, *p, &plan.context).and_then(|t| in_duckdb_range(bounded, t, value)).map(drop)
        }
        Type::Interval(p) => {
            datetime::interval(value, *p, &plan.context).and_then(|i| finite_interval(true, i, value)).map(drop)
        }
        Type::Array(array) => crate::duckdb::write_list(value, array, &plan.context, &mut scratch),
        _ => Ok(()),
    }
}

pub(crate) fn unscaled_decimal(value: &[u8], precision: u16, scale: i16) -> Result<i128> {
    let number = types::numeric::parse(value, Some((precision, scale)))?;
    number.to_i128(scale as u8).ok_or_else(|| undecimal(&String::from_utf8_lossy(value), precision, scale))
}

/// The error of a number that no decimal of the target is.
pub(crate) fn undecimal(value: &str, precision: u16, scale: i16) -> Box<DataError> {
    DataError::new(
        ErrorCode::NumericValueOutOfRange,
        format!("value \"{value}\" cannot be stored in DECIMAL({precision},{scale})"),
    )
    .with_detail("The target's decimals are finite numbers.")
}

/// 294247-01-10 04:00:54.775806 in microseconds since 2000-01-01: the last finite instant of DuckDB's TIMESTAMP, whose
/// microseconds count from 1970.
const DUCKDB_LAST: i64 = i64::MAX - 1 - 946_684_800_000_000;

pub(crate) fn in_duckdb_range(bounded: bool, instant: i64, value: &[u8]) -> Result<i64> {
    if bounded && instant > DUCKDB_LAST && instant != i64::MAX {
        return Err(DataError::new(
            ErrorCode::DatetimeFieldOverflow,
            format!("timestamp out of range: \"{}\"", String::from_utf8_lossy(value)),
        )
        .with_detail("Timestamps of DuckDB and of Arrow end at 294247-01-10 04:00:54.775806."));
    }
    Ok(instant)
}

/// Seconds of the largest displacement that DuckDB's TIMETZ packs: ±15:59:59. POSIX zones such as `FOO-16` go beyond it.
const DUCKDB_DISPLACEMENT: u32 = 57_599;

pub(crate) fn in_duckdb_displacement(bounded: bool, (micros, west): (i64, i32), value: &[u8]) -> Result<(i64, i32)> {
    if bounded && west.unsigned_abs() > DUCKDB_DISPLACEMENT {
        return Err(DataError::new(
            ErrorCode::InvalidTimeZoneDisplacement,
            format!("time zone displacement out of range: \"{}\"", String::from_utf8_lossy(value)),
        )
        .with_detail("DuckDB's time zones are at most 15:59:59 from Greenwich."));
    }
    Ok((micros, west))
}

pub(crate) fn finite_interval(finite: bool, interval: datetime::Interval, value: &[u8]) -> Result<datetime::Interval> {
    let infinite = |i: datetime::Interval| {
        (i.months, i.days, i.micros) == (i32::MAX, i32::MAX, i64::MAX)
            || (i.months, i.days, i.micros) == (i32::MIN, i32::MIN, i64::MIN)
    };
    if finite && infinite(interval) {
        return Err(DataError::new(
            ErrorCode::IntervalFieldOverflow,
            format!("interval out of range: \"{}\"", String::from_utf8_lossy(value)),
        )
        .with_detail("The target's intervals are finite."));
    }
    Ok(interval)
}
