"""A file belongs to a project, and only that project's files, libraries and packages are read for it."""

import pytest

from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.project import find_project
from megaeth_cli.compile.sources import collect


@pytest.fixture
def project(tmp_path):
    """A directory with a secret beside it, and in it what the test writes."""
    root = (tmp_path / "project").resolve()
    (root / "src").mkdir(parents=True)
    (root / "foundry.toml").write_text("")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.sol").write_text("the key")
    return root


def units(root, text, *flags):
    source = root / "src" / "A.sol"
    source.write_text(text)
    return set(collect(find_project(source, flags), [source]).contents)


def refused(root, text, *flags):
    with pytest.raises(CompileError, match="may not be read") as caught:
        units(root, text, *flags)
    assert "the key" not in caught.value.what + caught.value.why
    return caught.value


def test_an_import_of_any_other_file_is_refused(project, tmp_path):
    error = refused(project, f'import "{tmp_path}/secret/key.sol";')
    assert f"{tmp_path}/secret/key.sol" in error.what
    assert "imported by src/A.sol" in error.what
    assert str(project) in error.why
    assert "--remapping" in error.hint
    refused(project, 'import "/etc/passwd";')


def test_a_remapping_of_the_project_leads_to_its_own_files_only(project, tmp_path):
    (project / "remappings.txt").write_text(f"k/={tmp_path}/secret/\ne/=../secret/\n")
    refused(project, 'import "k/key.sol";')
    refused(project, 'import "e/key.sol";')


def test_a_remapping_that_the_user_types_may_lead_elsewhere(project, tmp_path):
    found = units(project, 'import "k/key.sol";', f"k/={tmp_path}/secret/")
    assert f"{tmp_path}/secret/key.sol" in found


def test_links_out_of_the_project_are_refused(project, tmp_path):
    (project / "src" / "Linked.sol").symlink_to(tmp_path / "secret" / "key.sol")
    refused(project, 'import "./Linked.sol";')
    (project / "node_modules").mkdir()
    (project / "node_modules" / "pkg").symlink_to(tmp_path / "secret")
    refused(project, 'import "pkg/key.sol";')


@pytest.mark.parametrize("place", ["node_modules/@org/pkg", "node_modules/pkg", "lib/pkg"])
def test_a_package_or_library_that_is_a_link_to_one_is_read(project, tmp_path, place):
    (tmp_path / "work" / "src").mkdir(parents=True)
    (tmp_path / "work" / "package.json").write_text("{}")
    (tmp_path / "work" / "src" / "B.sol").write_text("")
    link = project / place
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "work")
    (project / "remappings.txt").write_text(f"pkg/={place}/\n")
    assert len(units(project, 'import "pkg/src/B.sol";')) == 2


def test_what_foundry_toml_allows_is_read(project, tmp_path):
    (project / "foundry.toml").write_text(f'[profile.default]\nallow_paths = ["{tmp_path}/secret"]\n')
    assert len(units(project, f'import "{tmp_path}/secret/key.sol";')) == 2


def test_packages_above_the_project_are_read(project, tmp_path):
    (tmp_path / "node_modules" / "pkg").mkdir(parents=True)
    (tmp_path / "node_modules" / "pkg" / "B.sol").write_text("")
    assert "pkg/B.sol" in units(project, 'import "pkg/B.sol";')


def test_a_library_is_compiled_in_the_project_where_the_user_is(project):
    library = project / "lib" / "pkg"
    (library / "src").mkdir(parents=True)
    (library / "foundry.toml").write_text("")
    source = library / "src" / "B.sol"
    source.write_text("")
    assert find_project(source).root == library
    assert find_project(source, cwd=library / "src").root == library
    assert find_project(source, cwd=project / "src").root == project


def test_a_file_of_a_package_belongs_to_the_project_that_has_the_package(project):
    package = project / "node_modules" / "@org" / "pkg"
    package.mkdir(parents=True)
    (package / "package.json").write_text("{}")
    assert find_project(package / "B.sol").root == project


def test_the_configuration_above_counts_before_a_nearer_package_json_but_not_beyond_the_repository(project):
    inner = project / "src" / "app"
    inner.mkdir()
    (inner / "package.json").write_text("{}")
    assert find_project(inner / "B.sol").root == project
    (inner / ".git").mkdir()
    assert find_project(inner / "B.sol").root == inner


def test_a_source_directory_may_be_named_once_more_in_an_import(project):
    library = project / "lib" / "pkg" / "src"
    library.mkdir(parents=True)
    (library / "B.sol").write_text('import "pkg/C.sol";')
    (library / "C.sol").write_text("")
    assert units(project, 'import "pkg/src/B.sol"; import "pkg/B.sol";') == {
        "src/A.sol",
        "lib/pkg/src/B.sol",
        "lib/pkg/src/C.sol",
    }
