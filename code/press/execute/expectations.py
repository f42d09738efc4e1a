"""The committed expectations: minimal notebooks that hold what each cell must print.

Minimal means: code cells only, fixed ids, counts, merged streams, no images (their text stays), no
metadata but what nbval reads, and the kernelspec. `minimal(file) == file` holds for every one of them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from press.execute.records import Record
from press.files import write_atomic
from press.source.chapter import Chapter

IMAGES = ("image/png", "image/jpeg", "image/svg+xml")
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}


def minimal_outputs(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Outputs in one fixed form: streams merged by name, images left out, metadata empty."""
    found: list[dict[str, Any]] = []
    streams: dict[str, dict[str, Any]] = {}
    for output in outputs:
        kind = output["output_type"]
        if kind == "stream":
            name = output["name"]
            if name not in streams:
                streams[name] = {"output_type": "stream", "name": name, "text": ""}
                found.append(streams[name])
            streams[name]["text"] += _joined(output["text"])
        elif kind in ("display_data", "execute_result"):
            data = {
                mime: _joined(value)
                for mime, value in sorted(output["data"].items())
                if mime not in IMAGES
            }
            new: dict[str, Any] = {"output_type": kind, "metadata": {}, "data": data}
            if kind == "execute_result":
                new["execution_count"] = output["execution_count"]
            found.append(new)
        elif kind == "error":
            found.append(
                {
                    "output_type": "error",
                    "ename": output["ename"],
                    "evalue": output["evalue"],
                    "traceback": [],
                }
            )
        else:
            raise ValueError(f"output of unknown type {kind!r}")
    return found


def _joined(value: Any) -> Any:
    return (
        "".join(value)
        if isinstance(value, list) and all(isinstance(row, str) for row in value)
        else value
    )


def build(
    sources: list[str], tags: list[list[str]], outputs: list[list[dict]], counts: list[int | None]
) -> dict[str, Any]:
    """The expectation as a notebook (nbformat 4.5)."""
    cells = []
    for i, source in enumerate(sources):
        keep = [tag for tag in tags[i] if tag == "raises-exception"]
        cells.append(
            {
                "cell_type": "code",
                "id": f"cell-{i + 1}",
                "metadata": {"tags": keep} if keep else {},
                "execution_count": counts[i],
                "source": source,
                "outputs": minimal_outputs(outputs[i]),
            }
        )
    return {
        "cells": cells,
        "metadata": {"kernelspec": KERNELSPEC},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def from_record(chapter: Chapter, record: Record) -> dict[str, Any]:
    """The expectation that the last execution gives."""
    return build(
        record.sources, [cell.tags for cell in chapter.cells], record.outputs, record.counts
    )


def minimal(notebook: dict[str, Any]) -> dict[str, Any]:
    """The minimal form of any notebook; it is its own minimal form."""
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return build(
        [_joined(cell["source"]) for cell in code],
        [list(cell.get("metadata", {}).get("tags", [])) for cell in code],
        [cell["outputs"] for cell in code],
        [cell["execution_count"] for cell in code],
    )


def dumps(notebook: dict[str, Any]) -> str:
    """As written to disk: sources and streams as lists of lines, so that a diff reads well."""
    body = json.loads(json.dumps(notebook))
    for cell in body["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
        for output in cell["outputs"]:
            if output["output_type"] == "stream":
                output["text"] = output["text"].splitlines(keepends=True)
            for mime, value in output.get("data", {}).items():
                if isinstance(value, str):
                    output["data"][mime] = value.splitlines(keepends=True)
    return json.dumps(body, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def load(path: Path) -> dict[str, Any]:
    """Read an expectation with joined text. Raises ValueError saying what is wrong with the file."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"not valid JSON ({error})") from error
    try:
        for cell in raw["cells"]:
            if cell["cell_type"] != "code":
                raise TypeError(f"a cell is of type {cell['cell_type']!r}")
            cell["source"] = _joined(cell["source"])
            if not isinstance(cell["source"], str):
                raise TypeError("the source of a cell is no text")
            for output in cell["outputs"]:
                if "text" in output:
                    output["text"] = _joined(output["text"])
                    if not isinstance(output["text"], str):
                        raise TypeError("the text of a stream is no text")
                output["data"] = (
                    {k: _joined(v) for k, v in output["data"].items()} if "data" in output else {}
                )
                if not output["data"]:
                    del output["data"]
        if not isinstance(raw["metadata"], dict):
            raise TypeError("metadata is not an object")
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"not a notebook as the press writes it ({type(error).__name__}: {error})"
        ) from error
    return raw


def write(path: Path, notebook: dict[str, Any]) -> None:
    """Write an expectation whole or not at all."""
    write_atomic(path, dumps(notebook))
