//! The two messages that most input functions share.

use copyist_core::{DataError, ErrorCode};

/// `invalid input syntax for type integer: "x"`.
#[cold]
#[inline(never)]
pub(crate) fn invalid_syntax(type_name: &str, s: &[u8]) -> Box<DataError> {
    let value = String::from_utf8_lossy(s);
    let message = format!("invalid input syntax for type {type_name}: \"{value}\"");
    DataError::new(ErrorCode::InvalidTextRepresentation, message)
}

/// `value "99999999999" is out of range for type integer`.
#[cold]
#[inline(never)]
pub(crate) fn value_out_of_range(type_name: &str, s: &[u8]) -> Box<DataError> {
    let value = String::from_utf8_lossy(s);
    DataError::new(ErrorCode::NumericValueOutOfRange, format!("value \"{value}\" is out of range for type {type_name}"))
}
