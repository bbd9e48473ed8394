//! UTF-8 as PostgreSQL verifies it: shortest forms only, no surrogates, and no NUL.

use copyist_core::{DataError, ErrorCode};

/// Offset of the first byte that does not begin a valid character.
#[must_use]
pub fn first_invalid(bytes: &[u8]) -> Option<usize> {
    let invalid = first_malformed(bytes);
    let nul = memchr::memchr(0, &bytes[..invalid.unwrap_or(bytes.len())]);
    nul.or(invalid)
}

/// The same where NUL is a character.
#[must_use]
pub fn first_malformed(bytes: &[u8]) -> Option<usize> {
    simdutf8::compat::from_utf8(bytes).err().map(|error| error.valid_up_to())
}

/// PostgreSQL's error for the sequence that `bytes` starts with. It quotes as many bytes as the first one announces.
#[must_use]
pub fn invalid_sequence(bytes: &[u8]) -> Box<DataError> {
    let announced = match bytes.first() {
        Some(0xC0..=0xDF) => 2,
        Some(0xE0..=0xEF) => 3,
        Some(0xF0..=0xF7) => 4,
        _ => 1,
    };
    let shown: Vec<String> = bytes.iter().take(announced).map(|byte| format!("0x{byte:02x}")).collect();
    DataError::new(
        ErrorCode::CharacterNotInRepertoire,
        format!("invalid byte sequence for encoding \"UTF8\": {}", shown.join(" ")),
    )
}
