//! What `cfstore kv namespace` takes.

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
    /// Give a namespace another title: its id and its keys stay
    #[command(after_help = "\
Examples:
  cfstore kv namespace rename sessions old-sessions")]
    Rename(NamespaceRename),
    /// Delete a namespace with all its keys
    #[command(after_help = "\
Examples:
  cfstore kv namespace rm old-sessions          asks first
  cfstore kv namespace rm old-sessions --yes    does not")]
    Rm(NamespaceRm),
}

#[derive(Debug, Args)]
pub(crate) struct NamespaceCreate {
    /// Its title, which no other namespace of the account has
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
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}
