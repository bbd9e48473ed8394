//! Addresses, and the stores behind them.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use copyist_core::{DataError, ErrorCode};
use http::Uri;
use object_store::aws::{AmazonS3Builder, AwsCredential};
use object_store::azure::{AzureAccessKey, AzureCredential, MicrosoftAzureBuilder};
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};
use object_store::http::HttpBuilder;
use object_store::list::PaginatedListStore;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};
use reqwest::Url;
use reqwest::header::HeaderValue;

use crate::client::{Connector, Net};
use crate::credentials::{Provide, Refreshing, Renew, Secret};
use crate::failure::{invalid, not_askable, of_store, shown};

/// Whose address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    S3,
    Google,
    Azure,
    Http,
}

/// An address in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub scheme: Scheme,
    /// Azure: the storage account, if the address says it.
    pub account: Option<String>,
    /// Azure: what stands behind the account, if anything does: its service, and whose cloud it is.
    pub cloud: Option<String>,
    /// The bucket or container; of HTTP the whole address.
    pub bucket: String,
    /// The name of the object, or what its name begins with.
    pub key: String,
}

/// How a store is reached.
#[derive(Clone, Default)]
pub struct Access {
    pub region: Option<String>,
    /// In place of the provider's own address.
    pub endpoint: Option<String>,
    /// S3: the bucket is part of the host name, not of the path.
    pub virtual_hosted: bool,
    pub account: Option<String>,
    /// Absent: nobody is asked, and requests are not signed. Of HTTP the bearer token counts.
    pub credentials: Option<Provide>,
    pub max_retries: Option<usize>,
    pub retry_timeout: Option<Duration>,
    /// Whether what is read is brotli, also where its name does not end in `.br`.
    pub is_brotli: bool,
    /// Bytes that are asked for at a time; a few times as much is held.
    pub part: Option<u64>,
    /// Bytes that the names in a list may have.
    pub most_listed: Option<u64>,
    /// Connections, and where they may lead.
    pub net: Net,
}

/// A store as it is used.
#[derive(Clone)]
pub(crate) struct Store {
    pub objects: Arc<dyn ObjectStore>,
    /// Absent: it cannot be listed.
    pub pages: Option<Arc<dyn PaginatedListStore>>,
    /// Who has its credentials, if it has any.
    pub secrets: Option<Arc<dyn Renew>>,
    pub scheme: Scheme,
    pub part: u64,
    pub retries: usize,
    pub retry_timeout: Duration,
}

impl Place {
    /// Reads an address; None where it is none of these schemes'.
    #[must_use]
    pub fn parse(address: &str) -> Option<Self> {
        let (scheme, rest) = address.split_once("://")?;
        let (host, key) = rest.split_once('/').unwrap_or((rest, ""));
        let of = |scheme, server: Option<&str>, bucket: &str| Self {
            scheme,
            account: server.map(|server| server.split_once('.').map_or(server, |(account, _)| account).to_owned()),
            cloud: server.and_then(|server| Some(server.split_once('.')?.1.to_ascii_lowercase())),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        };
        Some(match &*scheme.to_ascii_lowercase() {
            "s3" | "s3a" | "s3n" => of(Scheme::S3, None, host),
            "gs" | "gcs" => of(Scheme::Google, None, host),
            "az" | "azure" | "adl" | "abfs" | "abfss" | "wasb" | "wasbs" => match host.split_once('@') {
                Some((container, server)) => of(Scheme::Azure, Some(server), container),
                None => of(Scheme::Azure, None, host),
            },
            "http" | "https" => Self { bucket: address.to_owned(), key: String::new(), ..of(Scheme::Http, None, "") },
            _ => return None,
        })
    }

    /// The path of the object in its store.
    pub(crate) fn path(&self, address: &str) -> Result<Path, Box<DataError>> {
        let is_named = self.scheme != Scheme::Http && !self.key.is_empty();
        if let Some(why) = unaskable(&self.key).filter(|_| is_named) {
            return Err(not_askable(address, why));
        }
        Path::parse(&self.key).map_err(|error| not_askable(address, &error.to_string()))
    }

    /// Names that would change the address they become a part of.
    fn check(&self, access: &Access, address: &str) -> Result<(), Box<DataError>> {
        if self.scheme == Scheme::Http {
            return Ok(());
        }
        let is_plain = |text: &str, more: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        if !is_plain(&self.bucket, "-._$") || self.bucket.starts_with('.') {
            let what =
                if self.bucket.contains('@') { "has credentials in it" } else { "has no bucket of a valid name" };
            return Err(
                invalid(address, what).with_hint("Credentials belong to a connection: connect(…, { connections }).")
            );
        }
        if let Some(endpoint) = access.endpoint.as_ref().filter(|endpoint| !is_server(endpoint)) {
            let message = format!("the endpoint \"{}\" is no URL of a server", shown(endpoint));
            return Err(DataError::new(ErrorCode::InvalidParameterValue, message)
                .with_hint("Write it with its scheme: https://host, or http://host:port where nothing is encrypted."));
        }
        if access.region.as_deref().is_some_and(|region| !is_plain(region, "-")) {
            return Err(invalid(address, "is in a region whose name is none"));
        }
        if let Some(cloud) = &self.cloud
            && azure_cloud(cloud).is_none()
        {
            let message = format!("is on a server that is none of Azure's: .{cloud}");
            let hint = format!(
                "Write abfss://container@account.dfs.SUFFIX/path with one of {}; for any other server give the connection an endpoint.",
                AZURE_CLOUDS.join(", ")
            );
            return Err(invalid(address, &message).with_hint(hint));
        }
        match self.account.as_ref().or(access.account.as_ref()) {
            Some(account) if self.scheme == Scheme::Azure && !is_plain(account, "-") => {
                Err(invalid(address, "has no storage account of a valid name"))
            }
            _ => Ok(()),
        }
    }

    /// The store, of which nothing is asked yet.
    ///
    /// # Errors
    /// When something is missing or cannot be.
    pub(crate) fn open(&self, access: &Access, address: &str) -> Result<Store, Box<DataError>> {
        self.check(access, address)?;
        let max_retries = access.max_retries.unwrap_or(MOST_RETRIES);
        let retry_timeout = access.retry_timeout.unwrap_or(RETRY_TIMEOUT);
        let backoff = BackoffConfig { init_backoff: FIRST_PAUSE, max_backoff: LONGEST_PAUSE, base: 3.0 };
        let retry = RetryConfig { max_retries, retry_timeout, backoff };
        // Without encryption only what was named so.
        let target = access.endpoint.as_deref().unwrap_or_default();
        let target = if self.scheme == Scheme::Http { &self.bucket } else { target };
        let allows_http = target.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("http://"));
        let region = access.region.as_deref().unwrap_or("us-east-1");
        let connector = Connector {
            net: access.net.clone(),
            scheme: self.scheme,
            allows_http,
            authorization: None,
            tokens: None,
            is_brotli: access.is_brotli,
            region: region.to_owned(),
            patience: retry_timeout,
        };
        let provide = access.credentials.as_ref();
        let opened = match self.scheme {
            Scheme::S3 => {
                let mut builder = AmazonS3Builder::new()
                    .with_bucket_name(&self.bucket)
                    .with_region(region)
                    .with_virtual_hosted_style_request(access.virtual_hosted)
                    .with_allow_http(allows_http)
                    .with_retry(retry)
                    .with_http_connector(connector);
                if let Some(endpoint) = &access.endpoint {
                    builder = builder.with_endpoint(endpoint);
                }
                let secrets = provide.map(|provide| Refreshing::new(Arc::clone(provide), aws));
                builder = match &secrets {
                    Some(secrets) => builder.with_credentials(Arc::clone(secrets) as _),
                    None => builder.with_skip_signature(true),
                };
                builder.build().map(|store| self.store(store, secrets.map(|secrets| secrets as _), access))
            }
            Scheme::Google => {
                let mut builder = GoogleCloudStorageBuilder::new()
                    .with_bucket_name(&self.bucket)
                    .with_retry(retry)
                    .with_http_connector(connector);
                if let Some(endpoint) = &access.endpoint {
                    builder = builder.with_base_url(endpoint);
                }
                let secrets = provide.map(|provide| Refreshing::new(Arc::clone(provide), google));
                builder = match &secrets {
                    Some(secrets) => builder.with_credentials(Arc::clone(secrets) as _),
                    None => builder.with_skip_signature(true),
                };
                builder.build().map(|store| self.store(store, secrets.map(|secrets| secrets as _), access))
            }
            Scheme::Azure => {
                let Some(account) = self.account.as_ref().or(access.account.as_ref()) else {
                    let hint =
                        "Write abfss://container@account.dfs.core.windows.net/path, or name it in the connection.";
                    return Err(invalid(address, "does not say the storage account").with_hint(hint));
                };
                let mut builder = MicrosoftAzureBuilder::new()
                    .with_account(account)
                    .with_container_name(&self.bucket)
                    .with_retry(retry)
                    .with_allow_http(allows_http)
                    .with_http_connector(connector);
                if let Some(endpoint) = access.endpoint.clone().or_else(|| self.azure_endpoint(account)) {
                    builder = builder.with_endpoint(endpoint);
                }
                let secrets = provide.map(|provide| Refreshing::new(Arc::clone(provide), azure));
                builder = match &secrets {
                    Some(secrets) => builder.with_credentials(Arc::clone(secrets) as _),
                    None => builder.with_skip_signature(true),
                };
                builder.build().map(|store| self.store(store, secrets.map(|secrets| secrets as _), access))
            }
            // The address whole, its query included, is the store, and the object is right there.
            Scheme::Http => {
                let (url, authorization) = self.web_address(address)?;
                // Who is in the address comes first.
                let provide = provide.filter(|_| authorization.is_none());
                let tokens = provide.map(|provide| Refreshing::new(Arc::clone(provide), web));
                let secrets = tokens.clone().map(|tokens| tokens as Arc<dyn Renew>);
                let store = HttpBuilder::new()
                    .with_url(url)
                    .with_retry(retry)
                    .with_http_connector(Connector { authorization, tokens, ..connector })
                    .build();
                store.map(|store| Store {
                    objects: Arc::new(store),
                    pages: None,
                    secrets,
                    scheme: self.scheme,
                    part: access.part.unwrap_or(PART),
                    retries: max_retries,
                    retry_timeout,
                })
            }
        };
        opened.map_err(|error| of_store(&error, address))
    }

    /// An account of another cloud is another account.
    fn azure_endpoint(&self, account: &str) -> Option<String> {
        let cloud = azure_cloud(self.cloud.as_deref()?)?;
        Some(format!("https://{account}.blob.{cloud}"))
    }

    fn store(
        &self,
        store: impl ObjectStore + PaginatedListStore,
        secrets: Option<Arc<dyn Renew>>,
        access: &Access,
    ) -> Store {
        let store = Arc::new(store);
        Store {
            objects: Arc::clone(&store) as _,
            pages: Some(store),
            secrets,
            scheme: self.scheme,
            part: access.part.unwrap_or(PART),
            retries: access.max_retries.unwrap_or(MOST_RETRIES),
            retry_timeout: access.retry_timeout.unwrap_or(RETRY_TIMEOUT),
        }
    }

    /// The URL without a user and a password, which go into a header.
    fn web_address(&self, address: &str) -> Result<(Url, Option<HeaderValue>), Box<DataError>> {
        // A browser takes one for a slash there, and whoever reads the address sees another server than the one that is asked.
        let server = self.bucket.split_once("://").map_or("", |(_, rest)| rest).split(['/', '?', '#']).next();
        if server.is_some_and(|server| server.contains('\\')) {
            return Err(
                invalid(address, "has a backslash before its path").with_hint("Write %5C for one of a password.")
            );
        }
        // It would be asked for without them.
        if self.bucket.contains(|c: char| c.is_control()) || self.bucket.trim() != self.bucket {
            return Err(invalid(address, "has a control character in it, or a space at its end")
                .with_hint("Write what belongs to it with a percent sign: %09 for a tab, %20 for a space."));
        }
        let mut url: Url = self.bucket.parse().map_err(|_| invalid(address, "is no URL"))?;
        url.set_fragment(None);
        let has_user = !url.username().is_empty() || url.password().is_some();
        let given = has_user.then(|| {
            let decoded = |text: &str| percent_decoded(text);
            let user = [&*decoded(url.username()), b":", &decoded(url.password().unwrap_or_default())].concat();
            format!("Basic {}", BASE64_STANDARD.encode(user))
        });
        if has_user && (url.set_username("").is_err() || url.set_password(None).is_err()) {
            return Err(invalid(address, "is no URL"));
        }
        if url.as_str().parse::<Uri>().is_err() {
            return Err(invalid(address, "is no URL that can be asked for"));
        }
        let header = |text: String| hidden(&text).ok_or_else(|| invalid(address, "has a password that is none"));
        Ok((url, given.map(header).transpose()?))
    }
}

/// Why no object can be asked for by a name; None if one can.
pub(crate) fn unaskable(key: &str) -> Option<&'static str> {
    let mut parts = key.split('/');
    if key.starts_with('/') {
        Some("its name begins with a slash")
    } else if key.ends_with('/') {
        Some("its name ends with a slash")
    } else if parts.clone().any(str::is_empty) {
        Some("its name has two slashes in a row")
    } else if parts.any(|part| matches!(part, "." | "..")) {
        Some("a part of its name is . or ..")
    } else if key.chars().any(|c| c.is_ascii_control()) {
        Some("its name has a control character, such as a line end")
    } else if key.len() > MOST_NAME {
        Some("its name is longer than those of any store")
    } else {
        None
    }
}

/// Bytes of an object's name: Azure's are 1024 characters, those of others 1024 bytes.
const MOST_NAME: usize = 4096;

/// Whether requests can be made to a server of this URL.
fn is_server(endpoint: &str) -> bool {
    let has_scheme = ["http://", "https://"]
        .iter()
        .any(|scheme| endpoint.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    // Of each of those who read it.
    has_scheme && Url::parse(endpoint).is_ok_and(|url| url.has_host()) && endpoint.parse::<Uri>().is_ok()
}

/// The clouds of Azure, behind an account and its service.
const AZURE_CLOUDS: [&str; 3] = ["core.windows.net", "core.chinacloudapi.cn", "core.usgovcloudapi.net"];

/// The cloud that `blob.core.windows.net` and its like are of; None where they are none.
fn azure_cloud(server: &str) -> Option<&'static str> {
    let (service, suffix) = server.split_once('.')?;
    if !matches!(service, "blob" | "dfs") {
        return None;
    }
    AZURE_CLOUDS.into_iter().find(|cloud| *cloud == suffix)
}

pub(crate) fn percent_decoded(text: &str) -> Vec<u8> {
    percent_decoding(text).map(|(_, byte)| byte).collect()
}

/// The bytes that a text means by its percent signs, and where each is written.
pub(crate) fn percent_decoding(text: &str) -> impl Iterator<Item = (Range<usize>, u8)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (start, byte) = (at, *text.as_bytes().get(at)?);
        let hex = text.get(at + 1..at + 3).filter(|_| byte == b'%');
        let meant = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        at += if meant.is_some() { 3 } else { 1 };
        Some((start..at, meant.unwrap_or(byte)))
    })
}

/// Bytes asked for at a time, where nobody says it.
const PART: u64 = 4 << 20;
const MOST_RETRIES: usize = 8;
/// From when on a request is not made again. It bounds how long a server may say nothing; one that is busy is asked for some ten seconds, since
/// each pause is drawn between the first one and three times the one before.
const RETRY_TIMEOUT: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What goes into a header as it is: a line end there would be no part of a request.
fn sendable<'a>(text: &'a str, what: &str) -> Result<&'a str, String> {
    let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    is_plain.then_some(text).ok_or_else(|| format!("{what} has a line end, or another character that cannot be sent"))
}

fn bearer(secret: &Secret) -> Option<Result<String, String>> {
    let bearer = secret.bearer.as_deref()?;
    Some(sendable(bearer, "the bearer token").map(str::to_owned))
}

fn aws(secret: &Secret) -> Result<AwsCredential, String> {
    sendable(&secret.access_key_id, "the access key's ID")?;
    sendable(secret.session_token.as_deref().unwrap_or_default(), "the session token")?;
    Ok(AwsCredential {
        key_id: secret.access_key_id.clone(),
        secret_key: secret.secret_access_key.clone(),
        token: secret.session_token.clone(),
    })
}

fn google(secret: &Secret) -> Result<GcpCredential, String> {
    let bearer = bearer(secret).ok_or("the connection gives no bearer token")??;
    Ok(GcpCredential { bearer })
}

fn web(secret: &Secret) -> Result<HeaderValue, String> {
    let bearer = bearer(secret).ok_or("the connection gives no bearer token")??;
    hidden(&format!("Bearer {bearer}")).ok_or_else(|| "the connection's bearer token cannot be sent".to_owned())
}

/// The value of a header that is not to be seen.
fn hidden(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn azure(secret: &Secret) -> Result<AzureCredential, String> {
    if let Some(key) = &secret.account_key {
        let key = AzureAccessKey::try_new(key).map_err(|_| "the account's key is not base64".to_owned())?;
        return Ok(AzureCredential::AccessKey(key));
    }
    if let Some(pairs) = &secret.signature {
        return Ok(AzureCredential::SASToken(pairs.clone()));
    }
    let bearer = bearer(secret).ok_or("the connection gives neither a key, a signature nor a bearer token")??;
    Ok(AzureCredential::BearerToken(bearer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_azure_address_says_whose_cloud_it_is() {
        let endpoint = |address: &str| Place::parse(address).and_then(|place| place.azure_endpoint("acc"));
        for (server, expected) in [
            ("acc.dfs.core.windows.net", Some("https://acc.blob.core.windows.net")),
            ("acc.blob.core.chinacloudapi.cn", Some("https://acc.blob.core.chinacloudapi.cn")),
            ("acc.DFS.core.usgovcloudapi.net", Some("https://acc.blob.core.usgovcloudapi.net")),
            ("acc", None),
            ("acc.dfs.core.evil.net", None),
        ] {
            assert_eq!(endpoint(&format!("abfss://c@{server}/k")).as_deref(), expected, "{server}");
        }
        assert_eq!(endpoint("az://c/k"), None);
    }
}
