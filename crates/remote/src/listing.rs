//! The objects that an address means where it names no single one.

use std::collections::{BTreeMap, HashSet};

use copyist_core::{DataError, ErrorCode};
use copyist_store::Glob;
use object_store::list::{PaginatedListOptions, PaginatedListResult};

use crate::client::Page;
use crate::credentials::renewing;
use crate::failure::{not_askable, of_store, shown, too_long, unexpected};
use crate::object::{Known, modified};
use crate::place::{Access, Place, Scheme, Store, unaskable};

/// Pages in a row that may bring nothing new.
const IDLE_PAGES: usize = 16;
/// Bytes of names, where nobody says how many.
const MOST_LISTED: u64 = 64 << 20;

/// An object that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub address: String,
    pub known: Known,
}

/// Objects in the order of their names' bytes: those that `pattern` means below the folder of an address, or all that are in it at any depth. A
/// wildcard does not stand for a dot at the beginning of a name, and without a pattern names that begin with a dot or an underscore are passed
/// over, as in folders of this machine; so are objects without a byte, which stand for folders, where there are others.
///
/// # Errors
/// When the store refuses it, the pattern is broken, nothing is found, or an object is meant that cannot be asked for.
pub async fn list(folder: &str, pattern: Option<&str>, access: &Access) -> Result<Vec<Listed>, Box<DataError>> {
    let place = Place::parse(folder).ok_or_else(|| unexpected(folder, "its scheme is not known"))?;
    let glob = pattern.map(|pattern| {
        Glob::new(pattern).map_err(|reason| {
            DataError::new(ErrorCode::InvalidParameterValue, format!("invalid pattern \"{pattern}\": {reason}"))
        })
    });
    let glob = glob.transpose()?;
    let within = match &*place.key {
        "" => String::new(),
        key if key.ends_with('/') => key.to_owned(),
        key => format!("{key}/"),
    };
    let prefix = glob.as_ref().map_or_else(|| within.clone(), |glob| format!("{within}{}", glob.literal_prefix()));
    let is_meant = |key: &str| {
        let Some(name) = key.strip_prefix(&within) else { return false };
        match &glob {
            Some(glob) => glob.matches(name),
            None => !name.split('/').any(|part| part.starts_with(['.', '_'])),
        }
    };
    let store = place.open(access, folder)?;
    let base = &folder[..folder.len() - place.key.len()];
    let base = if base.ends_with('/') { base.to_owned() } else { format!("{base}/") };
    let most = access.most_listed.unwrap_or(MOST_LISTED);
    let found = pages(&store, folder, &prefix, most, |key| is_meant(key).then(|| format!("{base}{key}"))).await?;
    let has_bytes = found.values().any(|known| known.size > 0);
    if found.is_empty() {
        let message = match pattern {
            Some(pattern) => format!("no object below \"{}\" matches \"{pattern}\"", shown(folder)),
            None => format!("there is no object \"{}\", and none below it", shown(folder)),
        };
        return Err(DataError::new(ErrorCode::UndefinedFile, message));
    }
    let listed = found.into_iter().filter(|(_, known)| known.size > 0 || !has_bytes);
    Ok(listed.map(|(address, known)| Listed { address, known }).collect())
}

/// What is on all pages, by the addresses that `meant` gives to keys. A page that is empty or comes twice must neither end the list nor make an object two.
/// All that is kept of them has `most` bytes at most, but for a page.
async fn pages(
    store: &Store,
    address: &str,
    prefix: &str,
    most: u64,
    meant: impl Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, Known>, Box<DataError>> {
    let mut found = BTreeMap::new();
    // Pages are told by their first object: not every store sorts its lists.
    let mut seen = HashSet::new();
    let mut kept = 0;
    let mut idle = 0;
    let mut token = None;
    loop {
        let page = page(store, address, prefix, token).await?;
        let Page { first, unaskable: others } = page.result.extensions.get().cloned().unwrap_or_default();
        let first = first.filter(|first| !seen.contains(first));
        let is_new = first.is_some();
        kept += first.as_ref().map_or(0, String::len) as u64;
        seen.extend(first);
        if let Some((key, object)) = others.iter().find_map(|key| Some((key, meant(key)?))) {
            let why = unaskable(key).unwrap_or("its name begins or ends with a space, which its list does not keep");
            return Err(not_askable(&object, why));
        }
        for meta in page.result.objects {
            if let Some(object) = meant(meta.location.as_ref()) {
                // In other stores' lists they are not written as they are asked for.
                let modified = modified(&meta);
                let etag = meta.e_tag.filter(|tag| store.scheme == Scheme::S3 && tag.starts_with('"'));
                let size = object.len() + etag.as_ref().map_or(0, String::len);
                if found.insert(object, Known { size: meta.size, etag, modified }).is_none() {
                    kept += size as u64;
                }
            }
        }
        if kept > most {
            return Err(too_long(address, most));
        }
        idle = if is_new { 0 } else { idle + 1 };
        token = page.page_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(found);
        }
        if idle > IDLE_PAGES {
            return Err(unexpected(address, "its list goes on without end"));
        }
    }
}

async fn page(
    store: &Store,
    address: &str,
    prefix: &str,
    token: Option<String>,
) -> Result<PaginatedListResult, Box<DataError>> {
    let Some(pages) = &store.pages else {
        return Err(unexpected(address, "its server does not say what there is"));
    };
    let prefix = (!prefix.is_empty()).then_some(prefix);
    let ask = || pages.list_paginated(prefix, PaginatedListOptions { page_token: token.clone(), ..Default::default() });
    renewing(store.secrets.as_deref(), ask).await.map_err(|error| of_store(&error, address))
}
