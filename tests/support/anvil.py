"""anvil as a process, where tests need another chain than a devnet."""

import os
import re
import subprocess
from contextlib import contextmanager

from tests.support import npm
from tests.support.waiting import eventually


@contextmanager
def running_anvil(directory, *flags):
    """Run anvil on a free port; give its URL."""
    binary = npm.installed("test-anvil", npm.ANVIL) / "node_modules" / npm.ANVIL_PACKAGE / "bin" / "anvil"
    said = directory / "anvil.log"
    with said.open("w") as log:
        process = subprocess.Popen(
            [str(binary), "--port", "0", *flags],
            env={**os.environ, "HOME": str(directory)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        found = eventually(
            lambda: re.search(r"Listening on (\S+)", said.read_text()), "anvil to listen", deadline_s=60
        )
        yield f"http://{found[1]}"
    finally:
        process.kill()
        process.wait()
