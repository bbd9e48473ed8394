//! Objects of other machines, and the credentials that JavaScript gives for them.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use copyist_core::DataError;
use copyist_remote::{Access, Object, Provide, Ranges, Reader, Secret, Stop};
use copyist_transcode::columnar::RandomAccess;
use copyist_transcode::{Failure, Input, ReadRemote, Remote, Source};
use napi_derive::napi;
use tokio::sync::oneshot;

use crate::specification::BindingSpecification;

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

/// Those who wait for a secret.
#[derive(Clone, Default)]
pub struct Waiting(Arc<Mutex<Vec<Answer>>>);

impl Waiting {
    /// Asks by `ask`, once for all who wait.
    pub fn provide(&self, ask: impl Fn() + Send + Sync + 'static) -> Provide {
        let waiting = self.clone();
        Arc::new(move || {
            let (sender, receiver) = oneshot::channel();
            let mut all = waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(sender);
            let is_first = all.len() == 1;
            drop(all);
            if is_first {
                ask();
            }
            Box::pin(async move { receiver.await.unwrap_or_else(|_| Err("the load has ended".to_owned())) })
        })
    }

    /// Answers all who wait.
    pub fn answer(&self, secret: BindingSecret) {
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
        for sender in self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            drop(sender.send(answer.clone()));
        }
    }
}

fn pair(pair: Vec<String>) -> Option<(String, String)> {
    let [name, value] = <[String; 2]>::try_from(pair).ok()?;
    Some((name, value))
}

impl BindingAccess {
    pub fn access(&self, provide: Provide) -> Access {
        Access {
            region: self.region.clone(),
            endpoint: self.endpoint.clone(),
            virtual_hosted: self.virtual_hosted,
            account: self.account.clone(),
            credentials: self.is_signed.then_some(provide),
            max_retries: self.max_retries.map(|most| most as usize),
            retry_timeout: self.retry_timeout_ms.map(|ms| Duration::from_millis(ms.max(0.0) as u64)),
        }
    }
}

struct RemoteReader {
    object: Object,
    reader: Reader,
    stop: Stop,
    /// Bytes of an object that may be held where it cannot be read by parts.
    most_held: u64,
}

impl RemoteReader {
    fn new(object: Object, stop: &Stop, most_held: u64) -> Self {
        Self { reader: Reader::new(object.clone(), stop), object, stop: stop.clone(), most_held }
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

    fn in_any_order(self: Box<Self>) -> Result<Arc<dyn RandomAccess>, Box<DataError>> {
        let ranges = Ranges::open(&self.object, &self.stop, self.most_held)?;
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

    fn expect(&self, soon: &[Range<u64>], later: &[Range<u64>]) {
        self.0.expect(soon, later);
    }
}

/// An object as a source that can also be read in any order.
pub fn source(object: Object, stop: &Stop, most_held: u64) -> Source {
    let stopper = stop.clone();
    let reader = Box::new(RemoteReader::new(object, stop, most_held));
    Source::Remote(Remote::new(reader, Arc::new(move || stopper.stop())))
}

/// The inputs of a load. They all stop together.
pub fn inputs(
    specification: &BindingSpecification,
    addresses: &[String],
    access: &Access,
) -> Result<Vec<Input>, Failure> {
    let stop = Stop::default();
    let input = |object: Object| {
        let name = object.name().to_owned();
        specification.input(&name, source(object, &stop, specification.most_held as u64))
    };
    let objects = Object::all(addresses, access).map_err(Failure::whole)?;
    Ok(objects.into_iter().map(input).collect())
}
