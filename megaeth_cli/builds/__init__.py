"""What other tools built and deployed, read from the files that they leave behind.

    path -> directories (which files matter) -> files (one file -> Built) -> Found
                                             -> deployments (ignition, forge scripts, truffle -> Deployed)
         -> sources (their texts) -> layouts (the compiler asked again for what the files leave out)

`find` is the door. No chain, no network but npm's.
"""

from megaeth_cli.builds.directories import find, only
from megaeth_cli.builds.model import BuildError, Built, Deployed, Found
from megaeth_cli.builds.sources import Sources

__all__ = ["BuildError", "Built", "Deployed", "Found", "Sources", "find", "only"]
