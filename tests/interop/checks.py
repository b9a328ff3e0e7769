"""Helpers of all Python drivers: checks that run in order and are counted, programs and requests."""

import subprocess
import sys
import traceback
import urllib.error
import urllib.request

failures = 0


def check(test):
    """Runs a check immediately, and prints `ok NAME`, or `FAILED NAME: why` if it raises anything."""
    global failures
    name = test.__name__.replace("_", " ")
    try:
        test()
    except Exception as error:
        failures += 1
        why = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"FAILED {name}: {why[:500]}")
        traceback.print_exc()
    else:
        print(f"ok {name}")


def skip(name, why):
    """Reports that a check cannot run on this machine."""
    print(f"skipped {name}: {why}")


def finish():
    """The last call of every driver."""
    sys.exit(1 if failures else 0)


def equal(actual, expected):
    if actual != expected:
        raise AssertionError(f"got {shown(actual)}, expected {shown(expected)}")


def shown(value):
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}... ({len(value)} long)"


def contains(text, part):
    if part not in text:
        raise AssertionError(f"no {shown(part)} in {shown(text)}")


def run(*command, env=None, stdin=None, fails=False, minutes=1):
    """Runs a program for at most some minutes. Returns its output, or its stderr if it is expected to fail."""
    done = subprocess.run(command, env=env, input=stdin, capture_output=True, timeout=60 * minutes, check=False)
    if fails:
        if done.returncode == 0:
            raise AssertionError(f"{command[:4]} was to fail and did not")
        return (done.stdout + done.stderr).decode(errors="replace")
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode(errors="replace")
        raise AssertionError(f"{command[:4]} ended with {done.returncode}: {said}")
    return done.stdout


def request(method, url, body=None, headers=None):
    """Sends one request with a plain HTTP client. Returns status and body."""
    sent = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(sent, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
