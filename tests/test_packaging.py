"""The project files agree with each other: metadata, README, workflows, links."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import xresample as xrs

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
REPOSITORY = "https://github.com/xresample/xresample"
PAGES = [ROOT / "README.md", *sorted((ROOT / ".github").rglob("*.md"))]


def test_the_version_is_a_valid_version() -> None:
    assert re.fullmatch(r"\d+(\.\d+)*(\.dev\d+)?(\+[\w.]+)?|0\+unknown", xrs.__version__)


def test_a_checkout_imports_without_being_installed(tmp_path: Path) -> None:
    """Without metadata the version is unknown, and everything else works."""
    script = f"""
import importlib.metadata, sys
version = importlib.metadata.version
def version_of_others(name):
    if name == "xresample":
        raise importlib.metadata.PackageNotFoundError(name)
    return version(name)
importlib.metadata.version = version_of_others
sys.path.insert(0, {str(ROOT)!r})
import xresample
print(xresample.__version__, xresample.coadd.__name__)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["0+unknown", "coadd"]


def first_command(heading: str) -> str:
    """Return the first ``sh`` block below a heading of the README, as ``.ci/run`` finds it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split(f"\n{heading}\n", 1)[1].split("\n## ", 1)[0]
    found = re.search(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("heading", "last"),
    [("## Run it", "examples/coadd.py"), ("## Test it", "-m pytest -n auto")],
)
def test_readme_says_how_to_run_and_test(heading: str, last: str) -> None:
    command = first_command(heading)
    assert command.startswith("python3 -m venv .venv && ")
    assert command.rstrip().endswith(f".venv/bin/python {last}")
    assert " -q" not in command  # pip shows its progress without -q


def test_classifiers_and_workflows_list_the_same_pythons() -> None:
    prefix = "Programming Language :: Python :: "
    listed = {c.removeprefix(prefix) for c in PROJECT["classifiers"] if c.startswith(prefix + "3.")}
    tests = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    matrix = tests["jobs"]["tests"]["strategy"]["matrix"]
    assert set(matrix["python"]) == listed
    assert PROJECT["requires-python"] == f">={min(listed, key=lambda v: int(v.split('.')[1]))}"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_scripts_that_workflows_run_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for script in re.findall(r"run: (\.ci/\w+)", text):
        assert (ROOT / script).stat().st_mode & 0o100, f"{script} must be executable"
    for job in yaml.safe_load(text)["jobs"].values():
        assert "timeout-minutes" in job or "uses" in job


@pytest.mark.parametrize("path", sorted((ROOT / ".ci").iterdir()), ids=lambda path: path.name)
def test_paths_in_scripts_exist(path: Path) -> None:
    for named in re.findall(r"\btests/[\w/.]+", path.read_text(encoding="utf-8")):
        assert (ROOT / named).exists(), named


def test_every_lower_bound_is_a_release_with_a_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for bound in PROJECT["dependencies"]:
        line = next(line for line in text.splitlines() if f'"{bound}"' in line)
        assert re.fullmatch(r'    "[\w-]+>=[\d.]+", +# .+', line), line


def test_a_release_publishes_the_tested_wheel() -> None:
    release = yaml.safe_load(
        (ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")
    )["jobs"]  # fmt: skip
    assert release["test"]["needs"] == "build"
    assert set(release["publish"]["needs"]) == {"checks", "test"}
    assert release["publish"]["permissions"] == {"id-token": "write"}
    text = json.dumps(release)
    assert text.count(".ci/package") == 1
    assert "password" not in text


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_point_to_existing_files(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#\s]+)", text):
        if not link.startswith("https://"):
            assert (path.parent / link).exists(), link


def test_all_links_to_github_name_one_repository() -> None:
    """Every link to GitHub names the repository of ``[project.urls]``."""
    assert PROJECT["urls"]["Source"] == REPOSITORY
    hidden = [*PAGES, *(ROOT / ".github").rglob("*.yml"), ROOT / "pyproject.toml"]
    for path in hidden:
        links = re.findall(r"https://github\.com/[\w-]+/[\w-]+", path.read_text(encoding="utf-8"))
        assert set(links) <= {REPOSITORY}, path


def test_zenodo_and_pyproject_agree() -> None:
    record = json.loads((ROOT / ".zenodo.json").read_text(encoding="utf-8"))
    assert record["license"] == PROJECT["license"]
    assert [c["name"] for c in record["creators"]] == [a["name"] for a in PROJECT["authors"]]
    assert set(PROJECT["keywords"]) <= set(record["keywords"])
