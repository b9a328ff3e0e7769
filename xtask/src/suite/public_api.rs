//! The check of the public interface, with the target that it needs installed if possible.

use crate::context::Context;
use crate::report::{Stop, Tally};
use crate::{install, public_api};

pub(super) fn run(context: &Context<'_>) -> Result<Tally, Stop> {
    install::wasm(context)?;
    public_api::check(context.workspace)
}
