//! `cfstore kv namespace create|ls|rename|rm`

use cloudflare_clients::kv::{NamespaceInfo, Namespaces};
use futures_util::TryStreamExt as _;

use crate::cli::{Namespace, NamespaceCreate, NamespaceRename, NamespaceRm};
use crate::confirm;
use crate::error::{Error, ExitStatus, Result};
use crate::namespace_account::NamespaceAccount;
use crate::printer::{DIM, Key, Printer, count};

/// Page size of listings, accepted by every version of the API.
const PAGE: u32 = 100;

pub(super) async fn run(
    command: Namespace,
    account: NamespaceAccount,
    printer: Printer,
) -> Result<ExitStatus> {
    let target = account.target();
    match command {
        Namespace::Create(args) => {
            create(args, account.open_or_create(printer).await?, &target, printer).await
        }
        Namespace::Ls => list(account.open(printer).await?, &target, printer).await,
        Namespace::Rename(args) => rename(args, account.open(printer).await?, &target, printer).await,
        Namespace::Rm(args) => remove(args, account, &target, printer).await,
    }
}

async fn create(
    args: NamespaceCreate,
    namespaces: Namespaces,
    target: &str,
    printer: Printer,
) -> Result<ExitStatus> {
    let created = namespaces.create(args.title).await?;
    printer.result_at(format_args!("{}  {}", created.id, Key(&created.title)), &created, target)?;
    Ok(ExitStatus::Success)
}

async fn list(namespaces: Namespaces, target: &str, printer: Printer) -> Result<ExitStatus> {
    let mut listed = 0;
    let mut found = namespaces.list().page_size(PAGE).stream();
    while let Some(namespace) = found.try_next().await? {
        listed += 1;
        printer.result(format_args!("{}  {}", namespace.id, Key(&namespace.title)), &namespace)?;
    }
    printer.summary(count(listed, "namespace"), target);
    Ok(ExitStatus::Success)
}

async fn rename(
    args: NamespaceRename,
    namespaces: Namespaces,
    target: &str,
    printer: Printer,
) -> Result<ExitStatus> {
    let mut namespace = find(&namespaces, args.namespace).await?;
    namespaces.rename(&namespace.id, &args.title).await?;
    namespace.title = args.title;
    printer.result_at(format_args!("{}  {}", namespace.id, Key(&namespace.title)), &namespace, target)?;
    Ok(ExitStatus::Success)
}

async fn remove(
    args: NamespaceRm,
    account: NamespaceAccount,
    target: &str,
    printer: Printer,
) -> Result<ExitStatus> {
    let namespaces = account.open(printer).await?;
    let NamespaceInfo { id, title, .. } = find(&namespaces, args.namespace).await?;
    if !args.yes {
        confirm::possible(&format!("deleting the namespace {} with all its keys", Key(&title)))?;
        let question =
            format!("delete namespace {} ({id}) with all its keys, in {}?", Key(&title), Key(target));
        if !confirm::ask(question).await? {
            printer.note("nothing was deleted");
            return Ok(ExitStatus::Failed);
        }
    }
    namespaces.delete(&id).await?;
    let json = serde_json::json!({ "id": id, "title": title, "deleted": true });
    printer.result_at(format_args!("deleted {id}  {DIM}{}{DIM:#}", Key(&title)), &json, target)?;
    Ok(ExitStatus::Success)
}

/// Finds a namespace by its id, or otherwise by its title.
async fn find(namespaces: &Namespaces, named: String) -> Result<NamespaceInfo> {
    let all: Vec<_> = namespaces.list().page_size(PAGE).stream().try_collect().await?;
    let by_id = all.iter().find(|namespace| namespace.id == named);
    let found = by_id.or_else(|| all.iter().find(|namespace| namespace.title == named));
    found.cloned().ok_or(Error::MissingNamespace(named))
}
