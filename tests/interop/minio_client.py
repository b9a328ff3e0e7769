"""MinIO's client for Python against the server, over TLS: without TLS, it sends no customer keys."""

import io
import os
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.commonconfig import ENABLED, CopySource, Filter
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from minio.lifecycleconfig import AbortIncompleteMultipartUpload, Expiration, LifecycleConfig, Rule
from minio.sse import SseCustomerKey

from harness import (
    ACCESS_KEY_ID,
    BUCKET,
    ENDPOINT,
    HOSTILE_KEYS,
    MIB,
    SECRET_ACCESS_KEY,
    check,
    equal,
    finish,
    pattern,
)


def client(secret=SECRET_ACCESS_KEY):
    # Rejected requests are not sent again.
    pool = urllib3.PoolManager(ca_certs=os.environ["SSL_CERT_FILE"], retries=False)
    return Minio(
        urlsplit(ENDPOINT).netloc, access_key=ACCESS_KEY_ID, secret_key=secret, region="auto", http_client=pool
    )


minio = client()


def put(key, body, **options):
    return minio.put_object(BUCKET, key, io.BytesIO(body), len(body), **options)


def get(key, **options):
    answer = minio.get_object(BUCKET, key, **options)
    try:
        return answer.read()
    finally:
        answer.close()
        answer.release_conn()


def names(prefix, **options):
    return [entry.object_name for entry in minio.list_objects(BUCKET, prefix=prefix, **options)]


def refused(code, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except S3Error as error:
        equal(error.code, code)
    else:
        raise AssertionError(f"was not refused with {code}")


@check
def put_get_and_stat():
    for size in (0, 1, 100_000):
        stored = put("plain/object", pattern(size), content_type="video/mp4", metadata={"owner": "creator 1"})
        equal(get("plain/object"), pattern(size))
        found = minio.stat_object(BUCKET, "plain/object")
        equal((found.size, found.etag, found.content_type), (size, stored.etag, "video/mp4"))
    equal(get("plain/object", offset=10, length=20), pattern(100_000)[10:30])
    refused("NoSuchKey", minio.get_object, BUCKET, "missing")
    refused("SignatureDoesNotMatch", client("0" * 64).get_object, BUCKET, "plain/object")


@check
def hostile_keys():
    # The client folds `.` and `..`, and rejects keys that start or end with a slash.
    for key in HOSTILE_KEYS:
        if "/./" in key or "/../" in key or "//" in key or key.endswith("/"):
            continue
        put(key, key.encode())
        equal(get(key), key.encode())


@check
def listings():
    for key in ("tree/a/1", "tree/b/1", "tree/z"):
        put(key, b"x")
    equal(names("tree/"), ["tree/z", "tree/a/", "tree/b/"])  # files first: the client sorts
    equal(names("tree/", recursive=True), ["tree/a/1", "tree/b/1", "tree/z"])
    equal(names("tree/", recursive=True, use_api_v1=True), ["tree/a/1", "tree/b/1", "tree/z"])
    equal(names("tree/", recursive=True, start_after="tree/a/1"), ["tree/b/1", "tree/z"])
    errors = minio.remove_objects(BUCKET, [DeleteObject(key) for key in ("tree/a/1", "tree/z", "missing")])
    equal(list(errors), [])
    equal(names("tree/", recursive=True), ["tree/b/1"])


@check
def more_keys_than_a_page_has():
    # It requests each next page with its token as `start-after` too, and the token sorts after all of these keys.
    numbers = [f"{n:04}" for n in range(1005)]
    for key in numbers:
        put(key, b"x")
    equal([name for name in names("", recursive=True) if name in numbers], numbers)
    equal(list(minio.remove_objects(BUCKET, map(DeleteObject, numbers))), [])


@check
def a_stream_of_unknown_length_in_parts():
    body = pattern(23 * MIB)
    stored = minio.put_object(BUCKET, "parts", io.BytesIO(body), -1, part_size=5 * MIB)
    equal(stored.etag.endswith('-5'), True)
    equal(get("parts") == body, True)
    put("parts-again", body, part_size=10 * MIB)
    equal(get("parts-again") == body, True)


@check
def copies():
    put("copy/a", b"content")
    minio.copy_object(BUCKET, "copy/b", CopySource(BUCKET, "copy/a"))
    equal(get("copy/b"), b"content")
    etag = minio.stat_object(BUCKET, "copy/a").etag
    minio.copy_object(BUCKET, "copy/c", CopySource(BUCKET, "copy/a", match_etag=etag))
    refused(
        "PreconditionFailed",
        minio.copy_object,
        BUCKET,
        "copy/d",
        CopySource(BUCKET, "copy/a", match_etag="0" * 32),
    )


@check
def presigned_urls():
    pool = urllib3.PoolManager(ca_certs=os.environ["SSL_CERT_FILE"])
    url = minio.presigned_put_object(BUCKET, "presigned", expires=timedelta(minutes=5))
    equal(pool.request("PUT", url, body=b"hello").status, 200)
    url = minio.presigned_get_object(BUCKET, "presigned", expires=timedelta(minutes=5))
    equal(pool.request("GET", url).data, b"hello")


@check
def customer_keys():
    key, other = SseCustomerKey(b"k" * 32), SseCustomerKey(b"o" * 32)
    body = pattern(300_000)
    put("sse-c/a", body, sse=key)
    equal(get("sse-c/a", ssec=key), body)
    equal(get("sse-c/a", offset=262_127, length=3, ssec=key), body[262_127:262_130])
    equal(minio.stat_object(BUCKET, "sse-c/a", ssec=key).size, 300_000)
    refused("InvalidRequest", minio.get_object, BUCKET, "sse-c/a")
    refused("AccessDenied", minio.get_object, BUCKET, "sse-c/a", ssec=other)
    minio.copy_object(BUCKET, "sse-c/b", CopySource(BUCKET, "sse-c/a", ssec=key), sse=other)
    equal(get("sse-c/b", ssec=other), body)
    large = pattern(12 * MIB)
    put("sse-c/large", large, part_size=5 * MIB, sse=key)
    equal(get("sse-c/large", ssec=key) == large, True)


@check
def lifecycle_rules():
    default = minio.get_bucket_lifecycle(BUCKET)
    equal([rule.abort_incomplete_multipart_upload.days_after_initiation for rule in default.rules], [7])
    date = datetime(2100, 1, 1, tzinfo=timezone.utc)
    rules = [
        Rule(ENABLED, rule_filter=Filter(prefix="logs/"), rule_id="logs", expiration=Expiration(days=90)),
        Rule(ENABLED, rule_filter=Filter(prefix="old/"), rule_id="old", expiration=Expiration(date=date)),
        Rule(
            ENABLED,
            rule_filter=Filter(prefix=""),
            rule_id="uploads",
            abort_incomplete_multipart_upload=AbortIncompleteMultipartUpload(days_after_initiation=1),
        ),
    ]
    minio.set_bucket_lifecycle(BUCKET, LifecycleConfig(rules))
    kept = {rule.rule_id: rule for rule in minio.get_bucket_lifecycle(BUCKET).rules}
    equal(sorted(kept), ["logs", "old", "uploads"])
    equal((kept["logs"].rule_filter.prefix, kept["logs"].expiration.days), ("logs/", 90))
    equal(kept["old"].expiration.date, date)
    equal(kept["uploads"].abort_incomplete_multipart_upload.days_after_initiation, 1)
    minio.delete_bucket_lifecycle(BUCKET)
    equal(minio.get_bucket_lifecycle(BUCKET), None)


@check
def buckets():
    minio.make_bucket("another")
    equal("another" in [bucket.name for bucket in minio.list_buckets()], True)
    equal((minio.bucket_exists("another"), minio.bucket_exists("missing")), (True, False))
    minio.remove_bucket("another")
    equal(minio.bucket_exists("another"), False)


finish()
