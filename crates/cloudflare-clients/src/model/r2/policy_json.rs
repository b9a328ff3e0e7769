//! The JSON of bucket policies: a list of rules in the form of S3 or of Cloudflare's API.

use std::fmt::Display;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::json;

/// The names in the JSON of a policy.
pub(super) struct PolicyJson {
    /// The policy's name in errors.
    pub(super) policy: &'static str,
    /// S3's name for the list of rules. Cloudflare's is `rules`.
    pub(super) s3_list: &'static str,
    /// The top-level names of rules in S3's form.
    pub(super) s3: &'static [&'static str],
    /// The top-level names of rules in Cloudflare's form.
    pub(super) cloudflare: &'static [&'static str],
    /// The form in which a rule without any of these names is read, for its error.
    pub(super) otherwise: Form,
}

/// The form of a rule.
#[derive(Clone, Copy)]
pub(super) enum Form {
    S3,
    Cloudflare,
}

/// A rule that is not deserialized yet.
pub(super) struct Rule<'a> {
    json: &'a PolicyJson,
    number: usize,
    value: Value,
}

impl PolicyJson {
    /// Reads the rules, from an object with one list or from a list alone.
    pub(super) fn rules(&self, text: &str) -> Result<Vec<(Form, Rule<'_>)>> {
        let rules = match json::from_slice::<json::Unambiguous>(self.policy, text.as_bytes())?.0 {
            Value::Array(rules) => rules,
            Value::Object(mut policy) => {
                match policy.remove(self.s3_list).or_else(|| policy.remove("rules")) {
                    Some(Value::Array(rules)) if policy.is_empty() => rules,
                    _ => {
                        let list = self.s3_list;
                        return Err(self
                            .malformed(format_args!("it must be an object with one list, {list} or rules")));
                    }
                }
            }
            _ => return Err(self.malformed("it must be a list of rules, or an object with such a list")),
        };
        (1..).zip(rules).map(|(number, value)| Rule { json: self, number, value }.with_form()).collect()
    }

    /// Writes a policy in one line.
    pub(super) fn write<T: Serialize>(&self, policy: &T) -> Result<String> {
        let bytes = json::to_vec(self.policy, policy)?;
        String::from_utf8(bytes).map_err(|_| self.malformed("it is not UTF-8"))
    }

    fn malformed(&self, why: impl Display) -> Error {
        Error::new(ErrorKind::Serialization, format!("{} is not the expected JSON: {why}", self.policy))
    }
}

impl Rule<'_> {
    fn with_form(self) -> Result<(Form, Self)> {
        let has = |names: &'static [&'static str]| names.iter().find(|name| self.value.get(**name).is_some());
        let form = match (has(self.json.s3), has(self.json.cloudflare)) {
            (Some(s3), Some(cloudflare)) => {
                return Err(self.json.malformed(format_args!(
                    "rule {} has {s3:?}, a name of S3, and {cloudflare:?}, a name of Cloudflare's API: use one of the two forms",
                    self.number
                )));
            }
            (Some(_), None) => Form::S3,
            (None, Some(_)) => Form::Cloudflare,
            (None, None) => self.json.otherwise,
        };
        Ok((form, self))
    }

    /// Deserializes the rule as a `T` and converts it. Errors name the rule.
    pub(super) fn read<T: DeserializeOwned, R, E: Display>(
        self,
        convert: impl FnOnce(T) -> std::result::Result<R, E>,
    ) -> Result<R> {
        let Self { json, number, value } = self;
        let read = serde_json::from_value(value)
            .map_err(|error| json.malformed(format_args!("rule {number}: {error}")).with_source(error))?;
        convert(read).map_err(|why| json.malformed(format_args!("rule {number} {why}")))
    }
}
