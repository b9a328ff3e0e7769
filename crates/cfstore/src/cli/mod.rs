//! What the command line takes: clap's types, and no more.

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

/// Where the embedded store is, unless `serve --data` names another folder.
pub(crate) const DATA_DIRECTORY: &str = ".cfstore";
/// Where `serve` listens, unless `--listen` says otherwise.
pub(crate) const LISTEN: &str = "127.0.0.1:9710";
/// What `health` asks, unless `--url` says otherwise.
const HEALTH_URL: &str = "http://127.0.0.1:9711/healthz";

const GLOBAL: &str = "Global options";

const ENVIRONMENT: &str = "\
Which store:
  With the variables of R2 or of KV set, Cloudflare's. Without them, a store of its own in the folder .cfstore, with
  the bucket \"media\" and the namespace \"local\". Every summary names what was used.

  R2_ACCOUNT_ID          32 hex characters, from the R2 page of Cloudflare's dashboard
  R2_ACCESS_KEY_ID       of an R2 API token with Object Read & Write
  R2_SECRET_ACCESS_KEY   of the same token
  R2_BUCKET_MEDIA        the bucket's name

  R2_ENDPOINT            optional, in place of R2_ACCOUNT_ID: another server's URL, or what the
                         dashboard shows as \"S3 API\"
  R2_JURISDICTION        optional: eu, fedramp or us
  R2_SESSION_TOKEN       optional: of temporary credentials
  R2_REGION              optional: another server's region; R2's is auto

  KV_NAMESPACE_ID        32 hex characters; it decides whether the kv commands work on Cloudflare
  CLOUDFLARE_ACCOUNT_ID  32 hex characters, from the dashboard
  CLOUDFLARE_API_TOKEN   with the permission Workers KV Storage Write; it decides for kv namespace

  CLOUDFLARE_API_BASE_URL  optional: another server in place of https://api.cloudflare.com/client/v4

  SSL_CERT_FILE          optional: certificates to trust besides those of public authorities, a file of PEM
  CFSTORE_SYSTEM_ROOTS   optional: 1 trusts the authorities of this system in place of Mozilla's,
                         or, where the environment has SSL_CERT_FILE, that file alone

  HTTPS_PROXY, HTTP_PROXY, ALL_PROXY  optional: a proxy, such as http://user:password@proxy.example:3128
  NO_PROXY               optional: hosts that are reached without it; this machine always is.
                         All four are read from the environment, also with --env-file

Exit codes:
  0 done    1 failed    2 wrong usage    3 not found

Durations are written as 90s, 10m, 1h or 7days; a number alone is seconds.";

/// Cloudflare R2 and Workers KV on the command line: on Cloudflare, or on this machine without an account.
#[derive(Debug, Parser)]
#[command(name = "cfstore", version, max_term_width = 100, after_long_help = ENVIRONMENT)]
#[command(after_help = "Begin with `cfstore demo`; `cfstore --help` tells which store is used.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Print JSON, one object a line, for other programs to read
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) json: bool,
    /// For r2 and kv: read the variables from this file, and not from the environment
    #[arg(long, global = true, value_name = "FILE", help_heading = GLOBAL)]
    pub(crate) env_file: Option<PathBuf>,
    /// Say what is being done, on stderr; more with -vv
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = GLOBAL)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Store, fetch, list, delete, copy and share objects
    #[command(after_long_help = ENVIRONMENT)]
    R2(Box<R2Command>),
    /// Store, read, list and delete the keys of a namespace of Workers KV
    #[command(subcommand, after_long_help = ENVIRONMENT)]
    Kv(Kv),
    /// Serve the store on this machine with R2's S3 API and Workers KV's REST API
    ///
    /// It prints the variables that point cfstore at it, and then serves until Ctrl-C. Other S3 clients take
    /// the same values, with region auto and path style; wrangler's kv commands take those of KV. The
    /// credentials are made once for each data folder.
    #[command(after_help = "\
Examples:
  cfstore serve
  cfstore serve --data /srv/media --listen 127.0.0.1:0    a free port
  cfstore serve > .env                                     elsewhere: cfstore --env-file .env r2 ls
  cfstore serve --r2-as-in-production --kv-as-in-production --fault 503=5%,lost=1%,slow=200ms@20%
  cfstore serve --events events.jsonl                      what happens to objects
  cfstore serve --events http://localhost:8787/events      to a Worker in development
  cfstore serve --events 'command:jq .object.key >&2'
  cfstore serve --admin-listen 127.0.0.1:9711 --log-format json -v      as a service: health, metrics, a log")]
    Serve(Serve),
    /// Ask a server whether it takes requests: exit code 0 if it does, and 1 if not
    ///
    /// It asks what `cfstore serve --admin-listen` answers, and suits the health check of a container.
    #[command(after_help = "\
Examples:
  cfstore health
  cfstore health --url http://10.0.0.7:9711/healthz --timeout 2s")]
    Health(Health),
    /// Make, list and remove the keys that `cfstore serve` takes besides its first one
    ///
    /// Each has a scope and buckets, as an R2 API token has, so that it shows on this machine what a program
    /// may not do. A server that runs sees changes at once.
    #[command(subcommand)]
    Keys(Keys),
    /// Read all of a store on this machine, and name what is damaged
    ///
    /// Every object, value and part is compared with its checksums, and the exit code is 1 where something
    /// differs. It may run while the store is used. What an older version wrote without checksums gets them.
    #[command(after_help = "\
Examples:
  cfstore scrub
  cfstore scrub --data /srv/media
  cfstore --json scrub | jq -r 'select(.problem).key'    the damaged keys")]
    Scrub(Scrub),
    /// Copy a whole store on this machine into a folder, as it is at one moment
    ///
    /// It may run while the store is used and served: what was acknowledged before that moment is in the
    /// copy, and nothing that came after. The copy is a store itself, which can be served and scrubbed, with
    /// the credentials and certificates of its server: keep it from others. Files are compared with their
    /// checksums, and the exit code is 1 where something is damaged.
    #[command(after_help = "\
Examples:
  cfstore backup /backups/$(date +%F)
  cfstore backup /backups/media --data /srv/media
  cfstore serve --data /backups/media      look into a backup")]
    Backup(Backup),
    /// Make a store of what `cfstore backup` has copied
    ///
    /// The folder of the store has to be new or empty. The backup stays a store of its own; one of
    /// an older version is upgraded.
    #[command(after_help = "\
Examples:
  cfstore restore /backups/2026-11-28
  cfstore restore /backups/media --data /srv/media && cfstore scrub --data /srv/media")]
    Restore(Restore),
    /// See R2's whole life on this machine: store, list, sign, play, refuse, retry
    ///
    /// It starts a local server over a temporary store, uploads an HLS package, fetches it through presigned
    /// URLs, plays it as a player does, and checks each step. No account, no network and no set-up are
    /// needed; nothing is left behind.
    Demo(Demo),
    /// Print what makes a shell complete the commands
    #[command(after_help = "\
Examples:
  cfstore completions bash > ~/.local/share/bash-completion/completions/cfstore
  cfstore completions zsh > ~/.zfunc/_cfstore        a folder of fpath
  cfstore completions fish > ~/.config/fish/completions/cfstore.fish")]
    Completions(Completions),
    /// Print the manual page, or write those of all commands into a folder
    #[command(after_help = "\
Examples:
  cfstore man | man -l -
  cfstore man ~/.local/share/man/man1      then: man cfstore-r2-put")]
    Man(Man),
}

#[derive(Debug, Args)]
pub(crate) struct R2Command {
    /// Another bucket than the variables name; an address such as `r2://BUCKET/KEY` names it too
    #[arg(long, global = true, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) bucket: Option<String>,
    #[command(subcommand)]
    pub(crate) command: R2,
}

#[derive(Debug, Subcommand)]
pub(crate) enum R2 {
    /// Store files, or stdin, as objects
    ///
    /// Several files go to a prefix, each by its name. Where one of them fails, the others are stored, and
    /// the exit code is 1. Files above 64 MiB go up in parts, a few at a time, and the same command continues
    /// what was interrupted: what has arrived is written down in ~/.local/state/cfstore. Stdin may be of any
    /// length up to 156 GiB.
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
    /// Fetch objects to files, or one to stdout
    ///
    /// Several objects go into a folder, each by the last part of its key. A pattern in quotes fetches what
    /// matches it, with the directories below the one that it begins with. What arrives is verified, and the
    /// file appears only when it is whole. Large objects come in ranges, a few at a time, and the same
    /// command continues what was interrupted.
    #[command(override_usage = "\
cfstore r2 get [OPTIONS] <KEY> [FILE]
       cfstore r2 get [OPTIONS] <KEY>... <DIR>
       cfstore r2 get [OPTIONS] -r <PREFIX/> <DIR>")]
    #[command(after_help = "\
Examples:
  cfstore r2 get creator-123/videos/film.mp4               to film.mp4
  cfstore r2 get creator-123/videos/film.mp4 /tmp/a.mp4
  cfstore r2 get notes.txt todo.txt texts/
  cfstore r2 get 'creator-123/**/*.mp4' films/             with their directories
  cfstore r2 get -r creator-123/ backup/                   all of it
  cfstore r2 get notes.txt - | less
  cfstore r2 get film.mp4 - --range 0-1023 | xxd           the first 1,024 bytes")]
    Get(Get),
    /// Make a prefix like a folder, a folder like a prefix, or one prefix like another
    ///
    /// What DST has already is not transferred: of a file, what was written before its object was uploaded;
    /// else what has the same checksum. Sizes that differ are seen in any case, metadata that differs is not:
    /// --ignore-times sends all. The same command continues what was interrupted. Between buckets of one
    /// account the service copies, and no bytes come by here; copies keep their metadata.
    #[command(after_help = "\
Examples:
  cfstore r2 sync site/ r2://pages/site/ --delete --dry-run      says what would be done
  cfstore r2 sync hls/ r2://media/film/ --cache-control-of '*.m3u8=no-cache'
  cfstore r2 sync r2://media/film/ film/ --include '*.ts'
  cfstore r2 sync r2://media/ r2://archive/media/")]
    Sync(Sync),
    /// Show what is known of an object, without its bytes
    Head(Head),
    /// List objects and directories
    ///
    /// Keys have no directories of their own: what is between slashes is shown like one. A pattern in quotes
    /// lists what matches it: * and ? stop at slashes, ** does not, [a-z] is one of these, and \ takes the next
    /// character as it is.
    #[command(after_help = "\
Examples:
  cfstore r2 ls                                the top level
  cfstore r2 ls creator-123/hls/               one directory
  cfstore r2 ls -r creator-123/                every object below it
  cfstore r2 ls --tree creator-123/
  cfstore r2 ls 'creator-123/**/*.mp4'         what matches
  cfstore r2 ls --long r2://films/2026/        in another bucket
  cfstore --json r2 ls -r | jq -r .key")]
    Ls(Ls),
    /// Add up the objects and bytes of a prefix, or of what matches a pattern
    #[command(after_help = "\
Examples:
  cfstore r2 du                           the whole bucket
  cfstore r2 du creator-123/ --depth 1    each directory in it
  cfstore r2 du '**/*.mp4'")]
    Du(Du),
    /// Print objects, one after the other
    ///
    /// What arrives is verified: the end of an object is printed only when all of it is as it was stored.
    /// With keys that are missing, the others are printed, and the exit code is 1.
    #[command(after_help = "\
Examples:
  cfstore r2 cat notes.txt
  cfstore r2 cat logs/2026-11-27.gz logs/2026-11-28.gz | zcat
  cfstore r2 cat 'logs/2026-11-*.gz' | zcat")]
    Cat(Cat),
    /// Delete objects
    ///
    /// Keys that have no object are counted apart, and are no failure. A pattern in quotes deletes what matches it:
    /// it asks first, as --prefix and --all do. The bucket is listed whole before anything is deleted.
    #[command(override_usage = "\
cfstore r2 rm [OPTIONS] <KEY>...
       cfstore r2 rm [OPTIONS] --prefix <PREFIX>
       cfstore r2 rm [OPTIONS] --all")]
    #[command(after_help = "\
Examples:
  cfstore r2 rm old.mp4 older.mp4
  cfstore r2 rm 'creator-123/*.tmp' --dry-run                says what would be deleted
  cfstore r2 rm --prefix creator-123/hls/media-456/          asks first
  cfstore r2 rm --prefix creator-123/hls/media-456/ --yes    does not
  cfstore r2 rm --all                                        empties the bucket, asks first")]
    Rm(Rm),
    /// Copy objects with their metadata: within a bucket, or to another bucket or account
    ///
    /// Within an account the service copies by itself. To another one, the bytes come by here, and are
    /// verified on both ways.
    #[command(after_help = "\
Examples:
  cfstore r2 cp creator-123/draft.mp4 creator-123/videos/film.mp4
  cfstore r2 cp 'drafts/*.mp4' videos/                    each by its name
  cfstore r2 cp r2://media/film.mp4 r2://archive/2026/
  cfstore r2 cp film.mp4 film.mp4 --to-env-file other-account.env")]
    Cp(Cp),
    /// Move objects: copy them, compare the copies, and delete what was copied
    ///
    /// What is replaced while it is copied is not deleted.
    #[command(after_help = "\
Examples:
  cfstore r2 mv draft.mp4 videos/film.mp4
  cfstore r2 mv 'drafts/*.mp4' videos/ --dry-run          says what would be moved
  cfstore r2 mv r2://media/film.mp4 r2://archive/2026/")]
    Mv(Cp),
    /// List or abort uploads in parts that were not finished: their parts cost as objects do
    #[command(subcommand)]
    Uploads(Uploads),
    /// Show, set or check the CORS rules of the bucket: which pages of a browser may use it
    ///
    /// A bucket without rules refuses every page.
    #[command(subcommand)]
    Cors(Cors),
    /// Show or set the lifecycle rules of the bucket: when objects are deleted or moved, and uploads aborted
    ///
    /// A new bucket has one rule, which aborts uploads that were not finished after 7 days.
    #[command(subcommand)]
    Lifecycle(Lifecycle),
    /// Make a URL with which anyone can fetch or store one object, until it expires
    ///
    /// Nothing is sent: the URL is computed here. Treat it as a secret.
    #[command(after_help = "\
Examples:
  cfstore r2 presign film.mp4
  curl \"$(cfstore r2 presign film.mp4 --expires 10m)\" -o film.mp4
  cfstore r2 presign --method put --content-type video/mp4 creator-123/videos/new.mp4")]
    Presign(Presign),
    /// Make credentials of one bucket that expire, for a job or a browser that is to do no more than this
    ///
    /// Nothing is sent: they are computed here from the key in the variables, and stop working with it. Any
    /// S3 client takes them. Treat them as a secret.
    #[command(after_help = "\
Examples:
  cfstore r2 credentials --prefix creator-123/ --read-only --expires 1h
  cfstore r2 credentials --prefix creator-123/ > job.env     elsewhere: cfstore --env-file job.env r2 ls creator-123/
  cfstore r2 credentials --object film.mp4 --action PutObject,HeadObject
  eval \"$(cfstore r2 credentials --read-only --aws)\"        for aws, boto3 and other SDKs")]
    Credentials(Credentials),
    /// Make an HLS playlist or DASH manifest that plays: with a presigned URL for every segment and key
    ///
    /// It is printed, or written to a folder together with the playlists that it names. Whoever has it can
    /// play it until it expires: treat it as a secret. Players that read it from a file may have to be told
    /// that it leads to the network, as ffplay below.
    #[command(after_help = "\
Examples:
  cfstore r2 sign-playlist film/720p.m3u8 > film.m3u8
  cfstore r2 sign-playlist film/master.m3u8 --output play
  vlc play/master.m3u8
  ffplay -protocol_whitelist file,http,https,tcp,tls,crypto play/master.m3u8
  cfstore r2 sign-playlist film/film.mpd --representations 720p,audio-en > film.mpd")]
    SignPlaylist(SignPlaylist),
    /// Find out what is wrong with a bucket, its key and its rules, and say how to mend it
    ///
    /// Of each check it says what was seen, what that means, and the command that mends it. The exit code is
    /// 1 where something is broken. It writes below .cfstore-doctor/ alone, removes what it wrote, and ends
    /// within half a minute. What a read-only key does not let it check is not possible, and not broken.
    /// Without variables it serves the store in .cfstore to itself, and examines that.
    #[command(after_help = "\
Examples:
  cfstore r2 doctor
  cfstore r2 doctor --origin https://app.example.com --public-url https://media.example.com
  cfstore --json r2 doctor | jq -r 'select(.result == \"broken\") | .mend'")]
    Doctor(Doctor),
    /// Create, list or delete the buckets of the account, or show what is known of one
    ///
    /// On R2 this takes a token with Admin Read & Write, or Admin Read to list. `R2_BUCKET_MEDIA` is not
    /// needed.
    #[command(subcommand)]
    Bucket(Bucket),
}

/// The two forms of a bucket's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyForm {
    /// S3's, its SDKs' and the dashboard's
    S3,
    /// That of Cloudflare's API and of wrangler
    Cloudflare,
}

/// The key of the customer's that objects are encrypted with.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SseC {
    /// Encrypt, and decrypt, with the key of one's own in this file (SSE-C): 32 bytes, or these in hex or
    /// base64. R2 does not keep it: without it, an object is lost. What is stored already is not encrypted
    /// anew
    #[arg(long, value_name = "FILE")]
    pub(crate) sse_c_key_file: Option<PathBuf>,
}

/// For the commands that take patterns.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Literal {
    /// Take *, ? and [ as characters of a key, not as a pattern
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
    /// What the URL is for
    #[arg(long, value_enum, ignore_case = true, default_value_t = PresignMethod::Get)]
    pub(crate) method: PresignMethod,
    /// How long it works, from 1s to 7days
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    pub(crate) expires: Duration,
    /// The Content-Type that an upload has to send, and is stored with
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SignPlaylist {
    /// The key of the playlist or manifest
    pub(crate) key: String,
    /// How long the URLs work, from 1s to 7days: as long as it is watched, pauses included
    #[arg(long, value_name = "DURATION", default_value = "6h", value_parser = parse_duration)]
    pub(crate) expires: Duration,
    /// Sign nothing outside this folder, whatever the playlist names [default: the first folder of the key]
    #[arg(long, value_name = "FOLDER/")]
    pub(crate) prefix: Option<String>,
    /// Make the same URLs for all who ask within this time, so that caches hit; they live shorter by it
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) window: Option<Duration>,
    /// Write the playlist, and those that it names, into this folder, which has to be new or empty
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Only these representations of a DASH manifest, by their ids [default: all]
    #[arg(long, value_name = "ID,..", value_delimiter = ',')]
    pub(crate) representations: Vec<String>,
    /// List only the newest segments of a live stream, as many as fill this time. What is written does not
    /// grow with the stream: sign it again for every reload [default: all that it lists]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) dvr_window: Option<Duration>,
    /// The value of a variable that an HLS playlist takes from outside; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_pair)]
    pub(crate) variable: Vec<(String, String)>,
    /// The most URLs for one playlist or manifest
    #[arg(long, value_name = "N", default_value_t = MAX_URLS)]
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
    /// The folder of the store; made where it is not there
    #[arg(long, value_name = "DIR", default_value = DATA_DIRECTORY)]
    pub(crate) data: PathBuf,
    /// The address to listen at; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = LISTEN, value_parser = parse_listen)]
    pub(crate) listen: SocketAddr,
    #[allow(rustdoc::bare_urls, reason = "it is the text of --help")]
    /// Another name of this machine, with buckets below it: http://BUCKET.NAME:PORT/KEY, as below localhost
    /// in any case; may be given several times
    #[arg(long, value_name = "NAME", value_parser = parse_host)]
    pub(crate) host: Vec<String>,
    /// Serve HTTPS, with a certificate for this machine that is made and kept in the folder of the store
    #[arg(long)]
    pub(crate) tls: bool,
    /// Serve HTTPS with this certificate: a file of PEM, with those that sign it behind it
    #[arg(long, value_name = "FILE", requires = "tls_key", conflicts_with = "tls")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's key: a file of PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Take the credentials from the environment, for tests and compose files: `R2_ACCOUNT_ID`,
    /// `R2_ACCESS_KEY_ID`, `R2_SECRET_ACCESS_KEY` and, optionally, `CLOUDFLARE_API_TOKEN`. They are printed:
    /// make some for this server, and never give it those of an account. In place of those in the folder
    #[arg(long)]
    pub(crate) credentials_from_env: bool,
    /// Let every page that was served from this machine do everything, whatever the CORS rules of a bucket
    /// say. R2 goes by the rules: what works only so does not work there
    #[arg(long)]
    pub(crate) cors_open: bool,
    /// Send what happens to objects somewhere, as R2's event notifications do to a queue: a file, to which
    /// each event is appended as a line of JSON; a URL, to which it is posted; or `command:` and a command
    /// line, which reads it on stdin. What fails is tried four times. Told is what this server does, not what
    /// other commands do in the same folder
    #[arg(long, value_name = "WHERE")]
    pub(crate) events: Option<EventTarget>,
    /// Treat KV's clients as Cloudflare does: stale reads, a write a second to a key, empty pages
    #[arg(long)]
    pub(crate) kv_as_in_production: bool,
    /// Treat R2's clients as Cloudflare does: a write a second to a key, pages that are short or empty, text
    /// compressed for who accepts it, no 100-continue, no bodies signed in chunks, and new keys that take a
    /// while
    #[arg(long)]
    pub(crate) r2_as_in_production: bool,
    /// Fail a share of the requests: a status, reset, lost (done, but not answered) or cut (half an answer);
    /// slow=200ms has all wait. A request orders its own with the header x-emulator-fault: at a server that
    /// listens beyond this machine only with this option
    #[arg(long, value_name = "FAULT=SHARE,..")]
    pub(crate) fault: Option<FaultPlan>,
    /// Answer GET /healthz and GET /metrics, in Prometheus' format, at this address too; port 0 takes a free
    /// one. Whoever reaches it may read both
    #[arg(long, value_name = "ADDRESS", value_parser = parse_listen)]
    pub(crate) admin_listen: Option<SocketAddr>,
    /// How the log is written, on stderr: with -v it has a line for each request. As json, all of stderr is
    /// one object a line, and the variables are not printed: secrets do not belong in a log
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// How long requests under way may take when the server is stopped, by Ctrl-C or SIGTERM
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub(crate) grace_period: Duration,
    /// How long a key goes on being read as it was [default: 60s, as in production]
    #[arg(long, value_name = "DURATION", requires = "kv_as_in_production", value_parser = parse_duration)]
    pub(crate) kv_cache_ttl: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// One object of JSON a line, for programs
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Health {
    /// What to ask
    #[arg(long, value_name = "URL", default_value = HEALTH_URL, value_parser = parse_http_url)]
    pub(crate) url: Uri,
    /// How long the answer may take
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
    /// The folder to copy into, which has to be new or empty
    pub(crate) dir: PathBuf,
    /// The folder of the store
    #[arg(long, value_name = "DIR", default_value = DATA_DIRECTORY)]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The folder that the backup is in
    pub(crate) dir: PathBuf,
    /// The folder of the store to make, which has to be new or empty
    #[arg(long, value_name = "DIR", default_value = DATA_DIRECTORY)]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder to write the pages of all commands into; it is made where it is not there
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Keep serving when the steps are done, and print URLs to play in a player or browser
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
    // Seconds, as the AWS CLI takes them.
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write it as 90s, 10m, 1h or 7days, or as seconds"))
}

fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    numeric.parse().map_err(|_| format!("write it as an address and a port, such as {LISTEN}"))
}

fn parse_http_url(text: &str) -> Result<Uri, String> {
    let url: Uri = text.parse().map_err(|error| format!("it is not a URL: {error}"))?;
    match (url.scheme_str(), url.host()) {
        (Some("http" | "https"), Some(_)) => Ok(url),
        _ => Err(format!("write it as {HEALTH_URL}")),
    }
}

/// A name without a port, of which each label is one of DNS.
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
        return Err("an address has no names below it: its buckets are in the path".to_owned());
    }
    if text.len() <= 253 && text.strip_suffix('.').unwrap_or(text).split('.').all(is_label) {
        return Ok(text.to_owned());
    }
    Err("it is not the name of a host, such as store.test, without scheme and port".to_owned())
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
        assert_eq!(wrong, format!("write it as an address and a port, such as {LISTEN}"));
    }
}
