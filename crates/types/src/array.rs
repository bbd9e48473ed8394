//! Array literals: `{1,2,NULL}`, `[2:3]={{a,b},{c,d}}`.

use std::borrow::Cow;

use copyist_core::{DataError, ErrorCode, Result};

use crate::ascii::{at, is_space, skip_space};

/// Most dimensions that an array has.
pub const MAX_DIMENSIONS: usize = 6;
/// Most elements that an array has.
pub const MAX_ELEMENTS: usize = 134_217_727;

/// An array literal, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayLiteral<'a> {
    /// Length of each dimension, the outermost first; empty for an array without elements.
    pub dims: Vec<i32>,
    /// Subscript of the first element in each dimension.
    pub lower_bounds: Vec<i32>,
    /// Elements in order, the last dimension running fastest; `None` is NULL.
    pub elements: Vec<Option<Cow<'a, [u8]>>>,
}

/// The dimensions of an array.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Length of each dimension, the outermost first; empty for an array without elements.
    pub dims: Vec<i32>,
    /// Subscript of the first element in each dimension.
    pub lower_bounds: Vec<i32>,
}

/// Takes an array literal apart.
///
/// # Errors
/// 22P02 `malformed array literal: "…"` with a DETAIL; 54000 where a limit is exceeded; 2202E
/// `upper bound cannot be less than lower bound`.
pub fn parse(s: &[u8], delimiter: u8) -> Result<ArrayLiteral<'_>> {
    let mut elements = Vec::new();
    let shape = parse_with(s, delimiter, |element| {
        elements.push(element);
        Ok(())
    })?;
    Ok(ArrayLiteral { dims: shape.dims, lower_bounds: shape.lower_bounds, elements })
}

/// Takes an array literal apart and hands each element to `element` at once: as on the server, an element that its type
/// refuses is told before a mistake further on in the literal.
///
/// # Errors
/// Those of [`parse`] and of `element`.
pub fn parse_with<'a>(
    s: &'a [u8],
    delimiter: u8,
    element: impl FnMut(Option<Cow<'a, [u8]>>) -> Result<()>,
) -> Result<Shape> {
    let mut reader = Reader { s, i: 0, delimiter };
    let mut shape = reader.dimensions()?;
    if shape.dims.is_empty() {
        if at(s, reader.i) != b'{' {
            return Err(reader.malformed("Array value must start with \"{\" or dimension information."));
        }
    } else {
        if at(s, reader.i) != b'=' {
            return Err(reader.malformed("Missing \"=\" after array dimensions."));
        }
        reader.i = skip_space(s, reader.i + 1);
        if at(s, reader.i) != b'{' {
            return Err(reader.malformed("Array contents must start with \"{\"."));
        }
    }
    let elements = reader.contents(&mut shape, element)?;
    if skip_space(s, reader.i) != s.len() {
        return Err(reader.malformed("Junk after closing right brace."));
    }
    if elements == 0 {
        return Ok(Shape::default());
    }
    shape.lower_bounds.resize(shape.dims.len(), 1);
    Ok(shape)
}

/// What comes next in lists that are in lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListPart<'a> {
    Begin,
    End,
    /// A value, or NULL in place of one or of a list.
    Element(Option<Cow<'a, [u8]>>),
}

/// Takes apart an array literal whose lists need not be of the same lengths, nor be there at all: `{{1},{},NULL,{2,3}}`. `part` is handed what
/// is in it, in its order, and within how many lists it is.
///
/// # Errors
/// 22P02 `malformed array literal: "…"` with a DETAIL, and those of `part`.
pub fn parse_lists<'a>(
    s: &'a [u8],
    delimiter: u8,
    mut part: impl FnMut(usize, ListPart<'a>) -> Result<()>,
) -> Result<()> {
    let mut reader = Reader { s, i: skip_space(s, 0), delimiter };
    if at(s, reader.i) != b'{' {
        return Err(reader.malformed("Array value must start with \"{\" or dimension information."));
    }
    let mut level = 0;
    let (mut after_element, mut after_delimiter) = (false, false);
    loop {
        let token = reader.token()?;
        match token {
            Token::LevelStart => {
                if after_element {
                    return Err(reader.unexpected(b'{'));
                }
                part(level, ListPart::Begin)?;
                level += 1;
            }
            Token::LevelEnd => {
                if after_delimiter {
                    return Err(reader.unexpected(b'}'));
                }
                level -= 1;
                part(level, ListPart::End)?;
            }
            Token::Delimiter => {
                if !after_element {
                    return Err(reader.unexpected(delimiter));
                }
            }
            Token::Element(_) if after_element => return Err(reader.malformed("Unexpected array element.")),
            Token::Element(ref value) => part(level, ListPart::Element(value.clone()))?,
        }
        if level == 0 {
            break;
        }
        after_element = matches!(token, Token::LevelEnd | Token::Element(_));
        after_delimiter = matches!(token, Token::Delimiter);
    }
    if skip_space(s, reader.i) != s.len() {
        return Err(reader.malformed("Junk after closing right brace."));
    }
    Ok(())
}

enum Token<'a> {
    LevelStart,
    LevelEnd,
    Delimiter,
    Element(Option<Cow<'a, [u8]>>),
}

struct Reader<'a> {
    s: &'a [u8],
    i: usize,
    delimiter: u8,
}

impl<'a> Reader<'a> {
    /// Any number of `[upper]` and `[lower:upper]` with white space between.
    fn dimensions(&mut self) -> Result<Shape> {
        let mut shape = Shape::default();
        loop {
            self.i = skip_space(self.s, self.i);
            if at(self.s, self.i) != b'[' {
                return Ok(shape);
            }
            self.i += 1;
            if shape.dims.len() == MAX_DIMENSIONS {
                return Err(too_many_dimensions());
            }
            let Some(first) = self.bound()? else {
                return Err(self.malformed("\"[\" must introduce explicitly-specified array dimensions."));
            };
            let (lower, upper) = if at(self.s, self.i) == b':' {
                self.i += 1;
                match self.bound()? {
                    Some(upper) => (first, upper),
                    None => return Err(self.malformed("Missing array dimension value.")),
                }
            } else {
                (1, first)
            };
            if at(self.s, self.i) != b']' {
                return Err(self.malformed("Missing \"]\" after array dimensions."));
            }
            self.i += 1;
            shape.dims.push(dimension(lower, upper)?);
            shape.lower_bounds.push(lower);
        }
    }

    /// An integer with an optional sign, or nothing.
    fn bound(&mut self) -> Result<Option<i32>> {
        let negative = at(self.s, self.i) == b'-';
        let first = self.i + usize::from(negative || at(self.s, self.i) == b'+');
        let mut end = first;
        let mut value = 0i64;
        while at(self.s, end).is_ascii_digit() {
            value = (value * 10 + i64::from(self.s[end] - b'0')).min(1 << 32);
            end += 1;
        }
        if end == first {
            return Ok(None);
        }
        self.i = end;
        match i32::try_from(if negative { -value } else { value }) {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(limit("array bound is out of integer range")),
        }
    }

    /// Everything in the outer braces. Fills in the dimensions if they were not given, and returns how many elements
    /// there are.
    fn contents(
        &mut self,
        shape: &mut Shape,
        mut element: impl FnMut(Option<Cow<'a, [u8]>>) -> Result<()>,
    ) -> Result<usize> {
        /// Not known before the first sub-array of a level ends.
        const UNKNOWN: i32 = -1;
        let specified = !shape.dims.is_empty();
        let mut depth_known = specified;
        let mut counts = [0i32; MAX_DIMENSIONS];
        let mut level = 0;
        let mut elements = 0;
        let mut expect_delimiter = false;
        loop {
            match self.token()? {
                Token::LevelStart => {
                    if expect_delimiter {
                        return Err(self.unexpected(b'{'));
                    }
                    if level == MAX_DIMENSIONS {
                        return Err(too_many_dimensions());
                    }
                    counts[level] = 0;
                    level += 1;
                    if level > shape.dims.len() {
                        if depth_known {
                            return Err(self.dimension_error(specified));
                        }
                        shape.dims.push(UNKNOWN);
                    }
                }
                Token::LevelEnd => {
                    if counts[level - 1] > 0 && !expect_delimiter {
                        return Err(self.unexpected(b'}'));
                    }
                    level -= 1;
                    if shape.dims[level] == UNKNOWN {
                        shape.dims[level] = counts[level];
                    } else if shape.dims[level] != counts[level] {
                        return Err(self.dimension_error(specified));
                    }
                    if level == 0 {
                        return Ok(elements);
                    }
                    // A sub-array is an element of the level around it.
                    counts[level - 1] += 1;
                    expect_delimiter = true;
                }
                Token::Delimiter => {
                    if !expect_delimiter {
                        return Err(self.unexpected(self.delimiter));
                    }
                    expect_delimiter = false;
                }
                Token::Element(value) => {
                    if expect_delimiter {
                        return Err(self.malformed("Unexpected array element."));
                    }
                    if elements == MAX_ELEMENTS {
                        return Err(limit(format!("array size exceeds the maximum allowed ({MAX_ELEMENTS})")));
                    }
                    element(value)?;
                    elements += 1;
                    depth_known = true;
                    if level != shape.dims.len() {
                        return Err(self.dimension_error(specified));
                    }
                    counts[level - 1] += 1;
                    expect_delimiter = true;
                }
            }
        }
    }

    fn token(&mut self) -> Result<Token<'a>> {
        self.i = skip_space(self.s, self.i);
        // A delimiter that is white space or a brace does not exist in PostgreSQL's catalogs.
        let token = match at(self.s, self.i) {
            _ if self.i == self.s.len() => return Err(self.ended()),
            b'{' => Token::LevelStart,
            b'}' => Token::LevelEnd,
            b'"' => return self.quoted(),
            byte if byte == self.delimiter => Token::Delimiter,
            _ => return self.unquoted(),
        };
        self.i += 1;
        Ok(token)
    }

    fn quoted(&mut self) -> Result<Token<'a>> {
        let mut from = self.i + 1;
        let mut i = from;
        let mut unescaped: Vec<u8> = Vec::new();
        let mut escapes = false;
        loop {
            match self.s.get(i) {
                None => return Err(self.ended()),
                Some(b'"') => break,
                Some(b'\\') => {
                    if i + 1 == self.s.len() {
                        return Err(self.ended());
                    }
                    // The escaped byte starts the next run, whatever it is.
                    unescaped.extend_from_slice(&self.s[from..i]);
                    escapes = true;
                    from = i + 1;
                    i += 2;
                }
                Some(_) => i += 1,
            }
        }
        let rest = &self.s[from..i];
        let value = if escapes {
            unescaped.extend_from_slice(rest);
            Cow::Owned(unescaped)
        } else {
            Cow::Borrowed(rest)
        };
        self.i = skip_space(self.s, i + 1);
        match at(self.s, self.i) {
            _ if self.i == self.s.len() => Err(self.ended()),
            byte if byte == self.delimiter || byte == b'}' || byte == b'{' => Ok(Token::Element(Some(value))),
            _ => Err(self.malformed("Incorrectly quoted array element.")),
        }
    }

    fn unquoted(&mut self) -> Result<Token<'a>> {
        let mut from = self.i;
        let mut i = from;
        let mut unescaped: Vec<u8> = Vec::new();
        let mut escapes = false;
        // Behind the last byte that is not trailing white space.
        let mut end = from;
        loop {
            match self.s.get(i) {
                None => return Err(self.ended()),
                Some(b'{') => return Err(self.unexpected(b'{')),
                Some(b'"') => return Err(self.malformed("Incorrectly quoted array element.")),
                Some(b'\\') => {
                    if i + 1 == self.s.len() {
                        return Err(self.ended());
                    }
                    unescaped.extend_from_slice(&self.s[from..i]);
                    escapes = true;
                    from = i + 1;
                    i += 2;
                    end = i;
                }
                Some(byte) if *byte == self.delimiter || *byte == b'}' => break,
                Some(byte) => {
                    i += 1;
                    if !is_space(*byte) {
                        end = i;
                    }
                }
            }
        }
        self.i = i;
        let rest = &self.s[from..end];
        Ok(Token::Element(if escapes {
            unescaped.extend_from_slice(rest);
            Some(Cow::Owned(unescaped))
        } else if rest.eq_ignore_ascii_case(b"null") {
            None
        } else {
            Some(Cow::Borrowed(rest))
        }))
    }

    #[cold]
    fn malformed(&self, detail: impl Into<String>) -> Box<DataError> {
        let message = format!("malformed array literal: \"{}\"", String::from_utf8_lossy(self.s));
        DataError::new(ErrorCode::InvalidTextRepresentation, message).with_detail(detail)
    }

    #[cold]
    fn unexpected(&self, byte: u8) -> Box<DataError> {
        self.malformed(format!("Unexpected \"{}\" character.", char::from(byte)))
    }

    #[cold]
    fn ended(&self) -> Box<DataError> {
        self.malformed("Unexpected end of input.")
    }

    #[cold]
    fn dimension_error(&self, specified: bool) -> Box<DataError> {
        self.malformed(if specified {
            "Specified array dimensions do not match array contents."
        } else {
            "Multidimensional arrays must have sub-arrays with matching dimensions."
        })
    }
}

/// Length of the dimension `[lower:upper]`.
fn dimension(lower: i32, upper: i32) -> Result<i32> {
    if upper < lower {
        let message = "upper bound cannot be less than lower bound";
        return Err(DataError::new(ErrorCode::ArraySubscriptError, message));
    }
    if upper == i32::MAX {
        return Err(limit(format!("array upper bound is too large: {upper}")));
    }
    match upper.checked_sub(lower).and_then(|difference| difference.checked_add(1)) {
        Some(length) => Ok(length),
        None => Err(limit(format!("array size exceeds the maximum allowed ({MAX_ELEMENTS})"))),
    }
}

#[cold]
fn limit(message: impl Into<Cow<'static, str>>) -> Box<DataError> {
    DataError::new(ErrorCode::ProgramLimitExceeded, message)
}

#[cold]
fn too_many_dimensions() -> Box<DataError> {
    limit(format!("number of array dimensions exceeds the maximum allowed ({MAX_DIMENSIONS})"))
}

#[cfg(test)]
mod tests;
