//! Virtual-hosted addresses, with the bucket as the first label of the host, as in
//! `http://media.localhost:9710/key`.

use cloudflare_clients::s3::endpoint::validate_bucket_name;
use http::{HeaderMap, header};

/// The host names of virtual-hosted addresses.
#[derive(Debug, Clone)]
pub(crate) struct VirtualHosts(Vec<String>);

impl Default for VirtualHosts {
    fn default() -> Self {
        Self(vec!["localhost".to_owned()])
    }
}

impl VirtualHosts {
    /// Adds a host name.
    pub(crate) fn add(&mut self, host: &str) {
        self.0.push(normal(host));
    }

    /// Returns the bucket in the `Host` of a request, or `None` if the bucket is in the path.
    pub(crate) fn bucket_of(&self, headers: &HeaderMap) -> Option<String> {
        let host = normal(without_port(headers.get(header::HOST)?.to_str().ok()?));
        if self.0.contains(&host) {
            return None;
        }
        let (bucket, rest) = host.split_once('.')?;
        let is_bucket = self.0.iter().any(|known| known == rest) && validate_bucket_name(bucket).is_ok();
        is_bucket.then(|| bucket.to_owned())
    }
}

/// Normalizes a host name: lower case, without a dot at the end.
fn normal(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_bucket_is_in_front_of_a_host_of_the_server() {
        let mut hosts = VirtualHosts::default();
        hosts.add("Store.Example.test.");
        for (host, bucket) in [
            ("media.localhost:9710", Some("media")),
            ("media.localhost", Some("media")),
            ("MEDIA.LocalHost.:80", Some("media")),
            ("media.store.example.test:9710", Some("media")),
            ("store.example.test:9710", None),
            ("localhost:9710", None),
            ("127.0.0.1:9710", None),
            ("[::1]:9710", None),
            ("media.example.test", None),
            ("media.example.com", None),
            ("media.localhost.example.com", None),
            ("a.media.localhost", None),
            ("ab.localhost", None),
            ("-media.localhost", None),
            ("my_media.localhost", None),
            (".localhost", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            assert_eq!(hosts.bucket_of(&headers).as_deref(), bucket, "{host}");
        }
        assert_eq!(hosts.bucket_of(&HeaderMap::new()), None);
        hosts.add("media.localhost");
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("media.localhost"))]);
        assert_eq!(hosts.bucket_of(&headers), None, "it is a name of the server itself");
    }
}
