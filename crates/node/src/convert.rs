//! Failures and locations as JavaScript objects.

use copyist_transcode::Failure;
use napi_derive::napi;

/// A failure, as a value; `lib/native` makes a CopyError of it.
#[napi(object)]
pub struct BindingFailure {
    pub code: String,
    pub sql_state: String,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    pub context: Option<String>,
    /// The number of the input in the order of the load, from 0.
    pub file: Option<u32>,
    pub line: Option<f64>,
    pub byte_offset: Option<f64>,
    pub column: Option<String>,
}

impl From<Failure> for BindingFailure {
    fn from(failure: Failure) -> Self {
        let error = *failure.error;
        Self {
            code: snake_case(error.code.rust_name()),
            sql_state: error.code.sql_state().to_owned(),
            message: error.message.into_owned(),
            detail: error.detail,
            hint: error.hint,
            context: failure.context,
            file: failure.file,
            line: failure.line.map(|line| line as f64),
            byte_offset: failure.byte_offset.map(|offset| offset as f64),
            column: failure.column,
        }
    }
}

/// `BadCopyFileFormat` → `bad_copy_file_format`.
pub fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for (index, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && index > 0 {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
