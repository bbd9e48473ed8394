//! Enumerated types.

use std::collections::HashMap;

use copyist_core::{DataError, EnumType, ErrorCode, Result};

/// Accepts exactly the labels of `enumeration`, which are compared byte by byte.
///
/// # Errors
/// 22P02 `invalid input value for enum mood: "…"`.
pub fn check(s: &[u8], enumeration: &EnumType) -> Result<()> {
    if enumeration.labels.iter().any(|label| label.as_bytes() == s) {
        Ok(())
    } else {
        Err(invalid_value(s, enumeration))
    }
}

/// The error of [`check`].
#[cold]
fn invalid_value(s: &[u8], enumeration: &EnumType) -> Box<DataError> {
    let value = String::from_utf8_lossy(s);
    // DuckDB's enums need not have a name.
    let space = if enumeration.name.is_empty() { "" } else { " " };
    let message = format!("invalid input value for enum{space}{}: \"{value}\"", enumeration.name);
    DataError::new(ErrorCode::InvalidTextRepresentation, message)
}

/// Labels with their positions, to look many values up.
#[derive(Clone, Debug)]
pub struct Lookup<'a> {
    enumeration: &'a EnumType,
    positions: HashMap<&'a [u8], u32>,
}

impl<'a> Lookup<'a> {
    /// Indexes the labels of `enumeration`.
    pub fn new(enumeration: &'a EnumType) -> Self {
        let positions = (0..).zip(&enumeration.labels).map(|(position, label)| (label.as_bytes(), position)).collect();
        Self { enumeration, positions }
    }

    /// The position of the label `s` in sort order, from 0.
    ///
    /// # Errors
    /// Those of [`check`].
    pub fn position(&self, s: &[u8]) -> Result<u32> {
        self.positions.get(s).copied().ok_or_else(|| invalid_value(s, self.enumeration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_exact() {
        let mood = EnumType { name: "mood".into(), labels: vec!["sad".into(), "ok".into()] };
        assert_eq!(check(b"ok", &mood), Ok(()));
        assert_eq!(Lookup::new(&mood).position(b"ok"), Ok(1));
        for text in ["OK", " ok", ""] {
            let error = check(text.as_bytes(), &mood).unwrap_err();
            assert_eq!(error.message, format!("invalid input value for enum mood: \"{text}\""));
            assert_eq!(Lookup::new(&mood).position(text.as_bytes()), Err(error));
        }
    }
}
