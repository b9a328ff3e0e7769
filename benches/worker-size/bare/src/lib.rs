use worker::{Context, Env, Method, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(mut request: Request, env: Env, _context: Context) -> Result<Response> {
    let bucket = env.bucket("MEDIA_BUCKET")?;
    let key = request.path().trim_start_matches('/').to_owned();
    match request.method() {
        Method::Put => {
            let object = bucket.put(key, request.bytes().await?).execute().await?;
            Response::ok(object.map(|object| object.etag()).unwrap_or_default())
        }
        Method::Get => match bucket.get(key).execute().await? {
            Some(object) => match object.body() {
                Some(body) => Response::from_body(body.response_body()?),
                None => Response::error("Precondition Failed", 412),
            },
            None => Response::error("Not Found", 404),
        },
        _ => Response::error("Method Not Allowed", 405),
    }
}
