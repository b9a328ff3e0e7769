//! Why there was no answer.

use std::error::Error as StdError;

use super::connector::{ConnectTimeout, DnsError};
use crate::error::{Error, ErrorKind};

/// What it is to callers that there was no answer.
pub(super) fn failure(host: &str, error: hyper_util::client::legacy::Error) -> Error {
    let connecting = error.is_connect();
    let (kind, message, retryable) = if let Some(ConnectTimeout(limit)) = cause(&error) {
        (ErrorKind::Timeout, format!("no connection to {host} within {limit:?}"), true)
    } else if cause::<DnsError>(&error).is_some() {
        (ErrorKind::Dns, format!("the address of {host} cannot be found: {}", root_cause(&error)), true)
    } else if let Some(tls) = cause::<rustls::Error>(&error) {
        // The same certificate is there the next time.
        let certificate = matches!(tls, rustls::Error::InvalidCertificate(_));
        (ErrorKind::Connection, format!("no secure connection to {host}: {tls}"), !certificate)
    } else if connecting {
        (ErrorKind::Connection, format!("no connection to {host}: {}", root_cause(&error)), true)
    } else if cause::<hyper::Error>(&error).is_some_and(hyper::Error::is_parse) {
        (
            ErrorKind::UnexpectedResponse,
            format!("{host} did not answer in HTTP: {}", root_cause(&error)),
            false,
        )
    } else {
        (ErrorKind::Connection, format!("the connection to {host} broke: {}", root_cause(&error)), true)
    };
    Error::new(kind, message).retryable(retryable).with_source(error)
}

/// The error and its causes.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// The first of the error's causes that is a `T`.
fn cause<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| {
        // The source of an I/O error is the source of what it wraps, which may be one of its kind.
        let unwrapped = std::iter::successors(Some(error), |error| {
            let wrapped = error.downcast_ref::<std::io::Error>()?.get_ref()?;
            Some(wrapped as &(dyn StdError + 'static))
        });
        unwrapped.into_iter().find_map(|error| error.downcast_ref())
    })
}

pub(super) fn root_cause(error: &(dyn StdError + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}
