//! One object, read exactly: every part of it is of the version that the first answer was of.

mod body;
mod ranges;

use std::collections::HashMap;
use std::ops::Range;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use copyist_core::DataError;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{Attributes, Error, Extensions, GetOptions, GetRange, GetResult, GetResultPayload, ObjectMeta};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::Sender;
use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

pub use ranges::{End, Ranges};

use body::{Body, bytes_of};

use crate::client::{Answered, Told, UNKNOWN_SIZE, cause};
use crate::credentials::renewing;
use crate::failure::{changed, of_store, shown, unexpected};
use crate::place::{Access, Place, Scheme, Store};

/// Parts that are asked for at once.
const PARTS: usize = 4;
/// How long an answer waits for who reads it.
const BEGUN: Duration = Duration::from_secs(10);
/// How many files may be asked for before their turn for each one that was not let go for it: so their number grows while nothing speaks against it.
const LEAVE: usize = 2;
/// What was begun before an object's turn and fails when that has lasted for less than this is asked for once more. With as much patience again that is
/// two minutes.
const OWN: Duration = Duration::from_secs(30);
/// Bytes that a server is rid of whether or not anybody reads them.
const SENT_AT_ONCE: u64 = 64 << 10;

/// An object of a store.
#[derive(Clone)]
pub struct Object {
    store: Store,
    path: Path,
    address: String,
    /// What was said of it when it was found.
    listed: Option<Known>,
    begun: Option<Begun>,
    /// Of one of several files of web servers: how many of them may be asked for before their turn.
    ahead: Option<Arc<Semaphore>>,
}

/// An answer that was looked at before it is read: once, but for one of which all is here.
#[derive(Clone, Default)]
pub struct Begun(Arc<Mutex<Option<Looked>>>);

struct Looked {
    version: Version,
    meta: ObjectMeta,
    extensions: Extensions,
    /// What has come of it, and what has not.
    start: Vec<Bytes>,
    rest: Option<BoxStream<'static, Result<Bytes, Error>>>,
}

impl Begun {
    fn of(looked: Looked) -> Self {
        let is_whole = looked.rest.is_none();
        let begun = Self(Arc::new(Mutex::new(Some(looked))));
        if !is_whole {
            let kept = Arc::downgrade(&begun.0);
            tokio::spawn(async move {
                tokio::time::sleep(BEGUN).await;
                drop(kept.upgrade().and_then(|kept| Self(kept).take()));
            });
        }
        begun
    }

    fn take(&self) -> Option<(GetResult, Version)> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Looked { version, meta, extensions, start, rest } = kept.take()?;
        if rest.is_none() {
            let (version, meta, extensions) = (version.clone(), meta.clone(), extensions.clone());
            *kept = Some(Looked { version, meta, extensions, start: start.clone(), rest: None });
        }
        Some(Looked { version, meta, extensions, start, rest }.answer())
    }
}

impl Looked {
    fn answer(self) -> (GetResult, Version) {
        let Self { version, meta, extensions, start, rest } = self;
        let start = stream::iter(start).map(Ok);
        let payload = GetResultPayload::Stream(match rest {
            Some(rest) => start.chain(rest).boxed(),
            None => start.boxed(),
        });
        let (range, attributes) = (0..version.size, Attributes::default());
        (GetResult { payload, meta, range, attributes, extensions }, version)
    }
}

/// What is known of an object that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub size: u64,
    /// As it can be asked for.
    pub etag: Option<String>,
    /// When it was last written, where its server says so.
    pub modified: Option<SystemTime>,
}

/// What tells one version of an object from another.
#[derive(Clone)]
struct Version {
    /// As it came, be it a weak one.
    tag: Option<String>,
    size: u64,
    modified: Option<SystemTime>,
    /// Whether a later version would have another `modified`.
    is_dated: bool,
}

impl Version {
    fn of(answer: &GetResult) -> Self {
        let meta = &answer.meta;
        let is_dated = answer.extensions.get::<Told>().is_some_and(|told| told.is_dated);
        Self { tag: meta.e_tag.clone(), size: meta.size, modified: modified(meta), is_dated }
    }

    /// A weak tag may be that of other bytes, and cannot be asked for.
    fn etag(&self) -> Option<&String> {
        self.tag.as_ref().filter(|tag| !tag.starts_with("W/"))
    }

    fn known(&self) -> Known {
        Known { size: self.size, etag: self.etag().cloned(), modified: self.modified }
    }

    fn is_pinned(&self) -> bool {
        self.etag().is_some() && self.size != UNKNOWN_SIZE
    }

    /// Whether the rest of it can be had for sure.
    fn can_be_taken_up(&self) -> bool {
        self.size != UNKNOWN_SIZE && (self.etag().is_some() || (self.is_dated && self.modified.is_some()))
    }

    /// Only the tag, or where there is none the time: to ask for a version by its number is another right.
    fn options(&self, range: Option<Range<u64>>) -> GetOptions {
        let range = range.map(GetRange::Bounded);
        let if_match = self.etag().cloned();
        let written = self.modified.filter(|_| if_match.is_none() && self.is_dated);
        GetOptions { range, if_match, ..GetOptions::default() }.with_if_unmodified_since(written)
    }

    /// Some servers do not look at what they are asked for.
    fn check(&self, meta: &ObjectMeta, address: &str) -> Result<(), Box<DataError>> {
        let is_same = meta.e_tag == self.tag
            && meta.size == self.size
            && (self.etag().is_some() || modified(meta) == self.modified);
        if is_same { Ok(()) } else { Err(changed(address)) }
    }
}

/// When an object was last written; a server that does not say so has written it in 1970.
pub(crate) fn modified(meta: &ObjectMeta) -> Option<SystemTime> {
    let time = SystemTime::from(meta.last_modified);
    (time > SystemTime::UNIX_EPOCH).then_some(time)
}

/// Whether an object is read.
enum Turn {
    NotYet(oneshot::Receiver<()>),
    Now,
    Never,
}

impl Turn {
    /// Waits for whether it is.
    async fn comes(&mut self) -> bool {
        if let Self::NotYet(told) = self {
            *self = told.await.map_or(Self::Never, |()| Self::Now);
        }
        matches!(self, Self::Now)
    }

    fn look(&mut self) -> &Self {
        if let Self::NotYet(told) = self {
            match told.try_recv() {
                Ok(()) => *self = Self::Now,
                Err(TryRecvError::Closed) => *self = Self::Never,
                Err(TryRecvError::Empty) => {}
            }
        }
        self
    }

    /// What comes of opening it before this. None where that fails before it, or when it has hardly come: a server that answers one at a time may have
    /// let the object wait for too long, and nobody has seen anything of it.
    async fn opened_ahead<T, E>(&mut self, opening: impl Future<Output = Result<T, E>>) -> Option<Result<T, E>> {
        let mut opening = pin!(opening);
        tokio::select! {
            biased;
            opened = &mut opening => return opened.ok().map(Ok),
            _ = self.comes() => {}
        }
        let came = Instant::now();
        let opened = opening.await;
        (opened.is_ok() || came.elapsed() >= OWN).then_some(opened)
    }
}

/// A task that ends with whoever waits for it.
struct Owned<T>(JoinHandle<T>);

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Object {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// When the address is none that can be asked.
    pub fn new(address: &str, access: &Access) -> Result<Self, Box<DataError>> {
        let place = Place::parse(address).ok_or_else(|| unexpected(address, "its scheme is not known"))?;
        let (store, path) = (place.open(access, address)?, place.path(address)?);
        Ok(Self { store, path, address: address.to_owned(), listed: None, begun: None, ahead: None })
    }

    /// Objects of one load: those of one bucket share its connections and credentials.
    ///
    /// # Errors
    /// As [`Object::new`].
    pub fn all(addresses: &[String], access: &Access) -> Result<Vec<Self>, Box<DataError>> {
        type Bucket = (Scheme, Option<String>, Option<String>, String);
        let mut buckets: HashMap<Bucket, Self> = HashMap::new();
        let ahead = Arc::new(Semaphore::new(0));
        let open = |address: &String| {
            let unknown = || unexpected(address, "its scheme is not known");
            let place = Place::parse(address).ok_or_else(unknown)?;
            // An address of HTTP is a store of its own.
            let bucket = (place.scheme, place.account.clone(), place.cloud.clone(), place.bucket.clone());
            if let Some(other) = buckets.get(&bucket) {
                let (store, path) = (other.store.clone(), place.path(address)?);
                return Ok(Self {
                    store,
                    path,
                    address: address.clone(),
                    listed: None,
                    begun: None,
                    ahead: other.ahead.clone(),
                });
            }
            let mut object = Self::new(address, access)?;
            object.ahead = (place.scheme == Scheme::Http).then(|| Arc::clone(&ahead));
            buckets.insert(bucket, object.clone());
            Ok(object)
        };
        addresses.iter().map(open).collect()
    }

    /// The same object, of the version that was found before.
    #[must_use]
    pub fn known(mut self, known: Known) -> Self {
        self.listed = Some(known);
        self
    }

    /// The same object, whose bytes are those of an answer that has come already, if it is read soon.
    #[must_use]
    pub fn begun(mut self, begun: Begun) -> Self {
        self.begun = Some(begun);
        self
    }

    /// The address without what is secret in it.
    #[must_use]
    pub fn name(&self) -> String {
        shown(&self.address)
    }

    async fn ask(&self, options: GetOptions) -> Result<GetResult, Error> {
        renewing(self.store.secrets.as_deref(), || self.store.objects.get_opts(&self.path, options.clone())).await
    }

    /// All of it, from its beginning.
    async fn open(&self) -> Result<(GetResult, Version), Error> {
        if let Some(begun) = self.begun.as_ref().and_then(Begun::take) {
            return Ok(begun);
        }
        let if_match = self.listed.as_ref().and_then(|known| known.etag.clone());
        let answer = self.ask(GetOptions { if_match, ..GetOptions::default() }).await?;
        let version = Version::of(&answer);
        Ok((answer, version))
    }

    fn check_opened(&self, answer: &GetResult, version: &Version) -> Result<(), Box<DataError>> {
        self.check_answer(answer)?;
        self.check_listed(version)
    }

    /// Whether it is an object.
    fn check_answer(&self, answer: &GetResult) -> Result<(), Box<DataError>> {
        if self.store.scheme == Scheme::S3 && answer.meta.e_tag.is_none() {
            return Err(unexpected(&self.address, "the answer has no ETag, and so is no object"));
        }
        Ok(())
    }

    fn check_listed(&self, version: &Version) -> Result<(), Box<DataError>> {
        match &self.listed {
            // The tag was asked for, and so many bytes it was of.
            Some(known) if known.etag.is_some() && known.size != version.size => {
                let what = format!("{} bytes are announced, and its list says {}", version.size, known.size);
                Err(unexpected(&self.address, &what))
            }
            _ => Ok(()),
        }
    }

    /// What there is of it; None where there is no such object.
    ///
    /// # Errors
    /// When the store refuses it.
    pub async fn probe(&self) -> Result<Option<Known>, Box<DataError>> {
        Ok(self.found().await?.map(|(_, version)| version.known()))
    }

    /// The same of an object that is read next, with the answer: it is kept for a while, so that the object need not be asked for once more. One whose
    /// rest could not be had, should its server end it meanwhile, is not.
    ///
    /// # Errors
    /// As [`probe`](Self::probe).
    pub async fn look(&self) -> Result<Option<(Known, Begun)>, Box<DataError>> {
        let Some((answer, version)) = self.found().await? else { return Ok(None) };
        let known = version.known();
        if !version.can_be_taken_up() && version.size > SENT_AT_ONCE {
            return Ok(Some((known, Begun::default())));
        }
        let (meta, extensions) = (answer.meta.clone(), answer.extensions.clone());
        let rest = Some(bytes_of(answer));
        Ok(Some((known, Begun::of(Looked { version, meta, extensions, start: Vec::new(), rest }))))
    }

    async fn found(&self) -> Result<Option<(GetResult, Version)>, Box<DataError>> {
        match self.open().await {
            Ok((answer, version)) => {
                self.check_opened(&answer, &version)?;
                Ok(Some((answer, version)))
            }
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(of_store(&error, &self.address)),
        }
    }

    /// Its first bytes, up to so many, whether they are all, and the answer, to be read soon: it need not be asked for once more.
    ///
    /// # Errors
    /// When the store refuses it.
    pub async fn start(&self, most: usize) -> Result<(Vec<u8>, bool, Known, Begun), Box<DataError>> {
        let (answer, version) = self.open().await.map_err(|error| of_store(&error, &self.address))?;
        self.check_opened(&answer, &version)?;
        let (meta, extensions) = (answer.meta.clone(), answer.extensions.clone());
        let mut body = Body::new(self, &version, answer, 0..version.size);
        let (mut start, mut size) = (Vec::new(), 0);
        let is_whole = loop {
            let Some(piece) = body.next().await? else { break true };
            size += piece.len();
            start.push(piece);
            if size > most {
                break false;
            }
        };
        let mut bytes = start.concat();
        bytes.truncate(most);
        let known = version.known();
        let rest = if is_whole { None } else { body.rest() };
        let begun = if is_whole || rest.is_some() {
            Begun::of(Looked { version, meta, extensions, start, rest })
        } else {
            Begun::default()
        };
        Ok((bytes, is_whole, known, begun))
    }

    /// Sends all of it, and before that leaves what is known of it with `found`. Stops when nobody listens. It may be begun before its `turn`.
    pub(crate) async fn send(
        &self,
        parts: &Sender<Bytes>,
        found: &Mutex<Option<Known>>,
        turn: oneshot::Receiver<()>,
    ) -> Result<(), Box<DataError>> {
        let open = async || {
            let (first, version) = self.open().await.map_err(|error| of_store(&error, &self.address))?;
            self.check_opened(&first, &version)?;
            Ok::<_, Box<DataError>>((first, version))
        };
        let mut turn = Turn::NotYet(turn);
        if let Some(ahead) = &self.ahead {
            tokio::select! {
                biased;
                _ = turn.comes() => {}
                // It is not closed.
                leave = ahead.acquire() => if let Ok(leave) = leave { leave.forget() },
            }
        }
        let (mut first, mut version) = match turn.look() {
            Turn::NotYet(_) => match turn.opened_ahead(open()).await {
                Some(opened) => opened?,
                None if turn.comes().await => open().await?,
                None => return Ok(()),
            },
            Turn::Now => open().await?,
            Turn::Never => return Ok(()),
        };
        // Its rest could be had, or the server is rid of it at once.
        let may_wait = version.can_be_taken_up() || version.size <= SENT_AT_ONCE;
        if let Some(ahead) = &self.ahead {
            // An address may be good for one answer, and an answer be made when it is asked for: of those none is to wait long, so that as many
            // are asked for ahead as those before them have shown to be others.
            if may_wait {
                ahead.add_permits(LEAVE);
            } else {
                ahead.forget_permits(Semaphore::MAX_PERMITS);
            }
        }
        if !version.can_be_taken_up() && matches!(turn.look(), Turn::NotYet(_)) {
            (first, version) = match self.held(first, version, &mut turn).await {
                Some(looked) => looked.answer(),
                None if turn.comes().await => open().await?,
                None => return Ok(()),
            };
        }
        *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(version.known());
        // What cannot be pinned to a version is read in one piece, which is of one.
        let part = self.store.part;
        let is_split = version.is_pinned() && version.size > 2 * part;
        let mut body = Body::new(self, &version, first, 0..version.size);
        while let Some(bytes) = body.next().await? {
            if parts.send(bytes).await.is_err() {
                return Ok(());
            }
            if is_split && body.at >= part {
                break;
            }
        }
        let at = body.at;
        drop(body);
        if is_split { self.send_ranges(at, &version, parts).await } else { Ok(()) }
    }

    /// An answer whose rest could not be had, and what has come of it when its `turn` is. None where it was let go before.
    async fn held(&self, answer: GetResult, version: Version, turn: &mut Turn) -> Option<Looked> {
        let (meta, extensions) = (answer.meta.clone(), answer.extensions.clone());
        let mut body = Body::new(self, &version, answer, 0..version.size);
        let (mut start, mut size) = (Vec::new(), 0);
        let (mut is_turn, mut is_whole) = (false, false);
        while size < self.store.part && !is_turn && !is_whole {
            tokio::select! {
                biased;
                _ = turn.comes() => is_turn = true,
                next = body.next() => match next {
                    Ok(Some(piece)) => {
                        size += piece.len() as u64;
                        start.push(piece);
                    }
                    Ok(None) => is_whole = true,
                    // Nobody has seen anything of it.
                    Err(_) => return None,
                },
            }
        }
        if !is_turn {
            // Servers end connections that take nothing for a while.
            let waits = if is_whole { Duration::MAX } else { BEGUN };
            timeout(waits, turn.comes()).await.ok()?;
        }
        let rest = if is_whole { None } else { Some(body.rest()?) };
        Some(Looked { version, meta, extensions, start, rest })
    }

    fn broken(&self, got: u64, size: u64) -> Box<DataError> {
        unexpected(&self.address, &format!("{got} bytes have come, and {size} were announced"))
    }

    async fn send_ranges(&self, from: u64, version: &Version, parts: &Sender<Bytes>) -> Result<(), Box<DataError>> {
        let (size, part) = (version.size, self.store.part);
        let starts = (0..(size - from).div_ceil(part)).map(|index| from + index * part);
        // In tasks of their own, so that they go on while the reader is slow: a connection that nobody looks at seems to have stalled.
        let ask = |start: u64| {
            let (object, version) = (self.clone(), version.clone());
            let range = start..size.min(start + part);
            let mut task = Owned(tokio::spawn(async move { object.range(range, &version).await }));
            async move {
                match (&mut task.0).await {
                    Ok(answer) => answer,
                    Err(error) => std::panic::resume_unwind(error.into_panic()),
                }
            }
        };
        let mut asked = stream::iter(starts).map(ask).buffered(PARTS);
        let mut at = from;
        while let Some(answer) = asked.next().await {
            match answer? {
                Some(pieces) => {
                    for bytes in pieces {
                        at += bytes.len() as u64;
                        if parts.send(bytes).await.is_err() {
                            return Ok(());
                        }
                    }
                }
                // A server that does not know of ranges.
                None => {
                    drop(asked);
                    return self.send_rest(at, version, parts).await;
                }
            }
        }
        if at == size { Ok(()) } else { Err(self.broken(at, size)) }
    }

    /// A part of it, in pieces as they came; None where the server does not give parts.
    async fn range(&self, range: Range<u64>, version: &Version) -> Result<Option<Vec<Bytes>>, Box<DataError>> {
        let answer = match self.ask(version.options(Some(range.clone()))).await {
            Ok(answer) => answer,
            Err(error) if matches!(cause(&error), Some(Answered::Whole(_))) => return Ok(None),
            Err(error) => return Err(of_store(&error, &self.address)),
        };
        version.check(&answer.meta, &self.address)?;
        let answer = self.checked(answer, &range)?;
        Ok(Some(Body::new(self, version, answer, range).all().await?))
    }

    fn checked(&self, answer: GetResult, range: &Range<u64>) -> Result<GetResult, Box<DataError>> {
        if answer.range == *range {
            return Ok(answer);
        }
        Err(unexpected(&self.address, "the answer is another part of it than was asked for"))
    }

    /// All of it once more.
    async fn whole(&self, version: &Version) -> Result<GetResult, Box<DataError>> {
        let answer = self.ask(version.options(None)).await.map_err(|error| of_store(&error, &self.address))?;
        version.check(&answer.meta, &self.address)?;
        Ok(answer)
    }

    /// All of it once more, of which the first bytes are passed over.
    async fn send_rest(&self, from: u64, version: &Version, parts: &Sender<Bytes>) -> Result<(), Box<DataError>> {
        let mut body = Body::over(self, version, from..version.size).await?;
        while let Some(part) = body.next().await? {
            if parts.send(part).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Objects that are asked for at once.
const PROBES: usize = 16;

/// What there is of each object.
///
/// # Errors
/// As [`Object::probe`].
pub async fn probe(objects: &[Object]) -> Result<Vec<Option<Known>>, Box<DataError>> {
    stream::iter(objects).map(Object::probe).buffered(PROBES).try_collect().await
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use tokio::sync::mpsc::channel;

    use super::*;

    /// How often a silent server is asked for a file whose turn comes so many seconds after it was begun, and after how many more that is an error.
    async fn asked_silent(turn_after: u64) -> (usize, u64) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/a", listener.local_addr().unwrap());
        let (turn, told) = oneshot::channel();
        let comes = Instant::now() + Duration::from_secs(turn_after);
        tokio::spawn(async move {
            tokio::time::sleep_until(comes).await;
            turn.send(()).unwrap();
        });
        let (parts, _reader) = channel(1);
        let sent = Object::new(&address, &Access::default()).unwrap().send(&parts, &Mutex::default(), told).await;
        assert!(sent.is_err());
        listener.set_nonblocking(true).unwrap();
        (std::iter::from_fn(|| listener.accept().ok()).count(), comes.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_server_is_asked_once_more_where_the_turn_came_late() {
        assert_eq!(asked_silent(1).await, (1, 89));
        assert_eq!(asked_silent(55).await, (1, 35));
        assert_eq!(asked_silent(65).await, (2, 115));
        // It has failed before.
        assert_eq!(asked_silent(95).await, (2, 90));
    }

    #[tokio::test]
    async fn one_that_is_let_go_while_its_answer_comes_has_no_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/a", listener.local_addr().unwrap());
        let (turn, told) = oneshot::channel();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            BufReader::new(&stream).read_line(&mut String::new()).unwrap();
            drop(turn);
            let body = "x".repeat(2 * SENT_AT_ONCE as usize);
            // Nobody need read it.
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        });
        let object = Object::new(&address, &Access::default()).unwrap();
        let (parts, nobody) = channel(1);
        drop(nobody);
        assert!(object.send(&parts, &Mutex::default(), told).await.is_ok());
    }
}
