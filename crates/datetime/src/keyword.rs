//! The words of date and interval literals.

/// What a word in a date, time or timestamp means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateWord {
    Infinity,
    NegativeInfinity,
    Epoch,
    Now,
    Today,
    Tomorrow,
    Yesterday,
    /// `allballs`: midnight, UTC.
    Zulu,
    /// 1 to 12.
    Month(i32),
    /// A day of the week, which is read and not checked.
    Weekday,
    Ante,
    Post,
    Anno,
    BeforeChrist,
    /// `dst` after a zone: one more hour.
    DaylightSaving,
    /// `j`: the next field is a Julian day.
    Julian,
    /// `t`: the next field is a time.
    TimePrefix,
    /// `mm`: minutes, to an interval.
    MinutePrefix,
    /// A unit that no literal may contain.
    OtherUnit,
    /// `at` and `on`.
    Ignored,
}

/// A unit of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
    Decade,
    Century,
    Millennium,
    /// Known words that measure no interval: `quarter`, `timezone`.
    Unusable,
}

/// What a word in an interval means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntervalWord {
    Unit(Unit),
    Ago,
}

/// Words are compared by their first ten letters.
const SIGNIFICANT: usize = 10;

fn find<T: Copy>(table: &[(&str, T)], word: &[u8]) -> Option<T> {
    let word = &word[..word.len().min(SIGNIFICANT)];
    table.binary_search_by(|(name, _)| name.as_bytes().cmp(word)).ok().map(|index| table[index].1)
}

/// The meaning of a lower-case word in a date, time or timestamp, time zones aside.
pub(crate) fn date_word(word: &[u8]) -> Option<DateWord> {
    find(DATE_WORDS, word)
}

/// The meaning of a lower-case word in an interval.
pub(crate) fn interval_word(word: &[u8]) -> Option<IntervalWord> {
    find(INTERVAL_WORDS, word)
}

#[rustfmt::skip]
const DATE_WORDS: &[(&str, DateWord)] = {
    use DateWord::*;
    &[
        ("+infinity", Infinity), ("-infinity", NegativeInfinity), ("ad", Anno), ("allballs", Zulu), ("am", Ante),
        ("apr", Month(4)), ("april", Month(4)), ("at", Ignored), ("aug", Month(8)), ("august", Month(8)),
        ("bc", BeforeChrist), ("d", OtherUnit), ("dec", Month(12)), ("december", Month(12)), ("dow", OtherUnit),
        ("doy", OtherUnit), ("dst", DaylightSaving), ("epoch", Epoch), ("feb", Month(2)), ("february", Month(2)),
        ("fri", Weekday), ("friday", Weekday), ("h", OtherUnit), ("infinity", Infinity), ("isodow", OtherUnit),
        ("isoyear", OtherUnit), ("j", Julian), ("jan", Month(1)), ("january", Month(1)), ("jd", Julian),
        ("jul", Month(7)), ("julian", Julian), ("july", Month(7)), ("jun", Month(6)), ("june", Month(6)),
        ("m", OtherUnit), ("mar", Month(3)), ("march", Month(3)), ("may", Month(5)), ("mm", MinutePrefix),
        ("mon", Weekday), ("monday", Weekday), ("nov", Month(11)), ("november", Month(11)), ("now", Now),
        ("oct", Month(10)), ("october", Month(10)), ("on", Ignored), ("pm", Post), ("s", OtherUnit),
        ("sat", Weekday), ("saturday", Weekday), ("sep", Month(9)), ("sept", Month(9)), ("september", Month(9)),
        ("sun", Weekday), ("sunday", Weekday), ("t", TimePrefix), ("thu", Weekday), ("thur", Weekday),
        ("thurs", Weekday), ("thursday", Weekday), ("today", Today), ("tomorrow", Tomorrow), ("tue", Weekday),
        ("tues", Weekday), ("tuesday", Weekday), ("wed", Weekday), ("wednesday", Weekday), ("weds", Weekday),
        ("y", OtherUnit), ("yesterday", Yesterday),
    ]
};

#[rustfmt::skip]
const INTERVAL_WORDS: &[(&str, IntervalWord)] = {
    use Unit::*;
    const fn unit(unit: Unit) -> IntervalWord {
        IntervalWord::Unit(unit)
    }
    &[
        ("ago", IntervalWord::Ago), ("c", unit(Century)), ("cent", unit(Century)), ("centuries", unit(Century)),
        ("century", unit(Century)), ("d", unit(Day)), ("day", unit(Day)), ("days", unit(Day)),
        ("dec", unit(Decade)), ("decade", unit(Decade)), ("decades", unit(Decade)), ("decs", unit(Decade)),
        ("h", unit(Hour)), ("hour", unit(Hour)), ("hours", unit(Hour)), ("hr", unit(Hour)), ("hrs", unit(Hour)),
        ("m", unit(Minute)), ("microsecon", unit(Microsecond)), ("mil", unit(Millennium)),
        ("millennia", unit(Millennium)), ("millennium", unit(Millennium)), ("millisecon", unit(Millisecond)),
        ("mils", unit(Millennium)), ("min", unit(Minute)), ("mins", unit(Minute)), ("minute", unit(Minute)),
        ("minutes", unit(Minute)), ("mon", unit(Month)), ("mons", unit(Month)), ("month", unit(Month)),
        ("months", unit(Month)), ("ms", unit(Millisecond)), ("msec", unit(Millisecond)),
        ("msecond", unit(Millisecond)), ("mseconds", unit(Millisecond)), ("msecs", unit(Millisecond)),
        ("qtr", unit(Unusable)), ("quarter", unit(Unusable)), ("s", unit(Second)), ("sec", unit(Second)),
        ("second", unit(Second)), ("seconds", unit(Second)), ("secs", unit(Second)), ("timezone", unit(Unusable)),
        ("us", unit(Microsecond)), ("usec", unit(Microsecond)), ("usecond", unit(Microsecond)),
        ("useconds", unit(Microsecond)), ("usecs", unit(Microsecond)), ("w", unit(Week)), ("week", unit(Week)),
        ("weeks", unit(Week)), ("y", unit(Year)), ("year", unit(Year)), ("years", unit(Year)), ("yr", unit(Year)),
        ("yrs", unit(Year)),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        assert!(DATE_WORDS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(INTERVAL_WORDS.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn ten_letters_decide() {
        assert_eq!(interval_word(b"microseconds"), Some(IntervalWord::Unit(Unit::Microsecond)));
        assert_eq!(interval_word(b"millenniums"), Some(IntervalWord::Unit(Unit::Millennium)));
        assert_eq!(interval_word(b"hourss"), None);
        assert_eq!(date_word(b"septembers"), None);
    }
}
