//! Keys in paths, queries, `x-amz-copy-source` and listings.

use cloudflare_clients::RetryPolicy;
use cloudflare_clients::r2::{CopyRequest, R2Service};
use cloudflare_clients::s3::endpoint::{Endpoint, validate_key};
use cloudflare_clients::s3::{copy_object, headers};
use cloudflare_clients::sigv4::{canonical_query, encode, encode_path, query_pairs};
use http::Uri;
use percent_encoding::percent_decode_str;
use testkit::BUCKET;

use crate::local::with_local;

/// Encoded text decodes to itself, and keys stay within their bucket.
pub fn key_encoding(input: &[u8]) {
    let mut encoded = String::new();
    encode(input, &mut encoded);
    assert_eq!(percent_decode_str(&encoded).collect::<Vec<_>>(), input);
    let (name, value) = input.split_at(input.len() / 2);
    let query = canonical_query([(name, value), (value, name)]);
    let mut pairs = vec![(name.to_vec(), value.to_vec()), (value.to_vec(), name.to_vec())];
    let mut read: Vec<_> =
        query_pairs(&query).map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    // A pair of two empty texts does not count as a pair.
    if !input.is_empty() {
        pairs.sort();
        read.sort();
        assert_eq!(read, pairs);
    }

    let Ok(text) = std::str::from_utf8(input) else { return };
    // A query written by others is canonical after one step.
    let canonical = canonical_query(query_pairs(text));
    assert_eq!(canonical_query(query_pairs(&canonical)), canonical);
    let mut path = String::new();
    encode_path(text, &mut path);
    assert_eq!(percent_decode_str(&path).collect::<Vec<_>>(), input);
    assert!(path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#".contains(&byte)));

    let endpoint = Endpoint::custom("http://127.0.0.1:9710").unwrap();
    if let Ok(url) = endpoint.url(Some("media"), Some(text)) {
        let uri: Uri = url.parse().unwrap();
        assert_eq!((uri.host(), uri.query()), (Some("127.0.0.1"), None), "{url}");
        let key = uri.path().strip_prefix("/media/").unwrap();
        assert_eq!(percent_decode_str(key).collect::<Vec<_>>(), input);
    }
    if let Ok(request) = copy_object::request("media", &CopyRequest::new(text, "key")) {
        let source = request.headers[headers::COPY_SOURCE].to_str().unwrap();
        assert_eq!(percent_decode_str(source).collect::<Vec<_>>(), [b"/media/", input].concat());
    }
}

/// Client and server agree on a key: it can be put, found, listed, copied and deleted. The input has two
/// lines: the key, and the value of its metadata.
pub fn object_key(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (key, value) = text.split_once('\n').unwrap_or((text, ""));
    if validate_key(key).is_err() {
        return;
    }
    with_local(async |local| {
        let r2 = R2Service::new(local.server.bucket(BUCKET)).with_retry(RetryPolicy::none());
        // Some metadata cannot be sent, and is rejected first.
        let put = r2.put(key, "content").custom_metadata([("name", value)].into_iter().collect()).await;
        let Ok(_) = put else {
            let error = put.unwrap_err();
            assert!(error.status().is_none_or(|status| status.is_client_error()), "{error:?}");
            return;
        };
        let head = r2.head(key).await.unwrap().unwrap();
        let metadata = head.custom_metadata.unwrap();
        assert_eq!(metadata.get("name"), Some(value));
        // The store converts keys to NFC, as R2 does.
        let listed = r2.list().prefix(key).await.unwrap();
        let known = listed.objects.first().unwrap().key.clone();
        let copied = r2.copy(known.as_str(), "copied").await;
        assert!(copied.is_ok() || key == "copied", "{copied:?}");
        let outcomes = r2.delete_many([known.as_str(), "copied"]).await.unwrap();
        drop(outcomes);
        assert!(r2.head(key).await.unwrap().is_none());
    });
}
