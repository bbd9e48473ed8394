//! Arrow record batches to columns, whatever file they come from.
//!
//! A column whose Arrow type is its target's is copied or widened (`convert`). Of any other pair of types each value is written as a
//! literal, which the target's type then reads like one in a text file: so every pair that makes sense works, and what does not fit is
//! refused in the same words. What would lose something on the way is refused first (`exact`).

mod composite;
mod convert;
mod exact;
mod given;
mod keys;
mod rewrite;
mod target;
#[cfg(test)]
mod tests;
mod value;

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field};
use copyist_core::{DataError, ErrorCode, Foreign, Result, Type};

use crate::column::Validity;
use crate::decode::Decoded;
use crate::fault::{Fault, Shown};
use crate::origin::{Constants, Numbers, RecordPlace, TooLarge};
use crate::refusal::{Flaw, Places, Refusal, Told};
use crate::values::{Span, Stopped, explain_value, literal};
use crate::{BadValue, ColumnPlan, FieldMap, Layout, Plan, Tile};
pub use composite::check_fields;
use given::Given;
pub use rewrite::UTC;
use target::Target;
pub use target::element_type;
use value::Style;

/// Whether values of an Arrow type can be read at all.
///
/// # Errors
/// `0A000` of a type that cannot.
pub fn check_type(name: &str, ty: &DataType) -> Result<()> {
    if value::has_text(ty) {
        return Ok(());
    }
    let message = format!("column \"{name}\" is of the type {ty}, which cannot be read");
    Err(DataError::new(ErrorCode::FeatureNotSupported, message)
        .with_hint("Leave the column out of the column list, or write it as another type."))
}

/// Appends the value of `row`, which is not NULL, as the literal that PostgreSQL's input functions read; of lists and structures as JSON.
///
/// # Errors
/// A value that has no such form.
pub fn write_literal(array: &dyn Array, row: usize, out: &mut Vec<u8>) -> Result<()> {
    value::write(array, row, Style::Literal, out)
}

/// The bytes of a row for whoever has to look at it: a JSON object of all its columns.
#[must_use]
pub fn row_text(batch: &RecordBatch, row: usize) -> Vec<u8> {
    let mut text = Vec::new();
    let schema = batch.schema_ref();
    let columns: Vec<ArrayRef> = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            rewrite::rewritten(&column.slice(row, 1), field, Target::Foreign(&Foreign::Opaque), Layout::PgText)
        })
        .collect();
    let row = 0;
    let names = schema.fields().iter().map(|field| field.name().as_str());
    if value::object(names, &columns, row, &mut text).is_ok() {
        return text;
    }
    // Some value has no form in JSON. It is told as its type would write it.
    text.clear();
    text.push(b'{');
    for (index, (field, column)) in schema.fields().iter().zip(&columns).enumerate() {
        if index > 0 {
            text.extend_from_slice(b", ");
        }
        text.extend_from_slice(format!("{:?}: ", field.name()).as_bytes());
        let from = text.len();
        let is_null = column.logical_nulls().is_some_and(|nulls| nulls.is_null(row));
        if is_null || value::write(column, row, Style::Json, &mut text).is_err() {
            text.truncate(from);
            let mut literal = Vec::new();
            let told = if is_null {
                None
            } else if value::write(column, row, Style::Literal, &mut literal).is_ok() {
                Some(String::from_utf8_lossy(&literal).into_owned())
            } else {
                value::stored(column, row)
            };
            text.extend_from_slice(told.map_or_else(|| "null".to_owned(), |told| format!("{told:?}")).as_bytes());
        }
    }
    text.push(b'}');
    text
}

/// Turns record batches into columns; reuses its memory from one to the next.
pub struct BatchDecoder {
    plan: Arc<Plan>,
    /// The same for values that are not strings: nothing that is said of the writing of dates and numbers is about them.
    typed: Arc<Plan>,
    constants: Arc<Constants>,
    spans: Vec<Span>,
    offsets: Vec<u32>,
    /// The only field of a record belongs to any column.
    only: Vec<u32>,
    tile: Tile,
    decoded: Decoded,
    /// Tests: every value goes by way of its literal.
    only_literals: bool,
}

/// What one column does with a row.
struct Notes<'a> {
    refused: Option<&'a mut Vec<u32>>,
    sets_default: bool,
}

impl Notes<'_> {
    /// Notes a row whose value is refused, if that is tolerated.
    fn refuse(
        &mut self,
        row: usize,
        validity: &mut Validity,
        defaults: &mut Vec<u32>,
    ) -> std::result::Result<(), Stopped> {
        let Some(refused) = &mut self.refused else { return Err(Stopped(row)) };
        refused.push(row as u32);
        validity.set_null(row);
        if self.sets_default {
            defaults.push(row as u32);
        }
        Ok(())
    }
}

impl BatchDecoder {
    /// A decoder for batches whose columns `plan.map` assigns to those of the plan.
    #[must_use]
    pub fn new(plan: Arc<Plan>) -> Self {
        let mut typed = (*plan).clone();
        typed.has_comma = false;
        for column in &mut typed.columns {
            column.patterns = None;
        }
        Self {
            typed: Arc::new(typed),
            constants: Arc::new(Constants::new(&plan, None).unwrap_or_default()),
            spans: Vec::new(),
            offsets: Vec::new(),
            only: vec![0; plan.columns.len()],
            tile: Tile::whole(&[], None, false),
            decoded: Decoded::new(&plan),
            only_literals: false,
            plan,
        }
    }

    /// The last batch's result, and the bytes that its values refer to.
    #[must_use]
    pub fn decoded(&self) -> (&Decoded, &Tile) {
        (&self.decoded, &self.tile)
    }

    /// Takes the last batch's refused rows.
    pub fn take_refusals(&mut self) -> Vec<Refusal> {
        std::mem::take(&mut self.decoded.refusals)
    }

    /// Takes the last batch's rows with values that were replaced.
    pub fn take_mendings(&mut self) -> Vec<Refusal> {
        std::mem::take(&mut self.decoded.mendings)
    }

    /// Whether it is told of the next batches what was replaced in them.
    pub fn tell_mendings(&mut self, tells: bool) {
        self.decoded.tells_mendings = tells;
    }

    /// As [`crate::Decoder::numbered`].
    #[must_use]
    pub fn numbered(&self) -> u64 {
        (self.decoded.rows + self.decoded.refusals.len()) as u64
    }

    /// The constants of the input that the next batches are of.
    pub fn of_input(&mut self, constants: &Arc<Constants>) {
        constants.take_over(&mut self.constants, &self.plan, &mut self.decoded.columns);
    }

    /// As [`crate::Decoder::number`]; `rows` rows of the input come before the batch.
    pub fn number(&mut self, before: u64, rows: u64) {
        let plan = Arc::clone(&self.plan);
        let Decoded { columns, arena, rows: count, refusals, places, .. } = &mut self.decoded;
        let constants = &self.constants;
        let gaps = refusals.iter().map(|refusal| refusal.rows_before as usize).collect();
        let place = |row: usize| {
            let row = places.as_ref().map_or(row, |places| places.first_lines[row] as usize);
            RecordPlace { line: rows + row as u64 + 1, byte_offset: 0 }
        };
        let first = Numbers { gaps, before, place }.write(&plan, constants, columns, arena, *count);
        let Some((column, TooLarge { row, text, error })) = first else { return };
        let out = &mut self.decoded;
        let at = out.places.as_ref().map_or(row, |places| places.first_lines[row] as usize);
        out.refusals.retain(|refusal| (refusal.offset as usize) < at);
        out.mendings.retain(|mending| (mending.offset as usize) < at);
        if let Some(places) = &mut out.places {
            places.truncate(row);
        }
        out.columns.iter_mut().for_each(|column| column.truncate(row));
        out.rows = row;
        out.fault = Some(fault(Flaw { column: Some(column), error, value: Some(text) }, at));
    }

    /// Decodes a batch, replacing the previous result.
    pub fn decode(&mut self, batch: &RecordBatch) -> &Decoded {
        let plan = Arc::clone(&self.plan);
        let out = &mut self.decoded;
        out.clear();
        out.arena.extend_from_slice(&self.constants.arena);
        self.tile.buffer.truncate(crate::PAD);
        let rows = batch.num_rows();
        let mut limit = rows;
        let (mut refused, mut mended) = (Vec::new(), Vec::new());
        for (c, spec) in plan.columns.iter().enumerate() {
            if !spec.is_read() {
                self.constants.fill(c, &mut self.decoded.columns[c], limit);
                continue;
            }
            let list = match plan.conversion(spec) {
                BadValue::Stop => None,
                BadValue::SkipRow => Some(&mut refused),
                BadValue::SetNull | BadValue::SetDefault => Some(&mut mended),
            };
            let notes = Notes {
                refused: list,
                sets_default: plan.conversion(spec) == BadValue::SetDefault && spec.has_default,
            };
            if let Err(Stopped(row)) = self.column(c, source(&plan, batch, c), limit, notes) {
                limit = row;
            }
        }
        self.tile.buffer.resize(self.tile.buffer.len() + crate::PAD, 0);
        self.tile.len = self.tile.buffer.len() - 2 * crate::PAD;
        self.tile.filled = self.tile.len;
        self.decoded.columns.iter_mut().for_each(|column| column.truncate(limit));
        self.settle(batch, limit, refused, mended);
        if limit < rows && self.decoded.fault.is_none() {
            let flaw = self.first_flaw(batch, limit);
            self.decoded.fault = Some(fault(flaw, limit));
        }
        self.decoded.lines = if limit < rows { limit as u64 } else { rows as u64 };
        &self.decoded
    }

    /// One column of the first `limit` rows.
    fn column(
        &mut self,
        c: usize,
        (array, field): (&ArrayRef, &Field),
        limit: usize,
        mut notes: Notes<'_>,
    ) -> std::result::Result<(), Stopped> {
        let plan = if is_string(array.data_type()) { &self.plan } else { &self.typed };
        let spec = &plan.columns[c];
        let Decoded { columns, arena, .. } = &mut self.decoded;
        let column = &mut columns[c];
        if !self.only_literals
            && let Some(taken) = convert::take(plan, spec, array, limit, column, arena, &mut notes)
        {
            return taken;
        }
        let (style, target) = (style_for(plan, spec), Target::of(spec));
        let array = &rewrite::rewritten(array, field, target, plan.layout);
        let zoned = rewrite::zoned(array, field, target, plan.layout);
        let is_zoned = !Arc::ptr_eq(array, &zoned);
        // What cannot be written as a literal, or not without loss, is NULL to whoever reads the literals.
        let may_lose = exact::may_lose(array.data_type(), target, plan.layout);
        let may_repeat = keys::may_repeat(array.data_type(), target, plan.layout);
        let buffer = &mut self.tile.buffer;
        let from = buffer.len();
        let nulls = array.logical_nulls();
        let mut unwritten = Vec::new();
        self.offsets.clear();
        for row in 0..limit {
            let start = buffer.len();
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                buffer.push(given::NULL);
            } else if (may_lose && exact::check(array, row, target, plan.layout).is_err())
                || value::write(array, row, style, buffer).is_err()
                || (is_zoned && again(&zoned, row, style, buffer, start).is_err())
                || memchr::memchr(0, &buffer[start..]).is_some()
                || (may_repeat && keys::check(array, row, target).is_err())
            {
                buffer.truncate(start);
                buffer.push(given::NULL);
                unwritten.push(row as u32);
            }
            self.offsets.push((buffer.len() - crate::PAD) as u32);
            buffer.push(b'\n');
        }
        // Words are loaded at the edges of fields.
        let end = buffer.len();
        buffer.resize(end + crate::PAD, 0);
        let rows = given::rows(buffer, &self.offsets, from, &self.only);
        let mut more = Vec::new();
        let refused = notes.refused.is_some().then_some(&mut more);
        let first_unwritten = unwritten.first().map(|&row| row as usize);
        let limit = match first_unwritten {
            Some(row) if notes.refused.is_none() => row,
            _ => limit,
        };
        let taken =
            crate::values::decode_column::<Given>(&rows, plan, c, limit, column, arena, &mut self.spans, refused);
        buffer.truncate(end);
        if let Some(refused) = notes.refused {
            refused.extend_from_slice(&more);
            refused.extend_from_slice(&unwritten);
            if notes.sets_default {
                column.defaults.extend_from_slice(&unwritten);
                column.defaults.sort_unstable();
            }
            return taken;
        }
        taken?;
        first_unwritten.map_or(Ok(()), |row| Err(Stopped(row)))
    }

    /// What is wrong with the values of a row, in the order of its columns.
    fn flaws(&self, batch: &RecordBatch, row: usize) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        for (index, spec) in self.plan.columns.iter().enumerate() {
            if !spec.is_read() {
                continue;
            }
            let (array, field) = source(&self.plan, batch, index);
            let mut is_null = array.logical_nulls().is_some_and(|nulls| nulls.is_null(row));
            if !is_null && let Err((error, value)) = self.judge(index, (array, field), row) {
                let conversion = self.plan.conversion(spec);
                if matches!(conversion, BadValue::Stop | BadValue::SkipRow) {
                    flaws.push(Flaw { column: Some(index), error, value });
                    continue;
                }
                is_null = conversion == BadValue::SetNull || !spec.has_default;
            }
            if is_null && self.plan.tolerance.constraint && spec.not_null {
                let message = format!(
                    "null value in column \"{}\" of relation \"{}\" violates not-null constraint",
                    spec.name, self.plan.relation
                );
                let error = DataError::new(ErrorCode::NotNullViolation, message);
                flaws.push(Flaw { column: Some(index), error, value: None });
            }
        }
        flaws
    }

    /// Whether it takes the server to say what is wrong with the row: then the statement starts over, and nobody looks at its rows.
    fn is_left_to_server(&mut self, flaws: &[Flaw], row: usize) -> bool {
        let Some(left) = flaws.iter().find(|flaw| flaw.error.code == ErrorCode::LeftToServer) else { return false };
        self.decoded.fault = Some(fault(left.clone(), row));
        self.decoded.rows = 0;
        self.decoded.columns.iter_mut().for_each(|column| column.truncate(0));
        true
    }

    /// What was wrong with the values of a row that were replaced.
    fn replaced(&self, batch: &RecordBatch, row: usize) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        for (index, spec) in self.plan.columns.iter().enumerate() {
            if !spec.is_read() || !matches!(self.plan.conversion(spec), BadValue::SetNull | BadValue::SetDefault) {
                continue;
            }
            // What has its own value has not been replaced, whatever is said of it now.
            if self.decoded.columns[index].validity.is_valid(row) {
                continue;
            }
            let (array, field) = source(&self.plan, batch, index);
            let is_null = array.logical_nulls().is_some_and(|nulls| nulls.is_null(row));
            if !is_null && let Err((error, value)) = self.judge(index, (array, field), row) {
                flaws.push(Flaw { column: Some(index), error, value });
            }
        }
        flaws
    }

    /// A row of the batch with what is wrong with it.
    fn refusal(&self, batch: &RecordBatch, row: u32, flaws: Vec<Flaw>) -> Refusal {
        let mut raw = row_text(batch, row as usize);
        let len = raw.len() as u32;
        raw.truncate(self.plan.tolerance.raw_limit);
        let line = u64::from(row);
        let told = self.told(batch, row as usize, &flaws);
        Refusal { offset: row, len, first_line: line, last_line: line, flaws, told, raw, rows_before: 0 }
    }

    /// Values of a refused row that are told.
    fn told(&self, batch: &RecordBatch, row: usize, flaws: &[Flaw]) -> Vec<Told> {
        let mut told = Vec::new();
        for (index, spec) in self.plan.columns.iter().enumerate() {
            if !spec.is_told || !spec.is_read() || flaws.iter().any(|flaw| flaw.column == Some(index)) {
                continue;
            }
            if !matches!(self.plan.conversion(spec), BadValue::Stop | BadValue::SkipRow) {
                continue;
            }
            let (array, field) = source(&self.plan, batch, index);
            if array.logical_nulls().is_some_and(|nulls| nulls.is_null(row)) {
                told.push(Told { column: index, text: None });
                continue;
            }
            let plan = if is_string(array.data_type()) { &self.plan } else { &self.typed };
            let spec = &plan.columns[index];
            let mut text = Vec::new();
            let target = Target::of(spec);
            let one = rewrite::rewritten(&array.slice(row, 1), field, target, plan.layout);
            let one = rewrite::zoned(&one, field, target, plan.layout);
            let is_written = value::write(&one, 0, style_for(plan, spec), &mut text).is_ok();
            if let Some(text) = is_written.then(|| literal(plan, spec, &text)).flatten() {
                told.push(Told { column: index, text: Some(text) });
            }
        }
        told
    }

    /// What is wrong with a value, and its text.
    fn judge(
        &self,
        index: usize,
        (array, field): (&ArrayRef, &Field),
        row: usize,
    ) -> std::result::Result<(), (Box<DataError>, Option<Vec<u8>>)> {
        let plan = if is_string(array.data_type()) { &self.plan } else { &self.typed };
        let spec = &plan.columns[index];
        let (style, target) = (style_for(plan, spec), Target::of(spec));
        let (array, row) = (&rewrite::rewritten(&array.slice(row, 1), field, target, plan.layout), 0);
        let mut text = Vec::new();
        if let Err(error) = value::write(array, row, style, &mut text) {
            return Err((error, value::stored(array, row).map(String::into_bytes)));
        }
        if keys::may_repeat(array.data_type(), target, plan.layout)
            && let Err(error) = keys::check(array, row, target)
        {
            return Err((error, Some(text)));
        }
        if let Some(at) = memchr::memchr(0, &text) {
            return Err((crate::utf8_error(&text[at..]), Some(text)));
        }
        if let Err(error) = exact::check(array, row, target, plan.layout) {
            return Err((error, Some(text)));
        }
        let zoned = rewrite::zoned(array, field, target, plan.layout);
        let read = again(&zoned, row, style, &mut text, 0).and_then(|()| explain_value(plan, spec, &text));
        read.map_err(|error| (error, Some(text)))
    }

    /// What ends the load at a row.
    fn first_flaw(&self, batch: &RecordBatch, row: usize) -> Flaw {
        let ends_it = |flaw: &Flaw| {
            flaw.column.is_some_and(|column| self.plan.conversion(&self.plan.columns[column]) == BadValue::Stop)
        };
        self.flaws(batch, row).into_iter().find(ends_it).unwrap_or_else(accepted)
    }

    /// Takes the refused rows out of the first `limit`, and counts what is left.
    fn settle(&mut self, batch: &RecordBatch, limit: usize, mut refused: Vec<u32>, mut mended: Vec<u32>) {
        if self.plan.tolerance.constraint {
            for (spec, column) in self.plan.columns.iter().zip(&self.decoded.columns) {
                if spec.not_null && column.validity.nulls() > 0 {
                    let nulls = column.validity.null_rows(limit);
                    refused.extend(nulls.filter(|row| column.defaults.binary_search(row).is_err()));
                }
            }
        }
        for list in [&mut refused, &mut mended] {
            list.retain(|&row| (row as usize) < limit);
            list.sort_unstable();
            list.dedup();
        }
        self.decoded.mended = mended.iter().filter(|row| refused.binary_search(row).is_err()).count() as u64;
        self.decoded.rows = limit - refused.len();
        for &row in mended.iter().filter(|row| refused.binary_search(row).is_err()) {
            let flaws = self.replaced(batch, row as usize);
            if self.is_left_to_server(&flaws, row as usize) {
                return;
            }
            if self.decoded.tells_mendings {
                let mending = self.refusal(batch, row, flaws);
                self.decoded.mendings.push(mending);
            }
        }
        if refused.is_empty() {
            return;
        }
        for (index, &row) in refused.iter().enumerate() {
            let mut flaws = self.flaws(batch, row as usize);
            if self.is_left_to_server(&flaws, row as usize) {
                return;
            }
            if flaws.is_empty() {
                flaws.push(accepted());
            }
            // Those before it that were refused are not handed out.
            let rows_before = row - index as u32;
            let refusal = Refusal { rows_before, ..self.refusal(batch, row, flaws) };
            self.decoded.refusals.push(refusal);
        }
        let mut places = Places::default();
        for row in 0..limit {
            places.push(0, 0, (row as u64, row as u64));
        }
        places.remove(&refused);
        self.decoded.columns.iter_mut().for_each(|column| column.remove(&refused, limit));
        self.decoded.places = Some(places);
    }
}

/// A defect of this module, told instead of hidden.
#[cold]
fn accepted() -> Flaw {
    let error = DataError::new(ErrorCode::InternalError, "a row was refused and then accepted");
    Flaw { column: None, error, value: None }
}

fn fault(flaw: Flaw, row: usize) -> Fault {
    let shown = match (flaw.column, flaw.value) {
        (Some(column), Some(text)) => Shown::Value { column, text },
        (Some(column), None) => Shown::Column { column },
        (None, _) => Shown::Nothing,
    };
    Fault { error: flaw.error, line: row as u64, record_offset: 0, record_len: 0, shown }
}

/// The array of a column of the plan, and what is said of it.
fn source<'a>(plan: &Plan, batch: &'a RecordBatch, column: usize) -> (&'a ArrayRef, &'a Field) {
    let index = plan.field_of(column);
    debug_assert_ne!(index as u32, FieldMap::NONE, "only columns that are read have a field");
    (batch.column(index), batch.schema_ref().field(index))
}

/// Writes a value in place of what stands from `start` on.
fn again(array: &ArrayRef, row: usize, style: Style<'_>, out: &mut Vec<u8>, start: usize) -> Result<()> {
    out.truncate(start);
    value::write(array, row, style, out)
}

fn is_string(ty: &DataType) -> bool {
    match ty {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, of) => is_string(of),
        _ => false,
    }
}

/// How values are written for a column.
fn style_for<'a>(plan: &Plan, column: &'a ColumnPlan) -> Style<'a> {
    let target = Target::of(column);
    match column.ty {
        Type::Array(_) | Type::Int2 | Type::Int4 | Type::Int8 | Type::Uuid => Style::Composite(target),
        // The server reads it, as a row or an array of a type of its own.
        Type::Other if matches!(plan.layout, Layout::PgBinary | Layout::PgText) => Style::Composite(target),
        Type::Other if plan.layout == Layout::Duckdb => Style::Duckdb(target),
        _ => Style::Literal,
    }
}
