use std::borrow::Cow;

use percent_encoding::percent_decode;

use super::percent_encoding::encode;

/// Creates the canonical query from decoded names and values: percent-encoded, sorted by name and then by
/// value, each with `=`.
///
/// ```
/// use cloudflare_clients::sigv4::canonical_query;
///
/// let query = canonical_query([("uploadId", "a+b/c="), ("partNumber", "1")]);
/// assert_eq!(query, "partNumber=1&uploadId=a%2Bb%2Fc%3D");
/// ```
pub fn canonical_query<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: impl IntoIterator<Item = (N, V)>) -> String {
    let mut pairs: Vec<(String, String)> = pairs
        .into_iter()
        .map(|(name, value)| {
            let (mut encoded_name, mut encoded_value) = (String::new(), String::new());
            encode(name, &mut encoded_name);
            encode(value, &mut encoded_value);
            (encoded_name, encoded_value)
        })
        .collect();
    pairs.sort_unstable();

    let mut query = String::new();
    for (name, value) in pairs {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(&name);
        query.push('=');
        query.push_str(&value);
    }
    query
}

/// The decoded names and values of a query as browsers and R2 read it: `+` is a space, a name without `=` has
/// an empty value, and empty pairs are ignored. Bytes need not be UTF-8.
pub fn query_pairs(raw: &str) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

fn decode(raw: &str) -> Cow<'_, [u8]> {
    if raw.contains('+') {
        Cow::Owned(percent_decode(raw.replace('+', " ").as_bytes()).collect())
    } else {
        percent_decode(raw.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_by_name_then_value_and_not_by_pair() {
        let query = canonical_query([("a-b", "1"), ("a", "2"), ("a", "10"), ("A", "")]);
        assert_eq!(query, "A=&a=10&a=2&a-b=1");
    }

    #[test]
    fn any_spelling_of_a_query_has_one_canonical_form() {
        for raw in ["prefix=a%20b&uploads=", "uploads&prefix=a+b", "&uploads=&&pr%65fix=a%20b&"] {
            assert_eq!(canonical_query(query_pairs(raw)), "prefix=a%20b&uploads=", "{raw}");
        }
        assert_eq!(canonical_query(query_pairs("x=%2f%zz%ff%")), "x=%2F%25zz%FF%25");
    }
}
