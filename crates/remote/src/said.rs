//! What a server says, without what is secret of what it was asked with: it may repeat that.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use quick_xml::escape::unescape;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap};

use crate::failure::without_secrets;
use crate::place::{Scheme, percent_decoded, percent_decoding};

const STAND_IN: &[u8] = b"***";
/// What is shorter counts as a whole word only: within others it stands by chance.
const LEAST: usize = 8;

/// What a request shows that only its server is to see.
pub(crate) struct Carried(Vec<Vec<u8>>);

impl Carried {
    /// What the headers of a request carry, and the addresses that it went to, redirects included.
    pub fn by(headers: &HeaderMap, urls: [&Url; 2], scheme: Scheme) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let mut all: Vec<Vec<u8>> = Vec::new();
        let mut add = |secret: &str| {
            all.push(secret.into());
            all.push(percent_decoded(secret));
            // A form's space.
            all.push(percent_decoded(&secret.replace('+', " ")));
        };
        if let Some(token) = header("x-amz-security-token") {
            add(token);
        }
        if let Some(authorization) = header(AUTHORIZATION.as_str()) {
            add(authorization);
            let (scheme, value) = authorization.split_once(' ').unwrap_or_default();
            add(value);
            // The signature alone, of Azure and of AWS.
            for (_, signature) in [value.split_once(':'), value.split_once("Signature=")].into_iter().flatten() {
                add(signature);
            }
            let user = BASE64_STANDARD.decode(value).ok().filter(|_| scheme == "Basic");
            if let Some(user) = user.and_then(|user| String::from_utf8(user).ok()) {
                add(&user);
                let (name, password) = user.split_once(':').unwrap_or_default();
                add(name);
                add(password);
            }
        }
        for query in urls.iter().filter_map(|url| url.query()) {
            for pair in query.split('&') {
                let (name, value) = pair.split_once('=').unwrap_or(("", pair));
                // Of a store's all else is the question.
                if scheme == Scheme::Http || name == "sig" {
                    add(value);
                }
            }
        }
        all.retain(|secret| !secret.is_empty());
        all.sort_unstable();
        all.dedup();
        Self(all)
    }

    /// A text of the server without them, also where it writes them with percent signs or as XML does.
    pub fn struck_from(&self, text: &str) -> String {
        let text = &plain(text);
        let (places, decoded): (Vec<_>, Vec<_>) = percent_decoding(text).unzip();
        let mut is_secret = vec![false; text.len()];
        for secret in &self.0 {
            for (at, _) in decoded.windows(secret.len()).enumerate().filter(|(_, found)| found == &secret.as_slice()) {
                let end = at + secret.len();
                let is_letter = |at: usize| decoded.get(at).is_some_and(u8::is_ascii_alphanumeric);
                let is_word = !(at > 0 && is_letter(at - 1) || is_letter(end));
                if is_word || secret.len() >= LEAST {
                    is_secret[places[at].start..places[end - 1].end].fill(true);
                }
            }
        }
        let mut kept: Vec<u8> = Vec::with_capacity(text.len());
        for (at, &byte) in text.as_bytes().iter().enumerate() {
            if !is_secret[at] {
                kept.push(byte);
            } else if at == 0 || !is_secret[at - 1] {
                kept.extend(STAND_IN);
            }
        }
        without_secrets(&String::from_utf8_lossy(&kept))
    }
}

/// A text without the escapes of XML and of JSON, twice over if it has been escaped twice. What is no escape stays.
fn plain(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..2 {
        let mut parts = text.split('&');
        let mut found = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let meant = part.find(';').and_then(|end| {
                let meant = unescape(part.get(..end).map(|name| format!("&{name};"))?.as_str()).ok()?.into_owned();
                Some((meant, &part[end + 1..]))
            });
            match meant {
                Some((meant, rest)) => found.extend([meant.as_str(), rest]),
                None => found.extend(["&", part]),
            }
        }
        text = found;
    }
    let mut parts = text.split("\\u");
    let mut found = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let meant = part.get(..4).and_then(|hex| char::from_u32(u32::from_str_radix(hex, 16).ok()?));
        match meant {
            Some(meant) => found.extend([meant.to_string().as_str(), &part[4..]]),
            None => found.extend(["\\u", part]),
        }
    }
    found.replace("\\/", "/")
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    /// What is left of a text that a server of this address says when it is shown this.
    fn left(authorization: &str, url: &str, text: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(authorization).unwrap());
        headers.insert("x-amz-security-token", HeaderValue::from_static("Fwo+a/token=="));
        let scheme = if url.contains("core.windows.net") { Scheme::Azure } else { Scheme::Http };
        let url: Url = url.parse().unwrap();
        Carried::by(&headers, [&url, &url], scheme).struck_from(text)
    }

    #[test]
    fn a_server_may_repeat_what_it_was_asked() {
        for (text, expected) in [
            ("no token abc.d/ef+g=", "no token ***"),
            ("{\"authorization\":\"Bearer abc.d/ef+g=\"}", "{\"authorization\":\"***\"}"),
            ("abc.d%2Fef%2bg%3D, and Xabc.d/ef+g=X", "***, and X***X"),
            ("Fwo+a/token==", "***"),
            ("a/b&#43;c is not a/b c nor a%2Fb+c: a%252Fb%252Bc", "*** is not a/b c nor ***: ***"),
            ("GET /k?list&x=1 of k?sig=2, is it? and/or?", "GET /k of k is it? and/or?"),
            ("a &b; a/b&#43;c & a/b&amp;#43;c &nbsp;", "a &b; *** & *** &nbsp;"),
            ("{\"e\":\"a\\/b\\u002bc, \\u00zz\"}", "{\"e\":\"***, \\u00zz\"}"),
            ("7 of 17 with 7", "*** of 17 with ***"),
            ("all well: <ü> é", "all well: <ü> é"),
        ] {
            assert_eq!(left("Bearer abc.d/ef+g=", "https://h/k?sig=a%2Fb%2Bc&v=7", text), expected, "{text}");
        }
    }

    #[test]
    fn nor_a_password_or_a_signature() {
        let basic = format!("Basic {}", BASE64_STANDARD.encode("me:pass:word"));
        let said = left(&basic, "https://h/k?word", &format!("me, pass:word, me:pass:word, {basic} and a word"));
        assert_eq!(said, "***, ***, ***, *** and a ***");
        let azure = "https://acc.blob.core.windows.net/c?comp=list&sig=s%2Big%3D";
        let said = left("SharedKey acc:c2ln", azure, "the list of acc: s+ig=, SharedKey acc:c2ln and c2ln");
        assert_eq!(said, "the list of acc: ***, *** and ***");
        let aws = "AWS4-HMAC-SHA256 Credential=AKIA/x, SignedHeaders=host, Signature=0a1b";
        assert_eq!(left(aws, "https://h/k", &format!("{aws}; 0a1b of AKIA")), "***; *** of AKIA");
    }
}
