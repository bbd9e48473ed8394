//! The bytes of an answer as they come, taken up by another one where they break off.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use copyist_core::DataError;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use object_store::{Error, GetResult};
use tokio::time::{Instant, timeout};

use super::{Object, Version};
use crate::client::{Answered, PATIENCE, STALLED, Told, UNKNOWN_SIZE, broken_off, cause, silence};
use crate::failure::{lost, of_store, unexpected};
use crate::place::LONGEST_PAUSE;
use crate::rules::Denied;

/// Bytes that must come in so much waiting as there is patience for; fewer are hardly any.
const LEAST: u64 = 30 << 10;
/// Between a body that breaks off and the request for its rest; each time that nothing came twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The bytes of an answer, and behind them why there are no more, if they have broken off.
pub(super) fn bytes_of(answer: GetResult) -> BoxStream<'static, Result<Bytes, Error>> {
    let told = answer.extensions.get::<Told>().cloned().unwrap_or_default();
    let end = stream::once(async move { told.broken() });
    let end = end.filter_map(|broken| std::future::ready(broken.map(|error| Err(broken_off(error)))));
    answer.into_stream().chain(end).boxed()
}

/// The bytes of a range.
pub(super) struct Body<'a> {
    object: &'a Object,
    version: &'a Version,
    stream: BoxStream<'static, Result<Bytes, Error>>,
    pub at: u64,
    end: u64,
    /// Of all of the object, in place of the range: the bytes before it that are still to come.
    before: Option<u64>,
    /// Bytes since it was last asked for, and how often it was asked for since the last one came.
    got: u64,
    vain: usize,
    /// Time spent waiting, since the last byte and since the pace was looked at.
    idle: Duration,
    waited: Duration,
    counted: u64,
}

impl<'a> Body<'a> {
    pub fn new(object: &'a Object, version: &'a Version, answer: GetResult, range: Range<u64>) -> Self {
        Self {
            object,
            version,
            stream: bytes_of(answer),
            at: range.start,
            end: range.end,
            before: None,
            got: 0,
            vain: 0,
            idle: Duration::ZERO,
            waited: Duration::ZERO,
            counted: 0,
        }
    }

    /// The next bytes, None behind the last. Of one that cannot be taken up, who no longer waits for it loses none.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Box<DataError>> {
        let address = &self.object.address;
        loop {
            if self.before.is_some() && self.at == self.end {
                return Ok(None);
            }
            let started = Instant::now();
            let left = PATIENCE.saturating_sub(self.waited.max(self.idle));
            let stalled = self.stalled(left);
            let next = timeout(stalled.unwrap_or(left), self.stream.next()).await;
            self.wait(started);
            let Ok(next) = next else {
                self.check_pace()?;
                if let Some(stalled) = stalled {
                    self.take_up(&broken_off(silence(stalled))).await?;
                }
                continue;
            };
            match next {
                Some(Ok(mut part)) => {
                    self.counted += part.len() as u64;
                    self.idle = Duration::ZERO;
                    self.check_pace()?;
                    if let Some(before) = &mut self.before {
                        let passed = (*before).min(part.len() as u64);
                        *before -= passed;
                        part = part.split_off(passed as usize);
                        part.truncate(usize::try_from(self.end - self.at).unwrap_or(usize::MAX));
                        if part.is_empty() {
                            continue;
                        }
                    }
                    self.at += part.len() as u64;
                    self.got += part.len() as u64;
                    if self.at > self.end {
                        return Err(unexpected(address, "more bytes have come than were announced"));
                    }
                    return Ok(Some(part));
                }
                None if self.at == self.end || self.end == UNKNOWN_SIZE => return Ok(None),
                None => return Err(self.object.broken(self.at, self.end)),
                Some(Err(error)) => self.take_up(&error).await?,
            }
        }
    }

    /// The rest of it, in pieces as they come.
    pub async fn all(mut self) -> Result<Vec<Bytes>, Box<DataError>> {
        let mut pieces = Vec::new();
        while let Some(part) = self.next().await? {
            pieces.push(part);
        }
        Ok(pieces)
    }

    /// What has not been read of the answer, if it comes from where the last bytes were.
    pub fn rest(self) -> Option<BoxStream<'static, Result<Bytes, Error>>> {
        self.before.is_none().then_some(self.stream)
    }

    /// When it is asked for once more although somebody would wait longer: its connection may be dead, or else its server slow, so that each time is
    /// later. None of what would have to be asked for from its beginning.
    fn stalled(&self, left: Duration) -> Option<Duration> {
        let time = STALLED * 2_u32.saturating_pow(self.vain as u32);
        (self.version.can_be_taken_up() && left > time).then_some(time)
    }

    fn wait(&mut self, since: Instant) {
        self.waited += since.elapsed();
        self.idle += since.elapsed();
    }

    fn check_pace(&mut self) -> Result<(), Box<DataError>> {
        let what = if self.idle >= PATIENCE {
            format!("nothing has come for {} seconds", self.idle.as_secs())
        } else if self.waited < PATIENCE {
            return Ok(());
        } else if self.counted < LEAST {
            format!("it comes too slowly: {} bytes in {} seconds", self.counted, self.waited.as_secs())
        } else {
            (self.waited, self.counted) = (Duration::ZERO, 0);
            return Ok(());
        };
        Err(unexpected(&self.object.address, &what))
    }

    /// Asks for the rest, after an error, unless that brings nothing again and again.
    async fn take_up(&mut self, error: &Error) -> Result<(), Box<DataError>> {
        let Object { store, address, .. } = self.object;
        let rest = self.at..self.end;
        if cause::<Answered>(error).is_some_and(Answered::is_final) || cause::<Denied>(error).is_some() {
            return Err(of_store(error, address));
        }
        if !self.version.can_be_taken_up() {
            return Err(lost(error, address, self.version.size != UNKNOWN_SIZE));
        }
        self.vain = if self.got > 0 { 0 } else { self.vain + 1 };
        self.got = 0;
        if self.vain >= store.retries || self.idle > store.retry_timeout {
            return Err(of_store(error, address));
        }
        let started = Instant::now();
        tokio::time::sleep(LONGEST_PAUSE.min(FIRST_PAUSE * 2_u32.saturating_pow(self.vain as u32))).await;
        match self.object.ask(self.version.options(Some(rest.clone()))).await {
            Ok(answer) => {
                self.version.check(&answer.meta, address)?;
                self.stream = bytes_of(self.object.checked(answer, &rest)?);
                self.before = None;
            }
            Err(error) if matches!(cause(&error), Some(Answered::Whole(_))) => self.pass_over().await?,
            Err(error) => return Err(of_store(&error, address)),
        }
        self.wait(started);
        Ok(())
    }

    /// A part of an object whose server gives no parts.
    pub async fn over(object: &'a Object, version: &'a Version, range: Range<u64>) -> Result<Self, Box<DataError>> {
        let answer = object.whole(version).await?;
        Ok(Self { before: Some(range.start), ..Self::new(object, version, answer, range) })
    }

    /// Asks for all of it, and goes on in there.
    async fn pass_over(&mut self) -> Result<(), Box<DataError>> {
        self.stream = bytes_of(self.object.whole(self.version).await?);
        self.before = Some(self.at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use object_store::path::Path;
    use object_store::{GetResultPayload, ObjectMeta};

    use super::*;
    use crate::place::Access;

    fn answer(pieces: &'static [(u64, usize)], size: u64, tag: Option<&str>) -> GetResult {
        let sent = stream::iter(pieces).then(|&(seconds, size)| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok(Bytes::from(vec![0; size]))
        });
        GetResult {
            payload: GetResultPayload::Stream(sent.boxed()),
            meta: ObjectMeta {
                location: Path::default(),
                last_modified: std::time::SystemTime::UNIX_EPOCH.into(),
                size,
                e_tag: tag.map(str::to_owned),
                version: None,
            },
            range: 0..size,
            attributes: Default::default(),
            extensions: Default::default(),
        }
    }

    fn object() -> Object {
        Object::new("http://127.0.0.1/a", &Access::default()).unwrap()
    }

    /// What comes of an answer that says nothing of its length, in pieces of so many bytes, each after so many seconds.
    async fn read(pieces: &'static [(u64, usize)]) -> Result<usize, String> {
        let (object, answer) = (object(), answer(pieces, UNKNOWN_SIZE, None));
        let version = Version::of(&answer);
        let all = Body::new(&object, &version, answer, 0..UNKNOWN_SIZE).all().await;
        all.map(|pieces| pieces.iter().map(Bytes::len).sum()).map_err(|error| error.message.to_string())
    }

    #[test]
    fn a_slow_server_is_asked_again_later_each_time() {
        for (tag, expected) in [(Some("\"1\""), [Some(20), Some(40), None]), (None, [None; 3])] {
            let (object, answer) = (object(), answer(&[], 10, tag));
            let version = Version::of(&answer);
            let mut body = Body::new(&object, &version, answer, 0..10);
            let times = [(0, 90), (1, 70), (2, 30)].map(|(vain, left)| {
                body.vain = vain;
                body.stalled(Duration::from_secs(left)).map(|time| time.as_secs())
            });
            assert_eq!(times, expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_may_take_its_time_but_not_for_ever() {
        // It computes what it sends, and sends its headers before.
        assert_eq!(read(&[(85, 10)]).await, Ok(10));
        assert_eq!(read(&[(0, 10), (40, 10), (40, 10)]).await, Ok(30));
        assert_eq!(read(&[(80, 40_000), (80, 40_000), (80, 40_000)]).await, Ok(120_000));
        let refused = |what: &str| Err(format!("could not read \"http://127.0.0.1/a\": {what}"));
        assert_eq!(read(&[(50, 10), (50, 10)]).await, refused("it comes too slowly: 10 bytes in 90 seconds"));
        assert_eq!(read(&[(91, 10)]).await, refused("nothing has come for 90 seconds"));
        assert_eq!(read(&[(1, 40_000), (91, 10)]).await, refused("nothing has come for 90 seconds"));
        assert_eq!(read(&[(1, 1); 200]).await, refused("it comes too slowly: 90 bytes in 90 seconds"));
    }
}
