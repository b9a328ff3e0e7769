//! `cfstore serve`

use std::collections::BTreeMap;

use cloudflare_clients::{LocalBucket, LocalNamespace, LocalStore};
use cloudflare_emulator::{Credentials, KvBehaviour, Server};

use crate::bucket_location::LOCAL_BUCKET;
use crate::cli::Serve;
use crate::error::{Error, ExitStatus, Result};
use crate::namespace_location::LOCAL_NAMESPACE;
use crate::printer::Printer;
use crate::shutdown;
use crate::variables::{
    CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_API_BASE_URL, CLOUDFLARE_API_TOKEN, KV_NAMESPACE_ID, R2_ACCESS_KEY_ID,
    R2_ACCOUNT_ID, R2_BUCKET_MEDIA, R2_ENDPOINT, R2_SECRET_ACCESS_KEY,
};

pub(crate) async fn run(args: Serve, printer: Printer) -> Result<ExitStatus> {
    let store = LocalStore::open(&args.data).await?;
    LocalBucket::open_in(&store, LOCAL_BUCKET).await?;
    let credentials = Credentials::load_or_create(&args.data)?;
    let namespace_id = LocalNamespace::open_in(&store, LOCAL_NAMESPACE).await?.id().to_owned();
    let server = Server::bind(store, credentials.clone(), args.listen).await.map_err(Error::Listen)?;
    let server = server.with_kv_behaviour(match args.kv_cache_ttl {
        _ if !args.kv_as_in_production => KvBehaviour::default(),
        None => KvBehaviour::as_in_production(),
        ttl => KvBehaviour::as_in_production().cache_ttl(ttl),
    });
    let shutdown = shutdown::requested()?;
    let listen = server.local_addr();
    let endpoint = server.endpoint();

    let (api, api_token) = (format!("{endpoint}/client/v4"), credentials.api_token());
    let variables = [
        (R2_ENDPOINT, endpoint.as_str()),
        (R2_ACCOUNT_ID, credentials.account_id()),
        (R2_ACCESS_KEY_ID, credentials.access_key_id()),
        (R2_SECRET_ACCESS_KEY, credentials.secret_access_key()),
        (R2_BUCKET_MEDIA, LOCAL_BUCKET),
        (CLOUDFLARE_API_BASE_URL, api.as_str()),
        (CLOUDFLARE_ACCOUNT_ID, credentials.account_id()),
        (CLOUDFLARE_API_TOKEN, api_token.as_str()),
        (KV_NAMESPACE_ID, namespace_id.as_str()),
    ];
    printer.json(&BTreeMap::from(variables))?;
    for (name, value) in variables {
        printer.line(format_args!("export {name}={value}"))?;
    }
    printer.note(format_args!(
        "serving {}/ at {endpoint}: paste the lines above into another terminal, and cfstore works on it there.\n\
         Other S3 clients take the same values, with region auto and path style, and so does wrangler for KV. Ctrl-C stops.",
        args.data.display()
    ));
    if !listen.ip().is_loopback() {
        printer.warning(format_args!(
            "listening at {listen}, beyond this machine. Whoever reaches this port and has the credentials, or a\n\
             presigned URL, can read and write everything, and all of it crosses the network unencrypted."
        ));
    }
    server.run(shutdown).await;
    printer.note("stopped");
    Ok(ExitStatus::Success)
}
