//! Answers what `write_binary` makes of literals, one a line, for comparison with a running server.
//!
//! In: `type<TAB>hex of the literal`. Out: `ok<TAB>hex of the binary form`, or
//! `err<TAB>SQLSTATE<TAB>hex of the message<TAB>hex of the DETAIL<TAB>hex of the HINT<TAB>hex of the CONTEXT`.
//!
//! A type is written as in SQL, with its short name: `int4`, `numeric(5,2)`, `varchar(3)`, `timestamptz(3)`,
//! `enum:mood:sad,ok,happy`, `int4[]`. An array of any other type than PostgreSQL's own names its element's OID:
//! `enum:mood:sad,ok[]:16385`.
//!
//! Settings: `--timezone=Europe/Berlin --date-order=dmy --interval-style=sql_standard --now=<microseconds since 2000>`.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;
use std::io::{BufRead, BufWriter, Write};
use std::sync::Arc;

use copyist_core::{ArrayType, DateOrder, EnumType, IntervalStyle, Session, Type};
use copyist_datetime::Context;
use copyist_types::write_binary;

type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> Fallible<()> {
    let context = Context::new(&session()?)?;
    let mut types = HashMap::new();
    let mut output = BufWriter::new(std::io::stdout().lock());
    let mut binary = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (spec, literal) = line.split_once('\t').ok_or("a line needs a tab")?;
        if !types.contains_key(spec) {
            types.insert(spec.to_owned(), parse_type(spec)?);
        }
        let literal = from_hex(literal)?;
        binary.clear();
        match write_binary(&types[spec], &literal, &context, &mut binary) {
            Ok(()) => writeln!(output, "ok\t{}", to_hex(&binary))?,
            Err(error) => {
                let part = |part: &Option<String>| to_hex(part.as_deref().unwrap_or_default().as_bytes());
                let (state, message) = (error.code.sql_state(), to_hex(error.message.as_bytes()));
                let (detail, hint, context) = (part(&error.detail), part(&error.hint), part(&error.context));
                writeln!(output, "err\t{state}\t{message}\t{detail}\t{hint}\t{context}")?;
            }
        }
    }
    output.flush()?;
    Ok(())
}

fn session() -> Fallible<Session> {
    let mut session = Session::default();
    for argument in std::env::args().skip(1) {
        let (name, value) = argument.split_once('=').ok_or("a setting needs a value")?;
        match name {
            "--timezone" => session.time_zone = value.into(),
            "--now" => session.now = value.parse()?,
            "--date-order" => {
                session.date_order = match value {
                    "mdy" => DateOrder::Mdy,
                    "dmy" => DateOrder::Dmy,
                    "ymd" => DateOrder::Ymd,
                    _ => return Err("unknown date order".into()),
                }
            }
            "--interval-style" => {
                session.interval_style = match value {
                    "postgres" => IntervalStyle::Postgres,
                    "postgres_verbose" => IntervalStyle::PostgresVerbose,
                    "sql_standard" => IntervalStyle::SqlStandard,
                    "iso_8601" => IntervalStyle::Iso8601,
                    _ => return Err("unknown interval style".into()),
                }
            }
            _ => return Err(format!("unknown setting {name}").into()),
        }
    }
    Ok(session)
}

fn parse_type(spec: &str) -> Fallible<Type> {
    if let Some((element, oid)) = spec.rsplit_once("[]") {
        let element_oid = match oid.strip_prefix(':') {
            Some(oid) => oid.parse()?,
            None => builtin_oid(element.split('(').next().unwrap_or_default())?,
        };
        let element = parse_type(element)?;
        return Ok(Type::Array(Arc::new(ArrayType { element, element_oid, delimiter: b',', depth: 0 })));
    }
    if let Some(enumeration) = spec.strip_prefix("enum:") {
        let (name, labels) = enumeration.split_once(':').ok_or("an enum needs labels")?;
        let labels = labels.split(',').map(str::to_owned).collect();
        return Ok(Type::Enum(Arc::new(EnumType { name: name.into(), labels })));
    }
    let (name, modifiers) = match spec.strip_suffix(')').and_then(|spec| spec.split_once('(')) {
        Some((name, modifiers)) => (name, modifiers.split(',').map(str::parse).collect::<Result<Vec<i32>, _>>()?),
        None => (spec, vec![]),
    };
    let first = modifiers.first().copied();
    let length = first.map(u32::try_from).transpose()?;
    let digits = first.map(u8::try_from).transpose().ok().flatten();
    Ok(match name {
        "bool" => Type::Bool,
        "int2" => Type::Int2,
        "int4" => Type::Int4,
        "int8" => Type::Int8,
        "float4" => Type::Float4,
        "float8" => Type::Float8,
        "numeric" => Type::Numeric(match modifiers[..] {
            [] => None,
            [precision] => Some((precision.try_into()?, 0)),
            [precision, scale, ..] => Some((precision.try_into()?, scale.try_into()?)),
        }),
        "text" => Type::Text,
        "varchar" => Type::Varchar(length),
        "bpchar" => Type::Bpchar(length),
        "bytea" => Type::Bytea,
        "date" => Type::Date,
        "time" => Type::Time(digits),
        "timetz" => Type::TimeTz(digits),
        "timestamp" => Type::Timestamp(digits),
        "timestamptz" => Type::TimestampTz(digits),
        "interval" => Type::Interval(digits),
        "uuid" => Type::Uuid,
        "json" => Type::Json,
        "jsonb" => Type::Jsonb,
        _ => return Err(format!("unknown type {spec}").into()),
    })
}

/// `pg_type.oid` of a type that every server has.
fn builtin_oid(name: &str) -> Fallible<u32> {
    Ok(match name {
        "bool" => 16,
        "bytea" => 17,
        "int8" => 20,
        "int2" => 21,
        "int4" => 23,
        "text" => 25,
        "json" => 114,
        "float4" => 700,
        "float8" => 701,
        "bpchar" => 1042,
        "varchar" => 1043,
        "date" => 1082,
        "time" => 1083,
        "timestamp" => 1114,
        "timestamptz" => 1184,
        "interval" => 1186,
        "timetz" => 1266,
        "numeric" => 1700,
        "uuid" => 2950,
        "jsonb" => 3802,
        _ => return Err(format!("no OID known for {name}").into()),
    })
}

fn from_hex(text: &str) -> Fallible<Vec<u8>> {
    let byte = |i| Ok(u8::from_str_radix(text.get(i..i + 2).ok_or("odd number of digits")?, 16)?);
    (0..text.len()).step_by(2).map(byte).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
