"""boto3 against the server."""

import base64
import datetime
import hashlib
import io
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

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
    request,
    temporary_credentials,
)


def client(secret=SECRET_ACCESS_KEY, token=None, checksums="when_required"):
    return boto3.client(
        "s3",
        endpoint_url=ENDPOINT,
        region_name="auto",
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation=checksums,
            response_checksum_validation=checksums,
            retries={"total_max_attempts": 1},
            read_timeout=60,
        ),
    )


s3 = client()


def put(key, body, **options):
    return s3.put_object(Bucket=BUCKET, Key=key, Body=body, **options)


def get(key, **options):
    return s3.get_object(Bucket=BUCKET, Key=key, **options)["Body"].read()


def refused(status, code, operation, **arguments):
    """The operation fails with this status and, where the answer has a body, one of these error codes."""
    try:
        operation(**arguments)
    except ClientError as error:
        equal(error.response["ResponseMetadata"]["HTTPStatusCode"], status)
        if code:
            equal(error.response["Error"]["Code"], code)
    else:
        raise AssertionError(f"was not refused with {status}")


def presigned(operation, key, expires_in=60, **options):
    parameters = {"Bucket": BUCKET, "Key": key, **options}
    return s3.generate_presigned_url(operation, Params=parameters, ExpiresIn=expires_in)


@check
def cors_rules():
    refused(404, "NoSuchCORSConfiguration", s3.get_bucket_cors, Bucket=BUCKET)
    rule = {
        "ID": "uploads",
        "AllowedOrigins": ["https://app.example.com"],
        "AllowedMethods": ["GET", "PUT"],
        "AllowedHeaders": ["content-type", "x-amz-meta-*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 600,
    }
    rules = [rule, {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]}]
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": rules})
    equal(s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"], rules)
    put("cors", b"x")

    def preflight(method, header, origin="https://app.example.com"):
        asks = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": header}
        return request("OPTIONS", presigned("put_object", "cors"), headers=asks)

    equal(preflight("PUT", "content-type")[0], 204)
    status, body = preflight("PUT", "x-trace")
    equal(status, 403)
    contains(body, b"CORS not configured for this bucket")
    equal(preflight("PUT", "content-type", "https://elsewhere.example")[0], 403)
    bad = {"AllowedOrigins": ["*"], "AllowedMethods": ["OPTIONS"]}
    refused(400, "InvalidRequest", s3.put_bucket_cors, Bucket=BUCKET, CORSConfiguration={"CORSRules": [bad]})
    s3.delete_bucket_cors(Bucket=BUCKET)
    refused(404, "NoSuchCORSConfiguration", s3.get_bucket_cors, Bucket=BUCKET)
    s3.delete_object(Bucket=BUCKET, Key="cors")


@check
def lifecycle_rules():
    default = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    equal([(rule["ID"], rule["AbortIncompleteMultipartUpload"]) for rule in default],
          [("Default Multipart Abort Rule", {"DaysAfterInitiation": 7})])
    at = datetime.datetime(2100, 1, 2, tzinfo=datetime.timezone.utc)
    rules = [
        {"ID": "logs", "Filter": {"Prefix": "logs/"}, "Status": "Enabled", "Expiration": {"Date": at}},
        {"ID": "cold", "Filter": {"Prefix": ""}, "Status": "Disabled",
         "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}],
         "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
    ]
    policy = {"Rules": rules}
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration=policy)
    kept = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    equal([{name: rule[name] for name in sorted(rule)} for rule in kept],
          [{name: rule[name] for name in sorted(rule)} for rule in rules])
    expiration = 'expiry-date="Sat, 02 Jan 2100 00:00:00 GMT", rule-id="logs"'
    equal(put("logs/a", b"x")["Expiration"], expiration)
    equal(s3.head_object(Bucket=BUCKET, Key="logs/a")["Expiration"], expiration)
    bad = {"Rules": [{"Filter": {"Tag": {"Key": "a", "Value": "b"}}, "Status": "Enabled", "Expiration": {"Days": 1}}]}
    refused(501, "NotImplemented", s3.put_bucket_lifecycle_configuration, Bucket=BUCKET, LifecycleConfiguration=bad)
    s3.delete_bucket_lifecycle(Bucket=BUCKET)
    refused(404, "NoSuchLifecycleConfiguration", s3.get_bucket_lifecycle_configuration, Bucket=BUCKET)
    s3.delete_object(Bucket=BUCKET, Key="logs/a")


@check
def put_and_get():
    for size in (0, 1, 5000, MIB + 1):
        body = pattern(size)
        put("plain/object", body)
        equal(get("plain/object"), body)
        equal(s3.head_object(Bucket=BUCKET, Key="plain/object")["ContentLength"], size)


@check
def put_of_a_file_that_expects_to_be_told_to_go_on():
    body = pattern(2 * MIB)
    put("plain/file", io.BytesIO(body))
    equal(get("plain/file"), body)


@check
def ranges():
    put("range", b"0123456789")
    for wanted, expected, header in (
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=8-100", b"89", "bytes 8-9/10"),
    ):
        answer = s3.get_object(Bucket=BUCKET, Key="range", Range=wanted)
        equal(answer["Body"].read(), expected)
        equal(answer["ContentRange"], header)
    refused(416, "InvalidRange", s3.get_object, Bucket=BUCKET, Key="range", Range="bytes=10-")


@check
def http_and_custom_metadata():
    expires = datetime.datetime(2031, 5, 6, 7, 8, 9, tzinfo=datetime.timezone.utc)
    put(
        "metadata",
        b"#EXTM3U",
        ContentType="application/vnd.apple.mpegurl",
        CacheControl="max-age=60",
        ContentDisposition='attachment; filename="a b.m3u8"',
        ContentEncoding="identity",
        ContentLanguage="pl",
        Expires=expires,
        Metadata={"uploadedBy": "mobile app", "n": "1"},
    )
    head = s3.head_object(Bucket=BUCKET, Key="metadata")
    equal(head["ContentType"], "application/vnd.apple.mpegurl")
    equal(head["CacheControl"], "max-age=60")
    equal(head["ContentDisposition"], 'attachment; filename="a b.m3u8"')
    equal(head["ContentEncoding"], "identity")
    equal(head["ContentLanguage"], "pl")
    equal(head["ResponseMetadata"]["HTTPHeaders"]["expires"], "Tue, 06 May 2031 07:08:09 GMT")
    equal(head["Metadata"], {"uploadedby": "mobile app", "n": "1"})


@check
def copy_keeps_or_replaces_metadata():
    put("copy/source", b"content", ContentType="text/plain", Metadata={"a": "1"})
    source = {"Bucket": BUCKET, "Key": "copy/source"}
    s3.copy_object(Bucket=BUCKET, Key="copy/kept", CopySource=source)
    equal(get("copy/kept"), b"content")
    head = s3.head_object(Bucket=BUCKET, Key="copy/kept")
    equal((head["ContentType"], head["Metadata"]), ("text/plain", {"a": "1"}))
    s3.copy_object(
        Bucket=BUCKET,
        Key="copy/replaced",
        CopySource=source,
        MetadataDirective="REPLACE",
        ContentType="text/csv",
        Metadata={"b": "2"},
    )
    head = s3.head_object(Bucket=BUCKET, Key="copy/replaced")
    equal((head["ContentType"], head["Metadata"]), ("text/csv", {"b": "2"}))


@check
def copy_of_a_missing_key():
    source = {"Bucket": BUCKET, "Key": "copy/missing"}
    refused(404, "NoSuchKey", s3.copy_object, Bucket=BUCKET, Key="copy/x", CopySource=source)


@check
def conditional_put():
    etag = put("conditional", b"first", IfNoneMatch="*")["ETag"]
    arguments = {"Bucket": BUCKET, "Key": "conditional", "Body": b"second"}
    refused(412, "PreconditionFailed", s3.put_object, **arguments, IfNoneMatch="*")
    refused(412, "PreconditionFailed", s3.put_object, **arguments, IfMatch='"0123456789abcdef0123456789abcdef"')
    equal(get("conditional"), b"first")
    put("conditional", b"second", IfMatch=etag)
    equal(get("conditional"), b"second")


@check
def conditional_get():
    etag = put("conditional", b"content")["ETag"]
    arguments = {"Bucket": BUCKET, "Key": "conditional"}
    equal(get("conditional", IfMatch=etag), b"content")
    refused(304, None, s3.get_object, **arguments, IfNoneMatch=etag)
    refused(412, "PreconditionFailed", s3.get_object, **arguments, IfMatch='"no"')


@check
def missing_key_and_bucket():
    refused(404, "NoSuchKey", s3.get_object, Bucket=BUCKET, Key="missing")
    refused(404, None, s3.head_object, Bucket=BUCKET, Key="missing")
    refused(404, "NoSuchBucket", s3.get_object, Bucket="no-such-bucket", Key="missing")
    refused(404, "NoSuchBucket", s3.list_objects_v2, Bucket="no-such-bucket")


@check
def wrong_secret():
    wrong = client(secret="0" * 64)
    refused(403, "SignatureDoesNotMatch", wrong.get_object, Bucket=BUCKET, Key="plain/object")
    refused(403, "SignatureDoesNotMatch", wrong.put_object, Bucket=BUCKET, Key="plain/object", Body=b"x")


@check
def delete():
    put("delete/me", b"x")
    for _ in range(2):
        status = s3.delete_object(Bucket=BUCKET, Key="delete/me")["ResponseMetadata"]["HTTPStatusCode"]
        equal(status, 204)
    refused(404, "NoSuchKey", s3.get_object, Bucket=BUCKET, Key="delete/me")


@check
def list_with_delimiter():
    for key in ("tree/a/1", "tree/a/2", "tree/b/1", "tree/b", "tree/z"):
        put(key, b"x")
    page = s3.list_objects_v2(Bucket=BUCKET, Prefix="tree/", Delimiter="/")
    equal([entry["Key"] for entry in page["Contents"]], ["tree/b", "tree/z"])
    equal([entry["Prefix"] for entry in page["CommonPrefixes"]], ["tree/a/", "tree/b/"])
    equal((page["IsTruncated"], page["KeyCount"], page["Delimiter"]), (False, 4, "/"))
    older = s3.list_objects(Bucket=BUCKET, Prefix="tree/", Delimiter="/")
    equal([entry["Key"] for entry in older["Contents"]], ["tree/b", "tree/z"])
    equal([entry["Prefix"] for entry in older["CommonPrefixes"]], ["tree/a/", "tree/b/"])


@check
def list_with_delimiter_one_entry_a_page():
    for operation in ("list_objects_v2", "list_objects"):
        pages = s3.get_paginator(operation).paginate(
            Bucket=BUCKET, Prefix="tree/", Delimiter="/", PaginationConfig={"PageSize": 1}
        )
        entries = []
        for page in pages:
            entries += [entry["Key"] for entry in page.get("Contents", [])]
            entries += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
        equal(entries, ["tree/a/", "tree/b", "tree/b/", "tree/z"])


@check
def list_after_a_key():
    page = s3.list_objects_v2(Bucket=BUCKET, Prefix="tree/", StartAfter="tree/a/1")
    equal([entry["Key"] for entry in page["Contents"]], ["tree/a/2", "tree/b", "tree/b/1", "tree/z"])


MANY = [f"many/{n:04}" for n in range(1100)]


@check
def list_of_more_than_a_page():
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: put(key, key.encode()), MANY))
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="many/"))
    equal([len(page["Contents"]) for page in pages], [1000, 100])
    equal([entry["Key"] for page in pages for entry in page["Contents"]], MANY)
    equal({entry["Size"] for page in pages for entry in page["Contents"]}, {9})


@check
def batch_delete():
    for keys in (MANY[:1000], [*MANY[1000:], "many/was-never-there"]):
        answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in keys]})
        equal(sorted(entry["Key"] for entry in answer["Deleted"]), sorted(keys))
        equal(answer.get("Errors"), None)
    equal(s3.list_objects_v2(Bucket=BUCKET, Prefix="many/")["KeyCount"], 0)


@check
def quiet_batch_delete():
    # R2 accepts `Quiet` and ignores it, so the deleted keys in its answer do not matter here.
    put("quiet", b"x")
    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "quiet"}], "Quiet": True})
    equal(answer.get("Errors"), None)
    refused(404, None, s3.head_object, Bucket=BUCKET, Key="quiet")


@check
def multipart_of_30_mib():
    body = pattern(30 * MIB)
    config = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB)
    extra = {"ContentType": "video/mp4", "Metadata": {"a": "1"}}
    s3.upload_fileobj(io.BytesIO(body), BUCKET, "multipart/30", ExtraArgs=extra, Config=config)
    head = s3.head_object(Bucket=BUCKET, Key="multipart/30")
    equal((head["ContentLength"], head["ContentType"], head["Metadata"]), (30 * MIB, "video/mp4", {"a": "1"}))
    contains(head["ETag"], '-4"')
    equal(get("multipart/30") == body, True)
    equal(get("multipart/30", Range=f"bytes={8 * MIB - 2}-{8 * MIB + 1}"), body[8 * MIB - 2 : 8 * MIB + 2])
    received = io.BytesIO()
    s3.download_fileobj(BUCKET, "multipart/30", received, Config=config)
    equal(received.getvalue() == body, True)


def upload(key):
    return {"Bucket": BUCKET, "Key": key, "UploadId": s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]}


def complete(arguments, etags):
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, start=1)]
    return s3.complete_multipart_upload(**arguments, MultipartUpload={"Parts": parts})


@check
def list_uploads_and_parts_then_abort():
    arguments = upload("multipart/aborted")
    etags = [s3.upload_part(**arguments, PartNumber=n, Body=pattern(5 * MIB))["ETag"] for n in (1, 2)]
    uploads = s3.list_multipart_uploads(Bucket=BUCKET, Prefix="multipart/")["Uploads"]
    equal([(entry["Key"], entry["UploadId"]) for entry in uploads], [("multipart/aborted", arguments["UploadId"])])
    parts = s3.list_parts(**arguments)["Parts"]
    equal([(part["PartNumber"], part["Size"], part["ETag"]) for part in parts], list(zip((1, 2), [5 * MIB] * 2, etags)))
    page = s3.list_parts(**arguments, MaxParts=1)
    equal((page["IsTruncated"], len(page["Parts"]), page["NextPartNumberMarker"]), (True, 1, 1))
    s3.abort_multipart_upload(**arguments)
    equal(s3.list_multipart_uploads(Bucket=BUCKET, Prefix="multipart/").get("Uploads"), None)


@check
def full_object_crc64nvme():
    key = {"Bucket": BUCKET, "Key": "multipart/proved"}
    created = s3.create_multipart_upload(**key, ChecksumAlgorithm="CRC64NVME", ChecksumType="FULL_OBJECT")
    equal((created["ChecksumAlgorithm"], created["ChecksumType"]), ("CRC64NVME", "FULL_OBJECT"))
    arguments = {**key, "UploadId": created["UploadId"]}
    part = s3.upload_part(**arguments, PartNumber=1, Body=b"123456789")
    crc = "rosUhgp5mIg="
    listed = s3.list_parts(**arguments)
    equal((listed["ChecksumType"], listed["Parts"][0]["ChecksumCRC64NVME"]), ("FULL_OBJECT", crc))
    equal(isinstance(listed["Parts"][0]["LastModified"], datetime.datetime), True)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC64NVME": crc}]}
    arguments = {**arguments, "MultipartUpload": parts, "ChecksumType": "FULL_OBJECT"}
    refused(400, "BadDigest", s3.complete_multipart_upload, **arguments, ChecksumCRC64NVME="AAAAAAAAAAA=")
    completed = s3.complete_multipart_upload(**arguments, ChecksumCRC64NVME=crc)
    equal((completed["ChecksumCRC64NVME"], completed["ChecksumType"]), (crc, "FULL_OBJECT"))
    head = s3.head_object(**key, ChecksumMode="ENABLED")
    equal((head["ChecksumCRC64NVME"], head["ChecksumType"]), (crc, "FULL_OBJECT"))
    refused(400, "InvalidRequest", s3.create_multipart_upload, **key, ChecksumAlgorithm="CRC64NVME", ChecksumType="COMPOSITE")


def hash_of(algorithm, body):
    if algorithm == "CRC32":
        return zlib.crc32(body).to_bytes(4, "big")
    return hashlib.new(algorithm, body).digest()


@check
def composite_checksums():
    parts = [pattern(5 * MIB), b"the end"]
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        key = {"Bucket": BUCKET, "Key": "multipart/composed"}
        member = f"Checksum{algorithm}"
        sums = [hash_of(algorithm, part) for part in parts]
        encoded = [base64.b64encode(each).decode() for each in sums]
        whole = base64.b64encode(hash_of(algorithm, b"".join(sums))).decode() + "-2"
        created = s3.create_multipart_upload(**key, ChecksumAlgorithm=algorithm)
        equal((created["ChecksumAlgorithm"], created["ChecksumType"]), (algorithm, "COMPOSITE"))
        arguments = {**key, "UploadId": created["UploadId"]}
        refused(400, "InvalidRequest", s3.upload_part, **arguments, PartNumber=1, Body=parts[0])
        listed = []
        for number, (body, checksum) in enumerate(zip(parts, encoded), start=1):
            part = s3.upload_part(**arguments, PartNumber=number, Body=body, ChecksumAlgorithm=algorithm)
            equal(part[member], checksum)
            listed.append({"PartNumber": number, "ETag": part["ETag"], member: checksum})
        page = s3.list_parts(**arguments)
        equal((page["ChecksumAlgorithm"], page["ChecksumType"]), (algorithm, "COMPOSITE"))
        equal([part[member] for part in page["Parts"]], encoded)
        complete = {**arguments, "MultipartUpload": {"Parts": listed}}
        refused(400, "BadDigest", s3.complete_multipart_upload, **complete, **{member: encoded[0] + "-2"})
        without = {"Parts": [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in listed]}
        refused(400, "InvalidRequest", s3.complete_multipart_upload, **arguments, MultipartUpload=without)
        completed = s3.complete_multipart_upload(**complete, **{member: whole})
        equal((completed[member], completed["ChecksumType"]), (whole, "COMPOSITE"))
        head = s3.head_object(**key, ChecksumMode="ENABLED")
        equal((head[member], head["ChecksumType"]), (whole, "COMPOSITE"))
        [entry] = s3.list_objects_v2(Bucket=BUCKET, Prefix="multipart/composed")["Contents"]
        equal((entry["ChecksumAlgorithm"], entry["ChecksumType"]), ([algorithm], "COMPOSITE"))
    refused(501, "NotImplemented", s3.create_multipart_upload, **key, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")


@check
def checksums_as_boto3_sends_them_by_default():
    checking = client(checksums="when_supported")
    body = pattern(12 * MIB)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    for algorithm in (None, "SHA256"):
        extra = {"ChecksumAlgorithm": algorithm} if algorithm else {}
        key = {"Bucket": BUCKET, "Key": "multipart/by-default"}
        checking.upload_fileobj(io.BytesIO(body), *key.values(), ExtraArgs=extra, Config=config)
        head = checking.head_object(**key)
        equal(head["ChecksumType"], "COMPOSITE")
        contains(head[f"Checksum{algorithm or 'CRC32'}"], "-3")
        received = io.BytesIO()
        checking.download_fileobj(*key.values(), received, Config=config)
        equal(received.getvalue() == body, True)
    # Without the transfer manager.
    created = checking.create_multipart_upload(**key)
    arguments = {**key, "UploadId": created["UploadId"]}
    part = checking.upload_part(**arguments, PartNumber=1, Body=b"123456789")
    equal(part["ChecksumCRC32"], "y/Q5Jg==")
    parts = [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}]
    checking.complete_multipart_upload(**arguments, MultipartUpload={"Parts": parts})
    equal(checking.get_object(**key)["Body"].read(), b"123456789")
    # Nor with the checksums from the answers of the parts.
    arguments = {**key, "UploadId": checking.create_multipart_upload(**key)["UploadId"]}
    part = checking.upload_part(**arguments, PartNumber=1, Body=b"123456789")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    checking.complete_multipart_upload(**arguments, MultipartUpload=parts)


@check
def parts_of_an_object():
    arguments = upload("multipart/parts")
    etags = [s3.upload_part(**arguments, PartNumber=n, Body=pattern(size))["ETag"] for n, size in ((1, 5 * MIB), (2, 10))]
    complete(arguments, etags)
    part = s3.get_object(Bucket=BUCKET, Key="multipart/parts", PartNumber=2)
    equal((part["PartsCount"], part["ContentRange"]), (2, f"bytes {5 * MIB}-{5 * MIB + 9}/{5 * MIB + 10}"))
    equal(part["Body"].read(), pattern(10))
    head = s3.head_object(Bucket=BUCKET, Key="multipart/parts", PartNumber=1)
    equal((head["PartsCount"], head["ContentLength"]), (2, 5 * MIB))
    refused(416, "InvalidPartNumber", s3.get_object, Bucket=BUCKET, Key="multipart/parts", PartNumber=3)


@check
def aborted_upload_is_gone():
    arguments = upload("multipart/gone")
    s3.abort_multipart_upload(**arguments)
    refused(404, "NoSuchUpload", s3.upload_part, **arguments, PartNumber=1, Body=b"x")
    refused(404, None, s3.head_object, Bucket=BUCKET, Key="multipart/gone")


@check
def parts_that_are_too_small_or_differ_in_size():
    arguments = upload("multipart/small")
    etags = [s3.upload_part(**arguments, PartNumber=n, Body=pattern(MIB))["ETag"] for n in (1, 2)]
    refused(400, "EntityTooSmall", complete, arguments=arguments, etags=etags)
    s3.abort_multipart_upload(**arguments)
    arguments = upload("multipart/unequal")
    sizes = ((1, 5 * MIB), (2, 6 * MIB), (3, 1))
    etags = [s3.upload_part(**arguments, PartNumber=n, Body=pattern(size))["ETag"] for n, size in sizes]
    refused(400, "InvalidPart", complete, arguments=arguments, etags=etags)
    s3.abort_multipart_upload(**arguments)


@check
def hostile_keys():
    for key in HOSTILE_KEYS:
        put(key, key.encode())
    for key in HOSTILE_KEYS:
        equal(get(key), key.encode())
    page = s3.list_objects_v2(Bucket=BUCKET, Prefix="hostile/")
    equal([entry["Key"] for entry in page["Contents"]], sorted(HOSTILE_KEYS, key=str.encode))


@check
def hostile_keys_presigned():
    for key in HOSTILE_KEYS:
        body = f"presigned {key}".encode()
        equal(request("PUT", presigned("put_object", key), body)[0], 200)
        equal(request("GET", presigned("get_object", key)), (200, body))


@check
def hostile_keys_copied_and_deleted():
    for key in HOSTILE_KEYS:
        s3.copy_object(Bucket=BUCKET, Key=f"copied/{key}", CopySource={"Bucket": BUCKET, "Key": key})
        equal(get(f"copied/{key}"), f"presigned {key}".encode())
    keys = HOSTILE_KEYS + [f"copied/{key}" for key in HOSTILE_KEYS]
    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in keys]})
    equal(sorted(entry["Key"] for entry in answer["Deleted"]), sorted(keys))
    equal(s3.list_objects_v2(Bucket=BUCKET, Prefix="hostile/")["KeyCount"], 0)


@check
def presigned_urls():
    url = presigned("put_object", "presigned")
    equal(request("PUT", url, b"presigned")[0], 200)
    equal(request("GET", presigned("get_object", "presigned")), (200, b"presigned"))
    equal(request("HEAD", presigned("head_object", "presigned")), (200, b""))
    equal(request("DELETE", presigned("delete_object", "presigned"))[0], 204)
    status, body = request("GET", presigned("get_object", "presigned"))
    equal(status, 404)
    contains(body, b"<Code>NoSuchKey</Code>")


@check
def presigned_for_another_method():
    put("presigned", b"x")
    equal(request("DELETE", presigned("get_object", "presigned"))[0], 403)
    equal(get("presigned"), b"x")


@check
def altered_signature():
    put("presigned", b"x")
    status, body = request("GET", alter_signature(presigned("get_object", "presigned")))
    equal(status, 403)
    contains(body, b"<Code>SignatureDoesNotMatch</Code>")
    status, _ = request("PUT", alter_signature(presigned("put_object", "presigned")), b"altered")
    equal(status, 403)
    equal(get("presigned"), b"x")


@check
def expired_url():
    put("presigned", b"x")
    urls = {"GET": presigned("get_object", "presigned", 1), "PUT": presigned("put_object", "presigned", 1)}
    time.sleep(2.5)
    for method, url in urls.items():
        status, body = request(method, url, b"late" if method == "PUT" else None)
        equal(status, 403)
        contains(body, b"expired")
    equal(get("presigned"), b"x")


@check
def signed_header_of_a_presigned_url():
    url = presigned("put_object", "presigned", ContentType="video/mp4")
    equal(request("PUT", url, b"another content type")[0], 403)


@check
def buckets():
    s3.create_bucket(Bucket="interop-made-here")
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    equal(sorted(names), sorted({"interop-made-here", BUCKET}))
    s3.head_bucket(Bucket="interop-made-here")
    s3.put_object(Bucket="interop-made-here", Key="a", Body=b"x")
    refused(409, "BucketNotEmpty", s3.delete_bucket, Bucket="interop-made-here")
    s3.delete_object(Bucket="interop-made-here", Key="a")
    s3.delete_bucket(Bucket="interop-made-here")
    refused(404, None, s3.head_bucket, Bucket="interop-made-here")


@check
def temporary_credentials_do_what_they_allow():
    limited = client(*temporary_credentials("team/"))
    body = pattern(9 * MIB)
    limited.put_object(Bucket=BUCKET, Key="team/a", Body=b"x")
    limited.upload_fileobj(io.BytesIO(body), BUCKET, "team/parts", Config=TransferConfig(multipart_threshold=8 * MIB))
    equal(get("team/parts"), body)
    equal(limited.get_object(Bucket=BUCKET, Key="team/a")["Body"].read(), b"x")
    limited.copy({"Bucket": BUCKET, "Key": "team/a"}, BUCKET, "team/copy")
    listed = limited.list_objects_v2(Bucket=BUCKET, Prefix="team/")["Contents"]
    equal([entry["Key"] for entry in listed], ["team/a", "team/copy", "team/parts"])
    url = limited.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "team/a"})
    equal(request("GET", url), (200, b"x"))


@check
def temporary_credentials_do_no_more():
    put("presigned", b"x")
    limited = client(*temporary_credentials("team/"))
    for key in ["presigned", "team", "teams/a"]:
        refused(403, "AccessDenied", limited.get_object, Bucket=BUCKET, Key=key)
        refused(403, "AccessDenied", limited.put_object, Bucket=BUCKET, Key=key, Body=b"altered")
    refused(403, "AccessDenied", limited.list_objects_v2, Bucket=BUCKET)
    refused(403, "AccessDenied", limited.list_objects_v2, Bucket=BUCKET, Prefix="tea")
    refused(403, "AccessDenied", limited.list_buckets)
    source = {"Bucket": BUCKET, "Key": "presigned"}
    refused(403, "AccessDenied", limited.copy_object, Bucket=BUCKET, Key="team/stolen", CopySource=source)
    objects = [{"Key": "presigned"}, {"Key": "team/a"}]
    answer = limited.delete_objects(Bucket=BUCKET, Delete={"Objects": objects})
    equal([error["Code"] for error in answer["Errors"]], ["AccessDenied"])
    equal([entry["Key"] for entry in answer["Deleted"]], ["team/a"])
    url = limited.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "presigned"})
    status, body = request("GET", url)
    equal(status, 403)
    contains(body, b"<Code>AccessDenied</Code>")
    equal(get("presigned"), b"x")


@check
def temporary_credentials_read_only():
    put("team/a", b"x")
    limited = client(*temporary_credentials("team/", "object-read-only"))
    equal(limited.get_object(Bucket=BUCKET, Key="team/a")["Body"].read(), b"x")
    refused(403, "AccessDenied", limited.put_object, Bucket=BUCKET, Key="team/a", Body=b"altered")
    refused(403, "AccessDenied", limited.delete_object, Bucket=BUCKET, Key="team/a")
    one = client(*temporary_credentials("team/", actions=["HeadObject"]))
    one.head_object(Bucket=BUCKET, Key="team/a")
    refused(403, "AccessDenied", one.get_object, Bucket=BUCKET, Key="team/a")


@check
def temporary_credentials_that_do_not_hold():
    put("team/a", b"x")
    secret, token = temporary_credentials("team/")
    for wrong in [
        temporary_credentials("team/", iat=0, exp=int(time.time())),
        temporary_credentials("team/", lifetime=604_801),
        temporary_credentials("team/", aud=f"{'0' * 32}.r2.cloudflarestorage.com"),
        temporary_credentials("team/", sub="0" * 32),
        temporary_credentials("team/", bucket="another"),
        (secret, token[:-8]),
    ]:
        refused(403, "AccessDenied", client(*wrong).get_object, Bucket=BUCKET, Key="team/a")
    refused(403, "SignatureDoesNotMatch", client("0" * 64, token).get_object, Bucket=BUCKET, Key="team/a")


@check
def customer_keys():
    def key(byte, prefix=""):
        return {f"{prefix}SSECustomerAlgorithm": "AES256", f"{prefix}SSECustomerKey": bytes([byte] * 32)}

    body = pattern(300_000)
    put("sse-c/a", body, **key(1))
    equal(get("sse-c/a", **key(1)), body)
    equal(get("sse-c/a", Range="bytes=262127-262129", **key(1)), body[262127:262130])
    equal(s3.head_object(Bucket=BUCKET, Key="sse-c/a", **key(1))["ContentLength"], 300_000)
    refused(400, "InvalidRequest", s3.get_object, Bucket=BUCKET, Key="sse-c/a")
    refused(403, "AccessDenied", s3.get_object, Bucket=BUCKET, Key="sse-c/a", **key(2))
    source = {"Bucket": BUCKET, "Key": "sse-c/a"}
    s3.copy_object(Bucket=BUCKET, Key="sse-c/b", CopySource=source, **key(2), **key(1, "CopySource"))
    equal(get("sse-c/b", **key(2)), body)
    refused(400, "InvalidRequest", s3.get_object, Bucket=BUCKET, Key="range", **key(1))
    large = pattern(12 * MIB)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_fileobj(io.BytesIO(large), BUCKET, "sse-c/large", ExtraArgs=key(3), Config=config)
    down = io.BytesIO()
    s3.download_fileobj(BUCKET, "sse-c/large", down, ExtraArgs=key(3), Config=config)
    equal(down.getvalue(), large)


@check
def what_r2_does_not_have():
    refused(501, "NotImplemented", s3.get_object_tagging, Bucket=BUCKET, Key="presigned")


finish()
