//! The content type for a file name.

use std::path::Path;

/// Types that players need and that `mime_guess` lacks or defines differently.
const MEDIA: [(&str, &str); 5] = [
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("ts", "video/mp2t"),
    ("m4s", "video/iso.segment"),
    ("mpd", "application/dash+xml"),
    ("vtt", "text/vtt"),
];

/// Returns the content type for the extension of a name, or `None` if the extension is unknown.
///
/// ```
/// # use std::path::Path;
/// use cloudflare_clients::transfer::guess_content_type;
///
/// assert_eq!(guess_content_type(Path::new("film/master.m3u8")), Some("application/vnd.apple.mpegurl"));
/// assert_eq!(guess_content_type(Path::new("README")), None);
/// ```
pub fn guess_content_type(name: &Path) -> Option<&'static str> {
    let extension = name.extension()?.to_str()?;
    let media = MEDIA.iter().find(|(known, _)| known.eq_ignore_ascii_case(extension));
    match media {
        Some((_, content_type)) => Some(content_type),
        None => mime_guess::from_ext(extension).first_raw(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_media_and_others() {
        for (name, content_type) in [
            ("a/master.m3u8", Some("application/vnd.apple.mpegurl")),
            ("a/0001.TS", Some("video/mp2t")),
            ("a/0001.m4s", Some("video/iso.segment")),
            ("a/manifest.mpd", Some("application/dash+xml")),
            ("a/film.mp4", Some("video/mp4")),
            ("poster.jpg", Some("image/jpeg")),
            ("index.html", Some("text/html")),
            ("none", None),
        ] {
            assert_eq!(guess_content_type(Path::new(name)), content_type, "{name}");
        }
    }
}
