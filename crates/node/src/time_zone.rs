//! The compiled-in time zone data, for comparing them with a server's.

use copyist_datetime::TimeZone;
use napi::bindgen_prelude::Float64Array;
use napi_derive::napi;

/// A time zone of the compiled-in data.
#[napi(object)]
pub struct BindingZone {
    /// Whether it always had the same offset.
    pub is_constant: bool,
    /// Unix times, in seconds, at which its clocks or its name changed.
    pub transitions: Float64Array,
}

/// The zone of that name and its transitions from `start` to `end`; nothing when there is no such zone.
#[napi(catch_unwind)]
pub fn zone(name: String, start: i64, end: i64) -> Option<BindingZone> {
    let zone = TimeZone::named(&name)?;
    let transitions: Vec<f64> = zone.transitions(start, end).map(|at| at as f64).collect();
    Some(BindingZone { is_constant: zone.is_constant(), transitions: transitions.into() })
}

/// What the zone's clocks show at each of these Unix times: a line with the seconds east of Greenwich and the
/// abbreviation, such as `-18000 EST`, lines separated by line feeds. Nothing when there is no such zone.
#[napi(catch_unwind)]
pub fn zone_observed(name: String, instants: Float64Array) -> Option<String> {
    let zone = TimeZone::named(&name)?;
    let line = |at: &f64| {
        let (offset, abbreviation) = zone.observed(*at as i64);
        format!("{offset} {abbreviation}")
    };
    Some(instants.iter().map(line).collect::<Vec<_>>().join("\n"))
}
