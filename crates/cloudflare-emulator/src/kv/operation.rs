//! Which operation a request is, and what it is about, from its method and path.

use cloudflare_clients::kv::rest::error_code::{INVALID_REQUEST, NO_ROUTE};
use http::Method;

use super::error::KvError;
use crate::uri;

/// The operations of [KV's REST API](https://developers.cloudflare.com/api/resources/kv/).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
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

/// What a request is about.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) account_id: String,
    /// Empty for operations on the account.
    pub(super) namespace_id: String,
    /// Empty for operations on a namespace.
    pub(super) key: String,
}

impl Operation {
    pub(super) fn detect(method: &Method, raw_path: &str) -> Result<(Self, Target), KvError> {
        let no_route = || KvError::from(NO_ROUTE);
        let path = raw_path.strip_prefix(super::API).ok_or_else(no_route)?;
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
        let target = Target {
            account_id: decode(account_id)?,
            namespace_id: decode(namespace_id)?,
            key: decode(key)?,
        };
        Ok((operation, target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(method: &str, path: &str) -> Result<(Operation, Target), KvError> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        Operation::detect(&method, &format!("/client/v4/accounts/a/storage/kv/namespaces{path}"))
    }

    #[test]
    fn operations_and_what_they_are_about() {
        for (method, path, operation, namespace_id, key) in [
            ("GET", "", Operation::ListNamespaces, "", ""),
            ("POST", "", Operation::CreateNamespace, "", ""),
            ("DELETE", "/n", Operation::DeleteNamespace, "n", ""),
            ("GET", "/n/values/a%2Fb%252F", Operation::GetValue, "n", "a/b%2F"),
            ("PUT", "/n/values/a/b", Operation::PutValue, "n", "a/b"),
            ("DELETE", "/n/values/%20", Operation::DeleteValue, "n", " "),
            ("GET", "/n/metadata/keys", Operation::GetMetadata, "n", "keys"),
            ("GET", "/n/keys", Operation::ListKeys, "n", ""),
            ("PUT", "/n/bulk", Operation::BulkPut, "n", ""),
            ("DELETE", "/n/bulk", Operation::BulkDelete, "n", ""),
            ("POST", "/n/bulk/delete", Operation::BulkDelete, "n", ""),
            ("POST", "/n/bulk/get", Operation::BulkGet, "n", ""),
        ] {
            let target =
                Target { account_id: "a".into(), namespace_id: namespace_id.into(), key: key.into() };
            assert_eq!(detect(method, path).unwrap(), (operation, target), "{method} {path}");
        }
    }

    #[test]
    fn what_is_no_operation() {
        for (method, path) in [
            ("PATCH", "/n"),
            ("GET", "x"),
            ("POST", "/"),
            ("GET", "/n/bulk"),
            ("GET", "/n/keys/x"),
            ("PUT", "/n/values"),
            ("GET", "/n/values/%zz"),
            ("GET", "/n/values/%ff"),
        ] {
            let refused = detect(method, path);
            let refused = refused.and_then(|(_, target)| super::super::request::check_key(&target.key));
            assert!(refused.is_err(), "{method} {path}");
        }
        assert!(Operation::detect(&Method::GET, "/client/v4/user").is_err());
        assert!(Operation::detect(&Method::GET, "/media/key").is_err());
    }
}
