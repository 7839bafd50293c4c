"""No thread and no background task dies unseen, and none is started in another way."""

import ast
import asyncio
import threading
from pathlib import Path

import pytest

import devnet
import megaeth_cli
from devnet.tasks import Tasks
from devnet.threads import report_deaths, start_thread, start_timer

STARTERS = {"Thread", "Timer", "start_new_thread", "create_task", "ensure_future"}
MAY = {
    "devnet/threads.py": "the one place for threads",
    "devnet/tasks.py": "the one place for tasks",
    "devnet/roles/process.py": "awaits both of them",
    "devnet/rpc/engine_bridge.py": "requests, which are answered with their error",
    "devnet/rpc/listener.py": "connections on their way in, which are closed when that fails",
}


def fail():
    raise ValueError("no more")


def test_the_death_of_a_thread_is_told():
    told = []
    start_thread(fail, "short", told.append).join()
    assert [str(error) for error in told] == ["no more"]


def test_the_end_of_a_thread_that_has_done_its_work_is_not():
    told = []
    start_thread(lambda: None, "short", told.append).join()
    assert told == []


def test_what_a_timer_does_is_watched_too_and_nothing_is_done_when_it_is_cancelled():
    told = []
    start_timer(0, fail, "late", told.append).join()
    assert len(told) == 1
    timer = start_timer(3600, fail, "later", told.append)
    timer.cancel()
    timer.join()
    assert len(told) == 1


def test_threads_that_others_start_are_watched_once_that_is_asked_for(monkeypatch):
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    told = []
    report_deaths(told.append)
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert [str(error) for error in told] == ["no more"]


def test_the_death_of_a_task_is_told_and_its_cancellation_is_not():
    async def test():
        told = []
        tasks = Tasks(told.append)

        async def work(number):
            await asyncio.sleep(0)
            if number:
                fail()
            await asyncio.Event().wait()

        tasks.spawn(work(0), "waits")
        dying = tasks.spawn(work(1), "dies")
        with pytest.raises(ValueError, match="no more"):
            await dying
        assert [str(error) for error in told] == ["no more"]
        await tasks.cancel()
        assert len(told) == 1
        assert list(tasks) == []

    asyncio.run(test())


def started(path):
    """Names of calls in a file that start threads or tasks."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in STARTERS:
                yield f"{name} in line {node.lineno}"


@pytest.mark.parametrize("package", [devnet, megaeth_cli])
def test_no_thread_is_started_and_no_task_left_alone_but_by_these_means(package):
    root = Path(package.__file__).parent
    found = {
        str(path.relative_to(root.parent)): names
        for path in root.rglob("*.py")
        if str(path.relative_to(root.parent)) not in MAY and (names := list(started(path)))
    }
    assert found == {}, "use devnet.threads and devnet.tasks"
