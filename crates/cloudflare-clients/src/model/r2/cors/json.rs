//! The two JSON forms of a CORS policy.

use http::Method;
use serde::{Deserialize, Serialize};

use super::{CorsPolicy, CorsRule};
use crate::error::Result;
use crate::model::r2::policy_json::{Form, PolicyJson, Rule};

const JSON: PolicyJson = PolicyJson {
    policy: "the CORS policy",
    s3_list: "CORSRules",
    s3: &["AllowedOrigins", "AllowedMethods", "AllowedHeaders", "ExposeHeaders", "MaxAgeSeconds", "ID"],
    cloudflare: &["allowed", "id", "exposeHeaders", "maxAgeSeconds"],
    otherwise: Form::S3,
};

/// A rule in S3's form.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct S3Rule {
    #[serde(rename = "ID", default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    allowed_origins: Vec<String>,
    allowed_methods: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    allowed_headers: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    expose_headers: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age_seconds: Option<u32>,
}

/// A rule in the form of Cloudflare's API.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CloudflareRule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    allowed: Allowed,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    expose_headers: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age_seconds: Option<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Allowed {
    origins: Vec<String>,
    methods: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<String>,
}

#[derive(Serialize)]
struct S3Policy {
    #[serde(rename = "CORSRules")]
    rules: Vec<S3Rule>,
}

#[derive(Serialize)]
struct CloudflarePolicy {
    rules: Vec<CloudflareRule>,
}

impl CorsPolicy {
    /// Reads a policy in S3's form or in Cloudflare's.
    ///
    /// - S3, its SDKs and R2's dashboard use `{"CORSRules": [{"AllowedOrigins": […]}]}`, or only the list of
    ///   rules.
    /// - [Cloudflare's
    ///   API](https://developers.cloudflare.com/api/resources/r2/subresources/buckets/subresources/cors/)
    ///   and wrangler use `{"rules": [{"allowed": {"origins": […]}}]}`.
    ///
    /// The policy is not yet [checked](Self::validate).
    ///
    /// ```
    /// use cloudflare_clients::r2::CorsPolicy;
    ///
    /// let s3 = r#"[{"AllowedOrigins": ["https://a.example"], "AllowedMethods": ["GET"]}]"#;
    /// let cloudflare = r#"{"rules": [
    ///     {"allowed": {"origins": ["https://a.example"], "methods": ["GET"]}}
    /// ]}"#;
    /// assert_eq!(CorsPolicy::from_json(s3)?, CorsPolicy::from_json(cloudflare)?);
    /// # Ok::<_, cloudflare_clients::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::ErrorKind): the JSON has neither form, or a rule mixes both. The
    /// error names the rule and the field.
    pub fn from_json(json: &str) -> Result<Self> {
        let read = |(form, rule): (Form, Rule<'_>)| match form {
            Form::S3 => rule.read(|rule: S3Rule| rule.try_into()),
            Form::Cloudflare => rule.read(|rule: CloudflareRule| rule.try_into()),
        };
        Ok(Self { rules: JSON.rules(json)?.into_iter().map(read).collect::<Result<_>>()? })
    }

    /// Writes the policy in the form of S3 and its SDKs, in one line: `{"CORSRules":[…]}`.
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

fn methods(names: &[String]) -> std::result::Result<Vec<Method>, String> {
    let method =
        |name: &String| name.parse().map_err(|_| format!("allows {name:?}, which is not an HTTP method"));
    names.iter().map(method).collect()
}

fn names(methods: &[Method]) -> Vec<String> {
    methods.iter().map(ToString::to_string).collect()
}

impl TryFrom<S3Rule> for CorsRule {
    type Error = String;

    fn try_from(rule: S3Rule) -> std::result::Result<Self, String> {
        Ok(Self {
            id: rule.id,
            allowed_origins: rule.allowed_origins,
            allowed_methods: methods(&rule.allowed_methods)?,
            allowed_headers: rule.allowed_headers,
            expose_headers: rule.expose_headers,
            max_age_seconds: rule.max_age_seconds,
        })
    }
}

impl From<CorsRule> for S3Rule {
    fn from(rule: CorsRule) -> Self {
        Self {
            id: rule.id,
            allowed_origins: rule.allowed_origins,
            allowed_methods: names(&rule.allowed_methods),
            allowed_headers: rule.allowed_headers,
            expose_headers: rule.expose_headers,
            max_age_seconds: rule.max_age_seconds,
        }
    }
}

impl TryFrom<CloudflareRule> for CorsRule {
    type Error = String;

    fn try_from(rule: CloudflareRule) -> std::result::Result<Self, String> {
        Ok(Self {
            id: rule.id,
            allowed_origins: rule.allowed.origins,
            allowed_methods: methods(&rule.allowed.methods)?,
            allowed_headers: rule.allowed.headers,
            expose_headers: rule.expose_headers,
            max_age_seconds: rule.max_age_seconds,
        })
    }
}

impl From<CorsRule> for CloudflareRule {
    fn from(rule: CorsRule) -> Self {
        Self {
            id: rule.id,
            allowed: Allowed {
                origins: rule.allowed_origins,
                methods: names(&rule.allowed_methods),
                headers: rule.allowed_headers,
            },
            expose_headers: rule.expose_headers,
            max_age_seconds: rule.max_age_seconds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_field_that_is_given_twice_is_refused() {
        for (json, field) in [
            (
                r#"[{"AllowedOrigins":["https://a.example"],"AllowedOrigins":["*"],"AllowedMethods":["GET"]}]"#,
                "AllowedOrigins",
            ),
            (r#"{"rules":[],"rules":[]}"#, "rules"),
            (
                r#"{"rules":[{"allowed":{"origins":["https://a.example"],"origins":["*"],"methods":["GET"]}}]}"#,
                "origins",
            ),
        ] {
            let error = CorsPolicy::from_json(json).unwrap_err();
            assert!(error.message().contains(&format!("{field:?} occurs twice")), "{error}");
        }
    }

    #[test]
    fn both_forms_are_written_and_read() {
        let full = CorsRule {
            id: Some("uploads".to_owned()),
            ..CorsRule::new(["https://a.example", "null"], [Method::GET, Method::PUT])
                .allow_headers(["content-type"])
                .expose_headers(["etag"])
                .max_age_seconds(60)
        };
        let policy = CorsPolicy::new([full, CorsRule::new(["*"], [Method::GET])]);
        let s3 = policy.to_s3_json().unwrap();
        assert_eq!(
            s3,
            r#"{"CORSRules":[{"ID":"uploads","AllowedOrigins":["https://a.example","null"],"AllowedMethods":["GET","PUT"],"AllowedHeaders":["content-type"],"ExposeHeaders":["etag"],"MaxAgeSeconds":60},{"AllowedOrigins":["*"],"AllowedMethods":["GET"]}]}"#
        );
        let cloudflare = policy.to_cloudflare_json().unwrap();
        assert_eq!(
            cloudflare,
            r#"{"rules":[{"id":"uploads","allowed":{"origins":["https://a.example","null"],"methods":["GET","PUT"],"headers":["content-type"]},"exposeHeaders":["etag"],"maxAgeSeconds":60},{"allowed":{"origins":["*"],"methods":["GET"]}}]}"#
        );
        let alone = s3.strip_prefix(r#"{"CORSRules":"#).and_then(|rest| rest.strip_suffix('}')).unwrap();
        // Wrangler refuses this without a reason: rules in S3's form under Cloudflare's name.
        let between = format!(r#"{{"rules":{alone}}}"#);
        for json in [s3.as_str(), &cloudflare, alone, &between] {
            assert_eq!(CorsPolicy::from_json(json).unwrap(), policy, "{json}");
        }
    }

    #[test]
    fn what_is_neither_is_refused_with_the_rule_and_the_field() {
        for (json, said) in [
            ("", "EOF"),
            ("3", "a list of rules"),
            (r#"{"CORSConfiguration": {}}"#, "CORSRules or rules"),
            (r#"{"rules": [], "CORSRules": []}"#, "CORSRules or rules"),
            (
                r#"[{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}, {"AllowedOrigin": []}]"#,
                "rule 2: unknown field `AllowedOrigin`",
            ),
            (r#"[{"AllowedOrigins": ["*"]}]"#, "rule 1: missing field `AllowedMethods`"),
            (
                r#"[{"allowed": {"origins": [], "methods": [], "exposeHeaders": []}}]"#,
                "unknown field `exposeHeaders`",
            ),
            (r#"[{"allowed": {"origins": [], "methods": []}, "MaxAgeSeconds": 3}]"#, "use one of the two"),
            (
                r#"[{"AllowedOrigins": ["*"], "AllowedMethods": ["GET "]}]"#,
                "rule 1 allows \"GET \", which is not an HTTP method",
            ),
            (
                r#"[{"AllowedOrigins": ["*"], "AllowedMethods": [], "MaxAgeSeconds": -1}]"#,
                "rule 1: invalid value",
            ),
        ] {
            let error = CorsPolicy::from_json(json).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Serialization);
            assert!(error.message().contains(said), "{error}");
        }
    }
}
