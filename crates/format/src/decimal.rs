//! Numbers whose decimal mark is a comma, and those of which decimals are cut off.
//!
//! The parsers of numbers know one mark, the point. So a point takes the comma's place, and a comma the point's: `1.5`, which with a
//! comma for a mark may mean one and a half or fifteen, is no number.
//!
//! The parsers round. So the digits that a column has no room for are made zeros before: then nothing is left to be rounded.

use copyist_core::{DataError, Result, Type};

use crate::parse::Parse;
use crate::tile::PAD;

/// Bytes of a number that is read without memory of its own.
const SHORT: usize = 48;

/// Whether values of the type have a decimal mark.
pub(crate) fn has_mark(ty: &Type) -> bool {
    matches!(ty, Type::Float4 | Type::Float8 | Type::Numeric(_))
}

#[inline(always)]
fn exchanged(byte: u8) -> u8 {
    match byte {
        b',' => b'.',
        b'.' => b',',
        other => other,
    }
}

/// Appends `text` with a point for its mark.
pub(crate) fn write_pointed(text: &[u8], out: &mut Vec<u8>) {
    out.extend(text.iter().copied().map(exchanged));
}

/// What `parse` makes of `text` with a point for its mark. An error shows the value as it was written.
pub(crate) fn with_point<T>(text: &[u8], parse: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
    let mut pointed = Vec::with_capacity(text.len());
    write_pointed(text, &mut pointed);
    parse(&pointed).map_err(|mut error: Box<DataError>| {
        let [pointed, written] = [&pointed, text].map(String::from_utf8_lossy);
        let quoted = format!("\"{pointed}\"");
        if pointed != written && error.message.contains(&quoted) {
            error.message = error.message.replace(&quoted, &format!("\"{written}\"")).into();
        }
        error
    })
}

/// Where the digits stand that count less than 10^-`scale`, of a decimal number that has such digits. Between them there may be a point
/// and underscores.
fn excess(text: &[u8], scale: i16) -> Option<std::ops::Range<usize>> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_space(byte))?;
    let first = start + usize::from(matches!(text[start], b'-' | b'+'));
    let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'_');
    let end = first + text[first..].iter().take_while(|byte| is_part(byte)).count();
    let mantissa = &text[first..end];
    let exponent = match &text[end..] {
        [b'e' | b'E', rest @ ..] => {
            let length = rest.iter().position(is_space).unwrap_or(rest.len());
            str::from_utf8(&rest[..length]).ok()?.replace('_', "").parse::<i32>().ok()?
        }
        // A number of another base has no decimals.
        [b'x' | b'X' | b'o' | b'O' | b'b' | b'B', ..] => return None,
        _ => 0,
    };
    let digits = |text: &[u8]| text.iter().filter(|byte| byte.is_ascii_digit()).count() as i64;
    let whole = digits(mantissa.split(|&byte| byte == b'.').next()?);
    let kept = whole + i64::from(exponent) + i64::from(scale);
    let mut places = (first..end).filter(|&at| text[at].is_ascii_digit());
    Some(places.nth(usize::try_from(kept.max(0)).ok()?)?..end)
}

/// Appends `text`, or what is left of the number when its decimals beyond `scale` are cut off.
pub(crate) fn write_truncated(text: &[u8], scale: i16, out: &mut Vec<u8>) {
    let from = out.len();
    out.extend_from_slice(text);
    if let Some(excess) = excess(text, scale) {
        let digits = out[from..][excess].iter_mut().filter(|byte| byte.is_ascii_digit());
        digits.for_each(|digit| *digit = b'0');
    }
}

/// What `parse` makes of `text` without the decimals beyond `scale`. An error shows the value as it was written.
pub(crate) fn truncated<T>(text: &[u8], scale: i16, mut parse: impl FnMut(&[u8]) -> Result<T>) -> Result<T> {
    if excess(text, scale).is_none() {
        return parse(text);
    }
    let mut cut = Vec::with_capacity(text.len());
    write_truncated(text, scale, &mut cut);
    // What is wrong with the one is wrong with the other.
    parse(&cut).or_else(|_| parse(text))
}

/// A parser of decimals of the given scale, given numbers without further ones.
pub(crate) struct Truncated<P> {
    pub parser: P,
    pub scale: i16,
}

impl<P: Parse> Parse for Truncated<P> {
    type Value = P::Value;
    const NULL: P::Value = P::NULL;

    #[inline(always)]
    fn fast(&self, buffer: &[u8], start: usize, end: usize) -> Option<P::Value> {
        if let Some(value) = self.parser.fast(buffer, start, end) {
            return Some(value);
        }
        let point = start + memchr::memchr(b'.', &buffer[start..end])?;
        let stop = point + 1 + usize::try_from(self.scale).ok()?;
        let is_plain = point > start && buffer[point - 1].is_ascii_digit() && stop < end;
        if !is_plain || !buffer[stop..end].iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.parser.fast(buffer, start, if self.scale == 0 { point } else { stop })
    }

    fn full(&self, text: &[u8]) -> Result<P::Value> {
        truncated(text, self.scale, |text| self.parser.full(text))
    }
}

/// A parser of numbers, given a point for the mark.
pub(crate) struct Pointed<P>(pub P);

impl<P: Parse> Parse for Pointed<P> {
    type Value = P::Value;
    const NULL: P::Value = P::NULL;

    #[inline(always)]
    fn fast(&self, buffer: &[u8], start: usize, end: usize) -> Option<P::Value> {
        let value = &buffer[start..end];
        // The parser may read as far beyond a value as beyond the data of a tile.
        let mut pointed = [0; PAD + SHORT + PAD];
        for (slot, &byte) in pointed[PAD..PAD + SHORT].iter_mut().zip(value) {
            *slot = exchanged(byte);
        }
        if value.len() > SHORT { None } else { self.0.fast(&pointed, PAD, PAD + value.len()) }
    }

    fn full(&self, text: &[u8]) -> Result<P::Value> {
        with_point(text, |pointed| self.0.full(pointed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use copyist_types::numeric;
    use proptest::prelude::*;

    fn cut(text: &str, scale: i16) -> String {
        let mut out = Vec::new();
        write_truncated(text.as_bytes(), scale, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn digits_without_room_become_zeros() {
        assert_eq!(cut("1.999", 2), "1.990");
        assert_eq!(cut("-0.009", 2), "-0.000");
        assert_eq!(cut(" +12.5 ", 0), " +12.0 ");
        assert_eq!(cut("1.2345e2", 1), "1.2340e2");
        assert_eq!(cut("12345.6e-4", 2), "12300.0e-4");
        assert_eq!(cut("1_999.9_9e-1_0", 3), "0_000.0_0e-1_0");
        assert_eq!(cut("199", -2), "100");
        assert_eq!(cut(".5", 0), ".0");
        // Nothing to cut, or no decimal number.
        for text in ["1.5", "", " ", "-", "0x1F", "NaN", "-inf", "1e99999999999", "1.5e", "e5"] {
            assert_eq!(cut(text, 1), text);
        }
    }

    #[test]
    fn errors_show_what_was_written() {
        let parse = |text: &[u8]| numeric::parse(text, Some((3, 1))).map(drop);
        assert_eq!(
            truncated(b"1.2345x", 1, parse).unwrap_err().message,
            "invalid input syntax for type numeric: \"1.2345x\""
        );
        assert_eq!(truncated(b"999.99", 1, parse).unwrap_err().message, "numeric field overflow");
        assert!(truncated(b"99.99", 1, parse).is_ok());
    }

    /// The number written without an exponent, and cut there.
    fn naive(negative: bool, digits: &str, point: usize, exponent: i64, scale: i16) -> String {
        let before = point as i64 + exponent;
        let padded = format!("{}{digits}{}", "0".repeat(40), "0".repeat(40));
        let split = (40 + before) as usize;
        let (whole, fraction) = padded.split_at(split);
        let sign = if negative { "-" } else { "" };
        if scale < 0 {
            let kept = whole.len() - usize::from(scale.unsigned_abs());
            return format!("{sign}{}{}", &whole[..kept], "0".repeat(whole.len() - kept));
        }
        format!("{sign}{whole}.{}", &fraction[..(scale as usize).min(fraction.len())])
    }

    proptest! {
        #[test]
        fn numbers_are_cut_as_their_digits_are(
            negative in any::<bool>(), digits in "[0-9]{1,20}", point in 0..21usize, exponent in -15i64..15, scale in -5i16..12,
        ) {
            let point = point.min(digits.len());
            let sign = if negative { "-" } else { "" };
            let exponent_text = if exponent == 0 { String::new() } else { format!("e{exponent}") };
            let (whole, fraction) = digits.split_at(point);
            let mark = if fraction.is_empty() { "" } else { "." };
            let text = format!("{sign}{whole}{mark}{fraction}{exponent_text}");
            let expected = naive(negative, &digits, point, exponent, scale);
            let typmod = Some((60, scale));
            let found = truncated(text.as_bytes(), scale, |text| numeric::parse(text, typmod)).unwrap();
            prop_assert_eq!(&found, &numeric::parse(expected.as_bytes(), typmod).unwrap(), "{} {}", text, expected);

            // As an unscaled integer, by the fast path or without it.
            if (0..=10).contains(&scale) && let Some(unscaled) = found.to_i128(scale as u8) {
                let parser = Truncated { parser: crate::parse::Decimal { precision: 38, scale }, scale };
                let mut buffer = vec![b'9'; 64];
                buffer.extend(text.as_bytes());
                buffer.extend([b'9'; 64]);
                let fast = parser.fast(&buffer, 64, 64 + text.len());
                prop_assert!(fast.is_none_or(|fast| fast == unscaled), "{} {:?}", text, fast);
                prop_assert_eq!(parser.full(text.as_bytes()).unwrap(), unscaled);
            }
        }
    }
}
