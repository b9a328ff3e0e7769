//! A proxy between client and server that fails on demand.

use std::collections::{HashSet, VecDeque};
use std::io::{self, Error, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Small, so that a client soon notices that the proxy has stopped reading.
const RECEIVE_BUFFER: u32 = 64 * 1024;

/// A fault of a request or its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The proxy answers with this status and, if set, `Retry-After` in seconds. The server receives nothing.
    Status(u16, Option<u64>),
    /// The proxy answers 503 before the body arrives, does not read it, and closes the connection.
    Refusal,
    /// The connection is reset after the head of the request. The server receives nothing.
    ResetBefore,
    /// Half of the request's body reaches the server. Then both connections are reset.
    ResetInUpload,
    /// The server answers, and the connection is reset instead of returning the answer.
    ResetAfter,
    /// The connection ends after half of the body.
    EndEarly(ContentLength),
    /// The document in the answer lacks the part with this number.
    HidePart(u16),
    /// One byte in the middle of the answer's body is changed.
    FlipDownload,
    /// One byte in the middle of the request's body is changed.
    FlipUpload,
    /// The request is accepted, and no answer is sent.
    StallBeforeHead,
    /// Nothing is sent after half of the answer's body.
    StallInBody,
    /// The request's body is not read.
    StallUpload,
    /// The answer is complete, and the connection is closed without notice `after` it.
    CloseIdle { after: Duration },
}

/// The `Content-Length` of an answer whose body ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentLength {
    /// The original length.
    Kept,
    /// No length: the body ends with the connection.
    Removed,
    /// The length of the half that is sent.
    Halved,
}

/// The operations of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Get,
    Head,
    HeadBucket,
    List,
    Put,
    Copy,
    Delete,
    DeleteMany,
    CreateUpload,
    UploadPart,
    Complete,
    Abort,
    ListParts,
    ListUploads,
    Other,
}

impl Kind {
    /// Whether its answer has no body.
    fn is_head(self) -> bool {
        matches!(self, Self::Head | Self::HeadBucket)
    }
}

/// A request that passed through the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The operation.
    pub kind: Kind,
    /// The path and the query.
    pub target: String,
    /// The `Range` header.
    pub range: Option<String>,
    /// Number of bytes of the request's body received so far.
    pub sent: usize,
    /// Whether the client received the server's complete and unchanged answer, and it is a success.
    pub acknowledged: bool,
    /// Whether the same request had been acknowledged before this one arrived.
    pub repeats: bool,
}

#[derive(Debug, Default)]
struct Script {
    server: Option<SocketAddr>,
    orders: VecDeque<(Kind, Option<Fault>)>,
    random: Option<Random>,
    calls: Vec<Call>,
    /// The acknowledged puts and parts.
    acknowledged: HashSet<String>,
    under_way: usize,
    random_faults: usize,
}

#[derive(Debug)]
struct Random {
    share: f64,
    rng: fastrand::Rng,
    faults: Vec<Fault>,
}

impl Script {
    /// Counts a request and returns its fault.
    fn next(&mut self, head: &Head) -> (usize, Option<Fault>) {
        let (kind, target) = (head.kind(), head.target());
        self.calls.push(Call {
            kind,
            repeats: self.acknowledged.contains(&target),
            target,
            range: head.header("range").map(str::to_owned),
            sent: 0,
            acknowledged: false,
        });
        (self.calls.len() - 1, self.fault(kind))
    }

    fn acknowledge(&mut self, call: usize) {
        let Some(call) = self.calls.get_mut(call) else { return };
        call.acknowledged = true;
        if matches!(call.kind, Kind::Put | Kind::UploadPart) {
            self.acknowledged.insert(call.target.clone());
        }
    }

    fn fault(&mut self, kind: Kind) -> Option<Fault> {
        if let Some(index) = self.orders.iter().position(|(ordered, _)| *ordered == kind) {
            return self.orders.remove(index).and_then(|(_, fault)| fault);
        }
        let random = self.random.as_mut()?;
        if random.rng.f64() >= random.share {
            return None;
        }
        self.random_faults += 1;
        random.rng.choice(&random.faults).copied()
    }
}

/// A proxy on a separate port, until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy in front of this server.
    pub fn start(server: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(RECEIVE_BUFFER).unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let listener = socket.listen(1024).unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Mutex::new(Script { server: Some(server), ..Script::default() }));
        let task = tokio::spawn(accept(listener, Arc::clone(&script)));
        Self { address, script, task }
    }

    /// Returns the address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Orders a fault for the next request of this kind, after the faults that were ordered before.
    pub fn order(&self, kind: Kind, fault: Fault) {
        self.script().orders.push_back((kind, Some(fault)));
    }

    /// Orders faults for the next requests of this kind, after `unharmed` requests without one.
    pub fn order_after(&self, kind: Kind, unharmed: usize, faults: &[Fault]) {
        let faults = faults.iter().map(|fault| Some(*fault));
        let orders = std::iter::repeat_n(None, unharmed).chain(faults);
        self.script().orders.extend(orders.map(|fault| (kind, fault)));
    }

    /// Forgets only the orders.
    pub fn clear_orders(&self) {
        self.script().orders.clear();
    }

    /// Causes one of these faults at random, for this share of all requests.
    pub fn at_random(&self, share: f64, seed: u64, faults: &[Fault]) {
        self.script().random =
            Some(Random { share, rng: fastrand::Rng::with_seed(seed), faults: faults.to_vec() });
    }

    /// Returns how many requests had a random fault.
    pub fn faults(&self) -> usize {
        self.script().random_faults
    }

    /// Returns how many requests of this kind arrived since the last [`begin`](Self::begin).
    pub fn calls(&self, kind: Kind) -> usize {
        self.script().calls.iter().filter(|call| call.kind == kind).count()
    }

    /// Returns the requests since the last [`begin`](Self::begin), in the order of their arrival.
    pub fn log(&self) -> Vec<Call> {
        self.script().calls.clone()
    }

    /// Returns the objects and parts that were sent again since the last [`begin`](Self::begin) although they
    /// had been acknowledged: the same part of the same upload, or an object with the same key.
    pub fn sent_twice(&self) -> Vec<Call> {
        self.script().calls.iter().filter(|call| call.repeats).cloned().collect()
    }

    /// Returns how many requests are in progress.
    pub fn under_way(&self) -> usize {
        self.script().under_way
    }

    /// Forwards requests to this server from now on.
    pub fn set_server(&self, server: SocketAddr) {
        self.script().server = Some(server);
    }

    /// Forgets the orders and calls.
    pub fn begin(&self) {
        let mut script = self.script();
        script.orders.clear();
        script.calls.clear();
        script.acknowledged.clear();
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, script: Arc<Mutex<Script>>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else {
            return;
        };
        connections.spawn(converse(client, Arc::clone(&script)));
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(client: TcpStream, script: Arc<Mutex<Script>>) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut client = Wire(client);
    while let Some(head) = client.read_head().await? {
        let kind = head.kind();
        let (call, fault) = script.lock().unwrap().next(&head);
        let _under_way = UnderWay::new(&script);
        match fault {
            Some(Fault::ResetBefore) => return client.reset(),
            Some(Fault::Refusal) => {
                let answer = status_answer(503, None, kind);
                return client.write(answer.as_bytes()).await;
            }
            Some(Fault::StallUpload) => return std::future::pending().await,
            _ => {}
        }
        let mut body = client.read_body(head.content_length().unwrap_or(0)).await?;
        let server = {
            let mut script = script.lock().unwrap();
            if let Some(call) = script.calls.get_mut(call) {
                call.sent = body.len();
            }
            script.server
        };
        match fault {
            Some(Fault::StallBeforeHead) => return std::future::pending().await,
            Some(Fault::Status(status, retry_after)) => {
                client.write(status_answer(status, retry_after, kind).as_bytes()).await?;
                continue;
            }
            Some(Fault::FlipUpload) => flip(&mut body),
            _ => {}
        }

        let Some(server) = server else { return Ok(()) };
        let mut upstream = Wire(TcpStream::connect(server).await?);
        upstream.write(head.0.as_bytes()).await?;
        if fault == Some(Fault::ResetInUpload) {
            upstream.write(&body[..body.len() / 2]).await?;
            // Otherwise the reset overtakes the written bytes.
            tokio::time::sleep(Duration::from_millis(20)).await;
            upstream.reset()?;
            return client.reset();
        }
        // A server that rejects a request may answer before it has read everything.
        let written = upstream.write(&body).await;
        let Some(mut head) = upstream.read_head().await? else {
            return written;
        };
        let has_body =
            !kind.is_head() && !head.0.starts_with("HTTP/1.1 204") && !head.0.starts_with("HTTP/1.1 304");
        let length = if has_body { head.answer_length()? } else { 0 };
        let mut body = upstream.read_body(length).await?;
        let half = body.len() / 2;
        match fault {
            Some(Fault::ResetAfter) => return client.reset(),
            Some(Fault::FlipDownload) => flip(&mut body),
            Some(Fault::HidePart(number)) => {
                body = without_part(&body, number);
                head.set_content_length(Some(body.len()));
            }
            Some(Fault::EndEarly(content_length)) => {
                match content_length {
                    ContentLength::Kept => {}
                    ContentLength::Removed => head.set_content_length(None),
                    ContentLength::Halved => head.set_content_length(Some(half)),
                }
                client.write(head.0.as_bytes()).await?;
                client.write(&body[..half]).await?;
                return client.0.shutdown().await;
            }
            Some(Fault::StallInBody) => {
                client.write(head.0.as_bytes()).await?;
                client.write(&body[..half]).await?;
                return std::future::pending().await;
            }
            _ => {}
        }
        let mut answer = head.0.into_bytes();
        answer.extend_from_slice(&body);
        client.write(&answer).await?;
        let unchanged = matches!(fault, None | Some(Fault::CloseIdle { .. }));
        if unchanged && answer.starts_with(b"HTTP/1.1 2") {
            script.lock().unwrap().acknowledge(call);
        }
        if let Some(Fault::CloseIdle { after }) = fault {
            tokio::time::sleep(after).await;
            return client.0.shutdown().await;
        }
    }
    Ok(())
}

/// Counts a request as in progress while it lives.
struct UnderWay<'a>(&'a Mutex<Script>);

impl<'a> UnderWay<'a> {
    fn new(script: &'a Mutex<Script>) -> Self {
        script.lock().unwrap().under_way += 1;
        Self(script)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap().under_way -= 1;
    }
}

fn flip(body: &mut [u8]) {
    let middle = body.len() / 2;
    if let Some(byte) = body.get_mut(middle) {
        *byte ^= 1;
    }
}

/// Returns a list of parts without one of them.
fn without_part(document: &[u8], number: u16) -> Vec<u8> {
    let document = String::from_utf8_lossy(document);
    let begins = format!("<PartNumber>{number}</PartNumber>");
    let parts = document.split_inclusive("</Part>");
    let kept = parts.map(|text| match text.find("<Part>") {
        Some(at) if text.contains(&begins) => &text[..at],
        _ => text,
    });
    kept.collect::<String>().into_bytes()
}

fn status_answer(status: u16, retry_after: Option<u64>, kind: Kind) -> String {
    let code = match status {
        429 => "TooManyRequests",
        403 => "AccessDenied",
        503 => "ServiceUnavailable",
        _ => "InternalError",
    };
    let body = if kind.is_head() {
        ""
    } else {
        &format!("<Error><Code>{code}</Code><Message>Ordered by the test.</Message></Error>")
    };
    let retry_after = retry_after.map_or_else(String::new, |seconds| format!("Retry-After: {seconds}\r\n"));
    let length = body.len();
    format!("HTTP/1.1 {status} Ordered\r\n{retry_after}Content-Length: {length}\r\n\r\n{body}")
}

struct Wire(TcpStream);

impl Wire {
    /// Reads the next head, or returns `None` if the connection has ended. Peeks at the available bytes,
    /// because the body must stay unread and reading single bytes would be slow.
    async fn read_head(&mut self) -> io::Result<Option<Head>> {
        let mut head = Vec::new();
        let mut peeked = vec![0; 16 * 1024];
        loop {
            let count = self.0.peek(&mut peeked).await?;
            if count == 0 {
                return Ok(None);
            }
            let before = head.len();
            head.extend_from_slice(&peeked[..count]);
            let end = head.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
            head.truncate(end.unwrap_or(head.len()));
            let taken = head.len() - before;
            self.0.read_exact(&mut peeked[..taken]).await?;
            if end.is_some() {
                let head =
                    String::from_utf8(head).map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
                return Ok(Some(Head(head)));
            }
        }
    }

    async fn read_body(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await?;
        Ok(body)
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }

    /// Closes the connection with an RST.
    fn reset(self) -> io::Result<()> {
        self.0.set_zero_linger()
    }
}

/// The head of a request or of an answer, including its empty line.
struct Head(String);

impl Head {
    fn header(&self, wanted: &str) -> Option<&str> {
        self.0.lines().skip(1).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim())
        })
    }

    fn content_length(&self) -> Option<usize> {
        self.header("content-length")?.parse().ok()
    }

    fn target(&self) -> String {
        self.0.split(' ').nth(1).unwrap_or_default().to_owned()
    }

    fn answer_length(&self) -> io::Result<usize> {
        let missing = || Error::new(ErrorKind::InvalidData, "an answer without Content-Length");
        self.content_length().ok_or_else(missing)
    }

    fn set_content_length(&mut self, length: Option<usize>) {
        let kept = self
            .0
            .trim_end()
            .lines()
            .filter(|line| !line.to_ascii_lowercase().starts_with("content-length:"));
        let mut lines: Vec<_> = kept.map(str::to_owned).collect();
        lines.push(match length {
            Some(length) => format!("Content-Length: {length}"),
            None => "Connection: close".to_owned(),
        });
        self.0 = lines.join("\r\n") + "\r\n\r\n";
    }

    fn kind(&self) -> Kind {
        let mut words = self.0.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let has_key = path.trim_start_matches('/').contains('/');
        let asks = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
        let copies = self.0.to_ascii_lowercase().contains("\nx-amz-copy-source:");
        match method {
            "GET" if asks("uploadId") => Kind::ListParts,
            "GET" if asks("uploads") => Kind::ListUploads,
            "GET" if has_key => Kind::Get,
            "GET" if asks("list-type") => Kind::List,
            "HEAD" if has_key => Kind::Head,
            "HEAD" => Kind::HeadBucket,
            "PUT" if asks("partNumber") => Kind::UploadPart,
            "PUT" if copies => Kind::Copy,
            "PUT" => Kind::Put,
            "DELETE" if asks("uploadId") => Kind::Abort,
            "DELETE" => Kind::Delete,
            "POST" if asks("delete") => Kind::DeleteMany,
            "POST" if asks("uploads") => Kind::CreateUpload,
            "POST" if asks("uploadId") => Kind::Complete,
            _ => Kind::Other,
        }
    }
}
