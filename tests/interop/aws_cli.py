"""The AWS CLI against the server."""

import json
import os

from harness import (
    ACCESS_KEY_ID,
    BUCKET,
    ENDPOINT,
    HOSTILE_KEYS,
    MIB,
    SECRET_ACCESS_KEY,
    alter_signature,
    check,
    contains,
    equal,
    finish,
    pattern,
    read,
    request,
    run,
    temporary_credentials,
    write,
)

CONFIG = write(
    "aws-config",
    b"[default]\nregion = auto\ns3 =\n  addressing_style = path\n  signature_version = s3v4\n"
    b"  multipart_threshold = 8MB\n  multipart_chunksize = 8MB\n",
)
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": os.getcwd(),
    "PYTHONUTF8": "1",
    "AWS_CONFIG_FILE": os.path.abspath(CONFIG),
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_PAGER": "",
    "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
    "AWS_ENDPOINT_URL": ENDPOINT,
    "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
    "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
}


def aws(*arguments, stdin=None, fails=False, **variables):
    return run("aws", *arguments, env={**ENVIRONMENT, **variables}, stdin=stdin, fails=fails)


def s3api(operation, *arguments, fails=False):
    output = aws("s3api", operation, "--bucket", BUCKET, *arguments, fails=fails)
    return output if fails else json.loads(output or b"{}")


def url(key=""):
    return f"s3://{BUCKET}/{key}"


def put(key, body):
    aws("s3", "cp", "-", url(key), stdin=body)


def get(key):
    return aws("s3", "cp", url(key), "-")


@check
def cors_rules():
    rules = {"CORSRules": [{"AllowedOrigins": ["http://localhost:5173"], "AllowedMethods": ["GET"], "MaxAgeSeconds": 5}]}
    s3api("put-bucket-cors", "--cors-configuration", json.dumps(rules))
    equal(s3api("get-bucket-cors"), rules)
    s3api("delete-bucket-cors")
    contains(s3api("get-bucket-cors", fails=True), "NoSuchCORSConfiguration")


@check
def lifecycle_rules():
    rule = {"ID": "logs", "Filter": {"Prefix": "logs/"}, "Status": "Enabled", "Expiration": {"Days": 90}}
    s3api("put-bucket-lifecycle-configuration", "--lifecycle-configuration", json.dumps({"Rules": [rule]}))
    equal(s3api("get-bucket-lifecycle-configuration")["Rules"], [rule])
    s3api("delete-bucket-lifecycle")
    contains(s3api("get-bucket-lifecycle-configuration", fails=True), "NoSuchLifecycleConfiguration")


@check
def put_and_get():
    for size in (0, 1, 100_000):
        body = pattern(size)
        aws("s3", "cp", write("up", body), url("plain/object"))
        aws("s3", "cp", url("plain/object"), "down")
        equal(read("down"), body)


@check
def put_and_get_of_a_stream():
    put("plain/stream", b"from a pipe")
    equal(get("plain/stream"), b"from a pipe")


@check
def metadata():
    options = ["--metadata", "uploadedBy=cli", "--content-type", "video/mp2t", "--cache-control", "no-cache"]
    aws("s3", "cp", write("up", b"x"), url("metadata"), *options)
    head = s3api("head-object", "--key", "metadata")
    equal((head["ContentType"], head["CacheControl"]), ("video/mp2t", "no-cache"))
    equal(head["Metadata"], {"uploadedby": "cli"})


@check
def ranges():
    put("range", b"0123456789")
    answer = s3api("get-object", "--key", "range", "--range", "bytes=2-4", "part")
    equal((read("part"), answer["ContentRange"]), (b"234", "bytes 2-4/10"))


@check
def list_with_delimiter():
    for key in ("tree/a/1", "tree/b/1", "tree/z"):
        put(key, b"x")
    listing = aws("s3", "ls", url("tree/")).decode()
    equal([line.split()[-1] for line in listing.splitlines()], ["a/", "b/", "z"])
    listing = aws("s3", "ls", "--recursive", url("tree/")).decode()
    equal([line.split()[-1] for line in listing.splitlines()], ["tree/a/1", "tree/b/1", "tree/z"])
    page = s3api("list-objects-v2", "--prefix", "tree/", "--delimiter", "/", "--page-size", "1")
    equal([entry["Prefix"] for entry in page["CommonPrefixes"]], ["tree/a/", "tree/b/"])


@check
def multipart_of_30_mib():
    body = pattern(30 * MIB)
    aws("s3", "cp", write("30", body), url("multipart/30"))
    head = s3api("head-object", "--key", "multipart/30")
    equal(head["ContentLength"], 30 * MIB)
    contains(head["ETag"], '-4"')
    aws("s3", "cp", url("multipart/30"), "30-again")
    equal(read("30-again") == body, True)


@check
def multipart_listed_and_aborted():
    upload = s3api("create-multipart-upload", "--key", "multipart/aborted")["UploadId"]
    part = write("part", pattern(5 * MIB))
    arguments = ["--key", "multipart/aborted", "--upload-id", upload]
    etag = s3api("upload-part", *arguments, "--part-number", "1", "--body", part)["ETag"]
    equal([entry["UploadId"] for entry in s3api("list-multipart-uploads")["Uploads"]], [upload])
    equal([(entry["PartNumber"], entry["ETag"]) for entry in s3api("list-parts", *arguments)["Parts"]], [(1, etag)])
    s3api("abort-multipart-upload", *arguments)
    contains(s3api("list-parts", *arguments, fails=True), "NoSuchUpload")


@check
def copy_and_move():
    put("copy/a", b"content")
    aws("s3", "cp", url("copy/a"), url("copy/b"))
    aws("s3", "mv", url("copy/b"), url("copy/c"))
    equal(get("copy/c"), b"content")
    contains(s3api("head-object", "--key", "copy/b", fails=True), "404")


@check
def sync_of_a_folder():
    os.makedirs("folder/hls", exist_ok=True)
    for name, body in (("folder/master.m3u8", b"#EXTM3U"), ("folder/hls/0.ts", pattern(1000))):
        # Older than any upload, whatever the clock's resolution.
        os.utime(write(name, body), (1_000_000_000, 1_000_000_000))
    aws("s3", "sync", "folder", url("sync"))
    equal(aws("s3", "sync", "folder", url("sync")), b"")
    aws("s3", "sync", url("sync"), "folder-again")
    equal(read("folder-again/master.m3u8"), b"#EXTM3U")
    equal(read("folder-again/hls/0.ts"), pattern(1000))


@check
def hostile_keys():
    # `aws s3` treats a key that ends with a slash as a folder.
    for key in HOSTILE_KEYS:
        s3api("put-object", "--key", key, "--body", write("up", key.encode()))
        s3api("get-object", "--key", key, "down")
        equal(read("down"), key.encode())
    listed = s3api("list-objects-v2", "--prefix", "hostile/")["Contents"]
    equal([entry["Key"] for entry in listed], sorted(HOSTILE_KEYS, key=str.encode))


@check
def conditional_put():
    put("conditional", b"first")
    refusal = s3api("put-object", "--key", "conditional", "--body", CONFIG, "--if-none-match", "*", fails=True)
    contains(refusal, "PreconditionFailed")
    equal(get("conditional"), b"first")


@check
def presigned():
    put("presigned", b"x")
    signed = aws("s3", "presign", url("presigned"), "--expires-in", "60").decode().strip()
    equal(request("GET", signed), (200, b"x"))
    equal(request("GET", alter_signature(signed))[0], 403)


@check
def missing_key_and_wrong_secret():
    contains(s3api("get-object", "--key", "missing", "down", fails=True), "NoSuchKey")
    refusal = aws("s3", "ls", url(), fails=True, AWS_SECRET_ACCESS_KEY="0" * 64)
    contains(refusal, "SignatureDoesNotMatch")


@check
def delete():
    put("delete/me", b"x")
    aws("s3", "rm", url("delete/me"))
    contains(s3api("head-object", "--key", "delete/me", fails=True), "404")


@check
def batch_delete():
    keys = ["batch/1", "batch/2", "batch/was-never-there"]
    for key in keys[:2]:
        put(key, b"x")
    objects = json.dumps({"Objects": [{"Key": key} for key in keys]})
    answer = s3api("delete-objects", "--delete", objects)
    equal(sorted(entry["Key"] for entry in answer["Deleted"]), keys)
    aws("s3", "rm", "--recursive", url())
    equal(aws("s3", "ls", "--recursive", url()), b"")


@check
def temporary_credentials_do_what_they_allow_and_no_more():
    put("secret", b"x")
    secret, token = temporary_credentials("team/")
    limited = {"AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}
    big = pattern(9 * MIB)
    aws("s3", "cp", write("big", big), url("team/big"), **limited)
    aws("s3", "cp", write("small", b"y"), url("team/small"), **limited)
    aws("s3", "cp", url("team/small"), url("team/copy"), **limited)
    contains(aws("s3", "ls", url("team/"), **limited).decode(), "copy")
    aws("s3", "cp", url("team/big"), "back", **limited)
    equal(read("back"), big)
    signed = aws("s3", "presign", url("team/copy"), **limited).decode().strip()
    contains(signed, "X-Amz-Security-Token=")
    equal(request("GET", signed), (200, b"y"))
    for arguments in [
        ("s3", "cp", url("secret"), "stolen"),
        ("s3", "cp", url("secret"), url("team/stolen")),
        ("s3", "cp", "big", url("elsewhere")),
        ("s3", "ls", url()),
        ("s3", "ls"),
        ("s3", "rm", url("secret")),
        ("s3", "mb", "s3://interop-made-here"),
    ]:
        refusal = aws(*arguments, fails=True, **limited)
        if "403" not in refusal:
            contains(refusal, "AccessDenied")
    aws("s3", "rm", "--recursive", url("team/"), **limited)
    equal(aws("s3", "ls", url()).decode().split()[-1], "secret")
    aws("s3", "rm", url("secret"))


@check
def buckets():
    aws("s3", "mb", "s3://interop-made-here")
    contains(aws("s3", "ls").decode(), "interop-made-here")
    aws("s3", "cp", write("up", b"x"), "s3://interop-made-here/a")
    contains(aws("s3", "rb", "s3://interop-made-here", fails=True), "BucketNotEmpty")
    aws("s3", "rb", "--force", "s3://interop-made-here")


@check
def customer_keys():
    key = write("key", bytes([1] * 32))
    options = ["--sse-c", "AES256", "--sse-c-key", f"fileb://{key}"]
    body = pattern(12 * MIB)
    aws("s3", "cp", write("up", body), url("sse-c/a"), *options)
    aws("s3", "cp", url("sse-c/a"), "down", *options)
    equal(read("down"), body)
    contains(aws("s3", "cp", url("sse-c/a"), "down", fails=True), "400")


finish()
