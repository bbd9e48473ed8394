//! FIXED against a reading of its rules a character at a time, and records whose fields are mapped to columns.
#![cfg(feature = "arrow")]

mod outcome;

use std::sync::Arc;

use copyist_core::Type;
use copyist_format::{BadValue, ColumnPlan, FieldMap, Fixed, FixedField, Header, Missing, Plan, Tolerance, Unit};
use copyist_scan::{Grammar, Separator};
use outcome::{CSV, SKIP, TEXT, plan, run};
use proptest::prelude::*;

const LINES: Grammar = Grammar::Plain { delimiter: None };

fn fixed(fields: &[(u32, u32)], unit: Unit, tolerance: Tolerance) -> Plan {
    let fields: Vec<_> = fields.iter().map(|&(offset, length)| FixedField { offset, length }).collect();
    let column = |(index, _)| {
        let ty = if index == 0 { Type::Int8 } else { Type::Text };
        ColumnPlan { ty, ..ColumnPlan::of_text(format!("c{index}"), false) }
    };
    let columns = fields.iter().enumerate().map(column).collect();
    let base = plan(LINES, tolerance);
    Plan { header: Header::No, null: Vec::new(), columns, fixed: Some(Fixed { fields, unit }), ..base }
}

/// What the lines come to: the first column of those that are loaded (-1 for NULL), and how many are refused.
fn naive(input: &str, fields: &[(u32, u32)], unit: Unit, tolerance: Tolerance) -> (Vec<i64>, usize) {
    let (mut ids, mut refused) = (Vec::new(), 0);
    for line in input.strip_suffix('\n').unwrap_or(input).split('\n') {
        if input.is_empty() {
            break;
        }
        let cells: Vec<String> = match unit {
            Unit::Bytes => line.bytes().map(|byte| char::from(byte).to_string()).collect(),
            Unit::Characters => line.chars().map(String::from).collect(),
        };
        let slice = |from: usize, len: usize| {
            let end = cells.len().min(from + len);
            cells.get(from.min(end)..end).unwrap_or(&[]).concat()
        };
        let lacking = fields.iter().filter(|field| cells.len() <= field.0 as usize).count();
        let end = fields.iter().map(|field| field.0 + field.1).max().unwrap_or(0) as usize;
        let rest = slice(end, cells.len());
        let may_lack = match tolerance.missing {
            Missing::None => lacking == 0,
            Missing::One => lacking <= 1,
            Missing::Any => true,
        };
        let id = slice(fields[0].0 as usize, fields[0].1 as usize).trim_matches(' ').to_owned();
        let id = if id.is_empty() { Some(-1) } else { id.parse().ok().filter(|_| !id.starts_with('+')) };
        match id {
            Some(id) if may_lack && (lacking > 0 || tolerance.extra || rest.trim_matches(' ').is_empty()) => {
                ids.push(id)
            }
            _ => refused += 1,
        }
    }
    (ids, refused)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equals_naive(
        pieces in prop::collection::vec(
            prop::sample::select(vec!["1", "2", "34", " ", "  ", "         ", "a", "ż", "€", "\n", "\n", "1 x\n", "12 abc  \n"]),
            0..40,
        ),
        fields in prop::collection::vec((0..12u32, 1..12u32), 1..4),
        by_bytes in any::<bool>(),
        extra in any::<bool>(),
        missing in prop::sample::select(vec![Missing::None, Missing::One, Missing::Any]),
        skips in any::<bool>(),
    ) {
        // Half a character would not be one.
        let input = if by_bytes { pieces.concat().replace(['ż', '€'], "b") } else { pieces.concat() };
        let unit = if by_bytes { Unit::Bytes } else { Unit::Characters };
        let tolerance = Tolerance { extra, missing, structure: skips, conversion: BadValue::SkipRow, constraint: false, ..SKIP };
        let plan = fixed(&fields, unit, tolerance);
        outcome::check_any(&plan, input.as_bytes());
        let found = run(&Arc::new(plan), input.as_bytes(), 1, 64);
        let (ids, refused) = naive(&input, &fields, unit, tolerance);
        if found.failure.is_none() {
            prop_assert_eq!((found.ids, found.rejects.len()), (ids, refused));
        } else {
            prop_assert!(!skips && ids.starts_with(&found.ids));
        }
    }
}

#[test]
fn padding_gaps_and_short_lines() {
    let at = [(0, 2), (2, 4), (8, 3)];
    let strict = fixed(&at, Unit::Bytes, Tolerance::default());
    let outcome = run(&Arc::new(strict), b" 1 ab --x\r\n2 cd  ??  z  \r\n3 e  f  g\r\n", 2, 8);
    assert_eq!((outcome.failure, outcome.ids), (None, vec![1, 2, 3]));
    let message = |input: &[u8], unit| {
        let outcome = run(&Arc::new(fixed(&at, unit, Tolerance::default())), input, 1, 64);
        outcome.failure.expect("the load must fail")
    };
    assert_eq!(message(b"1 ab    z\n2 cd\n", Unit::Bytes), "COPY t, line 2: \"2 cd\": missing data for column \"c2\"");
    assert_eq!(
        message("1 żb    z\n2 żd    zzzz\n".as_bytes(), Unit::Characters),
        "COPY t, line 2: \"2 żd    zzzz\": extra data after last expected column"
    );
    assert_eq!(
        message(b"1 ab    z\n x b    z\n", Unit::Bytes),
        "COPY t, line 2, column c0: \"x\": invalid input syntax for type bigint: \"x\""
    );
    assert!(message(b"1 ab    z\n2 c\rd    z\n", Unit::Bytes).contains("literal carriage return found in data"));
}

#[test]
fn fields_may_belong_to_other_columns_or_to_none() {
    let names = ["skipped", "amount", "id", "day", "name"].map(str::to_owned).to_vec();
    for (grammar, input) in [
        (
            CSV,
            "skipped,amount,id,day,name\n\"x,\",5,1,2024-01-01,\"a\"\n\"\",6,2,,b\n,x,3,,c\nz,7,4,\n,8,5,,e,f\n,9,6,,g\n",
        ),
        (
            TEXT,
            "skipped\tamount\tid\tday\tname\nx\t5\t1\t2024-01-01\ta\n\t6\t2\t\\N\tb\n\tx\t3\t\\N\tc\nz\t7\t4\t\\N\n\t8\t5\t\\N\te\tf\n\t9\t6\t\\N\tg\n",
        ),
    ] {
        // The columns are id, name, amount and day.
        let map = Some(FieldMap { names: names.clone(), columns: vec![2, 4, 1, 3] });
        let mapped = Plan { map, header: Header::Match, ..plan(grammar, SKIP) };
        outcome::check_any(&mapped, input.as_bytes());
        let outcome = run(&Arc::new(mapped.clone()), input.as_bytes(), 1, 64);
        assert_eq!((outcome.failure, outcome.ids), (None, vec![1, 2, 6]));
        let flaws =
            outcome.rejects.iter().map(|reject| (reject.flaws[0].column, reject.flaws[0].error.message.to_string()));
        assert_eq!(
            flaws.collect::<Vec<_>>(),
            [
                (Some(2), "invalid input syntax for type integer: \"x\"".to_owned()),
                (None, "missing data for column \"name\"".to_owned()),
                (None, "extra data after last expected column".to_owned()),
            ]
        );
        let strict = run(&Arc::new(Plan { tolerance: Tolerance::default(), ..mapped }), input.as_bytes(), 1, 64);
        assert_eq!(strict.ids, [1, 2]);
        let failure = strict.failure.expect("the load must fail");
        assert_eq!(failure, "COPY t, line 4, column amount: \"x\": invalid input syntax for type integer: \"x\"");
        let lacking = Tolerance { missing: Missing::Any, extra: true, ..SKIP };
        let map = Some(FieldMap { names: names.clone(), columns: vec![2, 4, 1, 3] });
        let filled = run(&Arc::new(Plan { map, ..plan(grammar, lacking) }), input.as_bytes(), 2, 16);
        assert_eq!((filled.failure, filled.ids), (None, vec![1, 2, 4, 5, 6]));
    }
}

#[test]
fn nothing_is_escaped_in_plain_text() {
    let grammar = Grammar::Plain { delimiter: Some(Separator::byte(b'\t')) };
    let plan = Plan { header: Header::No, ..plan(grammar, SKIP) };
    let outcome = run(&Arc::new(plan), b"1\ta\\\t5\t\\N\n2\tb\\n\t6\t2024-01-01\n\\.\n", 1, 64);
    assert_eq!((outcome.failure, outcome.ids, outcome.rejects.len()), (None, vec![1, 2], 1));
}
