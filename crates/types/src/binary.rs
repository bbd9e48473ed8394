//! Text to the binary (send) form of any type.

use copyist_core::{ArrayType, DataError, ErrorCode, Result, Type};
use copyist_datetime as datetime;

use crate::{array, boolean, bytea, enumeration, float, integer, json, numeric, text, uuid};

/// Reads `literal` as `ty` and appends PostgreSQL's binary (send) form, without a length word. On error `out` is as it
/// was.
///
/// Two types are shorter than what the server would send, and the same once it has received them: `char(n)` is not
/// padded, and `jsonb` is the text as written.
///
/// # Errors
/// Those of the type's own parser; 0A000 for [`Type::Other`], which the server must parse.
pub fn write_binary(ty: &Type, literal: &[u8], session: &datetime::Context, out: &mut Vec<u8>) -> Result<()> {
    match ty {
        Type::Bool => out.push(boolean::parse(literal)?.into()),
        Type::Int2 => out.extend_from_slice(&integer::parse_i16(literal)?.to_be_bytes()),
        Type::Int4 => out.extend_from_slice(&integer::parse_i32(literal)?.to_be_bytes()),
        Type::Int8 => out.extend_from_slice(&integer::parse_i64(literal)?.to_be_bytes()),
        Type::Float4 => out.extend_from_slice(&float::parse_f32(literal)?.to_bits().to_be_bytes()),
        Type::Float8 => out.extend_from_slice(&float::parse_f64(literal)?.to_bits().to_be_bytes()),
        Type::Numeric(typmod) => {
            if !numeric::fast_binary(literal, *typmod, out) {
                numeric::parse(literal, *typmod)?.write_binary(out);
            }
        }
        Type::Text | Type::Varchar(None) | Type::Bpchar(None) => out.extend_from_slice(literal),
        Type::Varchar(Some(n)) => out.extend_from_slice(text::check_varchar(literal, *n)?),
        Type::Bpchar(Some(n)) => out.extend_from_slice(text::check_bpchar(literal, *n)?),
        Type::Bytea => bytea::parse(literal, out)?,
        Type::Date => out.extend_from_slice(&datetime::date(literal, session)?.to_be_bytes()),
        Type::Time(digits) => out.extend_from_slice(&datetime::time(literal, *digits, session)?.to_be_bytes()),
        Type::TimeTz(digits) => {
            let (micros, zone) = datetime::timetz(literal, *digits, session)?;
            out.extend_from_slice(&micros.to_be_bytes());
            out.extend_from_slice(&zone.to_be_bytes());
        }
        Type::Timestamp(digits) => {
            out.extend_from_slice(&datetime::timestamp(literal, *digits, session)?.to_be_bytes());
        }
        Type::TimestampTz(digits) => {
            out.extend_from_slice(&datetime::timestamptz(literal, *digits, session)?.to_be_bytes());
        }
        Type::Interval(digits) => {
            let interval = datetime::interval(literal, *digits, session)?;
            out.extend_from_slice(&interval.micros.to_be_bytes());
            out.extend_from_slice(&interval.days.to_be_bytes());
            out.extend_from_slice(&interval.months.to_be_bytes());
        }
        Type::Uuid => out.extend_from_slice(&uuid::parse(literal)?),
        Type::Json => {
            json::check(literal, false)?;
            out.extend_from_slice(literal);
        }
        Type::Jsonb => {
            const VERSION: u8 = 1;
            json::check(literal, true)?;
            out.push(VERSION);
            out.extend_from_slice(literal);
        }
        Type::Enum(enumeration) => {
            enumeration::check(literal, enumeration)?;
            out.extend_from_slice(literal);
        }
        Type::Array(ty) => {
            let before = out.len();
            write_array(ty, literal, session, out).inspect_err(|_| out.truncate(before))?;
        }
        Type::Other => {
            let message = "this type has no native binary form: its literals are parsed by the server";
            return Err(DataError::new(ErrorCode::FeatureNotSupported, message));
        }
    }
    Ok(())
}

/// Number of dimensions, whether there are NULLs, the element's OID; length and lower bound of each dimension; then
/// each element behind its length, which is -1 for NULL. All words have 32 bits.
fn write_array(ty: &ArrayType, literal: &[u8], session: &datetime::Context, out: &mut Vec<u8>) -> Result<()> {
    let mut elements = Vec::with_capacity(2 * literal.len());
    let mut any_null = false;
    let shape = array::parse_with(literal, ty.delimiter, |element| {
        let Some(element) = element else {
            any_null = true;
            elements.extend_from_slice(&(-1i32).to_be_bytes());
            return Ok(());
        };
        let start = elements.len();
        elements.extend_from_slice(&[0; 4]);
        write_binary(&ty.element, &element, session, &mut elements)?;
        let len = (elements.len() - start - 4) as u32;
        elements[start..start + 4].copy_from_slice(&len.to_be_bytes());
        Ok(())
    })?;
    out.extend_from_slice(&(shape.dims.len() as u32).to_be_bytes());
    out.extend_from_slice(&u32::from(any_null).to_be_bytes());
    out.extend_from_slice(&ty.element_oid.to_be_bytes());
    for (length, lower_bound) in shape.dims.iter().zip(&shape.lower_bounds) {
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&lower_bound.to_be_bytes());
    }
    out.append(&mut elements);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use copyist_core::Session;

    use super::*;

    fn write(ty: &Type, literal: &str) -> Result<Vec<u8>> {
        let context = datetime::Context::new(&Session::default()).unwrap();
        let mut out = vec![7];
        let result = write_binary(ty, literal.as_bytes(), &context, &mut out);
        if result.is_err() {
            assert_eq!(out, [7]);
        }
        result.map(|()| out.split_off(1))
    }

    fn int4_array() -> Type {
        Type::Array(Arc::new(ArrayType { element: Type::Int4, element_oid: 23, delimiter: b',', depth: 0 }))
    }

    #[test]
    fn an_array() {
        let words: Vec<u8> = [1, 1, 23, 2, 5, 4, 42, -1].iter().flat_map(|word: &i32| word.to_be_bytes()).collect();
        assert_eq!(write(&int4_array(), "[5:6]={ 42 ,NULL}"), Ok(words));
        assert_eq!(write(&int4_array(), "{}"), Ok(vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 23]));
    }

    #[test]
    fn the_first_mistake_of_an_array_is_told() {
        let message = |literal| write(&int4_array(), literal).unwrap_err().message;
        assert_eq!(message("{1,x,{"), "invalid input syntax for type integer: \"x\"");
        assert_eq!(message("{1,2"), "malformed array literal: \"{1,2\"");
    }

    #[test]
    fn short_forms() {
        assert_eq!(write(&Type::Bpchar(Some(3)), "a  "), Ok(b"a  ".to_vec()));
        assert_eq!(write(&Type::Jsonb, " 1 "), Ok(b"\x01 1 ".to_vec()));
        assert_eq!(write(&Type::Other, "1").unwrap_err().code, ErrorCode::FeatureNotSupported);
    }
}
