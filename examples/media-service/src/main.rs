//! The service of a media platform. README.md describes what it does and how to run it.

mod app;
mod error;
mod json;
mod rate_limit;
mod routes;
mod session;
mod settings;
mod user;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;

use tokio::net::TcpListener;
use tracing::Level;

use crate::app::App;
use crate::settings::Settings;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_max_level(Level::WARN).with_writer(std::io::stderr).init();
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("media-service: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_env()?;
    let listener = TcpListener::bind(settings.listen).await?;
    let app = App::from_env(settings)?;
    println!("listening at http://{}", listener.local_addr()?);

    let writer = tokio::spawn(rate_limit::write_counts(app.limiter.clone()));
    let service = routes::router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stopped()).await?;
    writer.abort();
    app.limiter.flush().await?;
    Ok(())
}

/// Completes on Ctrl-C, or on the SIGTERM of a supervisor.
async fn stopped() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = terminate.recv() => return,
            _ = tokio::signal::ctrl_c() => return,
        }
    }
    tokio::signal::ctrl_c().await.ok();
}
