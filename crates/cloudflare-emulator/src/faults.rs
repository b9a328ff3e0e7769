//! Failures on demand.

use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;

/// Makes a running server fail on demand, to show or test what clients do then. Clones share the same orders.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Option<(u32, StatusCode)>>>);

impl Faults {
    /// The next `count` requests get this status and the error of R2, such as `503 ServiceUnavailable`, or of KV, and
    /// have no effect. It replaces what was ordered before; 0 withdraws it. CORS preflights do not count.
    pub fn fail_next(&self, count: u32, status: StatusCode) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (count > 0).then_some((count, status));
    }

    /// The status that this request has to fail with.
    pub(crate) fn take(&self) -> Option<StatusCode> {
        let mut order = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, status) = order.as_mut()?;
        let status = *status;
        *count -= 1;
        if *count == 0 {
            *order = None;
        }
        Some(status)
    }
}
