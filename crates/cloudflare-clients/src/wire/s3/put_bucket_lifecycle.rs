//! [PutBucketLifecycleConfiguration](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html).

use http::Method;

use super::{Request, lifecycle_configuration};
use crate::error::{Error, Result};
use crate::model::r2::lifecycle::json::{days_of, of_days};
use crate::model::r2::{LifecycleCondition, LifecyclePolicy, LifecycleRule};

/// Replaces the bucket's lifecycle policy. Any success means that it was replaced.
///
/// # Errors
/// The errors of [`LifecyclePolicy::validate`], and [`ErrorKind::InvalidInput`](crate::ErrorKind) if an age
/// is not a whole number of days, in which S3 counts.
pub fn request(policy: &LifecyclePolicy) -> Result<Request> {
    policy.validate()?;
    if let Some(rule) = policy.rules.iter().find(|rule| !counts_in_days(rule)) {
        return Err(Error::invalid_input(format!(
            "the lifecycle rule {:?} has an age that is not a whole number of days: the S3 API counts in days, and only Cloudflare's \
             API, wrangler and a local store count in seconds",
            rule.id
        )));
    }
    Request::new(Method::PUT, None).query("lifecycle", "").xml(lifecycle_configuration::write(policy))
}

fn counts_in_days(rule: &LifecycleRule) -> bool {
    let conditions = [rule.delete_objects, rule.move_to_infrequent_access];
    let conditions = conditions.into_iter().flatten();
    conditions.chain(rule.abort_uploads.map(LifecycleCondition::Age)).all(|condition| match condition {
        LifecycleCondition::Age(age) => of_days(days_of(age)) == age,
        LifecycleCondition::Date(_) => true,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn an_age_that_days_cannot_say_is_refused() {
        for (hours, fits) in [(24, true), (36, false), (0, true), (24 * 365, true)] {
            let rule = LifecycleRule::new("a").delete_objects(Duration::from_secs(hours * 3600));
            let refused = request(&LifecyclePolicy::new([rule])).err();
            assert_eq!(
                refused.map(|error| error.kind()),
                (!fits).then_some(ErrorKind::InvalidInput),
                "{hours}"
            );
        }
    }
}
