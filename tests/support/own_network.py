"""Tests that need a network stack of their own: each is run again by a pytest within a new network namespace.

Root may make one; elsewhere a user namespace allows it, if the system lets users have those.
"""

import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSIDE = "MEGAETH_TEST_OWN_NETWORK"
PATIENCE_S = 300.0
PROBE = "import os; os.close(os.open('/dev/net/tun', os.O_RDWR))"


def in_its_own_network(test):
    """Decorate a test: it has no network but what it makes, and is skipped where that is forbidden."""

    @functools.wraps(test)
    def wrapper(*arguments, **fixtures):
        if os.environ.get(INSIDE):
            return test(*arguments, **fixtures)
        prefix = _prefix()
        if prefix is None:
            pytest.skip("no network namespace with a TUN device can be made here")
        name = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
        done = subprocess.run(
            [*prefix, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", "-s", name],
            cwd=ROOT,
            env={**os.environ, INSIDE: "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_S,
        )
        print(done.stdout)
        assert done.returncode == 0, "it failed in its own network; its output is above"
        if reason := re.search(r"^SKIPPED .*?: (.*)$", done.stdout, re.MULTILINE):
            pytest.skip(reason[1])
        return None

    return wrapper


@functools.cache
def _prefix():
    """The command that runs another one in a namespace where TUN devices can be made; None: there is no such."""
    if not shutil.which("unshare") or not shutil.which("ip"):
        return None
    for options in (["--net"], ["--net", "--map-root-user"]):
        prefix = ["unshare", *options]
        probe = [
            *prefix,
            "sh",
            "-c",
            'ip tuntap add dev probe0 mode tun && exec "$0" -c "$1"',
            sys.executable,
            PROBE,
        ]
        if subprocess.run(probe, capture_output=True).returncode == 0:
            return prefix
    return None
