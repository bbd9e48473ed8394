use super::*;
use proptest::prelude::*;

fn read(s: &str) -> Result<ArrayLiteral<'_>> {
    parse(s.as_bytes(), b',')
}

fn detail(s: &str) -> String {
    let error = read(s).unwrap_err();
    assert_eq!(error.message, format!("malformed array literal: \"{s}\""));
    error.detail.unwrap()
}

#[test]
fn dimensions_may_be_given() {
    let array = read(" [2:3] [-1:0] = {{a, b}, { c ,d}} ").unwrap();
    assert_eq!(array.dims, [2, 2]);
    assert_eq!(array.lower_bounds, [2, -1]);
    let array = read("[2]={a,b}").unwrap();
    assert_eq!((array.dims, array.lower_bounds), (vec![2], vec![1]));
    let array = read("{{a,b,c},{d,e,f}}").unwrap();
    assert_eq!((array.dims, array.lower_bounds), (vec![2, 3], vec![1, 1]));
}

#[test]
fn elements() {
    let array = read("{ a b , \"\" ,\"b \\\" c\", nUlL ,\\null, x\\  , \"null\"}").unwrap();
    let elements: Vec<_> = array.elements.iter().map(|e| e.as_ref().map(|e| std::str::from_utf8(e).unwrap())).collect();
    assert_eq!(elements, [Some("a b"), Some(""), Some("b \" c"), None, Some("null"), Some("x "), Some("null")]);
    assert_eq!((array.dims, array.lower_bounds), (vec![7], vec![1]));
}

#[test]
fn errors() {
    for (text, expected) in [
        ("", "Array value must start with \"{\" or dimension information."),
        ("1", "Array value must start with \"{\" or dimension information."),
        ("{1", "Unexpected end of input."),
        ("{1}}", "Junk after closing right brace."),
        ("{1,}", "Unexpected \"}\" character."),
        ("{,1}", "Unexpected \",\" character."),
        ("{1 {2}}", "Unexpected \"{\" character."),
        ("{\"1\"x}", "Incorrectly quoted array element."),
        ("{x\"1\"}", "Incorrectly quoted array element."),
        ("{{1},{2,3}}", "Multidimensional arrays must have sub-arrays with matching dimensions."),
        ("{{1},2}", "Multidimensional arrays must have sub-arrays with matching dimensions."),
        ("[2]={1}", "Specified array dimensions do not match array contents."),
        ("[1]{1}", "Missing \"=\" after array dimensions."),
        ("[1]=1", "Array contents must start with \"{\"."),
        ("[a]={1}", "\"[\" must introduce explicitly-specified array dimensions."),
        ("[1:]={1}", "Missing array dimension value."),
        ("[1:-]={1}", "Missing array dimension value."),
        ("[1={1}", "Missing \"]\" after array dimensions."),
    ] {
        assert_eq!(detail(text), expected, "{text}");
    }
    let message = |s| read(s).unwrap_err().message;
    assert_eq!(message("{{{{{{{1}}}}}}}"), "number of array dimensions exceeds the maximum allowed (6)");
    assert_eq!(message("[2:1]={1}"), "upper bound cannot be less than lower bound");
    assert_eq!(message("[2147483647]={1}"), "array upper bound is too large: 2147483647");
    assert_eq!(message("[99999999999]={1}"), "array bound is out of integer range");
    assert_eq!(message("[-2147483648:2147483646]={1}"), "array size exceeds the maximum allowed (134217727)");
}

#[test]
fn an_array_without_elements_has_no_dimensions() {
    for text in ["{}", " { } ", "{{},{}}"] {
        assert_eq!(read(text), Ok(ArrayLiteral { dims: vec![], lower_bounds: vec![], elements: vec![] }), "{text}");
    }
}

#[test]
fn an_element_that_is_refused_comes_first() {
    let refuse = |_| Err(DataError::new(ErrorCode::InvalidTextRepresentation, "refused"));
    assert_eq!(parse_with(b"{x,", b',', refuse).unwrap_err().message, "refused");
}

proptest! {
    #[test]
    fn quoted_elements_are_read_back(values in prop::collection::vec("[ -~é]{0,8}", 1..5)) {
        let quoted: Vec<_> =
            values.iter().map(|v| format!("\"{}\"", v.replace('\\', "\\\\").replace('"', "\\\""))).collect();
        let text = format!("{{{}}}", quoted.join(","));
        let elements: Vec<_> = read(&text).unwrap().elements.into_iter().map(|e| e.unwrap().into_owned()).collect();
        prop_assert_eq!(elements, values.into_iter().map(String::into_bytes).collect::<Vec<_>>());
    }

    #[test]
    fn never_panics(text in "[\\[\\]{}:,=\"\\\\a1 -]{0,24}") {
        let _ = read(&text);
    }
}
