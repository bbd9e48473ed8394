//! Texts that come again and again, told once a load: a string of JavaScript costs more to make and keep than a number.
//!
//! Every thread knows the texts that it has met and asks what all of them share only for those that it has not. A column whose texts are
//! mostly new, or too many, has no dictionary from then on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

/// Texts of a column, and their bytes, at most.
const MOST_TEXTS: usize = 1 << 16;
const MOST_BYTES: usize = 4 << 20;
/// The longest text that is looked up.
const LONGEST: usize = 64;
/// Values of which at least half must have been met before, over and over.
const TRIED: u32 = 4096;
/// Bytes that a text takes besides its own wherever it is known: in a table, with what the allocator keeps.
const OVERHEAD: usize = 64;
/// Places that are looked at for a text. More is a column whose texts are made to collide.
const PROBES: usize = 64;

/// The dictionaries of a load, which only grow.
pub(crate) struct Dictionaries {
    columns: Vec<Mutex<Shared>>,
    /// Bytes that the texts of all columns may still take.
    left: AtomicUsize,
    /// Where each text is kept: twice here, by JavaScript, and by every thread.
    copies: usize,
}

#[derive(Default)]
struct Shared {
    codes: HashMap<Box<[u8]>, u32>,
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Dictionaries {
    /// `most` bytes are taken by all texts together, wherever they are known, at so many threads.
    pub fn new(columns: usize, threads: usize, most: usize) -> Self {
        let columns = (0..columns).map(|_| Mutex::default()).collect();
        Self { columns, left: AtomicUsize::new(most), copies: threads + 3 }
    }

    /// Whether there is room for another text.
    fn take(&self, length: usize) -> bool {
        let bytes = (length + OVERHEAD) * self.copies;
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    /// The code of a text; None where there is no room for it.
    fn code(&self, column: usize, text: &[u8]) -> Option<u32> {
        let mut shared = self.columns.get(column)?.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&code) = shared.codes.get(text) {
            return Some(code);
        }
        let code = shared.ends.len();
        if code >= MOST_TEXTS || shared.bytes.len() + text.len() > MOST_BYTES || !self.take(text.len()) {
            return None;
        }
        shared.codes.insert(text.into(), code as u32);
        shared.bytes.extend_from_slice(text);
        let end = shared.bytes.len() as u32;
        shared.ends.push(end);
        Some(code as u32)
    }

    /// The texts of a column from a code on, end to end, and where each ends.
    pub fn texts(&self, column: usize, from: usize) -> (Vec<u8>, Vec<u32>) {
        let Some(shared) = self.columns.get(column) else { return (Vec::new(), Vec::new()) };
        let shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(ends) = shared.ends.get(from..) else { return (Vec::new(), Vec::new()) };
        let start = if from == 0 { 0 } else { shared.ends[from - 1] };
        (shared.bytes[start as usize..].to_vec(), ends.iter().map(|end| end - start).collect())
    }
}

/// The texts of an input's own dictionary, the code of each, and one more than the highest of them.
type Translated = (ArrayRef, Vec<u32>, u32);

/// What one thread knows of a column's texts.
#[derive(Default)]
pub(crate) struct Known {
    /// The last dictionary of the input itself.
    translated: Option<Translated>,
    /// Open addressing: hash, code + 1, place in `bytes` and length. A code of 0 is an empty place.
    slots: Vec<(u32, u32, u32, u32)>,
    bytes: Vec<u8>,
    count: usize,
    tried: u32,
    met: u32,
    /// Values that the input's own dictionaries served since `tried` was 0.
    served: usize,
    is_given_up: bool,
}

impl Known {
    /// Codes of the texts, which are NULL where `get` has none; None where they are not worth it.
    pub fn codes<'a>(
        &mut self,
        dictionaries: &Dictionaries,
        column: usize,
        texts: impl Iterator<Item = Option<&'a [u8]>>,
        out: &mut Vec<u32>,
    ) -> Option<u32> {
        if self.is_given_up {
            return None;
        }
        let mut most = 0;
        for text in texts {
            let Some(text) = text else {
                out.push(0);
                continue;
            };
            let code = if text.len() > LONGEST { None } else { self.code(dictionaries, column, text) };
            let Some(code) = code.filter(|_| self.is_worth_it()) else {
                *self = Self { is_given_up: true, ..Self::default() };
                return None;
            };
            most = most.max(code + 1);
            out.push(code);
        }
        Some(most)
    }

    /// Codes of the texts of a dictionary of the input, by their places in it, and one more than the highest; None where there is no room, or
    /// where such dictionaries have had a new text for every other value that they served. This one serves `rows` more.
    pub fn codes_of(
        &mut self,
        dictionaries: &Dictionaries,
        column: usize,
        texts: &ArrayRef,
        rows: usize,
    ) -> Option<(&[u32], u32)> {
        if self.is_given_up {
            return None;
        }
        // One dictionary serves many batches.
        let is_same = |(known, ..): &Translated| Arc::ptr_eq(known, texts);
        if !self.translated.as_ref().is_some_and(is_same) {
            let codes = if self.has_served() { self.translate(dictionaries, column, texts) } else { None };
            let Some((codes, most)) = codes else {
                *self = Self { is_given_up: true, ..Self::default() };
                return None;
            };
            self.translated = Some((Arc::clone(texts), codes, most));
        }
        self.served += rows;
        self.translated.as_ref().map(|(_, codes, most)| (&codes[..], *most))
    }

    /// Whether the input's own dictionaries have been worth it.
    fn has_served(&mut self) -> bool {
        if self.tried < TRIED {
            return true;
        }
        let has_served = self.served >= 2 * (self.tried - self.met) as usize;
        (self.tried, self.met, self.served) = (0, 0, 0);
        has_served
    }

    fn translate(&mut self, dictionaries: &Dictionaries, column: usize, texts: &ArrayRef) -> Option<(Vec<u32>, u32)> {
        let mut most = 0;
        let mut code = |text: Option<&str>| {
            let code = self.code(dictionaries, column, text.unwrap_or_default().as_bytes())?;
            most = most.max(code + 1);
            Some(code)
        };
        let codes: Option<Vec<u32>> = match texts.data_type() {
            DataType::Utf8 => texts.as_string::<i32>().iter().map(&mut code).collect(),
            DataType::LargeUtf8 => texts.as_string::<i64>().iter().map(&mut code).collect(),
            DataType::Utf8View => texts.as_string_view().iter().map(&mut code).collect(),
            _ => None,
        };
        Some((codes?, most))
    }

    fn is_worth_it(&mut self) -> bool {
        if self.tried < TRIED {
            return true;
        }
        let is_worth_it = self.met * 2 >= self.tried;
        (self.tried, self.met) = (0, 0);
        is_worth_it
    }

    #[inline]
    fn code(&mut self, dictionaries: &Dictionaries, column: usize, text: &[u8]) -> Option<u32> {
        if self.count * 2 >= self.slots.len() {
            self.grow()?;
        }
        self.tried += 1;
        let hash = hash(text);
        let mask = self.slots.len() - 1;
        for probe in 0..PROBES {
            let index = (hash as usize + probe) & mask;
            let (found, code, start, length) = self.slots[index];
            if code == 0 {
                let code = dictionaries.code(column, text)?;
                self.slots[index] = (hash, code + 1, self.bytes.len() as u32, text.len() as u32);
                self.bytes.extend_from_slice(text);
                self.count += 1;
                return Some(code);
            }
            if found == hash
                && length as usize == text.len()
                && self.bytes[start as usize..][..length as usize] == *text
            {
                self.met += 1;
                return Some(code - 1);
            }
        }
        None
    }

    #[cold]
    fn grow(&mut self) -> Option<()> {
        let size = (self.slots.len() * 4).max(1 << 10);
        let before = std::mem::replace(&mut self.slots, vec![(0, 0, 0, 0); size]);
        for slot in before.into_iter().filter(|slot| slot.1 != 0) {
            let mut places = (0..PROBES).map(|probe| (slot.0 as usize + probe) & (size - 1));
            let free = places.find(|&index| self.slots[index].1 == 0)?;
            self.slots[free] = slot;
        }
        Some(())
    }
}

#[inline(always)]
fn hash(text: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = text.len() as u64;
    let mut chunks = text.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        hash = (hash.rotate_left(23) ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    }
    let rest = chunks.remainder();
    let mut word = [0; 8];
    word[..rest.len()].copy_from_slice(rest);
    hash = (hash.rotate_left(23) ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    // Low bits, which choose the place, are of all bits.
    hash = (hash ^ (hash >> 29)).wrapping_mul(FACTOR);
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(known: &mut Known, all: &Dictionaries, texts: &[&str]) -> Option<(u32, Vec<u32>)> {
        let mut out = Vec::new();
        let most = known.codes(all, 0, texts.iter().map(|text| Some(text.as_bytes())), &mut out)?;
        Some((most, out))
    }

    #[test]
    fn threads_share_codes() {
        let all = Dictionaries::new(1, 2, usize::MAX);
        let (mut one, mut other) = (Known::default(), Known::default());
        assert_eq!(codes(&mut one, &all, &["a", "b", "a", ""]), Some((3, vec![0, 1, 0, 2])));
        assert_eq!(codes(&mut other, &all, &["c", "b", "b"]), Some((4, vec![3, 1, 1])));
        assert_eq!(all.texts(0, 0), (b"abc".to_vec(), vec![1, 2, 2, 3]));
        assert_eq!(all.texts(0, 3), (b"c".to_vec(), vec![1]));
        assert_eq!(all.texts(0, 4), (Vec::new(), Vec::new()));
    }

    #[test]
    fn new_texts_over_and_over_end_it() {
        let all = Dictionaries::new(1, 2, usize::MAX);
        let mut known = Known::default();
        let texts: Vec<String> = (0..10_000).map(|n| format!("text {n}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert_eq!(codes(&mut known, &all, &texts), None);
        assert_eq!(codes(&mut known, &all, &["a", "a"]), None);
        assert!(all.texts(0, 0).1.len() <= TRIED as usize);
    }

    #[test]
    fn columns_share_what_room_there_is() {
        let (most, length) = (1 << 20, 50);
        let all = Dictionaries::new(2, 2, most);
        let mut known = [Known::default(), Known::default()];
        let texts: Vec<String> = (0..40_000).map(|n| format!("{n:0length$}")).collect();
        // Each comes twice, so that it is worth it.
        let mut texts = texts.iter().flat_map(|text| [text.as_str(), text]).collect::<Vec<_>>().into_iter();
        for column in [0, 1].into_iter().cycle() {
            let some: Vec<&str> = texts.by_ref().take(100).collect();
            if some.is_empty() {
                break;
            }
            known[column].codes(&all, column, some.iter().map(|text| Some(text.as_bytes())), &mut Vec::new());
        }
        let counts = [0, 1].map(|column| all.texts(column, 0).1.len());
        assert!(counts.iter().all(|&count| count > 500), "{counts:?}");
        assert!(counts.iter().sum::<usize>() * (length + OVERHEAD) * 5 <= most, "{counts:?}");
        assert!(known.iter().all(|known| known.is_given_up));
    }

    #[test]
    fn dictionaries_that_serve_few_values_end_it() {
        let all = Dictionaries::new(1, 2, usize::MAX);
        let group = |from: usize| -> ArrayRef {
            Arc::new(arrow_array::StringArray::from_iter_values((from..from + 2000).map(|n| format!("text {n}"))))
        };
        for (rows, is_worth_it) in [(2000, false), (20_000, true)] {
            let mut known = Known::default();
            let mut codes = |number: usize| known.codes_of(&all, 0, &group(number * 2000), rows).map(|(_, most)| most);
            assert_eq!((0..10).all(|number| codes(number).is_some()), is_worth_it, "{rows}");
            assert_eq!(codes(11).is_some(), is_worth_it);
        }
    }

    #[test]
    fn short_texts_do_not_collide() {
        let all = Dictionaries::new(1, 2, usize::MAX);
        let mut known = Known::default();
        let letters = || b'A'..=b'Z';
        let texts = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])));
        let texts: Vec<String> = texts.step_by(7).map(|text| String::from_utf8_lossy(&text).into_owned()).collect();
        let twice: Vec<&str> = texts.iter().flat_map(|text| [text.as_str(), text]).collect();
        let (most, _) = codes(&mut known, &all, &twice).unwrap();
        assert_eq!(most as usize, texts.len());
    }

    #[test]
    fn many_texts_that_come_again_are_kept() {
        let all = Dictionaries::new(1, 2, usize::MAX);
        let mut known = Known::default();
        let texts: Vec<String> = (0..200_000).map(|n| format!("ST{:05}", n * 7919 % 1500)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let (most, codes) = codes(&mut known, &all, &texts).unwrap();
        assert_eq!(most, 1500);
        let (bytes, ends) = all.texts(0, 0);
        for (text, &code) in texts.iter().zip(&codes) {
            let start = if code == 0 { 0 } else { ends[code as usize - 1] };
            assert_eq!(&bytes[start as usize..ends[code as usize] as usize], text.as_bytes());
        }
    }
}
