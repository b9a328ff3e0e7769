//! Transfers of files, where that takes minutes.

use super::rust;
use crate::context::Context;
use crate::report::{Stop, Tally};

pub(crate) fn kills(context: &Context<'_>) -> Result<Tally, Stop> {
    rust::ignored(context.workspace, "cfstore", "kills::")
}
