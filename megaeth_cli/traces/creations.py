"""Which contract a creation makes."""

from megaeth_cli.contracts.artifacts import Artifact
from megaeth_cli.contracts.network import Network
from megaeth_cli.traces.frame import Frame


def made(network: Network, frame: Frame) -> Artifact | None:
    """By its address, else by its code: a creation that failed has left nothing; None where nobody knows it."""
    if frame.to is not None and (known := network.contracts.at(frame.to).artifact) is not None:
        return known
    given = f"0x{frame.input.hex()}"
    fitting = (one for one in network.artifacts.all() if len(one.bytecode) > len("0x"))
    return next((one for one in fitting if given.startswith(one.bytecode)), None)
