//! Workers KV's REST API, by hand.

use serde_json::{Value, json};

use crate::client::{Answer, Local};

/// A namespace, with which the targets of requests begin.
pub(crate) async fn namespace(local: &Local) -> String {
    let answer = local.kv("POST", "").body(r#"{"title":"sessions"}"#).send().await;
    format!("/{}", result(&answer)["id"].as_str().unwrap())
}

pub(crate) fn envelope(answer: &Answer) -> Value {
    assert_eq!(answer.header("content-type"), "application/json");
    serde_json::from_slice(&answer.body).unwrap()
}

/// The result of a success.
pub(crate) fn result(answer: &Answer) -> Value {
    let mut envelope = envelope(answer);
    assert_eq!((answer.status, &envelope["success"]), (200, &json!(true)), "{envelope}");
    assert_eq!((&envelope["errors"], &envelope["messages"]), (&json!([]), &json!([])));
    envelope["result"].take()
}

/// The status and number of a failure.
pub(crate) fn error(answer: &Answer) -> (u16, u64) {
    let envelope = envelope(answer);
    assert_eq!((&envelope["success"], &envelope["result"]), (&json!(false), &Value::Null), "{envelope}");
    assert!(!envelope["errors"][0]["message"].as_str().unwrap().is_empty());
    (answer.status, envelope["errors"][0]["code"].as_u64().unwrap())
}

#[tokio::test]
async fn only_the_token_lets_in() {
    let local = Local::start().await;
    let target =
        format!("/client/v4/accounts/{}/storage/kv/namespaces", local.server.credentials().account_id());
    assert_eq!(error(&local.send_unsigned("GET", &target, &[]).await), (400, 9106));
    let token = local.server.credentials().api_token();
    let other = format!("Bearer {}", "0".repeat(token.len()));
    for authorization in ["Bearer ", "Bearer x", &other, &format!("Bearer {token}0")] {
        let refused = local.send_unsigned("GET", &target, &[("authorization", authorization)]).await;
        assert_eq!(error(&refused), (403, 10000), "{authorization}");
        assert!(!refused.text().contains(&token));
    }
    let bearer = format!("bearer {token}");
    let accepted = local.send_unsigned("GET", &target, &[("authorization", &bearer)]).await;
    assert_eq!(result(&accepted), json!([]));
    let foreign = format!("/client/v4/accounts/{}/storage/kv/namespaces", "0".repeat(32));
    let refused = local.send_unsigned("GET", &foreign, &[("authorization", &bearer)]).await;
    assert_eq!(error(&refused), (403, 10000));
    // The token opens no bucket.
    let refused = local.send_unsigned("GET", "/media", &[("authorization", &bearer)]).await;
    assert_eq!((refused.status, refused.element("Code").as_str()), (400, "InvalidRequest"));
}

#[tokio::test]
async fn namespaces_are_created_listed_renamed_and_deleted() {
    let local = Local::start().await;
    let mut ids = Vec::new();
    for title in ["b", "a", "c"] {
        let created = result(&local.kv("POST", "").body(json!({ "title": title }).to_string()).send().await);
        assert_eq!((&created["title"], &created["supports_url_encoding"]), (&json!(title), &json!(true)));
        ids.push(created["id"].as_str().unwrap().to_owned());
    }
    let taken = local.kv("POST", "").body(r#"{"title":"a"}"#).send().await;
    assert_eq!(error(&taken), (400, 10014));
    for body in ["{}", r#"{"title":""}"#] {
        assert_eq!(error(&local.kv("POST", "").body(body).send().await), (400, 10019));
    }
    assert_eq!(error(&local.kv("POST", "").body("nonsense").send().await), (400, 10012));

    let listed = local.kv("GET", "?page=2&per_page=2&order=title&direction=desc").send().await;
    assert_eq!(result(&listed).as_array().unwrap().iter().map(|n| &n["title"]).collect::<Vec<_>>(), ["a"]);
    let info = &envelope(&listed)["result_info"];
    assert_eq!(info, &json!({ "count": 1, "page": 2, "per_page": 2, "total_count": 3 }));
    for (query, number) in
        [("page=0", 10007), ("per_page=1001", 10008), ("order=size", 10043), ("direction=up", 10044)]
    {
        assert_eq!(error(&local.kv("GET", &format!("?{query}")).send().await), (400, number), "{query}");
    }

    let target = format!("/{}", ids[0]);
    let renamed = result(&local.kv("PUT", &target).body(r#"{"title":"z"}"#).send().await);
    assert_eq!(renamed, result(&local.kv("GET", &target).send().await));
    assert_eq!(renamed["title"], "z");
    assert_eq!(error(&local.kv("PUT", &target).body(r#"{"title":"a"}"#).send().await), (400, 10014));
    assert_eq!(result(&local.kv("DELETE", &target).send().await), Value::Null);
    for method in ["GET", "DELETE"] {
        assert_eq!(error(&local.kv(method, &target).send().await), (404, 10013));
    }
    assert_eq!(error(&local.kv("GET", &format!("{target}/values/k")).send().await), (404, 10013));
}

#[tokio::test]
async fn values_are_the_body_or_in_a_form() {
    let local = Local::start().await;
    let ns = namespace(&local).await;
    let key = format!("{ns}/values/a%2Fb%20c");
    assert_eq!(error(&local.kv("GET", &key).send().await), (404, 10009));
    result(&local.kv("PUT", &format!("{key}?expiration_ttl=600")).body(b"\0\xff\r\n".to_vec()).send().await);
    let got = local.kv("GET", &key).send().await;
    assert_eq!((got.status, got.body.as_slice()), (200, b"\0\xff\r\n".as_slice()));
    assert_eq!(got.header("content-type"), "application/octet-stream");
    assert!(got.header("expiration").parse::<u64>().unwrap() > 1_700_000_000);
    let metadata = format!("{ns}/metadata/a%2Fb%20c");
    assert_eq!(result(&local.kv("GET", &metadata).send().await), Value::Null);

    // The value first and the metadata last, as some clients have them.
    let form = "--B\r\nContent-Disposition: form-data; name=\"value\"; filename=\"x\"\r\n\r\nline\r\n--line\r\n--B\r\n\
                Content-Disposition: form-data; name=\"metadata\"\r\n\r\n{\"n\":[1]}\r\n--B--\r\n";
    let put = |form: &str| {
        local.kv("PUT", &key).header("content-type", "multipart/form-data; boundary=B").body(form)
    };
    result(&put(form).send().await);
    let got = local.kv("GET", &key).send().await;
    assert_eq!((got.text().as_str(), got.header("expiration")), ("line\r\n--line", ""));
    assert_eq!(result(&local.kv("GET", &metadata).send().await), json!({ "n": [1] }));
    // Some clients flatten metadata that is an object into fields of other names.
    let flat = form.replace("name=\"metadata\"", "name=\"metadata[n]\"");
    result(&put(&flat).send().await);
    assert_eq!(result(&local.kv("GET", &metadata).send().await), Value::Null);
    result(&put(form).send().await);
    for (form, status, number) in [
        (form.replace("{\"n\":[1]}", "{"), 400, 10047),
        (form.replace("{\"n\":[1]}", &format!("\"{}\"", "m".repeat(1023))), 413, 10047),
        (form.replace("\"value\"", "\"other\""), 400, 10012),
        (form.replace("--B--", ""), 400, 10012),
    ] {
        assert_eq!(error(&put(&form).send().await), (status, number), "{form}");
    }
    assert_eq!(local.kv("GET", &key).send().await.text(), "line\r\n--line");

    for _ in 0..2 {
        assert_eq!(result(&local.kv("DELETE", &key).send().await), Value::Null);
    }
    assert_eq!(error(&local.kv("GET", &key).send().await), (404, 10009));
    assert_eq!(error(&local.kv("GET", &metadata).send().await), (404, 10009));
}

#[tokio::test]
async fn what_kv_refuses_has_its_number() {
    let local = Local::start().await;
    let ns = namespace(&local).await;
    let long = "k".repeat(513);
    for (target, status, number) in [
        ("/values/k?expiration_ttl=59".to_owned(), 400, 10034),
        ("/values/k?expiration_ttl=soon".to_owned(), 400, 10034),
        ("/values/k?expiration_ttl=9223372036854775807".to_owned(), 400, 10029),
        ("/values/k?expiration_ttl=18446744073709551615".to_owned(), 400, 10029),
        ("/values/k?expiration=253402300800".to_owned(), 400, 10029),
        ("/values/k?expiration=1000000000".to_owned(), 400, 10033),
        (format!("/values/{long}"), 414, 10030),
        ("/values/..".to_owned(), 400, 10042),
        ("/values/".to_owned(), 400, 10042),
        ("/values/%ff".to_owned(), 400, 10029),
    ] {
        let refused = local.kv("PUT", &format!("{ns}{target}")).body("x").send().await;
        assert_eq!(error(&refused), (status, number), "{target}");
    }
    let too_long = local.kv("PUT", &format!("{ns}/values/k")).body(vec![0; 25 * 1024 * 1024 + 1]);
    assert_eq!(error(&too_long.send().await), (413, 10024));
    let too_long = local.kv("POST", "").body(" ".repeat((1 << 20) + 1));
    assert_eq!(error(&too_long.send().await), (413, 10024));
    for (query, number) in
        [("limit=0", 10028), ("limit=1001", 10028), ("limit=x", 10028), ("cursor=!", 10041)]
    {
        let refused = local.kv("GET", &format!("{ns}/keys?{query}")).send().await;
        assert_eq!(error(&refused), (400, number), "{query}");
    }
    assert_eq!(result(&local.kv("GET", &format!("{ns}/keys")).send().await), json!([]));
    assert_eq!(error(&local.kv("PATCH", &ns).send().await), (400, 7000));
}

#[tokio::test]
async fn keys_come_in_pages() {
    let local = Local::start().await;
    let ns = namespace(&local).await;
    let pairs: Vec<_> = (0..5).map(|i| json!({ "key": format!("a/{i}"), "value": "x" })).collect();
    let put = local.kv("PUT", &format!("{ns}/bulk")).body(json!(pairs).to_string()).send().await;
    assert_eq!(result(&put), json!({ "successful_key_count": 5, "unsuccessful_keys": [] }));
    let first = local.kv("GET", &format!("{ns}/keys?prefix=a%2F&limit=3")).send().await;
    assert_eq!(result(&first), json!([{ "name": "a/0" }, { "name": "a/1" }, { "name": "a/2" }]));
    let cursor = envelope(&first)["result_info"]["cursor"].as_str().unwrap().to_owned();
    let last = local.kv("GET", &format!("{ns}/keys?prefix=a%2F&limit=3&cursor={cursor}")).send().await;
    assert_eq!(result(&last), json!([{ "name": "a/3" }, { "name": "a/4" }]));
    assert_eq!(envelope(&last)["result_info"], json!({ "count": 2, "cursor": "" }));
}

#[tokio::test]
async fn many_keys_in_one_request() {
    let local = Local::start().await;
    let ns = namespace(&local).await;
    let bulk = format!("{ns}/bulk");
    let pairs = json!([
        { "key": "text", "value": "\"é\"", "metadata": { "m": 1 }, "expiration_ttl": 600 },
        { "key": "bytes", "value": "AP8=", "base64": true },
    ]);
    result(&local.kv("PUT", &bulk).body(pairs.to_string()).send().await);
    assert_eq!(local.kv("GET", &format!("{ns}/values/bytes")).send().await.body, [0, 255]);

    let get = |body: Value| local.kv("POST", &format!("{ns}/bulk/get")).body(body.to_string());
    let values = result(&get(json!({ "keys": ["text", "none", "bytes"] })).send().await);
    assert_eq!(values, json!({ "values": { "text": "\"é\"", "none": null, "bytes": "\0\u{fffd}" } }));
    let with_metadata = json!({ "keys": ["text", "none"], "type": "json", "withMetadata": true });
    let values = result(&get(with_metadata).send().await)["values"].take();
    assert_eq!((&values["none"], &values["text"]["value"]), (&Value::Null, &json!("é")));
    assert_eq!(values["text"]["metadata"], json!({ "m": 1 }));
    assert!(values["text"]["expiration"].is_u64());
    let many: Vec<_> = (0..101).map(|i| i.to_string()).collect();
    for (body, number) in [
        (json!({ "keys": [] }), 10029),
        (json!({ "keys": many }), 10029),
        (json!({ "keys": ["text"], "type": "stream" }), 10029),
        (json!({ "keys": ["bytes"], "type": "json" }), 10012),
        (json!({ "keys": "text" }), 10012),
    ] {
        assert_eq!(error(&get(body.clone()).send().await), (400, number), "{body}");
    }

    // One bad pair, and nothing is written.
    for (bad, number) in [
        (json!({ "key": "", "value": "x" }), 10042),
        (json!({ "key": "b", "value": "*", "base64": true }), 10012),
        (json!({ "key": "b", "value": "x", "expiration_ttl": 1 }), 10034),
        (json!({ "key": "b", "value": 1 }), 10012),
    ] {
        let pairs = json!([{ "key": "good", "value": "x" }, bad]).to_string();
        assert_eq!(error(&local.kv("PUT", &bulk).body(pairs).send().await), (400, number), "{bad}");
    }
    assert_eq!(error(&local.kv("GET", &format!("{ns}/values/good")).send().await), (404, 10009));

    for (method, target) in [("POST", format!("{ns}/bulk/delete")), ("DELETE", bulk)] {
        let deleted = local.kv(method, &target).body(r#"["text","none"]"#).send().await;
        assert_eq!(result(&deleted), json!({ "successful_key_count": 2, "unsuccessful_keys": [] }));
    }
    let names = result(&local.kv("GET", &format!("{ns}/keys")).send().await);
    assert_eq!(names, json!([{ "name": "bytes" }]));
}

#[tokio::test]
async fn ordered_failures_are_in_the_envelope() {
    let local = Local::start().await;
    for (status, number) in [(429, 10022), (503, 10001), (500, 10001), (418, 10029)] {
        local.server.faults().fail_next(1, http::StatusCode::from_u16(status).unwrap());
        assert_eq!(error(&local.kv("GET", "").send().await), (status, number));
    }
    assert_eq!(result(&local.kv("GET", "").send().await), json!([]));
}
