//! The context of a suite.

use crate::workspace::Workspace;

/// What a suite may use.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) workspace: &'a Workspace,
    pub(crate) install_system: bool,
}
