//! What the commands take that are about the CORS rules of a bucket.

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
    /// Replace the rules, by a file of JSON or by one rule that is given here
    ///
    /// A file may have the form of S3 and of R2's dashboard, or that of Cloudflare's API and
    /// of wrangler, which differ. On R2 it takes a token with Admin Read & Write, and up to 30 seconds
    /// until the rules count.
    #[command(override_usage = "\
cfstore r2 cors set <FILE>
       cfstore r2 cors set [--add] --origin <URL>... --method <METHOD>... [--header <NAME>...]")]
    #[command(after_help = "\
Examples:
  cfstore r2 cors set cors.json
  cfstore r2 cors set --origin https://app.example.com --method GET,HEAD --header range
  cfstore r2 cors set --add --origin http://localhost:5173 --method PUT --header content-type --expose etag")]
    Set(CorsSet),
    /// Remove all rules: no page may use the bucket any more
    Rm,
    /// Say which rule allows a request of a page, or why none does; then the exit code is 1
    ///
    /// A browser asks about every header but a few that it sends by itself: Accept, Accept-Language,
    /// Content-Language, and Content-Type of forms and plain text. A player sends Range.
    #[command(after_help = "\
Examples:
  cfstore r2 cors check --origin https://app.example.com --method PUT --header content-type
  cfstore r2 cors check --origin https://app.example.com --method GET --header range --file cors.json")]
    Check(CorsCheck),
}

#[derive(Debug, Args)]
pub(crate) struct CorsShow {
    /// Whose form of JSON
    #[arg(long, value_enum, default_value_t = PolicyForm::S3)]
    pub(crate) form: PolicyForm,
}

#[derive(Debug, Args)]
pub(crate) struct CorsSet {
    /// A file of JSON; - is stdin
    #[arg(required_unless_present = "origin", conflicts_with_all = ["origin", "add"])]
    pub(crate) file: Option<PathBuf>,
    /// Keep the rules that there are, and add this one
    #[arg(long, requires = "origin")]
    pub(crate) add: bool,
    /// The origins of pages that may use the bucket: scheme, host and port; * is every page
    #[arg(long, value_name = "URL", value_delimiter = ',', requires = "method")]
    pub(crate) origin: Vec<String>,
    /// What they may do: GET, HEAD, PUT, POST, DELETE
    #[arg(long, value_name = "METHOD", value_delimiter = ',', requires = "origin", value_parser = parse_method)]
    pub(crate) method: Vec<Method>,
    /// Headers that they may send, such as content-type and range; * is every header
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "origin")]
    pub(crate) header: Vec<String>,
    /// Headers of answers that they may read, such as etag, which uploads in parts need
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "origin")]
    pub(crate) expose: Vec<String>,
    /// How long a browser may keep what it was told
    #[arg(long, value_name = "DURATION", requires = "origin", value_parser = parse_duration)]
    pub(crate) max_age: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct CorsCheck {
    /// The origin of the page: scheme, host and port of its address
    #[arg(long, value_name = "URL")]
    pub(crate) origin: String,
    /// The method of its request
    #[arg(long, value_name = "METHOD", value_parser = parse_method)]
    pub(crate) method: Method,
    /// The headers that it sets
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) header: Vec<String>,
    /// Check the rules in this file of JSON, in place of the bucket's; - is stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

fn parse_method(text: &str) -> Result<Method, String> {
    let method = text.to_ascii_uppercase();
    match method.as_str() {
        "GET" | "HEAD" | "PUT" | "POST" | "DELETE" => {
            Method::try_from(method.as_str()).map_err(|error| error.to_string())
        }
        "OPTIONS" => Err("a rule allows GET, HEAD, PUT, POST and DELETE: preflights need none".into()),
        _ => Err("a rule allows GET, HEAD, PUT, POST and DELETE".into()),
    }
}
