"""Which compiler releases a pragma allows."""

import pytest

from megaeth_cli.compile.pragma import PragmaError, Version, VersionRange, newest


def allowed(text: str, *versions: str) -> list[str]:
    parsed = VersionRange(text)
    return [version for version in versions if Version.parse(version) in parsed]


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("0.8.20", ["0.8.20"], ["0.8.19", "0.8.21"]),
        ("=0.8.20", ["0.8.20"], ["0.8.21"]),
        ("^0.8.20", ["0.8.20", "0.8.37"], ["0.8.19", "0.9.0"]),
        ("^0.8", ["0.8.0", "0.8.37"], ["0.9.0", "0.7.6"]),
        ("^1.2.3", ["1.2.3", "1.9.0"], ["2.0.0", "1.2.2"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4"]),
        ("~0.8.20", ["0.8.37"], ["0.8.19", "0.9.0"]),
        (">=0.7.0 <0.9.0", ["0.7.0", "0.8.37"], ["0.6.12", "0.9.0"]),
        (">=0.7.0<0.7.4", ["0.7.3"], ["0.7.4"]),
        (">= 0.8.4", ["0.8.4", "0.9.0"], ["0.8.3"]),
        (">0.8.4 <=0.8.6", ["0.8.5", "0.8.6"], ["0.8.4", "0.8.7"]),
        (">0.8", ["0.9.0"], ["0.8.37"]),
        ("0.8.x", ["0.8.0", "0.8.37"], ["0.9.0"]),
        ("0.8.*", ["0.8.5"], ["0.7.6"]),
        ("*", ["0.4.11", "0.8.37"], []),
        ("^0.6.0 || ^0.8.0", ["0.6.12", "0.8.1"], ["0.7.6"]),
        ("0.8.1 - 0.8.4", ["0.8.1", "0.8.4"], ["0.8.0", "0.8.5"]),
        ('"^0.8.0"', ["0.8.1"], ["0.7.0"]),
        ("v0.8.1", ["0.8.1"], ["0.8.2"]),
    ],
)
def test_ranges_are_read_as_npm_reads_them(text, inside, outside):
    assert allowed(text, *inside, *outside) == inside


@pytest.mark.parametrize("text", ["abc", "^", ">=0.8 banana", "0.8.1.2.3"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(PragmaError):
        VersionRange(text)


def test_the_newest_version_that_all_pragmas_allow_is_found():
    versions = [Version(0, 8, patch) for patch in range(30)]
    assert newest(versions, [VersionRange("^0.8.4"), VersionRange("<0.8.20")]) == (0, 8, 19)
    assert newest(versions, [VersionRange("0.7.6")]) is None
