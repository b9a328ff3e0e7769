//! Servers that are each wrong in one way.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cloudflare_emulator::{Emulator, EmulatorBuilder, ManualClock};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The bucket that each of them has.
pub(super) const BUCKET: &str = "media";

/// Starts an emulator with [`BUCKET`].
pub(super) async fn started(builder: EmulatorBuilder) -> Emulator {
    let emulator = builder.start().await.unwrap();
    emulator.create_bucket(BUCKET).await.unwrap();
    emulator
}

/// The fault of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// None: it allows everything to all origins.
    Nothing,
    /// Its clock is ahead by this time.
    Clock(Duration),
    /// It requires the region us-east-1, and says so.
    Region,
    /// It refuses every key.
    Credentials,
    /// It answers every request with a page.
    Website,
    /// It accepts requests and never answers.
    Silent,
    /// It refuses writes, like R2 with a read-only key.
    ReadOnly,
    /// It refuses to list, like R2 with a key for some objects.
    ListDenied,
    /// It refuses to delete.
    DeleteDenied,
    /// It refuses operations for admins.
    AdminDenied,
    /// It refuses signatures in URLs, and repeats them.
    Presigned,
    /// It answers range requests with whole objects.
    Range,
    /// It ignores conditions, like Garage.
    Conditions,
    /// It refuses preflights, like R2 without rules.
    NoCors,
    /// It does not allow pages to send the header `Content-Type`.
    CorsHeader,
    /// It does not allow pages to send PUT.
    CorsMethod,
    /// It allows another origin.
    CorsOrigin,
    /// It does not expose `ETag` to pages.
    CorsExposed,
    /// It answers preflights, but does not allow pages to read answers.
    CorsOnlyPreflights,
    /// It does not answer a list of unfinished uploads.
    UploadsNotAnswered,
    /// It answers writes after this time.
    SlowWrites(Duration),
}

/// An [`Emulator`] with the bucket [`BUCKET`], and a faulty proxy in front of it.
#[derive(Debug)]
pub(super) struct WrongServer {
    /// The emulator.
    pub(super) server: Emulator,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl WrongServer {
    /// Starts it.
    pub(super) async fn start(wrong: Wrong) -> Self {
        let builder = match wrong {
            Wrong::Clock(ahead) => {
                Emulator::builder().with_runtime(ManualClock::at(SystemTime::now() + ahead))
            }
            _ => Emulator::builder(),
        };
        Self::before(started(builder).await, wrong).await
    }

    /// Starts it in front of this server.
    pub(super) async fn before(server: Emulator, wrong: Wrong) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, upstream) = (listener.local_addr().unwrap(), server.local_addr());
        let task = tokio::spawn(async move {
            let between = Arc::new(Between { wrong, upstream });
            while let Ok((client, _)) = listener.accept().await {
                let between = Arc::clone(&between);
                tokio::spawn(async move { between.serve(client).await });
            }
        });
        Self { server, address, task }
    }

    /// Where it is: `http://127.0.0.1:` and the port.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for WrongServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Between a client and the server.
struct Between {
    wrong: Wrong,
    upstream: SocketAddr,
}

/// The head of a request or an answer, and what follows.
struct Message {
    first_line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Between {
    async fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        while let Some(request) = Message::read_request(&mut client).await? {
            let answer = self.answer(&request).await?;
            client.write_all(&answer.to_bytes(request.method() == "HEAD")).await?;
        }
        Ok(())
    }

    async fn answer(&self, request: &Message) -> io::Result<Message> {
        let (method, target) = (request.method().to_owned(), request.target().to_owned());
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let writes = ["PUT", "POST", "DELETE"].contains(&method.as_str());
        let is_signed = request.header("authorization").is_some() || query.contains("X-Amz-Signature=");
        let lists = method == "GET" && path.trim_matches('/') == BUCKET;
        match self.wrong {
            Wrong::Silent => return std::future::pending().await,
            Wrong::UploadsNotAnswered if lists && query.contains("uploads") => {
                return std::future::pending().await;
            }
            Wrong::Website => return Ok(Message::answer("200 OK", "text/html", "<html>Welcome")),
            _ if method == "OPTIONS" => return Ok(self.preflight(request)),
            Wrong::Credentials if is_signed => {
                return Ok(error("401 Unauthorized", "Unauthorized", "Unauthorized"));
            }
            Wrong::Region if is_signed && !target_region(request, query).contains("us-east-1") => {
                let document = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>unexpected scope</Message>\
                                <Region>us-east-1</Region></Error>";
                return Ok(Message::answer("400 Bad Request", "application/xml", document));
            }
            Wrong::ReadOnly if writes => return Ok(denied()),
            Wrong::ListDenied if lists => return Ok(denied()),
            Wrong::DeleteDenied if method == "DELETE" => return Ok(denied()),
            Wrong::AdminDenied if path == "/" && is_signed => return Ok(denied()),
            Wrong::Presigned if query.contains("X-Amz-Signature=") => {
                return Ok(error("403 Forbidden", "SignatureDoesNotMatch", &format!("not for {target}")));
            }
            Wrong::SlowWrites(by) if writes && method != "DELETE" => tokio::time::sleep(by).await,
            _ => {}
        }
        let mut answer = self.forwarded(request).await?;
        match self.wrong {
            Wrong::Clock(ahead) => {
                let date = http_date(SystemTime::now() + ahead);
                answer.set("date", &date);
            }
            Wrong::Range if answer.status() == "206" => {
                "HTTP/1.1 200 OK".clone_into(&mut answer.first_line);
                answer.remove("content-range");
            }
            Wrong::Conditions if method == "PUT" && answer.status() == "412" => {
                answer = Message::answer("200 OK", "text/plain", "");
                answer.set("etag", "\"0123456789abcdef0123456789abcdef\"");
            }
            _ => {}
        }
        self.allow(request, &mut answer);
        Ok(answer)
    }

    /// Answers preflights itself, so that tests do not depend on the rules of the emulator.
    fn preflight(&self, request: &Message) -> Message {
        if self.wrong == Wrong::NoCors {
            return error("403 Forbidden", "AccessDenied", "This CORS request is not allowed");
        }
        let mut answer = Message::answer("204 No Content", "text/plain", "");
        let methods = if self.wrong == Wrong::CorsMethod { "GET, HEAD" } else { "GET, HEAD, PUT" };
        answer.set("access-control-allow-methods", methods);
        let headers = if self.wrong == Wrong::CorsHeader { "range" } else { "range, Content-Type" };
        answer.set("access-control-allow-headers", headers);
        answer.set("access-control-allow-origin", &self.let_in(request));
        answer
    }

    fn allow(&self, request: &Message, answer: &mut Message) {
        answer.remove("access-control-allow-origin");
        answer.remove("access-control-expose-headers");
        if request.header("origin").is_none()
            || [Wrong::NoCors, Wrong::CorsOnlyPreflights].contains(&self.wrong)
        {
            return;
        }
        answer.set("access-control-allow-origin", &self.let_in(request));
        if self.wrong != Wrong::CorsExposed {
            answer.set("access-control-expose-headers", "ETag, Content-Range");
        }
    }

    fn let_in(&self, request: &Message) -> String {
        match self.wrong {
            Wrong::CorsOrigin => "https://other.example.com".to_owned(),
            _ => request.header("origin").unwrap_or_default().to_owned(),
        }
    }

    async fn forwarded(&self, request: &Message) -> io::Result<Message> {
        let mut server = TcpStream::connect(self.upstream).await?;
        let mut head = format!("{}\r\nConnection: close\r\n", request.first_line);
        for (name, value) in request.headers.iter().filter(|(name, _)| name != "connection") {
            head.extend([name.as_str(), ": ", value.as_str(), "\r\n"]);
        }
        head.push_str("\r\n");
        server.write_all(head.as_bytes()).await?;
        server.write_all(&request.body).await?;
        let mut answer = Message::read_head(&mut server).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        server.read_to_end(&mut answer.body).await?;
        answer.remove("connection");
        Ok(answer)
    }
}

/// Returns the part of a request that names the region of its credentials.
fn target_region<'a>(request: &'a Message, query: &'a str) -> &'a str {
    request.header("authorization").unwrap_or(query)
}

fn http_date(time: SystemTime) -> String {
    httpdate::fmt_http_date(time)
}

fn denied() -> Message {
    error("403 Forbidden", "AccessDenied", "Access Denied")
}

fn error(status: &str, code: &str, message: &str) -> Message {
    let message = message.replace('&', "&amp;");
    let document = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    Message::answer(status, "application/xml", &document)
}

impl Message {
    fn answer(status: &str, content_type: &str, body: &str) -> Self {
        let headers = vec![
            ("content-type".to_owned(), content_type.to_owned()),
            ("date".to_owned(), http_date(SystemTime::now())),
            ("content-length".to_owned(), body.len().to_string()),
        ];
        Self { first_line: format!("HTTP/1.1 {status}"), headers, body: body.into() }
    }

    /// Returns `None` at the end of the connection.
    async fn read_head(stream: &mut TcpStream) -> io::Result<Option<Self>> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) if head.is_empty() => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let head = String::from_utf8_lossy(&head);
        let mut lines = head.trim_end().split("\r\n");
        let first_line = lines.next().unwrap_or_default().to_owned();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Ok(Some(Self { first_line, headers, body: Vec::new() }))
    }

    async fn read_request(stream: &mut TcpStream) -> io::Result<Option<Self>> {
        let Some(mut request) = Self::read_head(stream).await? else { return Ok(None) };
        let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
        request.body = vec![0; length];
        stream.read_exact(&mut request.body).await?;
        Ok(Some(request))
    }

    fn method(&self) -> &str {
        self.first_line.split(' ').next().unwrap_or_default()
    }

    fn target(&self) -> &str {
        self.first_line.split(' ').nth(1).unwrap_or_default()
    }

    fn status(&self) -> &str {
        self.target()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    fn remove(&mut self, name: &str) {
        self.headers.retain(|(other, _)| other != name);
    }

    fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    fn to_bytes(&self, is_head: bool) -> Vec<u8> {
        let headers =
            self.headers.iter().flat_map(|(name, value)| [name.as_str(), ": ", value.as_str(), "\r\n"]);
        let headers: String = headers.collect();
        let mut bytes = format!("{}\r\n{headers}\r\n", self.first_line).into_bytes();
        if !is_head {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}
