"""What the event loop says of futures that nobody asked for their error."""

import gc
import logging

import pytest

from devnet.rpc.server import new_event_loop


@pytest.mark.parametrize(("error", "is_told"), [(ConnectionResetError(), False), (ValueError("lost"), True)])
def test_a_connection_that_was_given_up_is_no_error_and_all_else_is(caplog, error, is_told):
    loop = new_event_loop()
    try:
        with caplog.at_level(logging.INFO):
            loop.create_future().set_exception(error)
            gc.collect()
    finally:
        loop.close()
    assert ("never retrieved" in caplog.text) == is_told
