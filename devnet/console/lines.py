"""A line of the console in a node's log: written so that it can be read back, whatever a contract says."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

LOGGER: Final = "console"
"""The name in the log's lines."""

_LINE: Final = re.compile(
    rf" {LOGGER}: (?P<source>0x[0-9a-f]{{64}}|eth_\w+) (?P<contract>0x[0-9a-f]{{40}}|-): (?P<text>.*)",
    re.ASCII,
)


@dataclass(frozen=True)
class ConsoleLine:
    """What one call of the console told."""

    source: str
    """Who executed it: a transaction's hash, or the method of a call that changed nothing."""
    contract: str | None
    """Who called the console; None: this line tells of calls that are left out."""
    text: str

    @property
    def is_transaction(self) -> bool:
        """Whether it is of a transaction of the chain."""
        return self.source.startswith("0x")

    def fields(self) -> dict[str, Any]:
        """The same with names, for programs."""
        return {
            "tx": self.source if self.is_transaction else None,
            "method": None if self.is_transaction else self.source,
            "contract": self.contract,
            "text": self.text,
        }

    def logged(self) -> str:
        """The message of its line: one line, on which nothing steers a terminal."""
        quoted = not self.text.isprintable() or self.text.startswith('"')
        return f"{self.source} {self.contract or '-'}: {json.dumps(self.text) if quoted else self.text}"

    @classmethod
    def of_log(cls, line: str) -> ConsoleLine | None:
        """From a line of a log; None: it is none of the console's."""
        found = _LINE.search(line)
        if found is None:
            return None
        text = found["text"]
        if text.startswith('"'):
            try:
                text = str(json.loads(text))
            except ValueError:
                return None
        contract = None if found["contract"] == "-" else found["contract"]
        return cls(found["source"], contract, text)
