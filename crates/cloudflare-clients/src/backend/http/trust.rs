//! The certificates that are trusted.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, TrustAnchor};
use rustls::{ClientConfig, RootCertStore};

use crate::error::{Error, ErrorKind, Result};

/// The trusted authorities, and the TLS configuration with them.
pub(super) struct Trust {
    pub(super) tls: ClientConfig,
    #[cfg(feature = "native-roots")]
    own: Vec<TrustAnchor<'static>>,
}

impl Trust {
    /// Mozilla's authorities.
    pub(super) fn public() -> Result<Self> {
        Self::in_all(webpki_roots::TLS_SERVER_ROOTS.to_vec(), Vec::new())
    }

    /// Mozilla's authorities and the certificates in this PEM file.
    pub(super) fn public_and(pem: &[u8]) -> Result<Self> {
        let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        let certificates = certificates.map_err(|error| {
            Error::invalid_input("the certificates are not in PEM format").with_source(error)
        })?;
        let own = anchors(certificates)
            .ok_or_else(|| Error::invalid_input("the PEM file has no certificate that can be trusted"))?;
        Self::in_all(webpki_roots::TLS_SERVER_ROOTS.to_vec(), own)
    }

    /// The system's authorities instead of Mozilla's.
    #[cfg(feature = "native-roots")]
    pub(super) fn native(&self) -> Result<Self> {
        let found = rustls_native_certs::load_native_certs();
        let native = anchors(found.certs).ok_or_else(|| {
            let error = Error::new(
                ErrorKind::Connection,
                "the system has no certificates that can be trusted: install its package ca-certificates, or set SSL_CERT_FILE to a file \
                 with certificates",
            );
            match found.errors.into_iter().next() {
                Some(cause) => error.with_source(cause),
                None => error,
            }
        })?;
        Self::in_all(native, self.own.clone())
    }

    fn in_all(authorities: Vec<TrustAnchor<'static>>, own: Vec<TrustAnchor<'static>>) -> Result<Self> {
        let mut roots = RootCertStore { roots: authorities };
        roots.extend(own.iter().cloned());
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::new(ErrorKind::Connection, "could not set up TLS").with_source(error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls,
            #[cfg(feature = "native-roots")]
            own,
        })
    }
}

/// The certificates that can be trusted, if any.
fn anchors(certificates: Vec<CertificateDer<'static>>) -> Option<Vec<TrustAnchor<'static>>> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates);
    (added > 0).then_some(roots.roots)
}
