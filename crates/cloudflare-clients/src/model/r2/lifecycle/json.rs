//! The two JSON forms of a lifecycle policy.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{LifecycleCondition, LifecyclePolicy, LifecycleRule};
use crate::error::Result;
use crate::model::r2::StorageClass;
use crate::model::r2::policy_json::{Form, PolicyJson, Rule};
use crate::time::rfc3339;

const JSON: PolicyJson = PolicyJson {
    policy: "the lifecycle policy",
    s3_list: "Rules",
    s3: &["ID", "Status", "Filter", "Prefix", "Expiration", "Transitions", "AbortIncompleteMultipartUpload"],
    cloudflare: &[
        "id",
        "enabled",
        "conditions",
        "deleteObjectsTransition",
        "storageClassTransitions",
        "abortMultipartUploadsTransition",
    ],
    otherwise: Form::Cloudflare,
};

const SECONDS_OF_DAY: u64 = 24 * 60 * 60;

/// A rule in the form of Cloudflare's API.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CloudflareRule {
    id: String,
    enabled: bool,
    #[serde(default)]
    conditions: Conditions,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delete_objects_transition: Option<Transition>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    storage_class_transitions: Vec<StorageClassTransition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    abort_multipart_uploads_transition: Option<Transition>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Conditions {
    #[serde(default)]
    prefix: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Transition {
    condition: Condition,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StorageClassTransition {
    condition: Condition,
    storage_class: StorageClass,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
enum Condition {
    Age {
        #[serde(rename = "maxAge")]
        max_age: u64,
    },
    Date {
        date: Date,
    },
}

/// A time, or a date alone, which means midnight UTC.
#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(try_from = "String")]
struct Date(#[serde(serialize_with = "rfc3339::serialize")] SystemTime);

impl TryFrom<String> for Date {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        let whole = if text.contains('T') { text.clone() } else { format!("{text}T00:00:00Z") };
        let wrong = |_| format!("{text:?} is not a date: write \"2026-12-31\" or \"2026-12-31T00:00:00Z\"");
        humantime::parse_rfc3339(&whole).map(Self).map_err(wrong)
    }
}

/// A rule in S3's form.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct S3Rule {
    #[serde(rename = "ID", default)]
    id: String,
    status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filter: Option<Filter>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expiration: Option<S3Condition>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    transitions: Vec<S3Transition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    abort_incomplete_multipart_upload: Option<Abort>,
}

#[derive(Serialize, Deserialize, PartialEq)]
enum Status {
    Enabled,
    Disabled,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Filter {
    #[serde(default)]
    prefix: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct S3Condition {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    days: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    date: Option<Date>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct S3Transition {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    days: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    date: Option<Date>,
    storage_class: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Abort {
    days_after_initiation: u32,
}

#[derive(Serialize)]
struct S3Policy {
    #[serde(rename = "Rules")]
    rules: Vec<S3Rule>,
}

#[derive(Serialize)]
struct CloudflarePolicy {
    rules: Vec<CloudflareRule>,
}

impl LifecyclePolicy {
    /// Reads a policy in Cloudflare's form or in S3's.
    ///
    /// - [Cloudflare's
    ///   API](https://developers.cloudflare.com/api/resources/r2/subresources/buckets/subresources/lifecycle/)
    ///   and wrangler use `{"rules": [{"id": …, "deleteObjectsTransition": …}]}`.
    /// - S3 and its SDKs use `{"Rules": [{"ID": …, "Expiration": …}]}`.
    ///
    /// A list of rules alone is accepted too. The policy is not yet [checked](Self::validate).
    ///
    /// ```
    /// use cloudflare_clients::r2::LifecyclePolicy;
    ///
    /// let s3 = r#"[{"ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"},
    ///     "Expiration": {"Days": 1}}]"#;
    /// let cloudflare = r#"{"rules": [{"id": "logs", "enabled": true, "conditions": {"prefix": "logs/"},
    ///     "deleteObjectsTransition": {"condition": {"type": "Age", "maxAge": 86400}}}]}"#;
    /// assert_eq!(LifecyclePolicy::from_json(s3)?, LifecyclePolicy::from_json(cloudflare)?);
    /// # Ok::<_, cloudflare_clients::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::ErrorKind): the JSON has neither form, a rule mixes both, or it
    /// has something that R2 does not support. The error names the rule and the field.
    pub fn from_json(json: &str) -> Result<Self> {
        let read = |(form, rule): (Form, Rule<'_>)| match form {
            Form::S3 => rule.read(S3Rule::read),
            Form::Cloudflare => rule.read(CloudflareRule::read),
        };
        let mut policy = Self { rules: JSON.rules(json)?.into_iter().map(read).collect::<Result<_>>()? };
        policy.name_rules();
        Ok(policy)
    }

    /// Names the rules without an id by their position, like S3.
    pub(crate) fn name_rules(&mut self) {
        for number in 0..self.rules.len() {
            if !self.rules[number].id.is_empty() {
                continue;
            }
            let names = (number + 1..).map(|number| format!("rule-{number}"));
            let free = |name: &String| self.rules.iter().all(|rule| rule.id != *name);
            self.rules[number].id = names.into_iter().find(free).unwrap_or_default();
        }
    }

    /// Writes the policy in the form of S3 and its SDKs, in one line: `{"Rules":[…]}`. Ages are rounded up to
    /// whole days.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::ErrorKind::Serialization), which no known policy causes.
    pub fn to_s3_json(&self) -> Result<String> {
        let rules = self.rules.iter().cloned().map(S3Rule::from).collect();
        JSON.write(&S3Policy { rules })
    }

    /// Writes the policy in the form of Cloudflare's API and wrangler, in one line: `{"rules":[…]}`.
    ///
    /// # Errors
    /// As for [`to_s3_json`](Self::to_s3_json).
    pub fn to_cloudflare_json(&self) -> Result<String> {
        let rules = self.rules.iter().cloned().map(CloudflareRule::from).collect();
        JSON.write(&CloudflarePolicy { rules })
    }
}

/// Converts an age to whole days, rounded up.
pub(crate) fn days_of(age: Duration) -> u32 {
    let seconds = age.as_secs().saturating_add(u64::from(age.subsec_nanos() > 0));
    u32::try_from(seconds.div_ceil(SECONDS_OF_DAY)).unwrap_or(u32::MAX)
}

/// Converts whole days to an age.
pub(crate) fn of_days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * SECONDS_OF_DAY)
}

/// The only transition. There is only one other storage class to move objects to.
fn only<T>(mut transitions: Vec<T>) -> std::result::Result<Option<T>, &'static str> {
    let only = transitions.pop();
    if transitions.is_empty() {
        Ok(only)
    } else {
        Err("moves objects more than once: R2 can move them to one class only")
    }
}

impl From<Condition> for LifecycleCondition {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Age { max_age } => Self::Age(Duration::from_secs(max_age)),
            Condition::Date { date: Date(date) } => Self::Date(date),
        }
    }
}

impl From<LifecycleCondition> for Condition {
    fn from(condition: LifecycleCondition) -> Self {
        match condition {
            LifecycleCondition::Age(age) => Self::Age { max_age: age.as_secs() },
            LifecycleCondition::Date(date) => Self::Date { date: Date(date) },
        }
    }
}

impl CloudflareRule {
    fn read(self) -> std::result::Result<LifecycleRule, &'static str> {
        let moved = only(self.storage_class_transitions)?;
        if moved.as_ref().is_some_and(|moved| moved.storage_class != StorageClass::InfrequentAccess) {
            return Err("moves objects to Standard: R2 can move them to InfrequentAccess only");
        }
        Ok(LifecycleRule {
            id: self.id,
            enabled: self.enabled,
            prefix: self.conditions.prefix,
            delete_objects: self.delete_objects_transition.map(|deletes| deletes.condition.into()),
            move_to_infrequent_access: moved.map(|moved| moved.condition.into()),
            abort_uploads: match self.abort_multipart_uploads_transition.map(|aborts| aborts.condition) {
                None => None,
                Some(Condition::Age { max_age }) => Some(Duration::from_secs(max_age)),
                Some(Condition::Date { .. }) => {
                    return Err("aborts uploads at a date: R2 aborts them by age");
                }
            },
        })
    }
}

impl From<LifecycleRule> for CloudflareRule {
    fn from(rule: LifecycleRule) -> Self {
        let moved = rule.move_to_infrequent_access.map(|condition| StorageClassTransition {
            condition: condition.into(),
            storage_class: StorageClass::InfrequentAccess,
        });
        let aborts = rule.abort_uploads.map(LifecycleCondition::Age);
        let transition = |condition: LifecycleCondition| Transition { condition: condition.into() };
        Self {
            id: rule.id,
            enabled: rule.enabled,
            conditions: Conditions { prefix: rule.prefix },
            delete_objects_transition: rule.delete_objects.map(transition),
            storage_class_transitions: moved.into_iter().collect(),
            abort_multipart_uploads_transition: aborts.map(transition),
        }
    }
}

fn s3_condition(
    days: Option<u32>,
    date: Option<Date>,
) -> std::result::Result<LifecycleCondition, &'static str> {
    match (days, date) {
        (Some(days), None) => Ok(LifecycleCondition::Age(of_days(days))),
        (None, Some(Date(date))) => Ok(LifecycleCondition::Date(date)),
        _ => Err("has an action that needs exactly one of Days and Date"),
    }
}

fn split(condition: LifecycleCondition) -> (Option<u32>, Option<Date>) {
    match condition {
        LifecycleCondition::Age(age) => (Some(days_of(age)), None),
        LifecycleCondition::Date(date) => (None, Some(Date(date))),
    }
}

impl S3Rule {
    fn read(self) -> std::result::Result<LifecycleRule, &'static str> {
        let moved = only(self.transitions)?;
        if moved.as_ref().is_some_and(|moved| moved.storage_class != StorageClass::InfrequentAccess.as_s3()) {
            return Err("moves objects to a class that R2 does not have: use STANDARD_IA");
        }
        let prefix = match (self.filter, self.prefix) {
            (Some(_), Some(_)) => return Err("has both a Prefix and a Filter: use one of them"),
            (filter, prefix) => prefix.or(filter.map(|filter| filter.prefix)).unwrap_or_default(),
        };
        Ok(LifecycleRule {
            id: self.id,
            enabled: self.status == Status::Enabled,
            prefix,
            delete_objects: self.expiration.map(|when| s3_condition(when.days, when.date)).transpose()?,
            move_to_infrequent_access: moved.map(|when| s3_condition(when.days, when.date)).transpose()?,
            abort_uploads: self
                .abort_incomplete_multipart_upload
                .map(|aborts| of_days(aborts.days_after_initiation)),
        })
    }
}

impl From<LifecycleRule> for S3Rule {
    fn from(rule: LifecycleRule) -> Self {
        let moved = rule.move_to_infrequent_access.map(|condition| {
            let (days, date) = split(condition);
            S3Transition { days, date, storage_class: StorageClass::InfrequentAccess.as_s3().to_owned() }
        });
        Self {
            id: rule.id,
            status: if rule.enabled { Status::Enabled } else { Status::Disabled },
            filter: Some(Filter { prefix: rule.prefix }),
            prefix: None,
            expiration: rule.delete_objects.map(|condition| {
                let (days, date) = split(condition);
                S3Condition { days, date }
            }),
            transitions: moved.into_iter().collect(),
            abort_incomplete_multipart_upload: rule
                .abort_uploads
                .map(|age| Abort { days_after_initiation: days_of(age) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn both_forms_are_written_and_read() {
        let date = UNIX_EPOCH + of_days(20_000);
        let policy = LifecyclePolicy::new([
            LifecycleRule::new("logs")
                .prefix("logs/")
                .delete_objects(of_days(90))
                .move_to_infrequent_access(of_days(30))
                .abort_uploads(of_days(1)),
            LifecycleRule::new("old").delete_objects(date).disabled(),
        ]);
        let s3 = policy.to_s3_json().unwrap();
        assert_eq!(
            s3,
            r#"{"Rules":[{"ID":"logs","Status":"Enabled","Filter":{"Prefix":"logs/"},"Expiration":{"Days":90},"Transitions":[{"Days":30,"StorageClass":"STANDARD_IA"}],"AbortIncompleteMultipartUpload":{"DaysAfterInitiation":1}},{"ID":"old","Status":"Disabled","Filter":{"Prefix":""},"Expiration":{"Date":"2024-10-04T00:00:00.000Z"}}]}"#
        );
        let cloudflare = policy.to_cloudflare_json().unwrap();
        assert_eq!(
            cloudflare,
            r#"{"rules":[{"id":"logs","enabled":true,"conditions":{"prefix":"logs/"},"deleteObjectsTransition":{"condition":{"type":"Age","maxAge":7776000}},"storageClassTransitions":[{"condition":{"type":"Age","maxAge":2592000},"storageClass":"InfrequentAccess"}],"abortMultipartUploadsTransition":{"condition":{"type":"Age","maxAge":86400}}},{"id":"old","enabled":false,"conditions":{"prefix":""},"deleteObjectsTransition":{"condition":{"type":"Date","date":"2024-10-04T00:00:00.000Z"}}}]}"#
        );
        let alone = s3.strip_prefix(r#"{"Rules":"#).and_then(|rest| rest.strip_suffix('}')).unwrap();
        let day_alone = cloudflare.replace("2024-10-04T00:00:00.000Z", "2024-10-04");
        for json in [s3.as_str(), &cloudflare, alone, &day_alone] {
            assert_eq!(LifecyclePolicy::from_json(json).unwrap(), policy, "{json}");
        }
        // S3 counts in days.
        let hour =
            LifecyclePolicy::new([LifecycleRule::new("a").abort_uploads(Duration::from_secs(25 * 3600))]);
        assert!(hour.to_s3_json().unwrap().contains(r#""DaysAfterInitiation":2"#));
    }

    #[test]
    fn rules_without_a_name_get_one_of_their_own() {
        let rule = |id: &str| {
            format!(r#"{{"ID":"{id}","Status":"Enabled","Prefix":"a","Expiration":{{"Days":1}}}}"#)
        };
        let json = format!("[{},{},{}]", rule(""), rule("rule-1"), rule(""));
        let policy = LifecyclePolicy::from_json(&json).unwrap();
        let ids: Vec<_> = policy.rules.iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(ids, ["rule-2", "rule-1", "rule-3"]);
        policy.validate().unwrap();
    }

    #[test]
    fn what_is_neither_or_not_r2s_is_refused_with_the_rule_and_the_field() {
        for (json, said) in [
            ("3", "a list of rules"),
            (r#"{"LifecycleConfiguration": {}}"#, "Rules or rules"),
            (r#"[{"id": "a", "enabled": true, "prefix": "x"}]"#, "unknown field `prefix`"),
            (r#"[{"ID": "a", "Status": "Enabled"}, {"ID": "b", "enabled": true}]"#, "use one of the two"),
            (
                r#"[{"id": "a", "enabled": true, "conditions": {"prefix": "a/", "prefix": ""}}]"#,
                "\"prefix\" occurs twice",
            ),
            (r#"[{"ID": "a", "Status": "On"}]"#, "rule 1: unknown variant `On`"),
            (r#"[{"ID": "a", "Status": "Enabled", "Filter": {"Tag": {}}}]"#, "unknown field `Tag`"),
            (r#"[{"ID": "a", "Status": "Enabled", "Expiration": {}}]"#, "exactly one of Days and Date"),
            (
                r#"[{"ID": "a", "Status": "Enabled", "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}]"#,
                "rule 1 moves objects to a class that R2 does not have",
            ),
            (
                r#"[{"id": "a", "enabled": true, "deleteObjectsTransition": {"condition": {"type": "Date", "date": "soon"}}}]"#,
                "\"soon\" is not a date",
            ),
            (
                r#"[{"id": "a", "enabled": true, "abortMultipartUploadsTransition": {"condition": {"type": "Date", "date": "2026-01-01"}}}]"#,
                "R2 aborts them by age",
            ),
        ] {
            let error = LifecyclePolicy::from_json(json).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Serialization);
            assert!(error.message().contains(said), "{error}");
        }
    }
}
