import pytest

from devnet.jit.child import Child, Limits
from tests.support.native import NativeCode


@pytest.fixture(scope="session")
def native():
    child = Child(Limits(niceness=0))
    yield NativeCode(child)
    child.close()
