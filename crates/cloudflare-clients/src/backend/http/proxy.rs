//! Selects the proxy of a request.

use std::ffi::OsString;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

const HTTP: &[&str] = &["HTTP_PROXY", "http_proxy"];
const HTTPS: &[&str] = &["HTTPS_PROXY", "https_proxy"];
const ALL: &[&str] = &["ALL_PROXY", "all_proxy"];
const NONE: &[&str] = &["NO_PROXY", "no_proxy"];
/// In a CGI program, `HTTP_PROXY` contains the request header `Proxy`: see <https://httpoxy.org>.
const CGI: &str = "REQUEST_METHOD";
/// On Windows, names of variables are case-insensitive.
const HTTP_OF_CGI: &[&str] = if cfg!(windows) { &[] } else { &["http_proxy"] };

/// With proxies from the environment, this machine is reached directly, so that a local server keeps working.
const THIS_MACHINE: &str = "localhost,127.0.0.0/8,::1,::ffff:127.0.0.0/104";

/// The proxies of a client.
#[derive(Debug, Default)]
pub(super) struct Proxies {
    http: Option<Result<Proxy, UnusableProxy>>,
    https: Option<Result<Proxy, UnusableProxy>>,
    exceptions: Vec<Exception>,
}

impl Proxies {
    /// The proxies in the environment. If one cannot be used, only requests that would go through it fail.
    pub(super) fn from_vars(var: impl Fn(&str) -> Option<OsString>) -> Self {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|name| Some((*name, var(name).filter(|value| !value.is_empty())?)))
        };
        let proxy = |names: &[&'static str]| {
            let (name, value) = first(names).or_else(|| first(ALL))?;
            let proxy = value.to_str().ok_or("it is not UTF-8").and_then(Proxy::parse);
            Some(proxy.map_err(|why| UnusableProxy { name, why }))
        };
        let is_cgi = var(CGI).is_some();
        let no_proxy = first(NONE).map(|(_, list)| list.to_string_lossy().into_owned()).unwrap_or_default();
        Self {
            http: proxy(if is_cgi { HTTP_OF_CGI } else { HTTP }),
            https: proxy(HTTPS),
            exceptions: [THIS_MACHINE, &no_proxy].into_iter().flat_map(exceptions).collect(),
        }
    }

    /// The given proxy for all requests.
    pub(super) fn all(url: &str) -> Result<Self, UnusableProxy> {
        let proxy = Proxy::parse(url).map_err(|why| UnusableProxy { name: "the proxy", why })?;
        Ok(Self { http: Some(Ok(proxy.clone())), https: Some(Ok(proxy)), exceptions: Vec::new() })
    }

    /// Returns the proxy for a request to this URL.
    pub(super) fn to(&self, url: &Uri) -> Result<Option<&Proxy>, UnusableProxy> {
        let proxy = match url.scheme_str() {
            Some("http") => self.http.as_ref(),
            Some("https") => self.https.as_ref(),
            _ => None,
        };
        match proxy {
            Some(proxy) if !self.exceptions.iter().any(|exception| exception.covers(url)) => {
                proxy.as_ref().map(Some).map_err(Clone::clone)
            }
            _ => Ok(None),
        }
    }
}

/// An HTTP proxy. Its `Debug` output hides the credentials.
#[derive(Debug, Clone)]
pub(super) struct Proxy {
    intercept: Intercept,
    address: String,
}

impl Proxy {
    /// Parses the URL of a proxy. Errors never contain the URL, as it may contain a password.
    fn parse(url: &str) -> Result<Self, &'static str> {
        const MALFORMED: &str = "the value is not a URL such as http://user:password@proxy.example:3128";

        let url = url.trim();
        let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        let url = match scheme.as_deref() {
            None => format!("http://{url}"),
            Some("http" | "https") => url.to_owned(),
            Some(scheme) if scheme.starts_with("socks") => {
                return Err(
                    "SOCKS is not supported: set it to an HTTP proxy, such as http://proxy.example:3128",
                );
            }
            Some(_) => return Err("its scheme is neither http nor https"),
        };
        // Otherwise a part of the user or the password would count as the host.
        let (_, rest) = url.split_once("://").ok_or(MALFORMED)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        if rest[end..].contains('@') {
            return Err("a /, ? or # in the user or the password must be written as %2F, %3F or %23");
        }
        let any = Uri::from_static("http://host.invalid");
        let intercept = Matcher::builder().all(url).build().intercept(&any).ok_or(MALFORMED)?;
        let authority = intercept.uri().authority().ok_or(MALFORMED)?;
        if authority.as_str().contains('@') {
            return Err("an @ in the user or the password must be written as %40");
        }
        let default_port = if is_https(intercept.uri()) { 443 } else { 80 };
        let address = format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(default_port));
        // The matcher ignores a port that is too large.
        if authority.host().is_empty()
            || (authority.as_str() != address && authority.as_str() != authority.host())
        {
            return Err(MALFORMED);
        }
        Ok(Self { intercept, address })
    }

    pub(super) fn url(&self) -> &Uri {
        self.intercept.uri()
    }

    /// Returns the host and port of the proxy.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Returns the value of `Proxy-Authorization`.
    pub(super) fn credentials(&self) -> Option<&HeaderValue> {
        self.intercept.basic_auth()
    }
}

/// Why a proxy cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{name} cannot be used: {why}")]
pub(super) struct UnusableProxy {
    name: &'static str,
    why: &'static str,
}

/// An entry of `NO_PROXY`: a host with its subdomains, an address, a network, or `*`.
#[derive(Debug)]
struct Exception {
    /// Sends everything except these hosts to a proxy.
    others: Matcher,
    /// `None` means all ports.
    port: Option<u16>,
}

impl Exception {
    fn covers(&self, url: &Uri) -> bool {
        let of_scheme = if is_https(url) { 443 } else { 80 };
        let port = url.port_u16().unwrap_or(of_scheme);
        self.port.is_none_or(|only| only == port) && self.others.intercept(url).is_none()
    }
}

fn exceptions(list: &str) -> impl Iterator<Item = Exception> {
    let entries = list.split([',', ' ', '\t', '\n']).filter(|entry| !entry.is_empty());
    entries.map(|entry| {
        let (host, port) = match entry.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
            Some((host, Ok(port))) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
            _ => (entry, None),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let host = host.strip_prefix('*').filter(|domain| domain.starts_with('.')).unwrap_or(host);
        Exception { others: Matcher::builder().all("http://proxy.invalid").no(host).build(), port }
    })
}

pub(super) fn is_https(url: &Uri) -> bool {
    url.scheme() == Some(&http::uri::Scheme::HTTPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vars: &[(&str, &str)]) -> Proxies {
        Proxies::from_vars(|name| {
            let (_, value) = vars.iter().find(|(var, _)| *var == name)?;
            Some(value.into())
        })
    }

    fn to(proxies: &Proxies, url: &str) -> Option<String> {
        let proxy = proxies.to(&url.parse().unwrap()).unwrap();
        proxy.map(|proxy| proxy.address().to_owned())
    }

    #[test]
    fn the_scheme_of_the_url_chooses_the_variable() {
        let proxies = of(&[("HTTP_PROXY", "plain:1"), ("https_proxy", "http://secure:2/")]);
        assert_eq!(to(&proxies, "http://r2.test/a").as_deref(), Some("plain:1"));
        assert_eq!(to(&proxies, "https://r2.test/a").as_deref(), Some("secure:2"));

        let proxies = of(&[("ALL_PROXY", "https://all.test"), ("HTTPS_PROXY", "[2001:db8::1]:3128")]);
        assert_eq!(to(&proxies, "http://r2.test/a").as_deref(), Some("all.test:443"));
        assert_eq!(to(&proxies, "https://r2.test/a").as_deref(), Some("[2001:db8::1]:3128"));

        // As in Go and reqwest: upper case takes precedence, and an empty value counts as not set.
        let proxies = of(&[("HTTP_PROXY", "upper"), ("http_proxy", "lower"), ("HTTPS_PROXY", "")]);
        assert_eq!(to(&proxies, "http://r2.test").as_deref(), Some("upper:80"));
        assert_eq!(to(&proxies, "https://r2.test"), None);
        let proxies = of(&[("HTTP_PROXY", ""), ("http_proxy", "lower")]);
        assert_eq!(to(&proxies, "http://r2.test").as_deref(), Some("lower:80"));
    }

    #[test]
    #[cfg(not(windows))]
    fn a_header_of_a_cgi_request_names_no_proxy() {
        let proxies = of(&[("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "evil"), ("HTTPS_PROXY", "good")]);
        assert_eq!(to(&proxies, "http://r2.test"), None);
        assert_eq!(to(&proxies, "https://r2.test").as_deref(), Some("good:80"));
        let proxies = of(&[("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "evil"), ("http_proxy", "good")]);
        assert_eq!(to(&proxies, "http://r2.test").as_deref(), Some("good:80"));
    }

    #[test]
    fn this_machine_and_what_no_proxy_names_are_reached_directly() {
        let listed =
            "example.com, .corp.test *.star.test\n10.0.0.0/8,2001:db8::/32,one.test:8443,[fd00::1]:9000";
        let proxies = of(&[("ALL_PROXY", "proxy"), ("NO_PROXY", listed)]);
        for (url, direct) in [
            ("http://localhost:9710/a", true),
            ("http://media.LOCALHOST:9710/a", true),
            ("https://127.1.2.3/a", true),
            ("http://[::1]:9710/a", true),
            ("http://[::ffff:127.0.0.1]:9710/a", true),
            ("http://localhost.example.org/a", false),
            ("http://128.0.0.1/a", false),
            ("https://example.com/a", true),
            ("https://a.EXAMPLE.com/a", true),
            ("https://notexample.com/a", false),
            ("https://a.corp.test/a", true),
            ("https://a.star.test/a", true),
            ("https://star.test.org/a", false),
            ("http://10.1.2.3/a", true),
            ("http://11.1.2.3/a", false),
            ("http://[2001:db8::5]/a", true),
            ("https://one.test:8443/a", true),
            ("https://one.test/a", false),
            ("http://[fd00::1]:9000/a", true),
            ("http://[fd00::1]/a", false),
        ] {
            assert_eq!(to(&proxies, url).is_none(), direct, "{url}");
        }
        let proxies = of(&[("ALL_PROXY", "proxy"), ("no_proxy", "*")]);
        assert_eq!(to(&proxies, "https://r2.test"), None);
    }

    #[test]
    fn a_given_proxy_is_for_everything() {
        let proxies = Proxies::all("http://proxy:3128").unwrap();
        assert_eq!(to(&proxies, "http://localhost/").as_deref(), Some("proxy:3128"));
        assert_eq!(to(&proxies, "https://r2.test/").as_deref(), Some("proxy:3128"));
        assert_eq!(to(&Proxies::default(), "https://r2.test/"), None);
    }

    #[test]
    fn what_cannot_be_used_is_an_error_of_those_who_would_use_it() {
        for (value, why) in [
            ("socks5://user:hunter2@proxy:1080", "SOCKS is not supported"),
            ("ftp://user:hunter2@proxy", "neither http nor https"),
            ("http://user:hunter2@proxy:99999", "not a URL"),
            ("http://user:hunter2@pro xy", "not a URL"),
            ("http://user:hunter2@", "not a URL"),
            ("http://us@er:hunter2@proxy:3128", "%40"),
            ("http://", "not a URL"),
            (":3128", "not a URL"),
        ] {
            let proxies = of(&[("HTTPS_PROXY", value), ("NO_PROXY", "direct.test")]);
            let error = proxies.to(&"https://r2.test/".parse().unwrap()).unwrap_err().to_string();
            assert!(
                error.starts_with("HTTPS_PROXY cannot be used: ") && error.contains(why),
                "{value}: {error}"
            );
            assert!(!format!("{error} {proxies:?}").contains("hunter2"), "{error} {proxies:?}");
            for direct in ["http://r2.test/", "https://direct.test/", "https://localhost/"] {
                assert_eq!(to(&proxies, direct), None, "{direct}");
            }
            let given = Proxies::all(value).unwrap_err().to_string();
            assert!(given.starts_with("the proxy cannot be used: ") && given.contains(why), "{given}");
        }
    }

    #[test]
    fn credentials_are_sent_and_not_shown() {
        let proxies = Proxies::all("http://me:hunter2%40@proxy:3128").unwrap();
        let proxy = proxies.to(&"http://r2.test".parse().unwrap()).unwrap().unwrap();
        assert_eq!(proxy.credentials().unwrap(), "Basic bWU6aHVudGVyMkA=");
        assert_eq!(proxy.url(), "http://proxy:3128/");
        let shown = format!("{proxies:?} {:?}", proxy.credentials());
        assert!(!shown.contains("hunter2") && !shown.contains("bWU6"), "{shown}");
    }
}
