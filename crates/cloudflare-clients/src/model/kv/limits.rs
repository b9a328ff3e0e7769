//! KV's [limits](https://developers.cloudflare.com/kv/platform/limits/).

use std::time::{Duration, SystemTime};

use super::requests::PutRequest;
use crate::error::{Error, Result, TOO_LARGE};
use crate::time::seconds_of_a_date;

/// Maximum size of a key, in bytes: 512.
pub const MAX_KEY_SIZE: usize = 512;

/// Maximum size of a value, in bytes: 25 MiB.
pub const MAX_VALUE_SIZE: u64 = 25 * 1024 * 1024;

/// Maximum size of a value's metadata as JSON, in bytes: 1,024.
pub const MAX_METADATA_SIZE: usize = 1024;

/// Maximum size of a namespace's title, in bytes: 512.
pub const MAX_TITLE_SIZE: usize = 512;

/// Minimum time until a key expires: 60 seconds.
pub const MIN_EXPIRATION_TTL: Duration = Duration::from_secs(60);

/// Minimum time for which a location caches what it reads: 30 seconds.
pub const MIN_CACHE_TTL: Duration = Duration::from_secs(30);

/// Maximum number of keys that one request reads: 100.
pub const MAX_BULK_GET: usize = 100;

/// Maximum number of keys that one REST request writes or deletes: 10,000.
pub const MAX_BULK_WRITES: usize = 10_000;

/// Maximum size of a REST request that writes many keys, in bytes: 100 MB.
pub const MAX_BULK_BYTES: usize = 100_000_000;

/// Rejects a key that KV does not accept.
pub(crate) fn validate_key(key: &str) -> Result<()> {
    match key.len() {
        _ if key == "." || key == ".." => Err(Error::invalid_input(format!(
            "the key {key:?} is reserved: KV does not accept `.` and `..` as keys"
        ))),
        1..=MAX_KEY_SIZE => Ok(()),
        length => Err(Error::invalid_input(format!(
            "the key has {length} bytes: KV accepts 1 to {MAX_KEY_SIZE} bytes of UTF-8"
        ))),
    }
}

/// Rejects a value that is too large.
pub(crate) fn validate_value_size(bytes: u64) -> Result<()> {
    if bytes <= MAX_VALUE_SIZE { Ok(()) } else { Err(value_too_large(format_args!("{bytes}"))) }
}

/// Returns the error for a value of this many bytes.
pub(super) fn value_too_large(bytes: std::fmt::Arguments<'_>) -> Error {
    Error::invalid_input(format!(
        "the value has {bytes} bytes: KV accepts at most {MAX_VALUE_SIZE} (25 MiB); store larger values in R2"
    ))
    .with_code(TOO_LARGE)
}

/// Rejects a put that KV would reject, except for the size of a value of unknown length.
pub(crate) fn validate_put(request: &PutRequest, now: SystemTime) -> Result<()> {
    validate_key(&request.key)?;
    request.value.content_length().map_or(Ok(()), validate_value_size)?;
    if let Some(metadata) = &request.metadata {
        let length = metadata.as_str().len();
        if length > MAX_METADATA_SIZE {
            return Err(Error::invalid_input(format!(
                "the metadata has {length} bytes as JSON: KV accepts at most {MAX_METADATA_SIZE}"
            )));
        }
    }
    validate_expiry(request.expiration, request.expiration_ttl, now)
}

/// Whether KV's whole seconds can represent a time exactly.
pub(crate) fn is_whole_seconds(time: Duration) -> bool {
    time.subsec_nanos() == 0
}

fn validate_expiry(at: Option<SystemTime>, ttl: Option<Duration>, now: SystemTime) -> Result<()> {
    let least = MIN_EXPIRATION_TTL.as_secs();
    if let Some(ttl) = ttl
        && (ttl < MIN_EXPIRATION_TTL || !is_whole_seconds(ttl))
    {
        return Err(Error::invalid_input(format!(
            "the expiration TTL is {ttl:?}: KV accepts whole seconds, {least} or more"
        )));
    }
    let has_date = |at: SystemTime| seconds_of_a_date(at.max(now)).is_some();
    let end = ttl.map_or(at.map(Some), |ttl| Some(now.checked_add(ttl)));
    if end.is_some_and(|end| !end.is_some_and(has_date)) {
        return Err(Error::invalid_input(
            "the key would expire after the year 9999, the latest year that is supported",
        ));
    }
    let Some(at) = at else { return Ok(()) };
    match at.duration_since(now) {
        Ok(ahead) if ahead >= MIN_EXPIRATION_TTL => Ok(()),
        Ok(ahead) => Err(Error::invalid_input(format!(
            "the expiration is {ahead:?} from now: it must be at least {least} seconds from now"
        ))),
        Err(past) => Err(Error::invalid_input(format!(
            "the expiration is {:?} in the past: it must be at least {least} seconds from now",
            past.duration()
        ))),
    }
}

/// Rejects a cache time that KV does not accept.
pub(crate) fn validate_cache_ttl(ttl: Option<Duration>) -> Result<()> {
    match ttl {
        Some(ttl) if ttl < MIN_CACHE_TTL || !is_whole_seconds(ttl) => Err(Error::invalid_input(format!(
            "the cache TTL is {ttl:?}: KV accepts whole seconds, {} or more",
            MIN_CACHE_TTL.as_secs()
        ))),
        _ => Ok(()),
    }
}

/// Rejects a page size, of keys or namespaces, that KV does not accept.
pub(crate) fn validate_page_size(size: Option<u32>) -> Result<()> {
    match size {
        Some(size @ (0 | 1001..)) => {
            Err(Error::invalid_input(format!("the page size {size} is not within 1 to 1,000")))
        }
        _ => Ok(()),
    }
}

/// Rejects a read of more keys than KV accepts in one request.
#[cfg(any(
    all(feature = "workers", target_arch = "wasm32"),
    all(any(feature = "http", feature = "local"), not(target_arch = "wasm32"))
))]
pub(crate) fn validate_get_count(keys: usize) -> Result<()> {
    if (1..=MAX_BULK_GET).contains(&keys) {
        return Ok(());
    }
    Err(Error::invalid_input(format!("the request reads {keys} keys: one request reads 1 to {MAX_BULK_GET}")))
}

/// Rejects a write or delete of more keys than KV accepts in one request.
#[cfg(all(any(feature = "http", feature = "local"), not(target_arch = "wasm32")))]
pub(crate) fn validate_write_count(keys: usize) -> Result<()> {
    if keys <= MAX_BULK_WRITES {
        return Ok(());
    }
    Err(Error::invalid_input(format!(
        "the request writes or deletes {keys} keys: one request accepts at most {MAX_BULK_WRITES}"
    )))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::body::Body;
    use crate::error::ErrorKind;
    use crate::model::kv::Metadata;
    use crate::time::LAST_SECOND;

    fn refused(request: &PutRequest) -> String {
        validate_put(request, UNIX_EPOCH + Duration::from_secs(500_000 * 3600)).unwrap_err().to_string()
    }

    #[test]
    fn every_error_names_the_limit_and_what_was_given() {
        let now = UNIX_EPOCH + Duration::from_secs(500_000 * 3600);
        let put = || PutRequest::new("k", "v");
        for (request, said) in [
            (PutRequest { key: String::new(), ..put() }, "the key has 0 bytes: KV accepts 1 to 512"),
            (PutRequest { key: "ä".repeat(257), ..put() }, "the key has 514 bytes: KV accepts 1 to 512"),
            (PutRequest { key: "..".to_owned(), ..put() }, "the key \"..\""),
            (
                PutRequest { value: vec![0; 25 * 1024 * 1024 + 1].into(), ..put() },
                "the value has 26214401 bytes: KV accepts at most 26214400",
            ),
            (
                put().expiration_ttl(Duration::from_millis(59_999)),
                "the expiration TTL is 59.999s: KV accepts whole seconds, 60 or more",
            ),
            (
                put().expiration_ttl(Duration::from_millis(90_500)),
                "the expiration TTL is 90.5s: KV accepts whole seconds, 60 or more",
            ),
            (
                put().expiration(now + Duration::from_secs(59)),
                "the expiration is 59s from now: it must be at least 60",
            ),
            (put().expiration(now - Duration::from_secs(5)), "the expiration is 5s in the past"),
            (put().expiration(UNIX_EPOCH - Duration::from_secs(5)), "in the past"),
            (put().expiration_ttl(Duration::from_secs(u64::MAX)), "would expire after the year 9999"),
            (put().expiration_ttl(Duration::from_secs(i64::MAX.unsigned_abs())), "after the year 9999"),
            (put().expiration_ttl(Duration::from_secs(LAST_SECOND)), "would expire after the year 9999"),
            (put().expiration(UNIX_EPOCH + Duration::from_secs(LAST_SECOND + 1)), "after the year 9999"),
        ] {
            let error = refused(&request);
            assert!(error.contains(said), "{error}");
        }
        let metadata = Metadata::new(&"m".repeat(1023)).unwrap();
        let error = refused(&PutRequest { metadata: Some(metadata), ..put() });
        assert!(error.contains("the metadata has 1025 bytes as JSON: KV accepts at most 1024"), "{error}");
        for (millis, said) in [(29_999, "29.999s"), (30_500, "30.5s")] {
            let error = validate_cache_ttl(Some(Duration::from_millis(millis))).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert_eq!(
                error.message(),
                format!("the cache TTL is {said}: KV accepts whole seconds, 30 or more")
            );
        }
    }

    #[test]
    fn what_is_just_within_the_limits_is_taken() {
        let now = UNIX_EPOCH + Duration::from_secs(500_000 * 3600);
        let request = PutRequest {
            key: "ä".repeat(256),
            value: Body::from(vec![0; 25 * 1024 * 1024]),
            expiration: Some(now + Duration::from_secs(60)),
            expiration_ttl: Some(Duration::from_secs(60)),
            metadata: Some(Metadata::new(&"m".repeat(1022)).unwrap()),
        };
        validate_put(&request, now).unwrap();
        let last = UNIX_EPOCH + Duration::from_secs(LAST_SECOND);
        validate_put(&PutRequest::new("k", "v").expiration(last), now).unwrap();
        validate_put(&PutRequest::new("k", "v").expiration_ttl(last.duration_since(now).unwrap()), now)
            .unwrap();
        for key in ["...", "./", "/..", " "] {
            validate_key(key).unwrap();
        }
        validate_cache_ttl(Some(Duration::from_secs(30))).unwrap();
        for (size, allowed) in [(0, false), (1, true), (1000, true), (1001, false)] {
            assert_eq!(validate_page_size(Some(size)).is_ok(), allowed, "{size}");
        }
    }
}
