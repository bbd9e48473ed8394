//! Secrets that somebody else keeps, and hands out anew before they expire.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use object_store::CredentialProvider;
use tokio::sync::Mutex;

/// What a store is shown. It is never printed.
#[derive(Clone, Default)]
pub struct Secret {
    /// S3.
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
    /// Google, and Azure with Entra ID.
    pub bearer: Option<String>,
    /// Azure: pairs of a shared access signature.
    pub signature: Option<Vec<(String, String)>>,
    /// Azure: the account's key, in base64.
    pub account_key: Option<String>,
    pub expires: Option<SystemTime>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// Asks for a secret, or, when it is told that the last one was refused, for another; the error is a reason without secrets.
pub type Provide = Arc<dyn Fn(bool) -> BoxFuture<'static, Result<Secret, String>> + Send + Sync>;

/// A secret is asked for anew when it is valid for no longer than this.
const MARGIN: Duration = Duration::from_secs(120);

/// A source of credentials that keeps them until they are about to expire.
pub(crate) struct Refreshing<C> {
    provide: Provide,
    convert: fn(&Secret) -> Result<C, String>,
    known: Mutex<Known<C>>,
}

struct Known<C> {
    credential: Option<(Arc<C>, Option<SystemTime>)>,
    /// The one before was refused, and nobody has asked again.
    was_refused: bool,
}

/// What can be told that its credentials are not good any more.
#[async_trait::async_trait]
pub(crate) trait Renew: Send + Sync {
    async fn refused(&self);
}

#[async_trait::async_trait]
impl<C: Send + Sync + 'static> Renew for Refreshing<C> {
    async fn refused(&self) {
        *self.known.lock().await = Known { credential: None, was_refused: true };
    }
}

impl<C> Refreshing<C> {
    pub fn new(provide: Provide, convert: fn(&Secret) -> Result<C, String>) -> Arc<Self> {
        Arc::new(Self { provide, convert, known: Mutex::new(Known { credential: None, was_refused: false }) })
    }
}

impl<C> fmt::Debug for Refreshing<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refreshing")
    }
}

#[async_trait::async_trait]
impl<C: Send + Sync + 'static> CredentialProvider for Refreshing<C> {
    type Credential = C;

    async fn get_credential(&self) -> object_store::Result<Arc<C>> {
        // Held while it is asked, so that it is asked once.
        let mut known = self.known.lock().await;
        if let Some((credential, expires)) = &known.credential
            && expires.is_none_or(|expires| SystemTime::now() + MARGIN < expires)
        {
            return Ok(Arc::clone(credential));
        }
        let refused =
            |reason: String| object_store::Error::Unauthenticated { path: String::new(), source: reason.into() };
        let secret = (self.provide)(std::mem::take(&mut known.was_refused)).await.map_err(refused)?;
        let credential = Arc::new((self.convert)(&secret).map_err(refused)?);
        known.credential = Some((Arc::clone(&credential), secret.expires));
        Ok(credential)
    }
}
