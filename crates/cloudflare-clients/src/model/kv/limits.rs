//! KV's [limits](https://developers.cloudflare.com/kv/platform/limits/).

use std::time::{Duration, SystemTime};

use super::requests::PutRequest;
use crate::error::{Error, Result, TOO_LARGE};
use crate::time::seconds_of_a_date;

/// The most bytes of a key: 512.
pub const MAX_KEY_SIZE: usize = 512;

/// The most bytes of a value: 25 MiB.
pub const MAX_VALUE_SIZE: u64 = 25 * 1024 * 1024;

/// The most bytes of a value's metadata as JSON: 1,024.
pub const MAX_METADATA_SIZE: usize = 1024;

/// The most bytes of a namespace's title: 512.
pub const MAX_TITLE_SIZE: usize = 512;

/// How soon a key may expire at the earliest: in 60 seconds.
pub const MIN_EXPIRATION_TTL: Duration = Duration::from_secs(60);

/// For how long a location caches what it has read at least: 30 seconds.
pub const MIN_CACHE_TTL: Duration = Duration::from_secs(30);

/// How many keys one request reads at most: 100.
pub const MAX_BULK_GET: usize = 100;

/// How many keys one request of the REST API writes or deletes at most: 10,000.
pub const MAX_BULK_WRITES: usize = 10_000;

/// The most bytes of one request of the REST API that writes many keys: 100 MB.
pub const MAX_BULK_BYTES: usize = 100_000_000;

/// Refuses what KV does not take as a key.
pub(crate) fn validate_key(key: &str) -> Result<()> {
    match key.len() {
        _ if key == "." || key == ".." => Err(Error::invalid_input(format!(
            "the key {key:?} is one of the two that KV does not take: . and .."
        ))),
        1..=MAX_KEY_SIZE => Ok(()),
        length => Err(Error::invalid_input(format!(
            "the key has {length} bytes: KV takes 1 to {MAX_KEY_SIZE} bytes of UTF-8"
        ))),
    }
}

/// Refuses a value that is too large.
pub(crate) fn validate_value_size(bytes: u64) -> Result<()> {
    if bytes <= MAX_VALUE_SIZE { Ok(()) } else { Err(value_too_large(format_args!("{bytes}"))) }
}

/// The error for a value of this many bytes.
pub(super) fn value_too_large(bytes: std::fmt::Arguments<'_>) -> Error {
    Error::invalid_input(format!(
        "the value has {bytes} bytes: KV takes {MAX_VALUE_SIZE} at most (25 MiB), R2 takes larger ones"
    ))
    .with_code(TOO_LARGE)
}

/// Refuses a put that KV would refuse, but for the size of a value of unknown length.
pub(crate) fn validate_put(request: &PutRequest, now: SystemTime) -> Result<()> {
    validate_key(&request.key)?;
    request.value.content_length().map_or(Ok(()), validate_value_size)?;
    if let Some(metadata) = &request.metadata {
        let length = metadata.as_str().len();
        if length > MAX_METADATA_SIZE {
            return Err(Error::invalid_input(format!(
                "the metadata has {length} bytes as JSON: KV takes {MAX_METADATA_SIZE} at most"
            )));
        }
    }
    validate_expiry(request.expiration, request.expiration_ttl, now)
}

/// Whether nothing of a time would be cut off where KV is told it.
pub(crate) fn is_whole_seconds(time: Duration) -> bool {
    time.subsec_nanos() == 0
}

fn validate_expiry(at: Option<SystemTime>, ttl: Option<Duration>, now: SystemTime) -> Result<()> {
    let least = MIN_EXPIRATION_TTL.as_secs();
    if let Some(ttl) = ttl
        && (ttl < MIN_EXPIRATION_TTL || !is_whole_seconds(ttl))
    {
        return Err(Error::invalid_input(format!(
            "the expiration TTL is {ttl:?}: KV takes whole seconds, {least} or more"
        )));
    }
    let has_date = |at: SystemTime| seconds_of_a_date(at.max(now)).is_some();
    let end = ttl.map_or(at.map(Some), |ttl| Some(now.checked_add(ttl)));
    if end.is_some_and(|end| !end.is_some_and(has_date)) {
        return Err(Error::invalid_input(
            "the key would expire after the year 9999, the last that dates can name",
        ));
    }
    let Some(at) = at else { return Ok(()) };
    match at.duration_since(now) {
        Ok(ahead) if ahead >= MIN_EXPIRATION_TTL => Ok(()),
        Ok(ahead) => Err(Error::invalid_input(format!(
            "the expiration is {ahead:?} ahead: KV takes {least} seconds or more"
        ))),
        Err(past) => Err(Error::invalid_input(format!(
            "the expiration lies {:?} in the past: KV takes {least} seconds ahead or more",
            past.duration()
        ))),
    }
}

/// Refuses what KV does not take as a time to cache.
pub(crate) fn validate_cache_ttl(ttl: Option<Duration>) -> Result<()> {
    match ttl {
        Some(ttl) if ttl < MIN_CACHE_TTL || !is_whole_seconds(ttl) => Err(Error::invalid_input(format!(
            "the cache TTL is {ttl:?}: KV takes whole seconds, {} or more",
            MIN_CACHE_TTL.as_secs()
        ))),
        _ => Ok(()),
    }
}

/// Refuses what KV does not take as the size of a page of keys or namespaces.
pub(crate) fn validate_page_size(size: Option<u32>) -> Result<()> {
    match size {
        Some(size @ (0 | 1001..)) => {
            Err(Error::invalid_input(format!("the page size {size} is not within 1 to 1,000")))
        }
        _ => Ok(()),
    }
}

/// Refuses to read more keys at once than KV takes.
#[cfg(any(
    all(feature = "workers", target_arch = "wasm32"),
    all(any(feature = "http", feature = "local"), not(target_arch = "wasm32"))
))]
pub(crate) fn validate_get_count(keys: usize) -> Result<()> {
    if (1..=MAX_BULK_GET).contains(&keys) {
        return Ok(());
    }
    Err(Error::invalid_input(format!("{keys} keys are to be read: one request takes 1 to {MAX_BULK_GET}")))
}

/// Refuses to write or delete more keys at once than KV takes.
#[cfg(all(any(feature = "http", feature = "local"), not(target_arch = "wasm32")))]
pub(crate) fn validate_write_count(keys: usize) -> Result<()> {
    if keys <= MAX_BULK_WRITES {
        return Ok(());
    }
    Err(Error::invalid_input(format!(
        "{keys} keys are to be written or deleted: one request takes {MAX_BULK_WRITES}"
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
            (PutRequest { key: String::new(), ..put() }, "the key has 0 bytes: KV takes 1 to 512"),
            (PutRequest { key: "ä".repeat(257), ..put() }, "the key has 514 bytes: KV takes 1 to 512"),
            (PutRequest { key: "..".to_owned(), ..put() }, "the key \"..\""),
            (
                PutRequest { value: vec![0; 25 * 1024 * 1024 + 1].into(), ..put() },
                "the value has 26214401 bytes: KV takes 26214400",
            ),
            (
                put().expiration_ttl(Duration::from_millis(59_999)),
                "the expiration TTL is 59.999s: KV takes whole seconds, 60 or more",
            ),
            (
                put().expiration_ttl(Duration::from_millis(90_500)),
                "the expiration TTL is 90.5s: KV takes whole seconds, 60 or more",
            ),
            (put().expiration(now + Duration::from_secs(59)), "the expiration is 59s ahead: KV takes 60"),
            (put().expiration(now - Duration::from_secs(5)), "the expiration lies 5s in the past"),
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
        assert!(error.contains("the metadata has 1025 bytes as JSON: KV takes 1024"), "{error}");
        for (millis, said) in [(29_999, "29.999s"), (30_500, "30.5s")] {
            let error = validate_cache_ttl(Some(Duration::from_millis(millis))).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert_eq!(
                error.message(),
                format!("the cache TTL is {said}: KV takes whole seconds, 30 or more")
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
