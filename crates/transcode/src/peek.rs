//! The first record of an input, for the names and number of the columns of a table that is to be created.

use copyist_format::Plan;

use crate::failure::Failure;
use crate::header::{first_record, is_blank, selects_first};
use crate::source::Input;
use crate::splitter::Splitter;

/// The fields of the first record, None for a NULL; inputs without anything have no record. `plan` gives the format; its columns are not
/// looked at.
///
/// # Errors
/// When an input cannot be read, or its first record breaks the rules of the format.
pub fn peek(
    plan: &Plan,
    inputs: Vec<Input>,
    tile_size: usize,
    max_record: usize,
) -> Result<Option<Vec<Option<Vec<u8>>>>, Failure> {
    let mut tile = copyist_format::Tile::default();
    for (file, input) in inputs.into_iter().enumerate() {
        let name = input.name.clone();
        let mut splitter = Splitter::new(vec![input], tile_size, max_record, false);
        let mut read = || loop {
            if !splitter.next(plan, &mut tile, &|| false)? {
                return Ok(None);
            }
            let fields = first_record(plan, &mut tile, &name)?;
            if fields.is_some() || !(is_blank(plan, &tile) || selects_first(plan)) {
                return Ok(fields);
            }
        };
        match read() {
            Ok(None) => {}
            Ok(Some(fields)) => return Ok(Some(fields)),
            Err(failure) => return Err(Failure { file: Some(file as u32), ..failure }),
        }
    }
    Ok(None)
}
