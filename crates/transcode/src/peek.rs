//! The first record of an input, for the names and number of the columns of a table that is to be created.

use std::sync::Arc;

use copyist_format::{ColumnPlan, Decoder, Header, Layout, Plan, Values};
use copyist_scan::Eol;

use crate::failure::Failure;
use crate::source::Source;
use crate::splitter::Splitter;

/// The fields of the first record, None for a NULL; an empty input has no record. `plan` gives the format; its columns
/// are not looked at.
///
/// # Errors
/// When the input cannot be read, or its first record breaks the rules of the format.
pub fn peek(
    plan: &Plan,
    source: Source,
    name: &str,
    tile_size: usize,
    max_record: usize,
) -> Result<Option<Vec<Option<Vec<u8>>>>, Failure> {
    let mut tile = copyist_format::Tile::default();
    let mut splitter = Splitter::new(source, name.to_owned(), tile_size, max_record);
    splitter.next(plan, &mut tile, &|| false)?;
    if tile.len == 0 {
        return Ok(None);
    }
    let mut offsets = Vec::new();
    plan.scanner.index(tile.data(), plan.grammar, tile.eol.unwrap_or(Eol::Lf), &mut offsets);
    let eol = tile.eol.map_or(b'\n', Eol::last_byte);
    let ends = offsets.iter().position(|&offset| tile.data()[offset as usize] == eol);
    let width = ends.map_or(offsets.len() + 1, |end| end + 1);
    // Decode that one record alone, so that what follows it cannot matter.
    if let Some(end) = ends {
        tile.len = offsets[end] as usize + 1;
    }
    tile.header = false;
    let column = ColumnPlan::of_text(String::new(), true);
    let plan = Arc::new(Plan {
        header: Header::No,
        columns: vec![column; width],
        conditions: Vec::new(),
        passes_blank_lines: false,
        map: None,
        layout: Layout::PgText,
        ..plan.clone()
    });
    let mut decoder = Decoder::new(Arc::clone(&plan));
    let decoded = decoder.decode(&tile);
    if let Some(fault) = &decoded.fault {
        let mut fault = fault.clone();
        tile.fault_as_read(&mut fault);
        return Err(Failure::of_record(&fault, &plan, name, plan.skip, tile.byte_offset));
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
