//! The HTTP client below all stores: what may be dialled, and answers that are none.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chrono::DateTime;
use futures_util::{StreamExt, TryStreamExt};
use http_body_util::{BodyExt, BodyStream, StreamBody};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::path::Path;
use object_store::{Attributes, ClientOptions, CredentialProvider, GetResult, GetResultPayload, ObjectMeta};
use quick_xml::escape::{escape, unescape};
use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG,
    HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE, RETRY_AFTER,
    TRANSFER_ENCODING,
};
use reqwest::redirect::Policy;
use reqwest::{StatusCode, Url, Version};

use copyist_store::Codec;

use crate::credentials::Refreshing;
use crate::encryption::{encryption, unread, untrusted};
use crate::place::{Scheme, percent_decoded, unaskable};
use crate::rules::{Allow, Denied, NetworkRules, literal};
use crate::said::Carried;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server may say nothing, or hardly anything, whatever is tried meanwhile.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// After so long without a byte a connection is taken for dead, and what can be asked for once more for sure is.
pub(crate) const STALLED: Duration = Duration::from_secs(20);
/// Redirects that are followed.
const MOST_REDIRECTS: usize = 10;
/// Bytes of an answer that is no object: an error, a page of a list.
const MOST_ERROR: usize = 64 << 10;
const MOST_PAGE: usize = 64 << 20;
/// How long they may take, however many bytes come meanwhile.
const ERROR_TIMEOUT: Duration = Duration::from_secs(5);
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// The size of an object whose server does not say it.
pub(crate) const UNKNOWN_SIZE: u64 = u64::MAX;

/// Connections of a load, and where they may lead.
#[derive(Clone, Default)]
pub struct Net {
    rules: Arc<[NetworkRules]>,
    web: Arc<OnceLock<reqwest::Client>>,
    store: Arc<OnceLock<reqwest::Client>>,
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Net").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Net {
    /// Rules that must all allow what is dialled; without any everything is open.
    #[must_use]
    pub fn new(rules: Vec<NetworkRules>) -> Self {
        Self { rules: rules.into(), ..Self::default() }
    }

    /// The client for web servers, or for stores, whose redirects lead to where their signatures are not valid.
    fn client(&self, scheme: Scheme) -> Result<reqwest::Client, Box<dyn Error + Send + Sync>> {
        let (kept, redirects) = match scheme {
            Scheme::Http => (&self.web, self.redirects()),
            _ => (&self.store, Policy::none()),
        };
        if let Some(client) = kept.get() {
            return Ok(client.clone());
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("copyist/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(redirects)
            // An address may be a secret as a whole, such as one that is signed.
            .referer(false)
            .http1_only()
            .tls_backend_preconfigured(encryption()?);
        if !self.rules.is_empty() {
            builder = builder.no_proxy().dns_resolver(Arc::new(Resolver(Arc::clone(&self.rules))));
        }
        let client = builder.build()?;
        Ok(kept.get_or_init(|| client).clone())
    }

    fn redirects(&self) -> Policy {
        let rules = Arc::clone(&self.rules);
        Policy::custom(move |attempt| {
            let was_encrypted = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
            if attempt.previous().len() > MOST_REDIRECTS {
                return attempt.error("it redirects again and again");
            }
            if was_encrypted && attempt.url().scheme() != "https" {
                return attempt.error("it redirects to an address that is not encrypted");
            }
            match rules.refusal_of_url(attempt.url()) {
                Some(reason) => attempt.error(Denied(reason)),
                None => attempt.follow(),
            }
        })
    }
}

/// Looks names up, and refuses what leads to where it may not.
struct Resolver(Arc<[NetworkRules]>);

impl reqwest::dns::Resolve for Resolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let rules = Arc::clone(&self.0);
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            // One of them that is not allowed is reason enough: a name leads to one place, or is somebody's trick.
            if let Some(reason) = found.iter().find_map(|address| rules.refusal_of_address(address.ip())) {
                return Err(Denied(reason).into());
            }
            Ok(Box::new(found.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

/// Makes clients for stores out of those of a load.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    pub net: Net,
    pub scheme: Scheme,
    pub allows_http: bool,
    /// Of a web server.
    pub authorization: Option<HeaderValue>,
    pub tokens: Option<Arc<Refreshing<HeaderValue>>>,
    /// Whether what comes is taken for brotli, which has no mark.
    pub is_brotli: bool,
    /// Of S3: where the bucket is taken to be.
    pub region: String,
    /// As long as a server may have somebody wait before it is asked again.
    pub patience: Duration,
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let client =
            self.net.client(self.scheme).map_err(|source| object_store::Error::Generic { store: "HTTP", source })?;
        Ok(HttpClient::new(Service { client, connector: self.clone() }))
    }
}

#[derive(Debug)]
struct Service {
    client: reqwest::Client,
    connector: Connector,
}

/// What is no answer to what was asked for.
#[derive(Debug)]
pub(crate) enum Answered {
    /// All of it in place of a part: the answer, for who takes it.
    Whole(Mutex<Option<HttpResponse>>),
    /// That the bucket is in this region, and not in the one that it was asked for in.
    Region(String, String),
    /// The object in an encoding that nobody has asked for.
    Encoded(String),
    /// Nothing, for so long.
    Silence(Duration),
    /// That it is somebody whom nobody trusts: what is wrong with its certificate, and with those that should be trusted.
    Untrusted(String, Option<String>),
    /// Something else, in words.
    Otherwise(String),
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answered::Whole(_) => f.write_str("the server does not know of ranges"),
            Answered::Region(region, asked) => write!(f, "its bucket is in the region {region}, and not in {asked}"),
            Answered::Encoded(encoding) => write!(f, "it comes encoded as {encoding}, which nobody has asked for"),
            Answered::Silence(time) => write!(f, "nothing has come for {} seconds", time.as_secs()),
            Answered::Untrusted(what, _) | Answered::Otherwise(what) => f.write_str(what),
        }
    }
}

impl Error for Answered {}

impl Answered {
    /// Whether it would be the same if it were asked for again.
    pub fn is_final(&self) -> bool {
        !matches!(self, Answered::Whole(_) | Answered::Silence(_))
    }

    /// What came in place of a part, if it is all of the object and nobody has taken it.
    pub fn taken(&self, location: &Path) -> Option<GetResult> {
        let Answered::Whole(kept) = self else { return None };
        let answer = kept.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let (parts, body) = answer.into_parts();
        let text = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let size = text(CONTENT_LENGTH).and_then(|size| size.parse().ok()).unwrap_or(UNKNOWN_SIZE);
        let meta = ObjectMeta {
            location: location.clone(),
            last_modified: date(&parts.headers, LAST_MODIFIED).unwrap_or(SystemTime::UNIX_EPOCH).into(),
            size,
            e_tag: text(ETAG).map(str::to_owned),
            version: None,
        };
        Some(GetResult {
            payload: GetResultPayload::Stream(body.bytes_stream().map_err(broken_off).boxed()),
            meta,
            range: 0..size,
            attributes: Attributes::default(),
            extensions: parts.extensions,
        })
    }
}

/// What an answer says beside what the stores' own clients read of it: it goes with its extensions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Whether a version that was written later has a later Last-Modified (RFC 9110, 8.8.2.2).
    pub is_dated: bool,
    broken: Arc<Mutex<Option<HttpError>>>,
}

impl Told {
    /// Why there are no more bytes, if they have broken off.
    pub fn broken(&self) -> Option<HttpError> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn refused(error: impl Error + Send + Sync + 'static) -> HttpError {
    // Of a kind that is not tried again.
    HttpError::new(HttpErrorKind::Unknown, error)
}

/// An error at an answer's body, as those of stores are.
pub(crate) fn broken_off(error: HttpError) -> object_store::Error {
    object_store::Error::Generic { store: "HTTP", source: Box::new(error) }
}

/// An answer, or more of it, that does not come. What can be asked for once more for sure is.
pub(crate) fn silence(time: Duration) -> HttpError {
    HttpError::new(HttpErrorKind::Timeout, Answered::Silence(time))
}

fn otherwise(what: impl Into<String>) -> HttpError {
    refused(Answered::Otherwise(what.into()))
}

/// The first error of a kind among an error, its sources, and what errors of sockets are made of, which is not their source.
pub(crate) fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = within.map(|within| within as _).or_else(|| error.source());
    }
    None
}

fn told(error: reqwest::Error) -> HttpError {
    if let Some(Denied(reason)) = cause(&error) {
        return refused(Denied(reason.clone()));
    }
    if let Some(why) = untrusted(&error) {
        return refused(Answered::Untrusted(why, unread()));
    }
    // It would be as it is if it came again.
    let is_unreadable = cause(&error).is_some_and(hyper::Error::is_parse);
    let kind = if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if error.is_redirect() || error.is_builder() || error.is_decode() || is_unreadable {
        HttpErrorKind::Unknown
    } else if error.is_connect() {
        HttpErrorKind::Connect
    } else {
        // To read once more changes nothing.
        HttpErrorKind::Interrupted
    };
    // The address is told by who asked for it, without what is secret in it.
    HttpError::new(kind, error.without_url())
}

#[async_trait::async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let Connector { net, scheme, allows_http, authorization, tokens, is_brotli, region, patience } =
            &self.connector;
        let (parts, _) = request.into_parts();
        let url: Url = parts.uri.to_string().parse().map_err(|_| otherwise("it is no URL"))?;
        if url.scheme() != "https" && !allows_http {
            return Err(otherwise("it would not be encrypted"));
        }
        let refusal = match scheme {
            Scheme::Http => net.rules.refusal_of_url(&url),
            // The store was named by whoever connects, the bucket was looked at before.
            _ => literal(&url).and_then(|address| net.rules.refusal_of_address(address)),
        };
        if let Some(reason) = refusal {
            return Err(refused(Denied(reason)));
        }
        let is_list = url.query_pairs().any(|(name, value)| {
            *scheme != Scheme::Http && (name == "list-type" || (name == "comp" && value == "list"))
        });
        let is_ranged = parts.headers.contains_key(RANGE);
        // What a web server gives may be made when it is asked for; what it has told the version of is there.
        let is_there = [IF_MATCH, IF_UNMODIFIED_SINCE].iter().any(|name| parts.headers.contains_key(name));
        let may_think = *scheme == Scheme::Http && !is_there;
        let mut request = reqwest::Request::new(parts.method, url.clone());
        *request.headers_mut() = parts.headers;
        if let Some(authorization) = authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        if let Some(tokens) = tokens {
            let token = tokens.get_credential().await.map_err(refused)?;
            request.headers_mut().insert(AUTHORIZATION, HeaderValue::clone(&token));
        }
        if *scheme == Scheme::Google {
            // It would decompress, and then knows neither lengths nor ranges.
            request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let headers = request.headers().clone();
        let most = if may_think { PATIENCE } else { STALLED };
        let Ok(answer) = tokio::time::timeout(most, self.client.execute(request)).await else {
            return Err(if may_think { refused(Answered::Silence(most)) } else { silence(most) });
        };
        let answer: reqwest::Response = answer.map_err(told)?;
        let carried = Carried::by(&headers, [&url, answer.url()], *scheme);
        let status = answer.status();
        if !status.is_success() {
            let region = (*scheme == Scheme::S3).then_some(&**region);
            return failed(answer, &carried, region, *patience).await;
        }
        if is_list {
            return page(answer, &carried).await;
        }
        if !is_ranged && status == StatusCode::PARTIAL_CONTENT {
            return Err(otherwise("the answer is a part of it, which nobody has asked for"));
        }
        let is_part = status == StatusCode::PARTIAL_CONTENT;
        // That a report is not ready yet, say (202); and what changes an older version (226) is not all of it.
        if !is_part && !matches!(status, StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION) {
            return Err(otherwise(format!("the server answers {status}, which is not the file")));
        }
        let range = answer.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok()).unwrap_or_default();
        let is_both = !is_part && !is_all(range);
        if is_both && !is_ranged {
            return Err(otherwise("the answer says that it is all of it, and that it is a part"));
        }
        // Without the size of all of it nothing tells whether the part is of the same version.
        if is_both || is_part && range.ends_with("/*") {
            return Err(refused(Answered::Whole(Mutex::default())));
        }
        let answer = checked(answer, &carried, *is_brotli || Codec::of_ending(url.path()) == Some(Codec::Brotli))?;
        if is_ranged && !is_part {
            return Err(refused(Answered::Whole(Mutex::new(Some(answer)))));
        }
        Ok(answer)
    }
}

/// Whether what stands in Content-Range, which an answer without a range need not have, can be that of all bytes.
fn is_all(range: &str) -> bool {
    let bounds = range.strip_prefix("bytes ").and_then(|range| {
        let (bounds, size) = range.split_once('/')?;
        let (start, end) = bounds.split_once('-')?;
        Some((start.parse::<u64>().ok()?, end.parse::<u64>().ok()?, size.parse::<u64>().ok()?))
    });
    bounds.is_none_or(|(start, end, size)| start == 0 && end.checked_add(1) == Some(size))
}

/// An object, with the headers that are relied upon.
fn checked(answer: reqwest::Response, carried: &Carried, is_brotli: bool) -> Result<HttpResponse, HttpError> {
    let (mut parts, body) = http::Response::<reqwest::Body>::from(answer).into_parts();
    let encoding = parts.headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_told_by_its_bytes = encoding.split(',').all(|each| {
        let each = each.trim().to_ascii_lowercase();
        matches!(&*each, "" | "identity" | "gzip" | "x-gzip" | "zstd" | "aws-chunked")
    });
    let is_told_otherwise = encoding.trim().eq_ignore_ascii_case("br") && is_brotli;
    if !(is_told_by_its_bytes || is_told_otherwise) {
        return Err(refused(Answered::Encoded(carried.struck_from(encoding.trim()))));
    }
    if !parts.headers.contains_key(CONTENT_LENGTH) {
        let is_chunked =
            parts.headers.get(TRANSFER_ENCODING).and_then(|value| value.to_str().ok()).is_some_and(|value| {
                value.rsplit(',').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("chunked"))
            });
        if parts.version < Version::HTTP_2 && !is_chunked {
            return Err(otherwise("the server says neither how long it is nor where it ends"));
        }
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(UNKNOWN_SIZE));
    }
    let answer = Told { is_dated: is_dated(&parts.headers), ..Told::default() };
    // What cannot be read there is as if it were not (RFC 9110, 5.6.7); the stores' own clients would refuse the answer.
    if date(&parts.headers, LAST_MODIFIED).is_none() {
        parts.headers.remove(LAST_MODIFIED);
    }
    // It tells versions apart all the same, as a weak one does, which is compared and not asked for.
    if let Some(tag) = parts.headers.get(ETAG).filter(|tag| tag.to_str().is_err()) {
        let hex: String = tag.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        if let Ok(tag) = HeaderValue::try_from(format!("W/\"{hex}\"")) {
            parts.headers.insert(ETAG, tag);
        }
    }
    let broken = Arc::clone(&answer.broken);
    parts.extensions.insert(answer);
    // What breaks off ends here, and why is told by the extension: the stores' own clients would take it up by themselves, asking for no version,
    // and take a weak tag for one.
    let frames = BodyStream::new(body).scan(broken, |broken, frame| {
        std::future::ready(match frame {
            Ok(frame) => Some(Ok::<_, HttpError>(frame)),
            Err(error) => {
                *broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(told(error));
                None
            }
        })
    });
    Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(StreamBody::new(frames))))
}

/// How much older than the answer an object must be for its time to tell versions apart: a second of the server's clock may have had two of
/// them, and an answer may come from another machine than the time.
const SETTLED: Duration = Duration::from_secs(60);

fn is_dated(headers: &HeaderMap) -> bool {
    match (date(headers, LAST_MODIFIED), date(headers, DATE)) {
        (Some(modified), Some(answered)) => modified + SETTLED <= answered,
        _ => false,
    }
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    http_date(headers.get(name)?.to_str().ok()?)
}

/// A time as HTTP writes it: `Fri, 27 Nov 2026 10:00:00 GMT`.
fn http_date(text: &str) -> Option<SystemTime> {
    DateTime::parse_from_rfc2822(text).ok().map(SystemTime::from)
}

/// An answer that is an error, with a body that may be shown. Of S3 with the region that was asked.
async fn failed(
    answer: reqwest::Response,
    carried: &Carried,
    region: Option<&str>,
    patience: Duration,
) -> Result<HttpResponse, HttpError> {
    let status = answer.status();
    let waits = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let wait = header(RETRY_AFTER.as_str()).filter(|_| waits).and_then(wait_of);
    let told = header("x-amz-bucket-region").map(str::to_owned);
    let (parts, body) = http::Response::<reqwest::Body>::from(answer).into_parts();
    // Of an error whose body does not come the status is known all the same.
    let body = collected(body, MOST_ERROR, ERROR_TIMEOUT).await.unwrap_or_default();
    let body = String::from_utf8_lossy(&body);
    let reason = carried.struck_from(&reason(&body));
    let is_elsewhere = matches!(status.as_u16(), 301 | 307) || reason.starts_with("AuthorizationHeaderMalformed");
    if let Some(asked) = region.filter(|_| is_elsewhere) {
        let is_name = |name: &str| name.len() < 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let found = told.or_else(|| element(&body, "Region")).filter(|name| !name.is_empty() && is_name(name));
        if let Some(found) = found.filter(|found| found != asked) {
            return Err(refused(Answered::Region(found, asked.to_owned())));
        }
    }
    if let Some(wait) = wait {
        if wait > patience {
            return Err(otherwise(format!("the server says to ask again in {} seconds", wait.as_secs())));
        }
        tokio::time::sleep(wait).await;
    }
    Ok(HttpResponse::from_parts(parts, reason.into()))
}

/// What Retry-After says: seconds, or a time.
fn wait_of(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    Some(http_date(text)?.duration_since(SystemTime::now()).unwrap_or_default())
}

/// A page of a list, without the objects that cannot be asked for: the stores' own clients would refuse all of it for one of them, or take it for
/// another. An error with the status of a success is one all the same.
async fn page(answer: reqwest::Response, carried: &Carried) -> Result<HttpResponse, HttpError> {
    let (mut parts, body) = http::Response::<reqwest::Body>::from(answer).into_parts();
    let body = collected(body, MOST_PAGE, PAGE_TIMEOUT).await?;
    let text = std::str::from_utf8(&body).map_err(|_| otherwise("its list is no text in UTF-8"))?;
    let start: String = text.chars().take(1024).collect();
    let [entry, name, size] = if start.contains("<ListBucketResult") {
        ["Contents", "Key", "Size"]
    } else if start.contains("<EnumerationResults") {
        ["Blob", "Name", "Content-Length"]
    } else {
        let reason = carried.struck_from(&reason(&start));
        if reason.is_empty() {
            let kind = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("nothing known");
            let kind = carried.struck_from(kind);
            return Err(otherwise(format!("the answer is no list of objects, but {kind}")));
        }
        parts.status = StatusCode::SERVICE_UNAVAILABLE;
        return Ok(HttpResponse::from_parts(parts, reason.into()));
    };
    let has_next = element(text, "NextContinuationToken").is_some_and(|token| !token.is_empty());
    if element(text, "IsTruncated").as_deref() == Some("true") && !has_next {
        return Err(otherwise("its list goes on, and does not say where"));
    }
    let (text, page) = askable(text, entry, name, size);
    parts.extensions.insert(page);
    Ok(HttpResponse::from_parts(parts, text.into()))
}

/// What a page of a list says beside the objects that can be asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    /// The name of its first object.
    pub first: Option<String>,
    /// Names of objects that cannot be asked for.
    pub unaskable: Vec<String>,
}

/// The text of a page without the objects that cannot be asked for. Marks of folders, which end with a slash and have no bytes, are left out.
fn askable(text: &str, entry: &str, name: &str, size: &str) -> (String, Page) {
    let (open, close) = (format!("<{entry}>"), format!("</{entry}>"));
    let mut kept = String::with_capacity(text.len());
    let mut page = Page::default();
    for piece in text.split_inclusive(&*close) {
        let (before, object) = piece.split_at(piece.find(&open).unwrap_or(piece.len()));
        kept.push_str(before);
        let object = &*plainly_named(object, name);
        let Some(key) = raw_element(object, name).and_then(|raw| unescape(raw).ok()) else {
            kept.push_str(object);
            continue;
        };
        page.first.get_or_insert_with(|| key.to_string());
        // Spaces at its ends would be lost when the page is read.
        if unaskable(&key).is_none() && key.trim_matches(' ') == key {
            kept.push_str(object);
        } else if !(key.ends_with('/') && element(object, size).as_deref() == Some("0")) {
            page.unaskable.push(key.into_owned());
        }
    }
    (kept, page)
}

/// An entry whose name is written as all others are. Azure writes one with a character that XML does not have as a URL does, and says so.
fn plainly_named<'a>(entry: &'a str, name: &str) -> Cow<'a, str> {
    let encoded = entry.split_once(&format!("<{name} Encoded=\"true\">")).and_then(|(before, rest)| {
        let (encoded, after) = rest.split_once("</")?;
        Some((before, percent_decoded(encoded), after))
    });
    let Some((before, decoded, after)) = encoded else { return Cow::Borrowed(entry) };
    Cow::Owned(format!("{before}<{name}>{}</{after}", escape(String::from_utf8_lossy(&decoded))))
}

async fn collected(mut body: reqwest::Body, most: usize, time: Duration) -> Result<Bytes, HttpError> {
    let all = async {
        let mut all = Vec::new();
        while let Some(frame) = body.frame().await {
            if let Ok(part) = frame.map_err(told)?.into_data() {
                all.extend_from_slice(&part);
            }
            if all.len() > most {
                return Err(otherwise("the answer is too long"));
            }
        }
        Ok(all.into())
    };
    tokio::time::timeout(time, all).await.unwrap_or_else(|_| {
        let what = format!("the answer has not ended within {} seconds", time.as_secs());
        Err(HttpError::new(HttpErrorKind::Timeout, Answered::Otherwise(what)))
    })
}

/// What an error's body says. All else in it may repeat what was sent, signatures and tokens included.
fn reason(body: &str) -> String {
    match (element(body, "Code"), element(body, "Message")) {
        (Some(code), Some(message)) => format!("{code}: {}", message.lines().next().unwrap_or_default()),
        (Some(code), None) => code,
        _ => String::new(),
    }
}

fn element(body: &str, name: &str) -> Option<String> {
    Some(raw_element(body, name)?.trim().to_owned())
}

fn raw_element<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    Some(rest.split_once("</")?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read() {
        let seconds = |text: &str| {
            http_date(text).map(|time| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs())
        };
        for (text, expected) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Thu, 29 Feb 2024 23:59:59 GMT", Some(1_709_251_199)),
            ("Sun, 00 Nov 1994 08:49:37 GMT", None),
            ("soon", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
