"""Writes presigned.json and header_signed.json: what botocore signs, step by step.

    python3 -m venv /tmp/goldens && /tmp/goldens/bin/pip install botocore==1.44.5
    /tmp/goldens/bin/python generate.py

Only botocore's signers are used (S3SigV4QueryAuth, S3SigV4Auth), at a frozen time. They sign the path as it is, like
R2 verifies it. The same botocore always writes the same files.
"""

import datetime
import itertools
import json
import pathlib
import random
import unicodedata

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.utils import percent_encode

HERE = pathlib.Path(__file__).parent
ACCOUNT = "0123456789abcdef0123456789abcdef"
BUCKET = "media-bucket"
ACCESS_KEY_ID = "fedcba9876543210fedcba9876543210"
SECRET = "6c3a1f5de0b94287ab30ff5ce1d78249013cd5e8f9b27a46c0de713a85f4b692"
TOKEN = "and0L2V5SmhiR2NpOiJIUzI1NiJ9+a/b=="
UPLOAD_ID = "AKz+1/b=c&d e~" + "x" * 40
NOW = datetime.datetime(2026, 2, 28, 23, 59, 59, tzinfo=datetime.timezone.utc)
# By name: the origin, and the path in front of the key.
STYLES = {
    "r2": (f"https://{BUCKET}.{ACCOUNT}.r2.cloudflarestorage.com", ""),
    "r2-eu": (f"https://{BUCKET}.{ACCOUNT}.eu.r2.cloudflarestorage.com", ""),
    "r2-path": (f"https://{ACCOUNT}.r2.cloudflarestorage.com", f"/{BUCKET}"),
    "local": ("http://127.0.0.1:9710", f"/{BUCKET}"),
    "prefix": ("http://localhost:8787", f"/cdn-cgi/local/r2/s3/{BUCKET}"),
}
METHODS = [("GET", None), ("HEAD", None), ("PUT", None), ("DELETE", None), ("PUT", 7)]
PRESIGNED_HEADERS = [
    {},
    {"content-type": "video/mp4"},
    {"content-length": "1048576", "if-none-match": "*"},
    {"x-amz-meta-a-b": "  two   words ", "x-amz-meta-a": "1", "cache-control": "public, max-age=3600"},
    {"content-type": "text/plain; charset=utf-8", "x-amz-storage-class": "STANDARD_IA", "content-md5": "1B2M2Y8A/g=="},
]
SIGNED_HEADERS = [
    {},
    {"content-type": "application/xml", "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg=="},
    {"range": "bytes=0-9", "if-match": '"etag"', "if-modified-since": "Wed, 21 Oct 2015 07:28:00 GMT"},
    {"x-amz-copy-source": "/media/a%20b", "cf-copy-destination-if-none-match": "*", "x-amz-meta-a": " b   c "},
]
QUERIES = [
    {"list-type": "2", "prefix": "a b/é+%&=~*'", "delimiter": "/", "max-keys": "0"},
    {"uploads": ""},
    {"delete": ""},
    {"uploadId": UPLOAD_ID, "partNumber": "1"},
    {"b": "1", "B": "2", "a-b": "3", "a": "4", "a.b": "5", "é": "6"},
]

botocore.auth.get_current_datetime = lambda *args, **kwargs: NOW


def hostile_keys():
    keys = """
        a a//b /a //a a/ a// / // a/../b ../a a/.. a/./b ./a a/. . .. ... ./ ../ /.. a/b/c.d + a+b a%2Fb %2F %252F %
        %% %zz %E2%82 %00 ! ' ( ) * !'()* ~ - _ -._~ " ' ` ? # & = ; : @ , $ ^ | \\ a\\b { } [ ] < > ?a=b a?b#c a&b=c
        #frag http://evil.example/ //evil.example/a @evil.example :80/a a:b@c/d é e\u0301 ü u\u0308 Å A\u030a ﬁ Ω Ω
        한국어 日本語 中文/路径 العربية עברית ไทย हिन्दी Ελληνικά русский/ключ 🎬 👨‍👩‍👧‍👦 🏳️‍🌈 a🎬b/🎬 \u202etxt.exe \ufeffbom x\u200by
        X-Amz-Signature=0 a&X-Amz-Expires=9 UNSIGNED-PAYLOAD null undefined con C:\\a\\b ~root $HOME $(id) `id` {{7*7}}
        creator-123/hls/media-456/master.m3u8 creator-123/hls/media-456/segment_00001.ts
    """.split()
    keys += [" ", "a b", " a", "a ", "a  b", "a b+c%20d", "\t", "\n", "\r\n", "a\nb", "a\tb", "\x00", "\x01\x1f", "\x7f"]
    keys += ["\u0080\u009f", "\u00a0", "\u2028", "\u3000", "\U0010ffff", "\ufffd", "\uffff", "a\x00b", "host:evil\nx:y"]
    keys += ["x" * 1024, "/" * 1024, "%" * 341, "é" * 512, "日" * 341, "🎬" * 256, "a/" * 512, "../" * 341, " " * 300]
    keys += [chr(byte) for byte in range(0x80)]
    keys += [unicodedata.normalize(form, "Crème brûlée/Ångström/ﬃ") for form in ("NFC", "NFD", "NFKC", "NFKD")]

    chance = random.Random(4)
    pieces = list("aZ09-._~/ !'()*+,;:@&=$?#[]%\\\"<>^`{|}\t\n\x00\x7f") + [
        "..", "//", "/./", "/../", "%2F", "%252f", "%20", "é", "e\u0301", "ß", "İ", "日本", "العربية", "🎬", "👨‍👩‍👧", "\u200d", "\u0085",
    ]
    while len(set(keys)) < 560:
        keys.append("".join(chance.choices(pieces, k=chance.randint(2, 14))))
    return list(dict.fromkeys(keys))


def traced(signer):
    """The signer and a dict that its steps are recorded in."""
    steps = {}
    for step in ("canonical_request", "string_to_sign", "signature"):
        method = getattr(signer, step)

        def record(*args, step=step, method=method):
            steps[step] = method(*args)
            return steps[step]

        setattr(signer, step, record)
    return signer, steps


def url_for(style, key):
    origin, before = STYLES[style]
    path = before if key is None else before + "/" + percent_encode(key, safe="/~-._")
    return origin + (path or "/")


def credentials(token):
    return Credentials(ACCESS_KEY_ID, SECRET, TOKEN if token else None)


def presigned(key, method, style="r2", headers=None, part=None, expires=3600, token=False):
    params = {"partNumber": str(part), "uploadId": UPLOAD_ID} if part else {}
    request = AWSRequest(method=method, url=url_for(style, key), headers=headers or {}, params=params)
    signer, steps = traced(botocore.auth.S3SigV4QueryAuth(credentials(token), "s3", "auto", expires=expires))
    signer.add_auth(request)
    case = {"key": key, "method": method, "style": style, "headers": headers or {}, "part": part}
    return case | {"expires": expires, "token": token} | steps


def header_signed(key, method, style="r2", headers=None, query=None, body=b"", unsigned=False, token=False):
    request = AWSRequest(
        method=method, url=url_for(style, key), headers=dict(headers or {}), params=query or {}, data=body
    )
    signer, steps = traced(botocore.auth.S3SigV4Auth(credentials(token), "s3", "auto"))
    if unsigned:
        signer.payload = lambda request: "UNSIGNED-PAYLOAD"
    signer.add_auth(request)
    case = {"key": key, "method": method, "style": style, "headers": headers or {}, "query": query or {}}
    body = None if unsigned else body.decode()
    return case | {"body": body, "token": token} | steps | {"authorization": request.headers["Authorization"]}


def rotate(values, index):
    return list(values)[index % len(values)]


def presigned_cases():
    for index, key in enumerate(hostile_keys()):
        method, part = rotate(METHODS, index)
        yield presigned(
            key,
            method,
            rotate(STYLES, index // 5),
            rotate(PRESIGNED_HEADERS, index // 3) if method == "PUT" and not part else {},
            part,
            expires=rotate([1, 60, 604800], index),
            token=index % 2 == 1,
        )
    for style, (method, part), token in itertools.product(STYLES, METHODS, [False, True]):
        yield presigned("a b/../ü+%2F", method, style, part=part, token=token)
    for headers in PRESIGNED_HEADERS:
        yield presigned("a b", "PUT", headers=headers)
    for part in (1, 10000):
        yield presigned("a b", "PUT", part=part)


def header_signed_cases():
    for index, key in enumerate(hostile_keys()[::4]):
        body = rotate([b"", "body é".encode(), None], index)
        yield header_signed(
            key,
            rotate(["GET", "HEAD", "PUT", "DELETE", "POST"], index),
            rotate(STYLES, index // 5),
            rotate(SIGNED_HEADERS, index),
            body=body or b"",
            unsigned=body is None,
            token=index % 2 == 1,
        )
    for query, style in itertools.product(QUERIES, STYLES):
        yield header_signed(None, "GET", style, query=query)


def write(name, cases):
    lines = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
    (HERE / name).write_text(f"[\n{lines}\n]\n", encoding="utf-8", newline="\n")


write("presigned.json", presigned_cases())
write("header_signed.json", header_signed_cases())
