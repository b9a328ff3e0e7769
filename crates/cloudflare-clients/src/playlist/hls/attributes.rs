//! [Attribute lists](https://www.rfc-editor.org/rfc/rfc8216#section-4.2).

use std::ops::Range;

use crate::{Error, Result};

/// An attribute of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attribute {
    pub(super) name: Range<usize>,
    /// The position of its value, without the quotes.
    pub(super) value: Range<usize>,
    pub(super) quoted: bool,
}

impl Attribute {
    /// Returns its position, from its name to the end of its value.
    pub(super) fn range(&self) -> Range<usize> {
        self.name.start..self.value.end + usize::from(self.quoted)
    }
}

/// Parses the attributes of a list from `start` to the end of `line`. Accepts empty items between commas, as
/// players do.
pub(super) fn attributes(line: &str, start: usize) -> impl Iterator<Item = Result<Attribute>> + '_ {
    let mut at = Some(start);
    std::iter::from_fn(move || {
        let from = skip(line, at.take()?, b" \t,");
        if from == line.len() {
            return None;
        }
        match attribute(line, from) {
            Ok((attribute, next)) => {
                at = Some(next);
                Some(Ok(attribute))
            }
            Err(error) => Some(Err(error)),
        }
    })
}

/// Returns the value of the first attribute with this name. The list may be malformed after it.
pub(super) fn value_of<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    let mut parsed = attributes(list, 0).map_while(Result::ok);
    parsed.find(|attribute| list[attribute.name.clone()] == *name).map(|attribute| &list[attribute.value])
}

/// Returns the position of the first byte from `at` that is not one of these bytes.
fn skip(line: &str, at: usize, bytes: &[u8]) -> usize {
    at + line.as_bytes()[at..].iter().take_while(|byte| bytes.contains(byte)).count()
}

/// Parses an attribute, and returns the position after it.
fn attribute(line: &str, start: usize) -> Result<(Attribute, usize)> {
    let bytes = line.as_bytes();
    let mut end = start;
    while bytes.get(end).is_some_and(|byte| !matches!(byte, b'=' | b',' | b'"' | b' ' | b'\t')) {
        end += 1;
    }
    if end == start || bytes.get(end) != Some(&b'=') {
        return Err(Error::invalid_input("the attribute list does not parse: a NAME=value was expected"));
    }
    let name = start..end;
    let value = end + 1;
    let (value, quoted, end) = if bytes.get(value) == Some(&b'"') {
        let value = value + 1;
        let length = line[value..].find('"').ok_or_else(|| {
            Error::invalid_input(format!("the quoted string of {} does not end", &line[name.clone()]))
        })?;
        (value..value + length, true, value + length + 1)
    } else {
        let length = line[value..].find(',').unwrap_or(line.len() - value);
        let unquoted = &line[value..value + length];
        if unquoted.contains('"') {
            return Err(Error::invalid_input(format!("the value of {} has a quote in it", &line[name])));
        }
        (value..value + unquoted.trim_end().len(), false, value + length)
    };
    let end = skip(line, end, b" \t");
    if !matches!(bytes.get(end), None | Some(b',')) {
        return Err(Error::invalid_input(format!("a comma was expected after {}", &line[name])));
    }
    Ok((Attribute { name, value, quoted }, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn parsed(line: &str) -> Result<Vec<(&str, &str, bool)>> {
        attributes(line, 0)
            .map(|attribute| attribute.map(|a| (&line[a.name], &line[a.value], a.quoted)))
            .collect()
    }

    #[test]
    fn values_are_quoted_or_not() {
        assert_eq!(
            parsed(r#"METHOD=AES-128,URI="a,b=c", IV=0x1 , X-1="""#).unwrap(),
            [("METHOD", "AES-128", false), ("URI", "a,b=c", true), ("IV", "0x1", false), ("X-1", "", true)]
        );
        assert_eq!(parsed("A=").unwrap(), [("A", "", false)]);
        assert_eq!(parsed("X_É.1=2").unwrap(), [("X_É.1", "2", false)]);
    }

    #[test]
    fn commas_may_stand_for_nothing() {
        for list in ["A=1,B=\"2\",", "A=1, B=\"2\" , ", "A=1,,B=\"2\",,,", " ,A=1,B=\"2\""] {
            assert_eq!(parsed(list).unwrap(), [("A", "1", false), ("B", "2", true)], "{list}");
        }
        assert_eq!(parsed("").unwrap(), []);
        assert_eq!(parsed(",").unwrap(), []);
    }

    #[test]
    fn what_is_none_is_refused() {
        for (line, why) in [
            ("A", "a NAME=value was expected"),
            ("A,B=1", "a NAME=value was expected"),
            ("=1", "a NAME=value was expected"),
            (r#"A="1"#, "the quoted string of A does not end"),
            (r#"A="1"2"#, "a comma was expected after A"),
            (r#"A=1"2""#, "the value of A has a quote in it"),
            ("A B=1", "a NAME=value was expected"),
        ] {
            let error = parsed(line).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{line}");
            assert!(error.message().contains(why), "{line}: {error}");
        }
    }
}
