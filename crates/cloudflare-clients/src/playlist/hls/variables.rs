//! [Variables](https://datatracker.ietf.org/doc/html/draft-pantos-hls-rfc8216bis#section-4.3), defined by
//! `EXT-X-DEFINE`.

use std::borrow::Cow;
use std::collections::HashMap;

use super::attributes::attributes;
use crate::{Error, Result};

/// Values by name, or the error to return when the variable is used.
#[derive(Debug, Default)]
pub(super) struct Variables(HashMap<String, Result<String>>);

/// Maximum length of a reference with its variables, in bytes. An encoded key and a query, which is dropped,
/// fit.
const MAX_LEN: usize = 4096;

impl Variables {
    /// Parses an `EXT-X-DEFINE` whose attributes start at `start`, with the values of variables from
    /// `outside`. Returns the attributes to write instead if a value from outside was set, so that the player
    /// does not need to know its source.
    pub(super) fn define(
        &mut self,
        line: &str,
        start: usize,
        outside: &HashMap<String, String>,
    ) -> Result<Option<String>> {
        let (mut name, mut value, mut imported) = (None, None, false);
        for attribute in attributes(line, start) {
            let attribute = attribute?;
            let text = line[attribute.value].to_owned();
            match &line[attribute.name] {
                "NAME" => name = Some(text),
                "VALUE" => value = Some(text),
                "IMPORT" | "QUERYPARAM" => (name, imported) = (Some(text), true),
                _ => {}
            }
        }
        let Some(name) = name.filter(|_| imported || value.is_some()) else {
            return Err(Error::invalid_input("EXT-X-DEFINE needs a NAME and a VALUE"));
        };
        if name.is_empty() || !name.bytes().all(is_name) {
            return Err(Error::invalid_input(format!("{name:?} is not a valid variable name")));
        }
        if self.0.contains_key(&name) {
            return Err(Error::invalid_input(format!("the variable {name:?} is defined twice")));
        }
        if imported {
            value = outside.get(&name).cloned();
            if value.as_ref().is_some_and(|value| value.contains(|c: char| c.is_control() || c == '"')) {
                return Err(Error::invalid_input(format!(
                    "the value that `PlaylistOptions::variable` gives the variable {name:?} cannot be written into a playlist: it has a \
                     quote or a control character"
                )));
            }
        }
        let said =
            value.as_ref().filter(|_| imported).map(|value| format!("NAME=\"{name}\",VALUE=\"{value}\""));
        let value = match value {
            // Variables are substituted in it, as in every quoted string.
            Some(value) => self.substitute(&value).map(Cow::into_owned),
            None => Err(Error::invalid_input(format!(
                "the variable {name:?} comes from outside the playlist: give its value with `PlaylistOptions::variable`"
            ))),
        };
        self.0.insert(name, value);
        Ok(said)
    }

    /// Replaces each `{$name}` in `text`. Variables in values are not replaced again.
    pub(super) fn substitute<'a>(&self, text: &'a str) -> Result<Cow<'a, str>> {
        if !text.contains("{$") {
            return Ok(Cow::Borrowed(text));
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("{$") {
            let (before, reference) = rest.split_at(at);
            out.push_str(before);
            let name = &reference[2..];
            let name = &name[..name.bytes().position(|byte| !is_name(byte)).unwrap_or(name.len())];
            let end = 2 + name.len();
            if name.is_empty() || reference.as_bytes().get(end) != Some(&b'}') {
                out.push_str(&reference[..2]);
                rest = &reference[2..];
                continue;
            }
            let value = match self.0.get(name) {
                Some(Ok(value)) => value,
                Some(Err(why)) => return Err(why.clone()),
                None => {
                    return Err(Error::invalid_input(format!(
                        "the variable {name:?} is not defined before its use"
                    )));
                }
            };
            if out.len() + value.len() > MAX_LEN {
                return Err(Error::invalid_input(format!(
                    "with its variables, a reference is longer than {MAX_LEN} bytes"
                )));
            }
            out.push_str(value);
            rest = &reference[end + 1..];
        }
        out.push_str(rest);
        Ok(Cow::Owned(out))
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn refused<T: std::fmt::Debug>(result: Result<T>, why: &str) {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.message().contains(why), "{error}");
    }

    fn define(variables: &mut Variables, list: &str) -> Result<Option<String>> {
        let outside = [("given", "1/2"), ("empty", ""), ("quote", "a\"b"), ("line", "a\nb")];
        variables.define(list, 0, &outside.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }

    #[test]
    fn variables_are_substituted_once() {
        let mut variables = Variables::default();
        for list in [
            r#"VALUE="2",NAME="b-_1""#,
            r#"NAME="a",VALUE="{$b-_1}/x""#,
            r#"NAME="early",VALUE="{$late}""#,
            r#"NAME="late",VALUE="1""#,
        ] {
            assert_eq!(define(&mut variables, list).unwrap(), None);
        }
        for (text, expected) in [
            ("plain", "plain"),
            ("{$a}/{$b-_1}.ts", "2/x/2.ts"),
            ("{$}{$ a}{$a", "{$}{$ a}{$a"),
            ("{{$b-_1}}", "{2}"),
        ] {
            assert_eq!(variables.substitute(text).unwrap(), expected);
        }
        refused(variables.substitute("{$c}"), "the variable \"c\" is not defined before its use");
        refused(variables.substitute("{$early}"), "the variable \"late\" is not defined before its use");
        let long = "{$a}".repeat(1 + MAX_LEN / 3);
        refused(variables.substitute(&long), "a reference is longer than 4096 bytes");
    }

    #[test]
    fn variables_from_outside_have_the_values_that_are_given() {
        let mut variables = Variables::default();
        let said = define(&mut variables, r#"QUERYPARAM="given""#).unwrap();
        assert_eq!(said.as_deref(), Some(r#"NAME="given",VALUE="1/2""#));
        let said = define(&mut variables, r#"IMPORT="empty""#).unwrap();
        assert_eq!(said.as_deref(), Some(r#"NAME="empty",VALUE="""#));
        assert_eq!(define(&mut variables, r#"IMPORT="unknown""#).unwrap(), None);
        assert_eq!(variables.substitute("{$given}{$empty}.ts").unwrap(), "1/2.ts");
        refused(
            variables.substitute("{$unknown}.ts"),
            "the variable \"unknown\" comes from outside the playlist: give its value with `PlaylistOptions::variable`",
        );
    }

    #[test]
    fn what_defines_nothing_or_twice_is_refused() {
        let mut variables = Variables::default();
        define(&mut variables, r#"NAME="a",VALUE="1""#).unwrap();
        for (list, why) in [
            (r#"NAME="a",VALUE="2""#, "the variable \"a\" is defined twice"),
            (r#"IMPORT="a""#, "the variable \"a\" is defined twice"),
            (r#"QUERYPARAM="quote""#, "gives the variable \"quote\" cannot be written into a playlist"),
            (r#"IMPORT="line""#, "gives the variable \"line\" cannot be written into a playlist"),
            (r#"NAME="b""#, "EXT-X-DEFINE needs a NAME and a VALUE"),
            (r#"NAME="",VALUE="1""#, "\"\" is not a valid variable name"),
            (r#"NAME="a b",VALUE="1""#, "\"a b\" is not a valid variable name"),
        ] {
            refused(define(&mut variables, list), why);
        }
    }
}
