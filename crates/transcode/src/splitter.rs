//! The sequential half: reads the input and cuts it into tiles at record ends. Exact, whatever is quoted.
//!
//! In the binary format the ends of records are found by following lengths.
//!
//! Inputs are read one after the other: the next one is opened, and its first tile cut, while the last ones are still decoded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use copyist_core::{DataError, ErrorCode};
use copyist_encoding::{Beginning, Encoding, Transcript, room_for};
use copyist_format::pgbinary::{self, HEADER, Stop};
use copyist_format::{About, Constants, Facts, Header, LOOK_AHEAD, PAD, Plan, Tile};
use copyist_scan::{Eol, Grammar, Separator};

use crate::failure::Failure;
use crate::header::{Headers, in_order, is_blank};
use crate::page::{Page, no_header, page_of};
use crate::resync;
use crate::source::{Input, Source};

/// What has been read of an input.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    pub bytes: u64,
    /// Lines passed over before the first record.
    pub skipped: u64,
    /// The names in its header, where its fields stand in another order than those of the first.
    pub fields: Option<Vec<String>>,
    /// What it seems to be in place of rows.
    pub page: Option<Page>,
    /// Of one of another machine, or where it is wanted for columns.
    pub about: Option<About>,
}

/// Reads under one lock; whoever holds it claims the next tile.
pub(crate) struct Splitter {
    /// Those whose turn has not come.
    inputs: VecDeque<Input>,
    input: Input,
    /// The number of the input that is read.
    file: u32,
    is_several: bool,
    is_open: bool,
    file_bytes: u64,
    file_skipped: u64,
    /// Nothing more is read of it.
    is_over: bool,
    headers: Headers,
    /// Nothing but lines that are passed over has come so far.
    is_header_due: bool,
    /// By which its records are read, if it is not the plan of the load.
    plan: Option<Arc<Plan>>,
    /// Values of columns that come of what is known of it.
    constants: Option<Arc<Constants>>,
    /// What is known of it, until that is noted.
    about: Option<About>,
    page: Option<Page>,
    readings: Arc<Mutex<Vec<Reading>>>,
    /// What the input is in, if it is not UTF-8; from its beginning on, in which byte order.
    encoding: Option<Encoding>,
    begun: bool,
    /// Bytes read beyond the last tile's end, as they were read.
    carry: Vec<u8>,
    sequence: u64,
    /// Offset in the input of the first byte of `carry`.
    byte_offset: u64,
    eol: Option<Eol>,
    /// The last record has ended in a line feed where others end lines.
    after_feed: bool,
    /// Of the last line that was passed over.
    skipped_eol: Option<Eol>,
    started: bool,
    ended: bool,
    tile_size: usize,
    max_record: usize,
    pub bytes_read: u64,
    /// Whether strings in columns may come as dictionaries.
    #[cfg(feature = "columnar")]
    pub keeps_dictionaries: bool,
    /// Bytes that a batch of these may come to.
    #[cfg(feature = "columnar")]
    pub most_held: usize,
    /// Of an input that has its rows in columns, and the rows claimed last.
    #[cfg(feature = "columnar")]
    batches: Option<crate::columnar::Opened>,
    #[cfg(feature = "columnar")]
    claimed: Option<ClaimedBatch>,
    /// Of several such inputs, whose columns are matched by name.
    #[cfg(feature = "columnar")]
    first: Option<crate::columnar::First>,
}

/// Rows in columns that are still to be read, outside the lock.
#[cfg(feature = "columnar")]
pub(crate) struct ClaimedBatch {
    rows: crate::columnar::Begun,
    name: Arc<str>,
    file: u32,
}

#[cfg(feature = "columnar")]
impl ClaimedBatch {
    pub fn read(self) -> Result<arrow_array::RecordBatch, Failure> {
        let Self { rows, name, file } = self;
        rows.finish().map_err(|error| crate::columnar::of_input(error, &name).in_file(file))
    }
}

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// The values of columns that are constants in an input.
fn constants_of(plan: &Plan, facts: &Facts) -> Result<Arc<Constants>, Failure> {
    let constants = Constants::new(plan, Some(facts)).map_err(|(column, error)| Failure {
        column: Some(plan.columns[column].name.clone()),
        ..Failure::whole(error)
    })?;
    Ok(Arc::new(constants))
}

impl Splitter {
    /// For inputs that are read one after the other.
    pub fn new(inputs: Vec<Input>, tile_size: usize, max_record: usize, maps_by_name: bool) -> Self {
        let is_several = inputs.len() > 1;
        let mut inputs = VecDeque::from(inputs);
        let first = inputs.pop_front();
        let ended = first.is_none();
        Self {
            inputs,
            input: first.unwrap_or_else(|| Input::new("", Source::Memory(std::io::Cursor::default()))),
            file: 0,
            is_several,
            is_open: false,
            file_bytes: 0,
            file_skipped: 0,
            is_over: false,
            headers: Headers::new(maps_by_name),
            is_header_due: false,
            plan: None,
            constants: None,
            page: None,
            about: None,
            readings: Arc::default(),
            encoding: None,
            begun: false,
            carry: Vec::new(),
            sequence: 0,
            byte_offset: 0,
            eol: None,
            after_feed: false,
            skipped_eol: None,
            started: false,
            ended,
            tile_size,
            max_record,
            bytes_read: 0,
            #[cfg(feature = "columnar")]
            keeps_dictionaries: false,
            #[cfg(feature = "columnar")]
            most_held: crate::columnar::MOST_BYTES,
            #[cfg(feature = "columnar")]
            batches: None,
            #[cfg(feature = "columnar")]
            claimed: None,
            #[cfg(feature = "columnar")]
            first: None,
        }
    }

    /// The rows claimed last, where they come in columns: the tile has only their place in the load.
    #[cfg(feature = "columnar")]
    pub fn take_batch(&mut self) -> Option<ClaimedBatch> {
        self.claimed.take()
    }

    /// Opens an input that has its rows in columns.
    #[cfg(feature = "columnar")]
    fn open_batches(&mut self, plan: &Plan, format: crate::columnar::Format, source: Source) -> Result<(), Failure> {
        let (mut batches, bytes) = crate::columnar::open_bytes(format, source, &self.input.name)?;
        let facts = self.input.facts(|| bytes.about())?;
        if plan.has_facts() {
            self.constants = Some(constants_of(plan, &facts)?);
        }
        self.about = Some(facts.about);
        let (schema, name) = (batches.schema(), &self.input.name);
        let columns = match &self.input.positions {
            Some(positions) => positions.columns(&schema, name)?,
            None => crate::columnar::columns_of(plan, &schema, name)?,
        };
        match &self.first {
            Some(first) => first.check(&self.input.further, &schema, &columns, name)?,
            None if self.is_several => self.first = Some(crate::columnar::First::of(&schema, name)),
            None => {}
        }
        for (index, column) in plan.columns.iter().enumerate().filter(|(_, column)| column.is_read()) {
            let ty = schema.field(columns[plan.field_of(index)]).data_type();
            copyist_format::arrow::check_fields(column, plan.layout, ty).map_err(Failure::whole)?;
        }
        batches.select(&columns);
        batches.aim_for(self.tile_size);
        batches.bound_by(self.most_held);
        if self.keeps_dictionaries {
            batches.keep_dictionaries();
        }
        self.batches = Some((batches, bytes));
        Ok(())
    }

    /// The next rows of such an input. False at its end.
    #[cfg(feature = "columnar")]
    fn next_batch(&mut self, tile: &mut Tile) -> Result<bool, Failure> {
        let Some((batches, bytes)) = &mut self.batches else { return Ok(false) };
        let next = batches.begin();
        let read = batches.bytes_read();
        self.bytes_read += read - self.file_bytes;
        self.file_bytes = read;
        let Some(rows) = next.map_err(|error| crate::columnar::of_input(error, &self.input.name))? else {
            let checked = bytes.check_unchanged();
            self.batches = None;
            checked.map_err(|error| Failure::of_io(&error, &self.input.name))?;
            self.finish_file(self.file);
            return Ok(false);
        };
        (tile.sequence, tile.file, tile.byte_offset, tile.len) = (self.sequence, self.file, 0, 0);
        (tile.first, tile.last, tile.header) = (false, false, false);
        tile.constants.clone_from(&self.constants);
        self.sequence += 1;
        self.claimed = Some(ClaimedBatch { rows, name: self.input.name.as_str().into(), file: self.file });
        Ok(true)
    }

    /// Stops reading.
    pub fn finish(&mut self) {
        self.ended = true;
    }

    /// Stops reading an input: the data ended before it did. Whether others follow it.
    pub fn finish_file(&mut self, file: u32) -> bool {
        if file < self.file {
            return true;
        }
        self.is_over = true;
        self.ended |= self.inputs.is_empty();
        !self.ended
    }

    /// Stops reading an input after an error, which takes a tile's number for its place in the order. That number, and whether other
    /// inputs follow.
    pub fn fail(&mut self) -> (u64, bool) {
        let goes_on = self.finish_file(self.file);
        self.sequence += 1;
        (self.sequence - 1, goes_on)
    }

    /// Gives the tile cut last the number of the one before it.
    pub fn join(&mut self, tile: &mut Tile) {
        self.sequence -= 1;
        tile.sequence -= 1;
    }

    /// Whether the next tile is the first one of an input that can be read at once.
    pub fn has_small_next(&mut self) -> bool {
        self.is_over && !self.ended && self.inputs.front().is_some_and(|input| input.source.is_at_hand())
    }

    /// By which the records of the tile cut last are read, if it is not the plan of the load.
    pub fn plan(&self) -> Option<Arc<Plan>> {
        self.plan.clone()
    }

    /// What has been read of each input.
    pub fn readings(&self) -> Arc<Mutex<Vec<Reading>>> {
        Arc::clone(&self.readings)
    }

    fn note_reading(&mut self) {
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        readings.resize(self.file as usize + 1, Reading::default());
        let reading = &mut readings[self.file as usize];
        (reading.bytes, reading.skipped) = (self.file_bytes, self.file_skipped);
        reading.page = self.page;
        if reading.fields.is_none() {
            reading.fields = self.plan.as_ref().and_then(|plan| Some(plan.map.as_ref()?.names.clone()));
        }
        if reading.about.is_none() {
            reading.about = self.about.take();
        }
    }

    /// Begins with the next input. False when there is none.
    fn begin_next(&mut self) -> bool {
        let Some(input) = self.inputs.pop_front() else { return false };
        self.input = input;
        self.file += 1;
        self.carry.clear();
        (self.encoding, self.begun, self.plan) = (None, false, None);
        (self.eol, self.skipped_eol, self.after_feed) = (None, None, false);
        (self.constants, self.about, self.page) = (None, None, None);
        (self.started, self.is_open, self.is_over) = (false, false, false);
        self.is_header_due = false;
        (self.byte_offset, self.file_bytes, self.file_skipped) = (0, 0, 0);
        #[cfg(feature = "columnar")]
        {
            self.batches = None;
        }
        true
    }

    /// What the input is in, once that is known.
    pub fn encoding(&self) -> Option<Encoding> {
        self.encoding.filter(|_| self.begun)
    }

    /// Tiles cut so far.
    pub fn tiles(&self) -> u64 {
        self.sequence
    }

    /// Fills `tile` with the next records. False at the end of the input.
    pub fn next(&mut self, plan: &Plan, tile: &mut Tile, cancelled: &dyn Fn() -> bool) -> Result<bool, Failure> {
        loop {
            if self.ended || self.is_over && !self.begin_next() {
                self.ended = true;
                return Ok(false);
            }
            #[cfg(feature = "columnar")]
            if !self.is_open && matches!(self.input.source, Source::Columnar(..)) {
                let taken = std::mem::replace(&mut self.input.source, Source::Memory(std::io::Cursor::default()));
                if let Source::Columnar(format, source) = taken {
                    self.open_batches(plan, format, *source).map_err(|failure| failure.in_file(self.file))?;
                }
                self.is_open = true;
            }
            #[cfg(feature = "columnar")]
            if self.batches.is_some() {
                let cut = self.next_batch(tile);
                self.note_reading();
                if cut.map_err(|failure| failure.in_file(self.file))? {
                    return Ok(true);
                }
                continue;
            }
            if !self.is_open {
                self.input.source.prepare();
                self.inputs.iter_mut().take(PREPARED).for_each(|input| input.source.prepare());
                self.open(plan).map_err(|failure| failure.in_file(self.file))?;
                self.is_open = true;
            }
            let cut = if plan.is_binary {
                self.next_tuples(plan, tile, cancelled)
            } else {
                self.next_records(plan, tile, cancelled)
            };
            self.note_reading();
            if cut.map_err(|failure| failure.in_file(self.file))? {
                return Ok(true);
            }
        }
    }

    /// Opens the input.
    fn open(&mut self, plan: &Plan) -> Result<(), Failure> {
        if let Some(facts) = self.input.open(plan.has_facts())? {
            if plan.has_facts() {
                self.constants = Some(constants_of(plan, &facts)?);
            }
            self.about = Some(facts.about);
        }
        Ok(())
    }

    /// The next records of the input. False at its end.
    fn next_records(&mut self, plan: &Plan, tile: &mut Tile, cancelled: &dyn Fn() -> bool) -> Result<bool, Failure> {
        let first = !self.started;
        if first {
            self.encoding = plan.encoding;
        }
        if first && plan.skip > 0 {
            match plan.eol {
                Some(Eol::Other(end)) => self.skip_ends(plan.skip, end, cancelled)?,
                _ => self.skip_lines(plan.skip, cancelled)?,
            }
        }
        let orders = &mut self.input.orders;
        if orders.front().is_some_and(|order| order.start <= self.byte_offset)
            && let Some(order) = orders.pop_front()
        {
            self.plan = in_order(plan, &order.names)?;
        }
        let resyncs = resync::applies(plan);
        tile.breaks.clear();
        let buffer = &mut tile.buffer;
        let transcript = &mut tile.transcript;
        let mut filled = 0;
        if buffer.capacity() > MOST_KEPT * self.tile_size {
            // One long record must not cost its size for the rest of the load.
            *buffer = Vec::new();
            *transcript = None;
        }
        if let Some(encoding) = self.encoding {
            let transcript = transcript.get_or_insert_with(|| Transcript::new(encoding));
            transcript.reset(encoding, &self.carry);
            if self.begun {
                write(transcript, buffer, &mut filled, false);
            }
        } else {
            filled = self.carry.len();
            reserve(buffer, filled.max(self.tile_size));
            buffer[PAD..PAD + filled].copy_from_slice(&self.carry);
        }
        self.carry.clear();
        let mut want = self.tile_size;
        // Only the first reading may be short: whoever looks for a record's end again and again would be at it for ever.
        let mut least = MIN_STREAMED;
        let (len, last) = loop {
            want = want.max(filled + 1);
            let end = self.fill(buffer, transcript.as_mut(), &mut filled, want, least, cancelled)?;
            least = usize::MAX;
            if first && !self.started && (end || filled >= BOM.len()) {
                self.started = true;
                if transcript.is_none() && buffer[PAD..PAD + filled].starts_with(BOM) {
                    buffer.copy_within(PAD + BOM.len()..PAD + filled, PAD);
                    filled -= BOM.len();
                    self.byte_offset = BOM.len() as u64;
                }
            }
            let data = &buffer[PAD..PAD + filled];
            self.eol = self.eol.or(plan.eol);
            if self.eol.is_none() {
                self.eol = first_eol(data, plan.grammar, end);
            }
            // At the end there is nothing to look ahead to.
            let seen = if end { filled } else { filled.saturating_sub(LOOK_AHEAD) };
            let is_too_long = filled > self.max_record;
            if self.eol.is_none() && (end || is_too_long) {
                let raw = if resyncs { resync::raw_eol(data, end) } else { None };
                // A return alone is rather a part of the open value, where other lines have ended otherwise.
                self.eol = raw.filter(|&eol| eol != Eol::Cr || self.skipped_eol.is_none()).or(self.skipped_eol);
            }
            let cut = self.eol.and_then(|eol| last_record_end(plan, &data[..seen], eol));
            if resyncs
                && let Some(eol) = self.eol
                && let Some(whole) = if end { Some(filled) } else { cut }.or(is_too_long.then_some(seen))
                && !resync::is_sound(plan, &data[..whole], eol)
                && let Some(found) =
                    resync::cut(plan, &data[..seen], eol, self.after_feed, end, cut.is_none() && is_too_long)
            {
                tile.breaks = found.breaks;
                break (found.len, end);
            }
            if cut.is_none() && is_too_long {
                let seen = transcript.as_ref().map_or(filled, |transcript| transcript.bytes().len());
                return Err(self.record_too_long(seen));
            }
            if end {
                break (filled, true);
            }
            if let Some(cut) = cut {
                break (cut, false);
            }
            want = (filled * 2).clamp(self.tile_size, self.max_record.max(self.tile_size) + LOOK_AHEAD + 1);
        };
        let read_len = if let Some(transcript) = transcript {
            let len = transcript.place(len);
            self.carry.extend_from_slice(&transcript.bytes()[len..]);
            len
        } else {
            self.carry.extend_from_slice(&buffer[PAD + len..PAD + filled]);
            len
        };
        // A tile has records of one order.
        let is_end = last;
        let last = last && self.input.orders.is_empty();
        self.is_over = last;
        if len == 0 && is_end && !first {
            return Ok(false);
        }
        if first {
            let page = page_of(&buffer[PAD..PAD + filled], plan.grammar.delimiter(), is_end);
            self.page = page.map(|page| Page { line: page.line + self.file_skipped, ..page });
        }
        self.after_feed = self.eol.is_some_and(|eol| resync::ends_at_feed(plan, &buffer[PAD..PAD + len], eol));
        (tile.len, tile.filled, tile.eol) = (len, filled, self.eol);
        (tile.sequence, tile.byte_offset, tile.file) = (self.sequence, self.byte_offset, self.file);
        (tile.first, tile.last) = (first, last);
        tile.constants.clone_from(&self.constants);
        tile.header = plan.header != Header::No && (first || self.is_header_due);
        // It would be passed over, and a page of one line be no rows.
        if tile.header
            && let Some(page) = self.page.take()
        {
            return Err(no_header(&self.input.name, page));
        }
        self.is_header_due = tile.header && is_blank(plan, tile);
        if tile.header && self.is_several {
            self.plan = self.headers.check(plan, tile, &self.input.name)?;
        }
        self.sequence += 1;
        self.byte_offset += read_len as u64;
        Ok(true)
    }

    /// Begins a tile with what was read beyond the last one. How many bytes that is.
    fn take_carry(&mut self, buffer: &mut Vec<u8>) -> usize {
        let filled = self.carry.len();
        if buffer.capacity() > MOST_KEPT * self.tile_size {
            // One long record must not cost its size for the rest of the load.
            *buffer = Vec::new();
        }
        reserve(buffer, filled.max(self.tile_size));
        buffer[PAD..PAD + filled].copy_from_slice(&self.carry);
        self.carry.clear();
        filled
    }

    /// [`Splitter::next`] of the binary format. Every tile but the last holds whole tuples; the last also what follows them, be it the
    /// trailer or a mistake, for the decoder to judge. There always is a last one.
    fn next_tuples(&mut self, plan: &Plan, tile: &mut Tile, cancelled: &dyn Fn() -> bool) -> Result<bool, Failure> {
        let first = !self.started;
        if first {
            self.started = true;
            self.read_header(cancelled)?;
        }
        let buffer = &mut tile.buffer;
        let mut filled = self.take_carry(buffer);
        let mut want = self.tile_size;
        let mut least = MIN_STREAMED;
        let mut cut = 0;
        let (len, last) = loop {
            // Room grows with what has come, whatever a length announces.
            want = want.max(filled + 1);
            let end = self.fill(buffer, None, &mut filled, want, least, cancelled)?;
            least = usize::MAX;
            let stop;
            (cut, stop) = pgbinary::whole_tuples(&buffer[PAD..PAD + filled], cut, plan.columns.len());
            // Behind the trailer nothing may follow, which only another reading tells.
            let is_settled = match stop {
                Stop::Broken => true,
                Stop::Trailer => filled - cut > pgbinary::TRAILER.len(),
                Stop::Open => false,
            };
            if end || is_settled {
                break (filled, true);
            }
            if cut > 0 {
                break (cut, false);
            }
            if filled > self.max_record {
                return Err(self.tuple_too_long());
            }
            want = (filled * 2).clamp(self.tile_size, self.max_record.max(self.tile_size) + 1);
        };
        self.carry.extend_from_slice(&buffer[PAD + len..PAD + filled]);
        self.is_over = last;
        (tile.len, tile.filled, tile.eol) = (len, filled, None);
        (tile.sequence, tile.byte_offset, tile.file) = (self.sequence, self.byte_offset, self.file);
        (tile.first, tile.last, tile.header) = (first, last, false);
        self.sequence += 1;
        self.byte_offset += len as u64;
        Ok(true)
    }

    /// Reads the header of the binary format, and passes over its extension.
    fn read_header(&mut self, cancelled: &dyn Fn() -> bool) -> Result<(), Failure> {
        const SIGNATURE: usize = 11;
        const FLAGS: usize = SIGNATURE + 4;
        let mut buffer = Vec::new();
        let mut filled = 0;
        self.fill(&mut buffer, None, &mut filled, HEADER.len(), usize::MAX, cancelled)?;
        let header = &buffer[PAD..PAD + filled];
        let word =
            |at: usize| header.get(at..at + 4).and_then(|bytes| bytes.first_chunk()).map(|b| i32::from_be_bytes(*b));
        if header.get(..SIGNATURE) != Some(&HEADER[..SIGNATURE]) {
            return Err(broken_header(0, "COPY file signature not recognized"));
        }
        let Some(flags) = word(SIGNATURE) else {
            return Err(broken_header(SIGNATURE, "invalid COPY file header (missing flags)"));
        };
        // The lower half is for what a reader may pass over.
        if flags & WITH_OIDS != 0 {
            return Err(broken_header(SIGNATURE, "invalid COPY file header (WITH OIDS)"));
        }
        if flags >> 16 != 0 {
            return Err(broken_header(SIGNATURE, "unrecognized critical flags in COPY file header"));
        }
        let Some(extension) = word(FLAGS).and_then(|length| u64::try_from(length).ok()) else {
            return Err(broken_header(FLAGS, "invalid COPY file header (missing length)"));
        };
        let mut left = extension;
        while left > 0 {
            let mut filled = 0;
            let part = left.min(self.tile_size as u64) as usize;
            self.fill(&mut buffer, None, &mut filled, part, usize::MAX, cancelled)?;
            if filled < part {
                return Err(broken_header(FLAGS, "invalid COPY file header (wrong length)"));
            }
            left -= part as u64;
        }
        self.byte_offset = HEADER.len() as u64 + extension;
        Ok(())
    }

    fn tuple_too_long(&self) -> Failure {
        let message = format!("a row is longer than {} bytes, the most the memory limit allows", self.max_record);
        let mut failure = Failure::whole(
            DataError::new(ErrorCode::ProgramLimitExceeded, message)
                .with_detail(format!("It begins at byte offset {}.", self.byte_offset))
                .with_hint("Raise memoryLimit, if the file is not broken."),
        );
        failure.byte_offset = Some(self.byte_offset);
        failure
    }

    /// Passes over the lines that are no records. A byte order mark is part of the first.
    fn skip_lines(&mut self, lines: u64, cancelled: &dyn Fn() -> bool) -> Result<(), Failure> {
        let mut buffer = Vec::new();
        let mut transcript = self.encoding.map(Transcript::new);
        let mut after_return = false;
        let mut is_open = false;
        self.started = true;
        loop {
            let mut filled = 0;
            let end = self.fill(&mut buffer, transcript.as_mut(), &mut filled, self.tile_size, 0, cancelled)?;
            let data = &buffer[PAD..PAD + filled];
            for (at, &byte) in data.iter().enumerate() {
                let is_pair = after_return && byte == b'\n';
                if after_return && !is_pair || byte == b'\n' {
                    self.file_skipped += 1;
                    is_open = false;
                    if self.file_skipped == lines {
                        let rest = if byte == b'\n' { at + 1 } else { at };
                        let eol = if byte == b'\n' { Eol::Lf } else { Eol::Cr };
                        self.skipped_eol = Some(if is_pair { Eol::CrLf } else { eol });
                        let (read, rest) = match &transcript {
                            Some(transcript) => (transcript.bytes(), transcript.place(rest)),
                            None => (data, rest),
                        };
                        self.byte_offset += rest as u64;
                        self.carry.extend_from_slice(&read[rest..]);
                        return Ok(());
                    }
                }
                after_return = byte == b'\r';
                is_open |= byte != b'\n';
            }
            self.byte_offset += match &mut transcript {
                Some(transcript) => transcript.forget(),
                None => filled,
            } as u64;
            if end {
                // The last line of the input may lack its end.
                self.file_skipped += u64::from(is_open);
                return Ok(());
            }
        }
    }

    /// As [`Splitter::skip_lines`], where other bytes end a line.
    fn skip_ends(&mut self, lines: u64, end: Separator, cancelled: &dyn Fn() -> bool) -> Result<(), Failure> {
        let mut buffer = Vec::new();
        let mut transcript = self.encoding.map(Transcript::new);
        let finder = memchr::memmem::Finder::new(end.as_bytes());
        self.started = true;
        let mut filled = 0;
        // What was read before may be the beginning of a line end. Of another encoding its bytes are forgotten by then.
        let mut kept = 0;
        let mut is_open = false;
        loop {
            let want = self.tile_size + end.len();
            let at_end = self.fill(&mut buffer, transcript.as_mut(), &mut filled, want, 0, cancelled)?;
            let data = &buffer[PAD..PAD + filled];
            let mut at = 0;
            while self.file_skipped < lines
                && let Some(found) = finder.find(&data[at..])
            {
                at += found + end.len();
                self.file_skipped += 1;
                is_open = false;
            }
            if self.file_skipped == lines {
                // No line end is within what was kept, which is shorter than one.
                let (read, rest) = match &transcript {
                    Some(transcript) => (transcript.bytes(), transcript.place(at - kept)),
                    None => (data, at),
                };
                self.byte_offset += rest as u64;
                self.carry.extend_from_slice(&read[rest..]);
                return Ok(());
            }
            if at_end {
                // The last line of the input may lack its end.
                self.file_skipped += u64::from(is_open || at < filled);
            }
            let rest = if at_end { filled } else { at.max(filled.saturating_sub(end.len() - 1)) };
            is_open |= rest > at;
            buffer.copy_within(PAD + rest..PAD + filled, PAD);
            filled -= rest;
            self.byte_offset += match &mut transcript {
                Some(transcript) => {
                    kept = filled;
                    transcript.forget()
                }
                None => rest,
            } as u64;
            if at_end {
                return Ok(());
            }
        }
    }

    /// Reads until `filled` is `want`, or of a pushed stream more than `least`. True at the end of the input.
    fn fill(
        &mut self,
        buffer: &mut Vec<u8>,
        mut transcript: Option<&mut Transcript>,
        filled: &mut usize,
        want: usize,
        least: usize,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<bool, Failure> {
        reserve(buffer, want);
        // Where fields begin to stand in another order, there is an end to what is read together.
        let end = self.input.orders.front().map_or(u64::MAX, |order| order.start - self.byte_offset) as usize;
        while *filled < want {
            if cancelled() {
                return Err(Failure::whole(DataError::new(ErrorCode::QueryCanceled, "COPY was cancelled")));
            }
            let read = match &mut transcript {
                Some(transcript) => {
                    let most = (want - *filled).clamp(LEAST_READ, MOST_READ).min(end - transcript.bytes().len());
                    transcript.read(most, |into| self.input.source.read(into))
                }
                None => {
                    let room = (want - *filled).min(end - *filled);
                    self.input.source.read(&mut buffer[PAD + *filled..PAD + *filled + room])
                }
            };
            match read {
                Ok(size) => {
                    let taken = self.input.source.taken(size);
                    self.bytes_read += taken;
                    self.file_bytes += taken;
                    match &mut transcript {
                        Some(transcript) => {
                            if self.begin(transcript, size == 0)? {
                                write(transcript, buffer, filled, size == 0);
                            }
                        }
                        None => *filled += size,
                    }
                    if size == 0 {
                        return Ok(true);
                    }
                    // A slow stream is passed on before a tile is full.
                    if self.input.source.is_live() && *filled > least {
                        break;
                    }
                }
                Err(error) => return Err(Failure::of_io(&error, &self.input.name)),
            }
        }
        Ok(false)
    }

    /// Takes the byte order mark off. False while that cannot be told.
    fn begin(&mut self, transcript: &mut Transcript, end: bool) -> Result<bool, Failure> {
        if !self.begun
            && let Some(encoding) = self.encoding
        {
            match encoding.begin(transcript.bytes(), end) {
                Ok(Beginning::TooShort) => return Ok(false),
                Ok(Beginning::Known(encoding, mark)) => {
                    transcript.begin(encoding, mark);
                    self.byte_offset = mark as u64;
                    (self.encoding, self.begun) = (Some(encoding), true);
                }
                Err(error) => {
                    let mut failure = Failure::whole(error);
                    (failure.line, failure.byte_offset) = (Some(1), Some(0));
                    return Err(failure);
                }
            }
        }
        Ok(true)
    }

    fn record_too_long(&self, seen: usize) -> Failure {
        let mut failure = Failure::whole(
            DataError::new(
                ErrorCode::ProgramLimitExceeded,
                format!("a record is longer than {} bytes, the most the memory limit allows", self.max_record),
            )
            .with_detail(format!(
                "{seen} bytes from byte offset {} on hold no end of a record; an opening quote may lack its closing one.",
                self.byte_offset
            ))
            .with_hint("Raise memoryLimit, or check QUOTE and ESCAPE."),
        );
        failure.byte_offset = Some(self.byte_offset);
        failure
    }
}

/// Makes text of what has been read.
fn write(transcript: &mut Transcript, buffer: &mut Vec<u8>, filled: &mut usize, end: bool) {
    reserve(buffer, *filled + room_for(transcript.waiting()));
    *filled += transcript.write(&mut buffer[PAD + *filled..], end);
}

/// Bytes of another encoding that are read at a time: few, so that they are still near when they are made text.
const MOST_READ: usize = 32 * 1024;
const LEAST_READ: usize = 1024;

/// Inputs behind the one that is read which other machines are asked for.
pub const PREPARED: usize = 16;

/// The flag of a format that PostgreSQL 12 has given up, in which every row had an OID.
const WITH_OIDS: i32 = 1 << 16;

fn broken_header(at: usize, message: &'static str) -> Failure {
    let mut failure = Failure::whole(DataError::new(ErrorCode::BadCopyFileFormat, message));
    failure.byte_offset = Some(at as u64);
    failure
}

/// Makes room for `size` bytes of data between the paddings. The buffer never shrinks: clearing it for each tile would cost
/// as much as reading it.
fn reserve(buffer: &mut Vec<u8>, size: usize) {
    if buffer.len() < PAD + size + PAD {
        buffer.resize(PAD + size + PAD, 0);
    }
}

/// Buffers larger than this many tiles are not kept.
pub(crate) const MOST_KEPT: usize = 4;

/// Bytes of a pushed stream that are worth a tile of their own.
const MIN_STREAMED: usize = 64 * 1024;

/// Runs of line feeds that are looked at.
const MOST_RUNS: usize = 64;

/// End of the last record, be it that of a line feed where others end lines.
fn last_record_end(plan: &Plan, data: &[u8], eol: Eol) -> Option<usize> {
    let last_end = |eol| plan.scanner.last_record_end(data, plan.grammar, eol);
    match eol {
        // It is the last byte of the others, too.
        Eol::CrLf if plan.ends_at_feeds(eol) => last_end(Eol::Lf),
        Eol::Cr if plan.ends_at_feeds(eol) => last_end(eol).or_else(|| last_feed_end(plan, data, eol)),
        _ => last_end(eol),
    }
}

/// End of the last record that ends in a line feed, of data without another line end.
fn last_feed_end(plan: &Plan, data: &[u8], eol: Eol) -> Option<usize> {
    let mut stop = data.len();
    // Of line feeds that end nothing there are runs, of which the first may end a record; and other runs before them, seldom.
    for _ in 0..MOST_RUNS {
        let last = plan.scanner.last_record_end(&data[..stop], plan.grammar, Eol::Lf)? - 1;
        let first = data[..last].iter().rposition(|&byte| byte != b'\n').map_or(0, |before| before + 1);
        let is_escaped = !plan.is_csv() && first > 0 && data[first - 1] == b'\\';
        if !is_escaped && plan.ends_at_feed(eol, data, first) {
            return Some(first + 1);
        }
        stop = first;
    }
    None
}

/// The line-end style, told by the first record's end as PostgreSQL does; None while that has not been seen.
fn first_eol(data: &[u8], grammar: Grammar, end: bool) -> Option<Eol> {
    let mut quoted = false;
    let mut escaped = false;
    // An escape that is the quote itself is a plain toggle.
    let grammar = match grammar {
        Grammar::Csv { delimiter, quote, escape } if escape == quote => Grammar::Csv { delimiter, quote, escape: 0 },
        other => other,
    };
    for (at, &byte) in data.iter().enumerate() {
        match grammar {
            Grammar::Csv { quote, escape, .. } => {
                if quoted && byte == escape {
                    escaped = !escaped;
                }
                if byte == quote && !escaped {
                    quoted = !quoted;
                }
                if byte != escape {
                    escaped = false;
                }
                if quoted {
                    continue;
                }
            }
            Grammar::Plain { .. } => {}
            Grammar::Text { .. } => {
                if escaped {
                    escaped = false;
                    continue;
                }
                if byte == b'\\' {
                    escaped = true;
                    continue;
                }
            }
        }
        match byte {
            b'\n' => return Some(Eol::Lf),
            b'\r' => {
                return match data.get(at + 1) {
                    Some(b'\n') => Some(Eol::CrLf),
                    Some(_) => Some(Eol::Cr),
                    None if end => Some(Eol::Cr),
                    None => None,
                };
            }
            _ => {}
        }
    }
    None
}
