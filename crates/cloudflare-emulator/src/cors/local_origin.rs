//! Origins of this machine.

/// Whether the origin belongs to this machine.
pub(super) fn is_local(origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => authority,
    };
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    let is_local = ["localhost", "127.0.0.1", "[::1]"].contains(&host)
        || host.strip_suffix(".localhost").is_some_and(is_name);
    is_local && ["http", "https"].contains(&scheme)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machines_pages_are_local() {
        for (origin, local) in [
            ("http://localhost:5173", true),
            ("http://127.0.0.1", true),
            ("https://[::1]:8443", true),
            ("http://app.localhost:3000", true),
            ("https://example.com", false),
            ("http://localhost.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://[::1].example.com", false),
            ("http://localhost:80@example.com", false),
            ("http://example.com/.localhost", false),
            ("null", false),
        ] {
            assert_eq!(is_local(origin), local, "{origin}");
        }
    }
}
