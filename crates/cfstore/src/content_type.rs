//! The content type that a name stands for.

use std::path::Path;

use cloudflare_clients::transfer::guess_content_type;

/// The content type of the first of these names that has a known extension, else that of any bytes.
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
