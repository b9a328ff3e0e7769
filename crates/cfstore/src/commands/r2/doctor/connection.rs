//! Whether the host answers, and what time it is there.

use std::time::SystemTime;

use cloudflare_clients::http::{Method, header};
use cloudflare_clients::s3::endpoint::Endpoint;
use cloudflare_clients::{Error, ErrorKind};

use super::access::Access;
use super::finding::Finding;
use crate::variables::R2_ENDPOINT;

pub(super) const CONNECTION: &str = "connection";
pub(super) const CLOCK: &str = "clock";

/// R2 refuses what was signed further from its time.
const REFUSED: u64 = 15 * 60;
/// What time servers keep is far less.
const NOTICED: u64 = 60;

/// What is found, and by how many seconds the service's clock is ahead. An error where nothing answers.
pub(super) async fn check(access: &Access, proxy: Option<&str>) -> Result<([Finding; 2], i64), Finding> {
    let unreachable = |error| unreachable(&error, &access.endpoint, proxy);
    let url = access.endpoint.url(None, None).map_err(unreachable)?;
    let answer = access.http.plain(Method::GET, &url, &[]).await.map_err(unreachable)?;
    let by_way = proxy.map(|proxy| format!(" by way of the proxy {proxy}")).unwrap_or_default();
    let seen = format!("{url} answers {}{by_way}", answer.described());
    let connected = match access.endpoint.scheme() {
        "https" => Finding::ok(CONNECTION, seen, "name, TLS and HTTP work"),
        _ if is_this_machine(&url) => Finding::ok(CONNECTION, seen, "the server runs"),
        _ => Finding::warning(
            CONNECTION,
            format!("{seen} without TLS"),
            "objects and presigned URLs can be read and changed on their way",
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
        let means = "R2 refuses what is signed more than 15 minutes from its time, with RequestTimeTooSkewed; the other checks \
                     go by the service's clock";
        (Finding::broken(CLOCK, seen, means).mend(mend), signed)
    } else if by >= NOTICED {
        let means = "R2 allows 15 minutes, but presigned URLs end earlier or later than they say";
        (Finding::warning(CLOCK, seen, means).mend(mend), 0)
    } else {
        (Finding::ok(CLOCK, seen, "signatures have the time that R2 wants"), 0)
    }
}

fn unreachable(error: &Error, endpoint: &Endpoint, proxy: Option<&str>) -> Finding {
    let (means, mend) = match error.kind() {
        ErrorKind::InvalidInput if error.message().contains("_PROXY") => (
            "no request is made while a proxy is named that cannot be used",
            Some("export HTTPS_PROXY=http://proxy.example:3128  # or unset it".to_owned()),
        ),
        ErrorKind::Connection if error.message().contains("certificate") => (
            "this machine does not trust the certificate: something reads along, or it is one of your own",
            Some("export SSL_CERT_FILE=certificate.pem  # or, where the system trusts it: CFSTORE_SYSTEM_ROOTS=1".to_owned()),
        ),
        ErrorKind::Dns | ErrorKind::Timeout | ErrorKind::Connection | ErrorKind::UnexpectedResponse
            if proxy.is_some() =>
        {
            let host = endpoint.host_for(None).unwrap_or_default();
            (
                "the environment names a proxy (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY), which does not lead to the host",
                Some(format!("export NO_PROXY={host}  # where the host is reached without the proxy")),
            )
        }
        ErrorKind::Dns => {
            ("the name of the host is not known: it is misspelt, or this machine is offline", None)
        }
        ErrorKind::Timeout => ("nothing answers there: a firewall, or another machine than meant", None),
        ErrorKind::Connection => {
            ("nothing listens there, or it speaks https where http is written, or the other way round", None)
        }
        _ => ("what answers is not the service", None),
    };
    let mend = mend.unwrap_or_else(|| {
        format!("export {R2_ENDPOINT}=https://ACCOUNT_ID.r2.cloudflarestorage.com  # or, for a local one: cfstore serve")
    });
    Finding::broken(CONNECTION, error.to_string(), means).mend(mend)
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
