"""Who waits for a node to get somewhere."""

import asyncio
from types import SimpleNamespace

import pytest

from devnet._engine import SealedMini
from devnet.roles.node_status import NodeStatus
from devnet.storage.database import Tip

SOON_S = 0.02
LONG_S = 10.0


def mini(number):
    return SealedMini(number, 1, number, 0, b"", [])


@pytest.fixture
def store():
    return SimpleNamespace(tip=Tip(9, 3), origin=Tip(-1, 0), rollbacks=0)


def test_a_mini_block_is_waited_for_until_it_is_shown(store):
    async def go():
        status = NodeStatus(None, store, lambda: None)
        assert await status.wait_for(9, SOON_S)
        assert not await status.wait_for(10, SOON_S)
        later = asyncio.ensure_future(status.wait_for(10, LONG_S))
        await asyncio.sleep(0)
        status.note([mini(10)])
        assert await later

    asyncio.run(go())


def test_what_was_shown_before_a_rollback_is_waited_for_again(store):
    async def go():
        status = NodeStatus(None, store, lambda: None)
        store.tip, store.rollbacks = Tip(4, 1), 1
        status.rewound()
        assert not await status.wait_for(9, SOON_S)
        status.note([mini(number) for number in range(5, 10)])
        assert await status.wait_for(9, SOON_S)
        assert not await status.wait_for(9, SOON_S, block=2)

    asyncio.run(go())


def test_a_rollback_is_waited_for(store):
    async def go():
        status = NodeStatus(None, store, lambda: None)
        assert not await status.wait_for(-1, SOON_S, rollbacks=1)
        later = asyncio.ensure_future(status.wait_for(-1, LONG_S, rollbacks=1))
        await asyncio.sleep(0)
        store.tip, store.rollbacks = None, 1
        status.rewound()
        assert await later

    asyncio.run(go())
