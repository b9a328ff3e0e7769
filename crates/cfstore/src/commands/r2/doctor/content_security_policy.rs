//! Checks that the Content-Security-Policy of the origin's front page has the lines it needs.

use std::time::Duration;

use cloudflare_clients::http::Method;

use super::access::Access;
use super::finding::Finding;
use super::http::Http;

pub(super) const CONTENT_SECURITY_POLICY: &str = "Content-Security-Policy";

/// Directives for the requests of scripts and for media elements. Players pass `blob:` URLs to the latter.
const DIRECTIVES: [(&str, &str); 2] = [("connect-src", ""), ("media-src", " blob:")];

pub(super) async fn check(
    http: &Http,
    access: &Access,
    origin: Option<&str>,
    public_url: Option<&str>,
    limit: Duration,
) -> Finding {
    let mut hosts = vec![access.origin()];
    hosts.extend(public_url.map(origin_of).filter(|public| *public != access.origin()));
    let needed = hosts.join(" ");
    let lines = DIRECTIVES.map(|(directive, more)| format!("{directive} 'self' {needed}{more};")).join(" ");
    let page = match origin {
        Some(origin) => {
            let url = format!("{origin}/");
            tokio::time::timeout(limit, http.plain(Method::GET, &url, &[])).await.ok().and_then(Result::ok)
        }
        None => None,
    };
    let check = CONTENT_SECURITY_POLICY;
    let policies: Vec<_> =
        page.iter().flat_map(|page| page.headers.get_all("content-security-policy")).collect();
    let Some(origin) = origin.filter(|_| !policies.is_empty()) else {
        let means = format!("a page with a policy needs these lines: {lines}");
        return match origin {
            Some(origin) if page.is_some() => {
                Finding::ok(check, format!("{origin}/ does not send one in its headers"), means)
            }
            Some(origin) => Finding::not_possible(check, format!("{origin}/ did not answer"), means),
            None => {
                let seen = "without --origin there is no page to check";
                Finding::not_possible(check, seen, means)
            }
        };
    };
    let missing: Vec<String> = DIRECTIVES
        .iter()
        .flat_map(|(directive, _)| {
            let policies = &policies;
            hosts.iter().filter_map(move |host| {
                let denied = policies
                    .iter()
                    .filter_map(|policy| policy.to_str().ok())
                    .any(|policy| policy.split(',').any(|policy| !allows(policy, directive, host, origin)));
                denied.then(|| format!("{directive} {host}"))
            })
        })
        .collect();
    if missing.is_empty() {
        return Finding::ok(
            check,
            format!("the policy of {origin}/ allows the bucket"),
            "it blocks no requests to the bucket",
        );
    }
    Finding::broken(
        check,
        format!("the policy of {origin}/ does not allow {}", missing.join(", ")),
        "browsers block the requests of this origin's pages before they check CORS",
    )
    .mend(format!("curl -sI {origin}/ | grep -i content-security-policy  # it must contain: {lines}"))
}

/// Whether a policy allows pages of `own` to use `host`.
fn allows(policy: &str, directive: &str, host: &str, own: &str) -> bool {
    let sources = |name: &str| {
        policy.split(';').find_map(|part| {
            let mut words = part.split_ascii_whitespace();
            words.next().filter(|word| word.eq_ignore_ascii_case(name))?;
            Some(words.collect::<Vec<_>>())
        })
    };
    let Some(sources) = sources(directive).or_else(|| sources("default-src")) else { return true };
    sources.iter().any(|source| source_matches(source, host, own))
}

fn source_matches(source: &str, host: &str, own: &str) -> bool {
    let (scheme, authority) = host.split_once("://").unwrap_or(("https", host));
    if source == "*" || source == "'self'" && host == own {
        return true;
    }
    if let Some(only) = source.strip_suffix(':') {
        return only.eq_ignore_ascii_case(scheme);
    }
    let (wanted_scheme, rest) =
        source.split_once("://").map_or((None, source), |(scheme, rest)| (Some(scheme), rest));
    if wanted_scheme.is_some_and(|wanted| !wanted.eq_ignore_ascii_case(scheme)) {
        return false;
    }
    // A source with a path allows only URLs below it.
    let (wanted, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !path.is_empty() {
        return false;
    }
    match wanted.strip_prefix("*.") {
        Some(domain) => authority.len().checked_sub(domain.len() + 1).is_some_and(|at| {
            authority.is_char_boundary(at) && authority[at..].eq_ignore_ascii_case(&format!(".{domain}"))
        }),
        None => authority.eq_ignore_ascii_case(wanted),
    }
}

fn origin_of(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    format!("{scheme}://{}", rest.split('/').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_allow_hosts() {
        let host = "https://media.abc.r2.cloudflarestorage.com";
        for (policy, allowed) in [
            ("script-src 'self'", true),
            ("default-src 'self'", false),
            ("default-src 'none'; connect-src https:", true),
            ("connect-src *", true),
            ("connect-src https://*.r2.cloudflarestorage.com", true),
            ("connect-src *.abc.r2.cloudflarestorage.com", true),
            ("Connect-Src https://media.ABC.r2.cloudflarestorage.com", true),
            ("connect-src http://media.abc.r2.cloudflarestorage.com", false),
            ("connect-src https://abc.r2.cloudflarestorage.com", false),
            ("connect-src https://media.abc.r2.cloudflarestorage.com/only/", false),
            ("default-src https:; connect-src 'self'", false),
        ] {
            assert_eq!(allows(policy, "connect-src", host, "https://app.example.com"), allowed, "{policy}");
        }
        assert!(allows("connect-src 'self'", "connect-src", host, host));
    }
}
