//! Reading values in PostgreSQL's binary (send) form, with the errors of its receive functions.

use copyist_core::{ArrayType, DataError, ErrorCode, Result, Type};

use crate::array::{MAX_DIMENSIONS, MAX_ELEMENTS, Shape};

/// The `N` bytes from `at` on.
///
/// # Errors
/// 08P01 `insufficient data left in message`
#[inline(always)]
pub fn take<const N: usize>(value: &[u8], at: usize) -> Result<[u8; N]> {
    match value.get(at..at + N).and_then(|bytes| bytes.first_chunk()) {
        Some(bytes) => Ok(*bytes),
        None => Err(insufficient()),
    }
}

#[cold]
#[inline(never)]
fn insufficient() -> Box<DataError> {
    DataError::new(ErrorCode::ProtocolViolation, "insufficient data left in message")
}

/// 22P03 with a message.
#[cold]
#[inline(never)]
pub fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Box<DataError> {
    DataError::new(ErrorCode::InvalidBinaryRepresentation, message)
}

#[cold]
fn limit(message: String) -> Box<DataError> {
    DataError::new(ErrorCode::ProgramLimitExceeded, message)
}

fn word(value: &[u8], at: usize) -> Result<i32> {
    take(value, at).map(i32::from_be_bytes)
}

/// Takes an array apart and hands each element, with the OID of its type, to `element`, which answers how many of its bytes it has read.
/// Returns the dimensions and how many bytes the array has. Nothing is set aside for what is only announced.
///
/// # Errors
/// 08P01, 22P03, 42804 and 54000 as `array_recv` has them, and those of `element`.
pub fn array<'a>(
    value: &'a [u8],
    ty: &ArrayType,
    mut element: impl FnMut(Option<&'a [u8]>, u32) -> Result<usize>,
) -> Result<(Shape, usize)> {
    let count = word(value, 0)?;
    if count < 0 {
        return Err(invalid(format!("invalid number of dimensions: {count}")));
    }
    if count as usize > MAX_DIMENSIONS {
        return Err(limit(format!(
            "number of array dimensions ({count}) exceeds the maximum allowed ({MAX_DIMENSIONS})"
        )));
    }
    if !matches!(word(value, 4)?, 0 | 1) {
        return Err(invalid("invalid array flags"));
    }
    let oid = word(value, 8)? as u32;
    if !takes(ty, oid) {
        return Err(other_element(ty, oid));
    }
    let mut shape = Shape::default();
    let mut at = 12;
    for _ in 0..count {
        shape.dims.push(word(value, at)?);
        shape.lower_bounds.push(word(value, at + 4)?);
        at += 8;
    }
    let mut elements = i32::from(count > 0);
    for &length in &shape.dims {
        let product = if length < 0 { None } else { elements.checked_mul(length) };
        match product {
            Some(product) => elements = product,
            None => return Err(too_many_elements()),
        }
    }
    if elements as usize > MAX_ELEMENTS {
        return Err(too_many_elements());
    }
    for (&length, &bound) in shape.dims.iter().zip(&shape.lower_bounds) {
        if bound.checked_add(length).is_none() {
            return Err(limit(format!("array lower bound is too large: {bound}")));
        }
    }
    if elements == 0 {
        return Ok((Shape::default(), at));
    }
    for index in 1..=elements {
        let size = word(value, at)?;
        at += 4;
        let rest = &value[at..];
        if size < -1 || size > rest.len() as i32 {
            return Err(invalid("insufficient data left in message"));
        }
        if size < 0 {
            element(None, oid)?;
            continue;
        }
        let bytes = &rest[..size as usize];
        if element(Some(bytes), oid)? != bytes.len() {
            return Err(invalid(format!("improper binary format in array element {index}")));
        }
        at += bytes.len();
    }
    Ok((shape, at))
}

#[cold]
fn too_many_elements() -> Box<DataError> {
    limit(format!("array size exceeds the maximum allowed ({MAX_ELEMENTS})"))
}

/// `jsonb`.
pub const JSONB: u32 = 3802;

/// OIDs that values of the type have in a PostgreSQL, and what they are called there.
fn oids(ty: &Type) -> &'static [(u32, &'static str)] {
    match ty {
        Type::Bool => &[(16, "boolean")],
        Type::Int2 => &[(21, "smallint")],
        Type::Int4 => &[(23, "integer")],
        Type::Int8 => &[(20, "bigint")],
        Type::Float4 => &[(700, "real")],
        Type::Float8 => &[(701, "double precision")],
        Type::Numeric(_) => &[(1700, "numeric")],
        // Where there is no PostgreSQL, these are one type, and so are both kinds of JSON.
        Type::Text | Type::Varchar(_) | Type::Bpchar(_) => {
            &[(25, "text"), (1043, "character varying"), (1042, "character"), (19, "name")]
        }
        Type::Bytea => &[(17, "bytea")],
        Type::Date => &[(1082, "date")],
        Type::Time(_) => &[(1083, "time without time zone")],
        Type::TimeTz(_) => &[(1266, "time with time zone")],
        Type::Timestamp(_) => &[(1114, "timestamp without time zone")],
        Type::TimestampTz(_) => &[(1184, "timestamp with time zone")],
        Type::Interval(_) => &[(1186, "interval")],
        Type::Uuid => &[(2950, "uuid")],
        Type::Json | Type::Jsonb => &[(114, "json"), (JSONB, "jsonb")],
        Type::Enum(_) | Type::Array(_) | Type::Other => &[],
    }
}

/// OIDs below are the same in every PostgreSQL; of others nobody can say that they are wrong.
const FIRST_UNSTABLE: u32 = 10_000;

/// Whether the array's elements can be of the type with this OID.
fn takes(ty: &ArrayType, oid: u32) -> bool {
    if oid >= FIRST_UNSTABLE || ty.element_oid >= FIRST_UNSTABLE {
        return true;
    }
    match ty.element_oid {
        0 => matches!(ty.element, Type::Enum(_)) || oids(&ty.element).iter().any(|&(known, _)| known == oid),
        expected => oid == expected,
    }
}

#[cold]
fn other_element(ty: &ArrayType, oid: u32) -> Box<DataError> {
    const NATIVE: &[Type] = &[
        Type::Bool,
        Type::Int2,
        Type::Int4,
        Type::Int8,
        Type::Float4,
        Type::Float8,
        Type::Numeric(None),
        Type::Text,
        Type::Bytea,
        Type::Date,
        Type::Time(None),
        Type::TimeTz(None),
        Type::Timestamp(None),
        Type::TimestampTz(None),
        Type::Interval(None),
        Type::Uuid,
        Type::Json,
    ];
    let name = |oid: u32| {
        let found = NATIVE.iter().flat_map(|ty| oids(ty)).find(|&&(known, _)| known == oid);
        found.map_or("???", |&(_, name)| name)
    };
    let expected =
        if ty.element_oid == 0 { oids(&ty.element).first().map_or(0, |first| first.0) } else { ty.element_oid };
    DataError::new(
        ErrorCode::DatatypeMismatch,
        format!(
            "binary data has array element type {oid} ({}) instead of expected {expected} ({})",
            name(oid),
            name(expected)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTEGERS: ArrayType = ArrayType { element: Type::Int4, element_oid: 23, delimiter: b',', depth: 0 };

    fn read(words: &[i32]) -> std::result::Result<(Vec<i32>, Vec<Option<i32>>), String> {
        let value: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        let mut elements = Vec::new();
        let read = array(&value, &INTEGERS, |element, oid| {
            assert_eq!(oid, 23);
            elements.push(element.map(|bytes| word(bytes, 0)).transpose()?);
            Ok(4)
        });
        match read {
            Ok((shape, end)) => {
                assert_eq!(end, value.len());
                Ok((shape.dims, elements))
            }
            Err(error) => Err(error.message.into_owned()),
        }
    }

    #[test]
    fn arrays() {
        assert_eq!(read(&[0, 0, 23]), Ok((vec![], vec![])));
        assert_eq!(read(&[1, 1, 23, 2, 5, 4, 42, -1]), Ok((vec![2], vec![Some(42), None])));
        assert_eq!(read(&[2, 0, 23, 0, 1, 7, 1]), Ok((vec![], vec![])));
    }

    #[test]
    fn element_types() {
        let of = |element: Type, element_oid, oid| {
            takes(&ArrayType { element, element_oid, delimiter: b',', depth: 0 }, oid)
        };
        assert!(of(Type::Int4, 23, 23) && !of(Type::Int4, 23, 20) && of(Type::Int4, 23, 16_400));
        assert!(of(Type::Int4, 0, 23) && !of(Type::Int4, 0, 20));
        assert!(of(Type::Text, 0, 1043) && of(Type::Json, 0, JSONB) && !of(Type::Json, 114, JSONB));
        assert!(of(Type::Text, 16_400, 25));
    }

    #[test]
    fn broken_arrays() {
        let cases: &[(&[i32], &str)] = &[
            (&[-1, 0, 23], "invalid number of dimensions: -1"),
            (&[7, 0, 23], "number of array dimensions (7) exceeds the maximum allowed (6)"),
            (&[1, 2, 23], "invalid array flags"),
            (&[0, 0, 20], "binary data has array element type 20 (bigint) instead of expected 23 (integer)"),
            (&[1, 0, 23], "insufficient data left in message"),
            (&[1, 0, 23, -1, 1], "array size exceeds the maximum allowed (134217727)"),
            (&[2, 0, 23, 65_536, 1, 65_536, 1], "array size exceeds the maximum allowed (134217727)"),
            (&[1, 0, 23, 1, i32::MAX, 4, 1], "array lower bound is too large: 2147483647"),
            (&[1, 0, 23, 134_217_727, 1], "insufficient data left in message"),
            (&[1, 0, 23, 1, 1, 8, 1, 2], "improper binary format in array element 1"),
            (&[1, 0, 23, 1, 1, -2], "insufficient data left in message"),
            (&[1, 0, 23, 1, 1, 9, 1, 2], "insufficient data left in message"),
        ];
        for (words, message) in cases {
            assert_eq!(read(words), Err((*message).to_owned()), "{words:?}");
        }
    }
}
