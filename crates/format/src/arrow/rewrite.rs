//! Nested values as they are written: those of 16 bytes, which are UUIDs, as text, for them to be one in a list, a structure, a text and a
//! message, too; numbers of single precision that go to double precision as those that they are there, since their shortest literals are
//! others; the fields of a structure in the order of the composite type that it goes to; and times of day of UTC with their zone.

use std::fmt::Write;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float16Type, Float32Type, Float64Type};
use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, GenericListArray, GenericListViewArray, MapArray, NullArray, OffsetSizeTrait,
    StringArray, StructArray, downcast_dictionary_array,
};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, FieldRef, Fields};
use copyist_core::{Foreign, Type};

use super::composite;
use super::exact::is_by_place;
use super::target::Target;
use super::value::{self, Style};
use crate::Layout;

/// What is said of a field whose times of day are those of UTC.
pub const UTC: &str = "copyist.utc";

/// The same values, where all that are of 16 bytes are strings, unless they go to what takes bytes, numbers are of double precision where
/// that is what they go to, and structures have the fields of composite types.
pub(super) fn rewritten(array: &ArrayRef, field: &Field, target: Target<'_>, layout: Layout) -> ArrayRef {
    Writing { layout, step: Step::Values }.array(array, field, target)
}

/// The same values, as [`rewritten`] gives them, where times of day of UTC are strings that say so, if they go to what has a zone. It is a
/// step by itself since nobody looks at what strings lose.
pub(super) fn zoned(array: &ArrayRef, field: &Field, target: Target<'_>, layout: Layout) -> ArrayRef {
    Writing { layout, step: Step::Zones }.array(array, field, target)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Values,
    Zones,
}

#[derive(Clone, Copy)]
struct Writing {
    layout: Layout,
    step: Step,
}

impl Writing {
    /// Whether values of a type are not written as they stand.
    fn differs(self, ty: &DataType, field: &Field, target: Target<'_>) -> bool {
        let of_field = |field: &Field, target| self.differs(field.data_type(), field, target);
        match ty {
            DataType::FixedSizeBinary(16) if self.step == Step::Values => !matches!(target, Target::Type(Type::Bytea)),
            DataType::Float16 | DataType::Float32 if self.step == Step::Values => {
                matches!(target, Target::Type(Type::Float8))
            }
            DataType::Time32(_) | DataType::Time64(_) if self.step == Step::Zones => {
                matches!(target, Target::Type(Type::TimeTz(_))) && field.metadata().contains_key(UTC)
            }
            DataType::List(of)
            | DataType::LargeList(of)
            | DataType::FixedSizeList(of, _)
            | DataType::ListView(of)
            | DataType::LargeListView(of) => of_field(of, target.element()),
            DataType::Map(of, _) => match of.data_type() {
                DataType::Struct(fields) => {
                    let (key, value) = target.entry();
                    fields.iter().zip([key, value]).any(|(field, target)| of_field(field, target))
                }
                _ => false,
            },
            DataType::Struct(fields) => {
                let members = self.members(fields, target);
                members.len() != fields.len()
                    || members
                        .into_iter()
                        .enumerate()
                        .any(|(index, (place, target))| place != Some(index) || of_field(&fields[index], target))
            }
            // What is said of the values is said of the field.
            DataType::Dictionary(_, of) => self.differs(of, field, target),
            _ => false,
        }
    }

    /// The fields of a structure in the order in which they are written, by their places, with what each goes to. An attribute that has no
    /// field is NULL.
    fn members<'a>(self, fields: &Fields, target: Target<'a>) -> Vec<(Option<usize>, Target<'a>)> {
        let by_place = is_by_place(self.layout);
        if self.step == Step::Values
            && by_place
            && let Target::Foreign(Foreign::Record(attributes)) = target
        {
            let places = composite::places(attributes, fields).into_iter().enumerate();
            return places.map(|(attribute, place)| (place, target.field(attribute, "", true))).collect();
        }
        let names = fields.iter().map(|field| field.name()).enumerate();
        names.map(|(place, name)| (Some(place), target.field(place, name, by_place))).collect()
    }

    fn array(self, array: &ArrayRef, field: &Field, target: Target<'_>) -> ArrayRef {
        if self.differs(array.data_type(), field, target) {
            self.written(array, field, target)
        } else {
            Arc::clone(array)
        }
    }

    fn written(self, array: &ArrayRef, of_array: &Field, target: Target<'_>) -> ArrayRef {
        match array.data_type() {
            DataType::FixedSizeBinary(16) => {
                let values = array.as_fixed_size_binary();
                let text = |row| values.is_valid(row).then(|| uuid(values.value(row)));
                Arc::new((0..values.len()).map(text).collect::<StringArray>())
            }
            DataType::Float16 => Arc::new(array.as_primitive::<Float16Type>().unary::<_, Float64Type>(|v| v.to_f64())),
            DataType::Float32 => Arc::new(array.as_primitive::<Float32Type>().unary::<_, Float64Type>(f64::from)),
            DataType::Time32(_) | DataType::Time64(_) => {
                let text = |row| array.is_valid(row).then(|| in_utc(array, row));
                Arc::new((0..array.len()).map(text).collect::<StringArray>())
            }
            DataType::List(of) => self.list::<i32>(array, of, target.element()),
            DataType::LargeList(of) => self.list::<i64>(array, of, target.element()),
            DataType::FixedSizeList(of, size) => {
                let list = array.as_fixed_size_list();
                let values = self.array(list.values(), of, target.element());
                let field = field(of, &values);
                Arc::new(FixedSizeListArray::new(field, *size, values, list.nulls().cloned()))
            }
            DataType::ListView(of) => self.list_view::<i32>(array, of, target.element()),
            DataType::LargeListView(of) => self.list_view::<i64>(array, of, target.element()),
            DataType::Struct(fields) => {
                Arc::new(self.structure(array.as_struct(), fields, self.members(fields, target)))
            }
            DataType::Map(of, sorted) => {
                let map = array.as_map();
                let DataType::Struct(fields) = of.data_type() else { return Arc::clone(array) };
                let (from, offsets) = rebased(map.offsets());
                let (key, value) = target.entry();
                let entries = map.entries().slice(from, last(&offsets));
                let entries = self.structure(&entries, fields, vec![(Some(0), key), (Some(1), value)]);
                let of = Arc::new(of.as_ref().clone().with_data_type(entries.data_type().clone()));
                Arc::new(MapArray::new(of, offsets, entries, map.nulls().cloned(), *sorted))
            }
            DataType::Dictionary(..) => downcast_dictionary_array!(
                array => Arc::new(array.with_values(self.array(array.values(), of_array, target))),
                _ => Arc::clone(array)
            ),
            _ => Arc::clone(array),
        }
    }

    fn list<O: OffsetSizeTrait>(self, array: &ArrayRef, of: &FieldRef, element: Target<'_>) -> ArrayRef {
        let list = array.as_list::<O>();
        let (from, offsets) = rebased(list.offsets());
        let values = self.array(&list.values().slice(from, last(&offsets)), of, element);
        Arc::new(GenericListArray::new(field(of, &values), offsets, values, list.nulls().cloned()))
    }

    fn list_view<O: OffsetSizeTrait>(self, array: &ArrayRef, of: &FieldRef, element: Target<'_>) -> ArrayRef {
        let list = array.as_list_view::<O>();
        let values = self.array(list.values(), of, element);
        let (offsets, sizes): (ScalarBuffer<O>, ScalarBuffer<O>) = (list.offsets().clone(), list.sizes().clone());
        Arc::new(GenericListViewArray::new(field(of, &values), offsets, sizes, values, list.nulls().cloned()))
    }

    fn structure(self, array: &StructArray, fields: &Fields, members: Vec<(Option<usize>, Target<'_>)>) -> StructArray {
        let of_member = |(place, target): (Option<usize>, Target<'_>)| -> (FieldRef, ArrayRef) {
            let Some(place) = place else {
                return (Arc::new(Field::new("", DataType::Null, true)), Arc::new(NullArray::new(array.len())));
            };
            let values = self.array(array.column(place), &fields[place], target);
            (field(&fields[place], &values), values)
        };
        let (fields, columns): (Vec<FieldRef>, Vec<ArrayRef>) = members.into_iter().map(of_member).unzip();
        if columns.is_empty() {
            return StructArray::new_empty_fields(array.len(), array.nulls().cloned());
        }
        StructArray::new(fields.into(), columns, array.nulls().cloned())
    }
}

/// A time of day with its zone. What is none has been refused before.
fn in_utc(array: &ArrayRef, row: usize) -> String {
    let mut text = Vec::with_capacity(18);
    let _ = value::write(array, row, Style::Literal, &mut text);
    text.extend_from_slice(b"+00");
    String::from_utf8_lossy(&text).into_owned()
}

fn uuid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to memory cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn field(field: &FieldRef, values: &ArrayRef) -> FieldRef {
    Arc::new(Field::clone(field).with_data_type(values.data_type().clone()))
}

/// Where the first value is, and offsets from there on.
fn rebased<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>) -> (usize, OffsetBuffer<O>) {
    let from = offsets.first();
    let offsets: Vec<O> = offsets.iter().map(|&offset| offset - from).collect();
    (from.as_usize(), OffsetBuffer::new(offsets.into()))
}

fn last<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>) -> usize {
    offsets.last().as_usize()
}
