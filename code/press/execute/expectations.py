"""The committed expectations: minimal notebooks that hold what each cell must print.

Minimal means: code cells only, fixed ids, counts, merged streams, no images (their text stays), no
metadata but what nbval reads, and the kernelspec. `minimal(file) == file` holds for every one of
them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
from clikit.files import write_atomic

from press.execute.records import Record
from press.source.chapter import Chapter

IMAGES = ("image/png", "image/jpeg", "image/svg+xml")
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}


def minimal_outputs(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Outputs in one fixed form: streams merged by name, images left out, metadata empty."""
    outline: list[dict[str, Any]] = []
    streams: dict[str, dict[str, Any]] = {}
    for output in outputs:
        kind = output["output_type"]
        if kind == "stream":
            name = output["name"]
            if name not in streams:
                streams[name] = {"output_type": "stream", "name": name, "text": ""}
                outline.append(streams[name])
            streams[name]["text"] += output["text"]
        elif kind in ("display_data", "execute_result"):
            data = {
                mime: value for mime, value in sorted(output["data"].items()) if mime not in IMAGES
            }
            new: dict[str, Any] = {"output_type": kind, "metadata": {}, "data": data}
            if kind == "execute_result":
                new["execution_count"] = output["execution_count"]
            outline.append(new)
        elif kind == "error":
            outline.append(
                {
                    "output_type": "error",
                    "ename": output["ename"],
                    "evalue": output["evalue"],
                    "traceback": [],
                }
            )
        else:
            raise ValueError(f"output of unknown type {kind!r}")
    return outline


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
        [cell["source"] for cell in code],
        [list(cell.get("metadata", {}).get("tags", [])) for cell in code],
        [cell["outputs"] for cell in code],
        [cell["execution_count"] for cell in code],
    )


def dumps(notebook: dict[str, Any]) -> str:
    """As written to disk: sources and streams as lists of lines, so that a diff reads well."""
    return nbformat.v4.writes(nbformat.from_dict(notebook)) + "\n"


def load(path: Path) -> dict[str, Any]:
    """Read an expectation with joined text.

    Raises ValueError saying what is wrong with the file.
    """
    text = path.read_text(encoding="utf-8")
    try:
        notebook = nbformat.v4.reads(text)
        nbformat.validate(notebook)
        if foreign := [cell.cell_type for cell in notebook.cells if cell.cell_type != "code"]:
            raise TypeError(f"a cell is of type {foreign[0]!r}")
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON ({error})") from error
    except (nbformat.ValidationError, KeyError, TypeError, AttributeError) as error:
        reason = getattr(error, "message", str(error)).splitlines()[0]
        raise ValueError(f"not a notebook as the press writes it ({reason})") from error
    return notebook


def write(path: Path, notebook: dict[str, Any]) -> None:
    """Write an expectation whole or not at all."""
    write_atomic(path, dumps(notebook))
