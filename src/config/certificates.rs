//! A file of trusted authorities, looked at before a driver gets it: `neo4rs` takes an unreadable
//! or empty file for "trust nobody" and says nothing.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Whether the file holds at least one certificate, else what is wrong with it.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|e| format!("{shown} can't be read: {e}"))?;
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        certificate.map_err(|_| format!("{shown} has a block that isn't PEM"))?;
        count += 1;
    }
    if count == 0 { Err(format!("{shown} holds no PEM certificate")) } else { Ok(()) }
}
