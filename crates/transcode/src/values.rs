//! Rows for a program: as Arrow's own bytes, or as what JavaScript has arrays of.
//!
//! Both are one buffer a batch, so that a batch crosses a boundary by one copy, and everything in it is then a view.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
};
use arrow_array::{
    Array, ArrayRef, ListArray, OffsetSizeTrait, RecordBatch, RecordBatchOptions, StringArray, UInt32Array, UInt64Array,
};
use arrow_buffer::{ArrowNativeType, Buffer, OffsetBuffer, ScalarBuffer};
use arrow_ipc::writer::{StreamEncoder, StreamWriter};
use arrow_schema::{ArrowError, DataType, Field, IntervalUnit, Schema, TimeUnit};
use copyist_core::{DataError, ErrorCode, Result, Type};
use copyist_datetime as datetime;
use copyist_format::arrow::{BatchDecoder, element_type, write_literal};
use copyist_format::{ColumnPlan, Decoded, FieldMap, Plan, Tolerance};

use crate::arrow::field;
use crate::dictionary::{Dictionaries, Known};
use std::sync::Arc;

/// What a column of a program's values is, as the number that a [`Node`] has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A byte, 0 or 1.
    Bool = 0,
    Int16 = 1,
    Int32 = 2,
    Int64 = 3,
    Float32 = 4,
    Float64 = 5,
    /// UTF-8, end to end, between offsets.
    Text = 6,
    /// The same of any bytes.
    Bytes = 7,
    /// Offsets into the node that follows.
    List = 8,
    /// Milliseconds since 1970 as a double; infinite where the instant is.
    Epoch = 9,
    /// Numbers of 32 bits, each that of a text in the column's dictionary.
    Coded = 10,
}

/// Where a column's values lie in the buffer of its batch. Places are multiples of 8.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    pub kind: Kind,
    pub rows: usize,
    /// Bits of values that are not NULL; none where all are.
    pub validity: Option<usize>,
    pub data: usize,
    /// Bytes of the data.
    pub bytes: usize,
    /// Of texts, bytes and lists: one more than rows, 32 bits each, the first one 0.
    pub offsets: Option<usize>,
    /// Of texts that are not all ASCII: their offsets in units of UTF-16. Of coded ones no place, but how many texts the dictionary must have.
    pub units: Option<usize>,
}

fn whole(error: ArrowError) -> Box<DataError> {
    let ArrowError::InvalidArgumentError(what) = error else {
        return DataError::new(ErrorCode::FeatureNotSupported, format!("the rows cannot be written as Arrow: {error}"));
    };
    DataError::new(ErrorCode::FeatureNotSupported, format!("the rows cannot be written as Arrow: {what}"))
}

/// A stream of Arrow's IPC format with one batch and without its end.
#[derive(Debug)]
pub struct Ipc {
    stream: Vec<u8>,
    /// Bytes that the schema takes.
    pub schema: usize,
    /// Bytes of all.
    pub bytes: usize,
}

impl Ipc {
    /// # Errors
    /// `0A000` where a type has no form there.
    pub(crate) fn of(batch: &RecordBatch) -> Result<Self> {
        let schema = StreamWriter::try_new(Vec::new(), batch.schema_ref()).map_err(whole)?.get_ref().len();
        // In parts, most of which are the batch's own memory.
        let parts = StreamEncoder::try_new(batch.schema_ref()).and_then(|mut encoder| encoder.encode(batch));
        let stream = parts.map_err(whole)?.iter().map(Buffer::as_slice).collect::<Vec<_>>().concat();
        Ok(Self { bytes: stream.len(), stream, schema })
    }

    /// The bytes, for whoever keeps them: then they are no longer here.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.stream)
    }
}

/// The schema alone, of columns decoded from a plan, and the end of a stream.
///
/// # Errors
/// `0A000` where a type has no form there.
pub fn empty_ipc(plan: &Plan) -> Result<Vec<u8>> {
    let fields = plan.columns.iter().map(|column| field(&column.name, &column.ty, arrow_type(&column.ty)));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    StreamWriter::try_new(Vec::new(), &schema).and_then(StreamWriter::into_inner).map_err(whole)
}

fn item(ty: &Type, of: DataType) -> Field {
    field(Field::LIST_FIELD_DEFAULT_NAME, ty, of)
}

/// What instants of the type are counted in.
fn unit_of(ty: &Type) -> TimeUnit {
    if ty.has_nanoseconds() { TimeUnit::Nanosecond } else { TimeUnit::Microsecond }
}

/// What a column of the type is in a batch.
fn arrow_type(ty: &Type) -> DataType {
    match ty {
        Type::Bool => DataType::Boolean,
        Type::Int2 => DataType::Int16,
        Type::Int4 => DataType::Int32,
        Type::Int8 => DataType::Int64,
        Type::Float4 => DataType::Float32,
        Type::Float8 => DataType::Float64,
        Type::Date => DataType::Date32,
        Type::Time(_) => DataType::Time64(TimeUnit::Microsecond),
        Type::Timestamp(_) => DataType::Timestamp(unit_of(ty), None),
        Type::TimestampTz(_) => DataType::Timestamp(unit_of(ty), Some("UTC".into())),
        Type::Interval(_) => DataType::Interval(IntervalUnit::MonthDayNano),
        Type::Uuid => DataType::FixedSizeBinary(16),
        Type::Bytea => DataType::Binary,
        Type::Numeric(Some((precision, scale))) if *precision <= 38 && *scale >= 0 && *scale as u16 <= *precision => {
            DataType::Decimal128(*precision as u8, *scale as i8)
        }
        Type::Array(array) => DataType::List(Arc::new(item(&array.element, arrow_type(&array.element)))),
        _ => DataType::Utf8,
    }
}

/// Which columns of a batch need no decoding: what comes of them is what would come of their values.
pub(crate) fn taken_over(plan: &Plan, batch: &RecordBatch, as_ipc: bool) -> Vec<bool> {
    let column = |(index, spec): (usize, &copyist_format::ColumnPlan)| {
        let is_plain = spec.is_read() && spec.cleaning.is_none() && !spec.not_null;
        is_plain && {
            let source = batch.column(plan.field_of(index)).data_type();
            if as_ipc { is_same(&spec.ty, source) } else { is_readable(&spec.ty, source) }
        }
    };
    plan.columns.iter().enumerate().map(column).collect()
}

fn is_same(ty: &Type, source: &DataType) -> bool {
    use DataType as D;
    match (ty, source) {
        (Type::TimestampTz(None | Some(9)), D::Timestamp(unit, Some(_))) => *unit == unit_of(ty),
        (Type::Array(array), D::List(of) | D::LargeList(of) | D::FixedSizeList(of, _)) => {
            array.depth <= 1 && is_same(&array.element, values_of(of.data_type()))
        }
        (Type::Text, D::Utf8 | D::LargeUtf8 | D::Utf8View) => true,
        (Type::Numeric(Some(_)), D::Decimal128(..))
        | (
            Type::Bool
            | Type::Int2
            | Type::Int4
            | Type::Int8
            | Type::Float4
            | Type::Float8
            | Type::Bytea
            | Type::Date
            | Type::Timestamp(None | Some(9)),
            _,
        ) => arrow_type(ty) == *source,
        // Of any other its values are looked at, or it has another form.
        _ => false,
    }
}

fn is_readable(ty: &Type, source: &DataType) -> bool {
    use DataType as D;
    if let D::Dictionary(key, of) = source {
        return **key == D::Int32 && *ty == Type::Text && is_readable(ty, of);
    }
    if let (Type::Array(array), D::List(of) | D::LargeList(of) | D::FixedSizeList(of, _)) = (ty, source) {
        return array.depth <= 1 && is_readable(&array.element, of.data_type());
    }
    if ty.has_nanoseconds() {
        return matches!(source, D::Timestamp(TimeUnit::Nanosecond, _));
    }
    matches!(
        (ty, source),
        (Type::Bool, D::Boolean)
            | (Type::Int2, D::Int8 | D::Int16 | D::UInt8)
            | (Type::Int4, D::Int32 | D::UInt16)
            | (Type::Int8, D::Int64 | D::UInt32)
            | (Type::Float4, D::Float16 | D::Float32)
            | (Type::Float8, D::Float64)
            | (Type::Text, D::Utf8 | D::LargeUtf8 | D::Utf8View)
            | (Type::Bytea, D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_))
            | (Type::Date, D::Date32)
            | (
                Type::Timestamp(None) | Type::TimestampTz(None),
                D::Timestamp(TimeUnit::Second | TimeUnit::Millisecond | TimeUnit::Microsecond, _),
            )
    )
}

/// The batch that comes of a batch, with those of its columns as they are that need no decoding. `decoded` made the other one.
///
/// # Panics
/// If the two are not of the same rows, which is a defect of the caller.
pub(crate) fn joined(
    plan: &Plan,
    source: &RecordBatch,
    decoded: Option<(&Decoded, RecordBatch)>,
    taken: &[bool],
    as_ipc: bool,
) -> Result<RecordBatch> {
    let narrowed = |array: ArrayRef| if as_ipc { narrowed(array) } else { Ok(array) };
    let Some((decoded, made)) = decoded else {
        let columns = (0..plan.columns.len()).map(|index| narrowed(Arc::clone(source.column(plan.field_of(index)))));
        return batch_of(plan, columns.collect::<Result<_>>()?, source.num_rows());
    };
    // Rows that were refused are not among those that were made, nor what stands behind an error.
    let kept = decoded.places.as_ref().map(|places| UInt32Array::from_iter_values(places.first_lines.iter().copied()));
    let mut columns = Vec::with_capacity(plan.columns.len());
    for (index, &is_taken) in taken.iter().enumerate() {
        let spec = &plan.columns[index];
        columns.push(if !is_taken {
            let lists = spec.is_read().then(|| source.column(plan.field_of(index)));
            match (lists, &spec.ty) {
                (Some(lists), Type::Array(array)) if array.depth <= 1 && is_list(values_of(lists.data_type())) => {
                    relisted(plan, &array.element, &spread(lists)?, decoded, made.column(index))?
                }
                _ => Arc::clone(made.column(index)),
            }
        } else {
            let column = source.column(plan.field_of(index));
            narrowed(match &kept {
                Some(kept) => arrow_select::take::take(column, kept, None).map_err(whole)?,
                None => column.slice(0, decoded.rows),
            })?
        });
    }
    batch_of(plan, columns, decoded.rows)
}

/// What values are of, in a dictionary or not.
fn values_of(ty: &DataType) -> &DataType {
    if let DataType::Dictionary(_, of) = ty { of } else { ty }
}

/// The values of a dictionary, each wherever it is meant.
fn spread(array: &ArrayRef) -> Result<ArrayRef> {
    match array.as_any_dictionary_opt() {
        Some(array) => arrow_select::take::take(array.values(), array.keys(), None).map_err(whole),
        None => Ok(Arc::clone(array)),
    }
}

fn is_list(ty: &DataType) -> bool {
    element_type(ty).is_some()
}

/// Where the elements of each list are among all of them, which come with it.
fn spans_of(array: &ArrayRef) -> (Vec<(usize, usize)>, ArrayRef) {
    use DataType as D;
    macro_rules! between {
        ($lists:expr) => {{
            let lists = $lists;
            let spans = lists.value_offsets().windows(2).map(|ends| (ends[0].as_usize(), ends[1].as_usize()));
            (spans.collect(), Arc::clone(lists.values()))
        }};
    }
    macro_rules! views {
        ($lists:expr) => {{
            let lists = $lists;
            let starts = lists.value_offsets().iter().zip(lists.value_sizes());
            let spans = starts.map(|(start, size)| (start.as_usize(), start.as_usize() + size.as_usize()));
            (spans.collect(), Arc::clone(lists.values()))
        }};
    }
    match array.data_type() {
        D::LargeList(_) => between!(array.as_list::<i64>()),
        D::ListView(_) => views!(array.as_list_view::<i32>()),
        D::LargeListView(_) => views!(array.as_list_view::<i64>()),
        D::FixedSizeList(_, size) => {
            let size = *size as usize;
            let spans = (0..array.len()).map(|row| (row * size, row * size + size));
            (spans.collect(), Arc::clone(array.as_fixed_size_list().values()))
        }
        _ => between!(array.as_list::<i32>()),
    }
}

/// The lists of a batch with elements of the type that the column has, whatever theirs is: those that were accepted as literals, of
/// which `made` says whether they are NULL.
fn relisted(plan: &Plan, element: &Type, source: &ArrayRef, decoded: &Decoded, made: &ArrayRef) -> Result<ArrayRef> {
    let (spans, values) = spans_of(source);
    let mut elements = Vec::new();
    let mut ends = Vec::with_capacity(decoded.rows + 1);
    ends.push(0_i32);
    for row in 0..decoded.rows {
        let place = decoded.places.as_ref().map_or(row, |places| places.first_lines[row] as usize);
        if made.is_valid(row)
            && let Some(&(start, end)) = spans.get(place)
        {
            elements.extend(start as u64..end as u64);
        }
        ends.push(i32::try_from(elements.len()).map_err(|_| too_long())?);
    }
    let values = arrow_select::take::take(&values, &UInt64Array::from(elements), None).map_err(whole)?;
    let column = ColumnPlan { ty: element.clone(), ..ColumnPlan::of_text("element".to_owned(), false) };
    let plan = Plan {
        columns: vec![column],
        map: Some(FieldMap { names: vec!["element".to_owned()], columns: vec![0] }),
        conditions: Vec::new(),
        tolerance: Tolerance::default(),
        has_comma: false,
        ..plan.clone()
    };
    let field = Field::new("element", values.data_type().clone(), true);
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![values]).map_err(whole)?;
    let mut decoder = BatchDecoder::new(Arc::new(plan.clone()));
    decoder.decode(&batch);
    let (decoded, tile) = decoder.decoded();
    if let Some(fault) = &decoded.fault {
        return Err(fault.error.clone());
    }
    let values = Arc::clone(crate::record_batch(&plan, tile, decoded).column(0));
    let field = Arc::new(item(element, values.data_type().clone()));
    let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
    Ok(Arc::new(ListArray::try_new(field, offsets, values, made.nulls().cloned()).map_err(whole)?))
}

/// What everybody reads, and what is the same of every file: strings and lists with offsets of 32 bits, instants of UTC.
fn narrowed(array: ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone != "UTC" => {
            Ok(Arc::new(array.as_primitive::<TimestampMicrosecondType>().clone().with_timezone("UTC")))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, Some(zone)) if &**zone != "UTC" => {
            Ok(Arc::new(array.as_primitive::<TimestampNanosecondType>().clone().with_timezone("UTC")))
        }
        ty if is_list(ty) => {
            let (spans, values) = spans_of(&array);
            let first = spans.first().map_or(0, |span| span.0);
            let last = spans.last().map_or(first, |span| span.1);
            if i32::try_from(last - first).is_err() {
                return Err(too_long());
            }
            let ends = std::iter::once(0).chain(spans.iter().map(|span| (span.1 - first) as i32));
            let offsets = OffsetBuffer::new(ScalarBuffer::from(ends.collect::<Vec<_>>()));
            let values = narrowed(values.slice(first, last - first))?;
            let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
            Ok(Arc::new(ListArray::try_new(field, offsets, values, array.nulls().cloned()).map_err(whole)?))
        }
        DataType::Dictionary(..) => narrowed(spread(&array)?),
        DataType::LargeUtf8 => {
            let texts = array.as_string::<i64>();
            let first = texts.value_offsets()[0];
            let length = texts.value_offsets()[texts.len()] - first;
            if i32::try_from(length).is_err() {
                return Err(too_long());
            }
            let offsets = texts.value_offsets().iter().map(|&offset| (offset - first) as i32).collect::<Vec<_>>();
            let data = texts.values().slice_with_length(first as usize, length as usize);
            let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
            Ok(Arc::new(StringArray::try_new(offsets, data, texts.nulls().cloned()).map_err(whole)?))
        }
        DataType::Utf8View => {
            let texts = array.as_string_view();
            let bytes: usize = texts.iter().flatten().map(str::len).sum();
            if i32::try_from(bytes).is_err() {
                return Err(too_long());
            }
            Ok(Arc::new(texts.iter().collect::<StringArray>()))
        }
        _ => Ok(array),
    }
}

fn batch_of(plan: &Plan, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let fields = plan.columns.iter().zip(&columns);
    let fields = fields.map(|(spec, array)| field(&spec.name, &spec.ty, array.data_type().clone()));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, columns, &options).map_err(whole)
}

/// The values of a batch for JavaScript, one node a column, before it its lists' elements after it.
pub(crate) fn write_values(
    plan: &Plan,
    batch: &RecordBatch,
    buffer: &mut Vec<u8>,
    dictionaries: &Dictionaries,
    known: &mut Vec<Known>,
) -> Result<Vec<Node>> {
    buffer.clear();
    known.resize_with(plan.columns.len(), Known::default);
    let mut writer = Writer { buffer, nodes: Vec::with_capacity(plan.columns.len()) };
    for (index, (spec, array)) in plan.columns.iter().zip(batch.columns()).enumerate() {
        if !writer.coded(array, index, dictionaries, &mut known[index]) {
            writer.column(array, &spec.ty)?;
        }
    }
    Ok(writer.nodes)
}

struct Writer<'a> {
    buffer: &'a mut Vec<u8>,
    nodes: Vec<Node>,
}

/// A number in its bytes, the lowest first, as every machine that we build for has them.
trait Plain: Copy + Default {
    const WIDTH: usize;
    fn put(self, into: &mut [u8]);
}

macro_rules! plain {
    ($($ty:ty),*) => {
        $(impl Plain for $ty {
            const WIDTH: usize = size_of::<$ty>();
            #[inline(always)]
            fn put(self, into: &mut [u8]) {
                into.copy_from_slice(&self.to_le_bytes());
            }
        })*
    };
}

plain!(i16, i32, i64, f32, f64, u32);

impl Writer<'_> {
    /// The place of what comes next.
    fn align(&mut self) -> usize {
        let at = self.buffer.len().next_multiple_of(8);
        self.buffer.resize(at, 0);
        at
    }

    fn numbers<T: Plain>(&mut self, values: impl ExactSizeIterator<Item = T>) -> (usize, usize) {
        let at = self.align();
        let bytes = values.len() * T::WIDTH;
        self.buffer.resize(at + bytes, 0);
        for (slot, value) in self.buffer[at..].chunks_exact_mut(T::WIDTH).zip(values) {
            value.put(slot);
        }
        (at, bytes)
    }

    /// Numbers that are written as they are.
    fn same<T: ArrowPrimitiveType>(&mut self, array: &dyn Array, kind: Kind)
    where
        T::Native: Plain,
    {
        let validity = self.validity(array);
        let data = self.align();
        let values = array.as_primitive::<T>().values().inner();
        self.buffer.extend_from_slice(values);
        self.node_of::<T::Native>(array, kind, validity, data, values.len());
    }

    fn validity(&mut self, array: &dyn Array) -> Option<usize> {
        let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0)?;
        let at = self.align();
        for word in nulls.inner().bit_chunks().iter_padded() {
            self.buffer.extend_from_slice(&word.to_le_bytes());
        }
        self.buffer.truncate(at + array.len().div_ceil(64) * 8);
        Some(at)
    }

    /// Numbers of one width; what stands in the place of a NULL is 0.
    fn fixed<T: Plain>(&mut self, array: &dyn Array, kind: Kind, values: impl ExactSizeIterator<Item = T>) {
        let validity = self.validity(array);
        let (data, bytes) = self.numbers(values);
        self.node_of::<T>(array, kind, validity, data, bytes);
    }

    fn node_of<T: Plain>(&mut self, array: &dyn Array, kind: Kind, validity: Option<usize>, data: usize, bytes: usize) {
        if validity.is_some()
            && let Some(nulls) = array.logical_nulls()
        {
            for row in nulls.into_iter().enumerate().filter_map(|(row, is_valid)| (!is_valid).then_some(row)) {
                T::default().put(&mut self.buffer[data + row * T::WIDTH..][..T::WIDTH]);
            }
        }
        self.nodes.push(Node { kind, rows: array.len(), validity, data, bytes, offsets: None, units: None });
    }

    /// Strings of bytes that stand end to end already.
    fn packed<O: OffsetSizeTrait>(&mut self, array: &dyn Array, kind: Kind, offsets: &[O], data: &[u8]) -> Result<()> {
        let (first, last) = (offsets[0].as_usize(), offsets[offsets.len() - 1].as_usize());
        if last - first > i32::MAX as usize {
            return Err(too_long());
        }
        let data = &data[first..last];
        let validity = self.validity(array);
        let (place, _) = self.numbers(offsets.iter().map(|offset| (offset.as_usize() - first) as u32));
        self.strings(array.len(), kind, validity, place, data);
        Ok(())
    }

    /// Strings of bytes that are written one after the other.
    fn written(
        &mut self,
        array: &dyn Array,
        kind: Kind,
        mut write: impl FnMut(usize, &mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        let nulls = array.logical_nulls();
        let mut data = Vec::new();
        let mut offsets = Vec::with_capacity(array.len() + 1);
        offsets.push(0_u32);
        for row in 0..array.len() {
            if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
                write(row, &mut data)?;
            }
            offsets.push(u32::try_from(data.len()).ok().filter(|&end| end <= i32::MAX as u32).ok_or_else(too_long)?);
        }
        let validity = self.validity(array);
        let (place, _) = self.numbers(offsets.into_iter());
        self.strings(array.len(), kind, validity, place, &data);
        Ok(())
    }

    fn strings(&mut self, rows: usize, kind: Kind, validity: Option<usize>, offsets: usize, data: &[u8]) {
        let place = self.align();
        self.buffer.extend_from_slice(data);
        let mut units = None;
        if kind == Kind::Text && !data.is_ascii() {
            let (mut total, mut from) = (0, 0);
            let mut ends = Vec::with_capacity(rows + 1);
            ends.push(0_u32);
            for end in self.buffer[offsets + 4..][..rows * 4].chunks_exact(4) {
                let end = u32::from_le_bytes([end[0], end[1], end[2], end[3]]) as usize;
                total += data[from..end]
                    .iter()
                    .map(|&byte| u32::from(byte & 0xc0 != 0x80) + u32::from(byte >= 0xf0))
                    .sum::<u32>();
                ends.push(total);
                from = end;
            }
            units = Some(self.numbers(ends.into_iter()).0);
        }
        let offsets = Some(offsets);
        self.nodes.push(Node { kind, rows, validity, data: place, bytes: data.len(), offsets, units });
    }

    fn list<O: OffsetSizeTrait>(
        &mut self,
        array: &dyn Array,
        offsets: &[O],
        values: &ArrayRef,
        element: &Type,
    ) -> Result<()> {
        let spans = || offsets.windows(2).map(|ends| ends[0].as_usize()..ends[1].as_usize());
        if let Some(nulls) = array.nulls()
            && spans().zip(nulls).any(|(span, is_valid)| !is_valid && !span.is_empty())
        {
            // What a list that is NULL has is nobody's.
            let (mut elements, mut ends) = (Vec::new(), vec![0]);
            for (span, is_valid) in spans().zip(nulls) {
                elements.extend(span.filter(|_| is_valid).map(|element| element as u64));
                ends.push(elements.len() as i64);
            }
            let values = arrow_select::take::take(values, &UInt64Array::from(elements), None).map_err(whole)?;
            return self.list(array, &ends, &values, element);
        }
        let (first, last) = (offsets[0].as_usize(), offsets[offsets.len() - 1].as_usize());
        if last - first > i32::MAX as usize {
            return Err(too_long());
        }
        let validity = self.validity(array);
        let (place, _) = self.numbers(offsets.iter().map(|offset| (offset.as_usize() - first) as u32));
        let (rows, offsets) = (array.len(), Some(place));
        self.nodes.push(Node { kind: Kind::List, rows, validity, data: place, bytes: 0, offsets, units: None });
        self.column(&values.slice(first, last - first), element)
    }

    /// Texts by their numbers, if they are worth it.
    fn coded(&mut self, array: &ArrayRef, index: usize, dictionaries: &Dictionaries, known: &mut Known) -> bool {
        let mut codes = Vec::new();
        macro_rules! codes {
            ($texts:expr) => {{
                codes.reserve(array.len());
                known.codes(dictionaries, index, $texts.iter().map(|text| text.map(str::as_bytes)), &mut codes)
            }};
        }
        let most = match array.data_type() {
            DataType::Utf8 => codes!(array.as_string::<i32>()),
            DataType::LargeUtf8 => codes!(array.as_string::<i64>()),
            DataType::Utf8View => codes!(array.as_string_view()),
            DataType::Dictionary(key, _) if **key == DataType::Int32 => {
                let array = array.as_dictionary::<Int32Type>();
                known.codes_of(dictionaries, index, array.values(), array.len()).map(|(all, most)| {
                    codes.extend(array.keys().values().iter().map(|&key| all.get(key as usize).copied().unwrap_or(0)));
                    most
                })
            }
            _ => None,
        };
        let Some(most) = most else { return false };
        let validity = self.validity(array);
        let (data, bytes) = self.numbers(codes.into_iter());
        let (rows, kind, units) = (array.len(), Kind::Coded, Some(most as usize));
        self.nodes.push(Node { kind, rows, validity, data, bytes, offsets: None, units });
        true
    }

    fn column(&mut self, array: &ArrayRef, ty: &Type) -> Result<()> {
        use DataType as D;
        macro_rules! numbers {
            ($source:ty, $kind:expr, $convert:expr) => {
                self.fixed(array, $kind, array.as_primitive::<$source>().values().iter().map($convert))
            };
        }
        match (array.data_type(), ty) {
            (D::Boolean, _) => {
                let validity = self.validity(array);
                let data = self.align();
                let values = array.as_boolean().values();
                self.buffer.extend(values.iter().map(u8::from));
                let (rows, kind) = (array.len(), Kind::Bool);
                self.nodes.push(Node { kind, rows, validity, data, bytes: rows, offsets: None, units: None });
                if let Some(nulls) = array.nulls() {
                    for (slot, is_valid) in self.buffer[data..].iter_mut().zip(nulls) {
                        *slot &= u8::from(is_valid);
                    }
                }
            }
            (D::Int8, _) => numbers!(Int8Type, Kind::Int16, |&v| i16::from(v)),
            (D::UInt8, _) => numbers!(UInt8Type, Kind::Int16, |&v| i16::from(v)),
            (D::Int16, _) => self.same::<Int16Type>(array, Kind::Int16),
            (D::UInt16, _) => numbers!(UInt16Type, Kind::Int32, |&v| i32::from(v)),
            (D::Int32, _) => self.same::<Int32Type>(array, Kind::Int32),
            (D::UInt32, _) => numbers!(UInt32Type, Kind::Int64, |&v| i64::from(v)),
            (D::Int64, _) => self.same::<Int64Type>(array, Kind::Int64),
            (D::Float16, _) => numbers!(Float16Type, Kind::Float32, |v| v.to_f32()),
            (D::Float32, _) => self.same::<Float32Type>(array, Kind::Float32),
            (D::Float64, _) => self.same::<Float64Type>(array, Kind::Float64),
            (D::Date32, _) => numbers!(Date32Type, Kind::Epoch, |&v| match v {
                i32::MAX => f64::INFINITY,
                // DuckDB writes the other one.
                ..=-2_147_483_647 => f64::NEG_INFINITY,
                days => f64::from(days) * 86_400_000.0,
            }),
            (D::Timestamp(TimeUnit::Nanosecond, _), ty) if ty.has_nanoseconds() => {
                self.same::<TimestampNanosecondType>(array, Kind::Int64);
            }
            (D::Timestamp(unit, _), _) => match unit {
                TimeUnit::Second => numbers!(TimestampSecondType, Kind::Epoch, epoch(|v| v as f64 * 1e3)),
                TimeUnit::Millisecond => numbers!(TimestampMillisecondType, Kind::Epoch, epoch(|v| v as f64)),
                TimeUnit::Microsecond => numbers!(TimestampMicrosecondType, Kind::Epoch, epoch(millis_of::<1000>)),
                TimeUnit::Nanosecond => {
                    let values = array.as_primitive::<TimestampNanosecondType>();
                    if let Some(nanos) = values.iter().flatten().find(|nanos| nanos % 1000 != 0) {
                        let message = format!("a timestamp has nanoseconds, which would be lost: {nanos} since 1970");
                        return Err(DataError::new(ErrorCode::DatetimeFieldOverflow, message));
                    }
                    numbers!(TimestampNanosecondType, Kind::Epoch, epoch(millis_of::<1_000_000>));
                }
            },
            (D::Utf8, _) => {
                let values = array.as_string::<i32>();
                self.packed(array, Kind::Text, values.value_offsets(), values.value_data())?;
            }
            (D::LargeUtf8, _) => {
                let values = array.as_string::<i64>();
                self.packed(array, Kind::Text, values.value_offsets(), values.value_data())?;
            }
            (D::Binary, _) => {
                let values = array.as_binary::<i32>();
                self.packed(array, Kind::Bytes, values.value_offsets(), values.value_data())?;
            }
            (D::LargeBinary, _) => {
                let values = array.as_binary::<i64>();
                self.packed(array, Kind::Bytes, values.value_offsets(), values.value_data())?;
            }
            (D::Utf8View, _) => {
                let values = array.as_string_view();
                self.written(array, Kind::Text, |row, out| {
                    out.extend_from_slice(values.value(row).as_bytes());
                    Ok(())
                })?;
            }
            (D::BinaryView, _) => {
                let values = array.as_binary_view();
                self.written(array, Kind::Bytes, |row, out| {
                    out.extend_from_slice(values.value(row));
                    Ok(())
                })?;
            }
            (D::FixedSizeBinary(_), Type::Uuid) => {
                let values = array.as_fixed_size_binary();
                self.written(array, Kind::Text, |row, out| {
                    write_uuid(values.value(row), out);
                    Ok(())
                })?;
            }
            (D::FixedSizeBinary(_), _) => {
                let values = array.as_fixed_size_binary();
                self.written(array, Kind::Bytes, |row, out| {
                    out.extend_from_slice(values.value(row));
                    Ok(())
                })?;
            }
            (D::List(_), Type::Array(of)) => {
                let lists = array.as_list::<i32>();
                self.list(array, lists.value_offsets(), lists.values(), &of.element)?;
            }
            (D::LargeList(_), Type::Array(of)) => {
                let lists = array.as_list::<i64>();
                self.list(array, lists.value_offsets(), lists.values(), &of.element)?;
            }
            (D::FixedSizeList(_, size), Type::Array(of)) => {
                let lists = array.as_fixed_size_list();
                let offsets = (0..=array.len() as i64).map(|row| row * i64::from(*size)).collect::<Vec<_>>();
                self.list(array, &offsets, lists.values(), &of.element)?;
            }
            (D::Time64(TimeUnit::Microsecond), _) => {
                let values = array.as_primitive::<Time64MicrosecondType>();
                self.written(array, Kind::Text, |row, out| {
                    let start = out.len();
                    datetime::iso::write_time(values.value(row), out);
                    // PostgreSQL prints no zeros at the end of a fraction.
                    if out[start..].contains(&b'.') {
                        let zeros = out.iter().rev().take_while(|&&digit| digit == b'0').count();
                        out.truncate(out.len() - zeros);
                    }
                    Ok(())
                })?;
            }
            (D::Interval(IntervalUnit::MonthDayNano), _) => {
                let values = array.as_primitive::<IntervalMonthDayNanoType>();
                self.written(array, Kind::Text, |row, out| {
                    let value = values.value(row);
                    datetime::iso::write_interval(value.months, value.days, value.nanoseconds.into(), out);
                    Ok(())
                })?;
            }
            (D::Dictionary(..), Type::Text) => {
                self.column(&spread(array)?, ty)?;
            }
            // Decimals, and what only elements of lists are.
            _ => self.written(array, Kind::Text, |row, out| write_literal(array.as_ref(), row, out))?,
        }
        Ok(())
    }
}

/// A timestamp in milliseconds, which `millis` has of one that is finite.
fn epoch(millis: impl Fn(i64) -> f64) -> impl Fn(&i64) -> f64 {
    move |&value| match value {
        i64::MAX => f64::INFINITY,
        // DuckDB writes the other one.
        ..=-9_223_372_036_854_775_807 => f64::NEG_INFINITY,
        value => millis(value),
    }
}

/// Milliseconds of a number of parts of them. Where a double has no room for the fraction it is cut, lest it be the next millisecond.
fn millis_of<const PARTS: i64>(value: i64) -> f64 {
    let whole = value.div_euclid(PARTS) as f64;
    let fraction = value.rem_euclid(PARTS) as f64 / PARTS as f64;
    (whole + fraction).min((whole + 1.0).next_down()).max(whole)
}

#[cold]
fn too_long() -> Box<DataError> {
    DataError::new(ErrorCode::ProgramLimitExceeded, "the values of a batch have more than 2 GiB")
}

fn write_uuid(bytes: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
}

#[cfg(test)]
mod twin;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_text_are_counted_as_javascript_counts() {
        let array: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("é😀"), Some("")]));
        let mut buffer = Vec::new();
        let mut writer = Writer { buffer: &mut buffer, nodes: Vec::new() };
        writer.column(&array, &Type::Text).unwrap();
        let [node] = writer.nodes[..] else { panic!("one node a column") };
        let numbers = |at: usize| -> Vec<u32> {
            buffer[at..at + 20].chunks(4).map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap())).collect()
        };
        assert_eq!(numbers(node.offsets.unwrap()), [0, 1, 1, 7, 7]);
        assert_eq!(numbers(node.units.unwrap()), [0, 1, 1, 4, 4]);
        assert_eq!(buffer[node.validity.unwrap()] & 0xf, 0b1101);
        for place in [node.data, node.offsets.unwrap(), node.units.unwrap(), node.validity.unwrap()] {
            assert_eq!(place % 8, 0);
        }
    }

    #[test]
    fn lists_of_a_slice_begin_at_zero() {
        use arrow_array::types::Int64Type;
        let lists = [Some(vec![Some(1), None]), None, Some(vec![]), Some(vec![Some(7)])];
        let array = arrow_array::ListArray::from_iter_primitive::<Int64Type, _, _>(lists);
        let array: ArrayRef = Arc::new(array.slice(2, 2));
        let element = copyist_core::ArrayType { element: Type::Int8, element_oid: 0, delimiter: b',', depth: 1 };
        let mut buffer = Vec::new();
        let mut writer = Writer { buffer: &mut buffer, nodes: Vec::new() };
        writer.column(&array, &Type::Array(Arc::new(element))).unwrap();
        let [list, values] = writer.nodes[..] else { panic!("a list has two nodes") };
        assert_eq!((list.rows, values.rows, values.bytes), (2, 1, 8));
        assert_eq!(buffer[list.offsets.unwrap()..][..12], [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(buffer[values.data], 7);
    }

    #[test]
    fn what_a_list_that_is_null_has_is_not_written() {
        let item = Arc::new(Field::new_list_field(DataType::Int64, true));
        let values: ArrayRef = Arc::new(arrow_array::Int64Array::from(vec![1, i64::MAX, i64::MAX, 2]));
        let nulls = Some(vec![true, false, true].into());
        let ends = OffsetBuffer::from_lengths([1, 2, 1]);
        let lists: ArrayRef = Arc::new(ListArray::new(Arc::clone(&item), ends, Arc::clone(&values), nulls));
        let nulls = Some(vec![false, true].into());
        let pairs: ArrayRef = Arc::new(arrow_array::FixedSizeListArray::new(item, 2, values, nulls));
        let element = copyist_core::ArrayType { element: Type::Int8, element_oid: 0, delimiter: b',', depth: 1 };
        let ty = Type::Array(Arc::new(element));
        for (array, kept) in [(lists, [1, 2]), (pairs, [i64::MAX, 2])] {
            let mut buffer = Vec::new();
            let mut writer = Writer { buffer: &mut buffer, nodes: Vec::new() };
            writer.column(&array, &ty).unwrap();
            let [_, values] = writer.nodes[..] else { panic!("a list has two nodes") };
            assert_eq!(values.rows, 2);
            assert_eq!(buffer[values.data..][..16], kept.map(i64::to_le_bytes).concat());
        }
    }

    #[test]
    fn wide_strings_are_narrowed() {
        let wide: ArrayRef =
            Arc::new(arrow_array::LargeStringArray::from(vec![Some("aa"), Some("b"), None, Some("c")]));
        let narrow = narrowed(wide.slice(1, 3)).unwrap();
        assert_eq!(narrow.as_string::<i32>(), &StringArray::from(vec![Some("b"), None, Some("c")]));
        let viewed: ArrayRef = Arc::new(arrow_array::StringViewArray::from(vec![Some("b"), None]));
        assert_eq!(narrowed(viewed).unwrap().as_string::<i32>(), &StringArray::from(vec![Some("b"), None]));
    }
}
