//! What stores answer, in PostgreSQL's codes, without what must not be shown.

use copyist_core::{DataError, ErrorCode};
use object_store::Error;

/// An address without what stands behind a question mark, which may be a signature.
pub(crate) fn shown(address: &str) -> &str {
    address.split('?').next().unwrap_or(address)
}

/// Text without the queries of the addresses in it.
fn without_queries(text: &str) -> String {
    text.split_inclusive(char::is_whitespace)
        .map(|word| match word.split_once('?') {
            Some((address, rest)) if address.contains("://") => {
                let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | ')' | '\'')).unwrap_or(rest.len());
                format!("{address}{}", &rest[end..])
            }
            _ => word.to_owned(),
        })
        .collect()
}

/// A failure of a store at an address.
pub(crate) fn of_store(error: &Error, address: &str) -> Box<DataError> {
    let address = shown(address);
    let mut reason = without_queries(&innermost(error));
    // An answer may be a page.
    if let Some((end, _)) = reason.char_indices().nth(500) {
        reason.truncate(end);
    }
    let (code, message) = match error {
        Error::NotFound { .. } => (ErrorCode::UndefinedFile, format!("\"{address}\" does not exist")),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            (ErrorCode::InsufficientPrivilege, format!("permission denied for \"{address}\""))
        }
        Error::Precondition { .. } | Error::NotModified { .. } => {
            return changed(address);
        }
        _ => (ErrorCode::IoError, format!("could not read \"{address}\"")),
    };
    DataError::new(code, message).with_detail(format!("{reason}. Nothing was loaded."))
}

/// The object is another one than at first.
pub(crate) fn changed(address: &str) -> Box<DataError> {
    DataError::new(ErrorCode::IoError, format!("\"{}\" changed while it was read", shown(address)))
        .with_detail("A part of it is of another version than the first one. Nothing was loaded.")
        .with_hint("Load it again when nobody writes to it.")
}

/// An answer that is not what was asked for.
pub(crate) fn unexpected(address: &str, what: &str) -> Box<DataError> {
    let message = format!("could not read \"{}\": {what}", shown(address));
    DataError::new(ErrorCode::IoError, message).with_detail("Nothing was loaded.")
}

fn innermost(error: &Error) -> String {
    let mut source: &dyn std::error::Error = error;
    let mut text = source.to_string();
    while let Some(inner) = source.source() {
        source = inner;
        text = source.to_string();
    }
    text.trim_end_matches('.').to_owned()
}
