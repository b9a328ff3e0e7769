//! `cfstore serve`

mod admin;
mod metrics;
mod service_manager;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cloudflare_clients::{LocalBucket, LocalNamespace, LocalStore};
use cloudflare_emulator::{Credentials, Keys, KvBehaviour, Limits, Metrics, R2Behaviour, Server, Tls};

use self::admin::{Admin, AdminListener, HEALTH, METRICS};
use self::metrics::{ServeMetrics, StoreGauges};
use self::service_manager::Sockets;

use crate::bucket_location::LOCAL_BUCKET;
use crate::cli::{LISTEN, Serve};
use crate::error::{Error, ExitStatus, Result};
use crate::events::{Delivery, EventCounts};
use crate::namespace_location::LOCAL_NAMESPACE;
use crate::printer::Printer;
use crate::variables::{
    CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_API_BASE_URL, CLOUDFLARE_API_TOKEN, KV_NAMESPACE_ID, R2_ACCESS_KEY_ID,
    R2_ACCOUNT_ID, R2_BUCKET_MEDIA, R2_ENDPOINT, R2_SECRET_ACCESS_KEY, SSL_CERT_FILE,
};
use crate::{given_credentials, shell, shutdown};

/// Maximum time to deliver events after the server has stopped.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) async fn run(args: Serve, printer: Printer) -> Result<ExitStatus> {
    let given = args.credentials_from_env.then(given_credentials::read).transpose()?;
    if let Some(target) = &args.events {
        target.check(&args.data)?;
    }
    if args.data.exists() && !args.data.is_dir() {
        return Err(Error::usage(
            format!("--data \"{}\" is not a folder", args.data.display()),
            "name the folder of the store, which is created if it does not exist",
        ));
    }
    let sockets = Sockets::take()?;
    let store = LocalStore::open(&args.data).await?;
    LocalBucket::open_in(&store, LOCAL_BUCKET).await?;
    let tls = tls(&args, &store)?;
    let credentials = match given {
        Some(given) => given,
        None => Credentials::load_or_create(&args.data)?,
    };
    let events = EventCounts::default();
    let delivery = match &args.events {
        Some(target) => {
            let delivery = Delivery::open(target).await?;
            let told = store.events(credentials.account_id());
            Some(tokio::spawn(delivery.run(told, printer, events.clone())))
        }
        None => None,
    };
    let namespace_id = LocalNamespace::open_in(&store, LOCAL_NAMESPACE).await?.id().to_owned();
    if sockets.admin.is_some() && args.admin_listen.is_some() {
        printer.warning("--admin-listen is ignored: the second socket of LISTEN_FDS is used instead");
    }
    if sockets.server.is_some() && args.listen.to_string() != LISTEN {
        printer.warning("--listen is ignored: the first socket of LISTEN_FDS is used instead");
    }
    let admin = match (sockets.admin, args.admin_listen) {
        (Some(socket), _) => Some(AdminListener::take(socket)?),
        (None, Some(address)) => Some(AdminListener::bind(address).await?),
        (None, None) => None,
    };
    let bound = match sockets.server {
        Some(socket) => Server::at_listener(store.clone(), credentials.clone(), socket).await,
        None => Server::bind(store.clone(), credentials.clone(), args.listen).await,
    };
    let server = bound.map_err(Error::Listen)?.with_limits(Limits::default().grace(args.grace_period));
    let server = server.with_keys(Keys::in_directory(&args.data));
    let server = server.with_kv_behaviour(match args.kv_cache_ttl {
        _ if !args.kv_as_in_production => KvBehaviour::default(),
        None => KvBehaviour::as_in_production(),
        ttl => KvBehaviour::as_in_production().cache_ttl(ttl),
    });
    let server = if args.cors_open { server.with_open_cors() } else { server };
    let server = server.with_r2_behaviour(if args.r2_as_in_production {
        R2Behaviour::as_in_production()
    } else {
        R2Behaviour::default()
    });
    if let Some(plan) = args.fault.clone() {
        server.faults().follow(plan);
    }
    let certificate = tls.as_ref().map(|tls| tls.certificate().to_owned());
    let server = match tls {
        Some(tls) => server.with_tls(tls),
        None => server,
    };
    let server = args.host.iter().fold(server, |server, host| server.with_host(host));
    let shutdown = shutdown::requested()?;
    let listen = server.local_addr();
    let endpoint = match args.host.first() {
        // The certificate is for the name, not for the address.
        Some(host) if args.tls_cert.is_some() => {
            format!("https://{}:{}", host.trim_end_matches('.'), listen.port())
        }
        _ => server.endpoint(),
    };

    let (api, api_token) = (format!("{endpoint}/client/v4"), credentials.api_token());
    // An absolute path, so that it works in every folder.
    let certificate = certificate.map(|path| std::path::absolute(&path).unwrap_or(path));
    let trusted = certificate.as_ref().map(|path| path.display().to_string());
    let mut variables = vec![
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
    variables.extend(trusted.as_deref().map(|path| (SSL_CERT_FILE, path)));
    printer.json(&variables.iter().copied().collect::<BTreeMap<_, _>>())?;
    shell::export(printer, variables)?;
    if printer.is_log() {
        printer.note(format_args!("serving {}/ at {endpoint}", args.data.display()));
    } else {
        printer.note(format_args!(
            "serving {}/ at {endpoint}: paste the lines above into another terminal to use it with cfstore.\n\
             Other S3 clients work with the same values, region auto and path style, and wrangler with those of KV.\n\
             Press Ctrl-C to stop.",
            args.data.display()
        ));
    }
    if let Some(admin) = &admin {
        let address = admin.local_addr()?;
        printer
            .note(format_args!("health and metrics: http://{address}{HEALTH} and http://{address}{METRICS}"));
    }
    if args.credentials_from_env {
        printer
            .note("the credentials come from the environment: anyone who can read it has full access to this server");
    }
    if args.fault.is_some() {
        printer.note("--fault makes requests fail, including those of cfstore");
    }
    if let Some(certificate) = &certificate {
        printer.note(format_args!(
            "clients must trust {}: name it in SSL_CERT_FILE (cfstore, Go, curl), AWS_CA_BUNDLE (aws, boto3),\n\
             NODE_EXTRA_CA_CERTS (Node) or --cacert (restic, curl). Other programs may then trust only that file.",
            certificate.display()
        ));
    }
    if args.cors_open {
        printer.warning(
            "--cors-open allows everything to pages served from this machine. On R2, and here without the option,\n\
             pages need CORS rules: `cfstore r2 cors set`.",
        );
    }
    if !listen.ip().is_loopback() {
        let crosses =
            if certificate.is_some() { "" } else { ". Connections are not encrypted: --tls encrypts them" };
        printer.warning(format_args!(
            "listening on {listen}, which other machines can reach. Anyone with the credentials can read and write\n\
             everything, and anyone with a presigned URL can use it{crosses}."
        ));
    }
    if let Some(target) = &args.events {
        printer.note(format_args!("events go to {target}"));
    }
    serve(server, store, admin, args.events.is_some().then_some(&events), shutdown).await;
    if let Some(delivery) = delivery
        && tokio::time::timeout(DELIVERY_TIMEOUT, delivery).await.is_err()
    {
        printer.warning(format_args!("{} events were not delivered in time and are lost", events.waiting()));
    }
    printer.note("stopped");
    Ok(ExitStatus::Success)
}

/// Serves until `shutdown` completes, then closes the store.
async fn serve(
    server: Server,
    store: LocalStore,
    listener: Option<AdminListener>,
    events: Option<&EventCounts>,
    shutdown: impl Future<Output = ()>,
) {
    let Some(listener) = listener else {
        drop(store);
        service_manager::ready();
        return server
            .run(async {
                shutdown.await;
                service_manager::stopping();
            })
            .await;
    };
    let (metrics, gauges) = (Metrics::default(), StoreGauges::default());
    let admin = Admin::new(store.clone(), ServeMetrics::new(metrics.clone(), &gauges, events));
    let server = server.with_metrics(metrics).run(async {
        shutdown.await;
        admin.stopping();
        service_manager::stopping();
    });
    service_manager::ready();
    tokio::select! {
        () = server => {}
        () = listener.serve(Arc::clone(&admin)) => {}
        () = gauges.measure(store) => {}
    }
}

/// Returns the TLS configuration, if TLS is enabled.
fn tls(args: &Serve, store: &LocalStore) -> Result<Option<Tls>> {
    if args.tls {
        return Ok(Some(Tls::load_or_create(&args.data, store.now())?));
    }
    let (Some(certificate), Some(key)) = (&args.tls_cert, &args.tls_key) else { return Ok(None) };
    let tls = Tls::from_files(certificate, key).map_err(|error| {
        Error::usage(error.message(), "check --tls-cert and --tls-key, or give --tls instead, which generates a certificate for this machine")
    })?;
    Ok(Some(tls))
}
