"""restic against the server: a backup of a tree in its repository, which is checked completely and restored."""

import filecmp
import json
import os

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
    run,
    write,
)

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": os.getcwd(),
    "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
    "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
    "RESTIC_REPOSITORY": f"s3:{ENDPOINT}/{BUCKET}/backups",
    "RESTIC_PASSWORD": "correct horse battery staple",
    "RESTIC_CACHE_DIR": os.path.abspath("cache"),
    **{name: os.environ[name] for name in ["SSL_CERT_FILE"] if name in os.environ},
}


def restic(*arguments, fails=False, **variables):
    return run("restic", "--option", "s3.region=auto", *arguments, env={**ENVIRONMENT, **variables}, fails=fails)


def same(one, other):
    differing = filecmp.dircmp(one, other)
    equal((differing.left_only, differing.right_only, differing.funny_files), ([], [], []))
    _, mismatch, errors = filecmp.cmpfiles(one, other, differing.common_files, shallow=False)
    equal((mismatch, errors), ([], []))
    for folder in differing.common_dirs:
        same(os.path.join(one, folder), os.path.join(other, folder))


def snapshots():
    return len(json.loads(restic("snapshots", "--json")))


@check
def a_tree_is_backed_up_and_restored():
    os.makedirs("films/hls/empty", exist_ok=True)
    write("films/master.m3u8", b"#EXTM3U")
    write("films/empty", b"")
    write("films/hls/0.ts", pattern(20 * MIB))
    write("films/hls/żółć 1.ts", pattern(100_000))
    restic("init")
    restic("backup", "films")
    restic("check", "--read-data")
    restic("restore", "latest", "--target", "restored")
    same("films", "restored/films")


@check
def a_second_backup_adds_what_is_new():
    write("films/hls/2.ts", os.urandom(3 * MIB))
    os.remove("films/empty")
    restic("backup", "films")
    equal(snapshots(), 2)
    restic("restore", "latest", "--target", "restored-again")
    same("films", "restored-again/films")


@check
def what_is_forgotten_is_removed():
    restic("forget", "--keep-last", "1", "--prune")
    equal(snapshots(), 1)
    restic("check", "--read-data")


@check
def a_wrong_secret_is_refused():
    contains(restic("snapshots", fails=True, AWS_SECRET_ACCESS_KEY="0" * 64), "Access Denied")


finish()
