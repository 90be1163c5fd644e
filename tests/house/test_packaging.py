"""Packaging: what is built holds all that the program needs, and works where nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "fluenzr_smtp"

if find_spec("hatchling") is None and os.environ.get("CI", "").lower() != "true":
    pytest.skip("hatchling is not installed (scripts/test installs it)", allow_module_level=True)


def python(*arguments: str | Path, executable: str | Path = sys.executable, cwd: Path = ROOT) -> str:
    ended = subprocess.run([executable, *arguments], cwd=cwd, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def build_wheel(source: Path, folder: Path) -> Path:
    # Nothing is fetched: the build backend is the one of this environment.
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--no-cache-dir", "--quiet")
    python("-m", "pip", "wheel", source, *options, "--wheel-dir", folder)
    return next(folder.glob("*.whl"))


def files_of(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def source_distribution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source distribution."""
    folder = tmp_path_factory.mktemp("sdist")
    python("-m", "hatchling", "build", "--target", "sdist", "--directory", folder)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # not in every 3.11
        archive.extractall(folder)
    return next(path for path in folder.iterdir() if path.is_dir())


def test_the_wheel_holds_every_file_of_the_package_and_the_presets(wheel: Path):
    sources = (path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    expected = {f"fluenzr_smtp/{path.relative_to(PACKAGE)}": path.read_bytes() for path in sources}
    expected["fluenzr_smtp/presets.toml"] = (ROOT / "presets.toml").read_bytes()

    packed = {name: content for name, content in files_of(wheel).items() if ".dist-info/" not in name}

    assert packed == expected


@pytest.mark.parametrize(
    "name", ["presets.toml", "py.typed", "messages/en/problems.toml", "messages/en/guide.toml"]
)
def test_the_wheel_holds_what_is_not_code(wheel: Path, name: str):
    assert f"fluenzr_smtp/{name}" in files_of(wheel)


def test_the_wheel_holds_the_licence(wheel: Path):
    (licence,) = [content for name, content in files_of(wheel).items() if name.endswith("/LICENSE")]

    assert licence == (ROOT / "LICENSE").read_bytes()


def test_the_source_distribution_builds_the_same_wheel(wheel: Path, source_distribution: Path, tmp_path):
    rebuilt = build_wheel(source_distribution, tmp_path)

    assert files_of(rebuilt) == files_of(wheel)


# -- installed -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of a new environment into which the wheel was installed.

    The libraries are lent by the environment of the tests, so that nothing is fetched; its editable
    installation of the project is not: path configuration files count in an environment's own folder alone.
    """
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    programs = folder / "bin"
    options = ("--no-deps", "--no-index", "--no-cache-dir", "--quiet")
    python("-m", "pip", "--python", programs / "python", "install", *options, wheel)
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own, lent = (
        Path(python("-c", ask, executable=each).strip()) for each in (programs / "python", sys.executable)
    )
    (own / "lent.pth").write_text(f"{lent}\n")
    return programs


def test_what_is_installed_is_not_the_source(installed: Path, tmp_path):
    asked = "import fluenzr_smtp; print(fluenzr_smtp.__file__)"

    found = python("-c", asked, executable=installed / "python", cwd=tmp_path)

    assert Path(found.strip()).is_relative_to(installed.parent)


def test_the_installed_command_knows_the_presets(installed: Path, tmp_path):
    assert "ssl0.ovh.net" in python("presets", "list", executable=installed / "fluenzr", cwd=tmp_path)


def test_the_installed_module_is_the_command(installed: Path, tmp_path):
    by_module = python("-m", "fluenzr_smtp", "--version", executable=installed / "python", cwd=tmp_path)

    assert by_module == python("--version", executable=installed / "fluenzr", cwd=tmp_path)


def test_the_installed_libraries_are_those_that_it_asks_for(installed: Path):
    python("-m", "pip", "--python", installed / "python", "check")
