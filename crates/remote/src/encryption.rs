//! TLS of all connections: whom to trust.

use std::error::Error;
use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::client::cause;

/// Node's variable for a file of certificates that are trusted beside those of the system.
const EXTRA_CERTIFICATES: &str = "NODE_EXTRA_CA_CERTS";

struct Kept {
    /// The value of the variable that it was made by, and why what that names is not in it.
    by: Option<OsString>,
    unread: Option<String>,
    config: ClientConfig,
}

static KEPT: Mutex<Option<Kept>> = Mutex::new(None);

/// Kept for the process: the certificates of a system are hundreds of files, which take as long to read as a small object.
pub(crate) fn encryption() -> Result<ClientConfig, Box<dyn Error + Send + Sync>> {
    let by = std::env::var_os(EXTRA_CERTIFICATES).filter(|path| !path.is_empty());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(kept) = kept.as_ref().filter(|kept| kept.by == by) {
        return Ok(kept.config.clone());
    }
    let provider = CryptoProvider::get_default().map_or_else(|| Arc::new(ring::default_provider()), Arc::clone);
    // As Node, which goes on without what cannot be used: most of what is read needs none of it.
    let (more, mut unread) = by.as_deref().map_or_else(Default::default, |path| certificates(path.as_ref()));
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match Verifier::new_with_extra_roots(more, provider) {
        Ok(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)),
        // Small images of systems have none.
        Err(error) => {
            let error = match error {
                rustls::Error::General(what) => what,
                other => other.to_string(),
            };
            let none =
                format!("{error}. Install the package ca-certificates, or name certificates in {EXTRA_CERTIFICATES}.");
            unread = Some(unread.map_or_else(|| none.clone(), |why| format!("{why} {none}")));
            builder.with_root_certificates(RootCertStore::empty())
        }
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    *kept = Some(Kept { by, unread, config: config.clone() });
    Ok(config)
}

/// Why certificates of the variable or of the system are not trusted, if they are not.
pub(crate) fn unread() -> Option<String> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.unread.clone()
}

/// What is wrong with the certificate of a server, if it is that an error tells of.
pub(crate) fn untrusted(error: &(dyn Error + 'static)) -> Option<String> {
    match cause(error) {
        Some(found @ rustls::Error::InvalidCertificate(_)) => Some(found.to_string()),
        _ => None,
    }
}

/// Those of a file that can be used, and why there are no others.
fn certificates(path: &Path) -> (Vec<CertificateDer<'static>>, Option<String>) {
    let (mut found, mut reasons) = (Vec::new(), Vec::new());
    match std::fs::read(path) {
        Ok(bytes) => {
            for certificate in CertificateDer::pem_slice_iter(&bytes) {
                let usable = certificate.map_err(|error| error.to_string()).and_then(|certificate| {
                    let added = RootCertStore::empty().add(certificate.clone());
                    added.map(|()| certificate).map_err(|error| error.to_string())
                });
                match usable {
                    Ok(certificate) => found.push(certificate),
                    Err(why) => reasons.push(why),
                }
            }
            if found.is_empty() {
                reasons.push("there are none in it".to_owned());
            }
        }
        Err(error) => reasons.push(error.to_string()),
    }
    let unread = reasons.first().map(|why| {
        let which = if found.is_empty() { "The" } else { "Some" };
        let why = why.split(" (os error").next().unwrap_or(why);
        format!("{which} certificates of {EXTRA_CERTIFICATES}, \"{}\", cannot be used: {why}.", path.display())
    });
    (found, unread)
}
