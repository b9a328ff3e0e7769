//! Reading the metadata of an object.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::client::operation::Operation;
use crate::error::Result;
use crate::model::r2::{Object, validate_key};
use crate::r2::service::R2Service;

impl R2Service {
    /// The metadata of an object, or `None` when no object has this key.
    pub fn head(&self, key: impl Into<String>) -> BoxFuture<'static, Result<Option<Object>>> {
        let (service, key) = (self.clone(), key.into());
        async move {
            let operation = Operation::new("head", &key);
            operation.check(validate_key(&key))?;
            service.attempts().run(&operation, || Some(service.bucket().head(&key))).await
        }
        .boxed()
    }
}
