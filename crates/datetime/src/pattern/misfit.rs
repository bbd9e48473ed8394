//! Why a value does not fit a pattern, before it is put into PostgreSQL's words. Small and without allocation, because
//! a value is tried with several patterns and the first may fit none of a file.

use std::borrow::Cow;

use copyist_core::{DataError, ErrorCode};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// No digit where a number is wanted.
    NotInteger,
    /// A number of too few digits.
    FewDigits { needs: u8, got: u8 },
    /// The value ends before the token.
    TooShort { needs: u8, remain: u8 },
    /// Something else than the pattern's literal byte.
    Unmatched(u8),
    /// No name that the token knows.
    UnknownName,
    /// Bytes after the whole pattern.
    Trailing,
    /// A field outside its range, or a day that its month does not have.
    FieldRange,
    /// Every field is fine, the whole is not.
    ValueRange,
    /// An hour that the 12-hour clock does not have.
    HalfHour(i32),
    /// No time zone.
    UnknownZone { len: usize },
    /// A time zone that only the server's own data know.
    ServerZone { len: usize },
    /// Beyond ±15:59:59.
    ZoneRange,
    /// The pattern has nothing that such a column needs.
    NoPart,
    /// Month and day could be either way round.
    EitherOrder,
    /// A year without its century.
    NoCentury,
    /// In none of the forms that are known.
    UnknownForm,
    /// No number of seconds.
    NotNumber,
}

/// Where and why a value does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    /// Byte of the value.
    pub(super) at: usize,
    /// The token's bytes in the pattern, from and to.
    pub(super) token: (u16, u16),
    pub(super) reason: Reason,
}

impl Misfit {
    /// One that no single token is to blame for.
    pub(super) fn whole(at: usize, reason: Reason) -> Misfit {
        Misfit { at, token: (0, 0), reason }
    }

    /// One of a value that has been read to its end, and is out of range as a whole.
    pub(super) fn complete(reason: Reason) -> Misfit {
        Misfit::whole(usize::MAX, reason)
    }

    /// The error for the user.
    #[cold]
    pub(super) fn into_error(self, type_name: &str, pattern: &str, value: &[u8]) -> Box<DataError> {
        use ErrorCode::{
            DatetimeFieldOverflow, FeatureNotSupported, InvalidDatetimeFormat, InvalidParameterValue,
            InvalidTimeZoneDisplacement,
        };
        let literal = String::from_utf8_lossy(value);
        let token = pattern.get(usize::from(self.token.0)..usize::from(self.token.1)).unwrap_or_default();
        let rest = value.get(self.at..).unwrap_or_default();
        let place = match self.at {
            usize::MAX => format!("Read with \"{pattern}\"."),
            at => format!("At byte {} of \"{literal}\", read with \"{pattern}\".", at + 1),
        };
        let error = |code, message: String, detail: &str| {
            let detail = if detail.is_empty() { place.clone() } else { format!("{detail} {place}") };
            DataError::new(code, message).with_detail(detail)
        };
        let invalid = |len: usize, detail: &str| {
            let found = String::from_utf8_lossy(&rest[..len.min(rest.len())]);
            error(InvalidDatetimeFormat, format!("invalid value \"{found}\" for \"{token}\""), detail)
        };
        match self.reason {
            Reason::NotInteger => invalid(token.len().clamp(1, 4), "Value must be an integer."),
            Reason::FewDigits { needs, got } => invalid(
                usize::from(got),
                &format!("Field requires {needs} characters, but only {got} could be parsed."),
            ),
            Reason::TooShort { needs, remain } => error(
                InvalidDatetimeFormat,
                format!("source string too short for \"{token}\" formatting field"),
                &format!("Field requires {needs} characters, but only {remain} remain."),
            ),
            Reason::Unmatched(byte) => {
                let kind = if byte.is_ascii_alphanumeric() || byte >= 0x80 { "character" } else { "separator" };
                let wanted: Cow<'_, str> =
                    if byte < 0x80 { (byte as char).to_string().into() } else { format!("\\x{byte:02X}").into() };
                error(InvalidDatetimeFormat, format!("unmatched format {kind} \"{wanted}\""), "")
            }
            Reason::UnknownName => {
                let len = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
                invalid(len.max(1), "The given value did not match any of the allowed values for this field.")
            }
            Reason::Trailing => error(
                InvalidDatetimeFormat,
                "trailing characters remain in input string after datetime format".into(),
                "",
            ),
            Reason::FieldRange => {
                error(DatetimeFieldOverflow, format!("date/time field value out of range: \"{literal}\""), "")
            }
            Reason::ValueRange => error(DatetimeFieldOverflow, format!("{type_name} out of range: \"{literal}\""), ""),
            Reason::HalfHour(hour) => {
                error(InvalidDatetimeFormat, format!("hour \"{hour}\" is invalid for the 12-hour clock"), "")
                    .with_hint("Use the 24-hour clock, or give an hour between 1 and 12.")
            }
            Reason::UnknownZone { len } if !token.is_empty() => {
                invalid(len, "Time zone abbreviation is not recognized.")
            }
            Reason::UnknownZone { len } => {
                let name = String::from_utf8_lossy(&rest[..len.min(rest.len())]);
                error(InvalidParameterValue, format!("time zone \"{name}\" not recognized"), "")
            }
            Reason::ServerZone { len } => {
                let name = String::from_utf8_lossy(&rest[..len.min(rest.len())]);
                let message = format!("time zone \"{name}\" cannot be read with a date/time pattern");
                error(FeatureNotSupported, message, "The server's time zone data may differ from the built-in data.")
                    .with_hint("Write the zone as an offset, such as +02:00.")
            }
            Reason::ZoneRange => {
                error(InvalidTimeZoneDisplacement, format!("time zone displacement out of range: \"{literal}\""), "")
            }
            Reason::NoPart => error(
                InvalidDatetimeFormat,
                format!("date/time pattern \"{pattern}\" cannot read a value of type {type_name}"),
                "",
            ),
            Reason::EitherOrder => error(
                InvalidDatetimeFormat,
                format!("ambiguous date: \"{literal}\""),
                "The month may be the first or the second number.",
            )
            .with_hint("Give the pattern instead of 'auto', such as 'MM/DD/YYYY' or 'DD/MM/YYYY'."),
            Reason::NoCentury => {
                error(InvalidDatetimeFormat, format!("ambiguous date: \"{literal}\""), "The year has no century.")
                    .with_hint("Give the pattern instead of 'auto', such as 'MM/DD/YY'.")
            }
            Reason::UnknownForm => error(
                InvalidDatetimeFormat,
                format!("invalid input syntax for type {type_name}: \"{literal}\""),
                "No known form of a date or time.",
            )
            .with_hint("Give the pattern instead of 'auto'."),
            Reason::NotNumber => error(
                InvalidDatetimeFormat,
                format!("invalid input syntax for type {type_name}: \"{literal}\""),
                "Not a number of seconds or milliseconds since 1970-01-01 00:00:00 UTC.",
            ),
        }
    }
}
