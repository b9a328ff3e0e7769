//! Our signatures verify, and nothing else does. The input is a request whose body has three bytes for each
//! change to try: the field, the position, and the new byte.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloudflare_clients::sigv4::{
    Credentials, ParsedAuth, Payload, RequestTarget, Signer, canonical_query, is_signed_header, query_pairs,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use percent_encoding::percent_decode_str;

use crate::message::{Message, canonical_path, path_and_query};

const HOST: &str = "127.0.0.1:9710";

/// A request as a server receives it.
#[derive(Clone)]
struct Received {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
}

/// A signed request verifies in both forms. With one byte changed it does not, unless the meaning is the
/// same.
pub fn sigv4(input: &[u8]) {
    let Some(message) = Message::parse(input) else { return };
    let Some(target) = path_and_query(message.target.to_vec()) else { return };
    let credentials = Credentials::new("0123456789abcdef0123456789abcdef", "secret");
    let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let signer = Signer::new(credentials.clone());
    let query = canonical_query(query_pairs(target.query().unwrap_or_default()));
    let request = Received {
        method: message.method,
        path: target.path().to_owned(),
        query: target.query().unwrap_or_default().to_owned(),
        headers: HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(HOST))]),
    };

    // Whatever an unknown sender claims.
    let mut claimed = Received { headers: message.headers.clone(), ..request.clone() };
    for (name, at) in [
        ("x-claim", "authorization"),
        ("x-claim-date", "x-amz-date"),
        ("x-claim-hash", "x-amz-content-sha256"),
    ] {
        if let Some(value) = message.headers.get(name) {
            claimed.headers.insert(at, value.clone());
        }
    }
    assert!(!claimed.verifies(&credentials, now), "nobody has signed this");

    // The signed request has the canonical path.
    let path = canonical_path(&request.path);
    let target = RequestTarget::new(&request.method, HOST, &path).query(&query);

    let mut signed = Received { path: path.clone(), ..request.clone() };
    signed.headers.extend(message.headers.clone());
    if signer.sign_headers(target, &mut signed.headers, &Payload::Unsigned, now).is_ok()
        && !signed.headers.contains_key("x-amz-security-token")
    {
        assert!(signed.verifies(&credentials, now), "what we sign verifies");
        signed.check_changes(message.body, &credentials, now);
    }

    // A query that already has a signature parameter would contain it twice.
    if query_pairs(&request.query).any(|(name, _)| name.starts_with(b"X-Amz-")) {
        return;
    }
    let mut signed = Received { path: path.clone(), ..request.clone() };
    signed.headers.extend(
        message
            .headers
            .iter()
            .filter(|(name, _)| is_signed_header(name))
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    if let Ok(query) = signer.presign(target, &signed.headers, Duration::from_secs(3600), now) {
        signed.query = query;
        if !signed.headers.contains_key("x-amz-security-token") {
            assert!(signed.verifies(&credentials, now), "what we presign verifies");
            assert!(!signed.verifies(&credentials, now + Duration::from_secs(3601)), "it has expired");
            signed.check_changes(message.body, &credentials, now);
        }
    }
}

/// The parts of a request that a signature protects, in a normal form.
#[derive(Debug, PartialEq, Eq)]
struct Meaning {
    method: Method,
    path: Vec<u8>,
    query: Vec<(Vec<u8>, Vec<u8>)>,
    headers: Vec<(HeaderName, String)>,
}

impl Received {
    fn verifies(&self, credentials: &Credentials, now: SystemTime) -> bool {
        ParsedAuth::from_request(&self.method, &self.path, &self.query, &self.headers)
            .is_ok_and(|auth| auth.verify(credentials, now).is_ok())
    }

    fn check_changes(&self, changes: &[u8], credentials: &Credentials, now: SystemTime) {
        for change in changes.chunks_exact(3).take(8) {
            if let Some(changed) = self.changed(change[0], change[1], change[2])
                && changed.verifies(credentials, now)
            {
                assert_eq!(changed.meaning(), self.meaning(), "it was changed and verifies");
            }
        }
    }

    /// Returns the request with another byte in one of its fields.
    fn changed(&self, field: u8, at: u8, byte: u8) -> Option<Self> {
        let mut changed = self.clone();
        let replaced = |text: &str| {
            let mut bytes = text.as_bytes().to_vec();
            let index = usize::from(at) % bytes.len().max(1);
            *bytes.get_mut(index)? = byte;
            Some(bytes)
        };
        match usize::from(field) % (self.headers.len() + 3) {
            0 => changed.method = Method::from_bytes(&replaced(self.method.as_str())?).ok()?,
            1 => changed.path = String::from_utf8(replaced(&self.path)?).ok()?,
            2 => changed.query = String::from_utf8(replaced(&self.query)?).ok()?,
            other => {
                let (name, value) = self.headers.iter().nth(other - 3)?;
                let value = replaced(std::str::from_utf8(value.as_bytes()).ok()?)?;
                changed.headers.insert(name, HeaderValue::from_bytes(&value).ok()?);
            }
        }
        // The path of a target contains neither `?` nor `#`.
        (!changed.path.contains(['?', '#']) && changed.path.starts_with('/')).then_some(changed)
    }

    fn meaning(&self) -> Meaning {
        let mut query: Vec<_> =
            query_pairs(&self.query).map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        for (name, value) in &mut query {
            if name == b"X-Amz-SignedHeaders" {
                value.make_ascii_lowercase();
            }
        }
        query.sort();
        let mut headers: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, _)| {
                is_signed_header(name) || [header::HOST, header::AUTHORIZATION].contains(name)
            })
            .map(|(name, value)| (name.clone(), words(name, value)))
            .collect();
        headers.sort_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
        Meaning {
            method: self.method.clone(),
            path: percent_decode_str(&self.path).collect(),
            query,
            headers,
        }
    }
}

/// Returns a header in which white space is normalized. In an authorization, the names of headers are in
/// lower case.
fn words(name: &HeaderName, value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    if *name != header::AUTHORIZATION {
        return text
            .trim_matches([' ', '\t'])
            .split(' ')
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
    }
    let fields = text.split(',').map(|field| {
        let field = field.replace([' ', '\t'], "");
        if field.starts_with("SignedHeaders=") { field.to_lowercase() } else { field }
    });
    fields.collect::<Vec<_>>().join(",")
}
