//! Lifecycle policies: when objects are deleted or moved, and uploads aborted.

pub(crate) mod json;

use std::time::{Duration, SystemTime};

use crate::error::{Error, Result};
use crate::model::r2::normalize_key;
use crate::time::{later, seconds_of_a_date};

/// The maximum number of rules in a policy.
const MAX_RULES: usize = 1000;

/// The maximum length of a rule's id, in bytes,
/// [as with AWS](https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html).
const MAX_ID: usize = 255;

/// The age of uploads that a new bucket's only rule aborts.
const ABORTED_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

/// The lifecycle policy of a bucket: when objects are deleted or moved to Infrequent Access, and how long a
/// multipart upload may take.
///
/// R2 applies rules within 24 hours of their time. Setting a policy replaces all rules, including the one
/// that [a new bucket has](Self::of_new_bucket). Without a rule that aborts uploads, R2 keeps the parts of
/// unfinished uploads forever, at the price of objects. See
/// [Object lifecycles](https://developers.cloudflare.com/r2/buckets/object-lifecycles/).
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
    /// The rules. All of them apply. If several delete an object, the earliest does.
    pub rules: Vec<LifecycleRule>,
}

/// One rule of a [`LifecyclePolicy`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LifecycleRule {
    /// The rule's id, which no other rule has: 1 to 255 bytes.
    pub id: String,
    /// Whether the rule is applied.
    pub enabled: bool,
    /// The prefix of the keys that the rule applies to. Empty for all keys.
    pub prefix: String,
    /// When objects are deleted.
    pub delete_objects: Option<LifecycleCondition>,
    /// When objects are moved to Infrequent Access.
    pub move_to_infrequent_access: Option<LifecycleCondition>,
    /// How long after its start an unfinished multipart upload is aborted.
    pub abort_uploads: Option<Duration>,
}

/// When a rule is applied to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifecycleCondition {
    /// At this age since its upload, in whole seconds. The S3 API counts in days.
    Age(Duration),
    /// From this time on, including objects that are uploaded later.
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
    /// The time at which an object that was uploaded at this time meets the condition.
    fn time(self, uploaded: SystemTime) -> SystemTime {
        match self {
            Self::Age(age) => later(uploaded, age),
            Self::Date(date) => date,
        }
    }
}

impl LifecyclePolicy {
    /// Creates a policy from these rules.
    pub fn new(rules: impl IntoIterator<Item = LifecycleRule>) -> Self {
        Self { rules: rules.into_iter().collect() }
    }

    /// The policy of a new R2 bucket: one rule, which aborts uploads after 7 days.
    pub fn of_new_bucket() -> Self {
        Self::new([LifecycleRule::new("Default Multipart Abort Rule").abort_uploads(ABORTED_AFTER)])
    }

    /// Checks the policy against the rules of R2 and AWS.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the policy has no rule, more than 1,000, or two with
    /// the same id. Or a rule does nothing, has no id or one of more than 255 bytes, an age with a fraction
    /// of a second, or a date outside the years 1970 to 9999.
    pub fn validate(&self) -> Result<()> {
        if self.rules.is_empty() {
            return Err(Error::invalid_input(
                "the lifecycle policy has no rules: add one, or delete the bucket's policy instead",
            ));
        }
        if self.rules.len() > MAX_RULES {
            return Err(Error::invalid_input(format!(
                "the lifecycle policy has more than {MAX_RULES} rules"
            )));
        }
        for (number, rule) in (1..).zip(&self.rules) {
            rule.validate(number)?;
            if self.rules[..number - 1].iter().any(|before| before.id == rule.id) {
                return Err(Error::invalid_input(format!("two lifecycle rules have the id {:?}", rule.id)));
            }
        }
        Ok(())
    }

    /// When an object that was uploaded at this time is deleted, and by which rule. The time may be past, if
    /// the object was uploaded after a rule's date or is not deleted yet.
    pub fn expiration(&self, key: &str, uploaded: SystemTime) -> Option<(SystemTime, &LifecycleRule)> {
        let due = |rule: &LifecycleRule| rule.delete_objects.map(|condition| condition.time(uploaded));
        let rules = self.rules.iter().filter(|rule| rule.enabled && rule.applies_to(key));
        rules.filter_map(|rule| Some((due(rule)?, rule))).min_by_key(|(time, _)| *time)
    }
}

impl LifecycleRule {
    /// Creates an enabled rule for all keys, without actions.
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

    /// Limits the rule to keys with this prefix.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Deletes objects at an age, or from a date on.
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

    /// Aborts multipart uploads that are unfinished at this age.
    #[must_use]
    pub fn abort_uploads(mut self, age: Duration) -> Self {
        self.abort_uploads = Some(age);
        self
    }

    /// Disables the rule, but keeps it in the policy.
    #[must_use]
    pub fn disabled(mut self) -> Self {
        self.enabled = false;
        self
    }

    /// Whether the rule applies to this key.
    pub fn applies_to(&self, key: &str) -> bool {
        normalize_key(key).starts_with(&*normalize_key(&self.prefix))
    }

    fn validate(&self, number: usize) -> Result<()> {
        let wrong =
            |what: &str| Err(Error::invalid_input(format!("rule {number} of the lifecycle policy {what}")));
        if self.id.is_empty() || self.id.len() > MAX_ID {
            return wrong("needs an id of 1 to 255 bytes");
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
        wrong("does nothing: let it delete objects, move them to Infrequent Access or abort uploads")
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
            (vec![], "the lifecycle policy has no rules"),
            ((0..1001).map(|id| good(&id.to_string())).collect(), "more than 1000 rules"),
            (vec![good("a"), good("b"), good("a")], "two lifecycle rules have the id \"a\""),
            (vec![good("a"), LifecycleRule::new("b")], "rule 2 of the lifecycle policy does nothing"),
            (vec![good("")], "needs an id"),
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
