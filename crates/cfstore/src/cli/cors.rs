//! Arguments of `cfstore r2 cors`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use cloudflare_clients::http::Method;

use super::{PolicyForm, parse_duration};

#[derive(Debug, Subcommand)]
pub(crate) enum Cors {
    /// Print the rules as JSON, for `cors set` to read
    #[command(after_help = "\
Examples:
  cfstore r2 cors show
  cfstore r2 cors show > cors.json
  cfstore r2 cors show --form cloudflare > cors.json     for wrangler r2 bucket cors set --file")]
    Show(CorsShow),
    /// Replace the rules with those of a JSON file, or with one rule given by options
    ///
    /// The file can have the format of S3 and R2's dashboard, or that of Cloudflare's API and wrangler. On R2
    /// this needs an API token with Admin Read & Write, and the rules apply after up to 30 seconds.
    #[command(override_usage = "\
cfstore r2 cors set <FILE>
       cfstore r2 cors set [--add] --origin <URL>... --method <METHOD>... [--header <NAME>...]")]
    #[command(after_help = "\
Examples:
  cfstore r2 cors set cors.json
  cfstore r2 cors set --origin https://app.example.com --method GET,HEAD --header range
  cfstore r2 cors set --add --origin http://localhost:5173 --method PUT --header content-type --expose etag")]
    Set(CorsSet),
    /// Remove all rules, so that no web page can use the bucket
    Rm,
    /// Find the rule that allows a request of a page, or explain why none does (exit code 1)
    ///
    /// Browsers need permission for every header except Accept, Accept-Language, Content-Language, and
    /// Content-Type of forms and plain text. Players send Range.
    #[command(after_help = "\
Examples:
  cfstore r2 cors check --origin https://app.example.com --method PUT --header content-type
  cfstore r2 cors check --origin https://app.example.com --method GET --header range --file cors.json")]
    Check(CorsCheck),
}

#[derive(Debug, Args)]
pub(crate) struct CorsShow {
    /// The JSON format
    #[arg(long, value_enum, default_value_t = PolicyForm::S3)]
    pub(crate) form: PolicyForm,
}

#[derive(Debug, Args)]
pub(crate) struct CorsSet {
    /// The JSON file with the rules; - is stdin
    #[arg(required_unless_present = "origin", conflicts_with_all = ["origin", "add"])]
    pub(crate) file: Option<PathBuf>,
    /// Keep the existing rules, and add this one
    #[arg(long, requires = "origin")]
    pub(crate) add: bool,
    /// The origins of pages that may use the bucket: scheme, host and port; * is every page
    #[arg(long, value_name = "URL", value_delimiter = ',', requires = "method")]
    pub(crate) origin: Vec<String>,
    /// The allowed methods: GET, HEAD, PUT, POST, DELETE
    #[arg(long, value_name = "METHOD", value_delimiter = ',', requires = "origin", value_parser = parse_method)]
    pub(crate) method: Vec<Method>,
    /// Request headers to allow, such as content-type and range; * is every header
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "origin")]
    pub(crate) header: Vec<String>,
    /// Response headers that pages may read, such as etag, which multipart uploads need
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "origin")]
    pub(crate) expose: Vec<String>,
    /// How long a browser may cache the answer to a preflight
    #[arg(long, value_name = "DURATION", requires = "origin", value_parser = parse_duration)]
    pub(crate) max_age: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct CorsCheck {
    /// The origin of the page: scheme, host and port of its address
    #[arg(long, value_name = "URL")]
    pub(crate) origin: String,
    /// The method of the request
    #[arg(long, value_name = "METHOD", value_parser = parse_method)]
    pub(crate) method: Method,
    /// The headers that the page sets
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) header: Vec<String>,
    /// Check the rules in this JSON file instead of the bucket's; - is stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

fn parse_method(text: &str) -> Result<Method, String> {
    let method = text.to_ascii_uppercase();
    match method.as_str() {
        "GET" | "HEAD" | "PUT" | "POST" | "DELETE" => {
            Method::try_from(method.as_str()).map_err(|error| error.to_string())
        }
        "OPTIONS" => {
            Err("write GET, HEAD, PUT, POST or DELETE: a preflight (OPTIONS) needs no rule of its own".into())
        }
        _ => Err("write GET, HEAD, PUT, POST or DELETE".into()),
    }
}
