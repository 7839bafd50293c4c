"""Networks of nodes in one process."""

import asyncio

import pytest

from devnet.rpc.server import new_event_loop
from tests.support.sync_net import Net


@pytest.fixture
def run(tmp_path):
    """Run a test's coroutine with a fresh network."""

    def runner(test):
        async def body():
            async with Net(tmp_path) as net:
                await test(net)

        # The loop that roles run on.
        with asyncio.Runner(loop_factory=new_event_loop) as loop:
            loop.run(body())

    return runner
