"""Which contract a creation makes."""

from megaeth_cli.bytecode.runtime_code import PLACEHOLDER
from megaeth_cli.contracts.artifacts import Artifact
from megaeth_cli.contracts.network import Network
from megaeth_cli.traces.frame import Frame


def made(network: Network, frame: Frame) -> Artifact | None:
    """By its address, else by its code: a creation that failed has left nothing; None where nobody knows it."""
    if frame.to is not None and (known := network.contracts.at(frame.to).artifact) is not None:
        return known
    given = f"0x{frame.input.hex()}"
    fitting = (one for one in network.artifacts.all() if len(one.bytecode) > len("0x"))
    return next((one for one in fitting if _begins_with(given, one.bytecode)), None)


def _begins_with(given: str, bytecode: str) -> bool:
    """Whether creation code is that one, wherever the libraries are that it links."""
    place = 0
    for found in PLACEHOLDER.finditer(bytecode):
        if given[place : found.start()] != bytecode[place : found.start()]:
            return False
        place = found.end()
    return given.startswith(bytecode[place:], place)
