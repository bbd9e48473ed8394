//! What a decoder found wrong, before it is put into PostgreSQL's words.

use copyist_core::{DataError, ErrorCode};

/// Why a literal is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Not written in any known form.
    BadFormat,
    /// A field, such as the hour, is outside its range.
    FieldOverflow,
    /// Month or day is outside its range, which a different `DateStyle` might cure.
    MonthDayOverflow,
    /// A time zone displacement beyond ±15:59:59.
    DisplacementOverflow,
    /// A name with punctuation that is no time zone.
    UnknownTimeZone(String),
    /// Only the server can read it, or only in this form.
    LeftToServer,
}

impl Fault {
    /// The error of the type's input function for `literal`.
    #[cold]
    pub(crate) fn into_error(self, type_name: &str, literal: &[u8]) -> Box<DataError> {
        let literal = String::from_utf8_lossy(literal);
        match self {
            Fault::BadFormat => DataError::new(
                ErrorCode::InvalidDatetimeFormat,
                format!("invalid input syntax for type {type_name}: \"{literal}\""),
            ),
            Fault::FieldOverflow | Fault::MonthDayOverflow => {
                let error = DataError::new(
                    ErrorCode::DatetimeFieldOverflow,
                    format!("date/time field value out of range: \"{literal}\""),
                );
                match self {
                    Fault::MonthDayOverflow => error.with_hint("Perhaps you need a different \"DateStyle\" setting."),
                    _ => error,
                }
            }
            Fault::DisplacementOverflow => DataError::new(
                ErrorCode::InvalidTimeZoneDisplacement,
                format!("time zone displacement out of range: \"{literal}\""),
            ),
            Fault::UnknownTimeZone(name) => {
                DataError::new(ErrorCode::InvalidParameterValue, format!("time zone \"{name}\" not recognized"))
            }
            Fault::LeftToServer => {
                DataError::new(ErrorCode::LeftToServer, format!("\"{literal}\" is left to the server"))
            }
        }
    }
}

/// `date out of range: "…"` and its likes: every field is fine, the whole is not.
#[cold]
pub(crate) fn out_of_range(type_name: &str, literal: &[u8]) -> Box<DataError> {
    let literal = String::from_utf8_lossy(literal);
    DataError::new(ErrorCode::DatetimeFieldOverflow, format!("{type_name} out of range: \"{literal}\""))
}
