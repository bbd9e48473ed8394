//! What the decoders make of literals, for comparison with a server.
//!
//! Standard input has lines `type[(digits)]<TAB>hex(literal)`. Standard output has, for each, either
//! `ok<TAB>hex(value)` with the value in the binary form that the server sends, or
//! `err<TAB>sqlstate<TAB>hex(message)<TAB>hex(detail)<TAB>hex(hint)`.
//!
//! Options: `--timezone NAME`, `--date-order MDY|DMY|YMD`,
//! `--interval-style postgres|postgres_verbose|sql_standard|iso_8601`, `--now MICROSECONDS` (since 2000-01-01 UTC).

use std::error::Error;
use std::fmt::Write as _;
use std::io::{BufRead, BufWriter, Write};

use copyist_core::{DateOrder, IntervalStyle, Session};
use copyist_datetime::{
    Context, DateCache, date, fast_date, fast_time, fast_timestamp, fast_timestamptz, interval, time, timestamp,
    timestamptz, timetz,
};

fn session(mut arguments: impl Iterator<Item = String>) -> Result<Session, Box<dyn Error>> {
    let mut session = Session::default();
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{option} needs a value"))?;
        match option.as_str() {
            "--timezone" => session.time_zone = value,
            "--now" => session.now = value.parse()?,
            "--date-order" => {
                session.date_order = match value.as_str() {
                    "MDY" => DateOrder::Mdy,
                    "DMY" => DateOrder::Dmy,
                    "YMD" => DateOrder::Ymd,
                    _ => return Err(format!("unknown date order {value}").into()),
                }
            }
            "--interval-style" => {
                session.interval_style = match value.as_str() {
                    "postgres" => IntervalStyle::Postgres,
                    "postgres_verbose" => IntervalStyle::PostgresVerbose,
                    "sql_standard" => IntervalStyle::SqlStandard,
                    "iso_8601" => IntervalStyle::Iso8601,
                    _ => return Err(format!("unknown interval style {value}").into()),
                }
            }
            _ => return Err(format!("unknown option {option}").into()),
        }
    }
    Ok(session)
}

fn unhex(text: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    (0..text.len()).step_by(2).map(|at| Ok(u8::from_str_radix(&text[at..at + 2], 16)?)).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The value in the server's binary form. Where a fast path answers, it must agree with the complete function.
fn value(type_name: &str, digits: Option<u8>, literal: &[u8], context: &Context) -> copyist_core::Result<Vec<u8>> {
    fn agreed<T: PartialEq + std::fmt::Debug>(fast: Option<T>, complete: T) -> T {
        if let Some(fast) = fast {
            assert_eq!(fast, complete);
        }
        complete
    }
    let end = literal.len();
    let dates = DateCache::default();
    let plain = digits.is_none();
    Ok(match type_name {
        "date" => agreed(fast_date(literal, 0, end), date(literal, context)?).to_be_bytes().to_vec(),
        "time" => {
            agreed(fast_time(literal, 0, end).filter(|_| plain), time(literal, digits, context)?).to_be_bytes().to_vec()
        }
        "timetz" => {
            let (micros, zone) = timetz(literal, digits, context)?;
            [&micros.to_be_bytes()[..], &zone.to_be_bytes()[..]].concat()
        }
        "timestamp" => {
            agreed(fast_timestamp(literal, 0, end, &dates).filter(|_| plain), timestamp(literal, digits, context)?)
                .to_be_bytes()
                .to_vec()
        }
        "timestamptz" => agreed(
            fast_timestamptz(literal, 0, end, context, &dates).filter(|_| plain),
            timestamptz(literal, digits, context)?,
        )
        .to_be_bytes()
        .to_vec(),
        _ => {
            let value = interval(literal, digits, context)?;
            [&value.micros.to_be_bytes()[..], &value.days.to_be_bytes()[..], &value.months.to_be_bytes()[..]].concat()
        }
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let context = Context::new(&session(std::env::args().skip(1))?)?;
    let mut output = BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (type_name, literal) = line.split_once('\t').ok_or("a line is type<TAB>hex")?;
        let (type_name, digits) = match type_name.split_once('(') {
            Some((name, digits)) => (name, Some(digits.trim_end_matches(')').parse()?)),
            None => (type_name, None),
        };
        if !["date", "time", "timetz", "timestamp", "timestamptz", "interval"].contains(&type_name) {
            return Err(format!("unknown type {type_name}").into());
        }
        match value(type_name, digits, &unhex(literal)?, &context) {
            Ok(bytes) => writeln!(output, "ok\t{}", hex(&bytes))?,
            Err(error) => {
                let optional = |text: &Option<String>| hex(text.as_deref().unwrap_or_default().as_bytes());
                writeln!(
                    output,
                    "err\t{}\t{}\t{}\t{}",
                    error.code.sql_state(),
                    hex(error.message.as_bytes()),
                    optional(&error.detail),
                    optional(&error.hint)
                )?;
            }
        }
    }
    Ok(output.flush()?)
}
