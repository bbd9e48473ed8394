//! What stores answer, in PostgreSQL's codes, without what must not be shown.

use std::panic::AssertUnwindSafe;

use copyist_core::{DataError, ErrorCode};
use futures_util::FutureExt;
use object_store::Error;

use crate::client::{Answered, cause};
use crate::credentials::Unprovided;
use crate::rules::Denied;

/// An address without a user and a password before its host, and of a web server's without what stands behind a question mark, which may be a
/// signature; of an object's name in a bucket that is a part. As `shownAddress` in `lib/path.ts`.
pub(crate) fn shown(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").map_or(("", address), |(scheme, rest)| (scheme, rest));
    let host = rest.find(['/', '?', '#']).map_or(rest, |end| &rest[..end]);
    let is_web = scheme.is_empty() || scheme.to_ascii_lowercase().starts_with("http");
    // The container of an Azure address stands there, too.
    let user = host.rfind('@').filter(|&at| is_web || host[..at].contains(':')).map_or(0, |at| at + 1);
    let rest = &rest[user..];
    let rest = rest.find(['?', '#']).filter(|_| is_web).map_or(rest, |end| &rest[..end]);
    if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") }
}

/// Text whose addresses are as they may be shown, those without a server included.
pub(crate) fn without_secrets(text: &str) -> String {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | ')' | '\'' | '<' | '>');
    text.split_inclusive(is_end)
        .map(|word| {
            let end = word.trim_end_matches(is_end);
            let query =
                end.find('?').filter(|&at| at + 1 < end.len() && (end[..at].contains('/') || end[at..].contains('=')));
            let kept = match (end.find("://"), query) {
                (Some(at), query) if query.is_none_or(|query| at < query) => {
                    let is_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
                    let (before, address) = end.split_at(end[..at].trim_end_matches(is_scheme).len());
                    format!("{before}{}", shown(address))
                }
                (_, query) => end[..query.unwrap_or(end.len())].to_owned(),
            };
            kept + &word[end.len()..]
        })
        .collect()
}

/// Codes of stores for credentials that are none.
const DENIALS: &[&str] = &[
    "AccessDenied",
    "AuthenticationFailed",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
];

/// Codes for credentials that were some.
const EXPIRIES: &[&str] = &["ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired"];

fn says(text: &str, codes: &[&str]) -> bool {
    codes.iter().any(|code| text.contains(&format!("{code}:")) || text.ends_with(code))
}

/// Whether credentials were refused that other ones may be had for.
pub(crate) fn is_refusal(error: &Error) -> bool {
    let is_refused = matches!(error, Error::Unauthenticated { .. }) || says(&innermost(error), EXPIRIES);
    is_refused && cause::<Unprovided>(error).is_none()
}

/// A failure of a store at an address.
pub(crate) fn of_store(error: &Error, address: &str) -> Box<DataError> {
    let address = shown(address);
    if let Some(Denied(reason)) = cause(error) {
        return DataError::new(ErrorCode::InsufficientPrivilege, format!("\"{address}\" may not be read"))
            .with_detail(reason.clone())
            .with_hint("Whoever connects says what may be: access: { schemes, hosts, addresses }.");
    }
    match cause(error) {
        Some(Answered::Otherwise(what)) => return unexpected(&address, what),
        Some(answered @ Answered::Encoded(encoding)) => {
            let hint = if encoding.eq_ignore_ascii_case("br") {
                "Write COMPRESSION brotli, if it is that once."
            } else {
                "Store it without Content-Encoding, or with one of gzip, zstd and br."
            };
            return unexpected(&address, &answered.to_string()).with_hint(hint);
        }
        Some(answered @ Answered::Region(region, _)) => {
            let hint = format!("Write REGION '{region}', or give it to the connection: region: '{region}'.");
            return unexpected(&address, &answered.to_string()).with_hint(hint);
        }
        _ => {}
    }
    let mut reason = without_secrets(&innermost(error));
    // An answer may be a page.
    if let Some((end, _)) = reason.char_indices().nth(500) {
        reason.truncate(end);
    }
    if says(&reason, &["InvalidObjectState"]) {
        let message = format!("\"{address}\" is archived");
        return DataError::new(ErrorCode::IoError, message)
            .with_detail(format!("{reason}. Nothing was loaded."))
            .with_hint("Restore it from its storage class first.");
    }
    let denied = || (ErrorCode::InsufficientPrivilege, format!("permission denied for \"{address}\""));
    let (code, message) = match error {
        Error::NotFound { .. } => (ErrorCode::UndefinedFile, format!("\"{address}\" does not exist")),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => denied(),
        Error::Precondition { .. } | Error::NotModified { .. } => return changed(&address),
        _ if says(&reason, DENIALS) => denied(),
        _ if says(&reason, &["NoSuchBucket", "ContainerNotFound"]) => {
            (ErrorCode::UndefinedFile, format!("\"{address}\" does not exist"))
        }
        _ => (ErrorCode::IoError, format!("could not read \"{address}\"")),
    };
    let failure = DataError::new(code, message).with_detail(format!("{reason}. Nothing was loaded."));
    match cause(error) {
        Some(Answered::Untrusted(_, Some(hint))) => failure.with_hint(hint.clone()),
        _ => failure,
    }
}

/// The object is another one than at first.
pub(crate) fn changed(address: &str) -> Box<DataError> {
    DataError::new(ErrorCode::IoError, format!("\"{}\" changed while it was read", shown(address)))
        .with_detail("A part of it is of another version than the first one. Nothing was loaded.")
        .with_hint("Load it again when nobody writes to it.")
}

/// A body that has broken off, and whose rest could be of another version, or cannot be asked for.
pub(crate) fn lost(error: &Error, address: &str, has_size: bool) -> Box<DataError> {
    let why = if has_size {
        "Its server gives neither a strong ETag nor a Last-Modified more than a minute old, so that the rest could be of another version"
    } else {
        "Its server does not say how long it is, so that the rest cannot be asked for"
    };
    of_store(error, address).with_hint(format!("{why}. Load it again, or from a copy."))
}

/// An answer that is not what was asked for.
pub(crate) fn unexpected(address: &str, what: &str) -> Box<DataError> {
    let message = format!("could not read \"{}\": {what}", shown(address));
    DataError::new(ErrorCode::IoError, message).with_detail("Nothing was loaded.")
}

/// A list of more names than may be held.
pub(crate) fn too_long(address: &str, most: u64) -> Box<DataError> {
    let message = format!("there are too many objects below \"{}\"", shown(address));
    DataError::new(ErrorCode::ProgramLimitExceeded, message)
        .with_detail(format!(
            "Their names take more than {most} bytes, the most for this memoryLimit. Nothing was loaded."
        ))
        .with_hint(
            "Raise memoryLimit, or load them by several statements, each with a longer address or a narrower PATTERN.",
        )
}

/// What a question comes to; a panic on the way to its answer is an error, too: whoever waits for it is told.
///
/// # Errors
/// Those of the question, and `XX000` for a panic.
pub async fn caught<T>(question: impl Future<Output = Result<T, Box<DataError>>>) -> Result<T, Box<DataError>> {
    AssertUnwindSafe(question).catch_unwind().await.unwrap_or_else(|_| {
        // What it says may hold what was asked for, with its secrets.
        Err(DataError::new(
            ErrorCode::InternalError,
            "copyist failed internally: a panic of the code that asks other machines",
        )
        .with_hint("This is a defect of copyist; nothing was loaded."))
    })
}

/// An object whose name nobody can ask for.
pub(crate) fn not_askable(address: &str, why: &str) -> Box<DataError> {
    let address = shown(address).replace(|c: char| c.is_ascii_control(), "?");
    DataError::new(ErrorCode::FeatureNotSupported, format!("\"{address}\" cannot be asked for: {why}"))
        .with_hint("Copy it to another name, or say by PATTERN or FILES which objects are meant.")
}

/// What cannot be the address of anything.
pub(crate) fn invalid(address: &str, what: &str) -> Box<DataError> {
    DataError::new(ErrorCode::InvalidParameterValue, format!("\"{}\" {what}", shown(address)))
}

fn innermost(error: &Error) -> String {
    let mut source: &dyn std::error::Error = error;
    let mut text = source.to_string();
    while let Some(inner) = source.source() {
        source = inner;
        text = source.to_string();
    }
    let text = text.trim_end_matches(['.', ' ', ':']);
    text.strip_prefix("Server returned non-2xx status code: ").unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_in_an_address_is_not_shown() {
        // As in JavaScript.
        let table = include_str!("../../../__test__/access/shown.json");
        let mut count = 0;
        for line in table.lines().filter(|line| line.contains("\"address\"")) {
            let quoted: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
            let [_, address, _, expected] = quoted[..] else { panic!("{line}") };
            assert_eq!(shown(address), expected, "{address}");
            count += 1;
        }
        assert!(count > 10, "{count} addresses were shown");
    }

    #[test]
    fn nor_in_a_text() {
        for (text, expected) in [
            (
                "error sending request for url (https://u:p@h/a?sig=x) and \"http://h/b?y\": end",
                "error sending request for url (https://h/a) and \"http://h/b\": end",
            ),
            ("url=https://u:p@h/a?sig=x", "url=https://h/a"),
            ("GET /a?x k?sig=x /a?to=http://h/b&sig=x s3://b/a?x=1", "GET /a k /a s3://b/a?x=1"),
            ("Is it there? And/or?", "Is it there? And/or?"),
        ] {
            assert_eq!(without_secrets(text), expected);
        }
    }
}
