//! Offsets by local time in constant time, for the years that data is from.

use super::Zone;
use crate::calendar::{SECONDS_PER_DAY, UNIX_TO_POSTGRES_DAYS};

/// Seconds of a bucket, as a power of two: 24 days, in which a zone changes its clocks once at most.
const BUCKET_BITS: u32 = 21;
/// From about 1900 to about 2100, counted from 2000-01-01.
const FIRST_BUCKET: i64 = -1505;
const BUCKETS: usize = 3010;

/// Offsets within one bucket.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Local seconds since 2000-01-01 from which on `after` applies.
    change: i64,
    /// Seconds east of Greenwich.
    before: i32,
    after: i32,
}

/// An offset that no zone has marks a bucket with two changes of clocks.
const UNKNOWN: i32 = i32::MAX;

/// A zone's offsets by local time.
pub(crate) struct LocalOffsets {
    /// All of them, or none.
    buckets: Vec<Bucket>,
    /// The offset of a zone that has only one.
    constant: Option<i32>,
}

impl LocalOffsets {
    pub(crate) fn new(zone: &Zone) -> LocalOffsets {
        if zone.transitions.is_empty() {
            return LocalOffsets { buckets: Vec::new(), constant: Some(zone.offset_at(0)) };
        }
        // A POSIX specification may be up to a week from Greenwich, and then the neighbouring buckets matter.
        if zone.types.iter().any(|local_type| i64::from(local_type.offset).abs() > SECONDS_PER_DAY) {
            return LocalOffsets { buckets: Vec::new(), constant: None };
        }
        const TO_UNIX: i64 = UNIX_TO_POSTGRES_DAYS * SECONDS_PER_DAY;
        let bucket = |index: i64| {
            let start = (index << BUCKET_BITS) + TO_UNIX;
            let end = ((index + 1) << BUCKET_BITS) + TO_UNIX;
            let changes = zone.changes(start - 3 * SECONDS_PER_DAY, end + 3 * SECONDS_PER_DAY);
            match changes[..] {
                [] => {
                    let offset = zone.resolve_local(start).0;
                    Bucket { change: i64::MAX, before: offset, after: offset }
                }
                [(at, before, after)] => Bucket { change: at + i64::from(after) - TO_UNIX, before, after },
                _ => Bucket { change: i64::MAX, before: UNKNOWN, after: UNKNOWN },
            }
        };
        let buckets = (0..BUCKETS as i64).map(|index| bucket(index + FIRST_BUCKET)).collect();
        LocalOffsets { buckets, constant: None }
    }

    /// The offset, seconds east of Greenwich, of a local time, seconds since 2000-01-01. `None` when it takes the
    /// whole zone to tell.
    #[inline]
    pub(crate) fn get(&self, local: i64) -> Option<i32> {
        if self.constant.is_some() {
            return self.constant;
        }
        let bucket = self.buckets.get(((local >> BUCKET_BITS) - FIRST_BUCKET) as usize)?;
        let offset = if local < bucket.change { bucket.before } else { bucket.after };
        (offset != UNKNOWN).then_some(offset)
    }
}
