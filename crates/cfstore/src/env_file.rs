//! Variables from a file in place of the environment.

use std::collections::HashMap;
use std::path::Path;

use crate::error::{Error, Result};

/// The variables of a file.
pub(crate) fn read(path: &Path) -> Result<HashMap<String, String>> {
    let unusable = |error: dotenvy::Error| {
        // A line that does not parse may hold a secret.
        let why = match error {
            dotenvy::Error::Io(error) => error.to_string(),
            _ => "a line is not NAME=value".to_owned(),
        };
        Error::usage(
            format!("the file {} cannot be read: {why}", path.display()),
            "it holds lines like R2_BUCKET_MEDIA=media; `cfstore serve` prints such lines",
        )
    };
    dotenvy::from_path_iter(path).map_err(unusable)?.map(|line| line.map_err(unusable)).collect()
}
