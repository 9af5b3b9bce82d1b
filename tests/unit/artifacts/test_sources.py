"""Sources: programs that fail or are absent, an archive by path, the project's own wheel."""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path

import pytest

from artifacts import sources
from artifacts.distributions import prepare
from artifacts.errors import ArtifactError
from artifacts.locks import sha256_of
from artifacts.programs import run


def test_a_failing_program_shows_its_last_lines(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(ArtifactError, match=r"(?s)failed with 3.*no such artifact"):
        run("Maven", [sys.executable, "-c", "print('no such artifact'); exit(3)"], tmp_path, said.append)
    assert said


def test_an_absent_program_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no-such-program is not installed"):
        run("Maven", ["no-such-program"], tmp_path, print)


def test_an_archive_by_path_is_verified_and_described(tmp_path: Path) -> None:
    archive = tmp_path / "kafka_2.13-4.3.1.tgz"
    archive.write_bytes(b"an archive")
    wanted = {"source": str(archive), "sha256": sha256_of(archive), "version": "4.3.1"}
    bundle, changed = prepare("kafka", {"archive": wanted}, tmp_path / "cache", print)
    assert changed
    assert bundle["strip_components"] == 1
    assert Path(bundle["path"]).read_bytes() == b"an archive"
    assert prepare("kafka", {"archive": wanted}, tmp_path / "cache", print) == (bundle, False)


def test_an_archive_with_another_digest_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "kafka.tgz"
    archive.write_bytes(b"another archive")
    wanted = {"source": str(archive), "sha256": "0" * 64, "version": "4.3.1"}
    with pytest.raises(ArtifactError, match=r"kafka\.tgz has SHA-256"):
        prepare("kafka", {"archive": wanted}, tmp_path / "cache", print)


def test_an_archive_that_is_not_there_names_its_source(tmp_path: Path) -> None:
    wanted = {"source": str(tmp_path / "absent.tgz"), "sha256": "0" * 64, "version": "1"}
    with pytest.raises(ArtifactError, match=r"absent\.tgz cannot be fetched"):
        prepare("kafka", {"archive": wanted}, tmp_path / "cache", print)


def test_a_wheel_is_built_again_only_when_its_source_changed(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "src" / "thing").mkdir(parents=True)
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "thing"\nversion = "1"\n'
    )
    module = project / "src" / "thing" / "__init__.py"
    module.write_text("")
    first, built = sources.project_wheel(project, tmp_path / "cache", print)
    assert built
    assert sources.project_wheel(project, tmp_path / "cache", print) == (first, False)
    module.write_text("VALUE = 1\n")
    second, built = sources.project_wheel(project, tmp_path / "cache", print)
    assert built
    assert sha256_of(first) != sha256_of(second)


def test_a_source_distribution_is_fetched_without_what_would_build_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, staging = tmp_path / "index", tmp_path / "staging"
    index.mkdir()
    staging.mkdir()
    archive = index / "thing-1.tar.gz"
    project = {
        "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n',
        "setup.py": 'from setuptools import setup\nsetup(name="thing", version="1", packages=[])\n',
    }
    with tarfile.open(archive, "w:gz") as packed:
        for name, text in project.items():
            member = tarfile.TarInfo(f"thing-1/{name}")
            member.size = len(text)
            packed.addfile(member, io.BytesIO(text.encode()))
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"thing==1 --hash=sha256:{sha256_of(archive)}\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    sources.sdist(requirements, print)(staging)
    assert [path.name for path in staging.iterdir()] == ["thing-1.tar.gz"]
