//! What the JSON of a bucket's policies has in common: a list of rules in the form of S3 or in that of Cloudflare's API.

use std::fmt::Display;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::json;

/// How a policy is spelled.
pub(super) struct PolicyJson {
    /// What errors call it.
    pub(super) policy: &'static str,
    /// What S3 calls the list of rules. Cloudflare calls it `rules`.
    pub(super) s3_list: &'static str,
    /// Names that rules of S3's form have at their top.
    pub(super) s3: &'static [&'static str],
    /// Names that rules of Cloudflare's form have at their top.
    pub(super) cloudflare: &'static [&'static str],
    /// The form of a rule without any of these names, whose error it gets.
    pub(super) otherwise: Form,
}

/// Whose names a rule has.
#[derive(Clone, Copy)]
pub(super) enum Form {
    S3,
    Cloudflare,
}

/// A rule that is not read yet.
pub(super) struct Rule<'a> {
    json: &'a PolicyJson,
    number: usize,
    value: Value,
}

impl PolicyJson {
    /// The rules of an object with one list, or of a list alone.
    pub(super) fn rules(&self, text: &str) -> Result<Vec<(Form, Rule<'_>)>> {
        let rules = match json::from_slice::<json::Unambiguous>(self.policy, text.as_bytes())?.0 {
            Value::Array(rules) => rules,
            Value::Object(mut policy) => {
                match policy.remove(self.s3_list).or_else(|| policy.remove("rules")) {
                    Some(Value::Array(rules)) if policy.is_empty() => rules,
                    _ => {
                        let list = self.s3_list;
                        return Err(
                            self.malformed(format_args!("it is an object with one list, {list} or rules"))
                        );
                    }
                }
            }
            _ => return Err(self.malformed("it is a list of rules, or an object with one")),
        };
        (1..).zip(rules).map(|(number, value)| Rule { json: self, number, value }.with_form()).collect()
    }

    /// The text of a policy, in one line.
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
                    "rule {} has {s3:?}, as S3 spells it, and {cloudflare:?}, as Cloudflare's API does: use one of the two",
                    self.number
                )));
            }
            (Some(_), None) => Form::S3,
            (None, Some(_)) => Form::Cloudflare,
            (None, None) => self.json.otherwise,
        };
        Ok((form, self))
    }

    /// Reads the rule as a `T` and converts that. Errors name the rule.
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
