//! Everything that signs uses the clock that it was given.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use cloudflare_clients::http::Method;
use cloudflare_clients::playlist::PlaylistOptions;
use cloudflare_clients::r2::{Body, R2Service, R2SigningClient, R2SigningConfig, SignedUrl, SignedUrlCache};
use cloudflare_clients::{HttpClient, LocalBucket, Result, RetryPolicy, Runtime, S3Bucket, async_trait};
use http::{Request, Response, StatusCode};
use testkit::{ManualClock, begin};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

const HOUR: Duration = Duration::from_secs(3600);
const HLS: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na.ts\n";
const DASH: &str = r#"<MPD type="static" mediaPresentationDuration="PT4S"><Period><AdaptationSet>
    <Representation id="1" bandwidth="1"><BaseURL>a.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>"#;

fn client() -> R2SigningClient {
    let config = R2SigningConfig::for_endpoint("http://127.0.0.1:9710", "id", "secret", "media");
    R2SigningClient::new(config).unwrap()
}

fn clock() -> (ManualClock, Arc<dyn Runtime>) {
    let clock = ManualClock::default();
    (clock.clone(), Arc::new(clock))
}

/// Checks that the text contains a URL that was signed this long after the clock started.
fn assert_signed(text: &str, after: Duration) {
    let date = match after.as_secs() {
        0 => "20270115T080000Z",
        60 => "20270115T080100Z",
        _ => panic!("{after:?}"),
    };
    assert!(text.contains(&format!("X-Amz-Date={date}")), "{text}");
}

/// Everything that a client signs, and the expiry of the URLs.
fn signed_by(client: &R2SigningClient) -> Vec<(String, SystemTime)> {
    let mut buffer = String::new();
    client.generate_signed_url_into("a", HOUR, &mut buffer).unwrap();
    let options = PlaylistOptions::new();
    let hls = client.sign_hls_playlist(HLS, "c/film.m3u8", &options).unwrap();
    let dash = client.sign_dash_manifest(DASH, "c/film.mpd", &options).unwrap();
    let mut urls = vec![
        client.generate_signed_url("a", HOUR).unwrap(),
        client.generate_signed_upload_url("a", HOUR).unwrap(),
        client.presign(Method::HEAD, "a").sign().unwrap(),
        SignedUrlCache::new(1).sign(client.presign(Method::GET, "a")).unwrap(),
    ];
    urls.extend(client.generate_signed_urls(["a", "b"], HOUR).unwrap());
    let mut texts: Vec<_> = urls.into_iter().map(text).collect();
    texts.push((buffer, texts[0].1));
    for playlist in [hls, dash] {
        let expires_at = playlist.expires_at();
        texts.push((playlist.into_string(), expires_at));
    }
    texts
}

fn text(url: SignedUrl) -> (String, SystemTime) {
    let expires_at = url.expires_at();
    (url.into_string(), expires_at)
}

#[test]
fn a_client_signs_by_its_clock() {
    let (clock, runtime) = clock();
    let ticking = client().with_runtime(runtime.clone());
    // A fixed time does not change the client that it was derived from.
    let standing = ticking.at(begin());
    for after in [Duration::ZERO, Duration::from_secs(60)] {
        for (text, expires_at) in signed_by(&ticking) {
            assert_signed(&text, after);
            assert_eq!(expires_at, begin() + after + HOUR);
        }
        for (text, _) in signed_by(&standing) {
            assert_signed(&text, Duration::ZERO);
        }
        for (text, _) in signed_by(&client().at(begin() + after)) {
            assert_signed(&text, after);
        }
        clock.advance(Duration::from_secs(60));
    }
    assert_eq!(ticking, standing);
    clock.set(begin());
    for (text, _) in signed_by(&client().at(begin() + HOUR).with_runtime(runtime)) {
        assert_signed(&text, Duration::ZERO);
    }
}

#[test]
fn a_presign_in_the_making_goes_by_the_time_at_which_it_signs() {
    let (clock, runtime) = clock();
    let presign = client().with_runtime(runtime).presign(Method::PUT, "a");
    clock.advance(Duration::from_secs(60));
    assert_signed(presign.sign().unwrap().as_str(), Duration::from_secs(60));
}

#[test]
fn a_cache_gives_urls_out_by_the_clock_of_the_client() {
    let (clock, runtime) = clock();
    let client = client().with_runtime(runtime);
    let cache = SignedUrlCache::new(10);
    let sign = || cache.sign(client.presign(Method::GET, "a").expires_in(HOUR)).unwrap();
    let first = sign();
    clock.advance(Duration::from_secs(3299));
    assert_eq!(sign(), first);
    clock.advance(Duration::from_secs(1));
    let second = sign();
    assert_eq!(second.expires_at(), clock.now() + HOUR);
    assert_ne!(second, first);
}

#[tokio::test]
async fn a_service_signs_by_its_own_clock() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = LocalBucket::open(folder.path(), "media").await.unwrap();
    let (clock, runtime) = clock();
    // Whatever clock the client had before.
    let r2 = R2Service::new(bucket).with_runtime(runtime).with_signing(client().at(begin() - HOUR));
    let presign = r2.presign(Method::PUT, "a").unwrap();
    clock.advance(Duration::from_secs(60));

    let options = PlaylistOptions::new();
    let mut texts = vec![
        presign.sign().unwrap().into_string(),
        r2.generate_signed_url("a", HOUR).unwrap().into_string(),
        r2.generate_signed_upload_url("a", HOUR).unwrap().into_string(),
        r2.sign_hls_playlist(HLS, "c/film.m3u8", &options).unwrap().into_string(),
        r2.sign_dash_manifest(DASH, "c/film.mpd", &options).unwrap().into_string(),
        r2.signing().unwrap().generate_signed_url("a", HOUR).unwrap().into_string(),
        SignedUrlCache::new(1).sign(r2.presign(Method::GET, "a").unwrap()).unwrap().into_string(),
    ];
    texts.extend(r2.generate_signed_urls(["a"], HOUR).unwrap().into_iter().map(SignedUrl::into_string));
    for text in &texts {
        assert_signed(text, Duration::from_secs(60));
    }
    let earlier = r2.signing().unwrap().at(begin());
    assert_signed(earlier.generate_signed_url("a", HOUR).unwrap().as_str(), Duration::ZERO);
}

/// Records when each request was signed, and answers as scripted.
#[derive(Debug)]
struct Dates {
    signed: Mutex<Vec<String>>,
    answer: StatusCode,
}

#[async_trait]
impl HttpClient for Dates {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>> {
        let date = request.headers()["x-amz-date"].to_str().unwrap().to_owned();
        self.signed.lock().unwrap().push(date);
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.answer;
        Ok(response)
    }
}

#[tokio::test]
async fn a_bucket_signs_requests_and_urls_by_one_clock() {
    let http = Arc::new(Dates { signed: Mutex::default(), answer: StatusCode::SERVICE_UNAVAILABLE });
    let (clock, runtime) = clock();
    let config = R2SigningConfig::for_endpoint("http://127.0.0.1:9710", "id", "secret", "media");
    let bucket = S3Bucket::new(config).unwrap().with_http_client(http.clone()).with_runtime(runtime.clone());
    let url = bucket.signing_client().generate_signed_url("a", HOUR).unwrap();
    assert_signed(url.as_str(), Duration::ZERO);

    let r2 = R2Service::new(bucket).with_runtime(runtime).with_retry(RetryPolicy::default().max_retries(1));
    r2.delete("a").await.unwrap_err();
    let signed = http.signed.lock().unwrap().clone();
    assert_eq!(signed[0], "20270115T080000Z");
    assert_eq!(signed.len(), 2);
    assert_eq!(clock.slept().len(), 1);
}

/// Answers the first request with 503 and the next with an object's head. Returns when each was signed.
async fn fails_once(listener: TcpListener) -> Vec<String> {
    let mut dates = Vec::new();
    for status in ["503 Slow Down", "200 OK"] {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.unwrap();
            if let Some(date) = line.to_ascii_lowercase().strip_prefix("x-amz-date:") {
                dates.push(date.trim().to_owned());
            }
            if line == "\r\n" {
                break;
            }
        }
        let answer = format!(
            "HTTP/1.1 {status}\r\nETag: \"abc\"\r\nContent-Length: 5\r\nConnection: close\r\nRetry-After: 5\r\n\
             Last-Modified: Fri, 15 Jan 2027 08:00:00 GMT\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
    dates
}

#[tokio::test]
async fn object_exists_signs_and_waits_by_the_clock_of_the_client() {
    for (stands, second) in [(false, "20270115t080005z"), (true, "20270115t080000z")] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let config = R2SigningConfig::for_endpoint(url, "id", "secret", "media");
        let server = tokio::spawn(fails_once(listener));
        let (clock, runtime) = clock();
        let mut client = R2SigningClient::new(config).unwrap().with_runtime(runtime);
        if stands {
            client = client.at(begin());
        }
        assert!(client.object_exists("a").await.unwrap());
        assert_eq!(clock.slept(), [Duration::from_secs(5)]);
        assert_eq!(server.await.unwrap(), ["20270115t080000z", second]);
    }
}
