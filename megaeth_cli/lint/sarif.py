"""A report as SARIF 2.1.0, which code hosts and editors read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

from devnet import __version__
from megaeth_cli.lint import Report, Rule
from megaeth_cli.lint.findings import Finding, Level, Place
from megaeth_cli.lint.suppressions import NAME as SUPPRESSION

Json = dict[str, Any]

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
_FINGERPRINT = "megaethLint/v1"


def sarif(report: Report, rules: Collection[Rule], root: Path) -> Json:
    """The log file's content. Paths below `root` are relative to it, as code hosts want them."""
    names = [rule.name for rule in rules] + [SUPPRESSION]
    seen: Counter[str] = Counter()
    results = [_result(one, names, root, seen) for one in report.findings]
    driver = {
        "name": "megaeth lint",
        "version": __version__,
        "informationUri": "https://github.com/megaeth-labs/mega-evm/tree/main/docs/spec",
        "rules": [*map(_rule, rules), _SUPPRESSION_RULE],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"uri": f"{root.as_uri()}/"}},
        "properties": {"spec": report.spec},
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> Json:
    return {
        "id": rule.name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.remedy},
        "helpUri": rule.source,
        "defaultConfiguration": {"level": Level.WARNING.value},
    }


_SUPPRESSION_RULE: Json = {
    "id": SUPPRESSION,
    "shortDescription": {"text": "A comment that covers findings is wrong, or covers nothing"},
    "help": {"text": "Write `// megaeth-lint: ignore[rule] reason` on the line of the finding or above it."},
    "defaultConfiguration": {"level": Level.WARNING.value},
}


def _result(finding: Finding, names: list[str], root: Path, seen: Counter[str]) -> Json:
    result: Json = {
        "ruleId": finding.rule,
        "ruleIndex": names.index(finding.rule),
        "level": finding.level.value,
        "message": {"text": finding.message},
        "locations": [_location(finding.place, root)],
        "partialFingerprints": {_FINGERPRINT: _fingerprint(finding, root, seen)},
    }
    if finding.measured:
        result["properties"] = {"measured": finding.measured}
    if finding.related:
        result["relatedLocations"] = [
            {"id": number, "message": {"text": text}, **_location(place, root)}
            for number, (text, place) in enumerate(finding.related)
        ]
    if finding.suppressed is not None:
        result["suppressions"] = [{"kind": "inSource", "justification": finding.suppressed}]
    return result


def _location(place: Place, root: Path) -> Json:
    region = {
        "startLine": place.begin[0],
        "startColumn": place.begin[1],
        "endLine": place.end[0],
        "endColumn": place.end[1],
    }
    return {"physicalLocation": {"artifactLocation": _artifact(place.path, root), "region": region}}


def _artifact(path: Path, root: Path) -> Json:
    if not path.is_relative_to(root):
        return {"uri": path.as_uri()}
    relative = path.relative_to(root)
    # `as_uri` of an absolute path escapes what a URI may not hold.
    return {"uri": (Path("/") / relative).as_uri().removeprefix("file:///"), "uriBaseId": _ROOT}


def _fingerprint(finding: Finding, root: Path, seen: Counter[str]) -> str:
    """The same after lines were added above: file, rule, the text of the line, and which of several like it."""
    path = finding.place.path
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    what = f"{shown}\0{finding.rule}\0{finding.place.line.strip()}"
    seen[what] += 1
    return hashlib.sha256(f"{what}\0{seen[what]}".encode()).hexdigest()[:32]
