//! What becomes of objects and uploads with time.

pub(crate) mod json;

use std::time::{Duration, SystemTime};

use crate::error::{Error, Result};
use crate::model::r2::normalize_key;
use crate::time::{later, seconds_of_a_date};

/// How many rules a policy has at most.
const MAX_RULES: usize = 1000;

/// How long the id of a rule is at most, in bytes, as
/// [AWS has it](https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html).
const MAX_ID: usize = 255;

/// A new bucket's only rule aborts uploads after this time.
const ABORTED_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

/// The lifecycle policy of a bucket: which objects are deleted or moved to Infrequent Access, and when, and
/// how long an upload in parts may take.
///
/// R2 carries rules out within 24 hours of their time. Setting a policy replaces the whole of it, with the
/// rule that [a new bucket has](Self::of_new_bucket): a policy without a rule that aborts uploads keeps their
/// parts, which cost as objects do, for ever. See [Object
/// lifecycles](https://developers.cloudflare.com/r2/buckets/object-lifecycles/).
///
/// ```
/// use std::time::Duration;
///
/// use cloudflare_clients::r2::{LifecyclePolicy, LifecycleRule};
///
/// let days = |days: u64| Duration::from_secs(24 * days * 3600);
/// let policy = LifecyclePolicy::new([
///     LifecycleRule::new("logs").prefix("logs/").delete_objects(days(90)),
///     LifecycleRule::new("cold").move_to_infrequent_access(days(30)),
///     LifecycleRule::new("uploads").abort_uploads(days(1)),
/// ]);
/// policy.validate()?;
/// # Ok::<_, cloudflare_clients::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LifecyclePolicy {
    /// The rules. All of them apply; of two that delete an object, the earlier does.
    pub rules: Vec<LifecycleRule>,
}

/// One rule of a [`LifecyclePolicy`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LifecycleRule {
    /// What tells it from the other rules: 1 to 255 bytes.
    pub id: String,
    /// Whether it is carried out.
    pub enabled: bool,
    /// What the keys begin with that it is about; empty for all.
    pub prefix: String,
    /// When objects are deleted.
    pub delete_objects: Option<LifecycleCondition>,
    /// When objects are moved to Infrequent Access.
    pub move_to_infrequent_access: Option<LifecycleCondition>,
    /// How long after its beginning an upload in parts that was not finished is aborted.
    pub abort_uploads: Option<Duration>,
}

/// When a rule is carried out on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifecycleCondition {
    /// So long after it was uploaded, in whole seconds. The S3 API counts in days.
    Age(Duration),
    /// From this time on, also on what is uploaded later.
    Date(SystemTime),
}

impl From<Duration> for LifecycleCondition {
    fn from(age: Duration) -> Self {
        Self::Age(age)
    }
}

impl From<SystemTime> for LifecycleCondition {
    fn from(date: SystemTime) -> Self {
        Self::Date(date)
    }
}

impl LifecycleCondition {
    /// When it is met by what was uploaded at this time.
    fn time(self, uploaded: SystemTime) -> SystemTime {
        match self {
            Self::Age(age) => later(uploaded, age),
            Self::Date(date) => date,
        }
    }
}

impl LifecyclePolicy {
    /// A policy of these rules.
    pub fn new(rules: impl IntoIterator<Item = LifecycleRule>) -> Self {
        Self { rules: rules.into_iter().collect() }
    }

    /// The policy that R2 gives to a new bucket: one rule, which aborts uploads after 7 days.
    pub fn of_new_bucket() -> Self {
        Self::new([LifecycleRule::new("Default Multipart Abort Rule").abort_uploads(ABORTED_AFTER)])
    }

    /// Checks what R2 and AWS say of a policy.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the policy has no rule or more than 1,000, or two with
    /// one id; a rule does nothing, has no id or one of more than 255 bytes, an age with a fraction of a
    /// second, or a date outside of the years 1970 to 9999.
    pub fn validate(&self) -> Result<()> {
        if self.rules.is_empty() {
            return Err(Error::invalid_input(
                "a lifecycle policy has at least one rule: delete the policy instead of setting none",
            ));
        }
        if self.rules.len() > MAX_RULES {
            return Err(Error::invalid_input(format!("a lifecycle policy has at most {MAX_RULES} rules")));
        }
        for (number, rule) in (1..).zip(&self.rules) {
            rule.validate(number)?;
            if self.rules[..number - 1].iter().any(|before| before.id == rule.id) {
                return Err(Error::invalid_input(format!("two lifecycle rules have the id {:?}", rule.id)));
            }
        }
        Ok(())
    }

    /// When an object that was uploaded at this time is deleted, and by which rule. The time may be past,
    /// where the object was uploaded after the date of a rule or is not deleted yet.
    pub fn expiration(&self, key: &str, uploaded: SystemTime) -> Option<(SystemTime, &LifecycleRule)> {
        let due = |rule: &LifecycleRule| rule.delete_objects.map(|condition| condition.time(uploaded));
        let rules = self.rules.iter().filter(|rule| rule.enabled && rule.applies_to(key));
        rules.filter_map(|rule| Some((due(rule)?, rule))).min_by_key(|(time, _)| *time)
    }
}

impl LifecycleRule {
    /// A rule for all keys, which is carried out and does nothing yet.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            enabled: true,
            prefix: String::new(),
            delete_objects: None,
            move_to_infrequent_access: None,
            abort_uploads: None,
        }
    }

    /// Only what has keys that begin so.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Deletes objects of an age, or from a date on.
    #[must_use]
    pub fn delete_objects(mut self, condition: impl Into<LifecycleCondition>) -> Self {
        self.delete_objects = Some(condition.into());
        self
    }

    /// Moves objects to Infrequent Access at an age, or from a date on.
    #[must_use]
    pub fn move_to_infrequent_access(mut self, condition: impl Into<LifecycleCondition>) -> Self {
        self.move_to_infrequent_access = Some(condition.into());
        self
    }

    /// Aborts uploads in parts that are not finished so long after they were begun.
    #[must_use]
    pub fn abort_uploads(mut self, age: Duration) -> Self {
        self.abort_uploads = Some(age);
        self
    }

    /// Keeps the rule without carrying it out.
    #[must_use]
    pub fn disabled(mut self) -> Self {
        self.enabled = false;
        self
    }

    /// Whether the rule is about this key.
    pub fn applies_to(&self, key: &str) -> bool {
        normalize_key(key).starts_with(&*normalize_key(&self.prefix))
    }

    fn validate(&self, number: usize) -> Result<()> {
        let wrong =
            |what: &str| Err(Error::invalid_input(format!("rule {number} of the lifecycle policy {what}")));
        if self.id.is_empty() || self.id.len() > MAX_ID {
            return wrong("has no id of 1 to 255 bytes");
        }
        let conditions = [self.delete_objects, self.move_to_infrequent_access];
        let ages = conditions.into_iter().flatten().chain(self.abort_uploads.map(LifecycleCondition::Age));
        let mut does_something = false;
        for condition in ages {
            does_something = true;
            match condition {
                LifecycleCondition::Age(age) if age.subsec_nanos() > 0 => {
                    return wrong("has an age with a fraction of a second: R2 counts in seconds");
                }
                LifecycleCondition::Date(date) if seconds_of_a_date(date).is_none() => {
                    return wrong("has a date that is not in the years 1970 to 9999");
                }
                _ => {}
            }
        }
        if does_something {
            return Ok(());
        }
        wrong("does nothing: it deletes objects, moves them to Infrequent Access or aborts uploads")
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::error::ErrorKind;

    fn days(days: u64) -> Duration {
        Duration::from_secs(24 * days * 3600)
    }

    fn at(days_since: u64) -> SystemTime {
        UNIX_EPOCH + days(days_since)
    }

    #[test]
    fn a_policy_that_cannot_work_is_refused_with_what_is_wrong() {
        let good = |id: &str| LifecycleRule::new(id).delete_objects(days(1));
        for (rules, said) in [
            (vec![], "at least one rule"),
            ((0..1001).map(|id| good(&id.to_string())).collect(), "at most 1000 rules"),
            (vec![good("a"), good("b"), good("a")], "two lifecycle rules have the id \"a\""),
            (vec![good("a"), LifecycleRule::new("b")], "rule 2 of the lifecycle policy does nothing"),
            (vec![good("")], "no id"),
            (vec![good(&"i".repeat(256))], "1 to 255 bytes"),
            (vec![good("a").abort_uploads(Duration::from_millis(1))], "counts in seconds"),
            (vec![good("a").delete_objects(UNIX_EPOCH - days(1))], "the years 1970 to 9999"),
        ] {
            let error = LifecyclePolicy::new(rules).validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.message().contains(said), "{error} and not {said}");
        }
        LifecyclePolicy::of_new_bucket().validate().unwrap();
        LifecyclePolicy::new((0..1000).map(|id| good(&id.to_string()))).validate().unwrap();
    }

    #[test]
    fn the_earliest_of_the_rules_about_a_key_deletes_it() {
        let policy = LifecyclePolicy::new([
            LifecycleRule::new("all").delete_objects(days(30)),
            LifecycleRule::new("logs").prefix("logs/").delete_objects(days(7)),
            LifecycleRule::new("off").delete_objects(days(1)).disabled(),
            LifecycleRule::new("date").prefix("r\u{e9}").delete_objects(at(100)),
            LifecycleRule::new("moves").move_to_infrequent_access(days(1)),
        ]);
        for (key, uploaded, expected) in [
            ("a", 10, (40, "all")),
            ("logs/a", 10, (17, "logs")),
            ("re\u{301}/a", 90, (100, "date")),
            ("re\u{301}/a", 110, (100, "date")),
        ] {
            let (time, rule) = policy.expiration(key, at(uploaded)).unwrap();
            assert_eq!((time, rule.id.as_str()), (at(expected.0), expected.1), "{key}");
        }
        assert_eq!(LifecyclePolicy::of_new_bucket().expiration("a", at(1)), None);
    }
}
