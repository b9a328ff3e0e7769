//! Content types by file name.

use std::path::Path;

use cloudflare_clients::transfer::guess_content_type;

/// Returns the content type of the first name with a known extension, otherwise `application/octet-stream`.
pub(crate) fn guess(names: &[&Path]) -> &'static str {
    names.iter().find_map(|name| guess_content_type(name)).unwrap_or("application/octet-stream")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_known_counts() {
        assert_eq!(guess(&[Path::new("none")]), "application/octet-stream");
        assert_eq!(guess(&[Path::new("backup"), Path::new("shop.json")]), "application/json");
    }
}
