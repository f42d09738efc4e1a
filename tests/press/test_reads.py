"""A page is stale when anything changes that its execution read, however it read it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from press import config
from press.execute import reads

from tests.press import sample_book

pytestmark = pytest.mark.slow

DOUBLE = "from toy.near import double"
SHELL = "import subprocess, sys\nprint(subprocess.run([sys.executable, {}], capture_output=True))"
PAGES = {
    "index": "print('home')",
    "plain": f"{DOUBLE}\nprint(double(2))",
    "shell": f"{DOUBLE}\nout = !echo hi\nprint(double(2))",
    "magic": f"%time {DOUBLE}\nprint(double(2))",
    "help": f"{DOUBLE}\ndouble?\nprint(double(2))",
    "indented": f"if True:\n    %precision 3\n    {DOUBLE}\nprint(double(2))",
    "computed": "import importlib\nprint(importlib.import_module('toy.' + 'near').double(2))",
    "exec": "exec(open('../code/toy/script.py').read())",
    "run": "%run ../code/toy/script.py",
    "command": "!python ../code/toy/script.py",
    "child": SHELL.format("'../code/toy/script.py'"),
    "inline": SHELL.format(f"'-c', '{DOUBLE}; print(double(2))'"),
    "open": "print(open('table.csv').read())",
    "cat": "!cat table.csv",
    "system": "import os\nprint(os.system('cat table.csv > /dev/null'))",
    "path": "from pathlib import Path\nprint((Path('_assets') / 'data.csv').read_text())",
    "named": "name = 'data'\nprint(open(f'_assets/{name}.csv').read())",
    "listed": "import glob\nprint(len(glob.glob('_assets/*.csv')))",
    "numpy": "import numpy as np\nprint(np.loadtxt('numbers.txt').sum())",
    "linked": "print(open('_assets/shared/far.csv').read())",
    "absent": "try:\n    open('later.txt')\nexcept OSError:\n    print(0)",
    "exists": "from pathlib import Path\nname = 'later'\nprint(Path(f'{name}.txt').exists())",
    "access": "import os\nname = 'later'\nprint(os.access(f'{name}.txt', os.R_OK))",
    "size": "import os\nname = 'data'\nprint(os.stat(f'_assets/{name}.csv').st_size)",
    "lstat": "import os\nname = 'data'\nprint(os.lstat(f'_assets/{name}.csv').st_size)",
    "sizes": "import os\nfolder = '_assets/many'\n"
    "print(sum(os.path.getsize(f'{folder}/{name}') for name in os.listdir(folder)))",
    "entries": "import os\nfolder = '_assets/' + 'many'\n"
    "print(sum(entry.stat().st_size for entry in os.scandir(folder)))",
    "ls": "!ls -l _assets/many",
    "ls here": "%cd -q _assets/many\n!ls",
    "grep": "!grep -c 4 _assets/*.csv",
    "grep deep": "!grep -r 4 _assets/tree",
    "cd": "import subprocess\n"
    "print(subprocess.run('cd _assets && cat data.csv', shell=True, capture_output=True))",
    "cat later": "!cat later.txt || true",
    "thread": "from threading import Thread\nfrom pathlib import Path\nname = 'data'\n"
    "sizes = []\nask = lambda: sizes.append(Path(f'_assets/{name}.csv').stat().st_size)\n"
    "threads = [Thread(target=ask) for _ in range(8)]\n"
    "[thread.start() for thread in threads]\n[thread.join() for thread in threads]\n"
    "print(sizes)",
    "made": "import os\nimport shutil\nfrom pathlib import Path\nfolder = Path('made')\n"
    "print(folder.exists())\nfolder.mkdir()\n(folder / 'x').write_text('1')\n"
    "print(os.stat('made/x').st_size)\nos.replace('made/x', 'made/y')\n"
    "print(os.stat('made/y').st_size, os.listdir('made'))\nshutil.rmtree('made')",
    "own": "open('own.txt', 'w').write('1')\nprint(open('own.txt').read())",
}
IMPORTING = {"plain", "shell", "magic", "help", "indented", "computed"}
SCRIPTS = {"exec", "run", "command", "child"}
MANY = {"sizes", "entries", "ls", "ls here"}
EDITS = {
    "a module": ("code/toy/deep.py", IMPORTING | SCRIPTS | {"inline"}),
    "a script": ("code/toy/script.py", SCRIPTS),
    "a table": ("book/table.csv", {"open", "cat", "system"}),
    "a data file with a computed name": (
        "book/_assets/data.csv",
        {"path", "named", "size", "lstat", "thread", "grep", "cd"},
    ),
    "a new file in a folder that is listed": ("book/_assets/new.csv", {"listed", "grep", "cd"}),
    "a file of a folder": ("book/_assets/many/a.txt", MANY),
    "a file of a folder below": ("book/_assets/tree/low/a.txt", {"grep deep"}),
    "a new file of a folder": ("book/_assets/many/c.txt", MANY),
    "a file that a library opens": ("book/numbers.txt", {"numpy"}),
    "a file behind a linked folder": ("far/far.csv", {"linked"}),
    "a file that was missing": ("book/later.txt", {"absent", "exists", "access", "cat later"}),
    "a file that the page makes itself": ("book/made", set()),
    "a module that nobody uses": ("code/toy/unused.py", set()),
    "a new module": ("code/toy/extra.py", set()),
}


def stale(root: Path, env: dict[str, str] | None = None) -> set[str]:
    rows = json.loads(sample_book.press(root, "status", "--json", env=env).stdout)
    return {row["slug"] for row in rows if row["state"] != "current"}


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    base = tmp_path_factory.mktemp("reads")
    root = sample_book.make(
        base / "book", {slug: sample_book.chapter(slug, code) for slug, code in PAGES.items()}
    )
    sample_book.write(root / "book" / "table.csv", "a,b\n1,2\n")
    sample_book.write(root / "book" / "_assets" / "data.csv", "7\n")
    sample_book.write(root / "book" / "_assets" / "many" / "a.txt", "4\n")
    sample_book.write(root / "book" / "_assets" / "many" / "b.txt", "4 and 4\n")
    sample_book.write(root / "book" / "_assets" / "tree" / "low" / "a.txt", "4\n")
    # as in any book that was accepted before: a first report is a new entry of a listed folder
    sample_book.write(root / "book" / "_assets" / "reports" / "changes.json", "{}\n")
    sample_book.write(root / "book" / "numbers.txt", "1 2 3\n")
    sample_book.write(root / "code" / "toy" / "script.py", f"{DOUBLE}\nprint(double(4))\n")
    sample_book.write(root / "far" / "far.csv", "1,2\n")
    (root / "far").rename(base / "far")
    (root / "far").symlink_to(base / "far")
    (root / "book" / "_assets" / "shared").symlink_to(base / "far")
    return sample_book.accepted(root)


def test_nothing_is_stale_after_an_execution(book):
    assert stale(book) == set()


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_makes_exactly_those_pages_stale_that_read_the_file(book, edit):
    name, expected = EDITS[edit]
    path = book / name
    before = path.read_bytes() if path.exists() else None
    path.write_text("9\n")
    try:
        assert stale(book) == expected
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)


def test_a_page_that_names_a_variable_of_the_environment_is_stale_when_it_changes(tmp_path):
    code = {
        "index": "print('home')",
        "get": "import os\nprint(os.environ.get('BOOK_OF_TESTS'))",
        "item": "import os\nprint('BOOK_OF_TESTS' in os.environ)",
        "echo": "!echo $BOOK_OF_TESTS",
    }
    pages = {slug: sample_book.chapter(slug, source) for slug, source in code.items()}
    root = sample_book.accepted(sample_book.make(tmp_path / "b", pages))
    assert stale(root) == set()
    assert stale(root, {"BOOK_OF_TESTS": "9"}) == {"get", "item", "echo"}


def test_a_moved_output_behind_a_shell_line_is_found_by_check(book):
    path = book / "code" / "toy" / "deep.py"
    path.write_text("FACTOR = 3\n")
    try:
        done = sample_book.press(book, "check")
        assert "cell 1 of shell does not print" in done.stderr
    finally:
        path.write_text("FACTOR = 2\n")


def log(tmp_path, *rows):
    path = tmp_path / "log"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_file_that_changed_while_the_page_ran_is_never_trusted(tmp_path):
    project = config.load(sample_book.make(tmp_path))
    path = project.code / "toy" / "deep.py"
    about = path.stat()
    same = log(tmp_path, ["r", str(path), about.st_size, about.st_mtime_ns])
    assert reads.unchanged(project, reads.collect(project, same, []))
    earlier = log(tmp_path, ["r", str(path), about.st_size, about.st_mtime_ns - 1])
    assert not reads.unchanged(project, reads.collect(project, earlier, []))


def test_what_a_page_writes_itself_and_what_is_no_part_of_the_book_is_left_out(tmp_path):
    project = config.load(sample_book.make(tmp_path))
    rows = [
        ["w", str(project.book / "made.txt"), -1, 0],
        ["r", str(project.book / "made.txt"), 1, 1],
        ["r", str(project.build / "x.txt"), -1, 0],
        ["r", str(project.book / ".hidden" / "x.txt"), -1, 0],
        ["r", "/usr/share/x.txt", -1, 0],
    ]
    assert reads.collect(project, log(tmp_path, *rows), []) == {}


@pytest.mark.parametrize("name", ["\x00", "x" * 5000, "../../etc/passwd", "/etc/passwd", "toy"])
def test_a_string_that_is_not_a_file_of_the_project_names_nothing(tmp_path, name):
    project = config.load(sample_book.make(tmp_path))
    assert reads.named(project, [name]) == {}
