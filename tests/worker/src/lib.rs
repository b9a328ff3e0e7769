//! A Worker for the tests in `tests/interop/contract.test.mjs`.
//!
//! `POST /cases/{suite}/{name}` runs a case of the contract over the binding `BUCKET_{index}` or
//! `KV_{index}`. `/r2/{operation}` and `/kv/{operation}` are operations of a service and a client in statics.
//! `/resumable` is a step of an upload over many requests. `/locks` contends for a lock. A failure is
//! answered with its parts as JSON.

mod kv_operations;
mod locks;
mod operations;
mod resumable_uploads;

use std::sync::OnceLock;

use cloudflare_clients::kv::KvClient;
use cloudflare_clients::r2::{ChecksumAlgorithm, R2Service};
use cloudflare_clients::rate_limit::RateLimiter;
use cloudflare_clients::{WorkersBucket, WorkersRateLimiter};
use contract::{kv, r2};
use worker::js_sys::{ArrayBuffer, Function, Reflect, WebAssembly, global};
use worker::wasm_bindgen::JsCast;
use worker::{Context, Env, Error, Request, Response, Result, Url, event};

/// One service per instance, shared by all its requests.
static R2: OnceLock<R2Service> = OnceLock::new();
static KV: OnceLock<KvClient> = OnceLock::new();

/// The message of a panic is lost in the trap that follows, and the request would hang, so the entry module
/// is told.
#[event(start)]
fn start() {
    std::panic::set_hook(Box::new(|panic| {
        if let Ok(told) = Reflect::get(&global(), &"onPanic".into())
            && let Some(told) = told.dyn_ref::<Function>()
        {
            told.call1(&global(), &panic.to_string().into()).ok();
        }
    }));
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    let url = request.url()?;
    let segments: Vec<_> = url.path().split('/').skip(1).collect();
    match segments[..] {
        ["cases", "r2"] => Response::from_json(&r2::CASES.iter().map(|(name, _)| *name).collect::<Vec<_>>()),
        ["cases", "kv"] => Response::from_json(&kv::CASES.iter().map(|(name, _)| *name).collect::<Vec<_>>()),
        ["cases", "r2", name] => run_r2_case(&env, name).await,
        ["cases", "kv", name] => run_kv_case(&env, name).await,
        ["memory"] => Response::ok(memory()?.to_string()),
        ["r2", operation] => operations::answer(service(&env)?, operation, &request, &url).await,
        ["resumable"] => resumable_uploads::answer(service(&env)?, &request, &url).await,
        ["kv", operation] => kv_operations::answer(client(&env)?, operation, &request, &url).await,
        ["locks"] => locks::answer(service(&env)?, &url).await,
        ["kv-of", binding] => Response::ok(KvClient::from_worker_env(&env, binding).is_ok().to_string()),
        ["limited", binding] => limited(&env, binding, &url).await,
        ["sign", method] => operations::sign(service(&env)?, method, &url),
        ["signing-with"] => operations::signing_with(&env, &url),
        ["exists"] => operations::exists(&env, &url).await,
        _ => Response::error("Not Found", 404),
    }
}

fn service(env: &Env) -> Result<&'static R2Service> {
    match R2.get() {
        Some(service) => Ok(service),
        None => {
            let service = R2Service::from_worker_env(env, "MEDIA_BUCKET")?;
            Ok(R2.get_or_init(|| service))
        }
    }
}

fn client(env: &Env) -> Result<&'static KvClient> {
    match KV.get() {
        Some(client) => Ok(client),
        None => {
            let client = KvClient::from_worker_env(env, "SESSIONS")?;
            Ok(KV.get_or_init(|| client))
        }
    }
}

async fn run_r2_case(env: &Env, name: &str) -> Result<Response> {
    let Some(index) = r2::CASES.iter().position(|(known, _)| *known == name) else {
        return Response::error("no such case", 404);
    };
    let (_, case) = r2::CASES[index];
    let bucket = WorkersBucket::new(env.bucket(&format!("BUCKET_{index}"))?);
    case(r2::Fixture {
        service: R2Service::new(bucket),
        missing_bucket: None,
        other: None,
        lacks: r2::Lacks {
            cors: true,
            lifecycle: true,
            copy: true,
            list_parts: true,
            conditional_complete: true,
            multipart_checksums: true,
            buckets: true,
            checksums: vec![
                ChecksumAlgorithm::Crc32,
                ChecksumAlgorithm::Crc32c,
                ChecksumAlgorithm::Crc64Nvme,
            ],
        },
        simulated: true,
        short_pages: false,
        holds: None,
    })
    .await;
    Response::ok("passed")
}

async fn run_kv_case(env: &Env, name: &str) -> Result<Response> {
    let Some(index) = kv::CASES.iter().position(|(known, _)| *known == name) else {
        return Response::error("no such case", 404);
    };
    let (_, case) = kv::CASES[index];
    case(kv::Fixture {
        client: KvClient::from_worker_env(env, &format!("KV_{index}"))?,
        missing_namespace: None,
        lacks: kv::Lacks { namespaces: true, ..kv::Lacks::default() },
        simulated: true,
        clock: None,
        holds: None,
    })
    .await;
    Response::ok("passed")
}

/// Whether the platform's rate limiter of a binding allows the key.
async fn limited(env: &Env, binding: &str, url: &Url) -> Result<Response> {
    let limiter: Box<dyn RateLimiter> = match WorkersRateLimiter::from_worker_env(env, binding) {
        Ok(limiter) => Box::new(limiter),
        Err(error) => return operations::failure(&error),
    };
    match limiter.check(&operations::parameter(url, "key").unwrap_or_default()).await {
        Ok(decision) => Response::from_json(&decision.allowed),
        Err(error) => operations::failure(&error),
    }
}

/// Size of the instance's memory, in bytes.
fn memory() -> Result<u32> {
    let memory = worker::wasm_bindgen::memory().dyn_into::<WebAssembly::Memory>().map_err(Error::from)?;
    let buffer: ArrayBuffer = memory.buffer().unchecked_into();
    Ok(buffer.byte_length())
}
