use super::*;
use proptest::prelude::*;

fn guess(values: &[&str]) -> Guess {
    let mut guess = ColumnGuess::new();
    values.iter().for_each(|value| guess.observe(value.as_bytes()));
    guess.finish()
}

fn numeric(precision: u16, scale: u16) -> Guess {
    Guess::Numeric { precision, scale }
}

#[test]
fn no_value_is_text() {
    assert_eq!(guess(&[]), Guess::Text);
    assert_eq!(guess(&[""]), Guess::Text);
}

#[test]
fn booleans_are_words_only() {
    assert_eq!(guess(&["true", "FALSE", "True"]), Guess::Bool);
    for other in ["t", "f", "0", "1", "yes", "no", "on", "truee", "tru", " true"] {
        assert_eq!(guess(&["true", other]), Guess::Text, "{other}");
    }
}

#[test]
fn integers() {
    assert_eq!(guess(&["0", "1", "-1", "12345678", "-123456789"]), Guess::Int8);
    assert_eq!(guess(&["9223372036854775807", "-9223372036854775808"]), Guess::Int8);
    assert_eq!(guess(&["9223372036854775808"]), numeric(19, 0));
    assert_eq!(guess(&["-9223372036854775809", "5"]), numeric(19, 0));
    assert_eq!(guess(&["1".repeat(38).as_str()]), numeric(38, 0));
    assert_eq!(guess(&["1".repeat(39).as_str()]), Guess::Text);
    for changed in
        ["00501", "01", "+1", "1_000", "-0", "00", "-01", " 1", "1 ", "1,000", "0x2A", "-", "--1", "1-", "$5"]
    {
        assert_eq!(guess(&[changed]), Guess::Text, "{changed}");
        assert_eq!(guess(&["12", changed]), Guess::Text, "{changed}");
    }
}

#[test]
fn decimals() {
    assert_eq!(guess(&["1.5", "-0.25", "0", "100"]), Guess::Float8);
    assert_eq!(guess(&[".5", "5.", "-.5"]), Guess::Float8);
    assert_eq!(guess(&["0.000000000000000000001"]), Guess::Float8);
    assert_eq!(guess(&["123456789012.345"]), Guess::Float8);
    assert_eq!(guess(&["1234567890123.456"]), numeric(16, 3));
    assert_eq!(guess(&["0.1234567890123456"]), numeric(16, 16));
    assert_eq!(guess(&["1.5", "1234567890123456"]), numeric(17, 1));
    assert_eq!(guess(&["12345678901234567890.5", "0.123456789012345678"]), numeric(38, 18));
    assert_eq!(guess(&["12345678901234567890.5", "0.1234567890123456789"]), Guess::Text);
    for other in ["1.2.3", "01.5", ".", "-.", "1.5x", "1.5 ", "+1.5", "1,5", "1.-5"] {
        assert_eq!(guess(&["1.5", other]), Guess::Text, "{other}");
    }
}

#[test]
fn numbers_only_a_float_keeps() {
    assert_eq!(guess(&["1e3", "1.5E-10", "2", "1e+05", "0e0"]), Guess::Float8);
    assert_eq!(guess(&["-0.0", "1"]), Guess::Float8);
    assert_eq!(guess(&["1e307", "1e-307", "0.1e308"]), Guess::Float8);
    assert_eq!(guess(&["1", "NaN", "-inf", "Infinity", "inf"]), Guess::Float8);
    assert_eq!(guess(&["NaN", "1"]), Guess::Float8);
    for lost in ["1e308", "1e-308", "1.234567890123456e2", "1e99999", "1e", "1e+", "e5", "1e5.0", "01e5", "1ee5"] {
        assert_eq!(guess(&[lost]), Guess::Text, "{lost}");
    }
    // Without numbers beside them they are words, and numeric has neither them nor a negative zero.
    assert_eq!(guess(&["NaN", "inf"]), Guess::Text);
    assert_eq!(guess(&["NaN", "1234567890123456"]), Guess::Text);
    assert_eq!(guess(&["-0.0", "1234567890123.456"]), Guess::Text);
    assert_eq!(guess(&["nan", "true"]), Guess::Text);
    assert_eq!(guess(&["-nan", "1"]), Guess::Text);
}

#[test]
fn float8_prints_back_what_it_is_chosen_for() {
    for text in ["1e307", "9.99999999999999e306", "1.23456789012345e-307", "0.1", "123456789012345", "1e-307"] {
        assert_eq!(guess(&[text, "0.5"]), Guess::Float8);
        let value: f64 = text.parse().unwrap();
        let mut shortest = format!("{value:e}");
        if !text.contains('e') {
            shortest = format!("{value}");
        }
        assert_eq!(shortest, text);
    }
}

#[test]
fn dates_and_times() {
    assert_eq!(guess(&["2024-02-29", "1999-12-31", "0001-01-01", "9999-12-31"]), Guess::Date);
    for no_day in ["2023-02-29", "1900-02-29", "2024-13-01", "2024-00-10", "2024-04-31", "2024-01-00", "0000-01-01"] {
        assert_eq!(guess(&[no_day]), Guess::Text, "{no_day}");
    }
    for other in ["2024-1-1", "2024/01/01", "01/02/2024", "20240101", "2024-01-01x", "24-01-01", "infinity", "today"] {
        assert_eq!(guess(&["2024-01-01", other]), Guess::Text, "{other}");
    }
    assert_eq!(guess(&["00:00:00", "23:59:59.999999"]), Guess::Time);
    for other in ["24:00:00", "12:60:00", "12:00:60", "12:30", "12:00:00.", "12:00:00.1234567", "1:00:00", "12:00:00Z"]
    {
        assert_eq!(guess(&[other]), Guess::Text, "{other}");
    }
}

#[test]
fn timestamps() {
    let plain = ["2024-01-01 12:30:00", "2024-01-01T12:30:00.123456", "2024-01-01 12:30"];
    assert_eq!(guess(&plain), Guess::Timestamp);
    assert_eq!(guess(&[plain[0], "2024-01-01"]), Guess::Timestamp);
    assert_eq!(guess(&["2024-01-01", plain[0]]), Guess::Timestamp);
    let zoned = ["2024-01-01 12:30:00Z", "2024-01-01T12:30:00.5+02", "2024-01-01T12:30-0530", "2024-01-01T12:30+05:30"];
    assert_eq!(guess(&zoned), Guess::TimestampTz);
    assert_eq!(guess(&[plain[0], zoned[0]]), Guess::Text);
    assert_eq!(guess(&[zoned[0], "2024-01-01"]), Guess::Text);
    for other in [
        "2024-01-01 24:00:00",
        "2024-01-01 23:59:60",
        "2024-01-01 12",
        "2024-01-01 12:30:00.1234567",
        "2024-01-01 12:30:00 UTC",
        "2024-01-01 12:30:00+16",
        "2024-01-01 12:30:00+1",
        "2024-01-01 12:30:00+01:60",
        "2024-01-01  12:30:00",
        "2024-01-01T",
        "2024-01-01t12:30:00",
    ] {
        assert_eq!(guess(&[other]), Guess::Text, "{other}");
    }
}

#[test]
fn uuids() {
    let id = "5b30857f-0bfa-48b5-ac0b-5c64e28078d1";
    assert_eq!(guess(&[id, &id.to_uppercase(), "00000000-0000-0000-0000-000000000000"]), Guess::Uuid);
    for other in ["{5b30857f-0bfa-48b5-ac0b-5c64e28078d1}", "5b30857f0bfa48b5ac0b5c64e28078d1", &id[1..]] {
        assert_eq!(guess(&[id, other]), Guess::Text, "{other}");
    }
    assert_eq!(guess(&["5b30857f-0bfa-48b5-ac0b-5c64e28078dg"]), Guess::Text);
    assert_eq!(guess(&["5b30857f-0bfa-48b5-ac0b_5c64e28078d1"]), Guess::Text);
}

#[test]
fn families_do_not_mix() {
    let families = ["true", "1", "2024-01-01", "12:00:00", "5b30857f-0bfa-48b5-ac0b-5c64e28078d1", "2024-01-01 00:00Z"];
    for (index, one) in families.iter().enumerate() {
        for other in &families[index + 1..] {
            assert_eq!(guess(&[one, other]), Guess::Text, "{one} {other}");
            assert_eq!(guess(&[other, one]), Guess::Text, "{other} {one}");
        }
    }
}

fn names(header: &[&str]) -> Vec<String> {
    let header: Vec<Vec<u8>> = header.iter().map(|name| name.as_bytes().to_vec()).collect();
    column_names(Some(&header), header.len())
}

#[test]
fn names_of_columns() {
    assert_eq!(column_names(None, 2), ["column1", "column2"]);
    assert_eq!(names(&["id", " name ", "a b"]), ["id", " name ", "a b"]);
    assert_eq!(names(&["a", "", "a", "A"]), ["a", "column2", "a_1", "A_2"]);
    assert_eq!(names(&["a", "a", "a_1"]), ["a", "a_2", "a_1"]);
    assert_eq!(names(&["", "column1"]), ["column1_1", "column1"]);
    assert_eq!(names(&["Ü", "ü"]), ["Ü", "ü_1"]);
    assert_eq!(column_names(Some(&[b"x".to_vec(), b"y".to_vec()]), 3), ["x", "y", "column3"]);
    assert_eq!(column_names(Some(&[b"x".to_vec(), b"y".to_vec()]), 1), ["x"]);
    let long = "é".repeat(40);
    let cut = names(&[&long, &long]);
    assert_eq!(cut[0], "é".repeat(31));
    assert_eq!(cut[1], format!("{}_1", "é".repeat(30)));
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "-?[0-9]{1,4}",
        2 => "-?[0-9]{0,20}\\.[0-9]{0,20}",
        1 => "[0-9]{18,20}",
        1 => "-?[0-9]\\.?[0-9]{0,3}[eE][+-]?[0-9]{1,3}",
        1 => "(true|FALSE|NaN|inf|-inf|)",
        2 => "20[0-9]{2}-[01][0-9]-[0-3][0-9]",
        2 => "20[0-9]{2}-0[1-9]-[0-3][0-9][ T][0-2][0-9]:[0-6][0-9](:[0-6][0-9](\\.[0-9]{1,7})?)?(Z|[+-][01][0-9](:?[0-6][0-9])?)?",
        1 => "[0-2][0-9]:[0-6][0-9]:[0-6][0-9]",
        1 => "[ -~]{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Any cut into parts, merged in any order, is the same as reading all values in a row.
    #[test]
    fn partition_and_order_do_not_matter(values in prop::collection::vec(value(), 0..8), parts in prop::collection::vec(0usize..4, 8), rotate in 0usize..4) {
        let mut whole = ColumnGuess::new();
        let mut split = [ColumnGuess::new(); 4];
        for (value, part) in values.iter().zip(parts) {
            whole.observe(value.as_bytes());
            split[part].observe(value.as_bytes());
        }
        split.rotate_left(rotate);
        let mut left = ColumnGuess::new();
        split.iter().for_each(|part| left.merge(part));
        let [mut first, mut second, third, fourth] = split;
        second.merge(&fourth);
        first.merge(&third);
        second.merge(&first);
        prop_assert_eq!(left.finish(), whole.finish());
        prop_assert_eq!(second.finish(), whole.finish());
    }

    /// What is said to be exact as float8 is: the shortest text that reads back has the digits that were written.
    #[test]
    fn float8_loses_no_digit(text in "-?(0|[1-9][0-9]{0,16})\\.[0-9]{1,20}(e-?[0-9]{1,3})?") {
        if guess(&[&text]) == Guess::Float8 {
            let value: f64 = text.parse().unwrap();
            prop_assert!(value.is_finite());
            let digits = |text: &str| {
                let mantissa = text.split('e').next().unwrap().replace(['-', '.'], "");
                mantissa.trim_matches('0').to_owned()
            };
            prop_assert_eq!(digits(&format!("{value:e}")), digits(&text));
            prop_assert_eq!(value.is_sign_negative(), text.starts_with('-'));
        }
    }

    #[test]
    fn digits_are_counted(bytes in prop::collection::vec(prop_oneof![30 => b'0'..=b'9', 1 => any::<u8>()], 0..40)) {
        prop_assert_eq!(count_digits(&bytes), bytes.iter().take_while(|byte| byte.is_ascii_digit()).count());
        prop_assert_eq!(all_digits(&bytes), !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit));
    }

    #[test]
    fn names_are_distinct(header in prop::collection::vec("[aA_1]{0,3}", 0..8)) {
        let names = names(&header.iter().map(String::as_str).collect::<Vec<_>>());
        let folded: HashSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
        prop_assert_eq!(folded.len(), names.len());
        // The first column with a name of the header has it.
        for (index, wanted) in header.iter().enumerate() {
            if !wanted.is_empty() && !header[..index].iter().any(|earlier| earlier.eq_ignore_ascii_case(wanted)) {
                prop_assert_eq!(&names[index], wanted);
            }
        }
    }
}
