//! `cfstore r2 credentials`

use std::path::Path;
use std::sync::Arc;

use cloudflare_clients::TempCredentialsApi;
use cloudflare_clients::r2::{AccessScope, Endpoint, TempCredentials, TempCredentialsRequest};
use serde::Serialize;

use crate::bucket_location::{self, BucketLocation};
use crate::cli::Credentials;
use crate::error::{Error, ExitStatus, Result};
use crate::printer::Printer;
use crate::rfc3339::rfc3339;
use crate::shell;
use crate::trust::Trust;
use crate::variables::{
    CLOUDFLARE_API_BASE_URL, CLOUDFLARE_API_TOKEN, R2_ACCESS_KEY_ID, R2_ACCOUNT_ID, R2_BUCKET_MEDIA,
    R2_ENDPOINT, R2_JURISDICTION, R2_SECRET_ACCESS_KEY, R2_SESSION_TOKEN, Variables,
};

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    credentials: &'a TempCredentials,
    bucket: &'a str,
    endpoint: &'a str,
}

/// Computes the credentials on this machine.
pub(crate) fn run(args: &Credentials, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let embedded = location.is_embedded();
    let target = location.target()?;
    let request = request(args, location.bucket()?);
    let credentials = request.mint(&location.signing(printer)?).map_err(|error| {
        if !error.message().contains(R2_ACCOUNT_ID) {
            return error.into();
        }
        Error::usage(
            format!("{R2_ACCOUNT_ID} is not set, and temporary credentials contain the account id"),
            format!(
                "set {R2_ACCOUNT_ID}: `cfstore serve` and `cfstore keys add` print that of a local server, and Cloudflare's \
                 dashboard shows yours"
            ),
        )
    })?;
    if embedded {
        bucket_location::note_serve(printer);
    }
    print(args, &credentials, &target, printer)
}

/// Requests the credentials from Cloudflare's API.
pub(crate) async fn through_api(
    args: &Credentials,
    bucket: Option<&str>,
    env_file: Option<&Path>,
    printer: Printer,
) -> Result<ExitStatus> {
    let variables = Variables::read(env_file)?;
    let optional = |name: &str| {
        let value = variables.get(name)?.to_string_lossy().trim().to_owned();
        (!value.is_empty()).then_some(value)
    };
    let needed = |name: &str| {
        optional(name).ok_or_else(|| {
            let hint = format!(
                "--through-api needs {R2_ACCOUNT_ID}, {R2_ACCESS_KEY_ID}, {CLOUDFLARE_API_TOKEN} and the bucket"
            );
            let place = env_file.map(|path| format!(" in --env-file {}", path.display())).unwrap_or_default();
            Error::usage(format!("{name} is not set{place}"), hint)
        })
    };
    let bucket = bucket.map_or_else(|| needed(R2_BUCKET_MEDIA), |bucket| Ok(bucket.to_owned()))?;
    let account_id = needed(R2_ACCOUNT_ID)?;
    let jurisdiction = optional(R2_JURISDICTION).map(|text| text.parse()).transpose()?;
    let endpoint = match optional(R2_ENDPOINT) {
        Some(url) => Endpoint::custom(&url)?,
        None => Endpoint::r2(&account_id, jurisdiction)?,
    };
    let (token, parent) = (needed(CLOUDFLARE_API_TOKEN)?, needed(R2_ACCESS_KEY_ID)?);
    let mut api = TempCredentialsApi::new(account_id, token, parent)?.with_endpoint(endpoint);
    if let Some(url) = optional(CLOUDFLARE_API_BASE_URL) {
        api = api.with_base_url(&url)?;
    }
    let client = Trust::from_vars(|name| variables.get(name)).client()?;
    api = api.with_http_client(Arc::new(client));
    let target = format!("bucket {bucket}, through Cloudflare's API");
    let credentials = api.create(&request(args, bucket)).await?;
    print(args, &credentials, &target, printer)
}

fn print(
    args: &Credentials,
    credentials: &TempCredentials,
    target: &str,
    printer: Printer,
) -> Result<ExitStatus> {
    let (id, secret) = (credentials.access_key_id(), credentials.secret_access_key());
    let (token, bucket) = (credentials.session_token(), credentials.bucket_name());
    let endpoint = credentials.endpoint().to_string();
    let variables = if args.aws {
        vec![
            ("AWS_ENDPOINT_URL_S3", endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", id),
            ("AWS_SECRET_ACCESS_KEY", secret),
            ("AWS_SESSION_TOKEN", token),
            ("AWS_REGION", "auto"),
            // The AWS CLI and boto3 read only this one.
            ("AWS_DEFAULT_REGION", "auto"),
        ]
    } else {
        vec![
            (R2_ENDPOINT, endpoint.as_str()),
            (R2_ACCESS_KEY_ID, id),
            (R2_SECRET_ACCESS_KEY, secret),
            (R2_SESSION_TOKEN, token),
            (R2_BUCKET_MEDIA, bucket),
        ]
    };
    shell::export(printer, variables)?;
    printer.json(&Shown { credentials, bucket, endpoint: &endpoint })?;
    printer.summary(
        format_args!("credentials with {} until {}", scope(args), rfc3339(credentials.expires_at())),
        target,
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
