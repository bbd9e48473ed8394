//! Maps with a key that comes twice, of which `jsonb` keeps the last one only.

use std::collections::HashSet;

use arrow_array::cast::AsArray;
use arrow_array::{Array, downcast_dictionary_array};
use arrow_schema::DataType;
use copyist_core::{DataError, ErrorCode, Result, Type};

use super::exact::is_by_place;
use super::value::{self, Style};
use crate::Layout;

/// Whether values of a type may have one where the column is PostgreSQL's `jsonb`: whoever reads the text has all of it.
pub(super) fn may_repeat(source: &DataType, ty: &Type, layout: Layout) -> bool {
    *ty == Type::Jsonb && is_by_place(layout) && has_map(source)
}

fn has_map(ty: &DataType) -> bool {
    match ty {
        DataType::Map(..) => true,
        DataType::List(of)
        | DataType::LargeList(of)
        | DataType::FixedSizeList(of, _)
        | DataType::ListView(of)
        | DataType::LargeListView(of) => has_map(of.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_map(field.data_type())),
        DataType::Dictionary(_, of) => has_map(of),
        _ => false,
    }
}

/// Looks into the value of `row`, which is not NULL.
///
/// # Errors
/// `22P02` with the key.
pub(super) fn check(array: &dyn Array, row: usize) -> Result<()> {
    downcast_dictionary_array!(
        array => return check(array.values().as_ref(), value::key(array.keys(), row)),
        _ => {}
    );
    match array.data_type() {
        DataType::Map(..) => {
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
            each(values)
        }
        DataType::List(_) => each(array.as_list::<i32>().value(row).as_ref()),
        DataType::LargeList(_) => each(array.as_list::<i64>().value(row).as_ref()),
        DataType::FixedSizeList(..) => each(array.as_fixed_size_list().value(row).as_ref()),
        DataType::ListView(_) => each(array.as_list_view::<i32>().value(row).as_ref()),
        DataType::LargeListView(_) => each(array.as_list_view::<i64>().value(row).as_ref()),
        DataType::Struct(_) => {
            let columns = array.as_struct().columns().iter();
            columns.filter(|column| column.is_valid(row)).try_for_each(|column| check(column, row))
        }
        _ => Ok(()),
    }
}

fn each(items: &dyn Array) -> Result<()> {
    if !has_map(items.data_type()) {
        return Ok(());
    }
    (0..items.len()).filter(|&row| items.is_valid(row)).try_for_each(|row| check(items, row))
}
