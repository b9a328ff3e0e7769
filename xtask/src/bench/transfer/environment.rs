//! The environment of a client of a third-party server.

pub(super) const BUCKET: &str = "media";
pub(super) const ACCESS_KEY_ID: &str = "bench";
pub(super) const SECRET_ACCESS_KEY: &str = "bench-secret";

/// The variables that `cfstore serve` would print, for a third-party server at this address.
pub(super) fn environment(endpoint: &str) -> Vec<(String, String)> {
    let environment = [
        ("R2_ENDPOINT", endpoint),
        ("R2_BUCKET_MEDIA", BUCKET),
        ("R2_ACCESS_KEY_ID", ACCESS_KEY_ID),
        ("R2_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
    ];
    environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}
