"""packaging/install.sh against a file server: with each download program, and its error cases.

The argument is the script to test. It installs a script here, so that no build is needed.
"""

import contextlib
import functools
import hashlib
import http.server
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading

from checks import check, contains, equal, finish, run, shown, skip

SCRIPT = sys.argv[1]
VERSION = "9.8.7"
MACHINES = {"x86_64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
TARGET = f"{MACHINES.get(os.uname().machine, 'x86_64')}-unknown-linux-musl"
NAME = f"cfstore-{VERSION}-{TARGET}"
ARCHIVE = f"{NAME}.tar.gz"
PROGRAM = f"#!/bin/sh\necho cfstore {VERSION}\n"

NEEDED = ["cat", "chmod", "cp", "gzip", "mkdir", "mktemp", "mv", "rm", "sha256sum", "tar", "uname"]


def archive(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content.encode()))
    return packed.getvalue()


def sums(files):
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files; those below /cut/ without their second half."""

    def send_head(self):
        if not self.path.startswith("/cut/"):
            return super().send_head()
        self.path = self.path.removeprefix("/cut")
        file = super().send_head()
        if file and self.path.endswith(".tar.gz"):
            return io.BytesIO(file.read(50))
        return file

    def log_message(self, *_):
        pass


class Place:
    """A served release, and a folder to install into."""

    def __init__(self, folder):
        self.release = os.path.join(folder, "release")
        self.home = os.path.join(folder, "home")
        self.programs = os.path.join(folder, "programs")
        self.into = os.path.join(folder, "into")
        for made in (self.release, self.home, self.programs):
            os.mkdir(made)
        handler = functools.partial(Handler, directory=self.release)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, args=[0.02], daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.publish({ARCHIVE: archive({f"{NAME}/cfstore": PROGRAM, f"{NAME}/README.md": "read"})})
        self.has("curl")

    def publish(self, files, checksums=None):
        for name, content in {**files, "SHA256SUMS": (checksums or sums(files)).encode()}.items():
            with open(os.path.join(self.release, name), "wb") as file:
                file.write(content)

    def published(self):
        with open(os.path.join(self.release, ARCHIVE), "rb") as file:
            return {ARCHIVE: file.read()}

    def has(self, *programs):
        """The script finds only these programs and those that it always needs."""
        shutil.rmtree(self.programs)
        os.mkdir(self.programs)
        for name in [*NEEDED, *programs]:
            if found := shutil.which(name):
                os.symlink(found, os.path.join(self.programs, name))

    def script(self, name, text):
        path = os.path.join(self.programs, name)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{text}\n")
        os.chmod(path, 0o755)

    def run(self, *arguments, shell=("/bin/sh",), script=SCRIPT, **variables):
        defaults = {
            "HOME": self.home,
            "PATH": self.programs,
            "CFSTORE_BASE_URL": self.url,
            "CFSTORE_INSTALL_DIR": self.into,
        }
        environment = {name: value for name, value in {**defaults, **variables}.items() if value is not None}
        command = [*shell, script, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    def installs(self, *arguments, **options):
        done = self.run(*arguments, **options)
        if done.returncode != 0:
            raise AssertionError(f"it ended with {done.returncode}: {shown(done.stderr)}")
        equal(os.listdir(self.into), ["cfstore"])
        says = subprocess.run([f"{self.into}/cfstore"], capture_output=True, text=True, check=True)
        equal(says.stdout, f"cfstore {VERSION}\n")
        return done.stdout

    def refuses(self, part, *arguments, **options):
        """It fails with this message, with or without an older program, and changes nothing."""
        for older in (False, True):
            shutil.rmtree(self.into, ignore_errors=True)
            if older:
                os.mkdir(self.into)
                with open(f"{self.into}/cfstore", "w", encoding="utf-8") as file:
                    file.write("older")
            done = self.run(*arguments, **options)
            if done.returncode == 0:
                raise AssertionError(f"it was to fail and did not: {shown(done.stdout)}")
            contains(done.stderr, part)
            equal(os.listdir(self.into) if os.path.exists(self.into) else [], ["cfstore"] if older else [])
            if older:
                with open(f"{self.into}/cfstore", encoding="utf-8") as file:
                    equal(file.read(), "older")
            equal([name for name in os.listdir(self.home) if not name.startswith(".")], [])


def place(test):
    """A check in a separate folder."""

    @functools.wraps(test)
    def in_place():
        with tempfile.TemporaryDirectory() as folder:
            made = Place(folder)
            try:
                test(made)
            finally:
                made.server.shutdown()
                made.server.server_close()

    check(in_place)


if shutil.which("shellcheck"):

    @check
    def shellcheck_finds_nothing():
        run("shellcheck", "--shell=sh", SCRIPT)

else:
    skip("shellcheck finds nothing", "shellcheck is not on the PATH")


@place
def it_installs_and_says_how_to_reach_the_program(here):
    said = here.installs()
    contains(said, f"installed cfstore {VERSION} as {here.into}/cfstore")
    contains(said, f'export PATH="{here.into}:$PATH"')
    said = here.installs(PATH=f"{here.programs}:{here.into}")
    equal("export PATH" in said, False)


@place
def it_installs_into_the_home_folder_by_default(here):
    here.run(CFSTORE_INSTALL_DIR=None)
    equal(os.listdir(f"{here.home}/.local/bin"), ["cfstore"])
    here.refuses("HOME is not set", CFSTORE_INSTALL_DIR=None, HOME=None)


@place
def a_newer_one_takes_the_place_of_an_older_one(here):
    os.mkdir(here.into)
    with open(f"{here.into}/cfstore", "w", encoding="utf-8") as file:
        file.write("older")
    here.installs()
    here.installs(CFSTORE_VERSION=VERSION)


@place
def it_uninstalls(here):
    here.installs()
    done = here.run("--uninstall", CFSTORE_BASE_URL=None)
    equal((done.returncode, os.listdir(here.into)), (0, []))
    done = here.run("--uninstall", CFSTORE_BASE_URL=None)
    equal(done.returncode, 1)
    contains(done.stderr, f"{here.into} has no cfstore")


for program in ("curl", "wget", "busybox"):
    if shutil.which(program) is None:
        skip(f"it downloads with {program}", f"{program} is not on the PATH")
        continue

    def downloads(here, program=program):
        here.has(program)
        if program == "busybox":
            here.script("wget", f'exec "{here.programs}/busybox" wget "$@"')
        here.installs()
        here.refuses("cannot be fetched", CFSTORE_BASE_URL=f"{here.url}/nowhere")
        here.refuses("", CFSTORE_BASE_URL=f"{here.url}/cut")

    downloads.__name__ = f"it downloads with {program}"
    place(downloads)

for shell in (["dash"], ["bash", "--posix"], ["busybox", "sh"]):
    if shutil.which(shell[0]) is None:
        skip(f"it runs in {' '.join(shell)}", f"{shell[0]} is not on the PATH")
        continue

    def runs(here, shell=shell):
        here.installs(shell=[shutil.which(shell[0]), *shell[1:]])
        here.publish({ARCHIVE: b"other"}, sums(here.published()))
        here.refuses("is not the file that SHA256SUMS names", shell=[shutil.which(shell[0]), *shell[1:]])

    runs.__name__ = f"it runs in {' '.join(shell)}"
    place(runs)


@place
def a_local_folder_is_a_release_too(here):
    here.installs(CFSTORE_BASE_URL=f"file://{here.release}/")
    here.has("wget")
    here.refuses("needs curl", CFSTORE_BASE_URL=f"file://{here.release}")


@place
def it_asks_for_what_it_needs(here):
    here.refuses("CFSTORE_BASE_URL is not set", CFSTORE_BASE_URL=None)
    here.refuses("is not an address", CFSTORE_BASE_URL="ftp://example.com")
    here.refuses("the argument --force is not known", "--force")
    here.refuses("one argument is the most", "--uninstall", "now")
    here.has()
    here.refuses("neither curl nor wget")
    here.has("curl")
    os.unlink(f"{here.programs}/sha256sum")
    here.refuses("no program computes SHA-256")


for program in ("shasum", "openssl"):
    if shutil.which(program) is None:
        skip(f"{program} computes the checksum", f"{program} is not on the PATH")
        continue

    def computes(here, program=program):
        here.has("curl", program, "perl")
        os.unlink(f"{here.programs}/sha256sum")
        here.installs()
        here.publish({ARCHIVE: b"other"}, sums(here.published()))
        here.refuses("is not the file that SHA256SUMS names")

    computes.__name__ = f"{program} computes the checksum"
    place(computes)


@place
def an_unknown_platform_is_refused(here):
    for system, machine in (("Darwin", "arm64"), ("Linux", "riscv64"), ("FreeBSD", "x86_64"), ("MINGW64_NT", "x86_64")):
        here.script("uname", f'case $1 in -s) echo {system} ;; -m) echo {machine} ;; esac')
        here.refuses(f"no archive is made for {system} on {machine}")


@place
def other_bytes_than_the_checksum_names_are_refused(here):
    good = here.published()
    whole = good[ARCHIVE]
    for bad in (b"", whole[:-1], whole + b"\0", whole[:20] + bytes([whole[20] ^ 1]) + whole[21:]):
        here.publish({ARCHIVE: bad}, sums(good))
        here.refuses("is not the file that SHA256SUMS names")


@place
def a_missing_or_damaged_checksum_is_refused(here):
    good = sums(here.published())
    for bad, why in (
        ("\n", "names no archive"),
        (good.replace(ARCHIVE, "another.tar.gz"), "names no archive"),
        (good[:-1], "names no archive"),  # cut off within the line
        (good[:30], "names no archive"),
        (good[1:], "is damaged"),
        (good.replace(good[:1], "x", 1), "is damaged"),
        (good + good, "several versions"),
        (good.replace(VERSION, "1/../2"), "is not a version"),
    ):
        here.publish({}, bad)
        here.refuses(why)
    here.publish({}, good + good)
    here.refuses("twice", CFSTORE_VERSION=VERSION)
    here.publish({}, good)
    os.unlink(os.path.join(here.release, ARCHIVE))
    here.refuses("cannot be fetched")
    os.unlink(os.path.join(here.release, "SHA256SUMS"))
    here.refuses("cannot be fetched")


@place
def a_version_that_the_release_does_not_have_is_refused(here):
    here.refuses("does not name", CFSTORE_VERSION="0.0.1")
    here.refuses("is not a version", CFSTORE_VERSION="../evil")


@place
def a_program_that_does_not_run_is_not_placed(here):
    here.publish({ARCHIVE: archive({f"{NAME}/cfstore": "#!/bin/sh\nexit 3\n"})})
    here.refuses("does not run on this machine")
    here.publish({ARCHIVE: archive({f"{NAME}/README.md": "read"})})
    here.refuses("has no cfstore")
    here.publish({ARCHIVE: b"not an archive"})
    here.refuses("has no cfstore")


@place
def a_script_that_was_cut_off_does_nothing(here):
    with open(SCRIPT, encoding="utf-8") as file:
        lines = file.read().splitlines(keepends=True)
    cut = os.path.join(here.home, ".cut.sh")
    for length in range(1, len(lines), 7):
        with open(cut, "w", encoding="utf-8") as file:
            file.write("".join(lines[:length]))
        here.run(script=cut)
        equal(os.path.exists(here.into), False)


finish()
