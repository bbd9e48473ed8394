//! The session settings that PostgreSQL's input functions read.

/// The field order half of `DateStyle`: how `01/02/03` is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DateOrder {
    #[default]
    Mdy,
    Dmy,
    Ymd,
}

/// `IntervalStyle`, which changes how signs in an interval literal are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IntervalStyle {
    #[default]
    Postgres,
    PostgresVerbose,
    SqlStandard,
    Iso8601,
}

/// Whose zone words, the names and abbreviations of time zones in literals, are read with the compiled-in zone data.
/// Others are an error of the code [`crate::ErrorCode::LeftToServer`]. Words that mean one offset in any zone data, such
/// as `UTC`, are always read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ZoneWords {
    /// Those of every zone: the compiled-in data are the truth.
    #[default]
    All,
    /// Those of the session's zone, of which the server is known to have the same data.
    SessionZone,
    None,
}

/// Settings of the target's session, asked once before a load.
#[derive(Clone, Debug)]
pub struct Session {
    pub date_order: DateOrder,
    pub interval_style: IntervalStyle,
    /// `TimeZone` as the server spells it: an IANA name, an abbreviation or a POSIX specification.
    pub time_zone: String,
    /// Start of the transaction, microseconds since 2000-01-01 00:00:00 UTC: the meaning of `now`, `today`, `tomorrow`.
    pub now: i64,
    /// Zone words that are not the server's to read.
    pub zone_words: ZoneWords,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            date_order: DateOrder::Mdy,
            interval_style: IntervalStyle::Postgres,
            time_zone: "UTC".into(),
            now: 0,
            zone_words: ZoneWords::All,
        }
    }
}
