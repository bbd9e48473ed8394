//! The columns of a file that tells them, and what types a table made for it has.

use arrow_schema::{DataType, Field, TimeUnit};
use copyist_format::arrow::{check_type, element_type};
use copyist_transcode::{Failure, Source, columnar};
use napi_derive::napi;

use crate::convert::BindingFailure;
use crate::specification::{BindingArray, BindingType, columnar as format_of};

/// One column.
#[napi(object)]
pub struct BindingSchemaColumn {
    pub name: String,
    /// Its Arrow type in words.
    pub arrow_type: String,
    /// The type of a new column for it: the narrowest that loses nothing, but what has nanoseconds. Absent where it cannot be read.
    pub ty: Option<BindingType>,
    /// Whether it is of timestamps or times in nanoseconds, or lists of such.
    pub has_nanoseconds: bool,
}

/// All columns, in their order.
#[napi(object)]
pub struct BindingSchema {
    pub columns: Vec<BindingSchemaColumn>,
    /// Rows, where the file says how many there are.
    pub rows: Option<f64>,
    pub failure: Option<BindingFailure>,
}

pub fn describe(format: &str, source: Source, name: &str) -> BindingSchema {
    let failed = |failure: Failure| BindingSchema { columns: Vec::new(), rows: None, failure: Some(failure.into()) };
    // The caller has checked the format; another one is a file that is none of it.
    let format = format_of(format).unwrap_or(columnar::Format::Arrow);
    let batches = match columnar::open(format, source, name) {
        Ok(batches) => batches,
        Err(failure) => return failed(failure),
    };
    let schema = batches.schema();
    let column = |field: &Field| BindingSchemaColumn {
        name: field.name().clone(),
        arrow_type: field.data_type().to_string(),
        ty: check_type(field.name(), field.data_type()).ok().map(|()| type_for(field)),
        has_nanoseconds: has_nanoseconds(field.data_type()),
    };
    BindingSchema {
        columns: schema.fields().iter().map(|field| column(field)).collect(),
        rows: batches.row_count().map(|rows| rows as f64),
        failure: None,
    }
}

fn has_nanoseconds(ty: &DataType) -> bool {
    match ty {
        DataType::Timestamp(TimeUnit::Nanosecond, _) | DataType::Time64(TimeUnit::Nanosecond) => true,
        DataType::Dictionary(_, of) => has_nanoseconds(of),
        list => element_type(list).is_some_and(has_nanoseconds),
    }
}

fn plain(kind: &str) -> BindingType {
    let kind = kind.to_owned();
    BindingType {
        kind,
        precision: None,
        scale: None,
        length: None,
        name: None,
        labels: None,
        array: None,
        form: None,
        parts: None,
        fields: None,
    }
}

fn numeric(precision: u32, scale: i32) -> BindingType {
    BindingType { precision: Some(precision), scale: Some(scale), ..plain("numeric") }
}

fn decimal(precision: u8, scale: i8) -> BindingType {
    let (precision, scale) = (u32::from(precision), i32::from(scale));
    if scale < 0 {
        // Digits before the point that are always zero.
        return numeric(precision + scale.unsigned_abs(), 0);
    }
    numeric(precision.max(scale.unsigned_abs()), scale)
}

fn type_for(field: &Field) -> BindingType {
    use DataType as D;
    if field.extension_type_name() == Some("arrow.json") {
        return plain("jsonb");
    }
    match field.data_type() {
        D::Boolean => plain("bool"),
        D::Int8 | D::Int16 | D::UInt8 => plain("int2"),
        D::Int32 | D::UInt16 => plain("int4"),
        D::Int64 | D::UInt32 => plain("int8"),
        D::UInt64 => numeric(20, 0),
        D::Float16 | D::Float32 => plain("float4"),
        D::Float64 => plain("float8"),
        D::Decimal32(p, s) | D::Decimal64(p, s) | D::Decimal128(p, s) | D::Decimal256(p, s) => decimal(*p, *s),
        // Those that are not marked as such are bytes of any length by now.
        D::FixedSizeBinary(16) => plain("uuid"),
        D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_) => plain("bytea"),
        D::Date32 | D::Date64 => plain("date"),
        D::Time32(_) | D::Time64(_) => plain("time"),
        D::Timestamp(TimeUnit::Second | TimeUnit::Millisecond | TimeUnit::Microsecond | TimeUnit::Nanosecond, zone) => {
            plain(if zone.is_some() { "timestamptz" } else { "timestamp" })
        }
        D::Interval(_) | D::Duration(_) => plain("interval"),
        D::List(of) | D::LargeList(of) | D::FixedSizeList(of, _) | D::ListView(of) | D::LargeListView(of) => {
            match type_for(of) {
                // Arrays of arrays must be rectangular, and of rows there would have to be a type.
                element
                    if element.array.is_some()
                        || element.kind == "jsonb" && of.extension_type_name() != Some("arrow.json") =>
                {
                    plain("jsonb")
                }
                element => {
                    let array = BindingArray { element_oid: 0, delimiter: u32::from(b','), depth: 1 };
                    BindingType { array: Some(array), ..element }
                }
            }
        }
        D::Struct(_) | D::Map(..) => plain("jsonb"),
        D::Dictionary(_, of) => type_for(&Field::new(field.name(), (**of).clone(), true)),
        _ => plain("text"),
    }
}
