//! The TLS certificate of a server.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloudflare_clients::{Error, ErrorKind, Result};
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{RootCertStore, ServerConfig};

use crate::trusted_file;

const CERTIFICATE: &str = "tls-certificate.pem";
const KEY: &str = "tls-key.pem";

/// Names of this machine for itself.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

const DAY: Duration = Duration::from_secs(24 * 3600);
/// [Maximum lifetime](https://support.apple.com/en-us/103769) that every client accepts.
const VALID: Duration = Duration::from_secs(24 * 397 * 3600);
/// Remaining lifetime below which a certificate is replaced.
const RENEWED_BEFORE: Duration = Duration::from_secs(24 * 30 * 3600);

/// A certificate with its private key, for HTTPS.
#[derive(Clone)]
pub struct Tls {
    certificate: PathBuf,
    pub(crate) config: Arc<ServerConfig>,
}

impl Tls {
    /// Reads a certificate from a PEM file, followed by its issuers, and the private key from another PEM
    /// file.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`]: a file cannot be read. [`ErrorKind::InvalidInput`]: a file does not hold a
    /// certificate or key, or they do not belong together.
    pub fn from_files(certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self> {
        let (certificate, key) = (certificate.as_ref(), key.as_ref());
        Self::from_pem(certificate, &read(certificate)?, key, &read(key)?)
    }

    /// Parses the contents of the two files.
    fn from_pem(certificate: &Path, certificate_pem: &[u8], key: &Path, key_pem: &[u8]) -> Result<Self> {
        let chain = parse_chain(certificate, certificate_pem)?;
        let der = PrivateKeyDer::from_pem_slice(key_pem).map_err(|error| {
            invalid(format!(
                "{} does not hold a private key in PEM format without a password: {error}",
                key.display()
            ))
        })?;
        let config = config(chain, der).map_err(|error| {
            invalid(format!(
                "the key in {} does not belong to the certificate in {}: {error}",
                key.display(),
                certificate.display()
            ))
        })?;
        Ok(Self { certificate: certificate.to_owned(), config })
    }

    /// Reads or generates a self-signed certificate for `localhost`, `127.0.0.1` and `::1`. It is in
    /// `tls-certificate.pem` in this folder, and its key in `tls-key.pem`, readable only by the owner. Both
    /// are generated if they are missing or unusable, and again 30 days before the certificate expires. It is
    /// valid for 397 days. Clients must trust the [certificate](Self::certificate).
    ///
    /// # Errors
    /// [`ErrorKind::Storage`]: the files cannot be read or created, or others can write them.
    pub fn load_or_create(directory: &Path, now: SystemTime) -> Result<Self> {
        let (certificate, key) = (directory.join(CERTIFICATE), directory.join(KEY));
        if certificate.exists() && key.exists() {
            let unusable = |path| move |error| storage(path, "cannot be used", error);
            let certificate_pem = trusted_file::read(&certificate).map_err(unusable(&certificate))?;
            let key_pem = trusted_file::read_secret(&key).map_err(unusable(&key))?;
            match Self::from_pem(&certificate, &certificate_pem, &key, &key_pem) {
                Ok(tls) if is_good(&certificate, &certificate_pem, now + RENEWED_BEFORE) => return Ok(tls),
                Ok(_) => tracing::info!("generating {} again, since it expires soon", certificate.display()),
                Err(error) => tracing::warn!(%error, "generating {} again", certificate.display()),
            }
        }
        let (certificate_pem, key_pem) = make(now)?;
        write(directory, &key, &key_pem, false)?;
        write(directory, &certificate, &certificate_pem, true)?;
        Self::from_files(&certificate, &key)
    }

    /// Returns the path of the file with the certificate.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Whether the certificate is still valid at this time for every name of this machine.
fn is_good(certificate: &Path, pem: &[u8], then: SystemTime) -> bool {
    let good = || {
        let chain = parse_chain(certificate, pem).ok()?;
        let first = chain.first()?;
        let mut roots = RootCertStore::empty();
        roots.add(first.clone()).ok()?;
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build().ok()?;
        let then = UnixTime::since_unix_epoch(then.duration_since(UNIX_EPOCH).ok()?);
        for name in NAMES {
            let name = ServerName::try_from(name).ok()?;
            rustls::client::danger::ServerCertVerifier::verify_server_cert(
                &*verifier,
                first,
                &[],
                &name,
                &[],
                then,
            )
            .ok()?;
        }
        Some(())
    };
    good().is_some()
}

/// Generates a certificate and its key, in PEM format.
fn make(now: SystemTime) -> Result<(String, String)> {
    let failed = |error: rcgen::Error| {
        Error::new(ErrorKind::Storage, format!("cannot generate a certificate: {error}")).with_source(error)
    };
    let key = KeyPair::generate().map_err(failed)?;
    let mut certificate = CertificateParams::new(NAMES.map(str::to_owned)).map_err(failed)?;
    certificate.distinguished_name = DistinguishedName::new();
    certificate.distinguished_name.push(DnType::CommonName, NAMES[0]);
    // It can sign only itself, so trusting it does not extend to other certificates.
    certificate.is_ca = IsCa::ExplicitNoCa;
    certificate.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let since_1970 = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    // The clock of a client may be slow.
    certificate.not_before = epoch + since_1970.saturating_sub(DAY);
    certificate.not_after = epoch + since_1970.saturating_sub(DAY) + VALID;
    let signed = certificate.self_signed(&key).map_err(failed)?;
    Ok((signed.pem(), key.serialize_pem()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| storage(path, "cannot be read", error))
}

/// The certificates in a file.
fn parse_chain(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(invalid(format!(
            "{} does not hold a certificate in PEM format, which begins with -----BEGIN CERTIFICATE-----",
            path.display()
        ))),
        Err(error) => {
            Err(invalid(format!("{} does not hold a certificate in PEM format: {error}", path.display())))
        }
    }
}

/// Writes a file through a temporary one, so that it is never partial. Only the owner can read it, unless
/// others may.
fn write(directory: &Path, path: &Path, pem: &str, for_others: bool) -> Result<()> {
    let write = || -> io::Result<()> {
        fs::create_dir_all(directory)?;
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(pem.as_bytes())?;
        if for_others {
            let_others_read(file.as_file())?;
        }
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error| storage(path, "cannot be written", error))
}

#[cfg(unix)]
fn let_others_read(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn let_others_read(_: &fs::File) -> io::Result<()> {
    Ok(())
}

fn storage(path: &Path, what: &str, error: io::Error) -> Error {
    Error::new(ErrorKind::Storage, format!("{} {what}: {error}", path.display())).with_source(error)
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    #[test]
    fn a_certificate_is_made_once_and_anew_before_it_expires() {
        let folder = tempfile::tempdir().unwrap();
        let made = |now| {
            let tls = Tls::load_or_create(folder.path(), now).unwrap();
            fs::read_to_string(tls.certificate()).unwrap()
        };
        let first = made(now());
        assert_eq!(made(now() + VALID - RENEWED_BEFORE - 2 * DAY), first);
        let renewed = made(now() + VALID - RENEWED_BEFORE);
        assert_ne!(renewed, first);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        // One without the other is made anew; so is one of another key.
        fs::remove_file(folder.path().join(KEY)).unwrap();
        let again = made(now() + VALID);
        assert_ne!(again, renewed);
        fs::write(folder.path().join(CERTIFICATE), renewed).unwrap();
        made(now() + VALID);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |name| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(KEY), mode(CERTIFICATE)), (0o600, 0o644));
        }
    }

    /// Who knows the key of a certificate that clients are told to trust is the server to them.
    #[cfg(unix)]
    #[test]
    fn files_of_somebody_else_are_refused() {
        use std::os::unix::fs::{PermissionsExt as _, chown};

        let folder = tempfile::tempdir().unwrap();
        let refusal = || Tls::load_or_create(folder.path(), now()).unwrap_err();
        for name in [CERTIFICATE, KEY] {
            Tls::load_or_create(folder.path(), now()).unwrap();
            let path = folder.path().join(name);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
            let refused = refusal();
            assert!(refused.message().contains("other users can write it"), "{refused}");
            // Only root can give a file away.
            if rustix::process::geteuid().is_root() {
                chown(&path, Some(12345), None).unwrap();
                let refused = refusal();
                assert!(refused.message().contains("belongs to another user (uid 12345)"), "{refused}");
            }
            fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn files_that_do_not_serve_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        for directory in [&one, &other] {
            Tls::load_or_create(directory, now()).unwrap();
        }
        let (certificate, key) = (one.join(CERTIFICATE), one.join(KEY));
        Tls::from_files(&certificate, &key).unwrap();
        let empty = folder.path().join("empty.pem");
        fs::write(&empty, "").unwrap();
        for (certificate, key, kind, what) in [
            (&folder.path().join("none"), &key, ErrorKind::Storage, "none cannot be read"),
            (&empty, &key, ErrorKind::InvalidInput, "empty.pem does not hold a certificate in PEM"),
            (&key, &certificate, ErrorKind::InvalidInput, "tls-key.pem does not hold a certificate"),
            (&certificate, &certificate, ErrorKind::InvalidInput, "does not hold a private key in PEM"),
            (&certificate, &other.join(KEY), ErrorKind::InvalidInput, "does not belong to the certificate"),
        ] {
            let error = Tls::from_files(certificate, key).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(what), "{error}");
        }
    }
}
