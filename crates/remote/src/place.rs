//! Addresses, and the stores behind them.

use std::sync::Arc;
use std::time::Duration;

use copyist_core::{DataError, ErrorCode};
use object_store::aws::{AmazonS3Builder, AwsCredential};
use object_store::azure::{AzureAccessKey, AzureCredential, MicrosoftAzureBuilder};
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, RetryConfig};

use crate::credentials::{Provide, Refreshing, Secret};
use crate::failure::{of_store, shown};

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
    /// Absent: nobody is asked, and requests are not signed.
    pub credentials: Option<Provide>,
    pub max_retries: Option<usize>,
    pub retry_timeout: Option<Duration>,
}

impl Place {
    /// Reads an address; None where it is none of these schemes'.
    #[must_use]
    pub fn parse(address: &str) -> Option<Self> {
        let (scheme, rest) = address.split_once("://")?;
        let (host, key) = rest.split_once('/').unwrap_or((rest, ""));
        let of = |scheme, account: Option<&str>, bucket: &str| Self {
            scheme,
            account: account.map(str::to_owned),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        };
        Some(match &*scheme.to_ascii_lowercase() {
            "s3" | "s3a" | "s3n" => of(Scheme::S3, None, host),
            "gs" | "gcs" => of(Scheme::Google, None, host),
            "az" | "azure" | "adl" | "abfs" | "abfss" | "wasb" | "wasbs" => match host.split_once('@') {
                Some((container, server)) => of(Scheme::Azure, server.split('.').next(), container),
                None => of(Scheme::Azure, None, host),
            },
            "http" | "https" => Self { bucket: address.to_owned(), key: String::new(), ..of(Scheme::Http, None, "") },
            _ => return None,
        })
    }

    /// The path of the object in its store.
    pub(crate) fn path(&self, address: &str) -> Result<Path, Box<DataError>> {
        Path::parse(&self.key).map_err(|error| {
            let message = format!("\"{}\" has a name that cannot be asked for: {error}", shown(address));
            DataError::new(ErrorCode::FeatureNotSupported, message)
        })
    }

    /// The store, and the path of the object in it.
    ///
    /// # Errors
    /// When something is missing or cannot be.
    pub(crate) fn open(&self, access: &Access, address: &str) -> Result<(Arc<dyn ObjectStore>, Path), Box<DataError>> {
        crate::install_encryption();
        let path = self.path(address)?;
        let retry = RetryConfig {
            max_retries: access.max_retries.unwrap_or(MOST_RETRIES),
            retry_timeout: access.retry_timeout.unwrap_or(RETRY_TIMEOUT),
            ..RetryConfig::default()
        };
        // Without encryption only what was named so.
        let target = access.endpoint.as_deref().unwrap_or(if self.scheme == Scheme::Http { &self.bucket } else { "" });
        let allows_http = target.len() > 7 && target[..7].eq_ignore_ascii_case("http://");
        let client = ClientOptions::new()
            .with_allow_http(allows_http)
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_read_timeout(READ_TIMEOUT)
            .with_timeout_disabled();
        let opened: object_store::Result<Arc<dyn ObjectStore>> = match self.scheme {
            Scheme::S3 => {
                let mut builder = AmazonS3Builder::new()
                    .with_bucket_name(&self.bucket)
                    .with_region(access.region.as_deref().unwrap_or("us-east-1"))
                    .with_virtual_hosted_style_request(access.virtual_hosted)
                    .with_retry(retry)
                    .with_client_options(client);
                if let Some(endpoint) = &access.endpoint {
                    builder = builder.with_endpoint(endpoint);
                }
                builder = match &access.credentials {
                    Some(provide) => builder.with_credentials(Refreshing::new(Arc::clone(provide), aws)),
                    None => builder.with_skip_signature(true),
                };
                builder.build().map(|store| Arc::new(store) as _)
            }
            Scheme::Google => {
                let mut builder = GoogleCloudStorageBuilder::new()
                    .with_bucket_name(&self.bucket)
                    .with_retry(retry)
                    .with_client_options(client);
                if let Some(endpoint) = &access.endpoint {
                    builder = builder.with_base_url(endpoint);
                }
                builder = match &access.credentials {
                    Some(provide) => builder.with_credentials(Refreshing::new(Arc::clone(provide), google)),
                    None => builder.with_skip_signature(true),
                };
                builder.build().map(|store| Arc::new(store) as _)
            }
            Scheme::Azure => {
                let Some(account) = self.account.as_ref().or(access.account.as_ref()) else {
                    let message = format!("\"{}\" does not say the storage account", shown(address));
                    let hint =
                        "Write abfss://container@account.dfs.core.windows.net/path, or name it in the connection.";
                    return Err(DataError::new(ErrorCode::InvalidParameterValue, message).with_hint(hint));
                };
                let mut builder = MicrosoftAzureBuilder::new()
                    .with_account(account)
                    .with_container_name(&self.bucket)
                    .with_retry(retry)
                    .with_client_options(client)
                    .with_allow_http(allows_http);
                if let Some(endpoint) = &access.endpoint {
                    builder = builder.with_endpoint(endpoint.clone());
                }
                builder = match &access.credentials {
                    Some(provide) => builder.with_credentials(Refreshing::new(Arc::clone(provide), azure)),
                    None => builder.with_skip_signature(true),
                };
                builder.build().map(|store| Arc::new(store) as _)
            }
            // The address whole, its query included, is the store, and the object is right there.
            Scheme::Http => HttpBuilder::new()
                .with_url(&self.bucket)
                .with_retry(retry)
                .with_client_options(client)
                .build()
                .map(|store| Arc::new(store) as _),
        };
        opened.map(|store| (store, path)).map_err(|error| of_store(&error, address))
    }
}

const MOST_RETRIES: usize = 8;
const RETRY_TIMEOUT: Duration = Duration::from_secs(180);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Without a byte.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

fn aws(secret: &Secret) -> Result<AwsCredential, String> {
    Ok(AwsCredential {
        key_id: secret.access_key_id.clone(),
        secret_key: secret.secret_access_key.clone(),
        token: secret.session_token.clone(),
    })
}

fn google(secret: &Secret) -> Result<GcpCredential, String> {
    let bearer = secret.bearer.clone().ok_or("the connection gives no bearer token")?;
    Ok(GcpCredential { bearer })
}

fn azure(secret: &Secret) -> Result<AzureCredential, String> {
    if let Some(key) = &secret.account_key {
        let key = AzureAccessKey::try_new(key).map_err(|_| "the account's key is not base64".to_owned())?;
        return Ok(AzureCredential::AccessKey(key));
    }
    if let Some(pairs) = &secret.signature {
        return Ok(AzureCredential::SASToken(pairs.clone()));
    }
    let bearer = secret.bearer.clone().ok_or("the connection gives neither a key, a signature nor a bearer token")?;
    Ok(AzureCredential::BearerToken(bearer))
}
