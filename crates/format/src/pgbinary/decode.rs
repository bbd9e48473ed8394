//! Tuples to columns.
//!
//! Their fields are found first, then judged column by column up to the first row that is refused. A tuple that is broken is part of that
//! as far as it goes: the server, which reads field by field, would have stumbled over a bad value before.

use copyist_core::{DataError, ErrorCode, Result, Type};
use copyist_types as types;
use copyist_types::enumeration::Lookup;

use super::receive::{self, whole};
use super::tuples::{Next, Place, bad_format, next};
use crate::column::{ByteRef, Column, Values};
use crate::decode::Decoded;
use crate::fault::{Fault, Shown};
use crate::tile::PAD;
use crate::{Layout, Plan, Tile};

/// Reused memory: where the fields and the tuples of a tile are.
#[derive(Debug, Default)]
pub(crate) struct Tuples {
    places: Vec<Place>,
    /// Offset of each tuple's end.
    pub ends: Vec<u32>,
}

/// What is wrong with the row behind the whole ones.
struct Broken {
    column: Option<usize>,
    error: Box<DataError>,
}

impl Tuples {
    /// Decodes `tile`. Without values where the bytes of the tuples go to a server as they are ([`Layout::PgBinary`]).
    pub fn decode(&mut self, plan: &Plan, tile: &Tile, out: &mut Decoded) {
        let width = plan.columns.len();
        let mut broken = self.find(tile, width);
        let tuples = self.ends.len();
        let mut limit = tuples;
        let mut is_refused = false;
        for c in 0..width {
            // Of a broken tuple the fields before its mistake are judged, too.
            let partial = usize::from(!is_refused && tuples * width + c < self.places.len());
            let mut fields = Fields {
                places: &self.places,
                buffer: &tile.buffer,
                width,
                column: c,
                rows: limit + partial,
                is_checked_only: plan.layout == Layout::PgBinary,
                arena: &mut out.arena,
            };
            if let Err(Refused { row, error }) = fields.decode(plan, &mut out.columns[c]) {
                limit = row;
                is_refused = true;
                broken = Some(Broken { column: Some(c), error });
            }
        }
        out.columns.iter_mut().for_each(|column| column.truncate(limit));
        out.rows = limit;
        out.lines = limit as u64;
        self.ends.truncate(limit);
        let start = self.ends.last().copied().unwrap_or(0);
        out.fault = broken.map(|Broken { column, error }| Fault {
            error,
            line: limit as u64,
            record_offset: u64::from(start),
            record_len: 0,
            shown: column.map_or(Shown::Nothing, |column| Shown::Column { column }),
        });
    }

    /// Finds the fields; those of a broken tuple come last.
    fn find(&mut self, tile: &Tile, width: usize) -> Option<Broken> {
        let Self { places, ends } = self;
        places.clear();
        ends.clear();
        let data = tile.data();
        let mut at = 0;
        let unexpected_end = || bad_format("unexpected EOF in COPY data".to_owned());
        loop {
            match next(data, at, width, |place| places.push(place)) {
                Next::Tuple(end) => {
                    ends.push(end as u32);
                    at = end;
                }
                Next::Trailer if at + 2 == data.len() => return None,
                Next::Trailer => {
                    let error = bad_format("received copy data after EOF marker".to_owned());
                    return Some(Broken { column: None, error });
                }
                // Whoever has cut the input has done so between two tuples.
                Next::Open(None) if at == data.len() && !tile.last => return None,
                Next::Open(None) => {
                    let error = unexpected_end()
                        .with_detail("The input ends without the trailer of the format, so that rows may be missing.");
                    return Some(Broken { column: None, error });
                }
                Next::Open(column) => return Some(Broken { column, error: unexpected_end() }),
                Next::Broken(column, error) => return Some(Broken { column, error }),
            }
        }
    }
}

/// The first row that a column does not take.
struct Refused {
    row: usize,
    error: Box<DataError>,
}

/// The fields of one column in the first `rows` tuples.
struct Fields<'a> {
    places: &'a [Place],
    buffer: &'a [u8],
    width: usize,
    column: usize,
    rows: usize,
    is_checked_only: bool,
    arena: &'a mut Vec<u8>,
}

impl<'a> Fields<'a> {
    fn decode(&mut self, plan: &Plan, column: &mut Column) -> std::result::Result<(), Refused> {
        let ty = &plan.columns[self.column].ty;
        let bounded = plan.counts_from_1970();
        match (&mut column.values, ty) {
            (Values::Bool(_), _) => self.typed(column, 0, as_bool, receive::boolean),
            (Values::I16(_), _) => self.typed(column, 0, as_i16, receive::int2),
            (Values::I32(_), Type::Date) => self.typed(column, 0, as_i32, receive::date),
            (Values::I32(_), _) => self.typed(column, 0, as_i32, receive::int4),
            (Values::I64(_), Type::Time(p)) => self.typed(column, 0, as_i64, |v| receive::time(v, *p)),
            (Values::I64(_), Type::Timestamp(p) | Type::TimestampTz(p)) => {
                self.typed(column, 0, as_i64, |v| receive::timestamp(v, *p, bounded))
            }
            (Values::I64(_), _) => self.typed(column, 0, as_i64, receive::int8),
            (Values::F32(_), _) => self.typed(column, 0.0, as_f32, receive::float4),
            (Values::F64(_), _) => self.typed(column, 0.0, as_f64, receive::float8),
            (Values::I128(_), Type::Numeric(Some((p, s)))) => {
                self.typed(column, 0, as_i128, |v| receive::decimal(v, *p, *s))
            }
            (Values::TimeTz(_), Type::TimeTz(p)) => self.typed(column, (0, 0), as_timetz, |v| receive::timetz(v, *p)),
            (Values::Interval(_), Type::Interval(p)) => {
                let finite = plan.layout != Layout::PgBinary;
                let null = copyist_datetime::Interval { months: 0, days: 0, micros: 0 };
                self.typed(column, null, as_interval, |v| receive::interval(v, *p, finite))
            }
            (Values::Uuid(_), _) => self.typed(column, [0; 16], as_uuid, receive::uuid),
            (Values::Enum(_), Type::Enum(kind)) => {
                let labels = Lookup::new(kind);
                self.typed(column, 0, as_enum, |v| {
                    receive::text_of(&Type::Text, v)?;
                    Ok((labels.position(v)?, v.len()))
                })
            }
            (Values::Bytes(_), _) => self.bytes(plan, ty, column),
            (values, ty) => unreachable!("no vector {values:?} is made for {ty:?}"),
        }
    }

    fn bytes(&mut self, plan: &Plan, ty: &Type, column: &mut Column) -> std::result::Result<(), Refused> {
        if self.is_checked_only {
            return self.checked(|v| {
                let end = receive::check(ty, v)?;
                whole(Ok(((), end)), v)
            });
        }
        match ty {
            Type::Numeric(typmod) => self.rewritten(column, |v, arena| {
                let number = whole(types::numeric::receive(v, *typmod), v)?;
                arena.extend_from_slice(number.to_string().as_bytes());
                Ok(())
            }),
            Type::Array(array) => self.rewritten(column, |v, arena| {
                let end = crate::duckdb::write_received(v, array, arena)?;
                whole(Ok(((), end)), v)
            }),
            Type::Bytea => self.kept(column, |v| Ok(0..v.len())),
            Type::Json => self.kept(column, receive::any_json),
            Type::Other => {
                let name = &plan.columns[self.column].name;
                let message = format!("the type of column \"{name}\" has no binary form that is known");
                self.kept(column, |_| Err(DataError::new(ErrorCode::FeatureNotSupported, message.clone())))
            }
            _ => self.kept(column, |v| receive::text_of(ty, v)),
        }
    }

    /// The fields; None for NULL.
    #[inline(always)]
    fn iter(&self) -> impl Iterator<Item = Option<&'a [u8]>> + use<'a> {
        let buffer = self.buffer;
        self.spans().map(move |span| span.map(|(start, end)| &buffer[start..end]))
    }

    /// The same as positions in the buffer.
    #[inline(always)]
    fn spans(&self) -> impl Iterator<Item = Option<(usize, usize)>> + use<'a> {
        let places = self.places.get(self.column..).unwrap_or_default();
        places.iter().step_by(self.width).take(self.rows).map(|&Place { start, len }| {
            let start = PAD + start as usize;
            (len >= 0).then(|| (start, start + len as usize))
        })
    }

    /// Values that nobody wants to have.
    #[inline(always)]
    fn checked(&self, check: impl Fn(&[u8]) -> Result<()>) -> std::result::Result<(), Refused> {
        for (row, value) in self.iter().enumerate() {
            if let Some(Err(error)) = value.map(&check) {
                return Err(Refused { row, error });
            }
        }
        Ok(())
    }

    /// Values of fixed size.
    #[inline(always)]
    fn typed<T: Copy>(
        &self,
        column: &mut Column,
        null: T,
        of: impl Fn(&mut Values) -> Option<&mut Vec<T>>,
        receive: impl Fn(&[u8]) -> Result<(T, usize)>,
    ) -> std::result::Result<(), Refused> {
        if self.is_checked_only {
            return self.checked(|value| whole(receive(value), value).map(|_| ()));
        }
        let Column { values, validity, .. } = column;
        let Some(out) = of(values) else { unreachable!("the vector was looked at") };
        out.clear();
        for (row, value) in self.iter().enumerate() {
            let value = match value {
                None => {
                    validity.set_null(row);
                    null
                }
                Some(value) => whole(receive(value), value).map_err(|error| Refused { row, error })?,
            };
            out.push(value);
        }
        Ok(())
    }

    /// Values that are part of their own bytes.
    #[inline(always)]
    fn kept(
        &self,
        column: &mut Column,
        keep: impl Fn(&[u8]) -> Result<std::ops::Range<usize>>,
    ) -> std::result::Result<(), Refused> {
        let Column { values: Values::Bytes(out), validity, .. } = column else { unreachable!("they are bytes") };
        out.clear();
        for (row, span) in self.spans().enumerate() {
            let Some((start, end)) = span else {
                validity.set_null(row);
                out.push(ByteRef::EMPTY);
                continue;
            };
            let kept = keep(&self.buffer[start..end]).map_err(|error| Refused { row, error })?;
            out.push(ByteRef::tile(start + kept.start, start + kept.end));
        }
        Ok(())
    }

    /// Values that are written anew into the arena.
    fn rewritten(
        &mut self,
        column: &mut Column,
        write: impl Fn(&[u8], &mut Vec<u8>) -> Result<()>,
    ) -> std::result::Result<(), Refused> {
        let Column { values: Values::Bytes(out), validity, .. } = column else { unreachable!("they are bytes") };
        out.clear();
        for (row, value) in self.iter().enumerate() {
            let Some(value) = value else {
                validity.set_null(row);
                out.push(ByteRef::EMPTY);
                continue;
            };
            let from = self.arena.len();
            if let Err(error) = write(value, self.arena) {
                self.arena.truncate(from);
                return Err(Refused { row, error });
            }
            out.push(ByteRef::arena(from, self.arena.len()));
        }
        Ok(())
    }
}

/// The vector of one kind.
macro_rules! vector {
    ($name:ident, $variant:ident, $ty:ty) => {
        fn $name(values: &mut Values) -> Option<&mut Vec<$ty>> {
            match values {
                Values::$variant(vector) => Some(vector),
                _ => None,
            }
        }
    };
}

vector!(as_bool, Bool, u8);
vector!(as_i16, I16, i16);
vector!(as_i32, I32, i32);
vector!(as_i64, I64, i64);
vector!(as_f32, F32, f32);
vector!(as_f64, F64, f64);
vector!(as_i128, I128, i128);
vector!(as_timetz, TimeTz, (i64, i32));
vector!(as_interval, Interval, copyist_datetime::Interval);
vector!(as_uuid, Uuid, [u8; 16]);
vector!(as_enum, Enum, u32);
