"""The fallback of nbval's comparison gives nbval's verdict, on named and on drawn outputs."""

from __future__ import annotations

import copy
import inspect
import re
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat import from_dict
from nbval.plugin import IPyNbCell, IPyNbFile, nocolors
from press.execute import compare

SANITIZE = {r"\d+": "N", r"0x[0-9a-f]+": "ADDRESS"}


def nbval(got: list[dict], want: list[dict], patterns: dict[str, str] | None = None) -> bool:
    """The verdict of nbval's own class and its own sanitizer, on outputs as nbformat has them."""
    cell: Any = IPyNbCell.__new__(IPyNbCell)
    cell.parent = SimpleNamespace(skip_compare=compare.SKIP, sanitize_patterns=patterns or {})
    cell.colors = nocolors
    cell.format_output_compare = lambda key, left, right: None
    try:
        return cell.compare_outputs(from_dict(got), from_dict(want))
    except TypeError:  # it says that there are more nulls or numbers on one side, and cannot
        return False


def sanitized(value: Any, key: str = "") -> Any:
    """Outputs as nbval's sanitizer leaves them: every string that is compared, and no other."""
    if isinstance(value, list) and not key:
        return [{name: sanitized(item, name) for name, item in output.items()} for output in value]
    if key == "data":
        return {mime: sanitized(item, mime) for mime, item in value.items()}
    if not isinstance(value, str) or key in compare.SKIP:
        return value
    for pattern, replacement in SANITIZE.items():
        value = re.sub(pattern, replacement, value)
    return value


def stream(text: str, name: str = "stdout") -> dict:
    return {"output_type": "stream", "name": name, "text": text}


def shown(kind: str = "display_data", **data: Any) -> dict:
    values = {name.replace("_", "/"): value for name, value in data.items()}
    count = {"execution_count": 1} if kind == "execute_result" else {}
    return {"output_type": kind, "metadata": {}, "data": values, **count}


def error(name: str, value: str) -> dict:
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": ["line"]}


def test_the_press_skips_what_nbval_skips():
    code = inspect.getsource(IPyNbFile.__init__).partition("self.skip_compare = ")[2]
    assert set(re.findall(r"'([^']+)'", re.sub(r"#.*", "", code))) == compare.SKIP


TABLE = {
    "nothing": ([], [], True),
    "an output too many": ([stream("a")], [], False),
    "an output too few": ([], [stream("a")], False),
    "a stream": ([stream("a")], [stream("a")], True),
    "another text": ([stream("a")], [stream("b")], False),
    "another stream": ([stream("a", "stderr")], [stream("a")], False),
    "streams in another order": (
        [stream("a"), stream("b", "stderr")],
        [stream("b", "stderr"), stream("a")],
        True,
    ),
    "kinds in another order": (
        [stream("a"), shown(text_plain="b")],
        [shown(text_plain="b"), stream("a")],
        True,
    ),
    "one kind in another order": (
        [shown(text_plain="a"), shown(text_plain="b")],
        [shown(text_plain="b"), shown(text_plain="a")],
        False,
    ),
    "an image": ([shown(image_png="a")], [shown(image_png="b")], True),
    "a drawing": ([shown(**{"image_svg+xml": "a"})], [shown(**{"image_svg+xml": "b"})], False),
    "html": ([shown(text_html="a")], [shown(text_html="b")], False),
    "a kind of data too many": (
        [shown(text_html="a", text_plain="a")],
        [shown(text_plain="a")],
        False,
    ),
    "json": ([shown(application_json={"x": [1]})], [shown(application_json={"x": [2]})], False),
    "a kind of number": (
        [shown(application_json={"x": [1.0]})],
        [shown(application_json={"x": [True]})],
        True,
    ),
    "a result for what was displayed": (
        [shown("execute_result", text_plain="a")],
        [shown(text_plain="a")],
        True,
    ),
    "an error": ([error("E", "a")], [error("E", "b")], False),
    "a traceback": ([error("E", "a")], [{**error("E", "a"), "traceback": []}], True),
    "an error for data of its name": ([error("E", "a")], [shown(ename="E", evalue="a")], True),
}


@pytest.mark.parametrize("name", TABLE)
def test_named_outputs_get_the_verdict_of_nbval(name):
    got, want, equal = TABLE[name]
    assert nbval(got, want) is equal
    assert compare.agrees(got, want) is equal
    assert compare.nbval_agrees(got, want) is equal


@pytest.mark.parametrize(
    ("got", "want", "equal"),
    [
        ([stream("step 1")], [stream("step 22")], True),
        ([stream("at 0xf00")], [stream("at 0xbad")], False),  # the digits are replaced first
        ([shown(text_html="<b>1</b>")], [shown(text_html="<b>2</b>")], True),
        ([shown(application_json={"x": 1})], [shown(application_json={"x": 2})], False),
        ([error("E1", "7")], [error("E2", "8")], True),
        ([stream("a1")], [stream("b1")], False),
    ],
)
def test_sanitized_outputs_get_the_verdict_of_nbval(got, want, equal):
    assert nbval(got, want, SANITIZE) is equal
    assert compare.agrees(sanitized(got), sanitized(want)) is equal


TEXTS = st.sampled_from(["", "a\n", "1", "2", "22", "0xf00", "<svg/>"])
JSON = st.recursive(
    st.sampled_from([None, True, 0, 1, 1.0, "1", "a"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["x", "data"]), inner, max_size=2)
    ),
    max_leaves=4,
)
MIMES = ["text/plain", "text/html", "image/png", "image/jpeg", "image/svg+xml"]
DATA = st.dictionaries(st.sampled_from(MIMES), TEXTS, max_size=3) | st.dictionaries(
    st.sampled_from(["application/json", "application/vnd.vegalite.v5+json"]), JSON, max_size=2
)
OUTPUT = st.one_of(
    st.builds(stream, TEXTS, st.sampled_from(["stdout", "stderr"])),
    st.builds(error, TEXTS, TEXTS),
    st.builds(
        lambda kind, data: {**shown(kind), "data": data},
        st.sampled_from(["display_data", "execute_result"]),
        DATA,
    ),
)
OUTPUTS = st.lists(OUTPUT, max_size=4)


@st.composite
def pairs(draw: Any) -> tuple[list[dict], list[dict]]:
    """Two lists of outputs: drawn apart, the same, in another order, or with one replaced."""
    want = draw(OUTPUTS)
    kind = draw(st.sampled_from(["apart", "same", "shuffled", "replaced"]))
    if kind == "apart" or not want:
        return draw(OUTPUTS), want
    got = copy.deepcopy(want)
    if kind == "shuffled":
        got = draw(st.permutations(got))
    if kind == "replaced":
        got[draw(st.integers(0, len(got) - 1))] = draw(OUTPUT)
    return got, want


@settings(max_examples=600, deadline=None)
@given(pairs())
def test_drawn_outputs_get_the_verdict_of_nbval(pair):
    got, want = pair
    assert compare.agrees(got, want) is nbval(got, want)


@settings(max_examples=600, deadline=None)
@given(pairs())
def test_drawn_outputs_get_the_verdict_of_nbval_when_sanitized(pair):
    got, want = pair
    assert compare.agrees(sanitized(got), sanitized(want)) is nbval(got, want, SANITIZE)


@pytest.mark.parametrize("value", [None, 1, True])
def test_a_value_that_nbval_cannot_print_is_a_difference_when_it_is_one_too_many(value):
    output = shown(application_json=value)
    assert not compare.same([output, output], [output])


@settings(max_examples=600, deadline=None)
@given(pairs())
def test_the_press_never_passes_what_nbval_fails(pair):
    got, want = pair
    if compare.same(got, want):
        form = compare.expectations.minimal_outputs
        assert nbval(form(got), form(want))


def test_where_nbval_cannot_be_asked_the_fallback_decides(monkeypatch):
    monkeypatch.setattr(compare, "IPyNbCell", None)
    assert compare.same([stream("a")], [stream("a")])
    assert not compare.same([stream("a")], [stream("b")])
