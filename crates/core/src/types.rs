//! The column types whose literals are decoded natively.

use std::sync::Arc;

/// A column's type. Type modifiers are those of PostgreSQL, already unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    /// `numeric`, or `numeric(precision, scale)` with precision 1 to 1000 and scale -1000 to 1000.
    Numeric(Option<(u16, i16)>),
    Text,
    /// `varchar`, or `varchar(n)`, n in characters.
    Varchar(Option<u32>),
    /// `char(n)`, n in characters. Values are kept as read; padding is the target's.
    Bpchar(Option<u32>),
    Bytea,
    Date,
    /// `time(p)`, p digits of a second.
    Time(Option<u8>),
    TimeTz(Option<u8>),
    Timestamp(Option<u8>),
    TimestampTz(Option<u8>),
    Interval(Option<u8>),
    Uuid,
    Json,
    Jsonb,
    Enum(Arc<EnumType>),
    Array(Arc<ArrayType>),
    /// Any other type: its literal travels as text and the target parses it.
    Other,
}

impl Type {
    /// Whether it is an instant in nanoseconds, which PostgreSQL has not: of rows for a program, as Arrow has it, counted since 1970.
    #[must_use]
    pub fn has_nanoseconds(&self) -> bool {
        matches!(self, Self::Timestamp(Some(9)) | Self::TimestampTz(Some(9)))
    }
}

/// What is known of a type that only its target parses: how nested values are written for it, and what would lose something in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Foreign {
    /// Nothing.
    #[default]
    Opaque,
    /// It holds what this one holds.
    Like(Type),
    /// Whole numbers.
    Whole,
    /// Whole numbers from 0 to what so many bits hold, of a type of this name: PostgreSQL's wrap around.
    Unsigned {
        name: String,
        bits: u32,
    },
    /// Texts of at most so many bytes, of a type of this name: PostgreSQL's are cut.
    Short {
        name: String,
        bytes: usize,
    },
    /// Lengths of time in whole parts of the last of these fields, or in seconds of so many digits: PostgreSQL's are rounded or cut.
    Interval {
        fields: Vec<String>,
        digits: u8,
    },
    List(Box<Foreign>),
    /// Fields by their names; in PostgreSQL, where they are written by their places, in their order.
    Record(Vec<(String, Foreign)>),
    /// Keys and values.
    Map(Box<(Foreign, Foreign)>),
}

/// An enumerated type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumType {
    /// As PostgreSQL prints it in messages.
    pub name: String,
    /// Labels in their sort order.
    pub labels: Vec<String>,
}

/// An array type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayType {
    pub element: Type,
    /// The element's type OID, which PostgreSQL's binary form carries. 0 where there is no PostgreSQL.
    pub element_oid: u32,
    /// Between elements: `,` for all built-in types but `box`.
    pub delimiter: u8,
    /// How deep the target's lists nest, where that is part of the column's type; 0 where arrays of any number of
    /// dimensions fit, as in PostgreSQL.
    pub depth: u32,
}
