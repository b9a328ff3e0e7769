//! Location hints: where a bucket should be.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error_code::INVALID_LOCATION_CONSTRAINT;
use crate::error::{Error, Result};

/// Where a bucket's objects should be stored: a
/// [hint](https://developers.cloudflare.com/r2/reference/data-location/#location-hints), which R2 follows if
/// it can, and only when a bucket with this name is created for the first time. For a guarantee, use a
/// jurisdiction, which is part of the [address](crate::r2::Jurisdiction).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LocationHint {
    /// Western North America.
    Wnam,
    /// Eastern North America.
    Enam,
    /// Western Europe.
    Weur,
    /// Eastern Europe.
    Eeur,
    /// Asia and the Pacific.
    Apac,
    /// Oceania.
    Oc,
}

impl LocationHint {
    /// All location hints.
    pub const ALL: [Self; 6] = [Self::Wnam, Self::Enam, Self::Weur, Self::Eeur, Self::Apac, Self::Oc];

    /// The hint's name: `wnam`, `enam`, `weur`, `eeur`, `apac` or `oc`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wnam => "wnam",
            Self::Enam => "enam",
            Self::Weur => "weur",
            Self::Eeur => "eeur",
            Self::Apac => "apac",
            Self::Oc => "oc",
        }
    }

    /// Reads S3's `LocationConstraint`: a hint's name in any case, or a name of R2's only region (`auto`,
    /// `us-east-1` or empty), which is `None`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) with the code `InvalidLocationConstraint`: the text is
    /// neither.
    pub fn from_location_constraint(text: &str) -> Result<Option<Self>> {
        if ["", "auto", "us-east-1"].iter().any(|region| text.eq_ignore_ascii_case(region)) {
            return Ok(None);
        }
        text.parse().map(Some)
    }
}

impl fmt::Display for LocationHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads a hint's name in any case.
impl FromStr for LocationHint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|hint| hint.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| {
            Error::invalid_input(format!(
                "{text:?} is not a location hint: use wnam, enam, weur, eeur, apac or oc"
            ))
            .with_code(INVALID_LOCATION_CONSTRAINT.name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn names_are_read_in_any_case_and_written_in_lower() {
        for hint in LocationHint::ALL {
            for name in [hint.as_str().to_owned(), hint.as_str().to_ascii_uppercase()] {
                assert_eq!(name.parse::<LocationHint>().unwrap(), hint);
                assert_eq!(LocationHint::from_location_constraint(&name).unwrap(), Some(hint));
            }
            assert_eq!(serde_json::to_string(&hint).unwrap(), format!("{:?}", hint.as_str()));
        }
        for region in ["", "auto", "AUTO", "us-east-1"] {
            assert_eq!(LocationHint::from_location_constraint(region).unwrap(), None);
        }
        for name in ["eu-west-1", "weu", "eu", " weur"] {
            let error = LocationHint::from_location_constraint(name).unwrap_err();
            let expected = (ErrorKind::InvalidInput, Some("InvalidLocationConstraint"));
            assert_eq!((error.kind(), error.code()), expected);
        }
    }
}
