//! What patterns make of values, for comparison with the systems that the patterns are from.
//!
//! Standard input has lines `language<TAB>type<TAB>hex(pattern)<TAB>hex(value)`, the language being `to_char`, `redshift`,
//! `java`, `strptime` or `auto` and the type `date`, `time`, `timestamp` or `timestamptz`. Standard output has, for each,
//! `ok<TAB>number` (days or microseconds), `err<TAB>sqlstate<TAB>message`, or `pattern<TAB>message<TAB>hint`. The session's zone is UTC.

use std::error::Error;
use std::io::{BufRead, BufWriter, Write};

use copyist_core::Session;
use copyist_datetime::{Context, Kind, Language, Pattern};

fn unhex(text: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    (0..text.len())
        .step_by(2)
        .map(|at| Ok(u8::from_str_radix(text.get(at..at + 2).ok_or("half a byte")?, 16)?))
        .collect()
}

fn verdict(line: &str, context: &Context) -> Result<String, Box<dyn Error>> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [language, kind, pattern, value] = columns[..] else { return Err(format!("not four columns: {line}").into()) };
    let language = match language {
        "to_char" => Language::ToChar,
        "redshift" => Language::Redshift,
        "java" => Language::Java,
        "strptime" => Language::Strptime,
        "auto" => Language::Auto,
        _ => return Err(format!("unknown language {language}").into()),
    };
    let kind = match kind {
        "date" => Kind::Date,
        "time" => Kind::Time,
        "timestamp" => Kind::Timestamp,
        "timestamptz" => Kind::TimestampTz,
        _ => return Err(format!("unknown type {kind}").into()),
    };
    let pattern = String::from_utf8(unhex(pattern)?)?;
    let value = unhex(value)?;
    let pattern = match Pattern::compile(language, &pattern).and_then(|pattern| pattern.check(kind).map(|()| pattern)) {
        Ok(pattern) => pattern,
        Err(error) => return Ok(format!("pattern\t{error}\t{}", error.hint)),
    };
    let read = match kind {
        Kind::Date => pattern.date(&value, context).map(i64::from),
        Kind::Time => pattern.time(&value, None, context),
        Kind::Timestamp => pattern.timestamp(&value, None, context),
        Kind::TimestampTz | Kind::TimeTz => pattern.timestamptz(&value, None, context),
    };
    Ok(match read {
        Ok(number) => format!("ok\t{number}"),
        Err(error) => format!("err\t{}\t{}", error.code.sql_state(), error.message.escape_debug()),
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let context = Context::new(&Session::default()).map_err(|error| error.to_string())?;
    let mut output = BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        writeln!(output, "{}", verdict(&line?, &context)?)?;
    }
    Ok(output.flush()?)
}
