//! placeholder
use copyist_core::{ArrayType, DataError, ErrorCode, Result};
pub(crate) fn write_list(_v: &[u8], _a: &ArrayType, _c: &copyist_datetime::Context, _out: &mut Vec<u8>) -> Result<()> {
    Err(DataError::new(ErrorCode::FeatureNotSupported, "lists"))
}
