//! The encodings whose lower half is ASCII: one byte a character, or two, three and four.

use std::sync::OnceLock;

use crate::differences::{self, Difference};
use crate::{MALFORMED, Sink};

/// How characters are built, which is what PostgreSQL verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// One byte each.
    Single,
    /// Two bytes, the second any but NUL.
    Double,
    /// Two bytes of 0xA1 to 0xFE.
    Euc,
    /// The same, two after 0x8F, and one after 0x8E.
    EucJp,
    /// Two bytes, or one between 0xA1 and 0xDF.
    ShiftJis,
    /// Two bytes, or four with digits in between.
    Gb18030,
}

/// A character's UTF-8, zeros behind it; all zeros for none.
type Entry = [u8; 4];

/// An encoding with ASCII in its lower half.
#[derive(Debug)]
pub struct Charset {
    name: &'static str,
    shape: Shape,
    /// None for ISO 8859-1, which is Unicode's first 256 characters.
    library: Option<&'static encoding_rs::Encoding>,
    differences: &'static [Difference],
    tables: OnceLock<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    /// By the byte, from 0x80.
    one: Vec<Entry>,
    /// By both bytes, from 0x8000.
    two: Vec<Entry>,
    /// EUC_JP: by the two bytes after 0x8F, from 0x8000.
    three: Vec<Entry>,
    /// GB18030: by the position in the order of the four bytes, as far as they are not counted.
    four: Vec<Entry>,
}

/// What stands at the beginning of some bytes.
enum Step {
    Character(Entry, usize),
    /// So many bytes are none.
    Malformed(usize),
    Cut,
}

const fn charset(
    name: &'static str,
    shape: Shape,
    library: &'static encoding_rs::Encoding,
    differences: &'static [Difference],
) -> Charset {
    Charset { name, shape, library: Some(library), differences, tables: OnceLock::new() }
}

const fn single(name: &'static str, library: &'static encoding_rs::Encoding) -> Charset {
    charset(name, Shape::Single, library, &[])
}

/// By PostgreSQL's names.
static CHARSETS: [Charset; 35] = [
    Charset { name: "LATIN1", shape: Shape::Single, library: None, differences: &[], tables: OnceLock::new() },
    single("LATIN2", encoding_rs::ISO_8859_2),
    single("LATIN3", encoding_rs::ISO_8859_3),
    single("LATIN4", encoding_rs::ISO_8859_4),
    single("LATIN5", encoding_rs::WINDOWS_1254),
    single("LATIN6", encoding_rs::ISO_8859_10),
    single("LATIN7", encoding_rs::ISO_8859_13),
    single("LATIN8", encoding_rs::ISO_8859_14),
    single("LATIN9", encoding_rs::ISO_8859_15),
    single("LATIN10", encoding_rs::ISO_8859_16),
    single("ISO_8859_5", encoding_rs::ISO_8859_5),
    single("ISO_8859_6", encoding_rs::ISO_8859_6),
    single("ISO_8859_7", encoding_rs::ISO_8859_7),
    single("ISO_8859_8", encoding_rs::ISO_8859_8),
    single("WIN1250", encoding_rs::WINDOWS_1250),
    single("WIN1251", encoding_rs::WINDOWS_1251),
    single("WIN1252", encoding_rs::WINDOWS_1252),
    single("WIN1253", encoding_rs::WINDOWS_1253),
    single("WIN1254", encoding_rs::WINDOWS_1254),
    single("WIN1255", encoding_rs::WINDOWS_1255),
    single("WIN1256", encoding_rs::WINDOWS_1256),
    single("WIN1257", encoding_rs::WINDOWS_1257),
    single("WIN1258", encoding_rs::WINDOWS_1258),
    single("WIN866", encoding_rs::IBM866),
    single("WIN874", encoding_rs::WINDOWS_874),
    single("KOI8R", encoding_rs::KOI8_R),
    single("KOI8U", encoding_rs::KOI8_U),
    charset("GBK", Shape::Double, encoding_rs::GBK, differences::GBK),
    charset("GB18030", Shape::Gb18030, encoding_rs::GB18030, differences::GB18030),
    charset("EUC_CN", Shape::Euc, encoding_rs::GBK, differences::EUC_CN),
    charset("BIG5", Shape::Double, encoding_rs::BIG5, differences::BIG5),
    charset("SJIS", Shape::ShiftJis, encoding_rs::SHIFT_JIS, differences::SJIS),
    charset("EUC_JP", Shape::EucJp, encoding_rs::EUC_JP, differences::EUC_JP),
    charset("EUC_KR", Shape::Euc, encoding_rs::EUC_KR, differences::EUC_KR),
    charset("UHC", Shape::Double, encoding_rs::EUC_KR, differences::UHC),
];

/// The parts of GB18030 that four bytes have: those with a table, and those that are counted from 0x10000 on.
const GB18030_TABLE: usize = 39_420;
const GB18030_COUNTED: usize = 189_000;

fn is_euc(byte: u8) -> bool {
    (0xA1..=0xFE).contains(&byte)
}

fn entry(character: char) -> Entry {
    let mut bytes = [0; 4];
    character.encode_utf8(&mut bytes);
    bytes
}

/// The one character that `bytes` are in the library's table.
fn look_up(library: &'static encoding_rs::Encoding, bytes: &[u8]) -> Option<char> {
    let text = library.decode_without_bom_handling_and_without_replacement(bytes)?;
    let mut characters = text.chars();
    characters.next().filter(|_| characters.next().is_none())
}

impl Charset {
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        CHARSETS.iter().find(|charset| charset.name == name)
    }

    /// Those there are.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &CHARSETS
    }

    /// PostgreSQL's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn has_single_bytes(&self) -> bool {
        self.shape == Shape::Single
    }

    fn tables(&self) -> &Tables {
        self.tables.get_or_init(|| self.make_tables())
    }

    fn make_tables(&self) -> Tables {
        let mut tables = Tables { one: vec![[0; 4]; 128], ..Tables::default() };
        let has_single = matches!(self.shape, Shape::Single | Shape::ShiftJis);
        for byte in (0x80..=0xFF).filter(|_| has_single) {
            let control = char::from(byte);
            let found = match (self.name, self.library) {
                // The Web takes it for Windows-1254.
                ("LATIN5", _) if byte < 0xA0 => Some(control),
                // Letters of Ukrainian, where the Web has frames.
                ("KOI8U", _) if matches!(byte, 0xAE | 0xBE) => Some(if byte == 0xAE { '\u{255D}' } else { '\u{256C}' }),
                (_, None) => Some(control),
                ("WIN1255", _) if byte == 0xCA => None,
                // What Windows does not define the Web takes for control characters.
                (name, Some(library)) => look_up(library, &[byte])
                    .filter(|&found| !(found == control && byte < 0xA0 && (name.starts_with("WIN") || name == "SJIS"))),
            };
            tables.one[usize::from(byte - 0x80)] = found.map_or([0; 4], entry);
        }
        let (Some(library), false) = (self.library, self.shape == Shape::Single) else { return tables };
        tables.two = self.pairs(&[], self.differences, library);
        if self.shape == Shape::EucJp {
            tables.three = self.pairs(&[0x8F], differences::EUC_JP_3, library);
        }
        if self.shape == Shape::Gb18030 {
            let all = (0..GB18030_TABLE).map(|position| look_up(library, &gb18030_bytes(position)));
            tables.four = all.map(|found| found.map_or([0; 4], entry)).collect();
            for &(position, character) in differences::GB18030_4 {
                tables.four[position] = char::from_u32(character).map_or([0; 4], entry);
            }
        }
        tables
    }

    /// The table of two bytes after `prefix`.
    fn pairs(&self, prefix: &[u8], differences: &[Difference], library: &'static encoding_rs::Encoding) -> Vec<Entry> {
        let mut table = vec![[0; 4]; 1 << 15];
        for code in 0x8000..=0xFFFF_u16 {
            let pair = code.to_be_bytes();
            let bytes = [prefix, &pair].concat();
            if self.verify(&bytes) == (true, bytes.len())
                && let Some(found) = look_up(library, &bytes)
            {
                table[usize::from(code - 0x8000)] = entry(found);
            }
        }
        for &(first, last, character) in differences {
            for code in first..=last {
                let found = character.and_then(|from| char::from_u32(from + u32::from(code - first)));
                table[usize::from(code - 0x8000)] = found.map_or([0; 4], entry);
            }
        }
        table
    }

    /// PostgreSQL's judgement of what `bytes` begin with: whether it is built like a character, and how many bytes its messages show.
    pub(crate) fn verify(&self, bytes: &[u8]) -> (bool, usize) {
        let Some(&first) = bytes.first() else { return (false, 0) };
        if first < 0x80 {
            return (first != 0, 1);
        }
        let is =
            |at: usize, range: std::ops::RangeInclusive<u8>| bytes.get(at).is_some_and(|byte| range.contains(byte));
        match self.shape {
            Shape::Single => (true, 1),
            // One pair is PostgreSQL's own mark of what is invalid.
            Shape::Double => (is(1, 1..=0xFF) && bytes[..2] != [0x8D, b' '], 2),
            Shape::Euc => {
                // Shown are as many bytes as the first one announces in other encodings of this kind.
                let is_long = first == 0x8F || first == 0x8E && self.name == "EUC_CN";
                (is_euc(first) && is(1, 0xA1..=0xFE), if is_long { 3 } else { 2 })
            }
            Shape::EucJp => match first {
                0x8E => (is(1, 0xA1..=0xDF), 2),
                0x8F => (is(1, 0xA1..=0xFE) && is(2, 0xA1..=0xFE), 3),
                _ => (is_euc(first) && is(1, 0xA1..=0xFE), 2),
            },
            Shape::ShiftJis if (0xA1..=0xDF).contains(&first) => (true, 1),
            Shape::ShiftJis => {
                let is_lead = (0x81..=0x9F).contains(&first) || (0xE0..=0xFC).contains(&first);
                (is_lead && (is(1, 0x40..=0x7E) || is(1, 0x80..=0xFC)), 2)
            }
            Shape::Gb18030 if is(1, 0x30..=0x39) => {
                ((0x81..=0xFE).contains(&first) && is(2, 0x81..=0xFE) && is(3, 0x30..=0x39), 4)
            }
            Shape::Gb18030 => ((0x81..=0xFE).contains(&first) && (is(1, 0x40..=0x7E) || is(1, 0x80..=0xFE)), 2),
        }
    }

    /// A character's bytes, if it has any here.
    pub(crate) fn encode(&self, character: char) -> Option<Vec<u8>> {
        if character.is_ascii() {
            return Some(vec![character as u8]);
        }
        let tables = self.tables();
        let wanted = entry(character);
        let find = |table: &[Entry]| table.iter().position(|&entry| entry == wanted);
        let pair = |position: usize| (position as u16 + 0x8000).to_be_bytes();
        if let Some(position) = find(&tables.one) {
            return Some(vec![position as u8 + 0x80]);
        }
        if let Some(position) = find(&tables.two) {
            return Some(pair(position).to_vec());
        }
        if let Some(position) = find(&tables.three) {
            return Some([&[0x8F], &pair(position)[..]].concat());
        }
        if self.shape != Shape::Gb18030 {
            return None;
        }
        let counted = || (character as usize).checked_sub(0x1_0000).map(|rest| rest + GB18030_COUNTED);
        find(&tables.four).or_else(counted).map(|position| gb18030_bytes(position).to_vec())
    }

    /// See [`crate::Encoding`].
    pub(crate) fn walk<S: Sink>(&self, bytes: &[u8], end: bool, limit: usize, sink: &mut S) -> usize {
        const HIGH: u64 = 0x8080_8080_8080_8080;
        let tables = self.tables();
        let mut at = 0;
        while at < bytes.len() && sink.at() < limit {
            if let Some(&block) = bytes[at..].first_chunk::<8>() {
                let high = u64::from_le_bytes(block) & HIGH;
                let ascii = high.trailing_zeros() as usize / 8;
                if ascii > 0 {
                    let taken = ascii.min(limit - sink.at());
                    sink.ascii(block, taken);
                    at += taken;
                    if taken == 8 {
                        continue;
                    }
                }
            } else if bytes[at] < 0x80 {
                sink.put([bytes[at], 0, 0, 0], 1);
                at += 1;
                continue;
            }
            while at < bytes.len() && bytes[at] >= 0x80 && sink.at() < limit {
                match self.step(tables, &bytes[at..], end) {
                    Step::Character(entry, taken) => {
                        let len = match entry[0] {
                            0..0xE0 => 2,
                            0xE0..0xF0 => 3,
                            _ => 4,
                        };
                        sink.put(entry, len);
                        at += taken;
                    }
                    Step::Malformed(taken) => {
                        sink.put([MALFORMED, 0, 0, 0], 1);
                        at += taken;
                    }
                    Step::Cut => return at,
                }
            }
        }
        at
    }

    /// What `bytes`, of which the first is no ASCII, begin with.
    #[inline(always)]
    fn step(&self, tables: &Tables, bytes: &[u8], end: bool) -> Step {
        let first = bytes[0];
        let single = tables.one[usize::from(first - 0x80)];
        if single != [0; 4] {
            return Step::Character(single, 1);
        }
        if self.shape == Shape::Single {
            return Step::Malformed(1);
        }
        let Some(&second) = bytes.get(1) else { return if end { Step::Malformed(1) } else { Step::Cut } };
        let pair = tables.two[usize::from(u16::from_be_bytes([first, second]) - 0x8000)];
        if pair != [0; 4] {
            return Step::Character(pair, 2);
        }
        self.rare_step(tables, bytes, end)
    }

    #[cold]
    fn rare_step(&self, tables: &Tables, bytes: &[u8], end: bool) -> Step {
        let long = match self.shape {
            Shape::EucJp if bytes[0] == 0x8F => 3,
            Shape::Gb18030 if bytes[1].is_ascii_digit() => 4,
            _ => 2,
        };
        // What can be the beginning of a longer character is left.
        if bytes.len() < long && !end && (2..bytes.len()).all(|at| bytes[at] >= 0x80) {
            return Step::Cut;
        }
        let found = match bytes {
            [0x8F, a @ 0x80..=0xFF, b, ..] if long == 3 => {
                tables.three[usize::from(u16::from_be_bytes([*a, *b]) - 0x8000)]
            }
            [a, b, c @ 0x81..=0xFE, d @ b'0'..=b'9', ..] if long == 4 && (0x81..=0xFE).contains(a) => {
                let digits = [(a - 0x81, 10), (b - b'0', 126), (c - 0x81, 10), (d - b'0', 1)];
                gb18030_four(
                    &tables.four,
                    digits.into_iter().fold(0, |sum, (digit, base)| (sum + usize::from(digit)) * base),
                )
            }
            _ => [0; 4],
        };
        if found != [0; 4] {
            return Step::Character(found, long);
        }
        if long == 4 && self.verify(bytes) == (true, 4) {
            return Step::Malformed(4);
        }
        // ASCII behind what is none stays: it may be a line end.
        let rest = bytes[1..bytes.len().min(long)].iter().take_while(|&&byte| byte >= 0x80).count();
        Step::Malformed(1 + rest)
    }
}

/// The four bytes at `position` in their order.
fn gb18030_bytes(position: usize) -> [u8; 4] {
    let bytes =
        [0x81 + position / 12_600, 0x30 + position / 1260 % 10, 0x81 + position / 10 % 126, 0x30 + position % 10];
    bytes.map(|byte| byte as u8)
}

/// The character of four bytes that are at `position` in their order.
fn gb18030_four(table: &[Entry], position: usize) -> Entry {
    if let Some(entry) = table.get(position) {
        return *entry;
    }
    let counted = position.checked_sub(GB18030_COUNTED).and_then(|rest| char::from_u32(rest as u32 + 0x1_0000));
    counted.map_or([0; 4], entry)
}
