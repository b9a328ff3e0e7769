//! Signing with the instructions of another processor, in QEMU.

use super::rust;
use crate::context::Context;
use crate::install;
use crate::report::{Stop, Tally};

/// A target with its own libc, so that it links without a C toolchain.
const TARGET: &str = "aarch64-unknown-linux-musl";

pub(crate) fn run(context: &Context<'_>) -> Result<Tally, Stop> {
    let workspace = context.workspace;
    install::system(context, "qemu-aarch64", "qemu-user")?;
    install::target(context, TARGET)?;
    let environment = [("LINKER", "rust-lld"), ("RUNNER", "qemu-aarch64")];
    rust::for_target(workspace, TARGET, &environment, "sigv4::")
}
