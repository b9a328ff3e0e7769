//! Arguments of `cfstore r2 doctor`.

use clap::Args;
use cloudflare_clients::http::Uri;

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Check the CORS rules and the Content-Security-Policy for pages of this origin
    #[arg(long, value_name = "URL", value_parser = parse_origin)]
    pub(crate) origin: Option<String>,
    /// Check the public address of the bucket: its custom domain, or r2.dev
    #[arg(long, value_name = "URL", value_parser = parse_public_url)]
    pub(crate) public_url: Option<String>,
}

/// Returns the origin as browsers send it: in lower case, without the default port of the scheme.
fn parse_origin(text: &str) -> Result<String, String> {
    let url = parse_url(text, "https://app.example.com")?;
    if url.path() != "/" || text.ends_with('/') {
        return Err(format!("an origin has no path: write it as {}", origin_of(&url)));
    }
    Ok(origin_of(&url))
}

fn parse_public_url(text: &str) -> Result<String, String> {
    let url = parse_url(text, "https://media.example.com")?;
    Ok(format!("{}{}", origin_of(&url), url.path().trim_end_matches('/')))
}

fn origin_of(url: &Uri) -> String {
    let scheme = url.scheme_str().unwrap_or_default().to_ascii_lowercase();
    let host = url.authority().map(ToString::to_string).unwrap_or_default().to_ascii_lowercase();
    let own_port = if scheme == "https" { ":443" } else { ":80" };
    format!("{scheme}://{}", host.strip_suffix(own_port).unwrap_or(&host))
}

/// Parses a URL. The error does not repeat the text, which may hold a password.
fn parse_url(text: &str, like: &str) -> Result<Uri, String> {
    let url: Option<Uri> = text.parse().ok();
    let fits = |url: &Uri| {
        matches!(url.scheme_str(), Some("http" | "https"))
            && url.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            && url.query().is_none()
            && !text.contains('#')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/.-_[]~%".contains(&byte))
    };
    url.filter(fits).ok_or_else(|| format!("write it as {like}, without user, query or fragment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_send_them() {
        for (text, origin) in [
            ("https://App.Example.com", Some("https://app.example.com")),
            ("HTTPS://app.example.com:443", Some("https://app.example.com")),
            ("http://localhost:5173", Some("http://localhost:5173")),
            ("https://app.example.com/", None),
            ("https://app.example.com/a", None),
            ("app.example.com", None),
            ("https://u:p@app.example.com", None),
            ("https://app.example.com?a", None),
            ("https://app.example.com'", None),
            ("ftp://app.example.com", None),
        ] {
            assert_eq!(parse_origin(text).ok().as_deref(), origin, "{text}");
        }
        assert_eq!(
            parse_origin("https://a.b/").unwrap_err(),
            "an origin has no path: write it as https://a.b"
        );
        assert_eq!(parse_public_url("https://M.example.com/cdn/").unwrap(), "https://m.example.com/cdn");
    }
}
