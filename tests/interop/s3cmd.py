"""s3cmd against the server. It signs URLs with version 2 only, which R2 does not support, so presigned URLs are not tested."""

from urllib.parse import urlsplit

from harness import (
    ACCESS_KEY_ID,
    BUCKET,
    ENDPOINT,
    MIB,
    SECRET_ACCESS_KEY,
    check,
    contains,
    equal,
    finish,
    pattern,
    read,
    run,
    write,
)

HOST = urlsplit(ENDPOINT).netloc


def configuration(name, secret):
    return write(
        name,
        f"""[default]
access_key = {ACCESS_KEY_ID}
secret_key = {secret}
host_base = {HOST}
host_bucket = {HOST}
bucket_location = auto
use_https = False
max_retries = 1
progress_meter = False
multipart_chunk_size_mb = 8
""".encode(),
    )


CONFIGURATION = configuration("s3cfg", SECRET_ACCESS_KEY)


def s3cmd(*arguments, config=CONFIGURATION, stdin=None, fails=False):
    return run("s3cmd", "--config", config, *arguments, stdin=stdin, fails=fails)


def url(key=""):
    return f"s3://{BUCKET}/{key}"


def put(key, body):
    s3cmd("put", write("up", body), url(key))


def get(key):
    s3cmd("get", "--force", url(key), "down")
    return read("down")


def names(*arguments):
    return [line.split(maxsplit=3)[-1] for line in s3cmd("ls", *arguments).decode().splitlines()]


@check
def put_and_get():
    for size in (0, 1, 100_000):
        put("plain/object", pattern(size))
        equal(get("plain/object"), pattern(size))


@check
def resumed_get():
    put("range", b"0123456789")
    write("resumed", b"0123")
    s3cmd("get", "--continue", url("range"), "resumed")
    equal(read("resumed"), b"0123456789")


@check
def list_with_delimiter():
    for key in ("tree/a/1", "tree/b/1", "tree/z"):
        put(key, b"x")
    equal([name.split()[-1] for name in names(url("tree/"))], [url("tree/a/"), url("tree/b/"), url("tree/z")])
    equal(names("--recursive", url("tree/")), [url("tree/a/1"), url("tree/b/1"), url("tree/z")])


@check
def multipart_of_30_mib():
    put("multipart/30", pattern(30 * MIB))
    equal(get("multipart/30") == pattern(30 * MIB), True)


@check
def copy_and_move():
    put("copy/a", b"content")
    s3cmd("cp", url("copy/a"), url("copy/b"))
    s3cmd("mv", url("copy/b"), url("copy/c"))
    equal(get("copy/c"), b"content")
    equal(names(url("copy/")), [url("copy/a"), url("copy/c")])


@check
def hostile_keys():
    for key in ("hostile/two  spaces and + plus", "hostile/!'()*", "hostile/percent%2F%20", "hostile/żółć-🎬"):
        put(key, key.encode())
        equal(get(key), key.encode())


@check
def missing_key_and_wrong_secret():
    contains(s3cmd("get", "--force", url("missing"), "down", fails=True), "does not exist")
    wrong = configuration("wrong", "0" * 64)
    contains(s3cmd("put", CONFIGURATION, url("wrong"), config=wrong, fails=True), "SignatureDoesNotMatch")


@check
def delete():
    put("delete/me", b"x")
    s3cmd("del", url("delete/me"))
    equal(names(url("delete/")), [])


@check
def batch_delete():
    for n in range(5):
        put(f"batch/{n}", b"x")
    s3cmd("del", "--recursive", "--force", url("batch/"))
    equal(names("--recursive", url("batch/")), [])


finish()
