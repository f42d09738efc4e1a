"""The packages that readers install import nothing that Windows lacks, and name every encoding."""

from __future__ import annotations

import ast

import pytest

from tests.conftest import ROOT

PACKAGES = ("clikit", "groundtruth", "projects")
POSIX = {"fcntl", "termios", "tty", "pty", "pwd", "grp", "resource", "syslog", "crypt", "readline"}
CALLS = {"fork", "forkpty", "getuid", "geteuid", "setsid", "killpg", "mkfifo", "getpgid", "nice"}
SIGNALS = {"SIGKILL", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGCHLD", "SIGSTOP"}
MODULES = [path for name in PACKAGES for path in sorted((ROOT / "code" / name).rglob("*.py"))]


def findings(source: str) -> list[str]:
    """What a module does that fails on Windows, or depends on its locale."""
    tree = ast.parse(source)
    guarded = {
        id(node)
        for parent in ast.walk(tree)
        for statement in _elsewhere(parent)
        for node in ast.walk(statement)
    }
    return [
        f"line {node.lineno}: {reason}"
        for node in ast.walk(tree)
        if id(node) not in guarded and (reason := _reason(node))
    ]


def _elsewhere(node: ast.AST) -> list[ast.stmt]:
    """Statements under `node` that may fail on Windows: tried, or kept from it by a condition."""
    if isinstance(node, ast.Try) and _catches_import_error(node):
        return node.body
    if isinstance(node, ast.If) and ast.unparse(node.test) == "os.name == 'nt'":
        return node.orelse
    return []


def _catches_import_error(attempt: ast.Try) -> bool:
    return any("ImportError" in ast.unparse(h.type or ast.Name("")) for h in attempt.handlers)


def _reason(node: ast.AST) -> str | None:
    if isinstance(node, ast.Import):
        names = {alias.name.split(".")[0] for alias in node.names} & POSIX
        return f"imports {', '.join(names)}" if names else None
    if isinstance(node, ast.ImportFrom):
        return f"imports {node.module}" if (node.module or "").split(".")[0] in POSIX else None
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        if node.value.id == "os" and node.attr in CALLS | {"kill"}:
            return f"calls os.{node.attr}"
        if node.value.id == "signal" and node.attr in SIGNALS:
            return f"uses signal.{node.attr}"
    if isinstance(node, ast.Call):
        return _without_encoding(node)
    return None


def _without_encoding(call: ast.Call) -> str | None:
    keywords = {keyword.arg for keyword in call.keywords}
    if isinstance(call.func, ast.Attribute) and call.func.attr in ("read_text", "write_text"):
        if "encoding" not in keywords and _is_path(call):
            return f"{call.func.attr} without an encoding"
    if isinstance(call.func, ast.Name) and call.func.id == "open":
        mode = call.args[1] if len(call.args) > 1 else None
        binary = isinstance(mode, ast.Constant) and "b" in str(mode.value)
        if not binary and "encoding" not in keywords:
            return "open without an encoding"
    return None


def _is_path(call: ast.Call) -> bool:
    """`checkpoints.write_text(path, text)` is a function of ours, `path.write_text(...)` is not."""
    assert isinstance(call.func, ast.Attribute)
    return ast.unparse(call.func.value) != "checkpoints"


@pytest.mark.parametrize("path", MODULES, ids=[str(p.relative_to(ROOT / "code")) for p in MODULES])
def test_a_module_works_on_windows(path):
    assert findings(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "planted",
    [
        "import fcntl",
        "from resource import getrusage",
        "def f():\n    import termios",
        "os.fork()",
        "os.kill(1, 9)",
        "signal.signal(signal.SIGHUP, f)",
        "path.read_text()",
        "path.write_text('x')",
        "open('x')",
        "open('x', 'w')",
        "try:\n    import fcntl\nexcept ValueError:\n    pass",
        "if os.name == 'nt':\n    os.kill(1, 9)\nelse:\n    os.killpg(1, 15)",
    ],
)
def test_a_planted_mistake_is_reported(planted):
    assert len(findings(planted)) == 1


@pytest.mark.parametrize(
    "right",
    [
        "try:\n    import resource\nexcept ImportError:\n    pass",
        "if os.name == 'nt':\n    end()\nelse:\n    os.killpg(1, signal.SIGKILL)",
        "path.read_text(encoding='utf-8')",
        "open('x', 'rb')",
        "open('x', encoding='utf-8')",
        "signal.signal(signal.SIGTERM, f)",
        "checkpoints.write_text(path, text)",
    ],
)
def test_what_works_is_not_reported(right):
    assert findings(right) == []
