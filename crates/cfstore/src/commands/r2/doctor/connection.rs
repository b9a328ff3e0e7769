//! Checks that the host answers, and compares its clock.

use std::ffi::OsString;
use std::time::SystemTime;

use cloudflare_clients::http::{Method, header};
use cloudflare_clients::s3::endpoint::Endpoint;
use cloudflare_clients::{Error, ErrorKind};

use super::access::Access;
use super::finding::Finding;
use crate::error::is_unusable_proxy;
use crate::variables::R2_ENDPOINT;

pub(super) const CONNECTION: &str = "connection";
pub(super) const CLOCK: &str = "clock";

/// Difference of clocks in seconds from which R2 refuses signatures.
const REFUSED: u64 = 15 * 60;
/// Difference in seconds from which there is a warning. Time servers keep it far smaller.
const NOTICED: u64 = 60;

/// Returns the findings, and the number of seconds that the service's clock is ahead. Fails if nothing
/// answers.
pub(super) async fn check(access: &Access, proxy: Option<&Proxy>) -> Result<([Finding; 2], i64), Finding> {
    let unreachable = |error| unreachable(&error, &access.endpoint, proxy);
    let url = access.endpoint.url(None, None).map_err(unreachable)?;
    let answer = access.http.plain(Method::GET, &url, &[]).await.map_err(unreachable)?;
    let by_way = proxy
        .map(|proxy| format!(" through the proxy {} ({})", proxy.address, proxy.variable))
        .unwrap_or_default();
    let seen = format!("{url} answers {}{by_way}", answer.described());
    let connected = match access.endpoint.scheme() {
        "https" => Finding::ok(CONNECTION, seen, "DNS, TLS and HTTP work"),
        _ if is_this_machine(&url) => Finding::ok(CONNECTION, seen, "the server is running"),
        _ => Finding::warning(
            CONNECTION,
            format!("{seen} without TLS"),
            "objects and presigned URLs can be read and changed in transit",
        )
        .mend(format!("export {R2_ENDPOINT}={}", url.replacen("http:", "https:", 1).trim_end_matches('/'))),
    };
    let date = answer.header(header::DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    let (clock, ahead) = clock(date, SystemTime::now());
    Ok(([connected, clock], ahead))
}

fn clock(service: Option<SystemTime>, here: SystemTime) -> (Finding, i64) {
    let Some(service) = service else {
        let finding = Finding::not_possible(CLOCK, "the answer has no Date", "the clocks cannot be compared");
        return (finding, 0);
    };
    let (by, ahead) = match service.duration_since(here) {
        Ok(ahead) => (ahead.as_secs(), true),
        Err(error) => (error.duration().as_secs(), false),
    };
    let seen = format!(
        "this machine's clock is {} {} the service's",
        humantime::format_duration(std::time::Duration::from_secs(by)),
        if ahead { "behind" } else { "ahead of" }
    );
    let mend = "sudo timedatectl set-ntp true";
    let signed = i64::try_from(by).map_or(0, |by| if ahead { by } else { -by });
    if by >= REFUSED {
        let means = "R2 refuses requests signed more than 15 minutes from its time, with RequestTimeTooSkewed; the other checks \
                     use the service's clock";
        (Finding::broken(CLOCK, seen, means).mend(mend), signed)
    } else if by >= NOTICED {
        let means = "R2 allows 15 minutes, but presigned URLs expire earlier or later than they should";
        (Finding::warning(CLOCK, seen, means).mend(mend), 0)
    } else {
        (Finding::ok(CLOCK, seen, "signatures have the right time"), 0)
    }
}

fn unreachable(error: &Error, endpoint: &Endpoint, proxy: Option<&Proxy>) -> Finding {
    let (means, mend) = match (error.kind(), proxy) {
        (ErrorKind::InvalidInput, _) if is_unusable_proxy(error) => {
            let variable = proxy_variable(endpoint.scheme(), |name| std::env::var_os(name));
            let variable = variable.unwrap_or("HTTPS_PROXY");
            (
                format!("{variable} names a proxy that cannot be used, so no request is sent"),
                Some(format!("export {variable}=http://proxy.example:3128  # or: unset {variable}")),
            )
        }
        (ErrorKind::Connection, _) if error.message().contains("CaUsedAsEndEntity") => (
            "the server has the certificate of a certificate authority, which clients do not accept from a server".to_owned(),
            Some("openssl req -x509 -addext basicConstraints=critical,CA:FALSE ...  # on the server".to_owned()),
        ),
        (ErrorKind::Connection, _) if error.message().contains("certificate") => (
            "this machine does not trust the certificate: it may be your own, or that of someone who intercepts the connection"
                .to_owned(),
            Some("export SSL_CERT_FILE=certificate.pem  # or, if the system trusts it: CFSTORE_SYSTEM_ROOTS=1".to_owned()),
        ),
        (
            ErrorKind::Dns | ErrorKind::Timeout | ErrorKind::Connection | ErrorKind::UnexpectedResponse,
            Some(Proxy { address, variable }),
        ) => {
            let host = endpoint.host_for(None).unwrap_or_default();
            (
                format!("the proxy {address} of {variable} does not lead to the host"),
                Some(format!(
                    "export NO_PROXY={host}  # if the host can be reached without the proxy; or set {variable} to another proxy"
                )),
            )
        }
        (ErrorKind::Dns, _) => {
            ("the name of the host is unknown: it is misspelled, or this machine is offline".to_owned(), None)
        }
        (ErrorKind::Timeout, _) => {
            ("nothing answers there: a firewall blocks it, or the address is wrong".to_owned(), None)
        }
        (ErrorKind::Connection, _) => {
            ("no server listens there, or the address has http:// instead of https://, or the reverse".to_owned(), None)
        }
        _ => ("the answer is not that of the service".to_owned(), None),
    };
    let mend = mend.unwrap_or_else(|| {
        format!("export {R2_ENDPOINT}=https://ACCOUNT_ID.r2.cloudflarestorage.com  # or, for a local one: cfstore serve")
    });
    Finding::broken(CONNECTION, error.to_string(), means).mend(mend)
}

/// The proxy in front of the host.
#[derive(Debug, Clone)]
pub(super) struct Proxy {
    /// Its host and port.
    pub(super) address: String,
    /// The variable that names it.
    pub(super) variable: &'static str,
}

/// Returns the variable that names the proxy for a scheme, in the order in which the client reads them.
pub(super) fn proxy_variable(scheme: &str, var: impl Fn(&str) -> Option<OsString>) -> Option<&'static str> {
    let names = match scheme {
        "https" => ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        _ => ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
    };
    names.into_iter().find(|name| var(name).is_some_and(|value| !value.is_empty()))
}

pub(super) fn is_this_machine(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    ["localhost", "127.0.0.1", "[::1]", "[:"].contains(&host) || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::commands::r2::doctor::finding::Outcome;

    #[test]
    fn the_variable_of_a_proxy_is_the_one_that_the_client_reads() {
        for (set, https, http) in [
            (&["HTTPS_PROXY", "ALL_PROXY"][..], Some("HTTPS_PROXY"), Some("ALL_PROXY")),
            (&["http_proxy", "all_proxy"], Some("all_proxy"), Some("http_proxy")),
            (&["https_proxy"], Some("https_proxy"), None),
            (&[], None, None),
        ] {
            let var = |name: &str| set.contains(&name).then(|| OsString::from("http://127.0.0.1:1"));
            assert_eq!(proxy_variable("https", var), https, "{set:?}");
            assert_eq!(proxy_variable("http", var), http, "{set:?}");
        }
        let endpoint = Endpoint::custom("http://r2.test:9000").unwrap();
        let proxy = Proxy { address: "127.0.0.1:1".to_owned(), variable: "all_proxy" };
        let found = unreachable(&Error::new(ErrorKind::Connection, "refused"), &endpoint, Some(&proxy));
        assert!(found.means.contains("all_proxy") && !found.means.contains("HTTP"), "{found:?}");
    }

    #[test]
    fn clocks_may_differ_a_little() {
        let here = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        for (seconds, result, corrected) in [
            (0_i64, Outcome::Ok, 0),
            (59, Outcome::Ok, 0),
            (-61, Outcome::Warning, 0),
            (899, Outcome::Warning, 0),
            (900, Outcome::Broken, 900),
            (-7200, Outcome::Broken, -7200),
        ] {
            let by = Duration::from_secs(seconds.unsigned_abs());
            let service = if seconds < 0 { here - by } else { here + by };
            let (finding, ahead) = clock(Some(service), here);
            assert_eq!((finding.result, ahead), (result, corrected), "{seconds}: {finding:?}");
        }
        assert_eq!(clock(None, here).0.result, Outcome::NotPossible);
    }

    #[test]
    fn addresses_of_this_machine() {
        for (url, local) in [
            ("http://127.0.0.1:9710/", true),
            ("http://media.localhost:9710", true),
            ("http://[::1]:9710", true),
            ("http://localhost.example.com", false),
        ] {
            assert_eq!(is_this_machine(url), local, "{url}");
        }
    }
}
