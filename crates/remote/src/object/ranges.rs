//! An object read in any order, by ranges that are asked for before they are read.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use copyist_core::{DataError, ErrorCode};
use object_store::{Error, GetOptions, GetRange, GetResult};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::{Begun, Body, Known, Object, Version};
use crate::client::{Answered, UNKNOWN_SIZE, cause};
use crate::failure::{caught, of_store, unexpected};
use crate::reader::Stop;

/// Bytes of the end that are asked for first: most footers are shorter.
const TAIL: u64 = 64 << 10;
/// Bytes that are held, or asked for, before they are read.
const HELD: u64 = 32 << 20;
/// Bytes asked for at a time, of many ranges fewer.
const PART: u64 = 4 << 20;
const LEAST_PART: u64 = 128 << 10;
/// To read so many bytes that nobody wants takes no longer than another request.
const GAP: u64 = 64 << 10;
/// Requests at once.
const REQUESTS: usize = 8;

type Fetched = Result<Bytes, Box<DataError>>;

/// A request that ends with whoever waits for it.
struct Request(JoinHandle<Fetched>);

impl Drop for Request {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[derive(Default)]
enum Fetch {
    #[default]
    Unasked,
    Asked(Request),
    There(Bytes),
}

/// Bytes that are asked for at once.
struct Part {
    range: Range<u64>,
    /// The range it is a part of, where that has several; each is read once and from its beginning.
    of: Option<usize>,
    fetch: Fetch,
}

impl Part {
    fn new(range: Range<u64>, of: Option<usize>) -> Self {
        Self { range, of, fetch: Fetch::Unasked }
    }

    fn len(&self) -> u64 {
        self.range.end - self.range.start
    }
}

#[derive(Default)]
struct State {
    /// Of the ranges that were announced, in the order of the object.
    soon: Vec<Part>,
    later: Vec<Part>,
    /// Where nothing was announced, and what follows on that.
    window: Option<Part>,
    next_window: Option<Part>,
    requests: u64,
}

/// Which version of an object there is, and its last bytes.
#[derive(Clone)]
pub struct End {
    version: Version,
    /// Of an object that is not read by parts all of its bytes.
    tail: Bytes,
}

/// An object whose bytes can be read in any order.
///
/// At most about 32 MiB are held; of more than 85 ranges that are announced at once and are long, 384 KiB of each.
pub struct Ranges {
    object: Object,
    version: Version,
    /// The last bytes; of an object that is not read by parts all of them.
    tail: Bytes,
    stop: Stop,
    at_once: Arc<Semaphore>,
    state: Mutex<State>,
}

impl Ranges {
    /// Asks for the end of an object, and which version of it there is. One whose server gives no parts, or does not tell versions
    /// apart, is read whole, up to `most` bytes.
    ///
    /// # Errors
    /// What the store says; `0A000` of an object that has to be read whole and is larger.
    pub fn open(object: &Object, stop: &Stop, most: u64) -> Result<Self, Box<DataError>> {
        let runtime = crate::runtime().map_err(|error| unexpected(&object.address, &error.to_string()))?;
        let end = runtime.block_on(async {
            let mut stopped = stop.0.subscribe();
            tokio::select! {
                biased;
                _ = stopped.wait_for(|&stopped| stopped) => Err(cancelled()),
                found = find(object, most) => found,
            }
        })?;
        Ok(Self::of(object, stop, end))
    }

    /// An object whose end is known: it is read as the version that this is of.
    #[must_use]
    pub fn of(object: &Object, stop: &Stop, End { version, tail }: End) -> Self {
        // Parts are read, and not all of it.
        drop(object.begun.as_ref().and_then(Begun::take));
        Self {
            object: object.clone(),
            version,
            tail,
            stop: stop.clone(),
            at_once: Arc::new(Semaphore::new(REQUESTS)),
            state: Mutex::default(),
        }
    }

    /// Its end, to open it by once more.
    #[must_use]
    pub fn end(&self) -> End {
        End { version: self.version.clone(), tail: self.tail.clone() }
    }

    /// Bytes of it.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.version.size
    }

    /// What is known of it.
    #[must_use]
    pub fn known(&self) -> Known {
        self.version.known()
    }

    /// Requests so far, without those that opened it.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).requests
    }

    fn tail_start(&self) -> u64 {
        self.version.size - self.tail.len() as u64
    }

    /// The ranges `soon` are read next, each from its beginning to its end; those `later` follow them. They are asked for as far as
    /// there is room.
    pub fn expect(&self, soon: &[Range<u64>], later: &[Range<u64>]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        let mut known: Vec<Part> = std::mem::take(&mut state.soon);
        known.append(&mut state.later);
        let wanted = |ranges: &[Range<u64>]| -> Vec<Range<u64>> {
            let end = self.tail_start();
            let before_tail = ranges.iter().map(|range| range.start..range.end.min(end));
            before_tail.filter(|range| range.start < range.end).collect()
        };
        (state.soon, state.later) = (parts(wanted(soon)), parts(wanted(later)));
        for part in state.soon.iter_mut().chain(&mut state.later) {
            if let Some(same) = known.iter_mut().find(|other| other.range == part.range) {
                part.fetch = std::mem::take(&mut same.fetch);
            }
        }
        let mut held = 0;
        let mut last = None;
        for part in state.soon.iter_mut().chain(&mut state.later) {
            // Of a long range only the beginning.
            if part.of.is_some() && part.of == last {
                continue;
            }
            last = part.of;
            held += part.len();
            if held > HELD {
                break;
            }
            self.ask(part, &mut state.requests);
        }
    }

    /// Fills `into` with the bytes at `at`, which have to be there.
    ///
    /// # Errors
    /// `UnexpectedEof` behind its end; a [`DataError`] of what the store says.
    pub fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let end = at.checked_add(into.len() as u64).filter(|&end| end <= self.version.size);
        end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut filled = 0;
        while filled < into.len() {
            let place = at + filled as u64;
            let (bytes, start) = if place >= self.tail_start() {
                (self.tail.clone(), self.tail_start())
            } else {
                self.part_at(&mut state, place)?
            };
            let found = &bytes[(place - start) as usize..];
            let size = found.len().min(into.len() - filled);
            into[filled..filled + size].copy_from_slice(&found[..size]);
            filled += size;
        }
        Ok(())
    }

    /// Bytes with those at `place` among them, and where they begin.
    fn part_at(&self, state: &mut State, place: u64) -> io::Result<(Bytes, u64)> {
        let State { soon, later, window, next_window, requests } = state;
        let behind = soon.partition_point(|part| part.range.start <= place);
        if let Some(index) = behind.checked_sub(1)
            && soon[index].range.contains(&place)
        {
            self.ask(&mut soon[index], requests);
            let of = soon[index].of;
            if of.is_some() {
                if let Some(next) = soon.get_mut(index + 1).filter(|next| next.of == of) {
                    self.ask(next, requests);
                }
                // The one before may be read once more: a header is read in longer pieces than it is.
                if let Some(before) = index.checked_sub(2).and_then(|before| soon.get_mut(before))
                    && before.of == of
                {
                    before.fetch = Fetch::Unasked;
                }
            }
            return Ok((self.wait(&mut soon[index])?, soon[index].range.start));
        }
        if let Some(part) = later.iter_mut().find(|part| part.range.contains(&place)) {
            self.ask(part, requests);
            return Ok((self.wait(part)?, part.range.start));
        }
        let is_in = |part: &Option<Part>| part.as_ref().is_some_and(|part| part.range.contains(&place));
        if !is_in(window) {
            let window_at = |start: u64| Part::new(start..(start + PART).min(self.tail_start()), None);
            let is_next = window.as_ref().is_some_and(|part| part.range.end == place);
            let taken = next_window.take().filter(|part| part.range.contains(&place));
            let part = window.insert(taken.unwrap_or_else(|| window_at(place)));
            self.ask(part, requests);
            if is_next && part.range.end < self.tail_start() {
                self.ask(next_window.insert(window_at(part.range.end)), requests);
            }
        }
        match window {
            Some(part) => Ok((self.wait(part)?, part.range.start)),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn ask(&self, part: &mut Part, requests: &mut u64) {
        let Fetch::Unasked = part.fetch else { return };
        let Ok(runtime) = crate::runtime() else { return };
        let (object, version, range) = (self.object.clone(), self.version.clone(), part.range.clone());
        let at_once = Arc::clone(&self.at_once);
        *requests += 1;
        part.fetch = Fetch::Asked(Request(runtime.spawn(caught(async move {
            // It is never closed.
            let _turn = at_once.acquire().await;
            if let Some(pieces) = object.range(range.clone(), &version).await? {
                return Ok(joined(pieces));
            }
            // The server has given parts before, and now gives all of it.
            Ok(joined(Body::over(&object, &version, range).await?.all().await?))
        }))));
    }

    fn wait(&self, part: &mut Part) -> io::Result<Bytes> {
        let bytes = match &mut part.fetch {
            Fetch::There(bytes) => return Ok(bytes.clone()),
            Fetch::Unasked => return Err(io::Error::other("no thread can be started")),
            Fetch::Asked(request) => crate::runtime()?.block_on(async {
                let mut stopped = self.stop.0.subscribe();
                tokio::select! {
                    biased;
                    _ = stopped.wait_for(|&stopped| stopped) => Err(io::Error::other(cancelled())),
                    answer = &mut request.0 => match answer {
                        Ok(Ok(bytes)) => Ok(bytes),
                        Ok(Err(error)) => Err(io::Error::other(error)),
                        Err(error) => Err(io::Error::other(error)),
                    },
                }
            }),
        };
        part.fetch = Fetch::Unasked;
        let bytes = bytes?;
        part.fetch = Fetch::There(bytes.clone());
        Ok(bytes)
    }
}

fn cancelled() -> Box<DataError> {
    DataError::new(ErrorCode::QueryCanceled, "COPY was cancelled")
}

/// The version of an object, and its end.
async fn find(object: &Object, most: u64) -> Result<End, Box<DataError>> {
    // What has no parts of one version for sure is read as it comes.
    if let Some((answer, version)) =
        object.begun.as_ref().and_then(Begun::take).filter(|(_, version)| !version.is_pinned())
    {
        return held(object, answer, version, most).await;
    }
    let suffix = GetOptions { range: Some(GetRange::Suffix(TAIL)), ..GetOptions::default() };
    let if_match = object.listed.as_ref().and_then(|known| known.etag.clone());
    match object.ask(GetOptions { if_match: if_match.clone(), ..suffix }).await {
        Ok(answer) => {
            let version = Version::of(&answer);
            object.check_listed(&version)?;
            let range = answer.range.clone();
            if range != (version.size - TAIL.min(version.size)..version.size) {
                return Err(unexpected(&object.address, "the answer is another part of it than was asked for"));
            }
            // What is held whole is of one version, whatever the server tells of it.
            if version.is_pinned() || range.start == 0 {
                let tail = joined(Body::new(object, &version, answer, range).all().await?);
                return Ok(End { version, tail });
            }
        }
        // No parts; or, of Azure, none that are counted from the end.
        Err(error) => {
            let whole = cause::<Answered>(&error).and_then(|answer| answer.taken(&object.path));
            let has_no_parts =
                matches!(error, Error::NotSupported { .. }) || matches!(cause(&error), Some(Answered::Whole(_)));
            let version = match &whole {
                Some(answer) => Some(Version::of(answer)),
                None if has_no_parts => {
                    let head = GetOptions { head: true, if_match, ..GetOptions::default() };
                    object.ask(head).await.ok().map(|answer| Version::of(&answer))
                }
                None => return Err(of_store(&error, &object.address)),
            };
            if let Some(version) = &version {
                object.check_listed(version)?;
                let start = version.size - TAIL.min(version.size);
                if version.is_pinned()
                    && start < version.size
                    && let Some(tail) = object.range(start..version.size, version).await?.map(joined)
                {
                    return Ok(End { version: version.clone(), tail });
                }
            }
            // It may be good for one answer, which is this one.
            if let Some((answer, version)) = whole.zip(version) {
                return held(object, answer, version, most).await;
            }
        }
    }
    whole(object, most).await
}

async fn whole(object: &Object, most: u64) -> Result<End, Box<DataError>> {
    let refused = |error: Error| of_store(&error, &object.address);
    let (answer, version) = object.open().await.map_err(refused)?;
    held(object, answer, version, most).await
}

/// All of an answer that is all of an object.
async fn held(object: &Object, answer: GetResult, version: Version, most: u64) -> Result<End, Box<DataError>> {
    if version.size == UNKNOWN_SIZE {
        return unannounced(object, answer, version, most).await;
    }
    object.check_opened(&answer, &version)?;
    if version.size > most {
        return Err(too_large(object, &format!("its {} bytes", version.size), most));
    }
    let tail = joined(Body::new(object, &version, answer, 0..version.size).all().await?);
    Ok(End { version, tail })
}

#[cold]
fn too_large(object: &Object, bytes: &str, most: u64) -> Box<DataError> {
    let message = format!("\"{}\" cannot be read by parts, and is too large to be held", object.name());
    DataError::new(ErrorCode::FeatureNotSupported, message)
        .with_detail(format!(
            "Its server gives no parts of it that are of one version for sure, and of {bytes} {most} may be held."
        ))
        .with_hint("Raise memoryLimit to more than twice its size, or load a copy of it from a file.")
}

/// All of an object whose server does not say how many bytes it has: that is known when they have come.
async fn unannounced(
    object: &Object,
    answer: GetResult,
    mut version: Version,
    most: u64,
) -> Result<End, Box<DataError>> {
    object.check_answer(&answer)?;
    let mut body = Body::new(object, &version, answer, 0..UNKNOWN_SIZE);
    let (mut pieces, mut size) = (Vec::new(), 0);
    while let Some(piece) = body.next().await? {
        size += piece.len() as u64;
        if size > most {
            return Err(too_large(object, "its bytes, of which the server does not tell the number,", most));
        }
        pieces.push(piece);
    }
    version.size = size;
    object.check_listed(&version)?;
    Ok(End { version, tail: joined(pieces) })
}

fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    match pieces.len() {
        0 | 1 => pieces.pop().unwrap_or_default(),
        _ => pieces.concat().into(),
    }
}

/// What is asked for at once. Neighbours are one part, and a long range has several.
fn parts(mut ranges: Vec<Range<u64>>) -> Vec<Part> {
    ranges.sort_unstable_by_key(|range| range.start);
    // Of a long one that was read, the one that is, and the next one are held.
    let most = (HELD / (3 * ranges.len().max(1) as u64)).clamp(LEAST_PART, PART);
    let mut parts: Vec<Part> = Vec::new();
    for (number, range) in ranges.into_iter().enumerate() {
        if range.end - range.start > most {
            let mut start = range.start;
            while start < range.end {
                let end = range.end.min(start + most);
                parts.push(Part::new(start..end, Some(number)));
                start = end;
            }
            continue;
        }
        match parts.last_mut() {
            Some(last)
                if last.of.is_none()
                    && range.start <= last.range.end + GAP
                    && range.end.saturating_sub(last.range.start) <= most =>
            {
                last.range.end = last.range.end.max(range.end);
            }
            _ => parts.push(Part::new(range, None)),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(ranges: &[Range<u64>]) -> Vec<(Range<u64>, Option<usize>)> {
        parts(ranges.to_vec()).into_iter().map(|part| (part.range, part.of)).collect()
    }

    #[test]
    fn neighbours_are_asked_for_at_once() {
        assert_eq!(shapes(&[1000..2000, 0..900, 2000..3000]), [(0..3000, None)]);
        assert_eq!(shapes(&[0..1000, 1_000_000..1_001_000]), [(0..1000, None), (1_000_000..1_001_000, None)]);
    }

    #[test]
    fn a_long_range_is_asked_for_in_parts() {
        let found = shapes(&[0..10 << 20, 10 << 20..(10 << 20) + 100]);
        assert_eq!(found.len(), 4);
        assert_eq!(found[2], (8 << 20..10 << 20, Some(0)));
        assert_eq!(found[3], (10 << 20..(10 << 20) + 100, None));
    }

    #[test]
    fn what_is_held_of_many_ranges_is_bounded() {
        for count in [1_u64, 10, 100, 1000] {
            let ranges: Vec<_> = (0..count).map(|index| index << 30..(index + 1) << 30).collect();
            let longest = parts(ranges).iter().map(Part::len).max().unwrap();
            assert!(3 * count * longest <= HELD.max(3 * count * LEAST_PART), "{count}: {longest}");
        }
    }
}
