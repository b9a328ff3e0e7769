//! Warms up an isolate at its start with a request for a made-up playlist. V8 compiles a function when it is
//! first called; without this, the first playlist takes three times the CPU time.

use std::time::Duration;

use cloudflare_clients::{MadeUpEnv, Runtime as _, WorkersRuntime};
use worker::wasm_bindgen_futures::spawn_local;
use worker::{Method, Request, console_error, event};

use crate::app::App;
use crate::error::ApiError;
use crate::routes;

/// Number of segments, as in a film of two hours: enough for V8 to optimise the hashing.
const SEGMENTS: usize = 1200;

const KEY: &str = "creator/hls/media/720p/playlist.m3u8";

#[event(start)]
pub fn start() {
    spawn_local(async {
        if let Err(error) = playlist().await {
            console_error!("the first request will be slow: {error:?}");
        }
    });
}

async fn playlist() -> Result<(), ApiError> {
    let segments = (0..SEGMENTS).map(|segment| format!("#EXTINF:6.000000,\nsegment_{segment:05}.ts\n"));
    let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n{}#EXT-X-ENDLIST\n", segments.collect::<String>());
    let env = MadeUpEnv::new()
        .var("R2_ACCOUNT_ID", "0123456789abcdef0123456789abcdef")
        .var("R2_ACCESS_KEY_ID", "fedcba9876543210fedcba9876543210")
        .var("R2_SECRET_ACCESS_KEY", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
        .var("R2_BUCKET_MEDIA", "media")
        .var("TOKEN_SECRET", "made up, and as long as a secret has to be")
        .bucket("MEDIA_BUCKET", KEY, text)
        .build()?;
    let app = App::from_env(&env)?;
    let path = app.playlists.url(KEY, WorkersRuntime.now() + Duration::from_secs(3600))?;
    let request = Request::new(&format!("https://worker.example{path}"), Method::Get)?;
    routes::route(&app, &request).await.map(drop)
}
