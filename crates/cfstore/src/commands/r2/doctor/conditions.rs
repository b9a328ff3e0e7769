//! Checks that the service applies conditions.

use bytes::Bytes;
use cloudflare_clients::http::{Method, StatusCode, header};

use super::access::Access;
use super::finding::Finding;
use super::permissions::OBJECT;
use super::scratch::Scratch;

pub(super) const CONDITIONS: &str = "conditions";

pub(super) async fn check(access: &Access, scratch: &Scratch, content: &Bytes) -> Finding {
    let cases = [
        // Each puts the current bytes of the object, so a service that ignores the condition changes nothing.
        (Method::PUT, header::IF_NONE_MATCH, "*", content.clone(), StatusCode::PRECONDITION_FAILED),
        (Method::PUT, header::IF_MATCH, "\"0\"", content.clone(), StatusCode::PRECONDITION_FAILED),
        (Method::GET, header::IF_MATCH, "\"0\"", Bytes::new(), StatusCode::PRECONDITION_FAILED),
    ];
    let mut ignored = Vec::new();
    // One after the other: R2 accepts one write per second and key.
    for (method, header, value, body, expected) in cases {
        let headers = [(header.clone(), value)];
        let answer = match method {
            Method::PUT => scratch.put(access, OBJECT, &headers, body).await,
            _ => access.object(method.clone(), &scratch.key(OBJECT), &headers, body).await,
        };
        match answer {
            Ok(answer) if answer.status == expected => {}
            Ok(answer) => {
                ignored.push(format!("{method} with {header}: {value} returns {}", answer.status));
            }
            Err(error) => ignored.push(format!("{method} with {header}: {value}: {error}")),
        }
    }
    if ignored.is_empty() {
        let seen = "requests with a failed condition return 412";
        return Finding::ok(CONDITIONS, seen, "--if-absent, locks and safe retries work");
    }
    Finding::broken(
        CONDITIONS,
        ignored.join("; "),
        "the service ignores conditions, as Garage does: --if-absent replaces objects, and two holders can get the same lock",
    )
    .mend("export R2_ENDPOINT=https://ACCOUNT_ID.r2.cloudflarestorage.com  # or do not use conditions and locks on this service")
}
