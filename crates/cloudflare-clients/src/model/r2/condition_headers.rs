//! Conditions as HTTP headers, written by a client and read by a server.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, header};

use super::conditional::{Conditional, EtagList};
use crate::error::{Error, Result};
use crate::transport::headers::{date, read_date, value};

/// The headers that carry conditions.
pub(crate) struct ConditionHeaders {
    pub(crate) matches: HeaderName,
    pub(crate) none_match: HeaderName,
    pub(crate) unmodified_since: HeaderName,
    pub(crate) modified_since: HeaderName,
}

impl ConditionHeaders {
    /// The standard headers of HTTP.
    pub(crate) const HTTP: Self = Self {
        matches: header::IF_MATCH,
        none_match: header::IF_NONE_MATCH,
        unmodified_since: header::IF_UNMODIFIED_SINCE,
        modified_since: header::IF_MODIFIED_SINCE,
    };

    /// Adds the headers of valid conditions. Their times are rounded down to whole seconds.
    ///
    /// Unmodified since a second means uploaded before the next second begins.
    pub(crate) fn write(self, only_if: &Conditional, headers: &mut HeaderMap) -> Result<()> {
        if let Some(etags) = &only_if.etag_matches {
            headers.insert(self.matches, value("etag", &etags.to_header())?);
        }
        if let Some(etags) = &only_if.etag_does_not_match {
            headers.insert(self.none_match, value("etag", &etags.to_header())?);
        }
        if let Some(time) = only_if.uploaded_before {
            let last = time.checked_sub(Duration::from_nanos(1)).map_or(time, |last| last.max(UNIX_EPOCH));
            headers.insert(self.unmodified_since, date("time of a condition", last)?);
        }
        if let Some(time) = only_if.uploaded_after {
            headers.insert(self.modified_since, date("time of a condition", time)?);
        }
        Ok(())
    }

    /// Reads the headers of conditions. `read_etags` reads their etags; times are compared in whole seconds.
    /// As in HTTP, a time that is not a date is ignored, and a list may be split over several header lines.
    pub(crate) fn read(
        &self,
        headers: &HeaderMap,
        read_etags: fn(&str) -> Result<EtagList>,
    ) -> Result<Conditional> {
        let etags = |name| {
            let lines = headers.get_all(name).iter().map(|line| str::from_utf8(line.as_bytes()));
            // A condition that cannot be read must not be ignored: a write would succeed.
            let lines: Vec<_> = lines
                .collect::<Result<_, _>>()
                .map_err(|_| Error::invalid_input("the etags of a condition are not UTF-8"))?;
            if lines.is_empty() { Ok(None) } else { read_etags(&lines.join(", ")).map(Some) }
        };
        let end_of = |second: SystemTime| second.checked_add(Duration::from_secs(1));
        Ok(Conditional {
            etag_matches: etags(&self.matches)?,
            etag_does_not_match: etags(&self.none_match)?,
            uploaded_before: read_date(headers, &self.unmodified_since).and_then(end_of),
            uploaded_after: read_date(headers, &self.modified_since),
            seconds_granularity: true,
        })
    }
}
