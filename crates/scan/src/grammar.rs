//! What the scanner is told about the data, and what it answers.

use crate::separator::Separator;

/// The bytes that structure the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grammar {
    /// COPY's CSV. A quote switches quoting on or off anywhere in a field. If `escape` is not `quote`, an escape inside
    /// quotes keeps the quote (or escape) that follows from having a meaning.
    Csv {
        /// What stands between two fields.
        delimiter: Separator,
        /// Byte that opens and closes quoting.
        quote: u8,
        /// Byte that escapes a quote inside quotes; usually the quote itself.
        escape: u8,
    },
    /// COPY's TEXT. A backslash makes the byte after it ordinary, whatever that is: a delimiter cannot begin with it.
    Text {
        /// What stands between two fields.
        delimiter: Separator,
        /// Whether a backslash before a full stop is an end marker, and not an escape like any other.
        marker: bool,
    },
    /// Lines in which nothing is quoted or escaped.
    Plain {
        /// What stands between two fields; None where a line is not divided.
        delimiter: Option<Separator>,
    },
}

impl Grammar {
    /// What stands between two fields, if anything does.
    #[must_use]
    pub fn delimiter(self) -> Option<Separator> {
        match self {
            Grammar::Csv { delimiter, .. } | Grammar::Text { delimiter, .. } => Some(delimiter),
            Grammar::Plain { delimiter } => delimiter,
        }
    }

    /// Bytes of a delimiter.
    #[must_use]
    pub fn delimiter_len(self) -> usize {
        self.delimiter().map_or(1, |delimiter| delimiter.len())
    }

    /// Whether a delimiter or the line end has to be looked for by more than one byte, or by another than usual.
    pub(crate) fn is_long(self, eol: Eol) -> bool {
        self.delimiter_len() > 1 || matches!(eol, Eol::Other(_))
    }

    /// Whether the rules on masks hold: none of the bytes is also a line end, and TEXT's delimiter is not its escape.
    /// Delimiters of several bytes have no quote among these, and TEXT's line ends no backslash; a delimiter ends otherwise than a record
    /// does. With others, such as a quote that is the LF of a CRLF, the meaning of a byte depends on its neighbours in ways
    /// the masks do not express.
    #[must_use]
    pub fn is_regular(self, eol: Eol) -> bool {
        let line_end = |byte| byte == b'\n' || byte == b'\r';
        let delimiter = self.delimiter();
        if let Eol::Other(end) = eol {
            let backslash = |separator: Separator| separator.contains(b'\\');
            let escapes = matches!(self, Grammar::Text { .. });
            return !matches!(self, Grammar::Csv { .. })
                && !(escapes && (backslash(end) || delimiter.is_some_and(backslash)))
                && delimiter.is_none_or(|delimiter| delimiter.last() != end.last());
        }
        if delimiter.is_some_and(|delimiter| delimiter.as_bytes().iter().copied().any(line_end)) {
            return false;
        }
        match self {
            Grammar::Csv { delimiter, quote, escape } => {
                !line_end(quote) && !line_end(escape) && (delimiter.len() == 1 || !delimiter.contains(quote))
            }
            Grammar::Text { delimiter, .. } => !delimiter.contains(b'\\'),
            Grammar::Plain { .. } => true,
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
    /// Other bytes. CR and LF are then data like any others, and what ends a record takes precedence over delimiters that have bytes
    /// of it. Of TEXT and plain lines only.
    Other(Separator),
}

impl Eol {
    /// Bytes of it.
    #[allow(clippy::len_without_is_empty, reason = "no line end is empty")]
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Eol::Lf | Eol::Cr => 1,
            Eol::CrLf => 2,
            Eol::Other(end) => end.len(),
        }
    }

    /// The style of line ends that are these bytes; None if there are none or too many.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Option<Eol> {
        match bytes {
            b"\n" => Some(Eol::Lf),
            b"\r\n" => Some(Eol::CrLf),
            b"\r" => Some(Eol::Cr),
            _ => Separator::new(bytes).map(Eol::Other),
        }
    }

    /// The first byte of it.
    #[inline]
    #[must_use]
    pub fn first_byte(self) -> u8 {
        match self {
            Eol::Lf => b'\n',
            Eol::Cr | Eol::CrLf => b'\r',
            Eol::Other(end) => end.first(),
        }
    }

    /// The last byte of it: where the index says a record ends.
    #[inline]
    #[must_use]
    pub fn last_byte(self) -> u8 {
        match self {
            Eol::Lf | Eol::CrLf => b'\n',
            Eol::Cr => b'\r',
            Eol::Other(end) => end.last(),
        }
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
    /// TEXT with a `marker`: offset of the first backslash, itself not escaped, that is followed by a full stop.
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
