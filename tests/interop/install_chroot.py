"""Each way to install in docs/installing.md, tried in a separate Debian up to `cfstore demo`.

DIST is the folder that `cargo xtask dist` wrote, REPOSITORY and TARGET are the repository and its build folder. DEBIAN is
the folder of the system that is copied for each check; debootstrap creates it. It uses DEBIAN_MIRROR, if it is set.
"""

import contextlib
import functools
import glob
import http.server
import os
import platform
import re
import shutil
import threading

from checks import check, contains, equal, finish, run, skip

DIST = os.environ["DIST"]
REPOSITORY = os.environ["REPOSITORY"]
DEBIAN = os.environ["DEBIAN"]
TARGET = f"{platform.machine()}-unknown-linux-musl"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
[ARCHIVE] = glob.glob(f"{DIST}/cfstore-*-{TARGET}.tar.gz")
[PACKAGE] = glob.glob(f"{DIST}/cfstore_*_{ARCHITECTURE}.deb")
NAME = os.path.basename(ARCHIVE).removesuffix(".tar.gz")
VERSION = NAME.removeprefix("cfstore-").removesuffix(f"-{TARGET}")

SUITE = "trixie"
# Common programs that a minimal Debian does not include.
PACKAGES = "ca-certificates,curl"
# Enters with /proc, the build folders under the same paths, and without this machine's environment. All mounts
# end with the process.
ENTER = """
mount -t proc proc "$1/proc"
for bound in $2; do mkdir -p "$1/$bound"; mount --bind "$bound" "$1/$bound"; done
cd "$1"
exec chroot --userspec="$3" . env -i HOME="$4" TERM=dumb PATH="$5" sh -euc "$6"
"""


def mirror():
    """The mirror that this machine installs from, if it is a Debian."""
    if given := os.environ.get("DEBIAN_MIRROR"):
        return [given]
    with contextlib.suppress(FileNotFoundError), open("/etc/apt/sources.list.d/debian.sources", encoding="utf-8") as file:
        return re.findall(r"^URIs:\s*(\S+)", file.read(), re.MULTILINE)[:1]
    return []


def bootstrap():
    if os.path.exists(DEBIAN):
        return
    print(f"making Debian {SUITE} in {DEBIAN}")
    made = f"{DEBIAN}.new"
    shutil.rmtree(made, ignore_errors=True)
    run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, made, *mirror(), minutes=20)
    os.rename(made, DEBIAN)


class Debian:
    """A fresh system."""

    def __init__(self, folder):
        self.root = folder
        run("cp", "--archive", "--reflink=auto", DEBIAN, folder)
        self.run("useradd --create-home --shell /bin/sh user")

    def run(self, script, user="root", path="/usr/sbin:/usr/bin:/sbin:/bin", bound=(), **options):
        """Runs a shell script in the system."""
        home = "/root" if user == "root" else f"/home/{user}"
        enter = ["unshare", "--mount", "--propagation=private", "sh", "-euc", ENTER, "sh"]
        said = run(*enter, self.root, " ".join(bound), user, home, path, script, **options)
        return said if isinstance(said, str) else said.decode()

    def exists(self, path):
        return os.path.lexists(self.root + path)

    def demo(self, program="cfstore", user="user", **options):
        """The program runs, and everything works."""
        equal(self.run(f"{program} --version", user, **options), f"cfstore {VERSION}\n")
        return self.run(f"cd && {program} demo", user, **options)


def debian(test):
    """A check in a separate Debian."""

    @functools.wraps(test)
    def in_debian():
        folder = os.path.abspath("debian")
        try:
            test(Debian(folder))
        finally:
            shutil.rmtree(folder)

    check(in_debian)


bootstrap()


@debian
def the_archive(system):
    folder = f"{system.root}/home/user"
    for file in (ARCHIVE, f"{DIST}/SHA256SUMS"):
        shutil.copy(file, folder)
    contains(system.run("cd && sha256sum --check --ignore-missing SHA256SUMS", "user"), f"{NAME}.tar.gz: OK")
    system.run(f"cd && tar -xzf {NAME}.tar.gz", "user")
    packed = set(os.listdir(f"{folder}/{NAME}"))
    expected = {"cfstore", "completions", "man", "systemd", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "THIRD-PARTY.md"}
    equal(expected - packed, set())
    equal({"cfstore.service", "cfstore.socket"} - set(os.listdir(f"{folder}/{NAME}/systemd")), set())
    contains(open(f"{folder}/{NAME}/README.md").read(), "# cfstore")
    system.demo(f"~/{NAME}/cfstore")


@debian
def the_archive_without_a_system(system):
    """The system only has the program and a folder for temporary files."""
    alone = f"{system.root}/alone"
    os.makedirs(f"{alone}/tmp")
    os.chmod(f"{alone}/tmp", 0o1777)
    run("tar", "-xzf", ARCHIVE, "-C", alone, "--strip-components=1", f"{NAME}/cfstore")
    run(shutil.which("chroot"), "--userspec=65532:65532", alone, "/cfstore", "demo", env={})


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@debian
def the_script(system):
    shutil.copy(f"{REPOSITORY}/packaging/install.sh", f"{system.root}/home/user")
    handler = functools.partial(Quiet, directory=DIST)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        said = system.run(f"cd && CFSTORE_BASE_URL={address} sh install.sh", "user")
        server.shutdown()
    contains(said, f"installed cfstore {VERSION}")
    path = "/home/user/.local/bin:/usr/bin:/bin"
    system.demo(path=path)
    system.run("sh ~/install.sh --uninstall", "user")
    contains(system.run("cfstore --version", "user", path=path, fails=True), "not found")


@debian
def the_debian_package(system):
    shutil.copy(PACKAGE, f"{system.root}/root")
    package = f"~/{os.path.basename(PACKAGE)}"
    install = f"DEBIAN_FRONTEND=noninteractive apt-get install --yes {package}"
    system.run(install)
    for path in (
        "/usr/bin/cfstore",
        "/usr/share/man/man1/cfstore.1.gz",
        "/usr/share/man/man1/cfstore-r2-put.1.gz",
        "/usr/share/bash-completion/completions/cfstore",
        "/usr/share/zsh/vendor-completions/_cfstore",
        "/usr/share/fish/vendor_completions.d/cfstore.fish",
        "/usr/lib/systemd/system/cfstore.service",
        "/usr/lib/systemd/system/cfstore.socket",
        "/usr/share/doc/cfstore/copyright",
        "/etc/cfstore/cfstore.env",
    ):
        equal((path, system.exists(path)), (path, True))
    equal(oct(os.stat(f"{system.root}/etc/cfstore/cfstore.env").st_mode & 0o777), "0o600")
    equal(run("find", f"{system.root}/etc/systemd", "-name", "cfstore*"), b"")
    system.demo()

    # Changes of the configuration are kept over an upgrade and when the program is removed.
    system.run("echo R2_ACCOUNT_ID=changed >> /etc/cfstore/cfstore.env")
    system.run(f"{install} --reinstall")
    system.run("apt-get remove --yes cfstore")
    equal((system.exists("/usr/bin/cfstore"), system.exists("/etc/cfstore/cfstore.env")), (False, True))
    contains(system.run("cat /etc/cfstore/cfstore.env"), "changed")
    system.run("apt-get purge --yes cfstore")
    equal(run("find", system.root, "-path", f"{system.root}/proc", "-prune", "-o", "-name", "*cfstore*", "-print"),
          f"{system.root}/root/{os.path.basename(PACKAGE)}\n".encode())


if shutil.which("lintian"):

    @check
    def lintian_finds_nothing():
        # The package gets a maintainer with an address when somebody publishes it.
        tags = "--suppress-tags=malformed-contact"
        run("lintian", "--allow-root", "--fail-on=error,warning", tags, PACKAGE)

else:
    skip("lintian finds nothing", "lintian is not on the PATH")


def sources():
    """The folders with the sources, and the command that installs them: from the packages of `cargo xtask release`, if
    it created them, or else from the repository."""
    install = "cargo install --root /usr/local"
    folder = f"{os.environ['TARGET']}/publish/packages/package"
    libraries = [f"{name}-{VERSION}" for name in ("cloudflare-clients", "cloudflare-emulator")]
    crates = [*libraries, f"cfstore-{VERSION}"]
    if not all(os.path.isfile(f"{folder}/{crate}.crate") for crate in crates):
        return REPOSITORY, f"{install} --locked --path {REPOSITORY}/crates/cfstore"
    unpack = "".join(f"tar -xzf {folder}/{crate}.crate -C /tmp; " for crate in crates)
    patches = " ".join(
        f"--config 'patch.crates-io.{crate.removesuffix(f'-{VERSION}')}.path=\"/tmp/{crate}\"'" for crate in libraries
    )
    return folder, f"{unpack}{install} {patches} --path /tmp/cfstore-{VERSION}"


@debian
def the_sources(system):
    """With this machine's Rust, and the dependencies that its cargo has downloaded."""
    rust = run("rustc", "--print", "sysroot").decode().strip()
    cargo_home = os.environ.get("CARGO_HOME", os.path.expanduser("~/.cargo"))
    folder, install = sources()
    print(install)
    system.run("apt-get install --yes --no-install-recommends gcc libc6-dev", minutes=5)
    system.run(
        f"export CARGO_HOME={cargo_home} CARGO_NET_OFFLINE=true CARGO_TARGET_DIR=/tmp/build; {install}",
        path=f"{rust}/bin:/usr/bin:/bin",
        bound=[rust, f"{cargo_home}/registry", folder],
        minutes=60,
    )
    system.demo("/usr/local/bin/cfstore")


finish()
