//! The operation that errors and traces are about.

use crate::error::{Error, Result};

/// The name and arguments of an operation, for errors and traces.
#[derive(Clone, Copy)]
pub(crate) struct Operation<'a> {
    pub(crate) name: &'static str,
    pub(crate) key: Option<&'a str>,
    pub(crate) bytes: Option<u64>,
}

impl<'a> Operation<'a> {
    pub(crate) fn new(name: &'static str, key: &'a str) -> Self {
        Self { name, key: Some(key), bytes: None }
    }

    pub(crate) const fn without_key(name: &'static str) -> Self {
        Self { name, key: None, bytes: None }
    }

    pub(crate) fn sending(mut self, bytes: Option<u64>) -> Self {
        self.bytes = bytes;
        self
    }

    /// Adds the operation's name and key to an error.
    pub(crate) fn check<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| error.during(self.name, self.key))
    }

    /// The same for an error about a response.
    pub(crate) fn check_answer<T>(&self, result: Result<T>) -> Result<T> {
        self.check(result.map_err(Error::of_answer))
    }
}

/// Implements `IntoFuture` for a request: awaiting it calls its `send`.
macro_rules! sent_when_awaited {
    ($($request:ident => $answer:ty),+ $(,)?) => {$(
        impl ::std::future::IntoFuture for $request {
            type Output = $crate::error::Result<$answer>;
            type IntoFuture = ::futures_util::future::BoxFuture<'static, Self::Output>;

            fn into_future(self) -> Self::IntoFuture {
                ::futures_util::FutureExt::boxed(self.send())
            }
        }
    )+};
}
pub(crate) use sent_when_awaited;
