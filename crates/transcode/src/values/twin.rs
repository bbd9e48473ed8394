//! A reader of what is written for JavaScript, a value at a time, against the values that it was written of.

use std::sync::Arc;

use arrow_array::builder::{Int64Builder, ListBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, DictionaryArray, Float64Array, Int16Array, Int32Array,
    Int64Array, LargeStringArray, RecordBatch, StringArray, StringViewArray, TimestampMicrosecondArray, UInt32Array,
};
use copyist_core::{ArrayType, Session, Type};
use copyist_datetime::Context;
use copyist_format::{ColumnPlan, Escapes, Header, Layout, Plan, Tolerance};
use copyist_scan::{Grammar, Scanner, Separator};
use proptest::prelude::*;

use super::{Kind, Node, taken_over, write_values};
use crate::dictionary::{Dictionaries, Known};

/// A row: NULL, or what all of its columns are made of.
type Seed = Option<(i32, String)>;

fn seeds() -> impl Strategy<Value = Vec<Seed>> {
    let text = prop_oneof![Just(String::new()), "[a-d]{1,3}", "[a-zé\u{20AC}\u{1F600}]{0,40}"];
    proptest::collection::vec(proptest::option::weighted(0.8, (any::<i32>(), text)), 1..200)
}

/// The columns of rows, and what their values are as text.
fn columns(rows: &[Seed]) -> Vec<(Type, ArrayRef, Vec<Option<String>>)> {
    let number = || rows.iter().map(|row| row.as_ref().map(|row| row.0));
    let text = || rows.iter().map(|row| row.as_ref().map(|row| row.1.as_str()));
    let shown = |show: &dyn Fn(i32, &str) -> String| -> Vec<Option<String>> {
        rows.iter().map(|row| row.as_ref().map(|(number, text)| show(*number, text))).collect()
    };
    let mut lists = ListBuilder::new(Int64Builder::new());
    for row in rows {
        // As many elements as the text has bytes, every third of them NULL.
        let elements = row.as_ref().map(|(number, text)| {
            (0..text.len())
                .map(|index| (index % 3 != 2).then(|| i64::from(*number) * 3 + index as i64))
                .collect::<Vec<_>>()
        });
        lists.append_option(elements);
    }
    let list = |number: i32, text: &str| {
        let element = |index: usize| match index % 3 {
            2 => "NULL".to_owned(),
            _ => (i64::from(number) * 3 + index as i64).to_string(),
        };
        format!("[{}]", (0..text.len()).map(element).collect::<Vec<_>>().join(","))
    };
    let of_int8 = ArrayType { element: Type::Int8, element_oid: 0, delimiter: b',', depth: 1 };
    let plain = |_: i32, text: &str| text.to_owned();
    vec![
        (
            Type::Bool,
            Arc::new(number().map(|n| n.map(|n| n > 0)).collect::<BooleanArray>()),
            shown(&|n, _| (n > 0).to_string()),
        ),
        (
            Type::Int2,
            Arc::new(number().map(|n| n.map(|n| n as i16)).collect::<Int16Array>()),
            shown(&|n, _| (n as i16).to_string()),
        ),
        (Type::Int4, Arc::new(number().collect::<Int32Array>()), shown(&|n, _| n.to_string())),
        (
            Type::Int8,
            Arc::new(number().map(|n| n.map(i64::from)).collect::<Int64Array>()),
            shown(&|n, _| n.to_string()),
        ),
        (
            Type::Int8,
            Arc::new(number().map(|n| n.map(i32::cast_unsigned)).collect::<UInt32Array>()),
            shown(&|n, _| n.cast_unsigned().to_string()),
        ),
        (
            Type::Float8,
            Arc::new(number().map(|n| n.map(|n| f64::from(n) / 8.0)).collect::<Float64Array>()),
            shown(&|n, _| (f64::from(n) / 8.0).to_string()),
        ),
        (
            Type::Date,
            Arc::new(number().map(|n| n.map(|n| n / 1000)).collect::<Date32Array>()),
            shown(&|n, _| (f64::from(n / 1000) * 86_400_000.0).to_string()),
        ),
        (
            Type::Timestamp(None),
            Arc::new(number().map(|n| n.map(|n| i64::from(n) * 7)).collect::<TimestampMicrosecondArray>()),
            shown(&|n, _| (f64::from(n) * 7.0 / 1000.0).to_string()),
        ),
        (Type::Text, Arc::new(text().collect::<StringArray>()), shown(&plain)),
        (Type::Text, Arc::new(text().collect::<LargeStringArray>()), shown(&plain)),
        (Type::Text, Arc::new(text().collect::<StringViewArray>()), shown(&plain)),
        (Type::Text, Arc::new(text().collect::<DictionaryArray<Int32Type>>()), shown(&plain)),
        (Type::Bytea, Arc::new(text().map(|text| text.map(str::as_bytes)).collect::<BinaryArray>()), shown(&plain)),
        (Type::Array(Arc::new(of_int8)), Arc::new(lists.finish()), shown(&list)),
    ]
}

fn plan(columns: Vec<ColumnPlan>) -> Plan {
    Plan {
        scanner: Scanner::detect(),
        grammar: Grammar::Text { delimiter: Separator::byte(b'\t'), marker: true },
        eol: None,
        null: b"\\N".to_vec(),
        default: None,
        header: Header::No,
        skip: 0,
        encoding: None,
        escapes: Escapes::Sequences,
        has_comma: false,
        truncates_decimals: false,
        unpads_quotes: false,
        columns,
        conditions: Vec::new(),
        passes_blank_lines: false,
        map: None,
        fixed: None,
        is_binary: false,
        relation: "t".to_owned(),
        tolerance: Tolerance::default(),
        layout: Layout::Arrow,
        context: Arc::new(Context::new(&Session::default()).expect("UTC is a time zone")),
    }
}

struct Reader<'a> {
    buffer: &'a [u8],
    nodes: &'a [Node],
    dictionaries: &'a Dictionaries,
}

impl Reader<'_> {
    fn bytes<const N: usize>(&self, at: usize) -> [u8; N] {
        self.buffer[at..at + N].try_into().expect("so many bytes")
    }

    fn place(&self, at: usize) -> usize {
        u32::from_le_bytes(self.bytes(at)) as usize
    }

    /// The value of a row of the node with this number, of the column with that.
    fn value(&self, node: usize, column: usize, row: usize) -> Option<String> {
        let Node { kind, validity, data, bytes, offsets, units, .. } = self.nodes[node];
        if validity.is_some_and(|at| self.buffer[at + row / 8] >> (row % 8) & 1 == 0) {
            return None;
        }
        let between = |at: usize| (self.place(at + row * 4), self.place(at + row * 4 + 4));
        Some(match kind {
            Kind::Bool => (self.buffer[data + row] == 1).to_string(),
            Kind::Int16 => i16::from_le_bytes(self.bytes(data + row * 2)).to_string(),
            Kind::Int32 => i32::from_le_bytes(self.bytes(data + row * 4)).to_string(),
            Kind::Int64 => i64::from_le_bytes(self.bytes(data + row * 8)).to_string(),
            Kind::Float32 => f32::from_le_bytes(self.bytes(data + row * 4)).to_string(),
            Kind::Float64 | Kind::Epoch => f64::from_le_bytes(self.bytes(data + row * 8)).to_string(),
            Kind::Text => {
                // As JavaScript does it: one string, which is cut by units of UTF-16.
                let whole = std::str::from_utf8(&self.buffer[data..data + bytes]).expect("it is text");
                let whole: Vec<u16> = whole.encode_utf16().collect();
                assert_eq!(units.is_none(), whole.len() == bytes, "offsets of its own where it is not ASCII");
                let (from, to) = between(units.or(offsets).expect("text has offsets"));
                String::from_utf16(&whole[from..to]).expect("no character is cut")
            }
            Kind::Bytes => {
                let (from, to) = between(offsets.expect("bytes have offsets"));
                String::from_utf8(self.buffer[data + from..data + to].to_vec()).expect("they were text")
            }
            Kind::List => {
                let (from, to) = between(offsets.expect("lists have offsets"));
                let elements = (from..to).map(|at| self.value(node + 1, column, at).unwrap_or("NULL".to_owned()));
                format!("[{}]", elements.collect::<Vec<_>>().join(","))
            }
            Kind::Coded => {
                let code = self.place(data + row * 4);
                assert!(code < units.expect("it tells how many there are"));
                let (all, ends) = self.dictionaries.texts(column, 0);
                let from = if code == 0 { 0 } else { ends[code - 1] };
                String::from_utf8(all[from as usize..ends[code] as usize].to_vec()).expect("it is text")
            }
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_what_there_was(first in seeds(), second in seeds(), cut in 0_usize..50) {
        let of = |ty: Type| ColumnPlan { ty, ..ColumnPlan::of_text("c".to_owned(), false) };
        let plan_columns: Vec<_> = columns(&first).into_iter().map(|(ty, ..)| of(ty)).collect();
        let count = plan_columns.len();
        let plan = plan(plan_columns);
        let dictionaries = Dictionaries::new(count, 1, usize::MAX);
        let mut known: Vec<Known> = Vec::new();
        let mut buffer = Vec::new();
        // Two batches, since dictionaries go on, of arrays that are parts of others.
        for rows in [first, second] {
            let cut = cut.min(rows.len() - 1);
            let made = columns(&rows);
            let arrays = made.iter().map(|(_, array, _)| array.slice(cut, rows.len() - cut));
            let named = arrays.enumerate().map(|(index, array)| (index.to_string(), array));
            let batch = RecordBatch::try_from_iter_with_nullable(named.map(|(name, array)| (name, array, true))).expect("a batch");
            prop_assert!(taken_over(&plan, &batch, false).iter().all(|&taken| taken));
            let nodes = write_values(&plan, &batch, &mut buffer, &dictionaries, &mut known).expect("it is written");
            let reader = Reader { buffer: &buffer, nodes: &nodes, dictionaries: &dictionaries };
            let mut node = 0;
            for (column, (_, _, expected)) in made.iter().enumerate() {
                prop_assert_eq!(nodes[node].rows, rows.len() - cut);
                for row in 0..nodes[node].rows {
                    prop_assert_eq!(&reader.value(node, column, row), &expected[cut + row], "column {}, row {}", column, row);
                }
                node += 1 + usize::from(nodes[node].kind == Kind::List);
            }
            prop_assert_eq!(node, nodes.len());
        }
    }
}
