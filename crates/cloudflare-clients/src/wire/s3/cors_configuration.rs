//! A [CORS policy](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CORSConfiguration.html) as an XML
//! document, for clients and servers.

use http::Method;

use super::xml::{Element, NAMESPACE, Writer, malformed};
use crate::error::Result;
use crate::model::r2::{CorsPolicy, CorsRule};

/// The root element of the document.
pub(crate) const ROOT: &str = "CORSConfiguration";

/// Writes a policy.
pub fn write(policy: &CorsPolicy) -> String {
    Writer::document(ROOT, Some(NAMESPACE), |root| {
        for rule in &policy.rules {
            root.element("CORSRule", |element| {
                if let Some(id) = &rule.id {
                    element.text("ID", id);
                }
                rule.allowed_headers.iter().for_each(|name| element.text("AllowedHeader", name));
                rule.allowed_methods.iter().for_each(|method| element.text("AllowedMethod", method));
                rule.allowed_origins.iter().for_each(|origin| element.text("AllowedOrigin", origin));
                rule.expose_headers.iter().for_each(|name| element.text("ExposeHeader", name));
                if let Some(seconds) = rule.max_age_seconds {
                    element.text("MaxAgeSeconds", seconds);
                }
            });
        }
    })
}

/// Parses a policy, without [validating](CorsPolicy::validate) it.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) with the code `MalformedXML` if the document is not a CORS
/// policy.
pub fn read(document: &Element) -> Result<CorsPolicy> {
    if document.name() != ROOT {
        return Err(malformed(format!("the root element is <{}>, not <{ROOT}>", document.name())));
    }
    Ok(CorsPolicy::new(document.children("CORSRule").map(rule).collect::<Result<Vec<_>>>()?))
}

fn rule(element: &Element) -> Result<CorsRule> {
    let texts = |name| element.children(name).map(|child| child.text().trim().to_owned()).collect::<Vec<_>>();
    let method = |name: String| {
        name.parse::<Method>().map_err(|_| malformed("an <AllowedMethod> is not an HTTP method"))
    };
    let methods = texts("AllowedMethod").into_iter().map(method).collect::<Result<Vec<_>>>()?;
    let mut rule = CorsRule::new(texts("AllowedOrigin"), methods)
        .allow_headers(texts("AllowedHeader"))
        .expose_headers(texts("ExposeHeader"));
    rule.id = element.child("ID").map(|id| id.text().trim().to_owned()).filter(|id| !id.is_empty());
    rule.max_age_seconds = element.optional("MaxAgeSeconds")?;
    Ok(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_read_as_it_was_written() {
        let mut uploads =
            CorsRule::new(["https://a.example", "https://b.example"], [Method::GET, Method::PUT])
                .allow_headers(["content-type", "x-amz-meta-*"])
                .expose_headers(["etag"])
                .max_age_seconds(3600);
        uploads.id = Some("a & b".to_owned());
        let policy = CorsPolicy::new([uploads, CorsRule::new(["*"], [Method::HEAD])]);
        let document = write(&policy);
        assert!(document.contains("<CORSRule><ID>a &amp; b</ID><AllowedHeader>content-type</AllowedHeader>"));
        assert_eq!(read(&Element::parse(document.as_bytes()).unwrap()).unwrap(), policy);
        for broken in [
            "<Error/>",
            "<CORSConfiguration><CORSRule><AllowedMethod>G T</AllowedMethod></CORSRule></CORSConfiguration>",
            "<CORSConfiguration><CORSRule><MaxAgeSeconds>-1</MaxAgeSeconds></CORSRule></CORSConfiguration>",
        ] {
            let error = read(&Element::parse(broken.as_bytes()).unwrap()).unwrap_err();
            assert_eq!(error.code(), Some("MalformedXML"), "{broken}");
        }
    }
}
