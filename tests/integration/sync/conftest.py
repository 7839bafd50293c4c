"""Networks of nodes in one process."""

import asyncio

import pytest

from tests.support.sync_net import Net


@pytest.fixture
def run(tmp_path):
    """Run a test's coroutine with a fresh network."""

    def runner(test):
        async def body():
            async with Net(tmp_path) as net:
                await test(net)

        asyncio.run(body())

    return runner
