"""s3fs against the server, over TLS: the bucket as a folder, plain and with a customer key."""

import os
import shutil
import time

from harness import (
    ACCESS_KEY_ID,
    BUCKET,
    ENDPOINT,
    MIB,
    SECRET_ACCESS_KEY,
    check,
    equal,
    finish,
    pattern,
    read,
    run,
    write,
)

write("password", f"{ACCESS_KEY_ID}:{SECRET_ACCESS_KEY}\n".encode())
write("customer-key", b"a" * 32 + b"\n")
for name in ("password", "customer-key"):
    os.chmod(name, 0o600)
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": os.getcwd(), "CURL_CA_BUNDLE": os.environ["SSL_CERT_FILE"]}


class Mounted:
    """The bucket as the folder `mounted`."""

    def __init__(self, *options):
        self.options = options

    def __enter__(self):
        os.makedirs("mounted", exist_ok=True)
        # s3fs uses CURL_CA_BUNDLE only in its second attempt.
        options = ["passwd_file=password", f"url={ENDPOINT}", "use_path_request_style", "endpoint=auto", "retries=2"]
        options += ["multipart_size=5", "nomixupload", *self.options]
        run("s3fs", BUCKET, "mounted", *(word for option in options for word in ("-o", option)), env=ENVIRONMENT)
        deadline = time.monotonic() + 10
        while not os.path.ismount("mounted"):
            if time.monotonic() > deadline:
                raise AssertionError("the bucket was not mounted")
            time.sleep(0.05)

    def __exit__(self, *_):
        run("fusermount", "-u", "mounted")
        while os.path.ismount("mounted"):
            time.sleep(0.05)


@check
def files_and_folders():
    with Mounted():
        os.makedirs("mounted/films/hls")
        for name, size in (("empty", 0), ("small", 100), ("żółć  +&", 5000), ("large", 12 * MIB)):
            write(f"mounted/films/{name}", pattern(size))
    # Another process finds what was written.
    with Mounted():
        equal(sorted(os.listdir("mounted/films")), sorted(["empty", "hls", "large", "small", "żółć  +&"]))
        equal(read("mounted/films/large") == pattern(12 * MIB), True)
        with open("mounted/films/large", "rb") as file:
            file.seek(7 * MIB)
            equal(file.read(1000), pattern(12 * MIB)[7 * MIB : 7 * MIB + 1000])
        os.rename("mounted/films/small", "mounted/films/hls/renamed")
        equal(read("mounted/films/hls/renamed"), pattern(100))
        with open("mounted/films/hls/renamed", "ab") as file:
            file.write(b"appended")
        os.chmod("mounted/films/empty", 0o640)
        shutil.copy("mounted/films/hls/renamed", "mounted/films/copied")
        os.remove("mounted/films/large")
    with Mounted():
        equal(read("mounted/films/copied"), pattern(100) + b"appended")
        equal(os.stat("mounted/films/empty").st_mode & 0o777, 0o640)
        shutil.rmtree("mounted/films")
        equal(os.listdir("mounted"), [])


@check
def customer_keys():
    encrypted = "use_sse=c:customer-key"
    with Mounted(encrypted):
        for name, size in (("small", 100), ("large", 12 * MIB)):
            write(f"mounted/{name}", pattern(size))
    with Mounted(encrypted):
        equal(read("mounted/small"), pattern(100))
        equal(read("mounted/large") == pattern(12 * MIB), True)
        os.rename("mounted/small", "mounted/renamed")
        equal(read("mounted/renamed"), pattern(100))
    with Mounted():
        # This is how s3fs shows an object that it may not read.
        equal(read("mounted/large"), b"")


finish()
