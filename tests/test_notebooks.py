"""Downloaded notebooks: the wheel of the site, and cells that run in an empty folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from packaging.requirements import Requirement
from press import config
from press.site import notebooks
from press.source import chapter
from press.store import Store
from press.supply import wheel

from tests.conftest import ROOT

PROJECT = config.load(ROOT)
LIBRARY = wheel.library(PROJECT)
DOWNLOADED = {"without torch": "front/primer", "with torch": "networks/pytorch"}
DOWNLOADED["a capstone"] = "capstones/agent"


@pytest.fixture(scope="module")
def wheel_file(tmp_path_factory):
    """The wheel, under its own name."""
    file = tmp_path_factory.mktemp("wheel") / LIBRARY.file
    shutil.copy(wheel.build(PROJECT, LIBRARY, Store.of(PROJECT)), file)
    return file


@pytest.fixture
def kernel(tmp_path_factory):
    """An interpreter that has what the book builds on, and nothing of the book itself."""
    folder = tmp_path_factory.mktemp("fresh")
    # without the pip of ensurepip, whose old setuptools would hide ours; ours is linked below
    venv.create(folder / "env", symlinks=True)
    library = folder / "packages"
    library.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not re.match(r"__editable__|groundtruth", path.name):
            (library / path.name).symlink_to(path)
    python = folder / "env" / "bin" / "python"
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    (Path(site.stdout.strip()) / "others.pth").write_text(f"{library}\n")
    spec = folder / "share" / "kernels" / "fresh"
    spec.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "fresh"}))
    return folder / "share"


def texts(notebook) -> list[str]:
    """What each code cell prints as plain text, in however many messages."""
    printed = []
    for cell in notebook.cells:
        if cell.cell_type == "code" and "install" not in cell.metadata.get("tags", []):
            printed.append("".join(o.text for o in cell.outputs if o.output_type == "stream"))
    return printed


@pytest.mark.slow
@pytest.mark.parametrize("slug", DOWNLOADED.values(), ids=DOWNLOADED.keys())
def test_a_downloaded_notebook_runs_in_an_empty_folder(
    slug, kernel, wheel_file, tmp_path, monkeypatch
):
    source = ROOT / "_build" / "html" / "_notebooks" / f"{slug}.ipynb"
    shutil.copy(wheel_file, tmp_path)
    monkeypatch.setenv("JUPYTER_PATH", str(kernel))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    published = nbformat.read(source, as_version=4)
    rerun = nbformat.read(source, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    page = chapter.read(slug, PROJECT.page(slug))
    timeout_s = 2 * page.time_limit(PROJECT.cell_timeout_s)  # other workers share the cores
    NotebookClient(rerun, kernel_name="fresh", timeout=timeout_s, resources=resources).execute()
    assert texts(rerun) == texts(published)


def test_two_wheels_of_one_tree_are_byte_identical(wheel_file):
    assert wheel._pack(PROJECT, LIBRARY) == wheel_file.read_bytes()


def test_the_wheel_holds_the_library_the_projects_and_the_cards(wheel_file):
    names = zipfile.ZipFile(wheel_file).namelist()
    tops = {name.partition("/")[0] for name in names if "dist-info" not in name}
    assert tops == {"clikit", "groundtruth", "projects"}
    cards = {path.name for path in (ROOT / "book" / "_assets" / "results").glob("*.json")}
    packed = {Path(name).name for name in names if name.startswith("projects/_assets/results/")}
    assert packed == cards


def test_the_wheel_does_not_hold_the_press(wheel_file):
    assert not [n for n in zipfile.ZipFile(wheel_file).namelist() if n.startswith("press/")]


def test_the_wheel_is_small(wheel_file):
    assert wheel_file.stat().st_size < 1_000_000


@pytest.mark.parametrize(
    ("slug", "extra", "asked"),
    [
        ("front/primer", "torch", False),
        ("networks/pytorch", "torch", True),
        ("capstones/agent", "serving", True),
        ("networks/pytorch", "serving", False),
        ("learning/hyperparameter-search", "parity", True),
    ],
)
def test_a_notebook_asks_for_the_extras_that_its_imports_need(slug, extra, asked):
    page = chapter.read(slug, PROJECT.page(slug))
    extras = Requirement(wheel.requirement(PROJECT, LIBRARY, page)).extras
    assert (extra in extras) is asked


def test_the_first_cell_installs_from_the_address_of_the_site():
    page = chapter.read("front/primer", PROJECT.page("front/primer"))
    cell = notebooks.install_cell(PROJECT, page, "https://example.org/book/", LIBRARY)
    assert f"https://example.org/book/_static/{LIBRARY.file}" in cell


@pytest.mark.parametrize(
    ("slug", "module", "needed"),
    [
        ("front/primer", "groundtruth", True),
        ("front/primer", "torch", False),
        ("networks/pytorch", "torch", True),
        ("capstones/agent", "mcp", True),
    ],
)
def test_the_first_cell_asks_whether_every_module_of_the_page_is_there(slug, module, needed):
    page = chapter.read(slug, PROJECT.page(slug))
    assert (module in wheel.modules(PROJECT, LIBRARY, page)) is needed


def test_a_project_without_a_library_gets_no_wheel(tmp_path):
    assert wheel.library(config.Project(tmp_path)) is None


def test_a_wheel_that_cannot_be_built_says_why(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\n[project]\nname = "x"\nversion = "not a version"\n'
    )
    project = config.Project(tmp_path)
    with pytest.raises(Exception, match="not a version"):
        wheel._pack(project, wheel.library(project))


@pytest.mark.slow
@pytest.mark.xdist_group("notebooks")
def test_the_installed_library_finds_its_cards(wheel_file, tmp_path):
    target = tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, "--target", str(target), str(wheel_file)], check=True)
    code = (
        "from projects.runner import records; import projects; print(projects.__file__);"
        "print(records.read_card('_assets/results/gpt-laptop.json')['project'])"
    )
    env = {**os.environ, "PYTHONPATH": str(target)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert done.stdout.split() == [str(target / "projects" / "__init__.py"), "gpt"], done.stderr


def binder_requirements() -> list[Requirement]:
    """The packages that Binder installs by name."""
    text = (ROOT / ".binder" / "requirements.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and line[0] not in "#-."]
    return [Requirement(line) for line in lines]


def test_binder_installs_the_pinned_versions():
    text = (ROOT / ".binder" / "requirements.txt").read_text(encoding="utf-8")
    assert "-c ../requirements.txt" in text.splitlines()


@pytest.mark.parametrize("needed", binder_requirements(), ids=str)
def test_what_binder_installs_is_pinned(needed):
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert needed.name in {
        Requirement(pin.partition(" #")[0]).name for pin in pins if pin[:1].isalpha()
    }
    assert not needed.specifier, "the constraints say the version"


def test_binder_installs_the_library_with_extras_that_exist():
    text = (ROOT / ".binder" / "requirements.txt").read_text(encoding="utf-8")
    extras = re.search(r"^\.\[(.*)\]$", text, re.M)[1].split(",")
    assert set(extras) <= set(LIBRARY.extras)


MARKUP = re.compile(r"\{[a-z:]+\}`|:::|```+\{|^\([\w-]+\)=|^\+\+\+", re.M)


def notebooks_of_the_site() -> list[Path]:
    return sorted((ROOT / "_build" / "html" / "_notebooks").rglob("*.ipynb"))


@pytest.mark.parametrize("path", notebooks_of_the_site(), ids=lambda path: path.stem)
def test_the_text_of_a_notebook_is_plain_markdown(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    code = re.compile(r"^(`{3,})\w*\n.*?^\1$|`[^`\n]+`", re.S | re.M)
    assert MARKUP.findall(code.sub("", prose)) == []
    assert prose.count("<details>") == prose.count("</details>")


@pytest.mark.parametrize("slug", DOWNLOADED.values(), ids=DOWNLOADED.keys())
def test_a_notebook_has_every_cell_of_its_page_in_order(slug):
    page = chapter.read(slug, PROJECT.page(slug))
    notebook = nbformat.read(
        ROOT / "_build" / "html" / "_notebooks" / f"{slug}.ipynb", as_version=4
    )
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert sources[1:] == [cell.source for cell in page.cells], "the first one installs"
