//! An HTTP server that answers according to a script, byte for byte.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Returns an answer with this status line, these headers, this body, and the body's length.
pub fn answer(status: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().flat_map(|header| [*header, "\r\n"]).collect();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// A server on a separate port. It runs as long as the test's Tokio runtime.
#[derive(Debug)]
pub struct ScriptedServer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// A request that was read.
#[derive(Debug, Clone)]
pub struct Request {
    /// The request line.
    pub line: String,
    /// The other lines of the head, including line ends. The library's client writes names in lower case.
    pub headers: String,
    /// The body.
    pub body: String,
}

impl ScriptedServer {
    /// Starts a server that answers each request with the next of `answers`, whatever its connection. After
    /// the last answer it closes connections.
    pub async fn answering(answers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let answers: Arc<[String]> = answers.into_iter().map(Into::into).collect();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let server = Self::conversing(move |mut connection| {
            let (seen, answers) = (Arc::clone(&seen), Arc::clone(&answers));
            async move {
                while let Some(request) = connection.read_request().await {
                    let nth = {
                        let mut seen = seen.lock().unwrap();
                        seen.push(request);
                        seen.len() - 1
                    };
                    let Some(answer) = answers.get(nth) else { return };
                    connection.write(answer).await;
                }
            }
        })
        .await;
        Self { requests, ..server }
    }

    /// Starts a server that passes each connection to `script`, and closes it when the script ends.
    pub async fn conversing<F>(script: impl Fn(Connection) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(script(Connection(connection)));
            }
        });
        Self { address, requests: Arc::default() }
    }

    /// Returns its URL: `http://127.0.0.1:` and the port.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the requests that [`answering`](Self::answering) has read so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns the method and target of each of these requests.
    pub fn lines(&self) -> Vec<String> {
        let line = |request: &Request| request.line.replace(" HTTP/1.1", "");
        self.requests.lock().unwrap().iter().map(line).collect()
    }
}

/// A connection to a client.
#[derive(Debug)]
pub struct Connection(TcpStream);

impl Connection {
    /// Reads a head including its empty line, and leaves the body unread. Returns `None` if the connection
    /// has ended.
    pub async fn read_head(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.ok()?);
        }
        String::from_utf8(head).ok()
    }

    /// Reads a body of this length.
    pub async fn read_body(&mut self, length: usize) -> Option<Vec<u8>> {
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.ok()?;
        Some(body)
    }

    async fn read_request(&mut self) -> Option<Request> {
        let head = self.read_head().await?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let body = self.read_body(length.map_or(0, |length| length.parse().unwrap())).await?;
        let (line, headers) = head.split_once("\r\n")?;
        let body = String::from_utf8_lossy(&body).into_owned();
        Some(Request { line: line.to_owned(), headers: headers.to_owned(), body })
    }

    /// Writes the bytes unchanged, if the client still reads them.
    pub async fn write(&mut self, answer: &str) {
        let _ = self.0.write_all(answer.as_bytes()).await;
    }
}
