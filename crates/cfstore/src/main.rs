//! `cfstore`: Cloudflare R2 and Workers KV on the command line, with an account or without one on a laptop.

mod account_location;
mod addresses;
mod bucket_account;
mod bucket_location;
mod cli;
mod commands;
mod confirm;
mod content_type;
mod destination;
mod error;
mod events;
mod file_size_limit;
mod given_credentials;
mod http_url;
mod input;
mod key_argument;
mod keys;
mod misreading;
mod namespace_account;
mod namespace_location;
mod pair_json;
mod playlists;
mod printer;
mod progress;
mod rfc3339;
mod selection;
mod shell;
mod shutdown;
mod sse_c;
mod stdin;
mod store_folder;
mod transfer;
mod transfer_report;
mod trust;
mod variables;

use std::io;
use std::process::ExitCode;

use clap::Parser as _;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::{Cli, Command, LogFormat};
use crate::error::{Error, ExitStatus};
use crate::printer::Printer;

/// Replaces musl's allocator, which has one lock for all threads.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let logs_json = matches!(&cli.command, Command::Serve(args) if args.log_format == LogFormat::Json);
    let printer = if logs_json { Printer::log() } else { Printer::new(cli.global.json) };
    start_tracing(cli.global.verbose, &cli.command, logs_json);
    let result = tokio::runtime::Runtime::new()
        .map_err(|error| Error::Local(format!("cannot start threads: {error}")))
        .and_then(|runtime| {
            let result = runtime.block_on(async {
                let _file_size_limit = file_size_limit::survive();
                Box::pin(commands::run(cli, printer)).await
            });
            // Do not wait for a pending read of stdin.
            runtime.shutdown_background();
            result
        });
    let status = result.unwrap_or_else(|error| match error {
        // The reader has seen enough, as with `cfstore r2 ls | head`.
        Error::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitStatus::Success,
        error => {
            printer.error(&error);
            error.exit_status()
        }
    });
    status.code().into()
}

fn start_tracing(verbose: u8, command: &Command, logs_json: bool) {
    let level = match verbose {
        // The demo provokes refused and retried requests, and reports them in its steps.
        0 if matches!(command, Command::Demo(_)) => LevelFilter::ERROR,
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    if logs_json {
        let lines = tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .with_writer(io::stderr)
            .with_span_events(FmtSpan::CLOSE);
        // Messages of the program are logged at every level of verbosity.
        let levels =
            Targets::new().with_default(level).with_target(printer::LOG, level.max(LevelFilter::INFO));
        return tracing_subscriber::registry().with(levels).with(lines).init();
    }
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(anstream::stderr)
        .with_target(false)
        .with_span_events(FmtSpan::CLOSE)
        // A log that cannot be written must not end a request, as a failed `eprintln!` would.
        .log_internal_errors(false)
        .init();
}
