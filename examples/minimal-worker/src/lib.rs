use cloudflare_clients::r2::{Body, R2Service};
use worker::{Context, Env, Method, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    let r2 = R2Service::from_worker_env(&env, "MEDIA_BUCKET")?;
    let key = request.path().trim_start_matches('/').to_owned();
    match request.method() {
        Method::Put => Response::ok(r2.put(key, Body::from_worker_request(&request)?).await?.etag),
        Method::Get => match r2.get(key).await? {
            Some(object) => Ok(object.into_worker_response()?),
            None => Response::error("Not Found", 404),
        },
        _ => Response::error("Method Not Allowed", 405),
    }
}
