"""Options of commands that execute blocks of any chain again: which node has them, and whose rules they followed."""

from pathlib import Path
from typing import Annotated

import typer

Node = Annotated[
    str | None,
    typer.Option("--node", metavar="NODE", help="Which node of the devnet to ask, or its URL."),
]
ChainId = Annotated[
    int | None, typer.Option("--chain-id", metavar="ID", help="Whose published rules the chain's are.")
]
GenesisFile = Annotated[
    Path | None,
    typer.Option("--genesis", metavar="FILE", help="A genesis document that tells when rules change."),
]
ChainConfig = Annotated[
    Path | None,
    typer.Option("--chain-config", metavar="FILE", help="What mega_getChainRules has answered."),
]
