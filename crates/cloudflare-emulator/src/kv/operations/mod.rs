//! The operations, a file for each: read the request, ask the store, write the answer.

mod bulk_delete;
mod bulk_get;
mod bulk_put;
mod create_namespace;
mod delete_namespace;
mod delete_value;
mod get_metadata;
mod get_namespace;
mod get_value;
mod list_keys;
mod list_namespaces;
mod namespace_json;
mod put_value;
mod rename_namespace;

use super::error::KvError;
use super::operation::Operation;
use super::request::Request;
use crate::response::Response;
use crate::service::Service;

pub(super) async fn run(
    operation: Operation,
    service: &Service,
    request: Request,
) -> Result<Response, KvError> {
    match operation {
        Operation::ListNamespaces => list_namespaces::run(service, &request).await,
        Operation::CreateNamespace => create_namespace::run(service, &request).await,
        Operation::GetNamespace => get_namespace::run(service, &request).await,
        Operation::RenameNamespace => rename_namespace::run(service, &request).await,
        Operation::DeleteNamespace => delete_namespace::run(service, &request).await,
        Operation::GetValue => get_value::run(service, &request).await,
        Operation::PutValue => put_value::run(service, request).await,
        Operation::DeleteValue => delete_value::run(service, &request).await,
        Operation::GetMetadata => get_metadata::run(service, &request).await,
        Operation::ListKeys => list_keys::run(service, &request).await,
        Operation::BulkPut => bulk_put::run(service, &request).await,
        Operation::BulkDelete => bulk_delete::run(service, &request).await,
        Operation::BulkGet => bulk_get::run(service, &request).await,
    }
}
