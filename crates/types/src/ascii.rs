//! Byte classes as C's `ctype.h` has them in every locale that a UTF-8 database can use.

/// C's `isspace`, which also is the white space of array literals: space, tab, newline, vertical tab, form feed,
/// carriage return.
#[inline(always)]
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// The index of the first byte at or after `from` that is not white space.
#[inline]
pub(crate) fn skip_space(s: &[u8], mut from: usize) -> usize {
    while from < s.len() && is_space(s[from]) {
        from += 1;
    }
    from
}

/// The byte at `i`, or 0 behind the end, as a C string has it. Input never contains NUL, so 0 matches no byte class.
#[inline(always)]
pub(crate) fn at(s: &[u8], i: usize) -> u8 {
    if i < s.len() { s[i] } else { 0 }
}

/// Whether `s[from..]` starts with `lower`, which is in lower case, in any case.
#[inline]
pub(crate) fn starts_with_ignore_case(s: &[u8], from: usize, lower: &[u8]) -> bool {
    s.get(from..from + lower.len()).is_some_and(|head| head.eq_ignore_ascii_case(lower))
}

/// The value of a hexadecimal digit, or 0xFF.
#[inline(always)]
pub(crate) fn hex_value(byte: u8) -> u8 {
    HEX[byte as usize]
}

static HEX: [u8; 256] = {
    let mut table = [0xFF; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value] as usize] = value as u8;
        table[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    table
};

/// Length in bytes of the UTF-8 character that starts with `lead`.
#[inline(always)]
pub(crate) fn character_length(lead: u8) -> usize {
    match lead {
        0..=0xBF => 1,
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        _ => 4,
    }
}
