//! The content type that a name stands for.

use std::path::Path;

/// What players need and `mime_guess` does not know, or knows otherwise.
const MEDIA: [(&str, &str); 5] = [
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("ts", "video/mp2t"),
    ("m4s", "video/iso.segment"),
    ("mpd", "application/dash+xml"),
    ("vtt", "text/vtt"),
];

/// The content type of the first of these names that has a known extension, else that of any bytes.
pub(crate) fn guess(names: &[&Path]) -> String {
    let known = names.iter().find_map(|name| {
        let extension = name.extension()?.to_str()?;
        let media = MEDIA
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(extension))
            .map(|(_, content_type)| (*content_type).to_owned());
        media.or_else(|| mime_guess::from_ext(extension).first().map(|content_type| content_type.to_string()))
    });
    known.unwrap_or_else(|| mime_guess::mime::APPLICATION_OCTET_STREAM.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_media_and_others() {
        for (name, content_type) in [
            ("a/master.m3u8", "application/vnd.apple.mpegurl"),
            ("a/0001.TS", "video/mp2t"),
            ("a/0001.m4s", "video/iso.segment"),
            ("a/manifest.mpd", "application/dash+xml"),
            ("a/film.mp4", "video/mp4"),
            ("poster.jpg", "image/jpeg"),
            ("index.html", "text/html"),
            ("none", "application/octet-stream"),
        ] {
            assert_eq!(guess(&[Path::new(name)]), content_type, "{name}");
        }
        assert_eq!(guess(&[Path::new("backup"), Path::new("shop.json")]), "application/json");
    }
}
