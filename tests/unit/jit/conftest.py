import pytest

from devnet.jit.child import Child
from tests.support.native import NativeCode


@pytest.fixture(scope="session")
def native():
    child = Child()
    yield NativeCode(child)
    child.close()
