//! Arguments and options of the command line, as clap's types.

mod access;
mod buckets;
mod cors;
mod doctor;
mod kv;
mod lifecycle;
mod namespaces;
mod objects;
mod transfers;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use cloudflare_clients::http::{Method, Uri};
use cloudflare_emulator::FaultPlan;

use crate::events::EventTarget;
use crate::http_url::has_wrong_port;
use crate::playlists::MAX_URLS;

pub(crate) use self::access::{Credentials, Keys, KeysAdd, KeysLs, KeysRm};
pub(crate) use self::buckets::{Bucket, BucketCreate, BucketLs, BucketName};
pub(crate) use self::cors::{Cors, CorsCheck, CorsSet, CorsShow};
pub(crate) use self::doctor::Doctor;
pub(crate) use self::kv::{Bulk, BulkGet, BulkPut, Kv, KvGet, KvLs, KvPut, KvRm};
pub(crate) use self::lifecycle::{Lifecycle, LifecycleRm, LifecycleSet, LifecycleShow};
pub(crate) use self::namespaces::{Namespace, NamespaceCreate, NamespaceRename, NamespaceRm};
pub(crate) use self::objects::{Cat, Cp, Du, Ls, Rm, Uploads, UploadsAbort, UploadsClean, UploadsLs};
pub(crate) use self::transfers::{Get, Metadata, Put, Rate, Sync, Transfer, Tree};

/// Default folder of the embedded store; `--data` of a command names another one.
pub(crate) const DATA_DIRECTORY: &str = ".cfstore";
/// Default address of `serve --listen`.
pub(crate) const LISTEN: &str = "127.0.0.1:9710";
/// Default URL of `health --url`.
const HEALTH_URL: &str = "http://127.0.0.1:9711/healthz";

const GLOBAL: &str = "Global options";

const ENVIRONMENT: &str = "\
Which store a command uses:
  Cloudflare's, if the variables of R2 or KV are set. Otherwise the embedded
  store in the folder .cfstore, with the bucket \"media\" and the namespace
  \"local\". Every summary names the store.

  R2_ACCOUNT_ID          32 hex characters, from the R2 page of the dashboard
  R2_ACCESS_KEY_ID       of an R2 API token with Object Read & Write
  R2_SECRET_ACCESS_KEY   of the same token
  R2_BUCKET_MEDIA        the bucket's name

  R2_ENDPOINT            optional, instead of R2_ACCOUNT_ID: the URL of another
                         server, or the \"S3 API\" URL of the dashboard
  R2_JURISDICTION        optional: eu, fedramp or us
  R2_SESSION_TOKEN       optional: the session token of temporary credentials
  R2_REGION              optional: the region of another server; R2's is auto

  KV_NAMESPACE_ID        32 hex characters; if set, the kv commands use
                         Cloudflare
  CLOUDFLARE_ACCOUNT_ID  32 hex characters, from the dashboard
  CLOUDFLARE_API_TOKEN   with the permission Workers KV Storage Write; if set,
                         kv namespace uses Cloudflare
  CLOUDFLARE_API_BASE_URL
                         optional: another server than
                         https://api.cloudflare.com/client/v4

  SSL_CERT_FILE          optional: a PEM file of certificates to trust, in
                         addition to those of public authorities
  CFSTORE_SYSTEM_ROOTS   optional: 1 trusts the authorities of this system
                         instead of Mozilla's; if SSL_CERT_FILE is set in the
                         environment, only that file is trusted

  HTTPS_PROXY, HTTP_PROXY, ALL_PROXY
                         optional: a proxy, such as
                         http://user:password@proxy.example:3128
  NO_PROXY               optional: hosts to reach without the proxy; it is
                         never used for this machine. All four are read from
                         the environment, even with --env-file

Exit codes:
  0 success    1 failure    2 wrong usage    3 not found

Write a duration as 90s, 10m, 1h or 7days; a number without a unit is seconds.";

/// Cloudflare R2 and Workers KV on the command line, with an account or without one on this machine.
#[derive(Debug, Parser)]
#[command(name = "cfstore", version, max_term_width = 100, after_long_help = ENVIRONMENT)]
#[command(after_help = "Start with `cfstore demo`. `cfstore --help` explains which store a command uses.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Print JSON, one object per line, for other programs
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) json: bool,
    /// For r2 and kv: read the variables from this file, not from the environment
    #[arg(long, global = true, value_name = "FILE", help_heading = GLOBAL)]
    pub(crate) env_file: Option<PathBuf>,
    /// Log to stderr what is done; -vv logs more
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = GLOBAL)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Store, fetch, list, delete, copy and share objects
    #[command(after_long_help = ENVIRONMENT)]
    R2(Box<R2Command>),
    /// Store, read, list and delete keys of a Workers KV namespace
    #[command(subcommand, after_long_help = ENVIRONMENT)]
    Kv(Kv),
    /// Serve a store on this machine through R2's S3 API and Workers KV's REST API
    ///
    /// The server prints the variables that point cfstore at it, then serves until Ctrl-C. Other S3 clients
    /// work with the same values, region auto and path style; wrangler's kv commands work with those of KV.
    /// The credentials are generated once per data folder.
    #[command(after_help = "\
Examples:
  cfstore serve
  cfstore serve --data /srv/media --listen 127.0.0.1:0    a free port
  cfstore serve > .env                                     elsewhere: cfstore --env-file .env r2 ls
  cfstore serve --r2-as-in-production --kv-as-in-production --fault 503=5%,lost=1%,slow=200ms@20%
  cfstore serve --events events.jsonl                      record changes of objects in a file
  cfstore serve --events http://localhost:8787/events      post them to a Worker in development
  cfstore serve --events 'command:jq .object.key >&2'
  cfstore serve --admin-listen 127.0.0.1:9711 --log-format json -v      health, metrics and a log")]
    Serve(Serve),
    /// Check that a server accepts requests: exit code 0 if it does, 1 if it does not
    ///
    /// The request goes to the address of `cfstore serve --admin-listen`. Use it as the health check of a
    /// container.
    #[command(after_help = "\
Examples:
  cfstore health
  cfstore health --url http://10.0.0.7:9711/healthz --timeout 2s")]
    Health(Health),
    /// Add, list and remove access keys of `cfstore serve`
    ///
    /// A key has a scope and a list of buckets, like an R2 API token: use one to test on this machine what a
    /// program is not allowed to do. A running server applies changes immediately.
    #[command(subcommand)]
    Keys(Keys),
    /// Verify a whole store on this machine, and name damaged data
    ///
    /// Every object, value and part is compared with its checksums. The exit code is 1 if something differs.
    /// The store can be in use meanwhile. Data that an older version stored without checksums gets them.
    #[command(after_help = "\
Examples:
  cfstore scrub
  cfstore scrub --data /srv/media
  cfstore --json scrub | jq -r 'select(.problem).key'    the damaged keys")]
    Scrub(Scrub),
    /// Copy a whole store on this machine into a folder, as a snapshot
    ///
    /// The store can be in use or served meanwhile: the copy has all writes acknowledged before the snapshot,
    /// and no later ones. The copy is a store too, which can be served and scrubbed. It contains the
    /// credentials and certificates of the server: protect it. Files are compared with their checksums. The
    /// exit code is 1 if something is damaged.
    #[command(after_help = "\
Examples:
  cfstore backup /backups/$(date +%F)
  cfstore backup /backups/media --data /srv/media
  cfstore serve --data /backups/media      look into a backup")]
    Backup(Backup),
    /// Create a store from a copy that `cfstore backup` made
    ///
    /// The folder of the new store must not exist or must be empty. The backup is not changed, except that
    /// one of an older version is upgraded.
    #[command(after_help = "\
Examples:
  cfstore restore /backups/2026-11-28
  cfstore restore /backups/media --data /srv/media && cfstore scrub --data /srv/media")]
    Restore(Restore),
    /// Run a tour of R2 on this machine: store, list, sign, play, refuse, retry
    ///
    /// The demo starts a local server over a temporary store, uploads an HLS package, fetches it through
    /// presigned URLs, plays it like a player, and checks each step. It needs no account, network or set-up,
    /// and leaves nothing behind.
    Demo(Demo),
    /// Print the completion script of a shell
    #[command(after_help = "\
Examples:
  cfstore completions bash > ~/.local/share/bash-completion/completions/cfstore
  cfstore completions zsh > ~/.zfunc/_cfstore        a folder in fpath
  cfstore completions fish > ~/.config/fish/completions/cfstore.fish")]
    Completions(Completions),
    /// Print the manual page, or write the pages of all commands into a folder
    #[command(after_help = "\
Examples:
  cfstore man | man -l -
  cfstore man ~/.local/share/man/man1      then: man cfstore-r2-put")]
    Man(Man),
}

#[derive(Debug, Args)]
pub(crate) struct R2Command {
    /// Use this bucket instead of `R2_BUCKET_MEDIA`; an address such as `r2://BUCKET/KEY` names one too
    #[arg(long, global = true, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) bucket: Option<String>,
    #[command(subcommand)]
    pub(crate) command: R2,
}

#[derive(Debug, Subcommand)]
pub(crate) enum R2 {
    /// Store files, or stdin, as objects
    ///
    /// Several files go to a prefix, each under its name. If one of them fails, the others are stored, and
    /// the exit code is 1. Files above 64 MiB go up in parts, a few at a time. Run the same command again to
    /// resume an interrupted upload: its state is in ~/.local/state/cfstore. Stdin can have any length up to
    /// 156 GiB.
    #[command(override_usage = "\
cfstore r2 put [OPTIONS] <FILE> <KEY>
       cfstore r2 put [OPTIONS] <FILE>... <PREFIX/>
       cfstore r2 put [OPTIONS] -r <DIR> <PREFIX/>")]
    #[command(after_help = "\
Examples:
  cfstore r2 put film.mp4 creator-123/videos/film.mp4
  cfstore r2 put *.ts *.m3u8 creator-123/hls/ --cache-control 'public, max-age=60'
  cfstore r2 put film.mp4 creator-123/videos/              the same key as the first
  cfstore r2 put -r site/ r2://pages/site/ --exclude '*.map'
  cfstore r2 put notes.txt notes.txt --metadata uploadedBy=me --if-absent
  cfstore r2 put page.html.gz page.html --content-encoding gzip --content-type text/html
  cfstore r2 put master.mov r2://archive/2026/ --storage-class infrequent-access --limit-rate 10M
  pg_dump shop | gzip | cfstore r2 put - backups/shop.sql.gz")]
    Put(Put),
    /// Fetch objects to files, or one object to stdout
    ///
    /// Several objects go into a folder, each under the last part of its key. A pattern in quotes fetches all
    /// keys that match it, and recreates the directories below the folder it starts with. Data is verified,
    /// and a file appears only once it is complete. Large objects come in ranges, a few at a time. Run the
    /// same command again to resume an interrupted download.
    #[command(override_usage = "\
cfstore r2 get [OPTIONS] <KEY> [FILE]
       cfstore r2 get [OPTIONS] <KEY>... <DIR>
       cfstore r2 get [OPTIONS] -r <PREFIX/> <DIR>")]
    #[command(after_help = "\
Examples:
  cfstore r2 get creator-123/videos/film.mp4               into film.mp4
  cfstore r2 get creator-123/videos/film.mp4 /tmp/a.mp4
  cfstore r2 get notes.txt todo.txt texts/
  cfstore r2 get 'creator-123/**/*.mp4' films/             with their directories
  cfstore r2 get -r creator-123/ backup/                   the whole prefix
  cfstore r2 get notes.txt - | less
  cfstore r2 get film.mp4 - --range 0-1023 | xxd           the first 1,024 bytes")]
    Get(Get),
    /// Synchronize a folder to a prefix, a prefix to a folder, or a prefix to a prefix
    ///
    /// Only what differs is transferred. A file counts as unchanged if it was written before its object was
    /// uploaded, or if the checksums are the same. A different size always counts as a change, different
    /// metadata never does: --ignore-times transfers everything. Run the same command again to resume an
    /// interrupted transfer. Between buckets of one account the service copies the objects with their
    /// metadata, and no bytes pass through this machine.
    #[command(after_help = "\
Examples:
  cfstore r2 sync site/ r2://pages/site/ --delete --dry-run      print what would be done
  cfstore r2 sync hls/ r2://media/film/ --cache-control-of '*.m3u8=no-cache'
  cfstore r2 sync r2://media/film/ film/ --include '*.ts'
  cfstore r2 sync r2://media/ r2://archive/media/")]
    Sync(Sync),
    /// Show the metadata of an object
    Head(Head),
    /// List objects and directories
    ///
    /// R2 has no directories: `ls` shows the parts of keys between slashes as directories. A pattern in
    /// quotes lists the keys that match it: * and ? do not match slashes, ** does, [a-z] matches one of these
    /// characters, and \ makes the next character literal.
    #[command(after_help = "\
Examples:
  cfstore r2 ls                                the top level
  cfstore r2 ls creator-123/hls/               one directory
  cfstore r2 ls -r creator-123/                all objects below a directory
  cfstore r2 ls --tree creator-123/
  cfstore r2 ls 'creator-123/**/*.mp4'         the keys that match
  cfstore r2 ls --long r2://films/2026/        in another bucket
  cfstore --json r2 ls -r | jq -r .key")]
    Ls(Ls),
    /// Count the objects and bytes below a prefix, or of the keys that match a pattern
    #[command(after_help = "\
Examples:
  cfstore r2 du                           the whole bucket
  cfstore r2 du creator-123/ --depth 1    each directory in it
  cfstore r2 du '**/*.mp4'")]
    Du(Du),
    /// Print objects, one after the other
    ///
    /// Data is verified: the end of an object is printed only if all of it matches its checksum. Missing keys
    /// do not stop the command: the other objects are printed, and the exit code is 1.
    #[command(after_help = "\
Examples:
  cfstore r2 cat notes.txt
  cfstore r2 cat logs/2026-11-27.gz logs/2026-11-28.gz | zcat
  cfstore r2 cat 'logs/2026-11-*.gz' | zcat")]
    Cat(Cat),
    /// Delete objects
    ///
    /// Missing keys are not an error; they are counted separately. A pattern in quotes deletes all keys that
    /// match it. Patterns, --prefix and --all list all keys first and ask for confirmation.
    #[command(override_usage = "\
cfstore r2 rm [OPTIONS] <KEY>...
       cfstore r2 rm [OPTIONS] --prefix <PREFIX>
       cfstore r2 rm [OPTIONS] --all")]
    #[command(after_help = "\
Examples:
  cfstore r2 rm old.mp4 older.mp4
  cfstore r2 rm 'creator-123/*.tmp' --dry-run                print what would be deleted
  cfstore r2 rm --prefix creator-123/hls/media-456/          ask first
  cfstore r2 rm --prefix creator-123/hls/media-456/ --yes    do not ask
  cfstore r2 rm --all                                        empty the bucket, ask first")]
    Rm(Rm),
    /// Copy objects with their metadata: within a bucket, or to another bucket or account
    ///
    /// Within an account the service copies. To another account the bytes pass through this machine, and are
    /// verified in both directions.
    #[command(after_help = "\
Examples:
  cfstore r2 cp creator-123/draft.mp4 creator-123/videos/film.mp4
  cfstore r2 cp 'drafts/*.mp4' videos/                    each under its name
  cfstore r2 cp r2://media/film.mp4 r2://archive/2026/
  cfstore r2 cp film.mp4 film.mp4 --to-env-file other-account.env")]
    Cp(Cp),
    /// Move objects: copy them, verify the copies, and delete the originals
    ///
    /// An object that is replaced while it is copied is not deleted.
    #[command(after_help = "\
Examples:
  cfstore r2 mv draft.mp4 videos/film.mp4
  cfstore r2 mv 'drafts/*.mp4' videos/ --dry-run          print what would be moved
  cfstore r2 mv r2://media/film.mp4 r2://archive/2026/")]
    Mv(Cp),
    /// List or abort unfinished multipart uploads, whose parts are billed like objects
    #[command(subcommand)]
    Uploads(Uploads),
    /// Show, set or check the CORS rules of the bucket: which web pages may use it
    ///
    /// A bucket without rules refuses all pages.
    #[command(subcommand)]
    Cors(Cors),
    /// Show or set the lifecycle rules of the bucket: when it deletes or moves objects and aborts uploads
    ///
    /// A new bucket has one rule, which aborts multipart uploads that are unfinished after 7 days.
    #[command(subcommand)]
    Lifecycle(Lifecycle),
    /// Create a URL with which anyone can fetch or store one object until the URL expires
    ///
    /// The URL is computed on this machine, without a request. Treat it as a secret.
    #[command(after_help = "\
Examples:
  cfstore r2 presign film.mp4
  curl \"$(cfstore r2 presign film.mp4 --expires 10m)\" -o film.mp4
  cfstore r2 presign --method put --content-type video/mp4 creator-123/videos/new.mp4")]
    Presign(Presign),
    /// Create temporary credentials for one bucket, with limited permissions, for a job or a browser
    ///
    /// They are computed on this machine from the access key in the variables, without a request, and stop
    /// working when that key is deleted. They work with any S3 client. Treat them as a secret.
    #[command(after_help = "\
Examples:
  cfstore r2 credentials --prefix creator-123/ --read-only --expires 1h
  cfstore r2 credentials --prefix creator-123/ > job.env
      elsewhere: cfstore --env-file job.env r2 ls creator-123/
  cfstore r2 credentials --object film.mp4 --action PutObject,HeadObject
  eval \"$(cfstore r2 credentials --read-only --aws)\"        for aws, boto3 and other SDKs")]
    Credentials(Credentials),
    /// Sign an HLS playlist or DASH manifest, with a presigned URL for every segment and key
    ///
    /// The signed playlist is printed, or written to a folder together with the playlists it names. Anyone
    /// who has it can play it until it expires: treat it as a secret. Some players that read it from a file
    /// need an option to open network URLs, like ffplay below.
    #[command(after_help = "\
Examples:
  cfstore r2 sign-playlist film/720p.m3u8 > film.m3u8
  cfstore r2 sign-playlist film/master.m3u8 --output play
  vlc play/master.m3u8
  ffplay -protocol_whitelist file,http,https,tcp,tls,crypto play/master.m3u8
  cfstore r2 sign-playlist film/film.mpd --representations 720p,audio-en > film.mpd")]
    SignPlaylist(SignPlaylist),
    /// Diagnose a bucket, its access key and its rules, and print how to fix what is broken
    ///
    /// Each check prints what it saw, what that means, and the command that fixes it. The exit code is 1 if
    /// something is broken. The command writes only below .cfstore-doctor/, deletes what it wrote, and ends
    /// within half a minute. Checks that a read-only key does not allow are reported as not possible, not as
    /// broken. Without variables it serves and examines the store in .cfstore.
    #[command(after_help = "\
Examples:
  cfstore r2 doctor
  cfstore r2 doctor --origin https://app.example.com --public-url https://media.example.com
  cfstore --json r2 doctor | jq -r 'select(.result == \"broken\") | .mend'")]
    Doctor(Doctor),
    /// Create, list, show or delete the buckets of the account
    ///
    /// On R2 this needs an API token with Admin Read & Write, or Admin Read to list. `R2_BUCKET_MEDIA` is not
    /// needed.
    #[command(subcommand)]
    Bucket(Bucket),
}

/// The two JSON formats of a bucket's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyForm {
    /// The format of S3, its SDKs and the dashboard
    S3,
    /// The format of Cloudflare's API and wrangler
    Cloudflare,
}

/// The customer's key for SSE-C.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SseC {
    /// Encrypt and decrypt with your own key in this file (SSE-C): 32 bytes, raw or in hex or base64. R2 does
    /// not store the key: without it, an object is lost. Objects that are already stored are not re-encrypted
    #[arg(long, value_name = "FILE")]
    pub(crate) sse_c_key_file: Option<PathBuf>,
}

/// The option of the commands that accept patterns.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Literal {
    /// Treat *, ? and [ as plain characters of a key, not as a pattern
    #[arg(long)]
    pub(crate) literal: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Head {
    /// The key of the object
    pub(crate) key: String,
    #[command(flatten)]
    pub(crate) sse_c: SseC,
}

#[derive(Debug, Args)]
pub(crate) struct Presign {
    /// The key of the object
    pub(crate) key: String,
    /// The method that the URL is for
    #[arg(long, value_enum, ignore_case = true, default_value_t = PresignMethod::Get)]
    pub(crate) method: PresignMethod,
    /// How long the URL works, from 1s to 7days
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_lifetime)]
    pub(crate) expires: Duration,
    /// The Content-Type that an upload must send; it is stored with the object
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SignPlaylist {
    /// The key of the playlist or manifest
    pub(crate) key: String,
    /// How long the URLs work, from 1s to 7days; cover the time of watching, with pauses
    #[arg(long, value_name = "DURATION", default_value = "6h", value_parser = parse_lifetime)]
    pub(crate) expires: Duration,
    /// Sign only keys in this folder, and refuse others [default: the first folder of the key]
    #[arg(long, value_name = "FOLDER/")]
    pub(crate) prefix: Option<String>,
    /// Produce the same URLs for this long, so that caches hit; their lifetime is shorter by up to this time
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) window: Option<Duration>,
    /// Write the playlist and those it names into this folder, which must be new or empty
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Include only these representations of a DASH manifest, by id [default: all]
    #[arg(long, value_name = "ID,..", value_delimiter = ',')]
    pub(crate) representations: Vec<String>,
    /// List only the newest segments of a live stream, up to this duration. The output does not grow with the
    /// stream: sign it again for every reload [default: all segments]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) dvr_window: Option<Duration>,
    /// The value of a variable that an HLS playlist imports; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_pair)]
    pub(crate) variable: Vec<(String, String)>,
    /// Maximum number of URLs in one playlist or manifest
    #[arg(long, value_name = "N", default_value_t = MAX_URLS, value_parser = parse_number)]
    pub(crate) max_urls: usize,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PresignMethod {
    Get,
    Head,
    Put,
    Delete,
}

impl From<PresignMethod> for Method {
    fn from(method: PresignMethod) -> Self {
        match method {
            PresignMethod::Get => Self::GET,
            PresignMethod::Head => Self::HEAD,
            PresignMethod::Put => Self::PUT,
            PresignMethod::Delete => Self::DELETE,
        }
    }
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch by itself")]
pub(crate) struct Serve {
    /// The folder of the store; created if it does not exist
    #[arg(long, value_name = "DIR", default_value = DATA_DIRECTORY)]
    pub(crate) data: PathBuf,
    /// The address to listen on; port 0 picks a free port
    #[arg(long, value_name = "ADDRESS", default_value = LISTEN, value_parser = parse_listen)]
    pub(crate) listen: SocketAddr,
    #[allow(rustdoc::bare_urls, reason = "it is the text of --help")]
    /// Another host name of this machine for virtual-hosted addresses, http://BUCKET.NAME:PORT/KEY. They
    /// always work with localhost; repeatable. With --tls-cert, the printed `R2_ENDPOINT` has the first name
    #[arg(long, value_name = "NAME", value_parser = parse_host)]
    pub(crate) host: Vec<String>,
    /// Serve HTTPS with a certificate for this machine, which is generated in the folder of the store
    #[arg(long)]
    pub(crate) tls: bool,
    /// Serve HTTPS with this certificate: a PEM file with the certificate first, then its issuers
    #[arg(long, value_name = "FILE", requires = "tls_key", conflicts_with = "tls")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of the certificate: a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Use credentials from the environment instead of those in the folder, for tests and compose files:
    /// `R2_ACCOUNT_ID`, `R2_ACCESS_KEY_ID`, `R2_SECRET_ACCESS_KEY` and, optionally, `CLOUDFLARE_API_TOKEN`.
    /// The server prints them: make them up for it, and never use those of an account
    #[arg(long)]
    pub(crate) credentials_from_env: bool,
    /// Allow everything to pages served from this machine, whatever the CORS rules of a bucket say. R2 always
    /// applies the rules: a page that needs this option fails there
    #[arg(long)]
    pub(crate) cors_open: bool,
    /// Send an event for every object that is created or deleted, like R2's event notifications: to a file,
    /// as a line of JSON; to a URL, as a POST; or to `command:` and a command line, on stdin. A failed event
    /// is sent up to four times. Only changes through this server are reported, not those that other commands
    /// make in the same folder
    #[arg(long, value_name = "WHERE")]
    pub(crate) events: Option<EventTarget>,
    /// Behave like Workers KV in production: stale reads, one write per second and key, empty pages
    #[arg(long)]
    pub(crate) kv_as_in_production: bool,
    /// Behave like R2 in production: one write per second and key, short or empty pages, compressed text if
    /// the client accepts it, no 100-continue, no bodies signed in chunks, and a delay until new access keys
    /// work
    #[arg(long)]
    pub(crate) r2_as_in_production: bool,
    /// Fail a share of the requests: with a status, reset, lost (done, but not answered) or cut (half an
    /// answer); slow=200ms delays all. A request can order a fault with the header x-emulator-fault. A server
    /// that other machines can reach needs this option for that
    #[arg(long, value_name = "FAULT=SHARE,..")]
    pub(crate) fault: Option<FaultPlan>,
    /// Also listen on this address for GET /healthz and GET /metrics (Prometheus' format); port 0 picks a
    /// free port. They need no credentials
    #[arg(long, value_name = "ADDRESS", value_parser = parse_listen)]
    pub(crate) admin_listen: Option<SocketAddr>,
    /// The format of the log on stderr; -v adds a line per request. With json, all of stderr is one object
    /// per line, and the variables are not printed, to keep secrets out of logs
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// How long to wait for requests in progress when Ctrl-C or SIGTERM stops the server
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub(crate) grace_period: Duration,
    /// How long reads return the old value of a key [default: 60s, as in production]
    #[arg(long, value_name = "DURATION", requires = "kv_as_in_production", value_parser = parse_duration)]
    pub(crate) kv_cache_ttl: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// One JSON object per line, for programs
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Health {
    /// The URL to request
    #[arg(long, value_name = "URL", default_value = HEALTH_URL, value_parser = parse_http_url)]
    pub(crate) url: Uri,
    /// How long to wait for the answer
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = parse_duration)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Scrub {
    /// The folder of the store
    #[arg(long, value_name = "DIR", default_value = DATA_DIRECTORY)]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The folder to copy into, which must be new or empty
    pub(crate) dir: PathBuf,
    /// The folder of the store
    #[arg(long, value_name = "DIR", default_value = DATA_DIRECTORY)]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The folder of the backup
    pub(crate) dir: PathBuf,
    /// The folder of the new store, which must be new or empty
    #[arg(long, value_name = "DIR", default_value = DATA_DIRECTORY)]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell to complete for
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write the pages of all commands into this folder; created if it does not exist
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Keep the server running afterwards, and print URLs for a player or browser
    #[arg(long)]
    pub(crate) keep: bool,
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    // A number without a unit is seconds, as in the AWS CLI.
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    humantime::parse_duration(text)
        .map_err(|_| "write it as 90s, 10m, 1h or 7days, or in seconds without a unit".to_owned())
}

/// Parses the lifetime of a URL or of credentials.
fn parse_lifetime(text: &str) -> Result<Duration, String> {
    let lifetime = parse_duration(text)?;
    if lifetime.subsec_nanos() != 0 || !(1..=604_800).contains(&lifetime.as_secs()) {
        return Err("write whole seconds from 1s to 7days".to_owned());
    }
    Ok(lifetime)
}

fn parse_number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "write a number".to_owned())
}

fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    numeric.parse().map_err(|_| format!("write it as an IP address and a port, such as {LISTEN}"))
}

fn parse_http_url(text: &str) -> Result<Uri, String> {
    let url: Uri = text.parse().map_err(|error| format!("it is not a URL: {error}"))?;
    match (url.scheme_str(), url.host()) {
        _ if has_wrong_port(&url) => Err("its port is not 1 to 65535".to_owned()),
        (Some("http" | "https"), Some(_)) => Ok(url),
        _ => Err(format!("write it as {HEALTH_URL}")),
    }
}

/// Accepts a DNS name without a port.
fn parse_host(text: &str) -> Result<String, String> {
    let is_label = |label: &str| {
        let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(is_inside)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.parse::<IpAddr>().is_ok() {
        return Err(
            "it is an IP address, which has no host names below it: give a name, such as store.test; by \
                    address, buckets are in the path"
                .to_owned(),
        );
    }
    if text.len() <= 253 && text.strip_suffix('.').unwrap_or(text).split('.').all(is_label) {
        return Ok(text.to_owned());
    }
    Err("it is not a host name: write it without scheme and port, such as store.test".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_holds() {
        Cli::command().debug_assert();
    }

    #[test]
    fn addresses_to_listen_at() {
        assert_eq!(parse_listen("localhost:0").unwrap().to_string(), "127.0.0.1:0");
        assert_eq!(parse_listen("[::1]:9710").unwrap().to_string(), "[::1]:9710");
        let wrong = parse_listen("9710").unwrap_err();
        assert_eq!(wrong, format!("write it as an IP address and a port, such as {LISTEN}"));
    }
}
