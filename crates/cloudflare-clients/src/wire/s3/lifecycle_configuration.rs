//! A [lifecycle
//! policy](https://docs.aws.amazon.com/AmazonS3/latest/API/API_BucketLifecycleConfiguration.html) as an XML
//! document, for clients and servers. S3 counts ages in days.

use std::time::Duration;

use super::xml::{Element, NAMESPACE, Writer, malformed};
use crate::error::{Error, Result};
use crate::model::r2::error_code::NOT_IMPLEMENTED;
use crate::model::r2::lifecycle::json::{days_of, of_days};
use crate::model::r2::{LifecycleCondition, LifecyclePolicy, LifecycleRule, StorageClass};

/// The root element of the document.
pub(crate) const ROOT: &str = "LifecycleConfiguration";

/// Elements of a rule or its filter that S3 supports and R2 does not.
const UNSUPPORTED: [&str; 7] = [
    "Tag",
    "And",
    "ObjectSizeGreaterThan",
    "ObjectSizeLessThan",
    "ExpiredObjectDeleteMarker",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransition",
];

/// Writes a policy. Ages are rounded up to whole days.
pub fn write(policy: &LifecyclePolicy) -> String {
    Writer::document(ROOT, Some(NAMESPACE), |root| {
        for rule in &policy.rules {
            root.element("Rule", |element| {
                element.text("ID", &rule.id);
                element.element("Filter", |filter| filter.text("Prefix", &rule.prefix));
                element.text("Status", if rule.enabled { "Enabled" } else { "Disabled" });
                if let Some(condition) = rule.move_to_infrequent_access {
                    element.element("Transition", |transition| {
                        write_condition(condition, transition);
                        transition.text("StorageClass", StorageClass::InfrequentAccess.as_s3());
                    });
                }
                if let Some(condition) = rule.delete_objects {
                    element.element("Expiration", |expiration| write_condition(condition, expiration));
                }
                if let Some(age) = rule.abort_uploads {
                    element.element("AbortIncompleteMultipartUpload", |abort| {
                        abort.text("DaysAfterInitiation", days_of(age));
                    });
                }
            });
        }
    })
}

fn write_condition(condition: LifecycleCondition, element: &mut Writer) {
    match condition {
        LifecycleCondition::Age(age) => element.text("Days", days_of(age)),
        LifecycleCondition::Date(date) => element.text("Date", humantime::format_rfc3339_millis(date)),
    }
}

/// Parses a policy, without [validating](LifecyclePolicy::validate) it. Rules without an `ID` are named after
/// their position.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) with the code `MalformedXML` if the document is not a
/// lifecycle policy. [`ErrorKind::Unsupported`](crate::ErrorKind) with the code `NotImplemented` if a rule
/// has an element that R2 does not support, as it would otherwise apply to more objects than it says.
pub fn read(document: &Element) -> Result<LifecyclePolicy> {
    if document.name() != ROOT {
        return Err(malformed(format!("the root element is <{}>, not <{ROOT}>", document.name())));
    }
    let mut policy = LifecyclePolicy::new(document.children("Rule").map(rule).collect::<Result<Vec<_>>>()?);
    policy.name_rules();
    Ok(policy)
}

fn rule(element: &Element) -> Result<LifecycleRule> {
    let filter = element.child("Filter");
    let expiration = element.child("Expiration");
    for part in [Some(element), filter, expiration].into_iter().flatten() {
        if let Some(name) = UNSUPPORTED.iter().find(|name| part.child(name).is_some()) {
            return Err(Error::unsupported(format!("R2 does not support <{name}> in a lifecycle rule"))
                .with_code(NOT_IMPLEMENTED.name));
        }
    }
    // An unknown element may narrow the rule, and a repeated one is ambiguous.
    element.has_only(
        &["ID", "Status", "Filter", "Prefix", "Expiration", "AbortIncompleteMultipartUpload"],
        "Transition",
    )?;
    filter.map_or(Ok(()), |filter| filter.has_only(&["Prefix"], ""))?;
    expiration.map_or(Ok(()), |expiration| expiration.has_only(&["Days", "Date"], ""))?;
    if filter.is_some() && element.child("Prefix").is_some() {
        return Err(malformed("a <Rule> has a <Prefix> and a <Filter>"));
    }
    let mut rule = LifecycleRule::new(element.child("ID").map_or("", Element::text).trim());
    rule.enabled = match element.required("Status")?.trim() {
        "Enabled" => true,
        "Disabled" => false,
        _ => return Err(malformed("a <Status> is neither Enabled nor Disabled")),
    };
    let prefix = filter.unwrap_or(element).child("Prefix");
    prefix.map_or("", Element::text).clone_into(&mut rule.prefix);
    rule.delete_objects = expiration.map(condition).transpose()?;
    let mut transitions = element.children("Transition");
    if let Some(transition) = transitions.next() {
        if transition.required("StorageClass")?.trim() != StorageClass::InfrequentAccess.as_s3() {
            return Err(Error::unsupported("R2 can move objects only to the storage class STANDARD_IA")
                .with_code(NOT_IMPLEMENTED.name));
        }
        rule.move_to_infrequent_access = Some(condition(transition)?);
    }
    if transitions.next().is_some() {
        return Err(malformed(
            "a rule moves objects more than once, and R2 can move them only to STANDARD_IA",
        ));
    }
    if let Some(abort) = element.child("AbortIncompleteMultipartUpload") {
        rule.abort_uploads =
            Some(days(abort, "DaysAfterInitiation")?.ok_or_else(|| {
                malformed("an <AbortIncompleteMultipartUpload> has no <DaysAfterInitiation>")
            })?);
    }
    Ok(rule)
}

fn days(element: &Element, name: &str) -> Result<Option<Duration>> {
    Ok(element.optional(name)?.map(of_days))
}

fn condition(element: &Element) -> Result<LifecycleCondition> {
    match (days(element, "Days")?, element.child("Date")) {
        (Some(age), None) => Ok(LifecycleCondition::Age(age)),
        (None, Some(date)) => {
            let date = humantime::parse_rfc3339(date.text().trim());
            date.map(LifecycleCondition::Date).map_err(|_| malformed("a <Date> is not an RFC 3339 time"))
        }
        _ => Err(malformed(format!("an <{}> must have either <Days> or <Date>", element.name()))),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn parse(rules: &str) -> Result<LifecyclePolicy> {
        let document = format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>");
        read(&Element::parse(document.as_bytes()).unwrap())
    }

    #[test]
    fn a_policy_is_read_as_it_was_written() {
        let policy = LifecyclePolicy::new([
            LifecycleRule::new("a & b")
                .prefix("logs/<1>/")
                .delete_objects(of_days(90))
                .move_to_infrequent_access(UNIX_EPOCH + of_days(20_000))
                .abort_uploads(of_days(1)),
            LifecycleRule::new("old").delete_objects(UNIX_EPOCH + of_days(20_000)).disabled(),
        ]);
        let document = write(&policy);
        assert!(
            document.contains("<Rule><ID>a &amp; b</ID><Filter><Prefix>logs/&lt;1&gt;/</Prefix></Filter>")
        );
        assert!(document.contains("<Expiration><Date>2024-10-04T00:00:00.000Z</Date></Expiration>"));
        assert_eq!(read(&Element::parse(document.as_bytes()).unwrap()).unwrap(), policy);
    }

    #[test]
    fn older_and_shorter_documents_are_read() {
        let policy = parse(
            "<Rule><Prefix>a/</Prefix><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>\
             <Rule><Status>Enabled</Status><Filter/><Transition><Date>2024-10-04T00:00:00Z</Date>\
             <StorageClass>STANDARD_IA</StorageClass></Transition></Rule>",
        )
        .unwrap();
        let expected = [
            LifecycleRule::new("rule-1").prefix("a/").delete_objects(of_days(1)),
            LifecycleRule::new("rule-2").move_to_infrequent_access(UNIX_EPOCH + of_days(20_000)),
        ];
        assert_eq!(policy, LifecyclePolicy::new(expected));
    }

    #[test]
    fn what_is_broken_or_not_r2s_is_refused() {
        let enabled = "<Status>Enabled</Status>";
        let filter = format!("<Rule>{enabled}<Filter><Tag><Key>a</Key></Tag></Filter></Rule>");
        let marker = format!(
            "<Rule>{enabled}<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration></Rule>"
        );
        let glacier = format!(
            "<Rule>{enabled}<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition></Rule>"
        );
        let both = format!(
            "<Rule>{enabled}<Expiration><Days>1</Days><Date>2024-10-04T00:00:00Z</Date></Expiration></Rule>"
        );
        let negative = format!("<Rule>{enabled}<Expiration><Days>-1</Days></Expiration></Rule>");
        for (rules, code) in [
            (filter.as_str(), "NotImplemented"),
            (&marker, "NotImplemented"),
            (&glacier, "NotImplemented"),
            (&both, "MalformedXML"),
            (&negative, "MalformedXML"),
            ("<Rule><Status>On</Status></Rule>", "MalformedXML"),
            (&format!("<Rule>{enabled}<Prefix>a/</Prefix><Filter/></Rule>"), "MalformedXML"),
            (&format!("<Rule>{enabled}<filter><Prefix>a/</Prefix></filter></Rule>"), "MalformedXML"),
            (&format!("<Rule>{enabled}<Filter><Suffix>a/</Suffix></Filter></Rule>"), "MalformedXML"),
            (
                &format!("<Rule>{enabled}<Filter><Prefix>a</Prefix><Prefix>b</Prefix></Filter></Rule>"),
                "MalformedXML",
            ),
            (&format!("<Rule>{enabled}{enabled}</Rule>"), "MalformedXML"),
            ("<Rule/>", "MalformedXML"),
        ] {
            assert_eq!(parse(rules).unwrap_err().code(), Some(code), "{rules}");
        }
        assert_eq!(read(&Element::parse(b"<Error/>").unwrap()).unwrap_err().code(), Some("MalformedXML"));
    }
}
