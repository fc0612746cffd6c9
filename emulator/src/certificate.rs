//! The server's certificate.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::{Error, Tls};

/// TLS as a connection begins with it.
#[derive(Clone)]
pub struct Acceptors {
    /// Handshake inside PRELOGIN packets: TLS 1.2, since SQL Server has 1.3 with TDS 8.0 alone (documented), and mssql-jdbc
    /// mistakes the end of a 1.3 handshake there.
    pub wrapped: TlsAcceptor,
    /// TDS 8.0: TLS before anything else.
    pub strict: TlsAcceptor,
}

/// What accepts TLS, and the certificate in PEM if it was made here.
pub struct Identity {
    /// Accepts TLS, if it is on.
    pub acceptors: Option<Acceptors>,
    /// The self-signed certificate.
    pub certificate_pem: Option<String>,
}

/// Makes or reads the certificate.
pub fn identity(tls: &Tls) -> Result<Identity, Error> {
    match tls {
        Tls::Off => Ok(Identity { acceptors: None, certificate_pem: None }),
        Tls::SelfSigned => {
            let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
            let made = rcgen::generate_simple_self_signed(names).map_err(failed)?;
            let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(failed)?;
            let acceptors = acceptors(vec![made.cert.der().clone()], key)?;
            Ok(Identity { acceptors: Some(acceptors), certificate_pem: Some(made.cert.pem()) })
        }
        Tls::Files { cert, key } => {
            let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
            let chain = CertificateDer::pem_file_iter(cert)
                .and_then(Iterator::collect)
                .map_err(|error| unreadable(cert, &error))?;
            Ok(Identity { acceptors: Some(acceptors(chain, key)?), certificate_pem: None })
        }
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Tls(error.to_string())
}

fn unreadable(path: &Path, error: &rustls::pki_types::pem::Error) -> Error {
    Error::Tls(format!("{}: {error}", path.display()))
}

fn acceptors(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Acceptors, Error> {
    let wrapped = acceptor(&[&rustls::version::TLS12], chain.clone(), key.clone_key())?;
    Ok(Acceptors { wrapped, strict: acceptor(rustls::ALL_VERSIONS, chain, key)? })
}

fn acceptor(
    versions: &[&'static rustls::SupportedProtocolVersion],
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<TlsAcceptor, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(failed)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(failed)?;
    // TDS 8.0 names itself so; a client that names nothing is not refused (MS-TDS 1.3).
    config.alpn_protocols = vec![b"tds/8.0".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
