//! Checks that pages of an origin can use the bucket: with the preflights of browsers, and whether scripts
//! can read the answers.

use bytes::Bytes;
use cloudflare_clients::Result;
use cloudflare_clients::http::{Method, header};

use super::access::{Access, Sample};
use super::finding::Finding;
use super::http::Answer;
use super::presigned::EXPIRES_IN;
use super::scratch::Scratch;

pub(super) const GET: &str = "CORS GET";
pub(super) const PUT: &str = "CORS PUT";
pub(super) const PARTS: &str = "CORS parts";

/// Response header that scripts need, and that browsers hide unless it is exposed.
const ETAG: &str = "etag";

/// Checks a player that fetches a range of an object.
pub(super) async fn get(access: &Access, key: &str, origin: &str, sample: Option<&Sample>) -> Finding {
    let wish = Wish { origin, method: Method::GET, header: Some("range") };
    let seen = match wish.preflight(access, key).await {
        Ok(seen) => seen,
        Err(why) => return wish.refused(access, GET, why, "players and fetch() with Range fail"),
    };
    let Some(sample) = sample else {
        return Finding::ok(GET, seen, "pages of the origin can fetch; there was no object to test it with");
    };
    let got = async {
        let url = access.presign(Method::GET, &sample.key).expires_in(EXPIRES_IN).sign()?;
        let headers = [(header::ORIGIN, origin), (header::RANGE, "bytes=0-0")];
        access.http.presigned(Method::GET, &url, &headers, Bytes::new()).await
    };
    let answer = match succeeded(got.await) {
        Ok(answer) => answer,
        Err(why) => {
            let means =
                "the preflight passes; whether scripts can read the answer can be tested once URLs work";
            return Finding::not_possible(GET, format!("the URL itself fails: {why}"), means);
        }
    };
    match allows_origin(&answer, origin) {
        Ok(()) => Finding::ok(GET, seen, "pages of the origin can fetch objects, and ranges of them"),
        Err(why) => {
            let seen = format!("the preflight passes, but {why}");
            wish.unreadable(access, GET, seen, "scripts cannot read the answer")
        }
    }
}

/// Checks a page that uploads a file.
pub(super) async fn put(access: &Access, key: &str, origin: &str) -> Finding {
    let wish = Wish { origin, method: Method::PUT, header: Some("content-type") };
    match wish.preflight(access, key).await {
        Ok(seen) => Finding::ok(PUT, seen, "pages of the origin can upload with a content type"),
        Err(why) => {
            wish.refused(access, PUT, why, "browsers refuse every upload of a page before sending it")
        }
    }
}

/// Checks a page that uploads a file in parts, and needs to read the `ETag` of each.
pub(super) async fn parts(access: &Access, origin: &str, scratch: &Scratch) -> Finding {
    let wish = Wish { origin, method: Method::PUT, header: None };
    if let Err(why) = wish.preflight(access, &scratch.key("parts.bin")).await {
        return wish.refused(access, PARTS, why, "browsers refuse every part before sending it");
    }
    let upload = match scratch.begin_upload(access, "parts.bin").await {
        Ok(Ok(upload)) => upload,
        Ok(Err(answer)) => return no_parts(&answer.error().to_string()),
        Err(error) => return no_parts(&error.to_string()),
    };
    let (key, id) = upload;
    let url = access.presign(Method::PUT, &key).expires_in(EXPIRES_IN).upload_part(id, 1).sign();
    let (http, owned) = (access.http.clone(), origin.to_owned());
    let part = async {
        let url = url?;
        let send = async move {
            let headers = [(header::ORIGIN, owned.as_str())];
            http.presigned(Method::PUT, &url, &headers, Bytes::from_static(b"a part")).await
        };
        scratch.write_part(send).await
    };
    let answer = match succeeded(part.await) {
        Ok(answer) => answer,
        Err(why) => {
            let means = "parts cannot be uploaded with presigned URLs";
            return Finding::broken(
                PARTS,
                format!("the preflight passes, but the URL of a part fails: {why}"),
                means,
            )
            .mend(super::presigned::MEND);
        }
    };
    let unread = "scripts cannot read the ETag of a part, which they need to complete the upload";
    match allows_origin(&answer, origin) {
        Ok(()) if exposes(&answer, ETAG) => Finding::ok(
            PARTS,
            "a part was accepted, and its ETag is exposed",
            "pages of the origin can use multipart uploads",
        ),
        Ok(()) => {
            let seen = "a part was accepted, but Access-Control-Expose-Headers does not include ETag";
            wish.unreadable(access, PARTS, seen.to_owned(), unread)
        }
        Err(why) => wish.unreadable(access, PARTS, format!("the preflight passes, but {why}"), unread),
    }
}

fn no_parts(seen: &str) -> Finding {
    Finding::broken(PARTS, seen, "multipart uploads cannot be started")
        .mend("cfstore r2 uploads ls  # starting one needs a token with Object Read & Write")
}

/// A request of a page.
struct Wish<'a> {
    origin: &'a str,
    method: Method,
    /// A header that the preflight asks for.
    header: Option<&'static str>,
}

impl Wish<'_> {
    /// Sends the preflight of a browser. Returns what is allowed, or why it is not.
    async fn preflight(&self, access: &Access, key: &str) -> Result<String, String> {
        let url = access.endpoint.url(Some(&access.bucket), Some(key)).map_err(|error| error.to_string())?;
        let mut headers = vec![
            (header::ORIGIN, self.origin),
            (header::ACCESS_CONTROL_REQUEST_METHOD, self.method.as_str()),
        ];
        headers.extend(self.header.map(|name| (header::ACCESS_CONTROL_REQUEST_HEADERS, name)));
        let answer = access.http.plain(Method::OPTIONS, &url, &headers).await;
        self.verdict(&answer.map_err(|error| error.to_string())?)
    }

    fn verdict(&self, answer: &Answer) -> Result<String, String> {
        let asked = match self.header {
            Some(header) => format!("{} with {header} from {}", self.method, self.origin),
            None => format!("{} from {}", self.method, self.origin),
        };
        if !answer.status.is_success() {
            return Err(format!("the preflight for {asked} returns {}", answer.described()));
        }
        allows_origin(answer, self.origin)?;
        let listed = |name, wanted: &str| {
            let values = answer.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
            let mut values = values.flat_map(|value| value.split(',')).map(str::trim);
            values.any(|value| value == "*" || value.eq_ignore_ascii_case(wanted))
        };
        // The methods of forms do not have to be listed.
        if self.method != Method::GET && !listed(header::ACCESS_CONTROL_ALLOW_METHODS, self.method.as_str()) {
            return Err(format!("the preflight for {asked} does not allow the method"));
        }
        match self.header {
            Some(name) if !listed(header::ACCESS_CONTROL_ALLOW_HEADERS, name) => {
                Err(format!("the preflight for {asked} does not allow the header"))
            }
            _ => Ok(format!("the preflight for {asked} passes")),
        }
    }

    /// No rule allows it: suggests an additional one.
    fn refused(&self, access: &Access, check: &'static str, seen: String, means: &str) -> Finding {
        let (methods, headers) = match self.method {
            Method::GET => ("GET,HEAD", "range"),
            _ => ("PUT", "content-type"),
        };
        let header = self.header.map(|name| format!(" --header {name}")).unwrap_or_default();
        let bucket = &access.bucket;
        let means = format!(
            "{means}; `cfstore r2 cors check --bucket {bucket} --origin {} --method {}{header}` explains why no rule allows it",
            self.origin, self.method
        );
        Finding::broken(check, seen, means).mend(format!(
            "cfstore r2 cors set --bucket {bucket} --add --origin {} --method {methods} --header {headers} --expose etag",
            self.origin
        ))
    }

    /// A rule allows the request but not the answer. A later rule would not change that.
    fn unreadable(&self, access: &Access, check: &'static str, seen: String, means: &str) -> Finding {
        Finding::broken(check, seen, means).mend(format!(
            "cfstore r2 cors show --bucket {0} > cors.json  # add \"etag\" to ExposeHeaders of the rule for {1}, then run \
             `cfstore r2 cors set --bucket {0} cors.json`",
            access.bucket, self.origin
        ))
    }
}

fn succeeded(answer: Result<Answer>) -> Result<Answer, String> {
    let answer = answer.map_err(|error| error.to_string())?;
    if answer.status.is_success() { Ok(answer) } else { Err(answer.error().to_string()) }
}

/// Checks that scripts of the origin can read the answer.
pub(super) fn allows_origin(answer: &Answer, origin: &str) -> Result<(), String> {
    match answer.header(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        Some(allowed) if allowed == "*" || allowed == origin => Ok(()),
        Some(allowed) => Err(format!("the answer allows the origin {allowed} instead of {origin}")),
        None => Err("the answer has no Access-Control-Allow-Origin".to_owned()),
    }
}

fn exposes(answer: &Answer, name: &str) -> bool {
    let values = answer.headers.get_all(header::ACCESS_CONTROL_EXPOSE_HEADERS).iter();
    let mut names = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    names.any(|exposed| exposed.trim() == "*" || exposed.trim().eq_ignore_ascii_case(name))
}
