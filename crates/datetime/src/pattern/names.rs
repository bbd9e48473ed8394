//! Names of months and days, halves of the day and eras.

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
/// From Monday on.
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const ROMAN: [&str; 12] = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"];

/// How much of a name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// The first three letters.
    Short,
    Full,
    Either,
}

/// Whether `text` starts with `name`, in any case.
pub(super) fn starts_with(text: &[u8], name: &str) -> bool {
    text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
}

/// The index of the name that `text` starts with, from 1 on, and the bytes that it takes.
fn find(text: &[u8], names: &[&str], length: Length) -> Option<(i32, usize)> {
    const SHORT: usize = 3;
    let start: &[u8; SHORT] = text.first_chunk()?;
    if !start.iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    let lower = start.map(|letter| letter | 0x20);
    let index = names.iter().position(|name| name.as_bytes().first_chunk() == Some(&lower))?;
    let full = names[index];
    match length {
        Length::Short => Some((index as i32 + 1, SHORT)),
        Length::Full => starts_with(text, full).then_some((index as i32 + 1, full.len())),
        Length::Either => Some((index as i32 + 1, if starts_with(text, full) { full.len() } else { SHORT })),
    }
}

/// The month, 1 to 12.
pub(super) fn month(text: &[u8], length: Length) -> Option<(i32, usize)> {
    find(text, &MONTHS, length)
}

/// The day of the week, 1 for Monday.
pub(super) fn weekday(text: &[u8], length: Length) -> Option<(i32, usize)> {
    find(text, &WEEKDAYS, length)
}

/// A month in Roman numerals.
pub(super) fn roman_month(text: &[u8]) -> Option<(i32, usize)> {
    let len = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let index = ROMAN.iter().position(|numeral| text[..len].eq_ignore_ascii_case(numeral.as_bytes()))?;
    Some((index as i32 + 1, len))
}

/// 0 or 1 for the first or the second of two words.
fn choice(text: &[u8], words: [&str; 2]) -> Option<(i32, usize)> {
    let index = words.iter().position(|word| starts_with(text, word))?;
    Some((index as i32, words[index].len()))
}

/// 0 before noon and 1 after.
pub(super) fn meridiem(text: &[u8], has_points: bool) -> Option<(i32, usize)> {
    choice(text, if has_points { ["a.m.", "p.m."] } else { ["am", "pm"] })
}

/// 0 for our era and 1 for the one before.
pub(super) fn era(text: &[u8], has_points: bool) -> Option<(i32, usize)> {
    choice(text, if has_points { ["a.d.", "b.c."] } else { ["ad", "bc"] })
}

/// The bytes of the ending of an ordinal number.
pub(super) fn ordinal_ending(text: &[u8]) -> Option<usize> {
    ["st", "nd", "rd", "th"].iter().any(|ending| starts_with(text, ending)).then_some(2)
}
