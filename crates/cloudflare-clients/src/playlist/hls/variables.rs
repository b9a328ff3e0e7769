//! [Variables](https://datatracker.ietf.org/doc/html/draft-pantos-hls-rfc8216bis#section-4.3), which `EXT-X-DEFINE` defines.

use std::borrow::Cow;
use std::collections::HashMap;

use super::attributes::attributes;
use crate::{Error, Result};

#[derive(Debug, Default)]
pub(super) struct Variables(HashMap<String, String>);

impl Variables {
    /// Takes an `EXT-X-DEFINE` whose attributes begin at `start`.
    pub(super) fn define(&mut self, line: &str, start: usize) -> Result<()> {
        let (mut name, mut value) = (None, None);
        for attribute in attributes(line, start) {
            let attribute = attribute?;
            let text = line[attribute.value].to_owned();
            match &line[attribute.name] {
                "NAME" => name = Some(text),
                "VALUE" => value = Some(text),
                kind @ ("IMPORT" | "QUERYPARAM") => {
                    return Err(Error::invalid_input(format!(
                        "the variable {text:?} comes from outside the playlist ({kind}): only those that it defines itself are known"
                    )));
                }
                _ => {}
            }
        }
        let (Some(name), Some(value)) = (name, value) else {
            return Err(Error::invalid_input("EXT-X-DEFINE needs a NAME and a VALUE"));
        };
        if name.is_empty() || !name.bytes().all(is_name) {
            return Err(Error::invalid_input(format!("{name:?} is no name of a variable")));
        }
        if self.0.contains_key(&name) {
            return Err(Error::invalid_input(format!("the variable {name:?} is defined twice")));
        }
        self.0.insert(name, value);
        Ok(())
    }

    /// `text` with its `{$name}` replaced. Values are not looked into again. The result has at most `limit` bytes.
    pub(super) fn substitute<'a>(&self, text: &'a str, limit: usize) -> Result<Cow<'a, str>> {
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
            let value = self.0.get(name).ok_or_else(|| {
                Error::invalid_input(format!("the variable {name:?} is not defined before its use"))
            })?;
            if out.len() + value.len() > limit {
                return Err(Error::invalid_input(format!(
                    "with its variables, a reference is longer than {limit} bytes"
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

    #[test]
    fn variables_are_substituted_once() {
        let mut variables = Variables::default();
        variables.define(r#"NAME="a",VALUE="{$b}/x""#, 0).unwrap();
        variables.define(r#"VALUE="2",NAME="b-_1""#, 0).unwrap();
        for (text, expected) in [
            ("plain", "plain"),
            ("{$a}/{$b-_1}.ts", "{$b}/x/2.ts"),
            ("{$}{$ a}{$a", "{$}{$ a}{$a"),
            ("{{$b-_1}}", "{2}"),
        ] {
            assert_eq!(variables.substitute(text, 20).unwrap(), expected);
        }
        refused(variables.substitute("{$c}", 20), "the variable \"c\" is not defined before its use");
        refused(variables.substitute("{$a}{$a}{$a}{$a}", 20), "a reference is longer than 20 bytes");
    }

    #[test]
    fn what_is_defined_elsewhere_or_twice_is_refused() {
        let mut variables = Variables::default();
        variables.define(r#"NAME="a",VALUE="1""#, 0).unwrap();
        for (list, why) in [
            (r#"NAME="a",VALUE="2""#, "the variable \"a\" is defined twice"),
            (r#"IMPORT="b""#, "the variable \"b\" comes from outside the playlist (IMPORT)"),
            (r#"QUERYPARAM="b""#, "the variable \"b\" comes from outside the playlist (QUERYPARAM)"),
            (r#"NAME="b""#, "EXT-X-DEFINE needs a NAME and a VALUE"),
            (r#"NAME="",VALUE="1""#, "\"\" is no name of a variable"),
            (r#"NAME="a b",VALUE="1""#, "\"a b\" is no name of a variable"),
        ] {
            refused(variables.define(list, 0), why);
        }
    }
}
