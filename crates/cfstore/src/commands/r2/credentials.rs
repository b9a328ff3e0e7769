//! `cfstore r2 credentials`

use std::path::Path;

use cloudflare_clients::r2::{AccessScope, TempCredentials, TempCredentialsRequest};
use serde::Serialize;

use crate::bucket_location::{self, BucketLocation};
use crate::cli::Credentials;
use crate::error::{ExitStatus, Result};
use crate::printer::Printer;
use crate::rfc3339::rfc3339;
use crate::shell;
use crate::variables::{
    R2_ACCESS_KEY_ID, R2_BUCKET_MEDIA, R2_ENDPOINT, R2_SECRET_ACCESS_KEY, R2_SESSION_TOKEN,
};

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    credentials: &'a TempCredentials,
    bucket: &'a str,
    endpoint: &'a str,
}

pub(crate) async fn run(
    args: Credentials,
    location: BucketLocation,
    _env_file: Option<&Path>,
    printer: Printer,
) -> Result<ExitStatus> {
    let embedded = location.is_embedded();
    let target = location.target()?;
    let request = request(&args, location.bucket()?);
    let credentials = request.mint(&location.signing(printer)?)?;
    if embedded {
        bucket_location::note_serve(printer);
    }
    let (id, secret) = (credentials.access_key_id(), credentials.secret_access_key());
    let (token, bucket) = (credentials.session_token(), credentials.bucket_name());
    let endpoint = credentials.endpoint().to_string();
    let variables = if args.aws {
        [
            ("AWS_ENDPOINT_URL_S3", endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", id),
            ("AWS_SECRET_ACCESS_KEY", secret),
            ("AWS_SESSION_TOKEN", token),
            ("AWS_REGION", "auto"),
        ]
    } else {
        [
            (R2_ENDPOINT, endpoint.as_str()),
            (R2_ACCESS_KEY_ID, id),
            (R2_SECRET_ACCESS_KEY, secret),
            (R2_SESSION_TOKEN, token),
            (R2_BUCKET_MEDIA, bucket),
        ]
    };
    shell::export(printer, variables)?;
    printer.json(&Shown { credentials: &credentials, bucket, endpoint: &endpoint })?;
    printer.summary(
        format_args!("credentials with {} until {}", scope(&args), rfc3339(credentials.expires_at())),
        &target,
    );
    Ok(ExitStatus::Success)
}

fn scope(args: &Credentials) -> AccessScope {
    if args.read_only { AccessScope::ObjectReadOnly } else { args.scope }
}

fn request(args: &Credentials, bucket: String) -> TempCredentialsRequest {
    let mut request = TempCredentials::for_bucket(bucket).scope(scope(args)).lifetime(args.expires);
    for prefix in &args.prefix {
        request = request.prefix(prefix);
    }
    for key in &args.object {
        request = request.object(key);
    }
    if !args.action.is_empty() {
        request = request.actions(args.action.iter().copied());
    }
    request
}
