import pytest

from tests.support.fake_engine import FakeEngine
from tests.support.raw_http import RawHttp
from tests.support.server_thread import ServerThread


@pytest.fixture
def serve():
    """Start a server over a fake engine, with the given settings."""
    running = []

    def start(**settings):
        thread = ServerThread(FakeEngine(), **settings).__enter__()
        running.append(thread)
        return thread

    yield start
    for thread in running:
        thread.__exit__()


@pytest.fixture
def server(serve):
    return serve()


@pytest.fixture
def http(server):
    with RawHttp(server.port) as client:
        yield client
