//! The header of each input of a load against that of the first one: fields that are called otherwise are other fields, and to load
//! them all the same would put values into the wrong columns.

use std::sync::Arc;

use copyist_core::{DataError, ErrorCode};
use copyist_format::{
    ColumnPlan, Condition, Decoder, FieldMap, Header, Layout, Plan, Subject, Tile, Values, join_quoted,
};
use copyist_scan::{Eol, Grammar};

use crate::failure::Failure;

/// A record's fields as text, None for a NULL.
pub(crate) type Fields = Vec<Option<Vec<u8>>>;

/// The fields of a tile's first record; None when it has none. What comes behind it cannot matter. `plan` gives the format; its
/// columns are not looked at.
pub(crate) fn first_record(plan: &Plan, tile: &mut Tile, name: &str) -> Result<Option<Fields>, Failure> {
    let (len, has_header, breaks) = (tile.len, tile.header, std::mem::take(&mut tile.breaks));
    // What stands before the first broken line is whole.
    tile.len = breaks.first().map_or(len, |&(start, _)| start as usize);
    tile.header = false;
    let fields = if tile.len == 0 { Ok(None) } else { fields_of(plan, tile, name) };
    (tile.len, tile.header, tile.breaks) = (len, has_header, breaks);
    fields
}

fn fields_of(plan: &Plan, tile: &mut Tile, name: &str) -> Result<Option<Fields>, Failure> {
    let (start, lines_before) = match blank_lines(plan, tile) {
        0 if selects_first(plan) => passed_over(plan, tile),
        lines => (lines * tile.eol_len(), lines),
    };
    let (eol, byte_offset) = (tile.eol, tile.place_in_input(start));
    let mut own;
    let tile = if start > 0 || plan.tolerance.invalid.is_some() {
        // The tile itself is still to be decoded, as it was read.
        own = Tile { byte_offset, ..Tile::whole(&tile.data()[start..], eol, false) };
        if let Some(replacement) = plan.tolerance.invalid {
            own.replace_invalid(plan, replacement);
        }
        &mut own
    } else {
        tile
    };
    let mut offsets = Vec::new();
    plan.scanner.index(tile.data(), plan.grammar, tile.eol.unwrap_or(Eol::Lf), &mut offsets);
    join_quoted(plan, tile, &mut offsets);
    let eol = tile.eol.map_or(b'\n', Eol::last_byte);
    let ends = offsets.iter().position(|&offset| tile.data()[offset as usize] == eol);
    let width = ends.map_or(offsets.len() + 1, |end| end + 1);
    // Decode that one record alone.
    if let Some(end) = ends {
        tile.len = offsets[end] as usize + 1;
    }
    let plan = Arc::new(Plan { conditions: Vec::new(), ..of_width(plan, width) });
    let mut decoder = Decoder::new(Arc::clone(&plan));
    let decoded = decoder.decode(tile);
    if let Some(fault) = &decoded.fault {
        let mut fault = fault.clone();
        tile.fault_as_read(&mut fault);
        let lines = plan.skip + lines_before as u64;
        return Err(Failure::of_record(&fault, &plan, name, lines, tile.byte_offset));
    }
    if decoded.rows == 0 {
        return Ok(None);
    }
    let fields = decoded.columns.iter().map(|column| match &column.values {
        Values::Bytes(refs) if column.validity.is_valid(0) => Some(refs[0].get(&tile.buffer, &decoded.arena).to_vec()),
        _ => None,
    });
    Ok(Some(fields.collect()))
}

/// The plan of records of so many fields, of whatever they are.
fn of_width(plan: &Plan, width: usize) -> Plan {
    let mut column = ColumnPlan::of_text(String::new(), true);
    column.cleaning.unquotes = plan.unquotes();
    Plan {
        header: Header::No,
        columns: vec![column; width],
        passes_blank_lines: false,
        map: None,
        layout: Layout::PgText,
        ..plan.clone()
    }
}

/// Whether the first record is the first of those that are not passed over: a header, where there is one, is none of them.
pub(crate) fn selects_first(plan: &Plan) -> bool {
    plan.header == Header::No && !plan.conditions.is_empty()
}

/// Bytes of the records that come first and do not meet the conditions, and how many those are.
fn passed_over(plan: &Plan, tile: &Tile) -> (usize, usize) {
    let data = tile.data();
    let mut offsets = Vec::new();
    plan.scanner.index(data, plan.grammar, tile.eol.unwrap_or(Eol::Lf), &mut offsets);
    join_quoted(plan, tile, &mut offsets);
    let eol = tile.eol.map_or(b'\n', Eol::last_byte);
    let (mut start, mut width, mut count) = (0, 1, 0);
    // Records next to each other mostly have as many fields.
    let mut known: Option<(usize, Decoder)> = None;
    for &offset in offsets.iter().chain([&(data.len() as u32)]) {
        let end = (offset as usize + 1).min(data.len());
        if data.get(offset as usize).is_some_and(|&byte| byte != eol) {
            width += 1;
            continue;
        }
        if end <= start {
            break;
        }
        let mut record = Tile::whole(&data[start..end], tile.eol, false);
        if let Some(replacement) = plan.tolerance.invalid {
            record.replace_invalid(plan, replacement);
        }
        let fresh = || (width, Decoder::new(Arc::new(of_width(plan, width))));
        let (_, mut decoder) = known.take().filter(|(of, _)| *of == width).unwrap_or_else(fresh);
        if decoder.decode(&record).passed_over == 0 {
            break;
        }
        known = Some((width, decoder));
        (start, width, count) = (end, 1, count + 1);
    }
    (start, count)
}

/// Lines without anything that come first, where those are passed over.
fn blank_lines(plan: &Plan, tile: &Tile) -> usize {
    let Some(eol) = tile.eol.filter(|_| plan.passes_blank_lines) else { return 0 };
    let other;
    let end: &[u8] = match eol {
        Eol::Lf => b"\n",
        Eol::Cr => b"\r",
        Eol::CrLf => b"\r\n",
        Eol::Other(end) => {
            other = end;
            other.as_bytes()
        }
    };
    tile.data().chunks(end.len()).take_while(|&chunk| chunk == end).count()
}

/// Whether nothing but such lines are in a tile.
pub(crate) fn is_blank(plan: &Plan, tile: &Tile) -> bool {
    tile.len > 0 && blank_lines(plan, tile) * tile.eol_len() == tile.len
}

/// The first header of a load, and what is done with others.
pub(crate) struct Headers {
    /// Fields belong to the columns whose names they have, wherever they stand.
    maps_by_name: bool,
    first: Option<First>,
}

struct First {
    name: String,
    fields: Fields,
    /// The header with its line end, where a file that begins with it has the same one.
    raw: Vec<u8>,
}

impl Headers {
    pub fn new(maps_by_name: bool) -> Self {
        Self { maps_by_name, first: None }
    }

    /// Compares the header in the first tile of an input with that of the first input. The plan by which its records are to be read, where
    /// that is another one.
    pub fn check(&mut self, plan: &Plan, tile: &mut Tile, name: &str) -> Result<Option<Arc<Plan>>, Failure> {
        if plan.header == Header::No || plan.fixed.is_some() || plan.is_binary {
            return Ok(None);
        }
        if self.first.as_ref().is_some_and(|first| !first.raw.is_empty() && tile.data().starts_with(&first.raw)) {
            return Ok(None);
        }
        // A header that is broken is the decoder's to tell of, and so is one that does not match the table's columns.
        let Ok(Some(fields)) = first_record(plan, tile, name) else { return Ok(None) };
        let Some(first) = &self.first else {
            let raw = raw_header(plan, tile);
            self.first = Some(First { name: name.to_owned(), fields, raw });
            return Ok(None);
        };
        if fields == first.fields || plan.header == Header::Match {
            return Ok(None);
        }
        match self.maps_by_name.then(|| places_of(&first.fields, &fields)).flatten() {
            // Of the same names in another case.
            Some(places) if places.is_sorted() => Ok(None),
            Some(places) => Ok(Some(Arc::new(rearranged(plan, &fields, &places)))),
            None => Err(differs(plan, first, &fields, tile, name, self.maps_by_name)),
        }
    }
}

/// The first line with its line end, if that is all of the header.
fn raw_header(plan: &Plan, tile: &Tile) -> Vec<u8> {
    let (data, eol) = (tile.data(), tile.eol.unwrap_or(Eol::Lf));
    let end = memchr::memchr(eol.last_byte(), data).map_or(0, |end| end + 1);
    let special = match plan.grammar {
        Grammar::Csv { quote, .. } => Some(quote),
        Grammar::Text { .. } => Some(b'\\'),
        Grammar::Plain { .. } => None,
    };
    let is_blank = blank_lines(plan, tile) > 0;
    let is_plain = !is_blank && special.is_none_or(|special| memchr::memchr(special, &data[..end]).is_none());
    if is_plain && !matches!(eol, Eol::Other(_) | Eol::Cr) { data[..end].to_vec() } else { Vec::new() }
}

/// Where each field of the first header stands in another one; None unless both have the same fields. Their names match in the same case first, then
/// in any, as those of the first header match the table's.
fn places_of(first: &Fields, other: &Fields) -> Option<Vec<u32>> {
    if first.len() != other.len() {
        return None;
    }
    let mut is_taken = vec![false; other.len()];
    let mut places: Vec<Option<u32>> = first
        .iter()
        .map(|field| {
            let place = (0..other.len()).find(|&at| !is_taken[at] && other[at] == *field)?;
            is_taken[place] = true;
            Some(place as u32)
        })
        .collect();
    for (field, place) in first.iter().zip(&mut places) {
        if place.is_none() {
            let at = (0..other.len()).find(|&at| !is_taken[at] && is_same_name(&other[at], field))?;
            is_taken[at] = true;
            *place = Some(at as u32);
        }
    }
    places.into_iter().collect()
}

/// The plan for records whose fields stand in the order of these names. None if that is the order of the plan.
pub(crate) fn in_order(plan: &Plan, names: &[String]) -> Result<Option<Arc<Plan>>, Failure> {
    let fields = |names: &[String]| names.iter().map(|name| Some(name.clone().into_bytes())).collect::<Fields>();
    let fields_there = fields(names);
    match plan.map.as_ref().and_then(|map| places_of(&fields(&map.names), &fields_there)) {
        Some(places) if places.is_sorted() => Ok(None),
        Some(places) => Ok(Some(Arc::new(rearranged(plan, &fields_there, &places)))),
        None => {
            let message = format!("the fields {} are not those of the header", names.join(", "));
            Err(Failure::whole(DataError::new(ErrorCode::BadCopyFileFormat, message)))
        }
    }
}

/// Whether two fields are one name in some case, blanks around it aside.
fn is_same_name(one: &Option<Vec<u8>>, other: &Option<Vec<u8>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => folded(one) == folded(other),
        _ => one == other,
    }
}

fn folded(name: &[u8]) -> String {
    String::from_utf8_lossy(name).trim().to_lowercase()
}

/// The plan for records whose fields stand at other places.
fn rearranged(plan: &Plan, fields: &Fields, places: &[u32]) -> Plan {
    let place = |field: u32| places.get(field as usize).copied().unwrap_or(FieldMap::NONE);
    let columns = match &plan.map {
        Some(map) => map.columns.iter().map(|&field| place(field)).collect(),
        None => (0..plan.columns.len() as u32).map(place).collect(),
    };
    let names = fields.iter().map(|field| text(field.as_deref())).collect();
    let conditions = plan.conditions.iter().map(|condition| match condition.subject {
        Subject::Field(field) => Condition { subject: Subject::Field(place(field)), ..condition.clone() },
        Subject::Characters { .. } | Subject::Place(_) => condition.clone(),
    });
    Plan { map: Some(FieldMap { names, columns }), conditions: conditions.collect(), ..plan.clone() }
}

fn text(field: Option<&[u8]>) -> String {
    String::from_utf8_lossy(field.unwrap_or_default()).into_owned()
}

fn differs(plan: &Plan, first: &First, fields: &Fields, tile: &Tile, name: &str, by_name: bool) -> Failure {
    let quoted = |field: Option<&Option<Vec<u8>>>| match field {
        Some(field) => format!("\"{}\"", text(field.as_deref())),
        None => "missing".to_owned(),
    };
    let detail = if by_name {
        let has = |fields: &Fields, name| fields.iter().any(|field| is_same_name(field, name));
        let lacks = first.fields.iter().find(|field| !has(fields, field));
        let adds = fields.iter().find(|field| !has(&first.fields, field));
        match (lacks, adds) {
            (Some(field), _) => format!("It has no field {}.", quoted(Some(field))),
            (None, Some(field)) => format!("It has a field {}, which the first one has not.", quoted(Some(field))),
            (None, None) => "Some field stands in one of them more often than in the other.".to_owned(),
        }
    } else {
        let most = fields.len().max(first.fields.len());
        let at = (0..most).find(|&at| fields.get(at) != first.fields.get(at)).unwrap_or_default();
        format!("Field {} is {}, and {} there.", at + 1, quoted(fields.get(at)), quoted(first.fields.get(at)))
    };
    let hint = if by_name {
        "The files of one load have the same fields, in any order. Load this one by a statement of its own."
    } else {
        "The files of one load have the same fields in the same order. MAP BY NAME takes them in any order; SKIP 1 instead of HEADER \
         passes over first lines, whatever they say."
    };
    let message = format!("the header of file \"{name}\" differs from that of file \"{}\"", first.name);
    let error = DataError::new(ErrorCode::BadCopyFileFormat, message).with_detail(detail).with_hint(hint);
    let mut failure = Failure::whole(error);
    (failure.line, failure.byte_offset) = (Some(plan.skip + 1), Some(tile.byte_offset));
    failure
}
