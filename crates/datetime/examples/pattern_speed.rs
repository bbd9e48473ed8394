//! Nanoseconds a value that patterns take beside the plain fast paths: `cargo run --release --example pattern_speed`.

use std::hint::black_box;
use std::time::Instant;

use copyist_core::Session;
use copyist_datetime::{Context, DateCache, Kind, Language, Pattern, Patterns, fast_date, fast_timestamp};

const VALUES: usize = 4096;
const ROUNDS: usize = 200;

/// Different values from one form, so that no branch is learnt by heart.
fn values(form: impl Fn(usize) -> String) -> Vec<Vec<u8>> {
    (0..VALUES).map(|index| form(index.wrapping_mul(2_654_435_761) >> 7).into_bytes()).collect()
}

/// Of five runs, the fastest.
fn measure(name: &str, values: &[Vec<u8>], read: impl Fn(&[u8]) -> i64) {
    let best = (0..5)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..ROUNDS {
                for value in values {
                    black_box(read(black_box(value)));
                }
            }
            start.elapsed().as_secs_f64() * 1e9 / (ROUNDS * VALUES) as f64
        })
        .fold(f64::INFINITY, f64::min);
    println!("{best:7.1} ns  {name}");
}

fn main() {
    let context = Context::new(&Session { time_zone: "Europe/Berlin".into(), ..Session::default() }).expect("a zone");
    let context = &context;
    let parts = |seed: usize| {
        (
            1970 + seed % 80,
            1 + seed / 80 % 12,
            1 + seed / 960 % 28,
            seed % 24,
            seed / 24 % 60,
            seed / 1440 % 60,
            seed % 1_000_000,
        )
    };
    let iso = values(|seed| {
        let (year, month, day, hour, minute, second, _) = parts(seed);
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    });
    let micros = values(|seed| {
        let (year, month, day, hour, minute, second, micros) = parts(seed);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    });
    let date = values(|seed| {
        let (year, month, day, ..) = parts(seed);
        format!("{year:04}-{month:02}-{day:02}")
    });
    let european = values(|seed| {
        let (year, month, day, ..) = parts(seed);
        format!("{day:02}/{month:02}/{year:04}")
    });
    let short = values(|seed| {
        let (year, month, day, ..) = parts(seed);
        format!("{day}/{month}/{year:04}")
    });
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let named = values(|seed| {
        let (year, month, day, hour, minute, second, _) = parts(seed);
        format!("{day:02}/{}/{year:04}:{hour:02}:{minute:02}:{second:02}", MONTHS[month - 1])
    });
    let epoch = values(|seed| format!("{}", seed % 4_000_000_000));

    let compile = |language, text: &str| Pattern::compile(language, text).expect("a pattern");
    let timestamp = |language, text: &str, values: &[Vec<u8>]| {
        let pattern = compile(language, text);
        measure(text, values, |value| pattern.timestamp(value, None, context).expect("a timestamp"));
    };
    let dates = |language, text: &str, values: &[Vec<u8>]| {
        let pattern = compile(language, text);
        measure(text, values, |value| i64::from(pattern.date(value, context).expect("a date")));
    };

    measure("plain date (fast_date)", &date, |value| i64::from(fast_date(value, 0, value.len()).expect("a date")));
    let cache = DateCache::default();
    measure("plain timestamp (fast_timestamp)", &iso, |value| {
        fast_timestamp(value, 0, value.len(), &cache).expect("a timestamp")
    });
    dates(Language::ToChar, "YYYY-MM-DD", &date);
    dates(Language::Java, "dd/MM/yyyy", &european);
    dates(Language::Strptime, "%d/%m/%Y", &short);
    timestamp(Language::ToChar, "YYYY-MM-DD HH24:MI:SS", &iso);
    timestamp(Language::Strptime, "%Y-%m-%d %H:%M:%S", &iso);
    timestamp(Language::Java, "yyyy-MM-ddTHH:mm:ss.SSSUUUZ", &micros);
    timestamp(Language::Strptime, "%d/%b/%Y:%H:%M:%S", &named);
    timestamp(Language::Auto, "auto", &iso);
    timestamp(Language::Auto, "epochsecs", &epoch);
    let zoned = compile(Language::ToChar, "YYYY-MM-DD HH24:MI:SS");
    measure("YYYY-MM-DD HH24:MI:SS as timestamptz, Europe/Berlin", &iso, |value| {
        zoned.timestamptz(value, None, context).expect("a timestamptz")
    });
    let several = ["DD.MM.YYYY", "MM/DD/YYYY", "YYYY-MM-DD"];
    let several = Patterns::compile(Language::ToChar, several, Kind::Date).expect("patterns");
    measure("the third of three patterns", &date, |value| i64::from(several.date(value, context).expect("a date")));
}
