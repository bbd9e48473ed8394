//! What the scanner is told about the data, and what it answers.

/// The bytes that structure the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grammar {
    /// COPY's CSV. A quote switches quoting on or off anywhere in a field. If `escape` is not `quote`, an escape inside
    /// quotes keeps the quote (or escape) that follows from having a meaning.
    Csv {
        /// Byte between two fields.
        delimiter: u8,
        /// Byte that opens and closes quoting.
        quote: u8,
        /// Byte that escapes a quote inside quotes; usually the quote itself.
        escape: u8,
    },
    /// COPY's TEXT. A backslash makes the byte after it ordinary, whatever that is.
    Text {
        /// Byte between two fields.
        delimiter: u8,
    },
    /// Lines in which nothing is quoted or escaped.
    Plain {
        /// Byte between two fields; None where a line is not divided.
        delimiter: Option<u8>,
    },
}

impl Grammar {
    /// Whether the rules on masks hold: none of the bytes is also a line end, and TEXT's delimiter is not its escape.
    /// With others, such as a quote that is the LF of a CRLF, the meaning of a byte depends on its neighbours in ways
    /// the masks do not express.
    pub(crate) fn is_regular(self) -> bool {
        let line_end = |byte| byte == b'\n' || byte == b'\r';
        match self {
            Grammar::Csv { delimiter, quote, escape } => !line_end(delimiter) && !line_end(quote) && !line_end(escape),
            Grammar::Text { delimiter } => !line_end(delimiter) && delimiter != b'\\',
            Grammar::Plain { delimiter } => !delimiter.is_some_and(line_end),
        }
    }
}

/// What ends a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eol {
    /// `\n`
    Lf,
    /// `\r\n`
    CrLf,
    /// `\r`
    Cr,
}

impl Eol {
    /// Bytes of it.
    #[allow(clippy::len_without_is_empty, reason = "no line end is empty")]
    #[must_use]
    pub fn len(self) -> usize {
        if self == Eol::CrLf { 2 } else { 1 }
    }
}

/// What [`Scanner::index`](crate::Scanner::index) found besides the offsets.
///
/// Scanning stops at the first stray line end or end marker, whichever comes first: at most one of `stray_eol` and
/// `end_marker` is set, and the offsets and `records` are then those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indexed {
    /// Number of record ends among the offsets.
    pub records: usize,
    /// Offset of the first CR or LF, outside quotes and not escaped, that the style of line ends forbids: any CR under
    /// [`Eol::Lf`]; any LF under [`Eol::Cr`]; a CR without LF after it or an LF without CR before it under
    /// [`Eol::CrLf`]. There, a CR that is the last byte of the data is stray too.
    pub stray_eol: Option<usize>,
    /// TEXT: offset of the first backslash, itself not escaped, that is followed by a full stop.
    pub end_marker: Option<usize>,
    /// CSV: where the data ends inside quotes, the offset of the quote that opened them. A doubled quote is taken for
    /// a part of the quoted text, not for an end and a new opening.
    pub open_quote: Option<usize>,
    /// CSV: whether a quote occurs (false is certain; after a stop, of the data up to it). Always true for TEXT, where
    /// quotes are not looked for; false where they mean nothing.
    pub quotes: bool,
    /// CSV: whether some quotes open elsewhere than at a field's beginning (false is certain; after a stop, of the data up
    /// to it). A field of data without such quotes has a quote only if it begins with one. With an escape that is not the
    /// quote, true as soon as there is a quote.
    pub inner_quotes: bool,
    /// TEXT: whether a backslash occurs (false is certain; after a stop, of the data up to it). Always true for CSV,
    /// where backslashes are not looked for; false where they mean nothing.
    pub backslashes: bool,
}
