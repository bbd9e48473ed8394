//! Objects of other machines, and the credentials that JavaScript gives for them.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use copyist_core::{DataError, ErrorCode};
use copyist_format::About;
use copyist_remote::{
    Access, Begun, End, Known, Net, Network, NetworkRules, Object, Provide, Ranges, Reader, Secret, Stop,
};
use copyist_transcode::columnar::RandomAccess;
use copyist_transcode::{Failure, Input, PREPARED, ReadRemote, Remote, Source, micros_of};
use napi::Status;
use napi::bindgen_prelude::{Buffer, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use tokio::sync::oneshot;

use crate::convert::BindingFailure;
use crate::schema::{self, BindingSchema};
use crate::specification::{BindingSpecification, unquoted};

/// How a store is reached. Secrets come by `giveSecret`.
#[napi(object)]
pub struct BindingAccess {
    pub region: Option<String>,
    /// In place of the provider's own address.
    pub endpoint: Option<String>,
    /// S3: the bucket is part of the host name.
    pub virtual_hosted: bool,
    /// Azure: the storage account, where the address does not say it.
    pub account: Option<String>,
    /// Whether requests are signed.
    pub is_signed: bool,
    pub max_retries: Option<u32>,
    pub retry_timeout_ms: Option<f64>,
    /// Whether objects are brotli, as the statement says.
    pub is_brotli: bool,
    /// Bytes that are asked for at a time.
    pub part: Option<f64>,
    /// Bytes that the names in a list may have.
    pub most_listed: Option<f64>,
    /// What may be dialled: all of them must allow it. Without any everything is open.
    pub rules: Vec<BindingRules>,
}

/// Rules of a network, as `AccessPolicy.network` has them.
#[napi(object)]
pub struct BindingRules {
    pub schemes: Vec<String>,
    pub hosts: Vec<String>,
    pub addresses: Vec<String>,
}

/// An object of a store, and what is known of it.
#[napi(object)]
pub struct BindingObject {
    pub address: String,
    pub size: Option<f64>,
    pub etag: Option<String>,
    /// When it was last written: milliseconds since 1970.
    pub modified: Option<f64>,
}

impl BindingObject {
    fn known(&self) -> Option<Known> {
        let modified = self.modified.map(|ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms.max(0.0) as u64));
        self.size.map(|size| Known { size: size as u64, etag: self.etag.clone(), modified })
    }

    fn of(address: String, known: Known) -> Self {
        // A server need not say how long it is.
        let size = (known.size != u64::MAX).then_some(known.size as f64);
        let since = known.modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        Self { address, size, etag: known.etag, modified: since.map(|since| since.as_millis() as f64) }
    }
}

/// What a question to a store came to.
#[napi(object)]
#[derive(Default)]
pub struct BindingAnswer {
    /// Objects that were found; of those that were asked for one by one without those that are not there.
    pub objects: Option<Vec<BindingObject>>,
    pub bytes: Option<Buffer>,
    /// Whether those are all bytes of the object.
    pub is_whole: Option<bool>,
    pub schema: Option<BindingSchema>,
    pub failure: Option<BindingFailure>,
}

/// What a store is shown; or why there is nothing.
#[napi(object)]
pub struct BindingSecret {
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<String>,
    pub session_token: Option<String>,
    pub bearer: Option<String>,
    pub account_key: Option<String>,
    /// A shared access signature, as it stands behind the question mark of an address, in pairs.
    pub signature: Option<Vec<Vec<String>>>,
    /// Milliseconds since 1970; absent: it does not expire.
    pub expires: Option<f64>,
    pub error: Option<String>,
}

type Answer = oneshot::Sender<Result<Secret, String>>;

/// Those who wait for a secret, and those whose last one was refused: what the others get may be the one that was.
#[derive(Clone, Default)]
pub struct Waiting(Arc<Mutex<[Vec<Answer>; 2]>>);

impl Waiting {
    /// Asks by `ask`, once for all of those who wait.
    pub fn provide(&self, ask: impl Fn(bool) + Send + Sync + 'static) -> Provide {
        let waiting = self.clone();
        Arc::new(move |was_refused| {
            let (sender, receiver) = oneshot::channel();
            let mut all = waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
            let those = &mut all[usize::from(was_refused)];
            those.push(sender);
            let is_first = those.len() == 1;
            drop(all);
            if is_first {
                ask(was_refused);
            }
            Box::pin(async move { receiver.await.unwrap_or_else(|_| Err("the load has ended".to_owned())) })
        })
    }

    /// Answers all of those who wait.
    pub fn answer(&self, secret: BindingSecret, was_refused: bool) {
        let answer = match secret.error {
            Some(reason) => Err(reason),
            None => Ok(Secret {
                access_key_id: secret.access_key_id.unwrap_or_default(),
                secret_access_key: secret.secret_access_key.unwrap_or_default(),
                session_token: secret.session_token,
                bearer: secret.bearer,
                signature: secret.signature.map(|pairs| pairs.into_iter().filter_map(pair).collect()),
                account_key: secret.account_key,
                expires: secret.expires.map(|at| SystemTime::UNIX_EPOCH + Duration::from_millis(at.max(0.0) as u64)),
            }),
        };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for sender in all[usize::from(was_refused)].drain(..) {
            drop(sender.send(answer.clone()));
        }
    }
}

fn pair(pair: Vec<String>) -> Option<(String, String)> {
    let [name, value] = <[String; 2]>::try_from(pair).ok()?;
    Some((name, value))
}

impl BindingRules {
    fn rules(&self) -> napi::Result<NetworkRules> {
        let network = |text: &String| {
            Network::parse(text).ok_or_else(|| napi::Error::new(Status::InvalidArg, format!("no network: {text}")))
        };
        Ok(NetworkRules {
            schemes: self.schemes.clone(),
            hosts: self.hosts.clone(),
            addresses: self.addresses.iter().map(network).collect::<napi::Result<_>>()?,
        })
    }
}

impl BindingAccess {
    fn access(&self, provide: Provide) -> napi::Result<Access> {
        let rules = self.rules.iter().map(BindingRules::rules).collect::<napi::Result<_>>()?;
        Ok(Access {
            region: self.region.clone(),
            endpoint: self.endpoint.clone(),
            virtual_hosted: self.virtual_hosted,
            account: self.account.clone(),
            credentials: self.is_signed.then_some(provide),
            max_retries: self.max_retries.map(|most| most as usize),
            retry_timeout: self.retry_timeout_ms.map(|ms| Duration::from_millis(ms.max(0.0) as u64)),
            is_brotli: self.is_brotli,
            part: self.part.map(|part| part.max(1.0) as u64),
            most_listed: self.most_listed.map(|most| most.max(0.0) as u64),
            net: Net::new(rules),
        })
    }
}

type Asked = ThreadsafeFunction<bool, (), bool, Status, false, true>;
type Done = ThreadsafeFunction<(), (), (), Status, false>;

/// How objects of other machines are reached, and what there is. One question at a time is asked; its answer is taken when `onDone` is called.
#[napi]
pub struct BindingStore {
    access: Access,
    waiting: Waiting,
    stop: Stop,
    answer: Arc<Mutex<Option<BindingAnswer>>>,
    end: KnownEnd,
    begun: Looked,
}

/// The address and the end of the first object whose columns were asked for, until it is read: it need not be asked for once more.
type KnownEnd = Arc<Mutex<Option<(String, End)>>>;
/// The address of an object that was asked for alone, and the answer, until it is read or others are.
type Looked = Arc<Mutex<Option<(String, Begun)>>>;

#[napi]
impl BindingStore {
    /// `onSecret` is called when credentials are needed, with true when those of before were refused; of both once until `giveSecret` answers it.
    #[napi(constructor, catch_unwind)]
    pub fn new(access: BindingAccess, on_secret: Function<'_, bool, ()>) -> napi::Result<Self> {
        // It must not keep the process alive.
        let on_secret: Asked = on_secret.build_threadsafe_function::<bool>().weak::<true>().build()?;
        let waiting = Waiting::default();
        let provide = waiting.provide(move |was_refused| {
            on_secret.call(was_refused, ThreadsafeFunctionCallMode::NonBlocking);
        });
        let access = access.access(provide)?;
        Ok(Self {
            access,
            waiting,
            stop: Stop::default(),
            answer: Arc::default(),
            end: Arc::default(),
            begun: Arc::default(),
        })
    }

    /// Answers `onSecret`, which was called with `wasRefused`.
    #[napi(catch_unwind)]
    pub fn give_secret(&self, secret: BindingSecret, was_refused: bool) {
        self.waiting.answer(secret, was_refused);
    }

    /// Asks for the objects that a pattern means below a folder, or that are in the folder at any depth.
    #[napi(catch_unwind)]
    pub fn list(&self, folder: String, pattern: Option<String>, on_done: Function<'_, (), ()>) -> napi::Result<()> {
        let access = self.access.clone();
        self.ask(on_done, async move {
            let found = copyist_remote::list(&folder, pattern.as_deref(), &access).await?;
            let objects = found.into_iter().map(|object| BindingObject::of(object.address, object.known)).collect();
            Ok(BindingAnswer { objects: Some(objects), ..BindingAnswer::default() })
        })
    }

    /// Asks which of the objects there are.
    #[napi(catch_unwind)]
    pub fn probe(&self, addresses: Vec<String>, on_done: Function<'_, (), ()>) -> napi::Result<()> {
        let (access, begun) = (self.access.clone(), Arc::clone(&self.begun));
        self.ask(on_done, async move {
            let objects = Object::all(&addresses, &access)?;
            let found = match (&*objects, &*addresses) {
                ([object], [address]) => {
                    let (known, answer) = object.look().await?.unzip();
                    let answer = answer.map(|answer| (address.clone(), answer));
                    *begun.lock().unwrap_or_else(PoisonError::into_inner) = answer;
                    vec![known]
                }
                _ => copyist_remote::probe(&objects).await?,
            };
            let objects = addresses.into_iter().zip(found);
            let there = objects.filter_map(|(address, known)| Some(BindingObject::of(address, known?))).collect();
            Ok(BindingAnswer { objects: Some(there), ..BindingAnswer::default() })
        })
    }

    /// Asks for the first bytes of an object.
    #[napi(catch_unwind)]
    pub fn start(&self, object: BindingObject, most: u32, on_done: Function<'_, (), ()>) -> napi::Result<()> {
        let (access, begun) = (self.access.clone(), Arc::clone(&self.begun));
        self.ask(on_done, async move {
            let mut opened = open(std::slice::from_ref(&object), &access, &begun)?;
            let Some(found) = opened.pop() else { return Ok(BindingAnswer::default()) };
            let (bytes, is_whole, known, answer) = found.start(most as usize).await?;
            *begun.lock().unwrap_or_else(PoisonError::into_inner) = Some((object.address.clone(), answer));
            let objects = Some(vec![BindingObject::of(object.address, known)]);
            let (bytes, is_whole) = (Some(bytes.into()), Some(is_whole));
            Ok(BindingAnswer { objects, bytes, is_whole, ..BindingAnswer::default() })
        })
    }

    /// Asks for the columns of an object that tells them. `mostHeld`: bytes that may be held of one whose server gives no parts.
    #[napi(catch_unwind)]
    pub fn schema(
        &self,
        format: String,
        object: BindingObject,
        most_held: f64,
        on_done: Function<'_, (), ()>,
    ) -> napi::Result<()> {
        let (access, stop) = (self.access.clone(), self.stop.clone());
        let (end, begun) = (Arc::clone(&self.end), Arc::clone(&self.begun));
        self.ask(on_done, async move {
            let work = move || {
                let Some(found) = open(std::slice::from_ref(&object), &access, &begun)?.pop() else {
                    return Ok(BindingAnswer::default());
                };
                let name = found.name();
                let mut reader = RemoteReader::new(found, &stop, most_held as u64);
                reader.keeps = Some((object.address, end));
                let source = Source::Remote(Remote::new(Box::new(reader), Arc::new(move || stop.stop())));
                let schema = schema::describe(&format, source, &name);
                Ok(BindingAnswer { schema: Some(schema), ..BindingAnswer::default() })
            };
            blocking(work).await
        })
    }

    /// Writes objects into files, which it makes, and answers what is known of them.
    #[napi(catch_unwind)]
    pub fn download(
        &self,
        objects: Vec<BindingObject>,
        paths: Vec<String>,
        on_done: Function<'_, (), ()>,
    ) -> napi::Result<()> {
        let (access, stop, begun) = (self.access.clone(), self.stop.clone(), Arc::clone(&self.begun));
        self.ask(on_done, async move {
            let found = blocking(move || {
                let opened = open(&objects, &access, &begun)?;
                download(opened, &objects, &paths, &stop)
            })
            .await?;
            Ok(BindingAnswer { objects: Some(found), ..BindingAnswer::default() })
        })
    }

    /// The answer, once.
    #[napi(catch_unwind)]
    pub fn take_answer(&self) -> BindingAnswer {
        self.lock().take().unwrap_or_default()
    }

    /// Ends what was asked, and every load that reads from it.
    #[napi(catch_unwind)]
    pub fn cancel(&self) {
        self.stop.stop();
    }
}

impl BindingStore {
    fn lock(&self) -> MutexGuard<'_, Option<BindingAnswer>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask<F>(&self, on_done: Function<'_, (), ()>, question: F) -> napi::Result<()>
    where
        F: Future<Output = Result<BindingAnswer, Box<DataError>>> + Send + 'static,
    {
        let on_done: Done = on_done.build_threadsafe_function::<()>().build()?;
        let (answer, stop) = (Arc::clone(&self.answer), self.stop.clone());
        let started = copyist_remote::spawn(async move {
            let cancelled = || DataError::new(ErrorCode::QueryCanceled, "COPY was cancelled");
            let found = tokio::select! {
                biased;
                () = stop.stopped() => Err(cancelled()),
                found = copyist_remote::caught(question) => found,
            };
            let told = found.unwrap_or_else(|error| BindingAnswer {
                failure: Some(Failure::whole(error).into()),
                ..BindingAnswer::default()
            });
            *answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
            on_done.call((), ThreadsafeFunctionCallMode::NonBlocking);
        });
        started.map(drop).map_err(|error| napi::Error::new(Status::GenericFailure, error.to_string()))
    }

    /// The inputs of a load. They all stop together.
    pub fn inputs(
        &self,
        specification: &BindingSpecification,
        objects: &[BindingObject],
    ) -> Result<Vec<Input>, Failure> {
        let stop = Stop::default();
        let stopper = stop.clone();
        let told: Arc<dyn Fn() + Send + Sync> = Arc::new(move || stopper.stop());
        let opened = open(objects, &self.access, &self.begun).map_err(Failure::whole)?;
        let mut known = self.end.lock().unwrap_or_else(PoisonError::into_inner).take();
        let input = |(object, BindingObject { address, .. }): (Object, &BindingObject)| {
            let name = object.name();
            let mut reader = RemoteReader::new(object, &stop, specification.most_held as u64);
            reader.end = known.take_if(|(of, _)| of == address).map(|(_, end)| end);
            specification.input(&name, Source::Remote(Remote::new(Box::new(reader), Arc::clone(&told))))
        };
        Ok(opened.into_iter().zip(objects).map(input).collect())
    }
}

/// Does what waits for other threads, away from those that serve sockets.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Box<DataError>> + Send + 'static,
) -> Result<T, Box<DataError>> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn open(objects: &[BindingObject], access: &Access, begun: &Looked) -> Result<Vec<Object>, Box<DataError>> {
    let addresses: Vec<String> = objects.iter().map(|object| object.address.clone()).collect();
    let opened = Object::all(&addresses, access)?.into_iter().zip(objects);
    let mut begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
    begun.take_if(|(of, _)| !addresses.contains(of));
    Ok(opened
        .map(|(object, given)| {
            let object = match &*begun {
                Some((of, answer)) if *of == given.address => object.begun(answer.clone()),
                _ => object,
            };
            match given.known() {
                Some(known) => object.known(known),
                None => object,
            }
        })
        .collect())
}

fn download(
    opened: Vec<Object>,
    objects: &[BindingObject],
    paths: &[String],
    stop: &Stop,
) -> Result<Vec<BindingObject>, Box<DataError>> {
    let mut found = Vec::with_capacity(objects.len());
    let named = opened.into_iter().map(|object| (object.name(), Reader::new(object, stop)));
    let mut readers: VecDeque<(String, Reader)> = named.collect();
    for (given, path) in objects.iter().zip(paths) {
        let Some((name, mut reader)) = readers.pop_front() else { break };
        let next = readers.iter_mut().map(|(_, reader)| reader).take(PREPARED);
        for reader in std::iter::once(&mut reader).chain(next) {
            // What is wrong is told when it is read.
            drop(reader.begin());
        }
        let unwritten = |error: &io::Error| {
            let folder = std::env::temp_dir();
            let message = format!("could not write a temporary file in \"{}\": {error}", folder.display());
            DataError::new(ErrorCode::IoError, message)
                .with_hint("Set TMPDIR to a folder with more room, or create the table first.")
        };
        let mut file = File::create_new(path).map_err(|error| unwritten(&error))?;
        let mut buffer = vec![0; 256 << 10];
        loop {
            let size = reader.read(&mut buffer).map_err(|error| Failure::of_io(&error, &name).error)?;
            if size == 0 {
                break;
            }
            io::Write::write_all(&mut file, &buffer[..size]).map_err(|error| unwritten(&error))?;
        }
        let known = reader.known().map_err(|error| Failure::of_io(&error, &name).error)?.unwrap_or_default();
        found.push(BindingObject::of(given.address.clone(), known));
    }
    Ok(found)
}

struct RemoteReader {
    object: Object,
    reader: Reader,
    stop: Stop,
    /// Bytes of an object that may be held where it cannot be read by parts.
    most_held: u64,
    /// Its end, where that is known.
    end: Option<End>,
    /// Where that is to be kept.
    keeps: Option<(String, KnownEnd)>,
}

impl RemoteReader {
    fn new(object: Object, stop: &Stop, most_held: u64) -> Self {
        let reader = Reader::new(object.clone(), stop);
        Self { reader, object, stop: stop.clone(), most_held, end: None, keeps: None }
    }
}

impl Read for RemoteReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.reader.read(into)
    }
}

impl ReadRemote for RemoteReader {
    fn prepare(&mut self) {
        // What is wrong is told when it is read.
        drop(self.reader.begin());
    }

    fn about(&mut self) -> io::Result<About> {
        Ok(self.reader.known()?.map(about).unwrap_or_default())
    }

    fn in_any_order(self: Box<Self>) -> Result<Arc<dyn RandomAccess>, Box<DataError>> {
        let Self { object, stop, most_held, end, keeps, .. } = *self;
        let ranges = match end {
            Some(end) => Ranges::of(&object, &stop, end),
            None => Ranges::open(&object, &stop, most_held)?,
        };
        if let Some((address, kept)) = keeps {
            kept.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| (address, ranges.end()));
        }
        Ok(Arc::new(RemoteRanges(ranges)))
    }
}

struct RemoteRanges(Ranges);

impl RandomAccess for RemoteRanges {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.0.read_at(at, into)
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn expect(&self, soon: &[Range<u64>], later: &[Range<u64>]) {
        self.0.expect(soon, later);
    }

    fn about(&self) -> io::Result<About> {
        Ok(about(self.0.known()))
    }
}

/// What is known of an object, for columns that hold it.
fn about(Known { size, etag, modified }: Known) -> About {
    let tag = etag.as_deref().map(unquoted);
    About { size: (size != u64::MAX).then_some(size), modified: modified.and_then(micros_of), tag }
}
