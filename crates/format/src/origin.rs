//! Columns whose values are in no field: constants, of the load or of an input, and numbers and places of the records.

use std::sync::Arc;

use copyist_core::{DataError, ErrorCode, Result, Type};
use copyist_scan::Grammar;
use copyist_types as types;

use crate::column::{ByteRef, Column, Values};
use crate::facts::{Facts, name_of};
use crate::field::Plain;
use crate::plan::{BadValue, Cleaning, ColumnPlan, Escapes, Fact, FixedField, Origin, Place, Plan, Subject, Tolerance};
use crate::tile::PAD;
use crate::values::{Rows, decode_column, explain_value, unscaled_decimal, values_for};
use crate::{Layout, utf8};

impl Plan {
    /// Whether the columns that are not read and the conditions make sense: otherwise the number of the column, if it is about one, and
    /// what is wrong. To be asked before a [`crate::Decoder`] is made.
    ///
    /// # Errors
    /// A constant that its column's type refuses, a sequence or places in a type that has no whole numbers, a condition on nothing, any of
    /// these in the binary format.
    pub fn check(&self) -> std::result::Result<(), (Option<usize>, Box<DataError>)> {
        let reads_all =
            self.columns.iter().all(ColumnPlan::is_read) && self.map.is_none() && self.conditions.is_empty();
        if self.is_binary && !reads_all {
            // Tuples go to the server as they are, and the decoder takes their fields for the columns, one after the other.
            let message = "SEQUENCE, CONSTANT, LINEAGE, FILLER and WHEN cannot be used in BINARY mode";
            return Err((None, DataError::new(ErrorCode::FeatureNotSupported, message)));
        }
        let is_mapped = self.map.is_some() || self.fixed.is_some();
        if !is_mapped && !self.columns.iter().all(ColumnPlan::is_read) {
            let error = DataError::new(ErrorCode::InternalError, "columns that are not read need a map of the others");
            return Err((None, error));
        }
        Constants::new(self, None).map_err(|(index, error)| (Some(index), error))?;
        for (index, column) in self.columns.iter().enumerate() {
            let has_numbers = matches!(column.ty, Type::Int2 | Type::Int4 | Type::Int8 | Type::Numeric(_));
            let what = match &column.origin {
                Origin::Sequence { .. } | Origin::Numbered { .. } => "SEQUENCE".to_owned(),
                Origin::Place(place) => format!("LINEAGE {place}"),
                Origin::Field | Origin::Constant(_) | Origin::Fact(_) | Origin::FactOfEach { .. } => continue,
            };
            if !has_numbers {
                let message = format!(
                    "{what} needs a column of type smallint, integer, bigint or numeric, which \"{}\" is not",
                    column.name
                );
                return Err((Some(index), DataError::new(ErrorCode::FeatureNotSupported, message)));
            }
        }
        let fields = self.fixed.as_ref().map_or(self.width(), |fixed| fixed.fields.len());
        let is_nothing = |subject| match subject {
            Subject::Characters { start, end } => end <= start,
            Subject::Field(field) => field as usize >= fields,
            Subject::Place(FixedField { length, .. }) => length == 0 || self.fixed.is_none(),
        };
        if self.conditions.iter().any(|condition| is_nothing(condition.subject)) {
            let message = "a condition of WHEN is about no character and no field of a record";
            return Err((None, DataError::new(ErrorCode::InvalidParameterValue, message)));
        }
        Ok(())
    }
}

/// The values of columns that are constants, of the load or of one of its inputs.
#[derive(Debug, Default)]
pub struct Constants {
    columns: Vec<Made>,
    /// What the arena of every tile begins with.
    pub(crate) arena: Vec<u8>,
}

/// What a column is in every row.
#[derive(Debug)]
enum Made {
    /// One value.
    Value(Values),
    Null,
    /// One for each of some inputs; None is NULL.
    Each(Vec<Option<Values>>),
    /// It is no constant.
    Otherwise,
}

impl Constants {
    /// The constants of a load, and those that come of the facts of an input, where they are given.
    ///
    /// # Errors
    /// That of the first column whose type refuses its value, or that must not be NULL, with its number.
    pub fn new(plan: &Plan, facts: Option<&Facts>) -> std::result::Result<Self, (usize, Box<DataError>)> {
        let mut constants = Self::default();
        for (index, column) in plan.columns.iter().enumerate() {
            let made = match (&column.origin, facts) {
                (Origin::Constant(text), _) => {
                    Made::Value(parse(plan, column, text, &mut constants.arena).map_err(|error| (index, error))?)
                }
                (Origin::Fact(fact), Some(facts)) => of_fact(plan, column, *fact, facts, &mut constants.arena)
                    .map_err(|error| (index, error))?
                    .map_or(Made::Null, Made::Value),
                (Origin::FactOfEach { fact, inputs, .. }, _) => {
                    let of_input = |facts| of_fact(plan, column, *fact, facts, &mut constants.arena);
                    Made::Each(inputs.iter().map(of_input).collect::<Result<_>>().map_err(|error| (index, error))?)
                }
                _ => Made::Otherwise,
            };
            constants.columns.push(made);
        }
        Ok(constants)
    }

    /// Gives a column that is not read its value, or room for its numbers, in `rows` rows.
    pub(crate) fn fill(&self, index: usize, column: &mut Column, rows: usize) {
        macro_rules! resize {
            ($($kind:ident or $none:expr),*) => {
                match (&mut column.values, &self.columns[index]) {
                    // All that a tile before has left there is the same value.
                    $((Values::$kind(list), Made::Value(Values::$kind(one))) => list.resize(rows, one[0]),)*
                    $((Values::$kind(list), Made::Null | Made::Otherwise) => list.resize(rows, $none),)*
                    // What a tile before has left there may be of another input.
                    $((Values::$kind(list), Made::Each(_)) => {
                        list.clear();
                        list.resize(rows, $none);
                    })*
                    (values, one) => unreachable!("{one:?} is no value of {values:?}"),
                }
            };
        }
        let never = copyist_datetime::Interval { months: 0, days: 0, micros: 0 };
        resize!(
            Bool or 0, I16 or 0, I32 or 0, I64 or 0, F32 or 0.0, F64 or 0.0, I128 or 0, TimeTz or (0, 0), Interval or never,
            Uuid or [0; 16], Enum or 0, Bytes or ByteRef::EMPTY
        );
        if matches!(self.columns[index], Made::Null) {
            column.validity.set_all_null(rows);
        }
    }

    /// Gives a column the values of the inputs that its rows are of, one after the other. How many rows there were.
    fn pick<'a>(&self, index: usize, column: &mut Column, inputs: impl Iterator<Item = &'a u32>) -> usize {
        let Made::Each(each) = &self.columns[index] else { return 0 };
        macro_rules! copy {
            ($row:ident, $one:ident, $($kind:ident),*) => {
                match (&mut column.values, $one) {
                    $((Values::$kind(list), Values::$kind(one)) => list[$row] = one[0],)*
                    (values, one) => unreachable!("{one:?} is no value of {values:?}"),
                }
            };
        }
        let mut count = 0;
        for (row, one) in inputs.map_while(|&input| each.get(input as usize)).enumerate() {
            match one {
                Some(one) => copy!(row, one, Bool, I16, I32, I64, F32, F64, I128, TimeTz, Interval, Uuid, Enum, Bytes),
                None => column.validity.set_null(row),
            }
            count = row + 1;
        }
        count
    }

    /// Takes the place of the constants of an input before, whose values must not be taken for those of this one.
    pub(crate) fn take_over(self: &Arc<Self>, known: &mut Arc<Self>, plan: &Plan, columns: &mut [Column]) {
        if Arc::ptr_eq(known, self) {
            return;
        }
        *known = Arc::clone(self);
        // The constants of the load, too: their text is elsewhere in an arena that begins with longer or shorter facts.
        for (column, _) in columns.iter_mut().zip(&plan.columns).filter(|(_, spec)| !spec.is_read()) {
            column.truncate(0);
        }
    }
}

/// What the column makes of a fact; None where that is not known.
fn of_fact(plan: &Plan, column: &ColumnPlan, fact: Fact, facts: &Facts, arena: &mut Vec<u8>) -> Result<Option<Values>> {
    let explained = |error: Box<DataError>| {
        let what = format!("It is {} of \"{}\", for column \"{}\".", name_of(fact), facts.name, column.name);
        let detail = error.detail.as_ref().map_or_else(|| what.clone(), |detail| format!("{detail} {what}"));
        error.with_detail(detail)
    };
    match facts.literal(fact) {
        Some(text) if column.ty == Type::Text && memchr::memchr(0, &text).is_none() => {
            let from = arena.len();
            arena.extend_from_slice(&text);
            Ok(Some(Values::Bytes(vec![ByteRef::arena(from, arena.len())])))
        }
        Some(text) => parse(plan, column, &text, arena).map(Some).map_err(explained),
        None if column.not_null => {
            let message = format!(
                "null value in column \"{}\" of relation \"{}\" violates not-null constraint",
                column.name, plan.relation
            );
            Err(explained(DataError::new(ErrorCode::NotNullViolation, message)))
        }
        None => Ok(None),
    }
}

/// What the column makes of `text`, if it is the only field of the only row.
fn parse(plan: &Plan, column: &ColumnPlan, text: &[u8], arena: &mut Vec<u8>) -> Result<Values> {
    if let Some(at) = utf8::first_invalid(text) {
        return Err(utf8::invalid_sequence(&text[at..]));
    }
    let spec = ColumnPlan {
        // So that no NULL string is looked for.
        force_not_null: true,
        conversion: Some(BadValue::Stop),
        origin: Origin::Field,
        cleaning: Cleaning::default(),
        is_told: false,
        refuses_replaced: false,
        ..column.clone()
    };
    let one = Plan {
        grammar: Grammar::Plain { delimiter: None },
        escapes: Escapes::Sequences,
        has_comma: false,
        truncates_decimals: false,
        unpads_quotes: false,
        columns: vec![spec],
        conditions: Vec::new(),
        map: None,
        fixed: None,
        tolerance: Tolerance { truncate: plan.tolerance.truncate, ..Tolerance::default() },
        ..plan.clone()
    };
    explain_value(&one, &one.columns[0], text)?;
    let mut buffer = vec![0; PAD];
    buffer.extend_from_slice(text);
    buffer.resize(buffer.len() + PAD, 0);
    let rows = Rows {
        buffer: &buffer,
        offsets: &[text.len() as u32],
        start: PAD,
        width: 1,
        trim: 0,
        gap: 0,
        fields: Plain { null: &[], default: None },
        starts: None,
        missing: &[],
        map: None,
        fixed: None,
    };
    let mut decoded = Column::new(values_for(plan.layout, &column.ty));
    let mut rewritten = Vec::new();
    let taken = decode_column(&rows, &one, 0, 1, &mut decoded, &mut rewritten, &mut Vec::new(), None);
    if taken.is_err() || decoded.validity.nulls() > 0 {
        return Err(DataError::new(ErrorCode::InternalError, "a constant was accepted and then refused"));
    }
    if let Values::Bytes(values) = &mut decoded.values {
        let from = arena.len();
        arena.extend_from_slice(values[0].get(&buffer, &rewritten));
        values[0] = ByteRef::arena(from, arena.len());
    }
    Ok(decoded.values)
}

/// A number that its column's type refuses.
pub(crate) struct TooLarge {
    pub row: usize,
    pub text: Vec<u8>,
    pub error: Box<DataError>,
}

/// Where a record is in its input.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordPlace {
    /// From 1, that of its beginning.
    pub line: u64,
    pub byte_offset: u64,
}

/// What columns that go by the numbers of the records are made of, by the row.
pub(crate) struct Numbers<P> {
    /// How many rows come before each of the records that were refused, which have numbers too.
    pub gaps: Vec<usize>,
    /// Records with numbers before the first row.
    pub before: u64,
    pub place: P,
}

impl<P: Fn(usize) -> RecordPlace> Numbers<P> {
    /// Writes the numbers of `rows` rows, and what goes by them, to the columns that hold any, which have room for them. The column and the row of the first number
    /// that is refused.
    pub(crate) fn write(
        &self,
        plan: &Plan,
        constants: &Constants,
        columns: &mut [Column],
        arena: &mut Vec<u8>,
        rows: usize,
    ) -> Option<(usize, TooLarge)> {
        let mut first: Option<(usize, TooLarge)> = None;
        for (index, (column, spec)) in columns.iter_mut().zip(&plan.columns).enumerate() {
            let end = first.as_ref().map_or(rows, |(_, too_large)| too_large.row);
            let mut passed = 0;
            let ordinals = (0..end).map(|row| {
                passed += self.gaps[passed..].iter().take_while(|&&gap| gap <= row).count();
                self.before + (row + passed) as u64
            });
            // Two numbers of 64 bits multiplied have 128.
            let step = |start: i64, increment: i64, ordinal: u64| {
                i128::from(start) + i128::from(increment) * i128::from(ordinal)
            };
            let layout = plan.layout;
            let written = match &spec.origin {
                Origin::Sequence { start, increment } => {
                    let numbers = ordinals.map(|ordinal| step(*start, *increment, ordinal));
                    write_all(layout, spec, column, arena, numbers)
                }
                Origin::Numbered { start, increment, records } => {
                    let known = ordinals.map_while(|ordinal| records.get(ordinal as usize));
                    let numbers = known.map(|&ordinal| step(*start, *increment, ordinal));
                    write_all(layout, spec, column, arena, numbers)
                }
                Origin::Place(Place::Line) => {
                    write_all(layout, spec, column, arena, (0..end).map(|row| (self.place)(row).line.into()))
                }
                Origin::Place(Place::Offset) => {
                    write_all(layout, spec, column, arena, (0..end).map(|row| (self.place)(row).byte_offset.into()))
                }
                Origin::FactOfEach { records, .. } => {
                    let known = ordinals.map_while(|ordinal| records.get(ordinal as usize));
                    Ok(constants.pick(index, column, known))
                }
                Origin::Field | Origin::Constant(_) | Origin::Fact(_) => continue,
            };
            match written {
                Ok(count) if count == end => {}
                Ok(row) => {
                    let error =
                        DataError::new(ErrorCode::InternalError, "there are more records than numbers for them");
                    first = Some((index, TooLarge { row, text: Vec::new(), error }));
                }
                Err(too_large) => first = Some((index, too_large)),
            }
        }
        first
    }
}

/// Writes numbers to a column that has room for them. How many there were.
fn write_all(
    layout: Layout,
    spec: &ColumnPlan,
    column: &mut Column,
    arena: &mut Vec<u8>,
    numbers: impl Iterator<Item = i128>,
) -> std::result::Result<usize, TooLarge> {
    let mut count = 0;
    for (row, value) in numbers.enumerate() {
        if let Err(error) = write(layout, &spec.ty, &mut column.values, row, value, arena) {
            let what = match spec.origin {
                Origin::Place(place) => format!("It is what LINEAGE {place} gives column \"{}\".", spec.name),
                _ => format!("It is what SEQUENCE gives column \"{}\".", spec.name),
            };
            return Err(TooLarge { row, text: value.to_string().into_bytes(), error: error.with_detail(what) });
        }
        count = row + 1;
    }
    Ok(count)
}

fn write(layout: Layout, ty: &Type, values: &mut Values, row: usize, value: i128, arena: &mut Vec<u8>) -> Result<()> {
    let out_of_range = |name| {
        let message = format!("value \"{value}\" is out of range for type {name}");
        DataError::new(ErrorCode::NumericValueOutOfRange, message)
    };
    match (values, ty) {
        (Values::I16(list), _) => list[row] = i16::try_from(value).map_err(|_| out_of_range("smallint"))?,
        (Values::I32(list), _) => list[row] = i32::try_from(value).map_err(|_| out_of_range("integer"))?,
        (Values::I64(list), _) => list[row] = i64::try_from(value).map_err(|_| out_of_range("bigint"))?,
        (Values::I128(list), Type::Numeric(Some((precision, scale)))) => {
            list[row] = unscaled_decimal(value.to_string().as_bytes(), *precision, *scale)?;
        }
        (Values::Bytes(list), ty) => {
            let text = value.to_string();
            let from = arena.len();
            match ty {
                Type::Int2 if i16::try_from(value).is_err() => return Err(out_of_range("smallint")),
                Type::Int4 if i32::try_from(value).is_err() => return Err(out_of_range("integer")),
                Type::Int8 if i64::try_from(value).is_err() => return Err(out_of_range("bigint")),
                Type::Numeric(typmod) => {
                    let number = types::numeric::parse(text.as_bytes(), *typmod)?;
                    if layout == Layout::PgBinary {
                        number.write_binary(arena);
                    }
                }
                _ => {}
            }
            if arena.len() == from {
                arena.extend_from_slice(text.as_bytes());
            }
            list[row] = ByteRef::arena(from, arena.len());
        }
        // Refused by `Plan::check`, so that it cannot be; a panic here would cost a thread of a load.
        (_, ty) => {
            let message = format!("SEQUENCE has no number for a column of type {ty:?}");
            return Err(DataError::new(ErrorCode::InternalError, message));
        }
    }
    Ok(())
}
