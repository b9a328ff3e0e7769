//! Arguments of `cfstore kv namespace`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Namespace {
    /// Create a namespace, and print its id
    #[command(after_help = "\
Examples:
  cfstore kv namespace create sessions
  export KV_NAMESPACE_ID=$(cfstore --json kv namespace create sessions | jq -r .id)")]
    Create(NamespaceCreate),
    /// List the namespaces of the account, with their ids
    #[command(after_help = "\
Examples:
  cfstore kv namespace ls
  cfstore --json kv namespace ls | jq -r .title")]
    Ls,
    /// Change the title of a namespace; its id and keys stay
    #[command(after_help = "\
Examples:
  cfstore kv namespace rename sessions old-sessions")]
    Rename(NamespaceRename),
    /// Delete a namespace and all its keys
    #[command(after_help = "\
Examples:
  cfstore kv namespace rm old-sessions          ask first
  cfstore kv namespace rm old-sessions --yes    do not ask")]
    Rm(NamespaceRm),
}

#[derive(Debug, Args)]
pub(crate) struct NamespaceCreate {
    /// The title, which must be unique in the account
    pub(crate) title: String,
}

#[derive(Debug, Args)]
pub(crate) struct NamespaceRename {
    /// The namespace: its title or its id
    pub(crate) namespace: String,
    /// The new title
    pub(crate) title: String,
}

#[derive(Debug, Args)]
pub(crate) struct NamespaceRm {
    /// The namespace: its title or its id
    pub(crate) namespace: String,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub(crate) yes: bool,
}
