use cloudflare_clients::r2::{Body, R2Service};
use worker::{Context, Env, Method, Request, Response, Result, event, js_sys};

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    let r2 = R2Service::from_worker_env(&env, "MEDIA_BUCKET")?;
    let Ok(key) = js_sys::decode_uri_component(&request.path()[1..]) else {
        return Response::error("Bad Request", 400);
    };
    match request.method() {
        Method::Put => match r2.put(key, Body::from_worker_request(&request)?).await {
            Ok(stored) => Response::ok(stored.etag),
            Err(error) => error.into_worker_response(),
        },
        Method::Get | Method::Head => match r2.get(key).worker_request(&request).await {
            Ok(Some(object)) => Ok(object.into_worker_response()?),
            Ok(None) => Response::error("Not Found", 404),
            Err(error) => error.into_worker_response(),
        },
        _ => Response::error("Method Not Allowed", 405),
    }
}
