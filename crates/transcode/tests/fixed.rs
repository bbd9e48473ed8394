//! FIXED against a reading of its rules a character at a time, and records whose fields are mapped to columns.
#![cfg(feature = "arrow")]

mod outcome;
mod places;

use std::sync::Arc;

use copyist_encoding::Encoding;
use copyist_format::{BadValue, FieldMap, Header, Missing, Plan, Tolerance, Unit};
use copyist_scan::{Grammar, Separator};
use copyist_transcode::Reject;
use outcome::{CSV, SKIP, TEXT, plan, run};
use places::{ENCODINGS, PIECES, fixed};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equals_naive(
        pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40),
        fields in prop::collection::vec((0..12u32, 1..12u32), 1..4),
        by_bytes in any::<bool>(),
        encoding in 0..ENCODINGS.len(),
        extra in any::<bool>(),
        missing in prop::sample::select(vec![Missing::None, Missing::One, Missing::Any]),
        skips in any::<bool>(),
    ) {
        let encoding = ENCODINGS[encoding].map(|name| Encoding::find(name).expect("it is known"));
        let unit = if by_bytes { Unit::Bytes } else { Unit::Characters };
        let tolerance = Tolerance { extra, missing, structure: skips, conversion: BadValue::SkipRow, constraint: false, ..SKIP };
        places::check(&pieces.concat(), encoding, &fields, unit, tolerance);
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
fn a_line_that_ends_in_a_line_feed_among_others_is_refused_by_itself() {
    let text = "1 ab  \r\n2 cd  \n3 ef  \r\n";
    for (name, bytes) in [(None, 1), (Some("UTF16LE"), 2)] {
        let encoding = name.map(|name| Encoding::find(name).expect("it is known"));
        let input = encoding.map_or_else(|| text.as_bytes().to_vec(), |encoding| encoding.encode(text));
        let plan = Plan { encoding, ..fixed(&[(0, 2), (2, 4)], Unit::Characters, SKIP) };
        outcome::check_any(&plan, &input);
        let outcome = run(&Arc::new(plan), &input, 1, 64);
        assert_eq!((outcome.failure, outcome.ids), (None, vec![1, 3]));
        let place = |reject: &Reject| (reject.line, reject.byte_offset, reject.byte_len);
        assert_eq!(outcome.rejects.iter().map(place).collect::<Vec<_>>(), [(2, 8 * bytes, 6 * bytes)]);
        assert_eq!(outcome.rejects[0].flaws[0].error.message, "literal newline found in data");
    }
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
