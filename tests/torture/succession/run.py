"""The rounds: one deed each, and then everything is looked at. The same seed does the same, as far as time allows."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from devnet.errors import UserError
from tests.support import wallet
from tests.support.node import RpcFailure
from tests.support.waiting import eventually
from tests.torture.crash.clients import DEPLOYER, WRITER_CODE, Client, Group, Hasty, Writer
from tests.torture.crash.judge import Gone, Judge
from tests.torture.crash.report import Report
from tests.torture.succession.deeds import DEEDS, Scene
from tests.torture.succession.devnet import FULL_NODE, PATIENCE_S, Devnet
from tests.torture.succession.takeovers import TimedTold, percentiles

TRACEBACK: Final = 2_000
"""Characters of one that are told."""


@dataclass
class Takeovers(Report):
    """Of one run; also how long clients had to wait."""

    takeovers: dict[str, list[float]] = field(default_factory=dict)
    """Seconds without a receipt, of each deed after which another led."""
    pauses: list[float] = field(default_factory=list)
    """Milliseconds, as leaders told that handed over."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        every = [one for values in self.takeovers.values() for one in values]
        told = {name: percentiles(values) for name, values in sorted(self.takeovers.items())}
        if every:
            told["all"] = percentiles(every)
        if self.pauses:
            told["promote, as told"] = percentiles([pause / 1000 for pause in self.pauses])
        return {**super().to_json(), "takeovers": told}

    def text(self) -> str:
        """For people."""
        rows = [
            f"{told['p50_ms']:>9,.0f} {told['p99_ms']:>9,.0f} {told['max_ms']:>9,.0f}   {told['count']:>4} x {name}"
            for name, told in self.to_json()["takeovers"].items()
        ]
        head = f"{'p50 ms':>9} {'p99 ms':>9} {'max ms':>9}   without a receipt"
        return "\n".join([head, *rows, "", super().text()])


class Crowd(Group):
    """The clients: one at each node, and two more at the full node."""

    def __init__(self, devnet: Devnet, told: TimedTold) -> None:
        full_node = devnet[FULL_NODE]
        self._writer = Writer(full_node, 0, told)
        self._all = [self._writer, Hasty(full_node, 1, told)]
        for number, name in enumerate(devnet.names, 2):
            self._all.append(Client(devnet[name], number, told))
        self.payers = [wallet.address(number) for number in range(1, len(self._all))]
        """Those that send transfers."""
        self.writer = wallet.address(0)
        receipt = wallet.send(full_node, DEPLOYER, input=WRITER_CODE, gas=hex(10_000_000))
        assert receipt["status"] == "0x1", receipt
        told.receipt(receipt)
        self.contract: str = receipt["contractAddress"].lower()
        self._writer.contract = self.contract
        for client in self._all:
            client.start()
        self.go()


def deal(seed: int, rounds: int, only: list[str]) -> Iterator[str]:
    """So many deeds: all of them in an order by chance, and again. `only`: words of names."""
    chance, left = Random(seed), rounds
    chosen = [name for name in DEEDS if not only or any(one in name for one in only)]
    while chosen and left > 0:
        deck = chance.sample(chosen, len(chosen))
        yield from deck[:left]
        left -= len(deck)


def run(devnet: Devnet, seed: int, deeds: list[str], report: Takeovers, *, quiet: bool) -> None:
    """All rounds, on a devnet that is up. What there is to say goes to the report."""
    began, told = time.monotonic(), TimedTold()
    crowd = Crowd(devnet, told)
    judge = Judge(report, told, crowd, crowd.contract, Random(seed))
    look = _Look(devnet, told, judge, report, Random(seed))
    scene = Scene(devnet, report, Random(seed))
    try:
        devnet.mend()
        for number, name in enumerate(deeds, 1):
            report.rounds, report.deed = number, name
            has_changed = DEEDS[name](scene)
            report.deeds[name] += 1
            look.after(name, scene.hurt_at if has_changed else None)
            _show(report, began, quiet)
        report.deed = "the end"
        crowd.end()
        look.at_everything(every=True)
    except (Gone, AssertionError, OSError, EOFError, RpcFailure, UserError) as error:
        report.fault(f"it came to no end: {error!r}")
    except KeyboardInterrupt:
        report.is_interrupted = True
    finally:
        crowd.end()
        report.counts["receipts given"] = len(told.receipts)
        report.counts["calls that nodes did not carry out"] = sum(crowd.unkept.values())
        report.counts["seconds"] = round(time.monotonic() - began)
        report.refusals.update(crowd.unkept)


class _Look:
    """At all nodes, after each deed."""

    def __init__(
        self, devnet: Devnet, told: TimedTold, judge: Judge, report: Takeovers, chance: Random
    ) -> None:
        self._devnet, self._told, self._judge = devnet, told, judge
        self._report, self._chance = report, chance
        self._read: dict[str, int] = {}
        """How much of each log was looked at."""

    def after(self, deed: str, hurt_at: float | None) -> None:
        """Clients are served again, and nothing that they were told is lost."""
        self._devnet.mend()
        if hurt_at is not None:
            first = self._devnet.first_mini()
            eventually(
                lambda: self._told.pause_s(hurt_at, first) is not None,
                "a receipt of the new leader",
                PATIENCE_S,
            )
            pause_s = self._told.pause_s(hurt_at, first)
            assert pause_s is not None
            self._report.takeovers.setdefault(deed, []).append(pause_s)
        before = len(self._told.receipts)
        eventually(lambda: len(self._told.receipts) > before, "a receipt", PATIENCE_S)
        self.at_everything()

    def at_everything(self, *, every: bool = False) -> None:
        """All nodes have the same chain, with all that clients were told."""
        places, judge = self._devnet.places, self._judge
        newest = max(int(receipt["blockNumber"], 16) for receipt in list(self._told.receipts.values()))
        height = max(newest, 1)
        for place in places:
            eventually(
                lambda place=place: self._has(place, height), f"{place.name} to have {height}", PATIENCE_S
            )
        witness = judge.facts(places[-1], height)
        for place in places:
            judge.receipts(place, height, every=every)
            judge.blocks(place, height, every=every)
            judge.state(place, height, witness)
            self._log_of(place.name)
        number = self._chance.randint(max(1, height - 20), height)
        judge.verify(self._chance.choice(places), number)

    @staticmethod
    def _has(place: Any, height: int) -> bool:
        try:
            return bool(place.height() >= height)
        except (OSError, UserError):
            return False

    def _log_of(self, name: str) -> None:
        log = self._devnet.log_of(name)
        new = log[self._read.get(name, 0) :]
        self._read[name] = len(log)
        if "Traceback" in new:
            at = new.index("Traceback")
            self._report.fault(f"{name} has logged a traceback: {new[max(0, at - 300) : at + TRACEBACK]}")


def _show(report: Takeovers, began: float, quiet: bool) -> None:
    if quiet:
        return
    pause = report.takeovers.get(report.deed, [])
    print(
        f"{time.monotonic() - began:7.1f} s  round {report.rounds}: {report.deed}, "
        f"{f'{pause[-1] * 1000:,.0f} ms, ' if pause else ''}"
        f"{report.counts['receipts checked']:,} receipts checked, {len(report.faults)} faults",
        *(fault for fault in report.faults if fault.startswith(f"round {report.rounds},")),
        sep="\n    ",
        file=sys.stderr,
        flush=True,
    )


__all__ = ["Takeovers", "deal", "run"]
