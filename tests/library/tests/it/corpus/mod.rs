//! The playlists of `tests/playlists`, signed: each reference is replaced as the file next to the playlist
//! says.
//!
//! If `CORPUS_SIGNED` is set to a folder, the signed texts are written there, for the players' parsers to
//! read (`cargo xtask test players/corpus`).

mod dash;
mod element;
mod expectation;
mod hls;

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use cloudflare_clients::r2::{R2SigningClient, R2SigningConfig};

use self::expectation::Expectation;

const HOUR: Duration = Duration::from_secs(3600);

fn client() -> R2SigningClient {
    let config = R2SigningConfig::for_endpoint("http://127.0.0.1:9710", "id", "secret", "media");
    R2SigningClient::new(config).unwrap()
}

/// The URL that replaces a reference: that of a key, or an unchanged one of another host.
fn url_of(client: &R2SigningClient, target: &str) -> String {
    if target.contains("://") || target.starts_with("//") || target.starts_with("data:") {
        return target.to_owned();
    }
    client.generate_signed_url(target, HOUR).unwrap().into_string()
}

#[test]
fn hls_playlists_become_what_is_expected() {
    check_all("hls", "m3u8", |original, key, expected| {
        let client = client().at(expected.now);
        let signed = client.sign_hls_playlist(original, key, &expected.options());
        (signed, Box::new(move |signed| hls::problems(original, signed, expected, &client)))
    });
}

#[test]
fn dash_manifests_become_what_is_expected() {
    check_all("dash", "mpd", |original, key, expected| {
        let client = client().at(expected.now);
        let signed = client.sign_dash_manifest(original, key, &expected.options());
        (signed, Box::new(move |signed| dash::problems(signed, expected, &client)))
    });
}

/// A live manifest that is read again lists the same segments, at the same times and under the same URLs,
/// except those that are too old.
#[test]
fn refreshed_manifests_keep_what_players_have() {
    let mut live = 0;
    for path in playlists("dash", "mpd") {
        let text = fs::read_to_string(&path).unwrap();
        let expected = Expectation::read(&path.with_extension("expected"));
        if expected.refused.is_some() || !text.contains("\"dynamic\"") {
            continue;
        }
        live += 1;
        // Within this window, which started on the hour.
        let options = || expected.options().signing_window(Duration::from_secs(15 * 60));
        let signed_after = |seconds| {
            let client = client().at(expected.now + Duration::from_secs(seconds));
            let signed = client.sign_dash_manifest(&text, "creator/dash/v/live.mpd", &options()).unwrap();
            dash::segments(signed.as_str())
        };
        let mut before = signed_after(0);
        for seconds in 1..=30 {
            let after = signed_after(seconds);
            dash::check_refresh(&before, &after).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
            before = after;
        }
    }
    assert!(live >= 10, "there are {live} live manifests");
}

type Signed = cloudflare_clients::Result<cloudflare_clients::playlist::SignedPlaylist>;
type Problems<'a> = Box<dyn Fn(&str) -> Vec<String> + 'a>;

/// Signs each playlist of a folder, and fails with all differences from the expectations.
fn check_all(
    folder: &str,
    extension: &str,
    sign: impl for<'a> Fn(&'a str, &str, &'a Expectation) -> (Signed, Problems<'a>),
) {
    let playlists = playlists(folder, extension);
    assert!(playlists.len() >= 50, "{folder} has {} playlists", playlists.len());
    let mut problems = Vec::new();
    for path in &playlists {
        let name = path.file_name().unwrap().to_str().unwrap();
        let original = fs::read_to_string(path).unwrap();
        let expected = Expectation::read(&path.with_extension("expected"));
        let (signed, compare) = sign(&original, &format!("creator/{folder}/v/{name}"), &expected);
        let found = match (signed, &expected.refused) {
            (Ok(signed), None) => {
                write_signed(folder, name, signed.as_str());
                compare(signed.as_str())
            }
            (Err(error), Some(why)) if error.message().contains(why.as_str()) => Vec::new(),
            (Err(error), Some(why)) => vec![format!("refused, but not for {why:?}: {}", error.message())],
            (Ok(_), Some(why)) => vec![format!("signed, though it was to be refused: {why}")],
            (Err(error), None) => vec![format!("refused: {}", error.message())],
        };
        problems.extend(found.into_iter().map(|problem| format!("{folder}/{name}: {problem}")));
    }
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}

fn playlists(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../playlists").join(folder);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut playlists: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|it| it == extension)).collect();
    playlists.sort();
    playlists
}

fn write_signed(folder: &str, name: &str, text: &str) {
    let Some(signed) = env::var_os("CORPUS_SIGNED") else { return };
    let folder = Path::new(&signed).join(folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), text).unwrap();
}
