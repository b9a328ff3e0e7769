"""rclone against the server, with the settings from Cloudflare's documentation."""

import hashlib
import os

from harness import (
    ACCESS_KEY_ID,
    BUCKET,
    ENDPOINT,
    IN_PRODUCTION,
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

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": os.getcwd(),
    "RCLONE_CONFIG": os.devnull,
    "RCLONE_RETRIES": "1",
    "RCLONE_LOW_LEVEL_RETRIES": "20" if IN_PRODUCTION else "1",
    "RCLONE_S3_CHUNK_SIZE": "8Mi",
    "RCLONE_S3_UPLOAD_CUTOFF": "8Mi",
    "RCLONE_CONFIG_R2_TYPE": "s3",
    "RCLONE_CONFIG_R2_PROVIDER": "Cloudflare",
    "RCLONE_CONFIG_R2_ENDPOINT": ENDPOINT,
    "RCLONE_CONFIG_R2_REGION": "auto",
    "RCLONE_CONFIG_R2_ACCESS_KEY_ID": ACCESS_KEY_ID,
    "RCLONE_CONFIG_R2_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
    **{name: os.environ[name] for name in ["SSL_CERT_FILE"] if name in os.environ},
}

# A remote path cannot hold `//` or `..`: rclone cleans such paths before it sends anything.
NAMES = ["two  spaces and + plus", "percent%2Fencoded%20%", "!'()*", "&=?#;:@,$", "<xml>&amp;", "żółć-日本語-🎬"]


def rclone(*arguments, stdin=None, fails=False, **variables):
    return run("rclone", *arguments, env={**ENVIRONMENT, **variables}, stdin=stdin, fails=fails)


def at(key=""):
    return f"r2:{BUCKET}/{key}"


def put(key, body):
    rclone("rcat", at(key), stdin=body)


def get(key):
    return rclone("cat", at(key))


def modified(key):
    return rclone("lsf", "--format", "t", at(key), TZ="UTC").decode().strip()


def names(*arguments):
    return names_with({}, *arguments)


def names_with(variables, *arguments):
    return sorted(rclone("lsf", *arguments, **variables).decode().splitlines())


@check
def put_and_get():
    for size in (0, 1, 100_000):
        body = pattern(size)
        rclone("copyto", write("up", body), at("plain/object"))
        rclone("copyto", at("plain/object"), "down")
        equal(read("down"), body)


@check
def put_of_a_stream():
    put("plain/stream", b"from a pipe")
    equal(get("plain/stream"), b"from a pipe")


@check
def ranges():
    put("range", b"0123456789")
    equal(rclone("cat", "--offset", "2", "--count", "3", at("range")), b"234")
    equal(rclone("cat", "--tail", "3", at("range")), b"789")


@check
def list_with_delimiter():
    for key in ("tree/a/1", "tree/b/1", "tree/z"):
        put(key, b"x")
    equal(names(at("tree/")), ["a/", "b/", "z"])
    equal(names("--recursive", "--files-only", at("tree/")), ["a/1", "b/1", "z"])
    equal(names("--s3-list-chunk", "1", at("tree/")), ["a/", "b/", "z"])


@check
def multipart_of_30_mib():
    body = pattern(30 * MIB)
    rclone("copyto", write("30", body), at("multipart/30"))
    rclone("copyto", at("multipart/30"), "30-again")
    equal(read("30-again") == body, True)


@check
def modification_time_is_kept_as_metadata():
    os.utime(write("old", b"x"), (1_000_000_000, 1_000_000_000))
    rclone("copyto", "old", at("metadata"))
    equal(modified("metadata"), "2001-09-09 01:46:40")


@check
def copy_and_move():
    put("copy/a", b"content")
    rclone("copyto", at("copy/a"), at("copy/b"))
    rclone("moveto", at("copy/b"), at("copy/c"))
    equal(get("copy/c"), b"content")
    equal(names(at("copy/")), ["a", "c"])


@check
def hostile_names():
    os.makedirs("hostile", exist_ok=True)
    for name in NAMES:
        write(f"hostile/{name}", name.encode())
    rclone("copy", "hostile", at("hostile"))
    equal(names(at("hostile")), sorted(NAMES))
    rclone("copy", at("hostile"), "hostile-again")
    for name in NAMES:
        equal(read(f"hostile-again/{name}"), name.encode())


@check
def sync_and_check():
    os.makedirs("folder/hls", exist_ok=True)
    write("folder/master.m3u8", b"#EXTM3U")
    write("folder/hls/0.ts", pattern(9 * MIB))
    write("folder/hls/1.ts", pattern(1000))
    rclone("sync", "folder", at("sync"))
    rclone("check", "--download", "folder", at("sync"))
    os.remove("folder/hls/1.ts")
    rclone("sync", "folder", at("sync"))
    equal(names("--recursive", "--files-only", at("sync")), ["hls/0.ts", "master.m3u8"])


@check
def checksums():
    os.makedirs("checked", exist_ok=True)
    write("checked/small", pattern(1000))
    write("checked/parts", pattern(20 * MIB))
    rclone("copy", "checked", at("checked"))
    # The etag of a multipart object is not an MD5: rclone stores the MD5 as metadata.
    equal(rclone("md5sum", at("checked")), rclone("md5sum", "checked"))
    rclone("check", "checked", at("checked"))
    before = modified("checked/small")
    os.utime("checked/small", (1_000_000_000, 1_000_000_000))
    rclone("sync", "--checksum", "checked", at("checked"))
    equal(modified("checked/small"), before)
    write("checked/small", pattern(1000)[::-1])
    contains(rclone("check", "checked", at("checked"), fails=True), "1 differences found")
    rclone("sync", "--checksum", "checked", at("checked"))
    rclone("check", "checked", at("checked"))


@check
def presigned():
    put("presigned", b"x")
    signed = rclone("link", "--expire", "1m", at("presigned")).decode().strip()
    equal(request("GET", signed), (200, b"x"))
    equal(request("GET", alter_signature(signed))[0], 403)


@check
def wrong_secret():
    refusal = rclone("lsf", at(), fails=True, RCLONE_CONFIG_R2_SECRET_ACCESS_KEY="0" * 64)
    contains(refusal, "SignatureDoesNotMatch")


@check
def temporary_credentials_do_what_they_allow_and_no_more():
    put("secret", b"x")
    secret, token = temporary_credentials("team/")
    limited = {"RCLONE_CONFIG_R2_SECRET_ACCESS_KEY": secret, "RCLONE_CONFIG_R2_SESSION_TOKEN": token}
    # The setting from Cloudflare's documentation for keys that cannot create buckets.
    limited["RCLONE_CONFIG_R2_NO_CHECK_BUCKET"] = "true"
    big = pattern(9 * MIB)
    rclone("copyto", write("big", big), at("team/big"), **limited)
    rclone("copyto", at("team/big"), at("team/copy"), **limited)
    equal(names_with(limited, at("team")), ["big", "copy"])
    equal(rclone("cat", at("team/copy"), **limited), big)
    signed = rclone("link", "--expire", "1m", at("team/copy"), **limited).decode().strip()
    equal(request("GET", signed), (200, big))
    for arguments in [
        ("cat", at("secret")),
        ("copyto", at("secret"), at("team/stolen")),
        ("copyto", "big", at("elsewhere")),
        ("lsf", at()),
    ]:
        refusal = rclone(*arguments, fails=True, **limited)
        if "403" not in refusal:
            contains(refusal, "AccessDenied")
    # rclone treats an object that it may not read as missing.
    rclone("deletefile", at("secret"), fails=True, **limited)
    rclone("purge", at("team"), **limited)
    equal(get("secret"), b"x")
    rclone("deletefile", at("secret"))


@check
def delete():
    put("delete/me", b"x")
    rclone("deletefile", at("delete/me"))
    equal(names("--recursive", at("delete")), [])


@check
def purge():
    for n in range(5):
        put(f"purge/{n}", b"x")
    rclone("delete", at("purge"))
    equal(names("--recursive", "--files-only", at("purge")), [])


@check
def customer_keys():
    key = {"RCLONE_S3_SSE_CUSTOMER_ALGORITHM": "AES256", "RCLONE_S3_SSE_CUSTOMER_KEY": "k" * 32}
    body = pattern(12 * MIB)
    write("up", body)
    if ENDPOINT.startswith("http:"):
        contains(rclone("copyto", "up", at("sse-c/a"), fails=True, **key), "cannot send SSE keys over HTTP")
        return
    rclone("copyto", "up", at("sse-c/a"), **key)
    rclone("copyto", at("sse-c/a"), "down", **key)
    equal(read("down"), body)
    contains(rclone("md5sum", at("sse-c/a"), **key), hashlib.md5(body).hexdigest().encode())
    # rclone treats the object as missing then.
    rclone("copyto", at("sse-c/a"), "other", **{**key, "RCLONE_S3_SSE_CUSTOMER_KEY": "o" * 32})
    equal(os.path.isfile("other"), False)


finish()
