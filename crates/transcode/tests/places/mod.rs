//! FIXED by its rules, a character at a time: what the decoder must come to, in any encoding.

use std::sync::Arc;

use copyist_core::Type;
use copyist_encoding::Encoding;
use copyist_format::{ColumnPlan, Fixed, FixedField, Header, Missing, Plan, Tolerance, Unit};
use copyist_scan::Grammar;

use crate::outcome::{check_any, plan, run};

/// One byte a character, one or two, up to four; with two of every ASCII character, too.
pub const ENCODINGS: [Option<&str>; 7] =
    [None, Some("LATIN2"), Some("GBK"), Some("GB18030"), Some("SJIS"), Some("EUC_JP"), Some("UTF16LE")];

const LINES: Grammar = Grammar::Plain { delimiter: None };

/// Lines with fields at these places, the first of which is a number and the others are text.
pub fn fixed(fields: &[(u32, u32)], unit: Unit, tolerance: Tolerance) -> Plan {
    let fields: Vec<_> = fields.iter().map(|&(offset, length)| FixedField { offset, length }).collect();
    let column = |(index, _)| {
        let ty = if index == 0 { Type::Int8 } else { Type::Text };
        ColumnPlan { ty, ..ColumnPlan::of_text(format!("c{index}"), false) }
    };
    let columns = fields.iter().enumerate().map(column).collect();
    let base = plan(LINES, tolerance);
    Plan { header: Header::No, null: Vec::new(), columns, fixed: Some(Fixed { fields, unit, end: 0 }), ..base }
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

/// What matters to lines of fixed width: digits, padding, and characters of one to four bytes.
pub const PIECES: [&str; 17] =
    ["1", "2", "34", " ", "  ", "         ", "a", "ż", "€", "中", "ｱ", "😀", "\n", "\n", "1 x\n", "12 abc  \n", "é"];

/// The decoder and the rules come to the same of a text in an encoding; characters that it does not have are left out.
pub fn check(text: &str, encoding: Option<Encoding>, fields: &[(u32, u32)], unit: Unit, tolerance: Tolerance) {
    let has = |character: &char| encoding.is_none_or(|encoding| encoding.encode(&character.to_string()) != b"?");
    let text: String = text.chars().filter(has).collect();
    let input = encoding.map_or_else(|| text.clone().into_bytes(), |encoding| encoding.encode(&text));
    let plan = Plan { encoding, ..fixed(fields, unit, tolerance) };
    check_any(&plan, &input);
    let found = run(&Arc::new(plan), &input, 1, 64);
    let (ids, refused) = naive(&text, encoding, fields, unit, tolerance);
    if found.failure.is_none() {
        assert_eq!((found.ids, found.rejects.len()), (ids, refused));
    } else {
        assert!(!tolerance.structure && ids.starts_with(&found.ids), "{:?}", found.failure);
    }
}
