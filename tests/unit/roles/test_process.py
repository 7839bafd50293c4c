"""How a role process ends when something in it fails, as its supervisor sees it."""

import json
import subprocess
import sys

import pytest

from devnet.role_config import USER_ERROR_EXIT
from devnet.roles.process import FAILED_EXIT

PROGRAM = """
import asyncio, sys
from pathlib import Path
from types import SimpleNamespace as Some
from devnet.roles.process import end_with, serve_role
from devnet.storage import Corrupted
from devnet.tasks import Tasks
from devnet.threads import start_thread
import threading

damage = Corrupted(Path("/chain"), "block 7 is missing")

def fail(error):
    raise error

async def work(role, failure):
    match sys.argv[1]:
        case "damage in a thread":
            start_thread(lambda: end_with(damage), "rpc-1", failure)
            await asyncio.Event().wait()
        case "user's error":
            start_thread(lambda: fail(damage), "chain-log", failure)
        case "thread":
            start_thread(lambda: fail(RuntimeError("out of luck")), "chain-log", failure)
        case "a library's thread":
            threading.Thread(target=fail, args=(RuntimeError("out of luck"),)).start()
        case "task":
            async def later():
                fail(RuntimeError("out of luck"))
            Tasks(failure).spawn(later(), "sweep")
    await failure.stopping.wait()

serve_role(Some(config=Some(log=Some(level="info")), node="full-node-1"), work)
"""


def ended(how):
    return subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("how", ["damage in a thread", "user's error"])
def test_what_a_user_can_mend_is_told_in_the_last_line_without_a_traceback(how):
    done = ended(how)
    assert done.returncode == USER_ERROR_EXIT
    error = json.loads(done.stderr.splitlines()[-1])["error"]
    assert error["what"] == "the database in /chain is damaged"
    assert error["why"] == "block 7 is missing"
    assert "--reset" in error["hint"]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("how", ["thread", "a library's thread", "task"])
def test_the_death_of_a_thread_or_a_task_ends_the_process_loudly(how):
    done = ended(how)
    assert done.returncode == FAILED_EXIT
    assert "full-node-1 failed: RuntimeError('out of luck')" in done.stderr
