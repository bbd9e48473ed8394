use super::{any_byte, any_data, any_eol, scanners};
use crate::{Eol, Separator, naive};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn count_equals_naive(data in any_data(), byte in any_byte()) {
        for (name, scanner) in scanners() {
            prop_assert_eq!(scanner.count(&data, byte), naive::count(&data, byte), "{}", name);
        }
    }

    #[test]
    fn quotes_are_sound_equals_naive(data in any_data(), eol in any_eol()) {
        for (name, scanner) in scanners() {
            let sound = scanner.quotes_are_sound(&data, Separator::byte(b','), b'"', eol);
            prop_assert_eq!(sound, naive::quotes_are_sound(&data, Separator::byte(b','), b'"', eol), "{}", name);
        }
    }

    #[test]
    fn sound_quotes_at_every_place_of_a_block(
        fields in prop::collection::vec("[ab]{0,9}|\"([ab,\n]|\"\"){0,20}\"", 1..60),
        spoilt in proptest::option::of((any::<prop::sample::Index>(), prop::sample::select(vec![b'"', b'a', b'\n'])))
    ) {
        let mut data = fields.join(",").into_bytes();
        data.push(b'\n');
        if let Some((index, byte)) = spoilt {
            let at = index.index(data.len());
            data[at] = byte;
        }
        for (name, scanner) in scanners() {
            let sound = scanner.quotes_are_sound(&data, Separator::byte(b','), b'"', Eol::Lf);
            prop_assert_eq!(sound, naive::quotes_are_sound(&data, Separator::byte(b','), b'"', Eol::Lf), "{}", name);
            prop_assert!(sound || spoilt.is_some());
        }
    }

    #[test]
    fn non_ascii_or_nul_equals_naive(data in prop::collection::vec(1..0x80u8, 0..300), odd in any::<[(u16, u8); 2]>()) {
        let mut data = data;
        for (position, byte) in odd {
            if let Some(slot) = data.get_mut(usize::from(position % 512)) {
                *slot = byte & 0x80;
            }
        }
        for (name, scanner) in scanners() {
            prop_assert_eq!(scanner.non_ascii_or_nul(&data), naive::non_ascii_or_nul(&data), "{}", name);
        }
    }
}

/// All values of a byte against all others, at all places of a block: no carry runs from one byte into the next.
#[test]
fn count_tells_every_byte_from_every_other() {
    for (name, scanner) in scanners() {
        for byte in 0..=255u8 {
            let neighbours = [byte, byte.wrapping_add(1), byte, byte.wrapping_sub(1), byte ^ 0x80, byte, byte ^ 1];
            let data: Vec<u8> = neighbours.into_iter().cycle().take(7 * 64).collect();
            assert_eq!(scanner.count(&data, byte), 3 * 64, "{name}, {byte}");
        }
    }
}
