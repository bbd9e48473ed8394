//! Columns whose Arrow type is, or fits into, the type of their target.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal32Type, Decimal64Type, Decimal128Type, Float16Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType,
    IntervalYearMonthType, Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, downcast_dictionary_array};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};
use copyist_core::Type;
use copyist_datetime::{self as datetime, Interval};
use copyist_types as types;

use super::value::EPOCH_MICROS;
use super::{Notes, value};
use crate::column::{ByteRef, Column, Validity, Values};
use crate::values::{Stopped, in_duckdb_range};
use crate::{ColumnPlan, Layout, Plan};

type Taken = Result<(), Stopped>;

/// Takes the first `limit` values as they are. None where they have to be written and read as literals.
pub(super) fn take(
    plan: &Plan,
    spec: &ColumnPlan,
    array: &ArrayRef,
    limit: usize,
    column: &mut Column,
    arena: &mut Vec<u8>,
    notes: &mut Notes<'_>,
) -> Option<Taken> {
    if plan.layout == Layout::PgText {
        return None;
    }
    let Column { values, validity, defaults, .. } = column;
    let mut sink = Sink { array, limit, validity, defaults, notes };
    let bounded = plan.counts_from_1970();
    match (values, &spec.ty, array.data_type()) {
        (Values::Bool(out), _, DataType::Boolean) => {
            let bits = array.as_boolean().values();
            sink.nulls();
            out.clear();
            out.extend((0..limit).map(|row| u8::from(bits.value(row))));
            Some(Ok(()))
        }
        (Values::I32(out), Type::Date, DataType::Date32) => Some(sink.typed::<Date32Type, _>(out, |days| {
            value::infinite_date(days)
                .map(|is_later| if is_later { i32::MAX } else { i32::MIN })
                .or_else(|| value::finite_date(days.into()))
        })),
        (Values::I32(_), Type::Date, _) => None,
        (Values::I16(out), _, ty) => sink.integers(out, ty),
        (Values::I32(out), _, ty) => sink.integers(out, ty),
        (Values::I64(out), Type::Int8, ty) => sink.integers(out, ty),
        (Values::I64(out), Type::Time(p), ty) => sink.times(out, ty, *p),
        (Values::I64(out), ty, DataType::Timestamp(TimeUnit::Nanosecond, _)) if ty.has_nanoseconds() => {
            Some(sink.typed::<TimestampNanosecondType, _>(out, Some))
        }
        // An instant without a zone is one of the session's zone, which a literal is read in.
        (Values::I64(out), Type::Timestamp(p), ty @ DataType::Timestamp(..))
        | (Values::I64(out), Type::TimestampTz(p), ty @ DataType::Timestamp(_, Some(_))) => {
            sink.instants(out, ty, *p, bounded)
        }
        (Values::F32(out), _, DataType::Float32) => Some(sink.typed::<Float32Type, _>(out, Some)),
        (Values::F32(out), _, DataType::Float16) => Some(sink.typed::<Float16Type, _>(out, |v| Some(v.to_f32()))),
        (Values::F64(out), _, DataType::Float64) => Some(sink.typed::<Float64Type, _>(out, Some)),
        (Values::F64(out), _, DataType::Float32) => Some(sink.typed::<Float32Type, _>(out, |v| Some(v.into()))),
        (Values::F64(out), _, DataType::Int32) => Some(sink.typed::<Int32Type, _>(out, |v| Some(v.into()))),
        (Values::I128(out), Type::Numeric(Some((precision, scale))), ty) => {
            let to = Decimal { precision: *precision, scale: *scale };
            sink.decimals(ty, |sink, unscaled| sink.rows(out, 0, |row| to.rescaled(unscaled(row)?)))
        }
        (Values::Interval(out), Type::Interval(p), ty) if plan.layout == Layout::PgBinary || p.is_none() => {
            sink.intervals(out, ty, *p)
        }
        (Values::Uuid(out), _, DataType::FixedSizeBinary(16)) => {
            let bytes = array.as_fixed_size_binary();
            Some(sink.rows(out, [0; 16], |row| bytes.value(row).try_into().ok()))
        }
        (Values::Uuid(out), _, DataType::Binary) => {
            let bytes = array.as_binary::<i32>();
            Some(sink.rows(out, [0; 16], |row| bytes.value(row).try_into().ok()))
        }
        (Values::Bytes(out), ty, _) => bytes(plan, ty, out, arena, sink),
        _ => None,
    }
}

/// Values that are byte strings, one after the other in the arena.
fn bytes(plan: &Plan, ty: &Type, out: &mut Vec<ByteRef>, arena: &mut Vec<u8>, mut sink: Sink<'_, '_>) -> Option<Taken> {
    match (ty, sink.array.data_type()) {
        (Type::Numeric(typmod), source) if plan.layout == Layout::PgBinary => {
            let source_scale = match source {
                DataType::Decimal32(_, s) | DataType::Decimal64(_, s) | DataType::Decimal128(_, s) => *s,
                _ => 0,
            };
            let to = match typmod {
                Some((precision, scale)) => Decimal { precision: *precision, scale: *scale },
                None => Decimal { precision: 1000, scale: source_scale.into() },
            };
            // Beyond what 128 bits hold there are numbers that the type has.
            let may_overflow = to.precision > 38 && to.scale > i16::from(source_scale);
            if !(0..=38).contains(&to.scale) || may_overflow {
                return None;
            }
            sink.decimals(source, |sink, unscaled| {
                sink.rows(out, ByteRef::EMPTY, |row| {
                    let from = arena.len();
                    write_numeric(to.rescaled(unscaled(row)?)?, to.scale as u16, arena);
                    Some(ByteRef::arena(from, arena.len()))
                })
            })
        }
        // A string is read as a literal of its own.
        (Type::Bytea, source) if !super::is_string(source) => sink.strings(out, arena, whole),
        (Type::Text | Type::Varchar(None) | Type::Bpchar(None), source) if super::is_string(source) => {
            sink.strings(out, arena, no_nul)
        }
        (Type::Varchar(Some(n)), source) if super::is_string(source) && !plan.tolerance.truncate => {
            sink.strings(out, arena, |v| types::text::check_varchar(no_nul(v)?, *n).ok())
        }
        (Type::Bpchar(Some(n)), source) if super::is_string(source) && !plan.tolerance.truncate => {
            sink.strings(out, arena, |v| types::text::check_bpchar(no_nul(v)?, *n).ok())
        }
        (Type::Json | Type::Jsonb, source) if super::is_string(source) => {
            sink.strings(out, arena, |v| types::json::check(no_nul(v)?, *ty == Type::Jsonb).ok().map(|()| v))
        }
        _ => None,
    }
}

#[allow(clippy::unnecessary_wraps, reason = "a check that passes everything")]
fn whole(value: &[u8]) -> Option<&[u8]> {
    Some(value)
}

fn no_nul(value: &[u8]) -> Option<&[u8]> {
    memchr::memchr(0, value).is_none().then_some(value)
}

/// `numeric(precision, scale)`.
#[derive(Clone, Copy)]
struct Decimal {
    precision: u16,
    scale: i16,
}

impl Decimal {
    /// The unscaled number of this type, if it is exactly that.
    fn rescaled(self, (unscaled, scale): (i128, i8)) -> Option<i128> {
        let shift = i32::from(self.scale) - i32::from(scale);
        let value = match 10_i128.checked_pow(shift.unsigned_abs()) {
            Some(factor) if shift >= 0 => unscaled.checked_mul(factor)?,
            Some(factor) if unscaled % factor == 0 => unscaled / factor,
            _ if unscaled == 0 => 0,
            _ => return None,
        };
        let is_in_range = 10_u128.checked_pow(self.precision.into()).is_none_or(|end| value.unsigned_abs() < end);
        is_in_range.then_some(value)
    }
}

/// The binary form of `numeric`: groups of four digits.
fn write_numeric(unscaled: i128, scale: u16, out: &mut Vec<u8>) {
    /// Digits of 128 bits, and as many behind the point, in groups of four.
    const MOST: usize = 24;
    let size = unscaled.unsigned_abs();
    let unit = 10_u128.pow(scale.into());
    let (mut whole, mut fraction) = (size / unit, size % unit);
    let mut groups = [0_u16; MOST];
    // Those before the point end at `point`.
    let point = MOST / 2;
    let mut first = point;
    while whole > 0 {
        first -= 1;
        groups[first] = (whole % 10_000) as u16;
        whole /= 10_000;
    }
    let (mut end, mut left) = (point, u32::from(scale));
    while left > 0 && fraction > 0 {
        groups[end] = if left >= 4 {
            let unit = 10_u128.pow(left - 4);
            let group = fraction / unit;
            fraction %= unit;
            group as u16
        } else {
            let group = fraction * 10_u128.pow(4 - left);
            fraction = 0;
            group as u16
        };
        left = left.saturating_sub(4);
        end += 1;
    }
    while first < end && groups[first] == 0 {
        first += 1;
    }
    while end > first && groups[end - 1] == 0 {
        end -= 1;
    }
    let digits = &groups[first..end];
    let weight = if digits.is_empty() { 0 } else { point as i16 - first as i16 - 1 };
    let sign: u16 = if unscaled < 0 { 0x4000 } else { 0 };
    for word in [digits.len() as u16, weight.cast_unsigned(), sign, scale] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    for digit in digits {
        out.extend_from_slice(&digit.to_be_bytes());
    }
}

/// Where the values of a column go, and where they come from.
struct Sink<'a, 'n> {
    array: &'a ArrayRef,
    limit: usize,
    validity: &'a mut Validity,
    defaults: &'a mut Vec<u32>,
    notes: &'a mut Notes<'n>,
}

impl Sink<'_, '_> {
    fn nulls(&mut self) {
        if let Some(nulls) = self.array.logical_nulls()
            && nulls.null_count() > 0
        {
            self.validity.copy_from(nulls.inner().bit_chunks().iter_padded(), self.limit);
        }
    }

    /// One value a row; None where it is refused. What a NULL stands on is not looked at.
    fn rows<T: Copy>(&mut self, out: &mut Vec<T>, null: T, mut get: impl FnMut(usize) -> Option<T>) -> Taken {
        self.nulls();
        out.clear();
        let has_nulls = self.validity.nulls() > 0;
        for row in 0..self.limit {
            let value = if has_nulls && !self.validity.is_valid(row) {
                null
            } else if let Some(value) = get(row) {
                value
            } else {
                self.notes.refuse(row, self.validity, self.defaults)?;
                null
            };
            out.push(value);
        }
        Ok(())
    }

    /// Numbers, each of which becomes another.
    fn typed<S: ArrowPrimitiveType, T: Copy + Default>(
        &mut self,
        out: &mut Vec<T>,
        convert: impl Fn(S::Native) -> Option<T>,
    ) -> Taken {
        self.nulls();
        let values = &self.array.as_primitive::<S>().values()[..self.limit];
        out.clear();
        let mut all = true;
        out.extend(values.iter().map(|&value| {
            let converted = convert(value);
            all &= converted.is_some();
            converted.unwrap_or_default()
        }));
        if !all {
            for (row, &value) in values.iter().enumerate() {
                if self.validity.is_valid(row) && convert(value).is_none() {
                    self.notes.refuse(row, self.validity, self.defaults)?;
                }
            }
        }
        Ok(())
    }

    fn integers<T: Copy + Default + Integer>(&mut self, out: &mut Vec<T>, source: &DataType) -> Option<Taken> {
        Some(match source {
            DataType::Int8 => self.typed::<Int8Type, _>(out, |v| T::of(v.into())),
            DataType::Int16 => self.typed::<Int16Type, _>(out, |v| T::of(v.into())),
            DataType::Int32 => self.typed::<Int32Type, _>(out, |v| T::of(v.into())),
            DataType::Int64 => self.typed::<Int64Type, _>(out, |v| T::of(v)),
            DataType::UInt8 => self.typed::<UInt8Type, _>(out, |v| T::of(v.into())),
            DataType::UInt16 => self.typed::<UInt16Type, _>(out, |v| T::of(v.into())),
            DataType::UInt32 => self.typed::<UInt32Type, _>(out, |v| T::of(v.into())),
            DataType::UInt64 => self.typed::<UInt64Type, _>(out, |v| T::of(i64::try_from(v).ok()?)),
            DataType::Float16 => self.typed::<Float16Type, _>(out, |v| T::of(whole_number(v.to_f64())?)),
            DataType::Float32 => self.typed::<Float32Type, _>(out, |v| T::of(whole_number(v.into())?)),
            DataType::Float64 => self.typed::<Float64Type, _>(out, |v| T::of(whole_number(v)?)),
            ty => {
                let to = Decimal { precision: 19, scale: 0 };
                return self.decimals(ty, |sink, unscaled| {
                    sink.rows(out, T::default(), |row| T::of(i64::try_from(to.rescaled(unscaled(row)?)?).ok()?))
                });
            }
        })
    }

    fn times(&mut self, out: &mut Vec<i64>, source: &DataType, digits: Option<u8>) -> Option<Taken> {
        let time = move |nanos: i64| {
            let micros = exact_micros(nanos.into(), digits)?;
            datetime::receive::time(micros, None).ok()
        };
        Some(match source {
            DataType::Time32(TimeUnit::Second) => {
                self.typed::<Time32SecondType, _>(out, |v| time(i64::from(v) * 1_000_000_000))
            }
            DataType::Time32(_) => self.typed::<Time32MillisecondType, _>(out, |v| time(i64::from(v) * 1_000_000)),
            DataType::Time64(TimeUnit::Microsecond) => {
                self.typed::<Time64MicrosecondType, _>(out, |v| time(v.checked_mul(1000)?))
            }
            DataType::Time64(_) => self.typed::<Time64NanosecondType, _>(out, time),
            _ => return None,
        })
    }

    fn instants(&mut self, out: &mut Vec<i64>, source: &DataType, digits: Option<u8>, bounded: bool) -> Option<Taken> {
        // Seconds and milliseconds of four digits of a year and more are far from the ends of what the type holds.
        let instant = move |micros: i64| {
            if let Some(is_later) = value::infinite_instant(micros) {
                return Some(if is_later { i64::MAX } else { i64::MIN });
            }
            let micros = micros.checked_sub(EPOCH_MICROS)?;
            if digits.is_some_and(|digits| digits < 6) {
                exact_micros(i128::from(micros) * 1000, digits)?;
            }
            if micros == i64::MAX || micros == i64::MIN {
                return None;
            }
            let micros = datetime::receive::timestamp(micros, None).ok()?;
            in_duckdb_range(bounded, micros, b"").ok()
        };
        Some(match source {
            DataType::Timestamp(TimeUnit::Second, _) => {
                self.typed::<TimestampSecondType, _>(out, |v| instant(value::scaled_instant(v, 1_000_000)?))
            }
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                self.typed::<TimestampMillisecondType, _>(out, |v| instant(value::scaled_instant(v, 1000)?))
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => self.typed::<TimestampMicrosecondType, _>(out, instant),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                self.typed::<TimestampNanosecondType, _>(out, |v| if v % 1000 == 0 { instant(v / 1000) } else { None })
            }
            _ => return None,
        })
    }

    fn intervals(&mut self, out: &mut Vec<Interval>, source: &DataType, digits: Option<u8>) -> Option<Taken> {
        let never = Interval { months: 0, days: 0, micros: 0 };
        let interval = |months: i32, days: i32, nanos: i128| {
            let micros = exact_micros(nanos, digits)?;
            let ends = [(i32::MAX, i32::MAX, i64::MAX), (i32::MIN, i32::MIN, i64::MIN)];
            (!ends.contains(&(months, days, micros))).then_some(Interval { months, days, micros })
        };
        let array = self.array;
        Some(match source {
            DataType::Interval(IntervalUnit::YearMonth) => {
                let values = array.as_primitive::<IntervalYearMonthType>().values();
                self.rows(out, never, |row| interval(values[row], 0, 0))
            }
            DataType::Interval(IntervalUnit::DayTime) => {
                let values = array.as_primitive::<IntervalDayTimeType>().values();
                self.rows(out, never, |row| {
                    let value = values[row];
                    interval(0, value.days, i128::from(value.milliseconds) * 1_000_000)
                })
            }
            DataType::Interval(IntervalUnit::MonthDayNano) => {
                let values = array.as_primitive::<IntervalMonthDayNanoType>().values();
                self.rows(out, never, |row| {
                    let value = values[row];
                    interval(value.months, value.days, value.nanoseconds.into())
                })
            }
            _ => return None,
        })
    }

    /// Numbers with their scale, of whatever array has them.
    fn decimals(
        &mut self,
        source: &DataType,
        take: impl FnOnce(&mut Self, &dyn Fn(usize) -> Option<(i128, i8)>) -> Taken,
    ) -> Option<Taken> {
        macro_rules! take {
            ($ty:ty, $scale:expr) => {{
                let values = self.array.as_primitive::<$ty>().values();
                let scale = $scale;
                take(self, &|row| Some((i128::from(values[row]), scale)))
            }};
        }
        Some(match source {
            DataType::Decimal32(_, scale) => take!(Decimal32Type, *scale),
            DataType::Decimal64(_, scale) => take!(Decimal64Type, *scale),
            DataType::Decimal128(_, scale) => take!(Decimal128Type, *scale),
            DataType::Int8 => take!(Int8Type, 0),
            DataType::Int16 => take!(Int16Type, 0),
            DataType::Int32 => take!(Int32Type, 0),
            DataType::Int64 => take!(Int64Type, 0),
            DataType::UInt8 => take!(UInt8Type, 0),
            DataType::UInt16 => take!(UInt16Type, 0),
            DataType::UInt32 => take!(UInt32Type, 0),
            DataType::UInt64 => take!(UInt64Type, 0),
            _ => return None,
        })
    }

    /// Byte strings, of whatever array has them. `keep` says what of each is kept; None where it is refused.
    fn strings(
        &mut self,
        out: &mut Vec<ByteRef>,
        arena: &mut Vec<u8>,
        keep: impl Fn(&[u8]) -> Option<&[u8]>,
    ) -> Option<Taken> {
        let array = self.array;
        macro_rules! copy {
            ($values:expr) => {{
                let values = $values;
                self.rows(out, ByteRef::EMPTY, |row| {
                    let value: &[u8] = values.value(row).as_ref();
                    Some(append(keep(value)?, arena))
                })
            }};
        }
        Some(match array.data_type() {
            DataType::Utf8 => copy!(array.as_string::<i32>()),
            DataType::LargeUtf8 => copy!(array.as_string::<i64>()),
            DataType::Utf8View => copy!(array.as_string_view()),
            DataType::Binary => copy!(array.as_binary::<i32>()),
            DataType::LargeBinary => copy!(array.as_binary::<i64>()),
            DataType::BinaryView => copy!(array.as_binary_view()),
            DataType::FixedSizeBinary(_) => copy!(array.as_fixed_size_binary()),
            DataType::Dictionary(..) => downcast_dictionary_array!(
                array => {
                    // Each value once, wherever it occurs.
                    let places = dictionary(array.values(), arena, &keep)?;
                    self.rows(out, ByteRef::EMPTY, |row| places.get(value::key(array.keys(), row)).copied().flatten())
                },
                _ => return None
            ),
            _ => return None,
        })
    }
}

/// The places of a dictionary's values; None of those that are refused.
fn dictionary(
    values: &ArrayRef,
    arena: &mut Vec<u8>,
    keep: impl Fn(&[u8]) -> Option<&[u8]>,
) -> Option<Vec<Option<ByteRef>>> {
    macro_rules! places {
        ($values:expr) => {{
            let values = $values;
            (0..values.len())
                .map(|index| {
                    let value: &[u8] = if values.is_valid(index) { values.value(index).as_ref() } else { &[] };
                    keep(value).map(|kept| append(kept, arena))
                })
                .collect()
        }};
    }
    Some(match values.data_type() {
        DataType::Utf8 => places!(values.as_string::<i32>()),
        DataType::LargeUtf8 => places!(values.as_string::<i64>()),
        DataType::Utf8View => places!(values.as_string_view()),
        DataType::Binary => places!(values.as_binary::<i32>()),
        DataType::LargeBinary => places!(values.as_binary::<i64>()),
        DataType::BinaryView => places!(values.as_binary_view()),
        DataType::FixedSizeBinary(_) => places!(values.as_fixed_size_binary()),
        _ => return None,
    })
}

#[inline(always)]
fn append(value: &[u8], arena: &mut Vec<u8>) -> ByteRef {
    let from = arena.len();
    arena.extend_from_slice(value);
    ByteRef::arena(from, arena.len())
}

/// A number without a fraction.
fn whole_number(value: f64) -> Option<i64> {
    const END: f64 = 9_223_372_036_854_775_808.0;
    (value.fract() == 0.0 && (-END..END).contains(&value)).then_some(value as i64)
}

/// Whole microseconds, and no more digits than the type has.
fn exact_micros(nanos: i128, digits: Option<u8>) -> Option<i64> {
    let unit = 10_i128.pow(9 - u32::from(digits.unwrap_or(6)).min(6));
    if nanos % unit == 0 { i64::try_from(nanos / 1000).ok() } else { None }
}

/// A signed integer of a column.
trait Integer: Sized {
    fn of(value: i64) -> Option<Self>;
}

macro_rules! integer {
    ($($ty:ty),*) => {
        $(impl Integer for $ty {
            #[inline(always)]
            fn of(value: i64) -> Option<Self> {
                value.try_into().ok()
            }
        })*
    };
}

integer!(i16, i32, i64);
