//! Addresses of objects, `r2://bucket/key` or `s3://bucket/key`, which are accepted instead of keys.

use crate::error::{Error, Result};

/// Splits an address into bucket and key. Returns `None` for a key without a bucket.
fn parse(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    if !["r2", "s3"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return None;
    }
    Some(rest.split_once('/').unwrap_or((rest, "")))
}

/// Replaces each address by its key, and returns the bucket that the addresses or `--bucket` name.
///
/// All arguments must be in one bucket. A key without a bucket next to an address is refused: it could be
/// meant for another bucket.
pub(crate) fn take_bucket<'a>(
    option: Option<&str>,
    arguments: impl IntoIterator<Item = &'a mut String>,
) -> Result<Option<String>> {
    let mut named: Option<(String, String)> = None;
    let mut alone = None;
    for argument in arguments {
        let Some((bucket, key)) = parse(argument) else {
            alone.get_or_insert_with(|| argument.clone());
            continue;
        };
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        if bucket.is_empty() {
            return Err(Error::usage(
                format!("{argument:?} does not name a bucket"),
                "write it as r2://BUCKET/KEY",
            ));
        }
        if let Some(option) = option.filter(|option| *option != bucket) {
            return Err(Error::usage(
                format!("{argument:?} is in bucket {bucket:?}, but --bucket is {option:?}"),
                "leave --bucket out, or write the key without a bucket",
            ));
        }
        if let Some((other, _)) = named.as_ref().filter(|(_, other)| *other != bucket) {
            return Err(Error::usage(
                format!("{other:?} and {argument:?} are in different buckets"),
                "run the command once per bucket",
            ));
        }
        let address = std::mem::replace(argument, key);
        named.get_or_insert((address, bucket));
    }
    match (option, named, alone) {
        (None, Some((address, bucket)), Some(alone)) => Err(Error::usage(
            format!("{address:?} names its bucket, but {alone:?} does not"),
            format!(
                "write the bucket of each, such as \"r2://{bucket}/{alone}\" or one in another bucket; for files, use `get` and \
                 `put`"
            ),
        )),
        (Some(option), ..) => Ok(Some(option.to_owned())),
        (None, named, _) => Ok(named.map(|(_, bucket)| bucket)),
    }
}

/// Whether an argument is an address.
pub(crate) fn is_address(text: &str) -> bool {
    parse(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(option: Option<&str>, arguments: &[&str]) -> Result<(Option<String>, Vec<String>)> {
        let mut keys: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        let bucket = take_bucket(option, &mut keys)?;
        Ok((bucket, keys))
    }

    #[test]
    fn addresses_name_their_bucket() {
        for (option, arguments, bucket, keys) in [
            (None, &["a/b"][..], None, &["a/b"][..]),
            (None, &["r2://media/a/b"], Some("media"), &["a/b"]),
            (None, &["S3://media"], Some("media"), &[""]),
            (None, &["s3://media/", "r2://media//a"], Some("media"), &["", "/a"]),
            (Some("media"), &["r2://media/a", "b"], Some("media"), &["a", "b"]),
            (Some("media"), &["b"], Some("media"), &["b"]),
            (None, &["r2://media/s3://other/a"], Some("media"), &["s3://other/a"]),
            (
                None,
                &["https://media/a", "s3:/a", "s3/a", "a s3://b"],
                None,
                &["https://media/a", "s3:/a", "s3/a", "a s3://b"],
            ),
        ] {
            let (found, left) = take(option, arguments).unwrap();
            assert_eq!(
                (found.as_deref(), &*left),
                (bucket, &*keys.iter().map(ToString::to_string).collect::<Vec<_>>())
            );
        }
    }

    #[test]
    fn contradictions_are_refused() {
        for (option, arguments, why) in [
            (None, &["r2:///a"][..], "does not name a bucket"),
            (Some("b"), &["r2://a/k"], "but --bucket is \"b\""),
            (None, &["r2://a/k", "s3://b/k"], "are in different buckets"),
            (None, &["r2://a/k", "k"], "but \"k\" does not"),
            (None, &["k", "r2://a/k"], "but \"k\" does not"),
        ] {
            let error = take(option, arguments).unwrap_err();
            assert_eq!(error.exit_status(), crate::error::ExitStatus::Usage);
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
