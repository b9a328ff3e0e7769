"""Helpers of the drivers of third-party S3 clients.

A driver is a program whose checks run in order against the server that `cfstore serve` describes in the environment
(R2_ENDPOINT, R2_ACCOUNT_ID, R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY, R2_BUCKET_MEDIA), in an empty folder, over an empty
bucket. Its arguments are those that the server was started with.

The names in `checks` can be imported from here too.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.parse

from checks import check, contains, equal, finish, request, run, shown

ENDPOINT = os.environ["R2_ENDPOINT"]
ACCOUNT_ID = os.environ["R2_ACCOUNT_ID"]
ACCESS_KEY_ID = os.environ["R2_ACCESS_KEY_ID"]
SECRET_ACCESS_KEY = os.environ["R2_SECRET_ACCESS_KEY"]
BUCKET = os.environ["R2_BUCKET_MEDIA"]
IN_PRODUCTION = "--r2-as-in-production" in sys.argv

MIB = 1024 * 1024

# Legal keys, each of which some client or server misinterprets.
HOSTILE_KEYS = [
    "hostile/a//b",
    "hostile/a/../b",
    "hostile/./a",
    "hostile/trailing/",
    "hostile/two  spaces and + plus",
    "hostile/percent%2Fencoded%20%",
    "hostile/!'()*",
    "hostile/&=?#;:@,$",
    "hostile/<xml>&amp;\"quoted\"",
    "hostile/back\\slash|{}^`~[]",
    "hostile/żółć-日本語-🎬",
]


def temporary_credentials(prefix, scope="object-read-write", lifetime=900, **claims):
    """The secret and session token of temporary credentials, following Cloudflare's description, without code of this repository:
    https://developers.cloudflare.com/r2/api/s3/temporary-credentials/"""

    def encoded(part):
        return base64.urlsafe_b64encode(part).rstrip(b"=")

    now = int(time.time())
    claims = {
        "bucket": BUCKET,
        "scope": scope,
        "paths": {"prefixPaths": [prefix], "objectPaths": []},
        "sub": ACCOUNT_ID,
        "iss": ACCESS_KEY_ID,
        "aud": urllib.parse.urlsplit(ENDPOINT).netloc,
        "iat": now,
        "exp": now + lifetime,
        **claims,
    }
    header = {"alg": "HS256", "typ": "JWT"}
    signed = b".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    jwt = signed + b"." + encoded(hmac.digest(SECRET_ACCESS_KEY.encode(), signed, "sha256"))
    return hashlib.sha256(jwt).hexdigest(), base64.b64encode(b"jwt/" + jwt).decode()


def alter_signature(url):
    """The URL with a different last digit of its signature."""
    name = "X-Amz-Signature="
    start = url.index(name) + len(name)
    last = start + 63
    return url[:last] + ("0" if url[last] != "0" else "1") + url[last + 1 :]


def pattern(size):
    """Bytes that do not repeat at any likely part, page or buffer size."""
    block = b"".join(n.to_bytes(4, "little") for n in range(1, 65_521 // 4))
    return (block * (size // len(block) + 1))[:size]


def write(name, content):
    with open(name, "wb") as file:
        file.write(content)
    return name


def read(name):
    with open(name, "rb") as file:
        return file.read()
