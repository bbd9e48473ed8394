//! FIXED against a reading of its rules a character at a time, and records whose fields are mapped to columns.
#![cfg(feature = "arrow")]

mod outcome;

use std::sync::Arc;

use copyist_core::Type;
use copyist_encoding::Encoding;
use copyist_format::{BadValue, ColumnPlan, FieldMap, Fixed, FixedField, Header, Missing, Plan, Tolerance, Unit};
use copyist_scan::{Grammar, Separator};
use outcome::{CSV, SKIP, TEXT, plan, run};
use proptest::prelude::*;

/// One byte a character, one or two, up to four; with two of every ASCII character, too.
const ENCODINGS: [Option<&str>; 7] =
    [None, Some("LATIN2"), Some("GBK"), Some("GB18030"), Some("SJIS"), Some("EUC_JP"), Some("UTF16LE")];

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

/// Bytes of a character in the file.
fn width(character: char, encoding: Option<Encoding>) -> usize {
    encoding.map_or(character.len_utf8(), |encoding| encoding.encode(&character.to_string()).len())
}

/// What the lines come to: the first column of those that are loaded (-1 for NULL), and how many are refused.
fn naive(
    input: &str,
    encoding: Option<Encoding>,
    fields: &[(u32, u32)],
    unit: Unit,
    tolerance: Tolerance,
) -> (Vec<i64>, usize) {
    let (mut ids, mut refused) = (Vec::new(), 0);
    for line in input.strip_suffix('\n').unwrap_or(input).split('\n') {
        if input.is_empty() {
            break;
        }
        // A character is in the first of its bytes; the others have nothing, and no field may begin there.
        let mut cells: Vec<String> = Vec::new();
        for character in line.chars() {
            let size = if unit == Unit::Bytes { width(character, encoding) } else { 1 };
            cells.push(character.to_string());
            cells.resize(cells.len() + size - 1, String::new());
        }
        let is_cut = |at: u32| cells.get(at as usize).is_some_and(String::is_empty);
        if fields.iter().any(|&(offset, length)| is_cut(offset) || is_cut(offset + length)) {
            refused += 1;
            continue;
        }
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
            prop::sample::select(vec!["1", "2", "34", " ", "  ", "         ", "a", "ż", "€", "中", "ｱ", "\n", "\n", "1 x\n", "12 abc  \n"]),
            0..40,
        ),
        fields in prop::collection::vec((0..12u32, 1..12u32), 1..4),
        by_bytes in any::<bool>(),
        encoding in 0..ENCODINGS.len(),
        extra in any::<bool>(),
        missing in prop::sample::select(vec![Missing::None, Missing::One, Missing::Any]),
        skips in any::<bool>(),
    ) {
        let encoding = ENCODINGS[encoding].map(|name| Encoding::find(name).expect("it is known"));
        let has = |character: &char| encoding.is_none_or(|encoding| encoding.encode(&character.to_string()) != b"?");
        let text: String = pieces.concat().chars().filter(has).collect();
        let input = encoding.map_or_else(|| text.clone().into_bytes(), |encoding| encoding.encode(&text));
        let unit = if by_bytes { Unit::Bytes } else { Unit::Characters };
        let tolerance = Tolerance { extra, missing, structure: skips, conversion: BadValue::SkipRow, constraint: false, ..SKIP };
        let plan = Plan { encoding, ..fixed(&fields, unit, tolerance) };
        outcome::check_any(&plan, &input);
        let found = run(&Arc::new(plan), &input, 1, 64);
        let (ids, refused) = naive(&text, encoding, &fields, unit, tolerance);
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

#[test]
fn places_are_bytes_of_the_file_in_its_own_encoding() {
    let at = [(0, 2), (2, 4), (6, 2)];
    let plan = |name: &str| {
        let encoding = Some(Encoding::find(name).expect("it is known"));
        Plan { encoding, ..fixed(&at, Unit::Bytes, Tolerance::default()) }
    };
    for (name, text) in
        [("GBK", "1 中文 z\n2 中b z\n"), ("LATIN2", "1 żółw z\n2 żb   z\n"), ("SJIS", "1 ｱ中 z\n2 中中z \n")]
    {
        let bytes = plan(name).encoding.expect("it is known").encode(text);
        let outcome = run(&Arc::new(plan(name)), &bytes, 1, 64);
        assert_eq!((outcome.failure, outcome.ids), (None, vec![1, 2]), "{name}");
    }
    let wide = [(0, 4), (4, 4), (8, 4)];
    let wide = Plan { encoding: Encoding::find("UTF16LE"), ..fixed(&wide, Unit::Bytes, Tolerance::default()) };
    let utf16: Vec<u8> = "1 中文 z\n2 😀 z\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(run(&Arc::new(wide), &utf16, 1, 64).ids, [1, 2]);
    let cut = Plan {
        encoding: Encoding::find("GBK"),
        ..fixed(&[(0, 2), (2, 3), (5, 2)], Unit::Bytes, Tolerance { structure: true, ..Tolerance::default() })
    };
    let outcome = run(&Arc::new(cut), b"1 \xd6\xd0b z\n2 \xd6\xd0\xd6\xd0z\n3 \xd6\xd0b z\n", 1, 64);
    assert_eq!((outcome.failure, outcome.ids), (None, vec![1, 3]));
    let error = &outcome.rejects[0].flaws[0].error;
    assert_eq!(error.code.sql_state(), "22021");
    assert_eq!(error.message, "invalid byte sequence for encoding \"GBK\": 0xd6");
    let detail = "The field of column \"c1\" at (2,3) ends in the middle of the character 0xd6 0xd0.";
    assert_eq!(error.detail.as_deref(), Some(detail));
    let utf8 = Arc::new(fixed(&[(0, 2), (2, 3), (5, 2)], Unit::Bytes, Tolerance::default()));
    let failure = run(&utf8, "1 中 z\n2 b中中\n".as_bytes(), 1, 64).failure.expect("the load must fail");
    assert!(failure.ends_with("invalid byte sequence for encoding \"UTF8\": 0xe4 0xb8"), "{failure}");
}
