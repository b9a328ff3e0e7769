"""The image of `cargo xtask dist`: unpacked with skopeo and umoci, and its files run as in a container, as its user
and in its root folder, with a separate network. No container runtime is needed.

DIST is the folder that `cargo xtask dist` wrote.
"""

import contextlib
import hashlib
import json
import os
import platform
import shutil
import stat
import subprocess
import time

from checks import check, contains, equal, finish, run

DIST = os.environ["DIST"]
[IMAGE] = [entry.path for entry in os.scandir(DIST) if entry.name.endswith("-image")]
VERSION = os.path.basename(IMAGE).removeprefix("cfstore-").removesuffix("-image")
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
MEBIBYTE = 1024 * 1024
USER = 65_532
KEY = ("0123456789abcdef" * 2, "fedcba9876543210" * 4)
# Makes curl sign a request. Older versions do not send a hash of the body by themselves.
SIGNED = [
    *("--aws-sigv4", "aws:amz:auto:s3", "--user", ":".join(KEY)),
    *("--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD"),
]
# The values in compose.yaml.
FIXED_KEY = ["--credentials-from-env", "--log-format", "json"]


def blob(descriptor):
    algorithm, _, digest = descriptor["digest"].partition(":")
    with open(f"{IMAGE}/blobs/{algorithm}/{digest}", "rb") as file:
        content = file.read()
    equal(hashlib.new(algorithm, content).hexdigest(), digest)
    equal(len(content), descriptor["size"])
    return content


def manifests():
    with open(f"{IMAGE}/index.json", encoding="utf-8") as file:
        [index] = json.load(file)["manifests"]
    return json.loads(blob(index))["manifests"]


ARCHITECTURES = [manifest["platform"]["architecture"] for manifest in manifests()]


def skopeo(command, architecture, *arguments):
    return run("skopeo", command, "--override-os=linux", f"--override-arch={architecture}", *arguments)


@check
def every_blob_is_what_its_name_says():
    used = set()
    for manifest in manifests():
        used.add(manifest["digest"])
        content = json.loads(blob(manifest))
        for descriptor in [content["config"], *content["layers"]]:
            used.add(descriptor["digest"])
            blob(descriptor)
    with open(f"{IMAGE}/index.json", encoding="utf-8") as file:
        used.add(json.load(file)["manifests"][0]["digest"])
    equal({f"sha256:{name}" for name in os.listdir(f"{IMAGE}/blobs/sha256")}, used)


@check
def each_platform_is_below_ten_megabytes():
    for manifest in manifests():
        layers = json.loads(blob(manifest))["layers"]
        size = sum(layer["size"] for layer in layers)
        print(f"{manifest['platform']['architecture']}: {size / MEBIBYTE:.2f} MiB")
        equal(size < 10_000_000, True)


@check
def skopeo_inspects_it():
    for architecture in ARCHITECTURES:
        shown = json.loads(skopeo("inspect", architecture, f"oci:{IMAGE}:{VERSION}"))
        equal((shown["Architecture"], shown["Os"]), (architecture, "linux"))
        equal(shown["Labels"]["org.opencontainers.image.version"], VERSION)
        config = json.loads(skopeo("inspect", architecture, "--config", f"oci:{IMAGE}:{VERSION}"))["config"]
        equal(config["User"], f"{USER}:{USER}")
        equal(config["StopSignal"], "SIGTERM")


@check
def skopeo_copies_it_for_docker():
    for architecture in ARCHITECTURES:
        archive = f"docker-archive:{architecture}.tar:cfstore:{VERSION}"
        skopeo("copy", architecture, "--quiet", f"oci:{IMAGE}:{VERSION}", archive)
        contains(json.loads(run("skopeo", "inspect", f"docker-archive:{architecture}.tar"))["Architecture"], architecture)
    run("skopeo", "copy", "--quiet", "--all", f"oci:{IMAGE}:{VERSION}", f"oci:all:{VERSION}")


@check
def umoci_unpacks_it():
    skopeo("copy", ARCHITECTURE, "--quiet", f"oci:{IMAGE}:{VERSION}", f"oci:one:{VERSION}")
    run("umoci", "unpack", "--image", f"one:{VERSION}", "bundle")
    equal(sorted(os.listdir("bundle/rootfs")), ["cfstore", "data", "licenses", "tmp"])
    owners = {name: os.stat(f"bundle/rootfs/{name}").st_uid for name in os.listdir("bundle/rootfs")}
    equal(owners, {"cfstore": 0, "data": USER, "licenses": 0, "tmp": 0})
    equal(stat.S_IMODE(os.stat("bundle/rootfs/tmp").st_mode), 0o1777)


with open("bundle/config.json", encoding="utf-8") as config_file:
    PROCESS = json.load(config_file)["process"]


class Container:
    """The process of the image, in its root folder, as its user, without privileges, in a separate network."""

    def __init__(self, *arguments):
        environment = dict(variable.split("=", 1) for variable in PROCESS["env"])
        environment |= {"R2_ACCOUNT_ID": KEY[0], "R2_ACCESS_KEY_ID": KEY[0], "R2_SECRET_ACCESS_KEY": KEY[1]}
        enter = 'ip link set lo up && exec env -i "$@"'
        variables = [f"{name}={value}" for name, value in environment.items()]
        self.inside = [
            *(shutil.which("unshare"), "--root=bundle/rootfs", f"--wd={PROCESS['cwd']}"),
            *(f"--setuid={USER}", f"--setgid={USER}"),
        ]
        command = ["unshare", "--net", "sh", "-c", enter, "sh", *variables, *self.inside, *PROCESS["args"], *arguments]
        with open("container.log", "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.exec("health")
                return
            except AssertionError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise AssertionError(f"it is not healthy: {self.said()}") from None
                time.sleep(0.05)

    def run(self, *command, **options):
        """Runs one of this machine's programs in the container's network."""
        return run(shutil.which("nsenter"), f"--net=/proc/{self.process.pid}/ns/net", *command, **options)

    def exec(self, *arguments):
        """Runs the program in the container, as `docker exec` would."""
        return self.run(*self.inside, "/cfstore", *arguments, env={"PATH": "/"})

    def curl(self, *arguments):
        """A request to S3 that curl signs."""
        return self.run("curl", "--silent", "--show-error", "--fail", *SIGNED, *arguments)

    def said(self):
        with open("container.log", encoding="utf-8") as file:
            return file.read()

    def stop(self):
        """Stops the process like `docker stop`. Returns the exit code."""
        self.process.terminate()
        return self.process.wait(10)


@contextlib.contextmanager
def container(*arguments):
    started = Container(*arguments)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.process.kill()
            started.process.wait()


OBJECT = "http://127.0.0.1:9710/media/folder/object.txt"


@check
def it_serves_as_its_user_and_stops_when_it_is_told():
    equal(PROCESS["args"][0], "/cfstore")
    equal((PROCESS["user"]["uid"], PROCESS["user"]["gid"]), (USER, USER))
    with container(*FIXED_KEY) as running:
        with open(f"/proc/{running.process.pid}/status", encoding="utf-8") as file:
            status = file.read()
        contains(status, f"Uid:\t{USER}\t{USER}\t{USER}\t{USER}")
        contains(status, "CapEff:\t0000000000000000")
        running.curl("--request", "PUT", "--data-binary", "hello", OBJECT)
        equal(running.curl(OBJECT), b"hello")
        contains(running.exec("r2", "ls").decode(), "folder/")
        # The image has no /etc/hosts.
        running.exec("health", "--url", "http://localhost:9711/healthz")
        running.exec("demo")
        equal(KEY[1] in running.said(), False)
        equal(running.stop(), 0)


@check
def without_a_key_it_makes_one_and_prints_it():
    with container() as running:
        with open("bundle/rootfs/data/.cfstore/credentials.json", encoding="utf-8") as file:
            made = json.load(file)
        contains(running.said(), made["access_key_id"])
        contains(running.said(), made["secret_access_key"])
        equal(running.stop(), 0)


@check
def what_it_stored_is_in_the_volume():
    with container(*FIXED_KEY) as running:
        equal(running.curl(OBJECT), b"hello")
        equal(running.stop(), 0)
    equal(os.stat("bundle/rootfs/data/.cfstore").st_uid, USER)


@check
def requests_under_way_are_finished_before_it_stops():
    with container(*FIXED_KEY) as running:
        url = f"{OBJECT}-slow"
        body = os.urandom(2 * MEBIBYTE)
        with open("body", "wb") as file:
            file.write(body)
        put = subprocess.Popen(
            [
                *("nsenter", f"--net=/proc/{running.process.pid}/ns/net", "curl", "--silent", "--fail", *SIGNED),
                *("--header", "Expect:", "--limit-rate", "1M", "--upload-file", "body", url),
            ]
        )
        time.sleep(1)
        equal(put.poll(), None)
        equal(running.stop(), 0)
        equal(put.wait(10), 0)
    with container(*FIXED_KEY) as running:
        equal(running.curl(url), body)
        equal(running.stop(), 0)


finish()
