//! Whether conditions decide: what must not replace an object does not.

use bytes::Bytes;
use cloudflare_clients::http::{Method, StatusCode, header};

use super::access::Access;
use super::finding::Finding;
use super::permissions::OBJECT;
use super::scratch::Scratch;

pub(super) const CONDITIONS: &str = "conditions";

pub(super) async fn check(access: &Access, scratch: &Scratch, content: &Bytes) -> Finding {
    let cases = [
        // Each puts the bytes that the object already has: a service that ignores the condition changes nothing.
        (Method::PUT, header::IF_NONE_MATCH, "*", content.clone(), StatusCode::PRECONDITION_FAILED),
        (Method::PUT, header::IF_MATCH, "\"0\"", content.clone(), StatusCode::PRECONDITION_FAILED),
        (Method::GET, header::IF_MATCH, "\"0\"", Bytes::new(), StatusCode::PRECONDITION_FAILED),
    ];
    let mut ignored = Vec::new();
    // One after the other: R2 takes one write a second to a key.
    for (method, header, value, body, expected) in cases {
        let headers = [(header.clone(), value)];
        let answer = match method {
            Method::PUT => scratch.put(access, OBJECT, &headers, body).await,
            _ => access.object(method.clone(), &scratch.key(OBJECT), &headers, body).await,
        };
        match answer {
            Ok(answer) if answer.status == expected => {}
            Ok(answer) => {
                ignored.push(format!("{method} with {header}: {value} is answered {}", answer.status));
            }
            Err(error) => ignored.push(format!("{method} with {header}: {value}: {error}")),
        }
    }
    if ignored.is_empty() {
        let seen = "what must not replace an object, or is not the object, is answered 412";
        return Finding::ok(CONDITIONS, seen, "--if-absent, locks and safe retries work");
    }
    Finding::broken(
        CONDITIONS,
        ignored.join("; "),
        "the service passes conditions over, as Garage does: --if-absent replaces, and two holders get one lock",
    )
    .mend("export R2_ENDPOINT=https://ACCOUNT_ID.r2.cloudflarestorage.com  # or do without conditions and locks on this service")
}
