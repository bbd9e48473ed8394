//! One object, read exactly: every part of it is of the version that the first answer was of.

mod ranges;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use copyist_core::DataError;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, ObjectMeta, ObjectStore};
use tokio::sync::mpsc::Sender;

pub use ranges::Ranges;

use crate::failure::{changed, of_store, shown, unexpected};
use crate::place::{Access, Place, Scheme};

/// Bytes asked for at a time, and how many such parts at once: about as much is held.
const PART: u64 = 4 << 20;
const PARTS: usize = 4;

/// An object of a store.
#[derive(Clone)]
pub struct Object {
    store: Arc<dyn ObjectStore>,
    path: Path,
    address: String,
}

/// An object that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name in the bucket.
    pub key: String,
    pub size: u64,
    pub etag: Option<String>,
}

/// What tells one version of an object from another.
#[derive(Clone)]
struct Version {
    etag: Option<String>,
    version: Option<String>,
    size: u64,
}

impl Version {
    fn of(meta: &ObjectMeta) -> Self {
        // A weak tag may be that of other bytes, and cannot be asked for.
        let etag = meta.e_tag.clone().filter(|etag| !etag.starts_with("W/"));
        Self { etag, version: meta.version.clone(), size: meta.size }
    }

    fn is_pinned(&self) -> bool {
        self.etag.is_some()
    }

    fn options(&self, range: Option<Range<u64>>) -> GetOptions {
        GetOptions {
            range: range.map(GetRange::Bounded),
            if_match: self.etag.clone(),
            version: self.version.clone(),
            ..GetOptions::default()
        }
    }

    fn check(&self, meta: &ObjectMeta, address: &str) -> Result<(), Box<DataError>> {
        let other = Self::of(meta);
        if other.etag == self.etag && other.size == self.size { Ok(()) } else { Err(changed(address)) }
    }
}

impl Object {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// When the address is none that can be asked.
    pub fn new(address: &str, access: &Access) -> Result<Self, Box<DataError>> {
        let place = Place::parse(address).ok_or_else(|| unexpected(address, "its scheme is not known"))?;
        let (store, path) = place.open(access, address)?;
        Ok(Self { store, path, address: address.to_owned() })
    }

    /// Objects of one load: those of one bucket share its connections and credentials.
    ///
    /// # Errors
    /// As [`Object::new`].
    pub fn all(addresses: &[String], access: &Access) -> Result<Vec<Self>, Box<DataError>> {
        let mut buckets: HashMap<(Scheme, Option<String>, String), Self> = HashMap::new();
        let open = |address: &String| {
            let unknown = || unexpected(address, "its scheme is not known");
            let place = Place::parse(address).ok_or_else(unknown)?;
            // An address of HTTP is a store of its own.
            let bucket = (place.scheme, place.account.clone(), place.bucket.clone());
            if let Some(other) = buckets.get(&bucket) {
                let (store, path) = (Arc::clone(&other.store), place.path(address)?);
                return Ok(Self { store, path, address: address.clone() });
            }
            let object = Self::new(address, access)?;
            buckets.insert(bucket, object.clone());
            Ok(object)
        };
        addresses.iter().map(open).collect()
    }

    /// The address without a signature.
    #[must_use]
    pub fn name(&self) -> &str {
        shown(&self.address)
    }

    /// Sends all of it. Stops when nobody listens.
    pub(crate) async fn send(&self, parts: &Sender<Bytes>) -> Result<(), Box<DataError>> {
        let refused = |error: Error| of_store(&error, &self.address);
        let first = self.store.get_opts(&self.path, GetOptions::default()).await.map_err(refused)?;
        let version = Version::of(&first.meta);
        if first.range != (0..version.size) {
            return Err(unexpected(&self.address, "the answer is a part of it, which nobody has asked for"));
        }
        // What cannot be pinned to a version is read in one piece, which is of one.
        let is_split = version.size > 2 * PART && version.is_pinned();
        let mut got = 0;
        let mut body = first.into_stream();
        while let Some(part) = body.try_next().await.map_err(refused)? {
            got += part.len() as u64;
            if parts.send(part).await.is_err() {
                return Ok(());
            }
            if is_split && got >= PART {
                break;
            }
        }
        drop(body);
        if is_split {
            return self.send_ranges(got, &version, parts).await;
        }
        self.check_length(got, version.size)
    }

    fn check_length(&self, got: u64, size: u64) -> Result<(), Box<DataError>> {
        if got == size {
            return Ok(());
        }
        Err(unexpected(&self.address, &format!("{got} bytes have come, and {size} were announced")))
    }

    async fn send_ranges(&self, from: u64, version: &Version, parts: &Sender<Bytes>) -> Result<(), Box<DataError>> {
        let size = version.size;
        let starts = (0..(size - from).div_ceil(PART)).map(|index| from + index * PART);
        let mut asked =
            stream::iter(starts).map(|start| self.range(start..size.min(start + PART), version)).buffered(PARTS);
        let mut at = from;
        while let Some(answer) = asked.next().await {
            match answer? {
                Some(part) => {
                    at += part.len() as u64;
                    if parts.send(part).await.is_err() {
                        return Ok(());
                    }
                }
                // A server that does not know of ranges.
                None => {
                    drop(asked);
                    return self.send_rest(at, version, parts).await;
                }
            }
        }
        self.check_length(at, size)
    }

    /// A part of it; None where the server does not give parts.
    async fn range(&self, range: Range<u64>, version: &Version) -> Result<Option<Bytes>, Box<DataError>> {
        let refused = |error: Error| of_store(&error, &self.address);
        let answer = match self.store.get_opts(&self.path, version.options(Some(range.clone()))).await {
            Ok(answer) => answer,
            Err(Error::NotSupported { .. }) => return Ok(None),
            Err(error) => return Err(refused(error)),
        };
        version.check(&answer.meta, &self.address)?;
        if answer.range != range {
            return Err(unexpected(&self.address, "the answer is another part of it than was asked for"));
        }
        let bytes = answer.bytes().await.map_err(refused)?;
        self.check_length(bytes.len() as u64, range.end - range.start)?;
        Ok(Some(bytes))
    }

    /// All of it once more, of which the first bytes are passed over.
    async fn send_rest(&self, from: u64, version: &Version, parts: &Sender<Bytes>) -> Result<(), Box<DataError>> {
        let refused = |error: Error| of_store(&error, &self.address);
        let answer = self.store.get_opts(&self.path, version.options(None)).await.map_err(refused)?;
        version.check(&answer.meta, &self.address)?;
        let mut body = answer.into_stream();
        let mut got = 0;
        while let Some(mut part) = body.try_next().await.map_err(refused)? {
            let end = got + part.len() as u64;
            if end > from {
                let rest = part.split_off(from.saturating_sub(got) as usize);
                if parts.send(rest).await.is_err() {
                    return Ok(());
                }
            }
            got = end;
        }
        self.check_length(got, version.size)
    }
}

/// The objects whose names begin with the key of an address, as a path or up to any character, in the order of their names' bytes.
///
/// # Errors
/// When the store refuses it.
pub fn list(address: &str, access: &Access) -> Result<Vec<Listed>, Box<DataError>> {
    let place = Place::parse(address).ok_or_else(|| unexpected(address, "its scheme is not known"))?;
    // Stores list folders: the last part of the prefix is compared here.
    let folder = place.key.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let (store, path) = Place { key: folder, ..place.clone() }.open(access, address)?;
    let runtime = crate::runtime().map_err(|error| unexpected(address, &error.to_string()))?;
    let prefix = (!path.as_ref().is_empty()).then_some(&path);
    let found: Result<Vec<ObjectMeta>, Error> = runtime.block_on(store.list(prefix).try_collect());
    let mut listed: Vec<Listed> = found
        .map_err(|error| of_store(&error, address))?
        .into_iter()
        .map(|meta| Listed { key: meta.location.to_string(), size: meta.size, etag: meta.e_tag })
        .filter(|object| object.key.starts_with(&place.key))
        .collect();
    listed.sort_by(|a, b| a.key.cmp(&b.key));
    // An empty page in between, or one that comes twice, must not make an object two.
    listed.dedup_by(|a, b| a.key == b.key);
    Ok(listed)
}
