//! Patterns against what the systems that they are from make of the same values: `patterns.tsv`, written by
//! `scripts/date-patterns.mjs`.

use copyist_core::Session;
use copyist_datetime::{Context, Language, Pattern};

const DAY: i64 = 86_400_000_000;

/// What became of a case.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Micros(i64),
    Refused(&'static str),
    PatternRefused,
}

fn outcome(language: Language, kind: &str, pattern: &str, value: &str, context: &Context) -> Outcome {
    let Ok(pattern) = Pattern::compile(language, pattern) else { return Outcome::PatternRefused };
    let value = value.as_bytes();
    let read = match kind {
        "date" => pattern.date(value, context).map(|days| match days {
            i32::MAX => i64::MAX,
            days => i64::from(days) * DAY,
        }),
        "time" => pattern.time(value, None, context),
        _ => pattern.timestamptz(value, None, context),
    };
    read.map_or_else(|error| Outcome::Refused(error.code.sql_state()), Outcome::Micros)
}

#[test]
fn values_are_what_the_systems_make_of_them_or_refused_on_purpose() {
    let context = Context::new(&Session::default()).expect("a context");
    let mut wrong = Vec::new();
    let mut cases = 0;
    for line in include_str!("patterns.tsv").lines().filter(|line| !line.starts_with('#')) {
        let [language, kind, pattern, value, expected, deviation] =
            line.split('\t').collect::<Vec<_>>().try_into().expect("six columns");
        let ours = match language {
            "to_char" => outcome(Language::ToChar, kind, pattern, value, &context),
            _ => outcome(Language::Strptime, kind, pattern, value, &context),
        };
        let theirs = match expected.strip_prefix('!') {
            Some(state) => Err(state),
            None => {
                let micros: i64 = expected.parse().expect("microseconds");
                Ok(if kind == "time" { micros.rem_euclid(DAY) } else { micros })
            }
        };
        let is_right = match (deviation, &ours, theirs) {
            ("", Outcome::Micros(ours), Ok(theirs)) => *ours == theirs,
            // DuckDB has no codes.
            ("", Outcome::Refused(ours), Err(theirs)) => *ours == theirs || theirs.is_empty(),
            ("differs", Outcome::Micros(ours), Ok(theirs)) => *ours != theirs,
            ("refuses", Outcome::Refused(_), Ok(_)) | ("accepts", Outcome::Micros(_), Err(_)) => true,
            ("pattern", Outcome::PatternRefused, _) => true,
            _ => false,
        };
        if !is_right {
            wrong.push(format!("{line}: {ours:?}"));
        }
        cases += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases > 450, "{cases}");
}
