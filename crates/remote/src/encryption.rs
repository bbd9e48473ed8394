//! TLS of all connections: whom to trust.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

/// Node's variable for a file of certificates that are trusted beside those of the system.
const EXTRA_CERTIFICATES: &str = "NODE_EXTRA_CA_CERTS";

/// With the value of the variable that it was made by.
static KEPT: Mutex<Option<(Option<OsString>, ClientConfig)>> = Mutex::new(None);

/// Kept for the process: the certificates of a system are hundreds of files, which take as long to read as a small object.
pub(crate) fn encryption() -> Result<ClientConfig, Box<dyn Error + Send + Sync>> {
    let extra = std::env::var_os(EXTRA_CERTIFICATES).filter(|path| !path.is_empty());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((by, config)) = &*kept
        && *by == extra
    {
        return Ok(config.clone());
    }
    let provider = CryptoProvider::get_default().map_or_else(|| Arc::new(ring::default_provider()), Arc::clone);
    let more = extra.as_deref().map_or(Ok(Vec::new()), |path| certificates(path.as_ref()))?;
    let verifier = Verifier::new_with_extra_roots(more, Arc::clone(&provider))?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    *kept = Some((extra, config.clone()));
    Ok(config)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unusable = |why: &dyn fmt::Display| {
        format!("the certificates of {EXTRA_CERTIFICATES}, \"{}\", cannot be used: {why}", path.display())
    };
    let bytes = std::fs::read(path).map_err(|error| unusable(&error))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if found.is_empty() => Err(unusable(&"there are none in it")),
        Ok(found) => Ok(found),
        Err(error) => Err(unusable(&error)),
    }
}
