//! TLS of all connections: whom to trust.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

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
    let read = by.as_deref().map_or(Ok(Vec::new()), |path| certificates(path.as_ref()));
    // As Node, which goes on without them: most of what is read needs none of them.
    let (more, unread) = read.map_or_else(|why| (Vec::new(), Some(why)), |more| (more, None));
    let verifier = Verifier::new_with_extra_roots(more, Arc::clone(&provider))?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    *kept = Some(Kept { by, unread, config: config.clone() });
    Ok(config)
}

/// Why the certificates that the variable names are not trusted, if they are not.
pub(crate) fn unread() -> Option<String> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.unread.clone()
}

/// What is wrong with the certificate of a server, if it is that an error tells of.
pub(crate) fn untrusted(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found @ rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
            return Some(found.to_string());
        }
        // What an error of a socket is made of is not its source.
        let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = within.map(|within| within as _).or_else(|| error.source());
    }
    None
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unusable = |why: &dyn fmt::Display| {
        let why = why.to_string();
        let why = why.split(" (os error").next().unwrap_or(&why);
        format!("The certificates of {EXTRA_CERTIFICATES}, \"{}\", cannot be used: {why}.", path.display())
    };
    let bytes = std::fs::read(path).map_err(|error| unusable(&error))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if found.is_empty() => Err(unusable(&"there are none in it")),
        Ok(found) => Ok(found),
        Err(error) => Err(unusable(&error)),
    }
}
