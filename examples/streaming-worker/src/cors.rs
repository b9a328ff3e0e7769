//! CORS: the pages of one origin may call the Worker.

use worker::{Request, Response, Result};

use crate::error::ApiError;

pub(crate) struct Cors {
    /// The allowed origin. Empty: pages cannot call the Worker.
    origin: String,
}

impl Cors {
    pub(crate) fn new(origin: String) -> Self {
        Self { origin: origin.trim().trim_end_matches('/').to_owned() }
    }

    fn allows(&self, request: &Request) -> Result<bool> {
        Ok(!self.origin.is_empty() && request.headers().get("origin")?.as_deref() == Some(&self.origin))
    }

    /// The response to a preflight request.
    pub(crate) fn preflight(&self, request: &Request) -> Result<Response, ApiError> {
        if !self.allows(request)? {
            return Err(self.refusal(request)?);
        }
        let response = Response::empty()?.with_status(204);
        let headers = response.headers();
        headers.set("access-control-allow-methods", "GET, HEAD, PUT, POST, DELETE")?;
        let names =
            "authorization, content-type, range, if-match, if-none-match, if-modified-since, if-range";
        headers.set("access-control-allow-headers", names)?;
        headers.set("access-control-max-age", "86400")?;
        Ok(self.allow(request, response)?)
    }

    /// The reason for a refusal, which browsers show in their developer tools.
    fn refusal(&self, request: &Request) -> Result<ApiError> {
        let Some(origin) = request.headers().get("origin")? else {
            return Ok(ApiError::bad_request("the preflight request has no Origin header"));
        };
        Ok(ApiError::origin_refused(&origin))
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
