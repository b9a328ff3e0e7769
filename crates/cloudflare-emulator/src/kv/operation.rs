//! Operation and subject of a request, from its method and path.

use cloudflare_clients::kv::rest::error_code::{INVALID_REQUEST, NO_ROUTE};
use http::Method;

use super::error::KvError;
use crate::uri;

/// Path prefix of Cloudflare's API.
pub(crate) const API: &str = "/client/v4/";

/// The operations of [KV's REST API](https://developers.cloudflare.com/api/resources/kv/).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KvOperation {
    ListNamespaces,
    CreateNamespace,
    GetNamespace,
    RenameNamespace,
    DeleteNamespace,
    GetValue,
    PutValue,
    DeleteValue,
    GetMetadata,
    ListKeys,
    BulkPut,
    BulkDelete,
    BulkGet,
}

/// Subject of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct KvResource {
    pub(super) account_id: String,
    /// Empty for operations on the account.
    pub(super) namespace_id: String,
    /// Empty for operations on a namespace.
    pub(super) key: String,
}

impl KvOperation {
    pub(super) fn detect(method: &Method, raw_path: &str) -> Result<(Self, KvResource), KvError> {
        let no_route = || KvError::from(NO_ROUTE);
        let path = raw_path.strip_prefix(API).ok_or_else(no_route)?;
        let (account_id, path) =
            path.strip_prefix("accounts/").and_then(|path| path.split_once('/')).ok_or_else(no_route)?;
        let path = path.strip_prefix("storage/kv/namespaces").ok_or_else(no_route)?;
        let (namespace_id, path) = match path.strip_prefix('/') {
            None if path.is_empty() => ("", ""),
            None => return Err(no_route()),
            Some(path) => path.split_once('/').unwrap_or((path, "")),
        };
        let (what, key) = match path.split_once('/') {
            Some((what @ ("values" | "metadata"), key)) => (what, key),
            _ => (path, ""),
        };
        let operation = match (method.as_str(), namespace_id, what) {
            ("GET", "", "") => Self::ListNamespaces,
            ("POST", "", "") => Self::CreateNamespace,
            (_, "", _) => return Err(no_route()),
            ("GET", _, "") => Self::GetNamespace,
            ("PUT", _, "") => Self::RenameNamespace,
            ("DELETE", _, "") => Self::DeleteNamespace,
            ("GET", _, "values") => Self::GetValue,
            ("PUT", _, "values") => Self::PutValue,
            ("DELETE", _, "values") => Self::DeleteValue,
            ("GET", _, "metadata") => Self::GetMetadata,
            ("GET", _, "keys") => Self::ListKeys,
            ("PUT", _, "bulk") => Self::BulkPut,
            // The older form, which wrangler uses.
            ("POST", _, "bulk/delete") | ("DELETE", _, "bulk") => Self::BulkDelete,
            ("POST", _, "bulk/get") => Self::BulkGet,
            _ => return Err(no_route()),
        };
        let decode =
            |raw| uri::decode(raw).map_err(|_| KvError::new(INVALID_REQUEST, "the URL is not encoded UTF-8"));
        let resource = KvResource {
            account_id: decode(account_id)?,
            namespace_id: decode(namespace_id)?,
            key: decode(key)?,
        };
        Ok((operation, resource))
    }
}

#[cfg(test)]
mod tests {
    use cloudflare_clients::kv::rest::error_code::ILLEGAL_KEY;

    use super::super::limits::check_key;
    use super::*;

    fn detect(method: &str, path: &str) -> Result<(KvOperation, KvResource), KvError> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        KvOperation::detect(&method, &format!("/client/v4/accounts/a/storage/kv/namespaces{path}"))
    }

    #[test]
    fn operations_and_what_they_are_about() {
        for (method, path, operation, namespace_id, key) in [
            ("GET", "", KvOperation::ListNamespaces, "", ""),
            ("POST", "", KvOperation::CreateNamespace, "", ""),
            ("POST", "/", KvOperation::CreateNamespace, "", ""),
            ("DELETE", "/n", KvOperation::DeleteNamespace, "n", ""),
            ("GET", "/n/values/a%2Fb%252F", KvOperation::GetValue, "n", "a/b%2F"),
            ("PUT", "/n/values/a/b", KvOperation::PutValue, "n", "a/b"),
            ("DELETE", "/n/values/%20", KvOperation::DeleteValue, "n", " "),
            ("GET", "/n/metadata/keys", KvOperation::GetMetadata, "n", "keys"),
            ("GET", "/n/keys", KvOperation::ListKeys, "n", ""),
            ("PUT", "/n/bulk", KvOperation::BulkPut, "n", ""),
            ("DELETE", "/n/bulk", KvOperation::BulkDelete, "n", ""),
            ("POST", "/n/bulk/delete", KvOperation::BulkDelete, "n", ""),
            ("POST", "/n/bulk/get", KvOperation::BulkGet, "n", ""),
        ] {
            let resource =
                KvResource { account_id: "a".into(), namespace_id: namespace_id.into(), key: key.into() };
            assert_eq!(detect(method, path).unwrap(), (operation, resource), "{method} {path}");
        }
    }

    #[test]
    fn what_is_no_operation() {
        for (method, path, code) in [
            ("PATCH", "/n", NO_ROUTE),
            ("GET", "x", NO_ROUTE),
            ("GET", "/n/bulk", NO_ROUTE),
            ("GET", "/n/keys/x", NO_ROUTE),
            ("PUT", "/n/values", ILLEGAL_KEY),
            ("GET", "/n/values/%zz", INVALID_REQUEST),
            ("GET", "/n/values/%ff", INVALID_REQUEST),
        ] {
            let refused = detect(method, path).and_then(|(_, resource)| check_key(&resource.key));
            assert_eq!(refused.unwrap_err().code, code, "{method} {path}");
        }
        for path in ["/client/v4/user", "/media/key"] {
            assert_eq!(KvOperation::detect(&Method::GET, path).unwrap_err().code, NO_ROUTE, "{path}");
        }
    }
}
