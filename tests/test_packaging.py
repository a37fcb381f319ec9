"""Knows what the committed packaging files promise: pinned, hashed, bounded, naming no registry, and all assets in place."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RUNTIME = [Requirement(text) for text in PROJECT["dependencies"]]
DEVELOPMENT = [Requirement(text) for text in PROJECT["optional-dependencies"]["dev"]]
LOCKS = ("requirements.lock", "requirements-run.lock", "requirements-node.lock")
PACKAGES = ("alerts", "anbu", "dashboard_api", "ingest", "rules", "simulators")


def _pins(lock: str) -> set[tuple[str, str]]:
    """Name and version of every requirement in a lock; a package can stand there twice, for two Pythons."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return {(canonicalize_name(name), version) for name, version in re.findall(r"(?m)^([A-Za-z0-9._-]+)==([^\s;\\]+)", text)}


def _committed() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git work tree")
    return [path for path in (ROOT / name for name in listed.stdout.split("\0") if name) if path.is_file()]


@pytest.mark.parametrize("requirement", [*RUNTIME, *DEVELOPMENT], ids=lambda requirement: str(requirement.name))
def test_every_dependency_has_a_lower_bound_that_the_lock_meets(requirement: Requirement) -> None:
    assert any(part.operator in (">=", "==", "~=") for part in requirement.specifier), f"{requirement} has no lower bound"
    locked = [version for name, version in _pins("requirements.lock") if name == canonicalize_name(requirement.name)]
    assert locked, f"{requirement.name} is not in requirements.lock: make lock"
    assert all(requirement.specifier.contains(version) for version in locked)


@pytest.mark.parametrize("requirement", RUNTIME, ids=lambda requirement: str(requirement.name))
def test_every_runtime_dependency_is_in_the_runtime_lock(requirement: Requirement) -> None:
    assert canonicalize_name(requirement.name) in {name for name, _ in _pins("requirements-run.lock")}


def test_production_runs_the_versions_that_were_tested() -> None:
    assert _pins("requirements-run.lock") <= _pins("requirements.lock")
    assert "pytest" not in {name for name, _ in _pins("requirements-run.lock")}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_of_a_lock_is_a_pin_or_a_hash(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip()]
    assert lines
    for line in lines:
        assert re.match(r"^[A-Za-z0-9._-]+==\S+( ; .*?)?( +--hash=sha256:[0-9a-f]{64})+ *$", line), line[:120]


def test_web_assets_are_pinned_with_integrity_and_without_a_place() -> None:
    wanted = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["dependencies"]
    locked = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert locked.pop("")["dependencies"] == wanted
    for name, version in wanted.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{name} is not an exact version"
        assert locked[f"node_modules/{name}"]["version"] == version
    for name, entry in locked.items():
        assert entry["integrity"].startswith("sha512-"), name
        assert "resolved" not in entry, f"{name}: npm install --package-lock-only --omit-lockfile-registry-resolved"


def test_no_committed_file_names_a_registry_or_a_local_wheel_folder() -> None:
    # Written in two halves, or this file would be the first to break its own rule.
    hosts = [("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("yarnpkg", "com")]
    hosts += [("deb.debian", "org"), ("golang", "org"), ("crates", "io"), ("maven", "org")]
    names = [f"{name}.{suffix}" for name, suffix in hosts] + ["/opt/" + "wheels"]
    pattern = re.compile("|".join(map(re.escape, names)).encode())
    found = [
        f"{path.relative_to(ROOT)}: {hit.group().decode()}" for path in _committed() if (hit := pattern.search(path.read_bytes()))
    ]
    assert found == []


def test_vendored_assets_are_there_and_not_committed() -> None:
    vendor = ROOT / "dashboard_api" / "static" / "vendor"
    wanted = ("htmx.min.js", "uPlot.iife.min.js", "uPlot.min.css", "krds_tokens.css", "fonts.css")
    assert [name for name in wanted if not (vendor / name).stat().st_size] == []
    fonts = re.findall(r'url\("([^"]+)"\)', (vendor / "fonts.css").read_text(encoding="utf-8"))
    assert len(fonts) == 3
    assert all((vendor / font).read_bytes().startswith(b"wOF2") for font in fonts)
    assert sum(path.stat().st_size for path in vendor.rglob("*") if path.is_file()) < 2_000_000
    assert [path for path in _committed() if vendor in path.parents] == []


def test_vendored_styles_load_nothing_from_another_host() -> None:
    vendor = ROOT / "dashboard_api" / "static" / "vendor"
    for sheet in vendor.rglob("*.css"):
        assert not re.search(r"url\(\s*['\"]?(https?:)?//|@import", sheet.read_text(encoding="utf-8")), sheet.name


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_is_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


def test_help_of_the_set_up_names_the_python_it_needs_on_an_older_one() -> None:
    # The oldest syntax is checked by compiling: no old Python is on every machine.
    source = (ROOT / "scripts" / "setup.py").read_text(encoding="utf-8")
    assert "needs Python 3.11 or newer" in source
    assert not re.search(r"\bf\"|\bf'|->|:=|from __future__", source.split("from provision")[0])
    assert sys.version_info >= (3, 11)
