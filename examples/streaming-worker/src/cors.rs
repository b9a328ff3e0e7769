//! Answers that the pages of one origin may read.

use worker::{Request, Response, Result};

pub(crate) struct Cors {
    /// Empty: no page of a browser calls the Worker.
    origin: String,
}

impl Cors {
    pub(crate) fn new(origin: String) -> Self {
        Self { origin: origin.trim().trim_end_matches('/').to_owned() }
    }

    fn allows(&self, request: &Request) -> Result<bool> {
        Ok(!self.origin.is_empty() && request.headers().get("origin")?.as_deref() == Some(&self.origin))
    }

    pub(crate) fn preflight(&self, request: &Request) -> Result<Response> {
        let response = Response::empty()?.with_status(204);
        if self.allows(request)? {
            let headers = response.headers();
            headers.set("access-control-allow-methods", "GET, HEAD, PUT, POST, DELETE")?;
            let names =
                "authorization, content-type, range, if-match, if-none-match, if-modified-since, if-range";
            headers.set("access-control-allow-headers", names)?;
            headers.set("access-control-max-age", "86400")?;
        }
        self.allow(request, response)
    }

    pub(crate) fn allow(&self, request: &Request, response: Response) -> Result<Response> {
        if self.origin.is_empty() {
            return Ok(response);
        }
        let headers = response.headers();
        headers.append("vary", "Origin")?;
        if self.allows(request)? {
            headers.set("access-control-allow-origin", &self.origin)?;
            let names = "etag, content-length, content-range, accept-ranges, last-modified, retry-after";
            headers.set("access-control-expose-headers", names)?;
        }
        Ok(response)
    }
}
