//! Whether an object exists, for clients that only sign URLs.

use super::S3Bucket;
use super::api::Api;
use crate::backend::http::{HyperClient, shared_client};
use crate::error::Result;
use crate::r2::{R2Service, R2SigningClient};

impl R2SigningClient {
    /// Whether an object exists. Sends a HEAD request, with the retries of
    /// [`RetryPolicy::default`](crate::RetryPolicy) and the timeouts of
    /// [`Timeouts::default`](crate::Timeouts), using the client's clock and timer. All clients within a Tokio
    /// runtime share their connections.
    ///
    /// # Errors
    /// Any error except a missing object: a missing bucket is [`ErrorKind::NoSuchBucket`](crate::ErrorKind),
    /// rejected credentials are [`ErrorKind::Credentials`](crate::ErrorKind).
    pub async fn object_exists(&self, key: &str) -> Result<bool> {
        let bucket = S3Bucket { api: Api::new(self.clone(), HyperClient::clone(&*shared_client()?)) };
        R2Service::new(bucket).exists(key).await
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use tokio::runtime::{Builder, Runtime};

    use super::*;
    use crate::r2::R2SigningConfig;

    /// A client of a server with its own threads, which has every object, and the number of connections that
    /// the server has accepted.
    fn served() -> (R2SigningClient, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&connections);
        std::thread::spawn(move || {
            for mut connection in listener.incoming().map_while(Result::ok) {
                seen.fetch_add(1, Ordering::Relaxed);
                std::thread::spawn(move || {
                    let lines = BufReader::new(connection.try_clone().unwrap()).lines();
                    for _ in lines.map_while(Result::ok).filter(String::is_empty) {
                        let answer = "HTTP/1.1 200 OK\r\nETag: \"abc\"\r\nContent-Length: 5\r\n\
                                      Last-Modified: Fri, 15 Jan 2027 08:00:00 GMT\r\n\r\n";
                        connection.write_all(answer.as_bytes()).unwrap();
                    }
                });
            }
        });
        let config = R2SigningConfig::for_endpoint(url, "id", "secret", "media");
        (R2SigningClient::new(config).unwrap(), connections)
    }

    fn runtime() -> Runtime {
        Builder::new_current_thread().enable_all().build().unwrap()
    }

    /// The object is found soon: nobody waits for a connection that no runtime drives.
    fn assert_exists(runtime: &Runtime, client: &R2SigningClient) {
        let start = Instant::now();
        assert!(runtime.block_on(client.object_exists("k")).unwrap());
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }

    #[test]
    fn connections_are_shared_within_a_runtime_and_never_outlive_it() {
        let (client, connections) = served();
        let other = R2SigningClient::clone(&client);
        let first = runtime();
        for client in [&client, &other, &client] {
            assert_exists(&first, client);
        }
        assert_eq!(connections.load(Ordering::Relaxed), 1);
        // A runtime that does not run drives its connections no more than one that has ended.
        let second = runtime();
        assert_exists(&second, &client);
        assert_eq!(connections.load(Ordering::Relaxed), 2);
        assert_exists(&first, &client);
        assert_eq!(connections.load(Ordering::Relaxed), 2);
        drop((first, second));
        let third = runtime();
        assert_exists(&third, &client);
        assert_exists(&third, &client);
        assert_eq!(connections.load(Ordering::Relaxed), 3);
    }
}
