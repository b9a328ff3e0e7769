//! What a player asks a route for.

use super::tags::Target;
use crate::model::r2::validate_key;
use crate::playlist::PlaylistOptions;
use crate::{Error, Result};

/// The URL of the route that answers the document of a key.
pub(super) fn child_url(options: &PlaylistOptions<'_>, key: &str, target: Target) -> Result<String> {
    validate_key(key)?;
    let url = options.child_url.as_ref().ok_or_else(|| {
        let why = match target {
            Target::Json => {
                "is JSON, to whose URL players add parameters, which a presigned URL does not allow"
            }
            _ => "is a playlist, whose own references need signing too",
        };
        Error::invalid_input(format!(
            "{key:?} {why}: say with `PlaylistOptions::child_url` where it is signed"
        ))
    })?(key)?;
    if url.is_empty() || url.starts_with('#') || url.contains(|c: char| c.is_control() || c == '"') {
        return Err(Error::invalid_input(format!(
            "the URL that `PlaylistOptions::child_url` gives for {key:?} cannot stand in a playlist: \
             it is empty, begins with `#`, or has a quote or a control character"
        )));
    }
    Ok(url)
}
