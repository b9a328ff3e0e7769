//! `cfstore r2 cat KEY...`

use cloudflare_clients::r2::R2Service;
use futures_util::TryStreamExt as _;
use tokio::io::{AsyncWriteExt as _, Stdout};

use crate::bucket_location::BucketLocation;
use crate::cli::Cat;
use crate::error::{Error, ExitStatus, Result};
use crate::key_argument::KeyArgument;
use crate::printer::Printer;
use crate::selection::Selection;

pub(crate) async fn run(args: Cat, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    if printer.is_json() {
        return Err(Error::usage("cat prints objects unchanged, and has no JSON output", "leave --json out"));
    }
    let literal = args.literal.literal;
    let arguments: Vec<_> =
        args.keys.into_iter().map(|key| KeyArgument::parse(key, literal)).collect::<Result<_>>()?;
    let service = args.sse_c.applied(location.open(printer).await?)?;
    let is_one = arguments.len() == 1;
    let mut stdout = tokio::io::stdout();
    let mut status = ExitStatus::Success;
    for argument in arguments {
        let printed = match argument {
            KeyArgument::Key(key) => print(&service, &key, &mut stdout).await,
            KeyArgument::Pattern(pattern) => {
                print_all(&service, &Selection::Pattern(pattern), &mut stdout).await
            }
        };
        match printed {
            // Like the program cat, it prints the others if some fail.
            Err(error @ (Error::NotFound(_) | Error::NothingMatches(_))) if !is_one => {
                printer.error(&error);
                status = ExitStatus::Failed;
            }
            printed => printed?,
        }
    }
    Ok(status)
}

async fn print_all(service: &R2Service, selection: &Selection, stdout: &mut Stdout) -> Result<()> {
    selection.refuse_key(service).await?;
    let mut found = false;
    let mut pages = selection.pages(service);
    while let Some(page) = pages.try_next().await? {
        for object in page {
            found = true;
            print(service, &object.key, stdout).await?;
        }
    }
    selection.check_found(found)
}

async fn print(service: &R2Service, key: &str, stdout: &mut Stdout) -> Result<()> {
    let Some(object) = service.get(key).await? else {
        return Err(Error::NotFound(key.to_owned()));
    };
    let mut stream = object.into_stream();
    while let Some(bytes) = stream.try_next().await? {
        stdout.write_all(&bytes).await.map_err(Error::Output)?;
    }
    stdout.flush().await.map_err(Error::Output)
}
