//! The operations, one file each: read the request, query the store, write the answer.

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
mod put_value;
mod rename_namespace;
mod title;

use super::error::KvError;
use super::operation::KvOperation;
use super::request::KvRequest;
use crate::response::Response;
use crate::service::Service;

pub(super) async fn run(
    operation: KvOperation,
    service: &Service,
    request: KvRequest,
) -> Result<Response, KvError> {
    match operation {
        KvOperation::ListNamespaces => list_namespaces::run(service, &request).await,
        KvOperation::CreateNamespace => create_namespace::run(service, &request).await,
        KvOperation::GetNamespace => get_namespace::run(service, &request).await,
        KvOperation::RenameNamespace => rename_namespace::run(service, &request).await,
        KvOperation::DeleteNamespace => delete_namespace::run(service, &request).await,
        KvOperation::GetValue => get_value::run(service, &request).await,
        KvOperation::PutValue => put_value::run(service, request).await,
        KvOperation::DeleteValue => delete_value::run(service, &request).await,
        KvOperation::GetMetadata => get_metadata::run(service, &request).await,
        KvOperation::ListKeys => list_keys::run(service, &request).await,
        KvOperation::BulkPut => bulk_put::run(service, &request).await,
        KvOperation::BulkDelete => bulk_delete::run(service, &request).await,
        KvOperation::BulkGet => bulk_get::run(service, &request).await,
    }
}
