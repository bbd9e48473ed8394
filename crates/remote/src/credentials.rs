//! Secrets that somebody else keeps, and hands out anew before they expire.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::BoxFuture;
use object_store::CredentialProvider;

use crate::failure::is_refusal;

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
    /// Held while it is asked, so that it is asked once.
    asking: tokio::sync::Mutex<()>,
}

struct Known<C> {
    credential: Option<(Arc<C>, Option<SystemTime>)>,
    /// How many were given in place of one that was refused.
    renewals: u64,
    /// The last one was refused, and none has been given since.
    was_refused: bool,
    /// When nothing was given, and why.
    failure: Option<(Instant, String)>,
}

impl<C> Known<C> {
    fn valid(&self) -> Option<&Arc<C>> {
        let (credential, expires) = self.credential.as_ref()?;
        expires.is_none_or(|expires| SystemTime::now() + MARGIN < expires).then_some(credential)
    }
}

/// Why there are no credentials: nobody has refused any.
#[derive(Debug)]
pub(crate) struct Unprovided(String);

impl fmt::Display for Unprovided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Unprovided {}

fn unprovided(reason: String) -> object_store::Error {
    object_store::Error::Unauthenticated { path: String::new(), source: Box::new(Unprovided(reason)) }
}

/// What can be told that its credentials are not good any more.
pub(crate) trait Renew: Send + Sync {
    /// How often it was told so, and had another one. Requests that share one that is about to expire each get one of their own, so that those tell
    /// nothing of what was refused.
    fn renewals(&self) -> u64;
    /// A request was refused that was begun after so many renewals. Requests that are made at once are refused at once, and the first has brought a
    /// new credential already when the others say so.
    fn refused(&self, renewals: u64);
}

impl<C: Send + Sync + 'static> Renew for Refreshing<C> {
    fn renewals(&self) -> u64 {
        self.known().renewals
    }

    fn refused(&self, renewals: u64) {
        let mut known = self.known();
        if known.renewals == renewals {
            known.credential = None;
            known.was_refused = true;
        }
    }
}

/// Asks, once more with other credentials where a store refuses those that there are.
pub(crate) async fn renewing<Answer, Asked>(
    secrets: Option<&dyn Renew>,
    ask: impl Fn() -> Asked,
) -> object_store::Result<Answer>
where
    Asked: Future<Output = object_store::Result<Answer>>,
{
    let Some(secrets) = secrets else { return ask().await };
    let renewals = secrets.renewals();
    match ask().await {
        Err(error) if is_refusal(&error) => {
            secrets.refused(renewals);
            ask().await
        }
        other => other,
    }
}

impl<C> Refreshing<C> {
    pub fn new(provide: Provide, convert: fn(&Secret) -> Result<C, String>) -> Arc<Self> {
        let known = Known { credential: None, renewals: 0, was_refused: false, failure: None };
        Arc::new(Self { provide, convert, known: Mutex::new(known), asking: tokio::sync::Mutex::default() })
    }

    fn known(&self) -> MutexGuard<'_, Known<C>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
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
        let begun = Instant::now();
        let _asking = self.asking.lock().await;
        let was_refused = {
            let known = self.known();
            if let Some(credential) = known.valid() {
                return Ok(Arc::clone(credential));
            }
            // Who has waited for the same answer gets it, too: one after the other they might wait for a minute each.
            if let Some((_, reason)) = known.failure.as_ref().filter(|(failed, _)| *failed >= begun) {
                return Err(unprovided(reason.clone()));
            }
            known.was_refused
        };
        let secret = (self.provide)(was_refused).await;
        let given = secret.and_then(|secret| Ok((Arc::new((self.convert)(&secret)?), secret.expires)));
        let mut known = self.known();
        match given {
            Ok((credential, expires)) => {
                // Where a refusal was told only after it was asked, it may be the one that was refused.
                if was_refused || !known.was_refused {
                    let renewals = known.renewals + u64::from(was_refused);
                    let kept = Some((Arc::clone(&credential), expires));
                    *known = Known { credential: kept, renewals, was_refused: false, failure: None };
                }
                Ok(credential)
            }
            Err(reason) => {
                known.failure = Some((Instant::now(), reason.clone()));
                Err(unprovided(reason))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::{join, join_all};

    use super::*;

    /// What tells how often it was asked, and after a refusal, and has an answer each time.
    fn asked(answers: fn(usize) -> Result<Secret, String>) -> (Arc<Refreshing<usize>>, Arc<[AtomicUsize; 2]>) {
        let counts: Arc<[AtomicUsize; 2]> = Arc::default();
        let counted = Arc::clone(&counts);
        let provide: Provide = Arc::new(move |is_refused| {
            let number = counted[0].fetch_add(1, Ordering::SeqCst);
            counted[1].fetch_add(usize::from(is_refused), Ordering::SeqCst);
            Box::pin(async move {
                tokio::task::yield_now().await;
                answers(number)
            })
        });
        (Refreshing::new(provide, |secret| Ok(secret.access_key_id.len())), counts)
    }

    fn told(counts: &[AtomicUsize; 2]) -> [usize; 2] {
        counts.each_ref().map(|count| count.load(Ordering::SeqCst))
    }

    fn key(number: usize) -> Result<Secret, String> {
        Ok(Secret { access_key_id: "K".repeat(number + 1), ..Secret::default() })
    }

    /// Of a minute, which is as good as expired.
    fn brief_key(number: usize) -> Result<Secret, String> {
        Ok(Secret { expires: Some(SystemTime::now() + Duration::from_secs(60)), ..key(number)? })
    }

    fn refusal() -> object_store::Error {
        object_store::Error::Unauthenticated { path: String::new(), source: "401".into() }
    }

    #[tokio::test]
    async fn requests_that_are_refused_at_once_renew_once() {
        // Of those that are about to expire each request has one of its own, and so the renewal is the fifth.
        type Answers = fn(usize) -> Result<Secret, String>;
        for (answers, refused, expected, counted) in
            [(key as Answers, 1, [2, 2, 2, 2], [2, 1]), (brief_key, 4, [5, 6, 7, 8], [8, 1])]
        {
            let (secrets, counts) = asked(answers);
            let secrets = &secrets;
            let request = |_| {
                renewing(Some(&**secrets), || async {
                    let credential = secrets.get_credential().await?;
                    // All of them are under way before the first is refused.
                    for _ in 0..20 {
                        tokio::task::yield_now().await;
                    }
                    if *credential <= refused { Err(refusal()) } else { Ok(*credential) }
                })
            };
            let found = join_all((0..4).map(request)).await;
            assert_eq!(found.into_iter().map(Result::ok).collect::<Vec<_>>(), expected.map(Some));
            assert_eq!(told(&counts), counted);
            // One that is refused later is renewed as well.
            secrets.refused(secrets.renewals());
            assert!(secrets.get_credential().await.is_ok());
            assert_eq!(told(&counts), counted.map(|count| count + 1));
        }
    }

    #[tokio::test]
    async fn a_refusal_that_comes_while_another_is_asked_for_is_told_next() {
        let (secrets, counts) = asked(key);
        let (first, ()) = join(secrets.get_credential(), async { secrets.refused(0) }).await;
        assert_eq!((first.ok(), told(&counts)), (Some(Arc::new(1)), [1, 0]));
        assert_eq!(secrets.get_credential().await.ok(), Some(Arc::new(2)));
        assert_eq!(told(&counts), [2, 1]);
    }

    #[tokio::test]
    async fn who_gives_no_credentials_is_asked_once_by_all_that_wait() {
        let (secrets, counts) = asked(|number| if number == 0 { Err("no role".to_owned()) } else { key(number) });
        let secrets = &secrets;
        let request = |_| renewing(Some(&**secrets), || secrets.get_credential());
        for answer in join_all((0..4).map(request)).await {
            assert!(answer.is_err_and(|error| error.to_string().contains("no role")));
        }
        assert_eq!(told(&counts), [1, 0]);
        // Whoever comes later asks anew.
        assert_eq!(secrets.get_credential().await.ok(), Some(Arc::new(2)));
    }

    #[tokio::test]
    async fn a_refusal_is_told_until_there_is_another() {
        let (secrets, counts) = asked(|number| if number == 1 { Err("not now".to_owned()) } else { key(number) });
        assert!(secrets.get_credential().await.is_ok());
        secrets.refused(0);
        assert!(secrets.get_credential().await.is_err());
        assert!(secrets.get_credential().await.is_ok());
        assert_eq!(told(&counts), [3, 2]);
    }
}
