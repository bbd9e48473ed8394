//! Columns whose values are in no field: constants, and numbers of the records.

use copyist_core::{DataError, ErrorCode, Result, Type};
use copyist_scan::Grammar;
use copyist_types as types;

use crate::column::{ByteRef, Column, Values};
use crate::field::Plain;
use crate::plan::{BadValue, Cleaning, ColumnPlan, Escapes, FixedField, Origin, Plan, Subject, Tolerance};
use crate::tile::PAD;
use crate::values::{Rows, decode_column, explain_value, unscaled_decimal, values_for};
use crate::{Layout, utf8};

impl Plan {
    /// Whether the columns that are not read and the conditions make sense: otherwise the number of the column, if it is about one, and
    /// what is wrong. To be asked before a [`crate::Decoder`] is made.
    ///
    /// # Errors
    /// A constant that its column's type refuses, a sequence of a type that has no whole numbers, a condition on nothing, any of these in
    /// the binary format.
    pub fn check(&self) -> std::result::Result<(), (Option<usize>, Box<DataError>)> {
        let reads_all =
            self.columns.iter().all(ColumnPlan::is_read) && self.map.is_none() && self.conditions.is_empty();
        if self.is_binary && !reads_all {
            // Tuples go to the server as they are, and the decoder takes their fields for the columns, one after the other.
            let message = "SEQUENCE, CONSTANT, FILLER and WHEN cannot be used in BINARY mode";
            return Err((None, DataError::new(ErrorCode::FeatureNotSupported, message)));
        }
        let is_mapped = self.map.is_some() || self.fixed.is_some();
        if !is_mapped && !self.columns.iter().all(ColumnPlan::is_read) {
            let error = DataError::new(ErrorCode::InternalError, "columns that are not read need a map of the others");
            return Err((None, error));
        }
        Constants::new(self).map_err(|(index, error)| (Some(index), error))?;
        for (index, column) in self.columns.iter().enumerate() {
            let has_numbers = matches!(column.ty, Type::Int2 | Type::Int4 | Type::Int8 | Type::Numeric(_));
            if column.is_numbered() && !has_numbers {
                let message = format!(
                    "SEQUENCE needs a column of type smallint, integer, bigint or numeric, which \"{}\" is not",
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

/// The values of columns that are constants.
#[derive(Default)]
pub(crate) struct Constants {
    /// One value each; None where the column is no constant.
    columns: Vec<Option<Values>>,
    /// What the arena of every tile begins with.
    pub arena: Vec<u8>,
}

impl Constants {
    /// The error of the first column whose type refuses its constant.
    pub fn new(plan: &Plan) -> std::result::Result<Self, (usize, Box<DataError>)> {
        let mut constants = Self::default();
        for (index, column) in plan.columns.iter().enumerate() {
            let value = match &column.origin {
                Origin::Constant(text) => {
                    Some(parse(plan, column, text, &mut constants.arena).map_err(|error| (index, error))?)
                }
                Origin::Field | Origin::Sequence { .. } | Origin::Numbered { .. } => None,
            };
            constants.columns.push(value);
        }
        Ok(constants)
    }

    /// Gives a column that is not read its value, or room for its numbers, in `rows` rows.
    pub fn fill(&self, index: usize, column: &mut Column, rows: usize) {
        macro_rules! resize {
            ($($kind:ident or $none:expr),*) => {
                match (&mut column.values, self.columns[index].as_ref()) {
                    // All that a tile before has left there is the same value.
                    $((Values::$kind(list), Some(Values::$kind(one))) => list.resize(rows, one[0]),)*
                    $((Values::$kind(list), None) => list.resize(rows, $none),)*
                    (values, one) => unreachable!("{one:?} is no value of {values:?}"),
                }
            };
        }
        let never = copyist_datetime::Interval { months: 0, days: 0, micros: 0 };
        resize!(
            Bool or 0, I16 or 0, I32 or 0, I64 or 0, F32 or 0.0, F64 or 0.0, I128 or 0, TimeTz or (0, 0), Interval or never,
            Uuid or [0; 16], Enum or 0, Bytes or ByteRef::EMPTY
        );
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

/// Writes the numbers of rows to a column that has room for them. `ordinals` are those of the rows' records, from 0.
pub(crate) fn number(
    layout: Layout,
    spec: &ColumnPlan,
    column: &mut Column,
    arena: &mut Vec<u8>,
    ordinals: impl Iterator<Item = u64>,
) -> std::result::Result<(), TooLarge> {
    let (start, increment, records) = match &spec.origin {
        Origin::Sequence { start, increment } => (*start, *increment, None),
        Origin::Numbered { start, increment, records } => (*start, *increment, Some(&**records)),
        Origin::Field | Origin::Constant(_) => return Ok(()),
    };
    let values = &mut column.values;
    for (row, ordinal) in ordinals.enumerate() {
        let known = records.map_or(Some(ordinal), |records| records.get(ordinal as usize).copied());
        let Some(ordinal) = known else {
            let error = DataError::new(ErrorCode::InternalError, "there are more records than numbers for them");
            return Err(TooLarge { row, text: ordinal.to_string().into_bytes(), error });
        };
        // Two numbers of 64 bits multiplied have 128.
        let value = i128::from(start) + i128::from(increment) * i128::from(ordinal);
        if let Err(error) = write(layout, &spec.ty, values, row, value, arena) {
            let error = error.with_detail(format!("It is what SEQUENCE gives column \"{}\".", spec.name));
            return Err(TooLarge { row, text: value.to_string().into_bytes(), error });
        }
    }
    Ok(())
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
