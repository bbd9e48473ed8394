//! `date`.

use copyist_core::Result;

use crate::calendar::{UNIX_TO_POSTGRES_DAYS, days_from_date, is_date_in_range, is_julian};
use crate::context::Context;
use crate::decode::{self, Moment};
use crate::fast::{fast_date, fast_date_of_zoned};
use crate::fault::out_of_range;
use crate::token::{DATE_CAPACITY, tokenize};

/// Reads a `date`: days since 2000-01-01. `i32::MAX` and `i32::MIN` are `infinity` and `-infinity`.
///
/// # Errors
///
/// `22007`, `22008`, `22009` or `22023` as the server's `date_in` raises them.
pub fn date(literal: &[u8], context: &Context) -> Result<i32> {
    match fast_date(literal, 0, literal.len()).or_else(|| fast_date_of_zoned(literal, context)) {
        Some(days) => Ok(days),
        None => decode(literal, context),
    }
}

/// Reads a literal of any form.
pub(crate) fn decode(literal: &[u8], context: &Context) -> Result<i32> {
    let moment = tokenize(literal, DATE_CAPACITY)
        .and_then(|tokens| decode::timestamp(&tokens, context))
        .map_err(|fault| fault.into_error("date", literal))?;
    let fields = match moment {
        Moment::At(fields, _) => fields,
        Moment::Epoch => return Ok(-UNIX_TO_POSTGRES_DAYS as i32),
        Moment::Infinity => return Ok(i32::MAX),
        Moment::NegativeInfinity => return Ok(i32::MIN),
    };
    if is_julian(fields.year, fields.month) {
        let days = days_from_date(fields.year, fields.month, fields.day) as i32;
        if is_date_in_range(days) {
            return Ok(days);
        }
    }
    Err(out_of_range("date", literal))
}
