"""The module against whatever Docker it finds: `cargo xtask test testcontainers/python` gives it ../../docker.py."""

import os
import unittest
import urllib.request
from unittest import mock

import boto3
from botocore.exceptions import ClientError
from cfstore_testcontainers import CfstoreContainer

IMAGE = os.environ.get("CFSTORE_IMAGE") or "cfstore:test"


def s3(connection):
    return boto3.client(
        "s3",
        endpoint_url=connection.endpoint,
        region_name="auto",
        aws_access_key_id=connection.access_key_id,
        aws_secret_access_key=connection.secret_access_key,
    )


def kv(connection, method, key, value=None):
    namespace = f"{connection.api_base_url}/accounts/{connection.account_id}/storage/kv/namespaces/{connection.namespace_id}"
    request = urllib.request.Request(f"{namespace}/values/{key}", data=value, method=method)
    request.add_header("Authorization", f"Bearer {connection.api_token}")
    with urllib.request.urlopen(request) as answer:
        return answer.read()


class Container(unittest.TestCase):
    def test_objects_and_values_come_back(self):
        with CfstoreContainer(IMAGE) as container:
            connection = container.connection
            client = s3(connection)
            client.put_object(Bucket=connection.bucket, Key="a b", Body=b"hello")
            self.assertEqual(client.get_object(Bucket=connection.bucket, Key="a b")["Body"].read(), b"hello")
            kv(connection, "PUT", "k", b"v")
            self.assertEqual(kv(connection, "GET", "k"), b"v")
            self.assertEqual(connection.variables["KV_NAMESPACE_ID"], connection.namespace_id)
            for secret in (connection.secret_access_key, connection.api_token):
                self.assertNotIn(secret, repr(connection))

    def test_each_has_a_store_and_arguments_of_its_own(self):
        with CfstoreContainer(IMAGE) as one, CfstoreContainer(IMAGE, arguments=["--fault", "404=100%"]) as other:
            self.assertNotEqual(one.connection.secret_access_key, other.connection.secret_access_key)
            self.assertEqual(s3(one.connection).list_objects_v2(Bucket="media")["KeyCount"], 0)
            with self.assertRaises(ClientError):
                s3(other.connection).list_objects_v2(Bucket="media")

    def test_a_server_that_does_not_start_is_an_error(self):
        with self.assertRaisesRegex(Exception, "no-such-option|exited"), CfstoreContainer(IMAGE, ["--no-such-option"]):
            pass

    def test_the_image_has_to_be_named(self):
        with mock.patch.dict(os.environ):
            os.environ.pop("CFSTORE_IMAGE", None)
            with self.assertRaisesRegex(ValueError, "CFSTORE_IMAGE"):
                CfstoreContainer()


if __name__ == "__main__":
    unittest.main()
