"""Knows that what is shipped is what was tested: the wheel holds every file, installs from the lock, and starts."""

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tests.servers import free_port

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("alerts", "anbu", "dashboard_api", "ingest", "rules", "simulators")

pytestmark = [
    pytest.mark.wheel,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="what should be shipped is known from git alone"),
]


def _run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, **options)  # type: ignore[call-overload]
    assert ran.returncode == 0, f"{' '.join(command)} -> {ran.returncode}\n{ran.stdout[-4000:]}\n{ran.stderr[-4000:]}"
    return ran


def _shipped() -> set[str]:
    """Every file of the packages that is no leftover of a run, and the vendored assets, which git ignores."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *PACKAGES]
    listed = _run(command, cwd=ROOT).stdout.split("\0")
    vendor = ROOT / "dashboard_api" / "static" / "vendor"
    files = {name for name in listed if name and (ROOT / name).is_file()}
    return files | {str(path.relative_to(ROOT)) for path in vendor.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    # The build tools come from the lock: nothing is fetched for a build.
    _run([sys.executable, "-m", "pip", "wheel", "-q", "--no-build-isolation", "--no-deps", "-w", str(folder), str(ROOT)])
    _run([sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(folder)], cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def environment(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that was empty, with the runtime lock and the wheel in it."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-compile"]
    _run([*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(ROOT / "requirements-run.lock")], env=_clean())
    _run([*pip, "--no-deps", "--no-index", str(next(dist.glob("*.whl")))], env=_clean())
    return folder


def _clean() -> dict[str, str]:
    """This machine's settings without anything that would let the work tree or another environment in."""
    unwanted = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_FIND_LINKS")
    return {name: value for name, value in os.environ.items() if name not in unwanted and not name.startswith("ANBU_")}


def test_wheel_holds_every_file_of_the_packages_and_nothing_else(dist: Path) -> None:
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    ours = {name for name in names if ".dist-info/" not in name}
    assert ours == _shipped() | {"anbu/mosquitto.conf"}, "with the broker's configuration, which `anbu broker init` puts in place"
    assert {f"{package}/py.typed" for package in PACKAGES} <= ours
    for part in ("dashboard_api/static/vendor/", "dashboard_api/templates/", "anbu/migrations/"):
        assert any(name.startswith(part) for name in ours), f"nothing of {part} in the wheel"
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_sdist_holds_what_a_build_needs(dist: Path) -> None:
    with tarfile.open(next(dist.glob("*.tar.gz"))) as sdist:
        names = {name.split("/", 1)[1] for name in sdist.getnames() if "/" in name}
    assert _shipped() <= names
    assert {"pyproject.toml", "README.md", "LICENSE", "requirements.lock", "mosquitto.conf", "scripts/setup.py"} <= names


def test_installed_wheel_needs_nothing_that_the_lock_lacks(environment: Path) -> None:
    python = str(environment / "bin" / "python")
    _run([python, "-m", "pip", "check"], env=_clean())
    where = _run([python, "-c", "import anbu; print(anbu.__file__)"], env=_clean(), cwd=environment).stdout
    assert where.startswith(str(environment)), f"imported from {where}, not from the wheel"


def test_installed_wheel_answers_help(environment: Path, tmp_path: Path) -> None:
    told = _run([str(environment / "bin" / "anbu"), "--help"], env=_clean(), cwd=tmp_path).stdout
    assert "demo" in told
    assert "serve" in told


def test_installed_wheel_brings_a_check_to_the_page(environment: Path, tmp_path: Path) -> None:
    command = [str(environment / "bin" / "anbu"), "demo", "--until-check", "--json", "--port", str(free_port())]
    told = _run(command, env=_clean(), cwd=tmp_path, timeout=120).stdout
    assert isinstance(json.loads(told.strip().splitlines()[-1]), dict)
