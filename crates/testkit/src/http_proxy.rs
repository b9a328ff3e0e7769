//! An HTTP proxy that connects all hosts to one server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{self, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const AUTHORIZATION: &str = "proxy-authorization: ";

/// An HTTP proxy on a separate port, for `CONNECT` and for absolute URLs. It runs as long as the test's Tokio
/// runtime.
///
/// It connects every host to the same server, so host names need not exist.
#[derive(Debug, Clone)]
pub struct HttpProxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl HttpProxy {
    /// Starts a proxy that connects to this server.
    pub async fn to(server: SocketAddr) -> Self {
        Self::start(server, None).await
    }

    /// Starts a proxy for clients that send this value of `Proxy-Authorization`. Others get a 407.
    pub async fn guarded_to(server: SocketAddr, authorization: &'static str) -> Self {
        Self::start(server, Some(authorization)).await
    }

    async fn start(server: SocketAddr, authorization: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let proxy = Self { address, asked };
        let serving = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let serving = serving.clone();
                // A client that disconnects is not a failure of the proxy.
                tokio::spawn(async move { serving.serve(client, server, authorization).await.ok() });
            }
        });
        proxy
    }

    /// Returns its address: a host and a port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the method and target of each request so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    async fn serve(
        &self,
        mut client: TcpStream,
        server: SocketAddr,
        authorization: Option<&str>,
    ) -> io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let (line, headers) = head.split_once("\r\n").unwrap();
        self.asked.lock().unwrap().push(line.replace(" HTTP/1.1", ""));
        let given = headers.lines().find_map(|line| line.strip_prefix(AUTHORIZATION));
        if authorization.is_some() && given != authorization {
            let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"proxy\"\r\n\
                           Content-Length: 0\r\nConnection: close\r\n\r\n";
            return client.write_all(refusal.as_bytes()).await;
        }
        let mut server = TcpStream::connect(server).await?;
        if line.starts_with("CONNECT ") {
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
        } else {
            let (method, url) = line.split_once(' ').unwrap();
            let path = url.splitn(4, '/').nth(3).unwrap();
            let kept = headers.split_inclusive("\r\n").filter(|line| !line.starts_with(AUTHORIZATION));
            // The proxy would have to parse further requests on this connection too.
            let head = format!("{method} /{path}\r\nConnection: close\r\n{}", kept.collect::<String>());
            server.write_all(head.as_bytes()).await?;
        }
        io::copy_bidirectional(&mut client, &mut server).await?;
        Ok(())
    }
}
