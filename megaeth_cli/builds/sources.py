"""What a build's files leave out of a contract: its sources, source maps and storage layout.

Tools keep different parts. A text from the disk counts only if it has the hash that the compiler's metadata gives, so
that a source which was edited after the build names nothing wrongly.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from megaeth_cli.builds.model import BuildInfo, Built, Found
from megaeth_cli.bytecode.runtime_code import compiler_version
from megaeth_cli.bytecode.source_map import SourceMaps
from megaeth_cli.compile import cache, compilers, standard_json, storage
from megaeth_cli.compile.compilers import Search
from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.pragma import Version, VersionRange
from megaeth_cli.units import keccak

Json = Any
_LAYOUT_SINCE = Version(0, 5, 13)


@dataclass
class _Request:
    """One question to the compiler: the layouts of contracts that were built with the same settings."""

    version: str
    settings: dict[str, Json]
    texts: dict[str, str] = field(default_factory=dict)

    def takes(self, texts: Mapping[str, str]) -> bool:
        """Whether texts can be asked about together with those that are there."""
        return all(self.texts.get(unit, text) == text for unit, text in texts.items())


class Sources:
    """The sources of everything in some builds."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._texts = {unit: text for one in found.built for unit, text in one.texts.items()}
        self.built = _unique(self._with_answer(one) for one in found.built)

    def maps(self) -> Iterator[tuple[Built, str, SourceMaps]]:
        """Contracts whose instructions lead to lines, each with its compilation's maps and a name for these."""
        together: dict[int, list[Built]] = {}
        infos: dict[int, BuildInfo] = {}
        for one in self.built:
            info = self._info(one)
            if info is not None and one.source_map:
                infos[id(info)] = info
                together.setdefault(id(info), []).append(one)
        for key, built in together.items():
            texts = dict(infos[key].texts)
            for one in built:
                texts |= self._of(one)
            maps = SourceMaps(
                texts,
                infos[key].indexes,
                {one.contract.full_name: one.source_map for one in built},
                {one.contract.full_name: one.creation_map for one in built if one.creation_map},
            )
            name = hashlib.sha256(json.dumps(maps.to_json(), sort_keys=True).encode()).hexdigest()
            for one in built:
                yield one, name, maps

    def with_layouts(self, search: Search) -> tuple[list[Built], list[str]]:
        """The contracts, with the layouts that their files leave out as far as a compiler tells; and why not all."""
        lacking = [one for one in self.built if self._lacks_layout(one)]
        requests = list(self._requests(lacking))
        if requests:
            several = "s" if len(lacking) > 1 else ""
            search.say(f"Asking solc for the storage layout{several} of {len(lacking)} contract{several} ...")
        known: dict[tuple[str, str], Json] = {}
        problems = []
        for request in requests:
            try:
                known |= {(unit_name, request.version): one for unit_name, one in _layouts(request, search)}
            except CompileError as error:
                problems.append(
                    f"layouts of what solc {request.version} compiled are not known: {error.what}"
                )
        whole = []
        for one in self.built:
            layout = known.get((one.contract.full_name, one.compiler)) if self._lacks_layout(one) else None
            whole.append(replace(one, contract=replace(one.contract, layout=layout)) if layout else one)
        edited = sum(1 for one in whole if self._lacks_layout(one)) - sum(
            1 for one in whole if self._lacks_layout(one) and self._of(one)
        )
        if edited:
            problems.append(
                f"{edited} without a storage layout: their sources are not there as they were built"
            )
        return whole, problems

    def _with_answer(self, one: Built) -> Built:
        """With what the compiler said of it besides, where the tool keeps that in another file."""
        info = self._info(one)
        if not one.compiler and one.contract.pattern is not None:
            one = replace(one, compiler=compiler_version(one.contract.pattern.metadata))
        if info is None:
            return one
        answer = info.answers.get(one.contract.full_name)
        if answer is None:
            return replace(one, compiler=one.compiler or info.compiler)
        own, full = one.contract, answer.contract
        return replace(
            one,
            contract=replace(
                own,
                layout=own.layout or full.layout,
                immutables=own.immutables if own.immutables is not None else full.immutables,
            ),
            compiler=one.compiler or answer.compiler,
            metadata=one.metadata or answer.metadata,
            source_map=one.source_map or answer.source_map,
            creation_map=one.creation_map or answer.creation_map,
        )

    def _info(self, one: Built) -> BuildInfo | None:
        """The compilation that a contract is from."""
        infos = self._found.build_infos
        if one.build_info:
            return infos.get(one.build_info)
        if one.source_index is None:
            return None
        unit = one.contract.unit
        return next((info for info in infos.values() if info.indexes.get(one.source_index) == unit), None)

    def _lacks_layout(self, one: Built) -> bool:
        if one.contract.layout or not one.contract.runtime:
            return False
        version = Version.parse(one.compiler)
        return version is not None and version >= _LAYOUT_SINCE and one.metadata.get("language") != "Vyper"

    def _of(self, one: Built) -> dict[str, str]:
        """A contract's sources and all that they import; empty unless all are there as they were built."""
        info = self._info(one)
        if not one.metadata and info is not None:
            return dict(info.texts)
        texts = {}
        for unit, facts in (one.metadata.get("sources") or {}).items():
            wanted = str(facts.get("keccak256", ""))
            for text in self._candidates(one, unit, facts):
                if f"0x{keccak(text.encode()).hex()}" == wanted:
                    texts[unit] = text
                    break
            else:
                return {}
        return texts

    def _candidates(self, one: Built, unit: str, facts: Mapping[str, Json]) -> Iterator[str]:
        info = self._info(one)
        for texts in (info.texts if info is not None else {}, one.texts, self._texts):
            if unit in texts:
                yield texts[unit]
        if isinstance(facts.get("content"), str):
            yield facts["content"]
        # `project:/` is how truffle writes the root.
        relative = unit.removeprefix("project:/").lstrip("/") if unit.startswith("project:") else unit
        for root in self._found.roots:
            for place in (root / relative, root / "node_modules" / relative):
                text = _read(place)
                if text is not None:
                    yield text

    def _requests(self, lacking: Iterable[Built]) -> Iterator[_Request]:
        requests: dict[tuple[str, str], list[_Request]] = {}
        for one in lacking:
            info = self._info(one)
            told = one.metadata.get("settings") or (info.settings if info is not None else {})
            texts, settings = self._of(one), _settings(told)
            if not texts:
                continue
            same = requests.setdefault((one.compiler, json.dumps(settings, sort_keys=True)), [])
            request = next((each for each in same if each.takes(texts)), None)
            if request is None:
                request = _Request(one.compiler, settings)
                same.append(request)
            request.texts |= texts
        for same in requests.values():
            yield from same


def _unique(built: Iterable[Built]) -> list[Built]:
    """Of files that say the same contract the one that says most."""
    best: dict[Any, Built] = {}
    for one in built:
        key = (one.contract.full_name, one.contract.pattern)
        if key not in best or _says(one) > _says(best[key]):
            best[key] = one
    return list(best.values())


def _says(one: Built) -> tuple[bool, bool, bool, bool]:
    return bool(one.contract.layout), bool(one.metadata), bool(one.source_map), bool(one.contract.bytecode)


def _settings(settings: Mapping[str, Json]) -> dict[str, Json]:
    """What decides how sources are read; how they are optimised changes no layout."""
    kept = {name: settings[name] for name in ("remappings", "evmVersion") if settings.get(name)}
    return kept | {"outputSelection": {"*": {"*": ["storageLayout"], "": ["ast"]}}}


def _layouts(request: _Request, search: Search) -> Iterator[tuple[str, Json]]:
    body = {
        "language": "Solidity",
        "sources": {unit: {"content": text} for unit, text in sorted(request.texts.items())},
        "settings": request.settings,
    }
    asked = [request.version, storage.VERSION, body]
    key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    answer = cache.load(search.cache, key)
    if answer is None:
        compiler = compilers.choose(search, {"the build": VersionRange(f"={request.version}")})
        answer = compiler.run(body)
        standard_json.raise_errors(answer)
        storage.complete(answer)
        cache.store(search.cache, key, answer)
    for unit, names in answer.get("contracts", {}).items():
        for name, each in names.items():
            if each.get("storageLayout"):
                yield f"{unit}:{name}", each["storageLayout"]


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError, ValueError):
        return None
