use super::*;
use proptest::prelude::*;

fn binary(s: &str, typmod: Option<(u16, i16)>) -> copyist_core::Result<String> {
    let mut out = Vec::new();
    parse(s.as_bytes(), typmod)?.write_binary(&mut out);
    Ok(out.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[test]
fn forms() {
    for (text, hex) in [
        (" 12345.678 ", "0003000100000003000109291a7c"),
        ("-0.5", "0001ffff400000011388"),
        ("1e3", "000100000000000003e8"),
        ("1_0.0_1", "0002000000000002000a0064"),
        ("0x2A", "0001000000000000002a"),
        ("0b_1", "00010000000000000001"),
        ("-0", "0000000000000000"),
        (".5e-3", "0001ffff000000040005"),
        ("5.", "00010000000000000005"),
        ("nan", "00000000c0000000"),
        ("+infinity", "00000000d0000020"),
        ("-INF", "00000000f0000020"),
    ] {
        assert_eq!(binary(text, None).as_deref(), Ok(hex), "{text}");
    }
}

#[test]
fn rounding_is_half_away_from_zero() {
    for (text, typmod, same) in [
        ("1.005", (5, 2), "1.01"),
        ("-2.5", (5, 0), "-3"),
        ("99999.5", (6, 0), "100000"),
        ("0.00004999", (5, 4), "0.0000"),
        ("0.00005", (5, 4), "0.0001"),
        ("12345", (3, -2), "12300"),
        ("5e-1000000000", (5, 2), "0.00"),
        ("49", (3, -2), "0"),
        ("50", (3, -2), "100"),
    ] {
        assert_eq!(binary(text, Some(typmod)), binary(same, None), "{text}");
    }
}

#[test]
fn errors() {
    let message = |s: &str| parse(s.as_bytes(), None).unwrap_err().message;
    for text in
        ["", " ", "-", ".", "1..2", "1.2.3", "1e", "1e+", "1_", "1._5", "1__0", "+nan", "nanx", "0x", "0xg", "0o8"]
    {
        assert_eq!(message(text), format!("invalid input syntax for type numeric: \"{text}\""), "{text}");
    }
    for text in ["1e131072", "1e-16384", "1e1073741824x", "0e-20000"] {
        assert_eq!(message(text), "value overflows numeric format", "{text}");
    }
    assert!(parse(b"1e131071", None).is_ok());
    let error = |s: &str, typmod| parse(s.as_bytes(), Some(typmod)).unwrap_err();
    assert_eq!(
        error("999.995", (5, 2)).detail.as_deref(),
        Some("A field with precision 5, scale 2 must round to an absolute value less than 10^3.")
    );
    assert_eq!(
        error("1", (2, 2)).detail.as_deref(),
        Some("A field with precision 2, scale 2 must round to an absolute value less than 1.")
    );
    assert_eq!(
        error("inf", (5, 2)).detail.as_deref(),
        Some("A field with precision 5, scale 2 cannot hold an infinite value.")
    );
    assert!(parse(b"nan", Some((5, 2))).is_ok());
}

#[test]
fn unscaled_integers() {
    let unscaled = |s: &str, scale| parse(s.as_bytes(), None).unwrap().to_i128(scale);
    assert_eq!(unscaled("-12345.67", 2), Some(-1_234_567));
    assert_eq!(unscaled("-12345.67", 5), Some(-1_234_567_000));
    assert_eq!(unscaled("0.001", 2), None);
    assert_eq!(unscaled("1e38", 0), Some(10i128.pow(38)));
    assert_eq!(unscaled("1e39", 0), None);
    assert_eq!(unscaled("1e-300", 2), None);
    assert_eq!(unscaled("nan", 2), None);
    assert_eq!(unscaled("0", 0), Some(0));
}

#[test]
fn a_long_hexadecimal_number_equals_its_decimal() {
    let text = format!("0x{:x}", u128::MAX);
    assert_eq!(binary(&text, None), binary(&u128::MAX.to_string(), None));
}

proptest! {
    #[test]
    fn fast_binary_is_full(
        text in "-?[0-9]{0,20}[.e_ ]?[0-9]{0,20}",
        typmod in prop::option::of((1u16..40, -3i16..20)),
    ) {
        let mut out = vec![7];
        if fast_binary(text.as_bytes(), typmod, &mut out) {
            let mut full = vec![7];
            parse(text.as_bytes(), typmod).unwrap().write_binary(&mut full);
            prop_assert_eq!(out, full);
        } else {
            prop_assert_eq!(out, [7]);
        }
    }

    #[test]
    fn fast_binary_takes_every_plain_decimal(text in "-?[0-9]{1,20}(\\.[0-9]{1,20})?") {
        prop_assert!(fast_binary(text.as_bytes(), None, &mut Vec::new()));
    }

    #[test]
    fn fast_decimal_is_full(
        front in "[0-9.]{0,17}",
        text in "-?[0-9]{0,20}[.e_ ]?[0-9]{0,20}",
        precision in 1u8..=38,
        scale in 0u8..=38,
    ) {
        let scale = scale.min(precision);
        let buf = format!("{front}{text}");
        if let Some(value) = fast_decimal(buf.as_bytes(), front.len(), buf.len(), precision, scale) {
            let full = parse(text.as_bytes(), Some((precision.into(), scale.into())));
            prop_assert_eq!(full.map(|full| full.to_i128(scale)), Ok(Some(value)));
        }
    }

    #[test]
    fn fast_decimal_takes_what_fits(value in -99_999_999_999_999_999_999_999_999i128..99_999_999_999_999_999_999_999_999) {
        let text = value.to_string();
        prop_assert_eq!(fast_decimal(text.as_bytes(), 0, text.len(), 38, 4), Some(value * 10_000));
    }

    #[test]
    fn integers_are_read_back(value in any::<i128>()) {
        let numeric = parse(value.to_string().as_bytes(), None).unwrap();
        if value != i128::MIN {
            prop_assert_eq!(numeric.to_i128(0), Some(value));
        }
    }
}
