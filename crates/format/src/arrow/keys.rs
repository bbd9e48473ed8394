//! Maps with a key that comes twice, of which `jsonb` keeps the last one only.

use std::collections::HashSet;

use arrow_array::cast::AsArray;
use arrow_array::{Array, downcast_dictionary_array};
use arrow_schema::DataType;
use copyist_core::{DataError, ErrorCode, Result, Type};

use super::exact::is_by_place;
use super::target::{Target, element_type, elements, is_null};
use super::value::{self, Style};
use crate::Layout;

/// Whether values of a type may have one that goes to PostgreSQL's `jsonb`: whoever reads the text has all of it.
pub(super) fn may_repeat(source: &DataType, target: Target<'_>, layout: Layout) -> bool {
    is_by_place(layout) && has_map(source, target)
}

fn has_map(ty: &DataType, target: Target<'_>) -> bool {
    if let Some(element) = element_type(ty) {
        return has_map(element, target.element());
    }
    match ty {
        DataType::Map(..) => is_jsonb(target),
        DataType::Struct(fields) => {
            fields.iter().enumerate().any(|(place, of)| has_map(of.data_type(), field(target, place)))
        }
        DataType::Dictionary(_, of) => has_map(of, target),
        _ => false,
    }
}

fn is_jsonb(target: Target<'_>) -> bool {
    matches!(target, Target::Type(Type::Jsonb))
}

/// What a field of a structure goes to. All that is within `jsonb` is.
fn field(target: Target<'_>, place: usize) -> Target<'_> {
    if is_jsonb(target) { target } else { target.field(place, "", true) }
}

/// Looks into the value of `row`, which is not NULL, and whose structures have their fields in the order in which they are written.
///
/// # Errors
/// `22P02` with the key.
pub(super) fn check(array: &dyn Array, row: usize, target: Target<'_>) -> Result<()> {
    downcast_dictionary_array!(
        array => return check(array.values().as_ref(), value::key(array.keys(), row), target),
        _ => {}
    );
    if let Some(items) = elements(array, row) {
        return each(items.as_ref(), target.element());
    }
    match array.data_type() {
        DataType::Map(..) if is_jsonb(target) => {
            let entries = array.as_map().value(row);
            let [keys, values] = entries.columns() else { return Ok(()) };
            let mut seen = HashSet::new();
            for row in 0..keys.len() {
                let mut key = Vec::new();
                value::write(keys, row, Style::Literal, &mut key)?;
                let text = String::from_utf8_lossy(&key).into_owned();
                if !seen.insert(key) {
                    let message = format!("duplicate JSON object key value: \"{text}\"");
                    return Err(DataError::new(ErrorCode::InvalidTextRepresentation, message)
                        .with_detail("A map has the key more than once, of which jsonb would keep the last one.")
                        .with_hint("A column of type json or text takes them all."));
                }
            }
            each(values, target)
        }
        DataType::Struct(_) => {
            let columns = array.as_struct().columns().iter().enumerate();
            columns
                .filter(|(_, column)| !is_null(column, row))
                .try_for_each(|(place, column)| check(column, row, field(target, place)))
        }
        _ => Ok(()),
    }
}

fn each(items: &dyn Array, target: Target<'_>) -> Result<()> {
    if !has_map(items.data_type(), target) {
        return Ok(());
    }
    (0..items.len()).filter(|&row| !is_null(items, row)).try_for_each(|row| check(items, row, target))
}
