//! What can be wrong with data, in PostgreSQL's codes and words.

use std::borrow::Cow;

/// Result of everything that parses a value. The error is boxed to keep the happy path in registers.
pub type Result<T> = std::result::Result<T, Box<DataError>>;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $state:literal),* $(,)?) => {
        /// A kind of failure. PostgreSQL's own SQLSTATE wherever COPY has one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[$doc])* $name),* }

        impl ErrorCode {
            /// Every code, in declaration order.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$name),*];

            /// The five-character SQLSTATE.
            pub const fn sql_state(self) -> &'static str {
                match self { $(ErrorCode::$name => $state),* }
            }

            /// The variant's name in Rust's CamelCase.
            pub const fn rust_name(self) -> &'static str {
                match self { $(ErrorCode::$name => stringify!($name)),* }
            }
        }
    };
}

codes! {
    /// A file, stream or connection failed while being read.
    IoError = "58030",
    /// The file does not exist.
    UndefinedFile = "58P01",
    /// The file may not be read.
    InsufficientPrivilege = "42501",
    /// The path names something that is not a regular file, such as a directory.
    WrongObjectType = "42809",
    /// The data breaks the rules of the COPY file format (unterminated quote, missing or extra columns, …).
    BadCopyFileFormat = "22P04",
    /// Bytes that are not valid in the input's encoding.
    CharacterNotInRepertoire = "22021",
    /// A value that its type's input function refuses.
    InvalidTextRepresentation = "22P02",
    /// A value in PostgreSQL's binary representation that its type refuses.
    InvalidBinaryRepresentation = "22P03",
    /// A value in PostgreSQL's binary representation that ends before its type has read all of it.
    ProtocolViolation = "08P01",
    /// An array in PostgreSQL's binary representation whose elements are of another type.
    DatatypeMismatch = "42804",
    /// A number outside the range of its type.
    NumericValueOutOfRange = "22003",
    /// A date or time that is not written in any form the type reads.
    InvalidDatetimeFormat = "22007",
    /// A date or time field, or the whole value, outside its range.
    DatetimeFieldOverflow = "22008",
    /// An interval outside its range.
    IntervalFieldOverflow = "22015",
    /// A time zone displacement outside ±15:59:59.
    InvalidTimeZoneDisplacement = "22009",
    /// A parameter value that is not accepted, such as an unknown time zone name.
    InvalidParameterValue = "22023",
    /// NULL in a column that forbids it.
    NotNullViolation = "23502",
    /// A string longer than `varchar(n)` or `char(n)` allows.
    StringDataRightTruncation = "22001",
    /// A `\u` escape that cannot be stored in this type.
    UntranslatableCharacter = "22P05",
    /// An array whose dimensions do not fit together.
    ArraySubscriptError = "2202E",
    /// A value, record or array larger than a limit.
    ProgramLimitExceeded = "54000",
    /// A value nested more deeply than the limit.
    StatementTooComplex = "54001",
    /// A column that the input does not have.
    UndefinedColumn = "42703",
    /// A column of which the input has several.
    AmbiguousColumn = "42702",
    /// Something the statement or the data asks for that is not supported.
    FeatureNotSupported = "0A000",
    /// The load was cancelled by the caller.
    QueryCanceled = "57014",
    /// The memory limit does not allow what is needed.
    OutOfMemory = "53200",
    /// A date or time that takes the server's own time zone data to read, or that it takes only as text. The statement starts over; no user sees this.
    LeftToServer = "0A000",
    /// A defect of copyist itself.
    InternalError = "XX000",
}

/// What is wrong with one value or record. Where it is is known to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataError {
    pub code: ErrorCode,
    /// PostgreSQL's primary message.
    pub message: Cow<'static, str>,
    /// PostgreSQL's DETAIL.
    pub detail: Option<String>,
    /// PostgreSQL's HINT, or ours where it has none.
    pub hint: Option<String>,
    /// Lines that PostgreSQL's CONTEXT has *before* the `COPY …` line, such as `JSON data, line 1: …`.
    pub context: Option<String>,
}

impl DataError {
    /// An error with a message only.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Box<Self> {
        Box::new(Self { code, message: message.into(), detail: None, hint: None, context: None })
    }

    /// Adds PostgreSQL's DETAIL.
    #[must_use]
    pub fn with_detail(mut self: Box<Self>, detail: impl Into<String>) -> Box<Self> {
        self.detail = Some(detail.into());
        self
    }

    /// Adds a HINT.
    #[must_use]
    pub fn with_hint(mut self: Box<Self>, hint: impl Into<String>) -> Box<Self> {
        self.hint = Some(hint.into());
        self
    }

    /// Adds CONTEXT lines of the value itself.
    #[must_use]
    pub fn with_context(mut self: Box<Self>, context: impl Into<String>) -> Box<Self> {
        self.context = Some(context.into());
        self
    }
}

impl std::fmt::Display for DataError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DataError {}
