//! The expectations for a playlist: a text file, described in `tests/playlists/README.md`.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use cloudflare_clients::playlist::PlaylistOptions;
use testkit::begin;

#[derive(Debug)]
pub(super) struct Expectation {
    /// When the playlist is signed.
    pub(super) now: SystemTime,
    /// A part of the error, if the playlist cannot be signed.
    pub(super) refused: Option<String>,
    options: Vec<String>,
    /// Other expectations, one per line.
    pub(super) lines: Vec<String>,
}

impl Expectation {
    pub(super) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut expected = Self { now: begin(), refused: None, options: Vec::new(), lines: Vec::new() };
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(now) = line.strip_prefix("now ") {
                expected.now = humantime::parse_rfc3339(now).unwrap();
            } else if let Some(why) = line.strip_prefix("refused: ") {
                expected.refused = Some(why.to_owned());
            } else if let Some(option) = line.strip_prefix("option ") {
                expected.options.push(option.to_owned());
            } else {
                expected.lines.push(line.to_owned());
            }
        }
        expected
    }

    pub(super) fn options(&self) -> PlaylistOptions<'static> {
        let mut options = PlaylistOptions::new();
        if !self.options.iter().any(|option| option == "no-child-url") {
            options = options.child_url(|key| Ok(format!("/play/{key}")));
        }
        for option in &self.options {
            options = match option.split_once(' ') {
                None if option == "no-child-url" => options,
                Some(("dvr-window", seconds)) => {
                    options.dvr_window(Duration::from_secs(seconds.parse().unwrap()))
                }
                Some(("variable", variable)) => {
                    let (name, value) = variable.split_once('=').unwrap();
                    options.variable(name, value)
                }
                _ => panic!("the option {option:?} is not known"),
            };
        }
        options
    }
}
