use super::*;
use proptest::prelude::*;

fn error(s: &str, jsonb: bool) -> (String, String, String) {
    let error = check(s.as_bytes(), jsonb).unwrap_err();
    (error.message.into_owned(), error.detail.unwrap_or_default(), error.context.unwrap_or_default())
}

#[test]
fn texts() {
    for text in [" null ", "\"\"", "[]", "{}", "[1, -0.5e+3, {\"a\": [true, false]}]\n", "\"\\u00e9\\n\\\"\""] {
        assert_eq!(check(text.as_bytes(), false), Ok(()), "{text}");
        assert_eq!(check(text.as_bytes(), true), Ok(()), "{text}");
    }
}

#[test]
fn details_and_contexts() {
    for (text, detail, context) in [
        ("", "The input string ended unexpectedly.", "JSON data, line 1: "),
        ("{\"a\":1", "The input string ended unexpectedly.", "JSON data, line 1: {\"a\":1"),
        ("tru ", "Token \"tru\" is invalid.", "JSON data, line 1: tru..."),
        ("[1,\n 2 3]", "Expected \",\" or \"]\", but found \"3\".", "JSON data, line 2:  2 3..."),
        ("{1}", "Expected string or \"}\", but found \"1\".", "JSON data, line 1: {1..."),
        ("{\"a\" 1}", "Expected \":\", but found \"1\".", "JSON data, line 1: {\"a\" 1..."),
        ("{\"a\":1,}", "Expected string, but found \"}\".", "JSON data, line 1: {\"a\":1,}"),
        ("[,]", "Expected JSON value, but found \",\".", "JSON data, line 1: [,..."),
        ("1 2", "Expected end of input, but found \"2\".", "JSON data, line 1: 1 2"),
        ("\"\\x\"", "Escape sequence \"\\x\" is invalid.", "JSON data, line 1: \"\\x..."),
        ("\"\\u12g\"", "\"\\u\" must be followed by four hexadecimal digits.", "JSON data, line 1: \"\\u12g..."),
        ("\"a\tb\"", "Character with value 0x09 must be escaped.", "JSON data, line 1: \"a..."),
        ("01", "Token \"01\" is invalid.", "JSON data, line 1: 01"),
    ] {
        let expected = ("invalid input syntax for type json".to_owned(), detail.to_owned(), context.to_owned());
        assert_eq!(error(text, false), expected, "{text}");
    }
}

#[test]
fn jsonb_decodes() {
    for text in ["\"\\u0000\"", "\"\\ud83d\"", "\"\\ude04\"", "\"\\ud83d\\ud83d\"", "1e1000000"] {
        assert_eq!(check(text.as_bytes(), false), Ok(()), "{text}");
        assert!(check(text.as_bytes(), true).is_err(), "{text}");
    }
    assert_eq!(check(b"\"\\ud83d\\ude04\"", true), Ok(()));
    assert_eq!(error("1e1000000", true).0, "value overflows numeric format");
    assert_eq!(error("\"\\u0000\"", true).0, "unsupported Unicode escape sequence");
}

#[test]
fn depth_is_limited() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(check(nested(MAX_DEPTH).as_bytes(), true), Ok(()));
    let error = check(nested(MAX_DEPTH + 1).as_bytes(), true).unwrap_err();
    assert_eq!(error.code, ErrorCode::StatementTooComplex);
}

proptest! {
    #[test]
    fn never_panics(text in "[\\[\\]{}:,\"\\\\utrue01.eE+\\-é \n\u{1}]{0,80}") {
        let json = check(text.as_bytes(), false);
        // What jsonb takes, json takes.
        if check(text.as_bytes(), true).is_ok() {
            prop_assert_eq!(json, Ok(()));
        }
    }
}
