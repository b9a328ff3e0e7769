//! Why a request got no answer.

use std::error::Error as StdError;

use http::StatusCode;

use super::connector::ConnectTimeout;
use super::proxy::Proxy;
use super::resolver::DnsError;
use super::route::{ProxyError, Refusal};
use crate::error::{Error, ErrorKind};

/// The error for a request that got no answer from the host. `proxy` is the proxy that it went through.
pub(super) fn failure(host: &str, proxy: Option<&Proxy>, error: hyper_util::client::legacy::Error) -> Error {
    if let (Some(proxy), Some(Refusal(status))) = (proxy, cause(&error)) {
        return refusal(host, proxy, *status).with_source(error);
    }
    let peer = match proxy {
        None => host.to_owned(),
        Some(proxy) if cause::<ProxyError>(&error).is_some() => format!("the proxy {}", proxy.address()),
        Some(proxy) => format!("{host} through the proxy {}", proxy.address()),
    };
    let (kind, message, retryable) = if let Some(ConnectTimeout(limit)) = cause(&error) {
        (ErrorKind::Timeout, format!("could not connect to {peer} within {limit:?}"), true)
    } else if cause::<DnsError>(&error).is_some() {
        (ErrorKind::Dns, format!("could not resolve the address of {peer}: {}", root_cause(&error)), true)
    } else if let Some(tls) = cause::<rustls::Error>(&error) {
        // The certificate will be the same next time.
        let certificate = matches!(tls, rustls::Error::InvalidCertificate(_));
        (ErrorKind::Connection, format!("could not open a secure connection to {peer}: {tls}"), !certificate)
    } else if cause::<hyper::Error>(&error).is_some_and(hyper::Error::is_parse) {
        (
            ErrorKind::UnexpectedResponse,
            format!("{peer} did not answer in HTTP: {}", root_cause(&error)),
            false,
        )
    } else if error.is_connect() {
        (ErrorKind::Connection, format!("could not connect to {peer}: {}", root_cause(&error)), true)
    } else {
        (ErrorKind::Connection, format!("the connection to {peer} was lost: {}", root_cause(&error)), true)
    };
    Error::new(kind, message).retryable(retryable).with_source(error)
}

/// The error for an answer of the proxy instead of the host's.
pub(super) fn refusal(host: &str, proxy: &Proxy, status: StatusCode) -> Error {
    let address = proxy.address();
    let retryable = match status {
        StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => false,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => true,
        _ => status.is_server_error(),
    };
    let message = match status {
        // Tinyproxy answers 401 to a wrong password.
        StatusCode::PROXY_AUTHENTICATION_REQUIRED | StatusCode::UNAUTHORIZED
            if proxy.credentials().is_some() =>
        {
            format!(
                "the proxy {address} rejects the user and password of its URL ({status}): check them, and that special characters \
             are percent-encoded"
            )
        }
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => format!(
            "the proxy {address} requires a user and password ({status}): put them into its URL, as in \
             http://user:password@{address}"
        ),
        _ if retryable => format!(
            "the proxy {address} cannot connect to {host} ({status}): if the host can be reached without it, list the host in \
             NO_PROXY"
        ),
        _ => format!(
            "the proxy {address} refuses to connect to {host} ({status}): allow the host in its rules, or list it in \
             NO_PROXY"
        ),
    };
    Error::new(ErrorKind::Connection, message).retryable(retryable)
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

/// The first cause of the error that is a `T`.
fn cause<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| {
        // The source of an I/O error is the source of the error that it wraps, which may itself be a `T`.
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
