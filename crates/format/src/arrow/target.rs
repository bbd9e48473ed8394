//! What a column, or a part of one, takes: a type that is decoded here, or what is known of one that its target parses.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, downcast_dictionary_array};
use arrow_schema::DataType;
use copyist_core::{Foreign, Type};

use super::value;
use crate::ColumnPlan;

#[derive(Clone, Copy, Debug)]
pub(super) enum Target<'a> {
    Type(&'a Type),
    Foreign(&'a Foreign),
}

impl<'a> Target<'a> {
    pub fn of(column: &'a ColumnPlan) -> Self {
        if column.ty == Type::Other { Self::foreign(&column.foreign) } else { Self::Type(&column.ty) }
    }

    fn foreign(foreign: &'a Foreign) -> Self {
        match foreign {
            Foreign::Like(ty) => Self::Type(ty),
            other => Self::Foreign(other),
        }
    }

    /// What the elements of a list go to. An array of any number of dimensions is one of what is in it in the end.
    pub fn element(self) -> Self {
        match self {
            Self::Type(Type::Array(array)) => Self::Type(&array.element),
            Self::Foreign(Foreign::List(of)) => Self::foreign(of),
            other => other,
        }
    }

    /// What a field of a structure goes to: by its name, or by its place where fields are written by it.
    pub fn field(self, place: usize, name: &str, is_by_place: bool) -> Self {
        let Self::Foreign(Foreign::Record(fields)) = self else { return Self::Foreign(&Foreign::Opaque) };
        let found = if is_by_place {
            fields.get(place)
        } else {
            // As DuckDB finds them.
            fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name))
        };
        found.map_or(Self::Foreign(&Foreign::Opaque), |(_, field)| Self::foreign(field))
    }

    /// What keys and values of a map go to.
    pub fn entry(self) -> (Self, Self) {
        match self {
            Self::Foreign(Foreign::Map(of)) => (Self::foreign(&of.0), Self::foreign(&of.1)),
            _ => (Self::Foreign(&Foreign::Opaque), Self::Foreign(&Foreign::Opaque)),
        }
    }

    /// Whether it has whole numbers only.
    pub fn is_whole(self) -> bool {
        matches!(
            self,
            Self::Type(Type::Int2 | Type::Int4 | Type::Int8) | Self::Foreign(Foreign::Whole | Foreign::Unsigned { .. })
        )
    }

    /// Whether what is nested is told to it as JSON, like any text.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Type(ty) if !matches!(ty, Type::Array(_) | Type::Other))
    }
}

/// Whether a value is NULL, be it that of its dictionary.
pub(super) fn is_null(array: &dyn Array, row: usize) -> bool {
    if array.is_null(row) {
        return true;
    }
    match array.data_type() {
        DataType::Null => true,
        DataType::Dictionary(..) => downcast_dictionary_array!(
            array => is_null(array.values().as_ref(), value::key(array.keys(), row)),
            _ => false
        ),
        _ => false,
    }
}

/// The elements of a list.
pub(super) fn elements(array: &dyn Array, row: usize) -> Option<ArrayRef> {
    Some(match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().value(row),
        DataType::LargeList(_) => array.as_list::<i64>().value(row),
        DataType::FixedSizeList(..) => array.as_fixed_size_list().value(row),
        DataType::ListView(_) => array.as_list_view::<i32>().value(row),
        DataType::LargeListView(_) => array.as_list_view::<i64>().value(row),
        _ => return None,
    })
}

/// The type of a list's elements.
#[must_use]
pub fn element_type(ty: &DataType) -> Option<&DataType> {
    match ty {
        DataType::List(of)
        | DataType::LargeList(of)
        | DataType::FixedSizeList(of, _)
        | DataType::ListView(of)
        | DataType::LargeListView(of) => Some(of.data_type()),
        _ => None,
    }
}
