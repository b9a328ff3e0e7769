use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::{Error, Result};

/// The headers of a canonical request: a line for each, and the list of their names.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CanonicalHeaders {
    lines: String,
    names: String,
}

impl CanonicalHeaders {
    /// Selects `host` and those of `headers` for which `is_signed` is true. A `Host` in `headers` is replaced
    /// by `host`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the value of a selected header is not UTF-8.
    pub fn to_sign(host: &str, headers: &HeaderMap, is_signed: impl Fn(&HeaderName) -> bool) -> Result<Self> {
        let mut names: Vec<&str> = headers
            .keys()
            .filter(|name| **name != header::HOST && is_signed(name))
            .map(HeaderName::as_str)
            .collect();
        names.push(header::HOST.as_str());
        names.sort_unstable();

        let mut canonical = Self::default();
        for name in names {
            if name == header::HOST {
                canonical.push(name, [host]);
            } else {
                let values = values_of(headers, name).ok_or_else(|| {
                    Error::invalid_input(format!("the value of the header {name} is not UTF-8"))
                })?;
                canonical.push(name, values);
            }
        }
        Ok(canonical)
    }

    /// The headers in a client's `SignedHeaders`, in its order, as the server received them. A missing header
    /// counts as empty. `None` if a value is not UTF-8.
    pub(crate) fn received(signed_headers: &str, headers: &HeaderMap) -> Option<Self> {
        let mut canonical = Self::default();
        for name in signed_headers.split(';') {
            canonical.push(name, values_of(headers, name)?);
        }
        Some(canonical)
    }

    fn push<'a>(&mut self, name: &str, values: impl IntoIterator<Item = &'a str>) {
        if !self.lines.is_empty() {
            self.names.push(';');
        }
        self.names.push_str(name);
        self.lines.push_str(name);
        for (index, value) in values.into_iter().enumerate() {
            self.lines.push(if index == 0 { ':' } else { ',' });
            push_collapsed(&mut self.lines, value);
        }
        self.lines.push('\n');
    }

    /// The names in lower case, sorted and separated by `;`.
    pub fn names(&self) -> &str {
        &self.names
    }
}

/// Shows only the names, because a session token is a header too.
impl fmt::Debug for CanonicalHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CanonicalHeaders").field("names", &self.names).finish_non_exhaustive()
    }
}

fn values_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<Vec<&'a str>> {
    let values: Option<Vec<&str>> = headers
        .get_all(name)
        .iter()
        .map(|value: &HeaderValue| std::str::from_utf8(value.as_bytes()).ok())
        .collect();
    values.map(|values| if values.is_empty() { vec![""] } else { values })
}

/// Trims the value and replaces runs of spaces by one space.
fn push_collapsed(out: &mut String, value: &str) {
    let mut words = value.trim_matches([' ', '\t']).split(' ').filter(|word| !word.is_empty());
    out.extend(words.next());
    for word in words {
        out.push(' ');
        out.push_str(word);
    }
}

/// [Step 1](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#create-canonical-request):
/// the request in the canonical form that both sides hash.
///
/// `path` is the percent-encoded path exactly as it is sent. `query` is canonical (see
/// [`canonical_query`](super::canonical_query)). `payload` is [`Payload::as_str`](super::Payload::as_str).
pub fn canonical_request(
    method: &Method,
    path: &str,
    query: &str,
    headers: &CanonicalHeaders,
    payload: &str,
) -> String {
    let path = if path.is_empty() { "/" } else { path };
    [method.as_str(), path, query, &headers.lines, &headers.names, payload].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_sorted_trimmed_collapsed_and_joined() {
        let mut headers = HeaderMap::new();
        headers.append("x-amz-meta-b", HeaderValue::from_static("  two   words\t"));
        headers.append("x-amz-meta-b", HeaderValue::from_static("again"));
        headers.append("x-amz-meta-a", HeaderValue::from_static(""));
        headers.append("cf-x", HeaderValue::from_static("1"));
        headers.append("host", HeaderValue::from_static("other"));
        let canonical = CanonicalHeaders::to_sign("h:9", &headers, |_| true).unwrap();
        assert_eq!(canonical.lines, "cf-x:1\nhost:h:9\nx-amz-meta-a:\nx-amz-meta-b:two words,again\n");
        assert_eq!(canonical.names(), "cf-x;host;x-amz-meta-a;x-amz-meta-b");
    }
}
