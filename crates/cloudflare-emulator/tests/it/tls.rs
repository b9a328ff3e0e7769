//! The server with TLS.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cloudflare_clients::sigv4::{Payload, RequestTarget, Signer};
use cloudflare_emulator::{Emulator, Limits, Tls};
use http::{HeaderMap, Method};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::client::Answer;

struct Secure {
    emulator: Emulator,
    tls: Tls,
    _folder: tempfile::TempDir,
}

impl Secure {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tls = Tls::load_or_create(folder.path(), SystemTime::now()).unwrap();
        let limits = Limits::default().handshake(Duration::from_millis(300));
        let emulator = Emulator::builder().tls(tls.clone()).limits(limits).start().await.unwrap();
        emulator.create_bucket("media").await.unwrap();
        Self { emulator, tls, _folder: folder }
    }

    /// As a client that trusts the certificate sends it.
    async fn send(&self, name: &'static str, wire: &str) -> Answer {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.tls.certificate()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(self.emulator.local_addr()).await.unwrap();
        let name = ServerName::try_from(name).unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        stream.write_all(wire.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        Answer::parse(&answer)
    }

    fn request(&self, method: &Method, path: &str, payload: &Payload) -> String {
        let host = self.emulator.local_addr().to_string();
        let signer = Signer::new(self.emulator.credentials().signing());
        let mut headers = HeaderMap::new();
        let target = RequestTarget::new(method, &host, path);
        signer.sign_headers(target, &mut headers, payload, SystemTime::now()).unwrap();
        let mut wire = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
        for (name, value) in &headers {
            wire.extend([name.as_str(), ": ", value.to_str().unwrap(), "\r\n"]);
        }
        wire + "content-length: 0\r\n\r\n"
    }
}

#[tokio::test]
async fn clients_that_trust_the_certificate_are_served() {
    let secure = Secure::start().await;
    let address = secure.emulator.local_addr();
    assert_eq!(secure.emulator.endpoint(), format!("https://{address}"));
    let put = secure.request(&Method::PUT, "/media/key", &Payload::Empty);
    for name in ["localhost", "127.0.0.1", "::1"] {
        assert_eq!(secure.send(name, &put).await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn chunks_are_refused_as_r2_refuses_them() {
    let secure = Secure::start().await;
    let put = secure.request(&Method::PUT, "/media/key", &Payload::SignedChunks);
    let answer = secure.send("localhost", &put).await;
    assert_eq!(answer.error(), (501, "NotImplemented".to_owned()));
    assert_eq!(answer.element("Message"), "STREAMING-AWS4-HMAC-SHA256-PAYLOAD not implemented");
}

#[tokio::test]
async fn a_handshake_that_does_not_come_keeps_nobody_waiting() {
    let secure = Secure::start().await;
    let mut silent = TcpStream::connect(secure.emulator.local_addr()).await.unwrap();
    let mut plain = TcpStream::connect(secure.emulator.local_addr()).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let get = secure.request(&Method::GET, "/media/none", &Payload::Empty);
    assert_eq!(secure.send("localhost", &get).await.status, 404);
    for stream in [&mut silent, &mut plain] {
        let mut received = Vec::new();
        let closed = stream.read_to_end(&mut received);
        let _ = tokio::time::timeout(Duration::from_secs(10), closed).await.unwrap();
    }
}
