"""Imports are found where the compiler will look for them."""

from pathlib import Path

import pytest

from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.project import find_project
from megaeth_cli.compile.remapping import Remapping, resolve
from megaeth_cli.compile.sources import collect
from megaeth_cli.compile.statements import read_statements


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path = path.with_name(path.name + ".sol")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def units(root: Path, source: str, *remappings: str) -> set[str]:
    path = root / source
    return set(collect(find_project(path, remappings), [path]).contents)


def test_every_form_of_import_is_seen_and_comments_and_strings_are_not():
    source = """
    import "./a.sol"; import './b.sol' as B; import * as C from "c.sol";
    import {D, E as F} from
        "pkg/d.sol";
    // import "no1.sol";
    /* import "no2.sol"; */
    string constant s = "import 'no3.sol'; // ";
    """
    assert read_statements(source).imports == ["./a.sol", "./b.sol", "c.sol", "pkg/d.sol"]


def test_every_pragma_of_a_file_counts_and_those_in_comments_and_strings_do_not():
    source = """
    pragma solidity >=0.8.0; // pragma solidity 0.4.1;
    pragma solidity /* not 0.4; */ <0.8.9;
    pragma abicoder v2;
    string constant a = "pragma solidity ^0.4.0;"; string constant b = 'it"s pragma solidity 0.5.0;';
    string constant c = hex"00"; string constant d = "say \\"pragma solidity 0.5.1;\\"";
    uint my_pragma; // \u2028 pragma solidity *;
    """
    assert read_statements(source).pragmas == [">=0.8.0", "<0.8.9", "*"]
    assert read_statements("pragma abicoder v2; contract A {}").pragmas == []


@pytest.mark.parametrize(
    ("wanted", "importer", "unit"),
    [
        ("./b.sol", "src/a.sol", "src/b.sol"),
        ("../lib/b.sol", "src/x/a.sol", "src/lib/b.sol"),
        ("../../../b.sol", "src/a.sol", "b.sol"),
        ("./b.sol", "/abs/a.sol", "/abs/b.sol"),
        ("@oz/b.sol", "src/a.sol", "lib/oz/b.sol"),
        ("@oz/deep/b.sol", "src/a.sol", "deeper/b.sol"),
        ("@oz/b.sol", "old/a.sol", "lib/oz-old/b.sol"),
        ("plain/b.sol", "src/a.sol", "plain/b.sol"),
    ],
)
def test_names_are_resolved_as_the_compiler_does(wanted, importer, unit):
    texts = ["@oz/=lib/oz/", "@oz/deep/=deeper/", "old/:@oz/=lib/oz-old/"]
    assert resolve(wanted, importer, tuple(Remapping.parse(text, "test") for text in texts)) == unit


def test_imports_are_followed_through_files_and_node_modules(tmp_path):
    (tmp_path / "package.json").write_text("{}")
    write(tmp_path, src__A='import "./B.sol"; import "@org/pkg/C.sol";', src__B='import "./A.sol";')
    write(tmp_path, **{"node_modules__@org__pkg__C": 'import "./D.sol";', "node_modules__@org__pkg__D": ""})
    assert units(tmp_path, "src/A.sol") == {"src/A.sol", "src/B.sol", "@org/pkg/C.sol", "@org/pkg/D.sol"}


def test_remappings_come_from_foundry_toml_remappings_txt_and_flags(tmp_path):
    (tmp_path / "foundry.toml").write_text(
        '[profile.default]\nremappings = ["one/=deps/one/", "two/=wrong/"]\n'
    )
    (tmp_path / "remappings.txt").write_text("# comment\ntwo/=deps/two/\n")
    write(tmp_path, A='import "one/X.sol"; import "two/X.sol"; import "three/X.sol";')
    write(tmp_path, deps__one__X="", deps__two__X="", deps__three__X="")
    assert units(tmp_path, "A.sol", "three/=deps/three/") == {
        "A.sol",
        "deps/one/X.sol",
        "deps/two/X.sol",
        "deps/three/X.sol",
    }


def test_libraries_that_forge_installed_need_no_remapping(tmp_path):
    (tmp_path / "foundry.toml").write_text("")
    write(tmp_path, src__A='import "solmate/tokens/X.sol";', lib__solmate__src__tokens__X="")
    assert units(tmp_path, "src/A.sol") == {"src/A.sol", "lib/solmate/src/tokens/X.sol"}


def test_a_missing_import_says_who_imports_it_and_where_it_was_looked_for(tmp_path):
    (tmp_path / "package.json").write_text("{}")
    write(tmp_path, A='import "@openzeppelin/contracts/X.sol";')
    with pytest.raises(CompileError) as caught:
        units(tmp_path, "A.sol")
    assert "A.sol" in caught.value.what and '"@openzeppelin/contracts/X.sol"' in caught.value.what
    assert str(tmp_path / "@openzeppelin/contracts/X.sol") in caught.value.why
    assert "npm install @openzeppelin/contracts" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "what"),
    [(None, "no such file"), (b"\xff\xfe", "not UTF-8"), (b"pragma solidity banana;", "cannot be read")],
)
def test_a_file_that_is_no_source_is_refused(tmp_path, content, what):
    if content is not None:
        (tmp_path / "A.sol").write_bytes(content)
    with pytest.raises(CompileError, match=what):
        units(tmp_path, "A.sol")


def test_a_remapping_without_an_equals_sign_is_refused(tmp_path):
    with pytest.raises(CompileError, match="not a remapping"):
        find_project(tmp_path / "A.sol", ("oops",))
