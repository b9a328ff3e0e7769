//! Tokens of playlists: only those that were given are good. The input is a key and a query, in two lines.

#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloudflare_clients::playlist::TokenRoute;
use libfuzzer_sys::fuzz_target;

static NOW: LazyLock<SystemTime> = LazyLock::new(|| UNIX_EPOCH + Duration::from_secs(1_800_000_000));

static ROUTE: LazyLock<TokenRoute> =
    LazyLock::new(|| TokenRoute::new("/play/", "at least thirty-two secret bytes").expect("it is valid"));

fuzz_target!(|text: &str| {
    let (key, query) = text.split_once('\n').unwrap_or((text, ""));
    if let Ok(until) = ROUTE.verify(key, query, *NOW) {
        assert!(until > *NOW);
        let url = ROUTE.url(key, until).expect("the key was good when the token was given");
        let token = url.rsplit_once('=').expect("it has a token").1;
        assert!(query.contains(token), "{query} is not what was given: {url}");
    }
    if let Ok(url) = ROUTE.url(key, *NOW + Duration::from_secs(1)) {
        let given = url.split_once('?').expect("it has a query").1;
        assert!(ROUTE.verify(key, given, *NOW).is_ok());
        assert!(ROUTE.verify(key, given, *NOW + Duration::from_secs(1)).is_err());
        assert!(ROUTE.verify(&format!("{key}x"), given, *NOW).is_err());
    }
});
