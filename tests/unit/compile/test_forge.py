"""forge's projects are compiled as forge compiles them; forge itself is asked."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megaeth_cli.compile import Options, compile_source, forge, forge_config
from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.forge_remappings import remappings_of
from megaeth_cli.compile.project import find_project
from megaeth_cli.compile.releases import DEFAULT
from megaeth_cli.compile.sources import collect
from tests.support import npm
from tests.support.cli import compiler_variables
from tests.support.solc import fetched_solc, native_solc

PROJECT = Path(__file__).with_name("forge-project")
TOOL_S = 300


@pytest.fixture(scope="session")
def run_forge():
    """Run forge in a project; return what it prints."""
    program = npm.directory() / "node_modules" / npm.FORGE / "bin" / "forge"

    def run(root, *arguments, **variables):
        environment = {**os.environ, "FOUNDRY_DISABLE_NIGHTLY_WARNING": "1", **variables}
        command = [program, *map(str, arguments)]
        done = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, timeout=TOOL_S, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def solc(tmp_path_factory):
    return native_solc(tmp_path_factory.mktemp("solc") / "solc", fetched_solc(DEFAULT))


@pytest.fixture
def project(tmp_path):
    return Path(shutil.copytree(PROJECT, tmp_path / "project"))


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root.resolve()


def ours(root: Path, **variables) -> list[str]:
    return [str(one) for one in remappings_of(forge_config.load(root, {**os.environ, **variables}))]


def test_remappings_are_those_that_forge_lists(project, run_forge):
    listed = run_forge(project, "remappings").split()
    assert ours(project.resolve()) == listed
    assert "@dep/=lib/usea/lib/dep/src/" in listed
    for configured in sorted((project / "lib").glob("*/foundry.toml")):
        library = configured.parent
        assert ours(library.resolve()) == run_forge(library, "remappings").split()


def test_every_file_of_the_project_finds_its_imports(project):
    for source in sorted((project / "src").iterdir()):
        found = collect(find_project(source), [source.resolve()])
        assert all(path.is_file() for path in found.paths.values())
    style = project / "src/SrcStyle.sol"
    assert "src/cfg/Cfg.sol" in collect(find_project(style), [style.resolve()]).contents


def test_code_is_what_forge_makes_of_libraries_in_libraries(project, run_forge, solc):
    sources = ("src/Clash.sol", "src/ZepAt.sol")
    run_forge(project, "build", "--use", solc, "--offline", *sources, FOUNDRY_EVM_VERSION="prague")
    for name in ("Clash", "ZepAt"):
        artifact = json.loads((project / "out" / f"{name}.sol" / f"{name}.json").read_bytes())
        assert (
            compiled(project, f"src/{name}.sol").contract(name).bytecode == artifact["bytecode"]["object"][2:]
        )


def compiled(root: Path, source: str, say=lambda _: None, **variables):
    variables = {**os.environ, **compiler_variables(), **variables}
    # The metadata in the code tells the EVM version; forge's own default is later than MegaETH's.
    variables.setdefault("FOUNDRY_EVM_VERSION", "prague")
    return compile_source(root / source, Options(Path(variables["MEGAETH_CACHE"]), variables, say=say))


def test_a_library_that_does_not_get_its_own_copy_is_told_of_with_the_remapping_that_gives_it(project):
    notes: list[str] = []
    shared = compiled(project, "src/Clash.sol", notes.append)
    assert len(notes) == 1
    remapping = "lib/useb/:@dep/=lib/useb/lib/dep/src/"
    assert remapping in notes[0]
    (project / "remappings.txt").write_text(f"{remapping}\n")
    notes.clear()
    own = compiled(project, "src/Clash.sol", notes.append)
    assert notes == []
    assert {one.unit for one in own.contracts} - {one.unit for one in shared.contracts} == {
        "lib/useb/lib/dep/src/Dep.sol"
    }


def test_remappings_with_contexts_are_forges(project, run_forge):
    (project / "remappings.txt").write_text(
        "lib/useb/:@dep/=lib/useb/lib/dep/src/\nlib/usea/:@dep/=lib/usea/lib/dep/src/\n@dep=lib/outer/src\n"
    )
    listed = json.loads(run_forge(project, "config", "--json"))["remappings"]
    assert ours(project.resolve()) == listed


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"FOUNDRY_PROFILE": "release"},
        {"FOUNDRY_PROFILE": "nobody"},
        {"FOUNDRY_OPTIMIZER_RUNS": "7", "FOUNDRY_VIA_IR": "true"},
        {"FOUNDRY_PROFILE": "extended"},
        {"FOUNDRY_REMAPPINGS": "a/=lib/a/\nb/=lib/b/", "FOUNDRY_EVM_VERSION": "paris"},
        {"FOUNDRY_LIBRARIES": "src/A.sol:A:0x0000000000000000000000000000000000000001"},
        {"FOUNDRY_CONFIG": "other.toml"},
    ],
)
def test_profiles_and_the_environment_count_as_for_forge(tmp_path, run_forge, variables):
    root = write(
        tmp_path,
        {
            "foundry.toml": (
                '[profile.default]\nsrc = "code"\noptimizer = true\nevm-version = "cancun"\n'
                'remappings = ["r/=lib/r/"]\n[profile.release]\noptimizerRuns = 1000\nvia_ir = true\n'
                'bytecode_hash = "none"\n[profile.extended]\nextends = "base.toml"\nremappings = ["s/=lib/s/"]\n'
            ),
            "base.toml": '[profile.extended]\nremappings = ["t/=lib/t/"]\noptimizer_runs = 3\n',
            "other.toml": '[profile.default]\ncbor_metadata = false\nbytecode_hash = "bzzr1"\n',
            ".env": "FOUNDRY_REVERT_STRINGS=strip\n",
        },
    )
    theirs = json.loads(run_forge(root, "config", "--json", **variables))
    config = forge_config.load(root, {**os.environ, **variables})
    remappings = remappings_of(config)
    read = next(forge.compilers_of(config, remappings)).settings
    assert [str(one) for one in remappings] == theirs["remappings"]
    assert config.text("src") == theirs["src"]
    assert (read.optimize, read.runs, read.via_ir) == (
        theirs["optimizer"],
        theirs["optimizer_runs"],
        theirs["via_ir"],
    )
    assert (read.evm_version or "osaka") == theirs["evm_version"]
    assert read.more["metadata"]["bytecodeHash"] == theirs["bytecode_hash"]
    assert read.more["metadata"]["appendCBOR"] == theirs["cbor_metadata"]
    assert read.more.get("debug", {}).get("revertStrings") == theirs.get("revert_strings")
    assert config.texts("libraries") == theirs["libraries"]


def test_code_is_what_forge_makes_with_a_profiles_settings(tmp_path, run_forge, solc):
    root = write(
        tmp_path,
        {
            "foundry.toml": (
                f'[profile.default]\nsolc = "{DEFAULT}"\nbytecode_hash = "bzzr1"\n'
                'libraries = ["src/Sum.sol:Sum:0x00000000000000000000000000000000000000aB"]\n'
                '[profile.release]\nvia_ir = true\noptimizer_runs = 5\nrevert_strings = "strip"\n'
                "use_literal_content = true\n"
            ),
            "src/Sum.sol": (
                "// SPDX-License-Identifier: MIT\npragma solidity ^0.8.20;\n"
                "library Sum { function add(uint256 a, uint256 b) public pure returns (uint256) { return a + b; } }\n"
            ),
            "src/Uses.sol": (
                '// SPDX-License-Identifier: MIT\npragma solidity ^0.8.20;\nimport {Sum} from "./Sum.sol";\n'
                "contract Uses { uint256 public x; function f(uint256 n) external {\n"
                'require(n > 2, "too small to count"); for (uint256 i; i < n; ++i) x = Sum.add(x, i); } }\n'
            ),
        },
    )
    codes = []
    for variables in ({}, {"FOUNDRY_PROFILE": "release"}):
        variables = {**variables, "FOUNDRY_EVM_VERSION": "cancun"}
        run_forge(root, "build", "--force", "--use", solc, "--offline", **variables)
        artifact = json.loads((root / "out/Uses.sol/Uses.json").read_bytes())
        codes.append(artifact["bytecode"]["object"][2:])
        assert compiled(root, "src/Uses.sol", **variables).contract("Uses").bytecode == codes[-1]
    assert codes[0] != codes[1] and all("__$" not in code for code in codes)


def test_files_are_compiled_with_the_settings_that_their_restrictions_demand(tmp_path):
    source = (
        "// SPDX-License-Identifier: MIT\npragma solidity ^0.8.20;\ncontract C { uint256 public x = 1; }\n"
    )
    root = write(
        tmp_path,
        {
            "foundry.toml": (
                "[profile.default]\noptimizer_runs = 999\n"
                'additional_compiler_profiles = [{ name = "small", optimizer_runs = 1 }]\n'
                "compilation_restrictions = [{ paths = 'src/small/**', max_optimizer_runs = 10 },\n"
                "{ paths = 'src/no/*', via_ir = true }, { paths = 'src/old/*', version = '<0.8.30' }]\n"
            ),
            **{f"src/{name}/C.sol": source for name in ("small", "other", "no", "old")},
            "src/Both.sol": source.replace("contract C", 'import "./small/C.sol"; contract Both'),
        },
    )
    assert compiled(root, "src/small/C.sol").source_hash != compiled(root, "src/other/C.sol").source_hash
    with pytest.raises(CompileError, match="no compiler profile"):
        compiled(root, "src/no/C.sol")
    assert compiled(root, "src/old/C.sol").compiler == "solc 0.8.29"
    profiles = find_project(root / "src/Both.sol").compilers
    assert [one.settings.runs for one in profiles] == [999, 1]


def test_an_evm_version_of_the_project_that_its_compiler_does_not_know_is_lowered_and_told(tmp_path):
    contract = "contract C { uint256 public x = 1; }"
    root = write(
        tmp_path,
        {
            "foundry.toml": '[profile.default]\nsolc = "0.8.19"\n',
            "src/C.sol": f"// SPDX-License-Identifier: MIT\npragma solidity ^0.8.19;\n{contract}\n",
        },
    )
    notes: list[str] = []
    assert compiled(root, "src/C.sol", notes.append).compiler == "solc 0.8.19"
    [note] = [note for note in notes if not note.startswith("Fetching")]
    assert "prague" in note and "0.8.19" in note and "paris" in note


@pytest.mark.parametrize(
    ("file", "version"), [("Quoted", DEFAULT), ("TwoHyphen", DEFAULT), ("TwoOr", "0.8.29")]
)
def test_files_with_several_pragmas_and_some_in_strings_get_a_compiler_that_takes_them(file, version):
    source = Path(__file__).with_name("sources") / f"{file}.sol"
    assert compiled(source.parent, source.name).compiler == f"solc {version}"


# Trees of libraries as forge sees them: which directories there are, which of them hold sources and configurations.
NAMES = st.sampled_from(["src", "contracts", "lib", "node_modules", "test", "a", "@oz", "token", "x", "y"])
PATHS = st.lists(NAMES, min_size=1, max_size=5).map("/".join)
PREFIXES = st.sampled_from(
    ["x/", "y/", "@oz/", "@oz/contracts/", "a", "q/r/", "q/", "A.sol", "test/", "lib/x/:a/"]
)
TARGETS = st.sampled_from(["lib/x/src/", "lib/y", "src/", "contracts", "src/A.sol", "node_modules/@oz/"])
REMAPPINGS = st.lists(st.tuples(PREFIXES, TARGETS).map("=".join), max_size=3)
CONFIGURATIONS = st.fixed_dictionaries(
    {},
    optional={
        "src": st.sampled_from(["src", "contracts", "a", "a/src"]),
        "libs": st.sampled_from([["lib"], ["node_modules", "lib"], ["lib", "deps"]]),
        "remappings": REMAPPINGS,
    },
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    trees=st.lists(PATHS, min_size=1, max_size=8),
    configurations=st.dictionaries(PATHS, CONFIGURATIONS, max_size=3),
    files=st.dictionaries(PATHS, REMAPPINGS, max_size=2),
    own=CONFIGURATIONS,
)
def test_remappings_are_forges_for_any_tree_of_libraries(
    tmp_path, run_forge, trees, configurations, files, own
):
    root = tmp_path / "tree"
    shutil.rmtree(root, ignore_errors=True)
    root = write(
        root,
        {
            "foundry.toml": toml(own),
            **{f"lib/{path}/A.sol": "" for path in trees},
            **{f"node_modules/{path}/A.sol": "" for path in trees[:2]},
            **{f"lib/{path}/foundry.toml": toml(one) for path, one in configurations.items()},
            **{f"lib/{path}/remappings.txt": "\n".join(lines) for path, lines in files.items()},
        },
    )
    assert ours(root) == json.loads(run_forge(root, "config", "--json"))["remappings"]


def toml(values) -> str:
    return "[profile.default]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


def test_libraries_that_lead_back_to_each_other_end(tmp_path):
    around = '[profile.default]\nlibs = [".."]\n'
    root = write(
        tmp_path,
        {
            "foundry.toml": "",
            "lib/x/foundry.toml": around,
            "lib/y/foundry.toml": around,
            "lib/x/src/A.sol": "",
            "lib/y/src/A.sol": "",
        },
    )
    assert ours(root) == ["x/=lib/x/src/", "y/=lib/y/src/"]


@pytest.mark.parametrize(
    ("configuration", "what"),
    [
        ("[profile", "foundry.toml cannot be read"),
        ("profile = 3", "foundry.toml cannot be read"),
        ('[profile.default]\nextends = "no.toml"', "no.toml cannot be read"),
        ('[profile.default]\nremappings = ["nothing"]', "not a remapping"),
        ('[profile.default]\nlibraries = ["src/A.sol:A"]', "not a library"),
        ('[profile.default]\nsolc = "tools/solc"', "project's solc .*tools/solc is not a Solidity compiler"),
        ('[profile.default]\nsolc = "0.8.99"', "no Solidity compiler fits"),
        ('[profile.default]\nevm_version = "pragu"', "no EVM version 'pragu'"),
        (
            '[profile.default]\ncompilation_restrictions = [{ paths = "src/*", version = "?" }]',
            "src/\\* demands cannot be read",
        ),
        (
            '[profile.default]\ncompilation_restrictions = [{ paths = "**/src/*", optimizer_runs = "x" }]',
            "no compiler profile",
        ),
    ],
)
def test_what_is_wrong_in_foundry_toml_is_an_error_that_says_so(tmp_path, configuration, what):
    source = "// SPDX-License-Identifier: MIT\npragma solidity ^0.8.19;\ncontract C {}\n"
    root = write(tmp_path, {"foundry.toml": configuration, "src/C.sol": source})
    variables = {**os.environ, **compiler_variables()}
    with pytest.raises(CompileError, match=what):
        compile_source(root / "src/C.sol", Options(Path(variables["MEGAETH_CACHE"]), variables))
