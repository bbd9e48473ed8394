use super::*;
use proptest::prelude::*;

fn message_f64(s: &str) -> String {
    parse_f64(s.as_bytes()).unwrap_err().message.into_owned()
}

#[test]
fn forms() {
    for (text, value) in [
        (" 1.5 ", 1.5),
        ("+.5e1", 5.0),
        ("5.", 5.0),
        ("-0", -0.0),
        ("Infinity", f64::INFINITY),
        ("-iNf", f64::NEG_INFINITY),
        ("0x1.8p3", 12.0),
        ("0x.8", 0.5),
        ("0x10", 16.0),
        ("5e-324", 5e-324),
        ("0e99999999999", 0.0),
        ("0x1p-1074", 5e-324),
        ("0x0.fffffffffffff8p-1022", f64::MIN_POSITIVE),
        ("0x1.fffffffffffff7p1023", f64::MAX),
    ] {
        assert_eq!(parse_f64(text.as_bytes()).map(f64::to_bits), Ok(value.to_bits()), "{text}");
    }
}

#[test]
fn nans_keep_their_sign_and_payload() {
    for (text, bits) in [
        ("nan", 0x7ff8_0000_0000_0000),
        ("-NaN", 0xfff8_0000_0000_0000),
        ("nan(123)", 0x7ff8_0000_0000_007b),
        ("nan(0x10)", 0x7ff8_0000_0000_0010),
        ("nan(12z)", 0x7ff8_0000_0000_0000),
        ("nan()", 0x7ff8_0000_0000_0000),
    ] {
        assert_eq!(parse_f64(text.as_bytes()).map(f64::to_bits), Ok(bits), "{text}");
    }
}

#[test]
fn errors() {
    for text in ["", " ", ".", "e5", "1e", "1e+", "0x", "0xp1", "1_000", "infinit", "nan(", "nan(-)", "1 2", "--1", "é"]
    {
        assert_eq!(message_f64(text), format!("invalid input syntax for type double precision: \"{text}\""));
    }
    for (text, number) in
        [(" 1e400x", "1e400"), ("1e-400", "1e-400"), ("-0x1p2000 ", "-0x1p2000"), ("0x1p-1075", "0x1p-1075")]
    {
        assert_eq!(message_f64(text), format!("\"{number}\" is out of range for type double precision"));
    }
    assert_eq!(parse_f32(b"1e39").unwrap_err().message, "\"1e39\" is out of range for type real");
}

#[test]
fn single_precision_rounds_once() {
    assert_eq!(parse_f32(b"7.038531e-26").map(f32::to_bits), Ok(0x15AE_43FD));
}

proptest! {
    #[test]
    fn printed_doubles_are_read_back(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        for text in [format!("{value}"), format!("{value:e}")] {
            prop_assert_eq!(parse_f64(text.as_bytes()).map(f64::to_bits), Ok(bits));
        }
    }

    #[test]
    fn hexadecimal_rounds_as_the_hardware_does(bits in any::<u64>(), exponent in -200i64..200) {
        let text = format!("0x{bits:x}p{exponent}");
        let double = bits as f64 * (exponent as f64).exp2();
        prop_assert_eq!(parse_f64(text.as_bytes()), Ok(double));
        let single = bits as f32;
        let scaled = f64::from(single) * (exponent as f64).exp2();
        if scaled.abs() > 1e-37 && scaled.abs() < 1e38 {
            prop_assert_eq!(parse_f32(text.as_bytes()), Ok(scaled as f32));
        }
    }

    #[test]
    fn fast_is_full(front in "[0-9.]{0,17}", text in "-?[0-9]{0,9}[0-9.e-]{0,1}[0-9]{0,9}") {
        let buf = format!("{front}{text}");
        if let Some(value) = fast_f64(buf.as_bytes(), front.len(), buf.len()) {
            prop_assert_eq!(parse_f64(text.as_bytes()).map(f64::to_bits), Ok(value.to_bits()));
        }
        if let Some(value) = fast_f32(buf.as_bytes(), front.len(), buf.len()) {
            prop_assert_eq!(parse_f32(text.as_bytes()).map(f32::to_bits), Ok(value.to_bits()));
        }
    }

    #[test]
    fn fast_takes_every_plain_decimal(whole in "[0-9]{1,8}", fraction in "[0-9]{1,7}") {
        let text = format!("-{whole}.{fraction}");
        prop_assert!(fast_f64(text.as_bytes(), 0, text.len()).is_some());
    }
}
