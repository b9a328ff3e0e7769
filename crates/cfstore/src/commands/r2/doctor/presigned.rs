//! Whether presigned URLs work, as whoever is handed one uses it.

use std::time::Duration;

use bytes::Bytes;
use cloudflare_clients::Error;
use cloudflare_clients::http::{Method, header};

use super::access::{Access, Sample};
use super::finding::Finding;
use super::http::Answer;
use super::scratch::Scratch;

pub(super) const GET: &str = "presigned GET";
pub(super) const HEAD: &str = "presigned HEAD";
pub(super) const PUT: &str = "presigned PUT";

pub(super) const EXPIRES_IN: Duration = Duration::from_secs(60);

/// What is likely when a signature in headers is taken and the same in a URL is not.
pub(super) const MEND: &str = "curl -v \"$(cfstore r2 presign KEY)\"    shows it; between client and service nothing may change host, path \
                    or query";

pub(super) async fn get(access: &Access, sample: &Sample) -> Finding {
    let get = async {
        let url = access.presign(Method::GET, &sample.key).expires_in(EXPIRES_IN).sign()?;
        // One byte of what may be large.
        access.http.presigned(Method::GET, &url, &[(header::RANGE, "bytes=0-0")], Bytes::new()).await
    };
    finding(GET, get.await, "pages and players can fetch objects by their URLs")
}

pub(super) async fn head(access: &Access, sample: &Sample) -> Finding {
    let head = async {
        let url = access.presign(Method::HEAD, &sample.key).expires_in(EXPIRES_IN).sign()?;
        access.http.presigned(Method::HEAD, &url, &[], Bytes::new()).await
    };
    let head = head.await;
    let length = match &head {
        Ok(answer) if answer.status.is_success() => answer.header(header::CONTENT_LENGTH).map(str::to_owned),
        _ => return finding(HEAD, head, ""),
    };
    match length {
        Some(length) if length == sample.size.to_string() => {
            finding(HEAD, head, "sizes and types can be looked up by their URLs")
        }
        length => Finding::warning(
            HEAD,
            format!("the answer says {} bytes of {}", length.as_deref().unwrap_or("no number of"), sample.size),
            "players that ask for the length before they fetch get a wrong one: something between compresses or buffers",
        )
        .mend(MEND),
    }
}

pub(super) async fn put(access: &Access, scratch: &Scratch) -> Finding {
    let key = scratch.key("presigned.txt");
    let url = access.presign(Method::PUT, &key).expires_in(EXPIRES_IN).content_type("text/plain").sign();
    let put = async {
        let (url, http) = (url?, access.http.clone());
        let body = Bytes::from_static(b"cfstore r2 doctor\n");
        scratch.write(&key, async move { http.presigned(Method::PUT, &url, &[], body).await }).await
    };
    finding(PUT, put.await, "browsers can upload by such URLs, if CORS lets them")
}

fn finding(check: &'static str, answer: Result<Answer, Error>, means: &str) -> Finding {
    match answer {
        Ok(answer) if answer.status.is_success() => {
            Finding::ok(check, format!("answered {}", answer.status), means)
        }
        Ok(answer) => broken(check, &answer.error()),
        Err(error) => broken(check, &error),
    }
}

fn broken(check: &'static str, error: &Error) -> Finding {
    Finding::broken(
        check,
        error.to_string(),
        "a signature in the headers is taken, and one in the URL is not: a proxy changes URLs, or forbids them",
    )
    .mend(MEND)
}
