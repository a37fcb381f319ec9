"""Knows which files of which npm packages the staff page needs, and brings them to dashboard_api/static/vendor.

What is there afterwards (served under /static/vendor/, ignored by git, shipped in wheel and sdist):

    htmx.min.js           htmx 2
    uPlot.iife.min.js     charts, global `uPlot`
    uPlot.min.css
    krds_tokens.css       KRDS design tokens (--krds-...), names no other file
    fonts.css             @font-face "Pretendard GOV" 400, 500, 700, pointing at fonts/
    fonts/PretendardGOV-Regular.subset.woff2, -Medium, -Bold
    licences/             the packages' own licence files, and NOTICE.txt
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "dashboard_api" / "static" / "vendor"
# npm 7 is the first that reads lock file version 3.
OLDEST_NPM = 7

_FONTS = "krds-uiux/resources/fonts"
FILES = {
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "uplot/dist/uPlot.iife.min.js": "uPlot.iife.min.js",
    "uplot/dist/uPlot.min.css": "uPlot.min.css",
    "krds-uiux/resources/css/token/krds_tokens.css": "krds_tokens.css",
    f"{_FONTS}/PretendardGOV-Regular.subset.woff2": "fonts/PretendardGOV-Regular.subset.woff2",
    f"{_FONTS}/PretendardGOV-Medium.subset.woff2": "fonts/PretendardGOV-Medium.subset.woff2",
    f"{_FONTS}/PretendardGOV-Bold.subset.woff2": "fonts/PretendardGOV-Bold.subset.woff2",
    "htmx.org/LICENSE": "licences/htmx.org.txt",
    "uplot/LICENSE": "licences/uplot.txt",
}
WEIGHTS = {"Regular": 400, "Medium": 500, "Bold": 700}
WRITTEN_HERE = ("fonts.css", "licences/NOTICE.txt")


class AssetsError(Exception):
    """The web assets could not be brought; the text says why and what to do."""


def missing() -> list[str]:
    """Names the vendored files that are not there (or are empty)."""
    wanted = [*FILES.values(), *WRITTEN_HERE]
    return [name for name in wanted if not (VENDOR / name).is_file() or (VENDOR / name).stat().st_size == 0]


def usable_npm(extra_bin: Path | None = None) -> str | None:
    """The path of an npm that can read our lock: the one on PATH, else the one in `extra_bin`; None when there is none."""
    for candidate in (shutil.which("npm"), shutil.which("npm", path=str(extra_bin)) if extra_bin else None):
        if candidate is None:
            continue
        ran = subprocess.run([candidate, "--version"], capture_output=True, text=True, env=_environment(candidate), check=False)
        version = re.match(r"(\d+)\.", ran.stdout)
        if ran.returncode == 0 and version and int(version.group(1)) >= OLDEST_NPM:
            return candidate
    return None


def fetch(npm: str) -> None:
    """Installs the locked packages into a throw-away folder and copies the files the page needs; replaces what was there."""
    with tempfile.TemporaryDirectory(prefix="anbu-web-") as scratch:
        for name in ("package.json", "package-lock.json"):
            shutil.copy2(ROOT / name, scratch)
        # Inherited environment: proxies and certificates of the machine count here too. No scripts of the packages are run.
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        ran = subprocess.run(
            command, cwd=scratch, env=_environment(npm), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if ran.returncode != 0:
            raise AssetsError(f"npm could not install the web assets (exit {ran.returncode}):\n{ran.stderr.strip()[-2000:]}")
        _lay_out(Path(scratch) / "node_modules")
    left = missing()
    if left:
        raise AssetsError("web assets are missing after set-up: " + ", ".join(left))


def _environment(npm: str) -> dict[str, str]:
    """Ours, with npm's own folder first: npm looks for its `node` on PATH."""
    return {**os.environ, "PATH": str(Path(npm).parent) + os.pathsep + os.environ.get("PATH", "")}


def _lay_out(modules: Path) -> None:
    absent = [source for source in FILES if not (modules / source).is_file()]
    if absent:
        raise AssetsError("the npm packages lack files the page needs: " + ", ".join(absent))
    VENDOR.parent.mkdir(parents=True, exist_ok=True)
    # Laid out beside the target and renamed, so that an interrupted set-up never leaves half a folder.
    fresh = Path(tempfile.mkdtemp(prefix=".vendor-", dir=VENDOR.parent))
    try:
        for source, target in FILES.items():
            (fresh / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(modules / source, fresh / target)
        (fresh / "fonts.css").write_text(_font_faces(), encoding="utf-8")
        (fresh / "licences" / "NOTICE.txt").write_text(_notice(modules), encoding="utf-8")
        fresh.chmod(0o755)
        shutil.rmtree(VENDOR, ignore_errors=True)
        fresh.rename(VENDOR)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _font_faces() -> str:
    return "".join(
        f'@font-face {{\n  font-family: "Pretendard GOV";\n  font-weight: {weight};\n  font-style: normal;\n'
        f"  font-display: swap;\n"
        f'  src: url("fonts/PretendardGOV-{name}.subset.woff2") format("woff2");\n}}\n'
        for name, weight in WEIGHTS.items()
    )


def _notice(modules: Path) -> str:
    lines = ["Third-party files in this folder, as their packages name themselves:", ""]
    for package in sorted({source.split("/")[0] for source in FILES}):
        about = json.loads((modules / package / "package.json").read_text(encoding="utf-8"))
        lines.append(f"{package} {about['version']}: {about.get('license', 'see its licence file')}")
    lines += ["", "Pretendard GOV: Copyright (c) 2023 Kil Hyung-jin, SIL Open Font License 1.1 (also named in each font file)."]
    return "\n".join(lines) + "\n"


def main() -> int:
    npm = usable_npm(ROOT / ".venv" / "bin")
    if npm is None:
        print("web assets: no npm (7 or newer) here; `python3 scripts/setup.py` brings one of its own", file=sys.stderr)
        return 1
    try:
        fetch(npm)
    except AssetsError as error:
        print(f"web assets: {error}", file=sys.stderr)
        return 1
    print(f"web assets: {len(FILES) + len(WRITTEN_HERE)} files in {VENDOR.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
