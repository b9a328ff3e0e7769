//! Checks that range requests work.

use bytes::Bytes;
use cloudflare_clients::http::{Method, StatusCode, header};

use super::access::{Access, Sample};
use super::finding::Finding;

pub(super) const RANGE: &str = "range";

pub(super) async fn check(access: &Access, sample: &Sample) -> Finding {
    let last = sample.size.min(4) - 1;
    let range = format!("bytes=0-{last}");
    let expected = format!("bytes 0-{last}/{}", sample.size);
    let answer = match access.object(Method::GET, &sample.key, &[(header::RANGE, &range)], Bytes::new()).await
    {
        Ok(answer) => answer,
        Err(error) => return broken(&error.to_string()),
    };
    let content_range = answer.header(header::CONTENT_RANGE).unwrap_or("none");
    let all_there = u64::try_from(answer.body.len()).is_ok_and(|length| length == last + 1);
    match answer.status {
        StatusCode::PARTIAL_CONTENT if content_range == expected && all_there => Finding::ok(
            RANGE,
            format!("{range} returns 206 {content_range}"),
            "players can seek, and downloads can be resumed",
        ),
        StatusCode::PARTIAL_CONTENT => {
            broken(&format!("{range} returns 206 with Content-Range {content_range} instead of {expected}"))
        }
        StatusCode::OK => broken(&format!("{range} returns 200 with the whole object")),
        _ => broken(&answer.error().to_string()),
    }
}

fn broken(seen: &str) -> Finding {
    Finding::broken(RANGE, seen, "players cannot seek, and interrupted downloads start over").mend(
        "curl -sv -r 0-3 \"$(cfstore r2 presign KEY)\" -o /dev/null  # shows it; proxies and caches must forward Range",
    )
}
