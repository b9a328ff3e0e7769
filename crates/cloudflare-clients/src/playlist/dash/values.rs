//! Parses the values of attributes.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::Duration;

use super::availability::Offset;
use super::quoted::quoted;
use super::{date_time, duration};
use crate::{Error, Result};

/// Parses a number.
pub(super) fn number<T: FromStr>(name: &str, value: &str) -> Result<T> {
    value.trim().parse().map_err(|_| {
        Error::invalid_input(format!("the {name} {} is not a number, or is out of range", quoted(value)))
    })
}

/// Parses a duration.
pub(super) fn time(name: &str, value: &str) -> Result<Duration> {
    duration::parse(value.trim()).ok_or_else(|| {
        Error::invalid_input(format!("the {name} {} is not a duration such as PT1H30M", quoted(value)))
    })
}

/// Parses a point in time, in nanoseconds since 1970.
pub(super) fn date(name: &str, value: &str) -> Result<i128> {
    date_time::parse(value.trim()).ok_or_else(|| {
        Error::invalid_input(format!(
            "the {name} {} is not a time such as 2026-11-28T10:00:00Z",
            quoted(value)
        ))
    })
}

/// Parses an `availabilityTimeOffset`.
pub(super) fn offset(value: &str) -> Result<Offset> {
    Offset::parse(value).ok_or_else(|| {
        Error::invalid_input(format!(
            "the availabilityTimeOffset {} is not a number of seconds",
            quoted(value)
        ))
    })
}

/// Parses a boolean. The default is true for all attributes.
pub(super) fn boolean(value: &str) -> bool {
    !matches!(value.trim(), "false" | "0")
}

/// Checks a byte range, `first-last` or `first-`.
pub(super) fn range(value: Cow<'_, str>) -> Result<Cow<'_, str>> {
    let is_number = |text: &str| text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit());
    match value.split_once('-') {
        Some((first, last)) if is_number(first) && is_number(last) && !first.is_empty() => Ok(value),
        _ => Err(Error::invalid_input(format!("{} is not a byte range", quoted(&value)))),
    }
}
