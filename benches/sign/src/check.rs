//! What is measured has to be a URL that R2 takes.

use std::time::SystemTime;

use cloudflare_clients::sigv4::{Credentials, ParsedAuth};
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method, Uri};

use crate::implementations::{Implementation, Result};

/// Checks one URL for each key: host, path and signature.
pub fn urls_work(implementation: &mut Implementation, keys: &[String]) -> Result<()> {
    let mut urls = Vec::new();
    (implementation.sign)(keys, &mut |url| urls.push(url.to_owned()))?;
    if implementation.hashes_only {
        return Ok(());
    }
    if urls.len() != keys.len() {
        return Err(
            format!("{} made {} URLs for {} keys", implementation.name, urls.len(), keys.len()).into()
        );
    }
    for (key, url) in keys.iter().zip(urls) {
        works(key, &url).map_err(|error| format!("{}: {error}: {url}", implementation.name))?;
    }
    Ok(())
}

fn works(key: &str, url: &str) -> Result<()> {
    let parts: Uri = url.parse()?;
    if parts.host() != Some(crate::HOST) || parts.path() != format!("/{key}") {
        return Err("not the URL of the key".into());
    }
    let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static(crate::HOST))]);
    let credentials = Credentials::new(crate::ACCESS_KEY_ID, crate::SECRET_ACCESS_KEY);
    let query = parts.query().unwrap_or_default();
    let signed = ParsedAuth::from_request(&Method::GET, parts.path(), query, &headers)?;
    if signed.expires_in() != Some(crate::EXPIRES_IN) {
        return Err("another expiry".into());
    }
    Ok(signed.verify(&credentials, SystemTime::now())?)
}
