//! URLs of routes for child documents.

use super::tags::Target;
use crate::model::r2::validate_key;
use crate::playlist::PlaylistOptions;
use crate::{Error, Result};

/// Returns the URL of the route for the document with this key.
pub(super) fn child_url(options: &PlaylistOptions<'_>, key: &str, target: Target) -> Result<String> {
    validate_key(key)?;
    let url = options.child_url.as_ref().ok_or_else(|| {
        let why = match target {
            Target::Json => {
                "is JSON, and players add parameters to its URL, which a presigned URL does not allow"
            }
            _ => "is a playlist, whose own references need signing too",
        };
        Error::invalid_input(format!("{key:?} {why}: set `PlaylistOptions::child_url`"))
    })?(key)?;
    if url.is_empty() || url.starts_with('#') || url.contains(|c: char| c.is_control() || c == '"') {
        return Err(Error::invalid_input(format!(
            "the URL that `PlaylistOptions::child_url` gives for {key:?} cannot be written into a playlist: \
             it is empty, begins with `#`, or has a quote or a control character"
        )));
    }
    Ok(url)
}
