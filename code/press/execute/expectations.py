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

from press.config import KERNELSPEC
from press.execute.records import Record
from press.source.chapter import Chapter

IMAGES = ("image/png", "image/jpeg", "image/svg+xml")


def minimal_outputs(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Outputs in one fixed form: streams merged by name, images left out, metadata empty."""
    outline: list[dict[str, Any]] = []
    streams: dict[str, dict[str, Any]] = {}
    for output in outputs:
        kind = output["output_type"]
        new: dict[str, Any] = {"output_type": kind}
        if kind == "stream" and output["name"] in streams:
            streams[output["name"]]["text"] += output["text"]
            continue
        if kind == "stream":
            new |= {"name": output["name"], "text": output["text"]}
            streams[output["name"]] = new
        elif kind == "error":
            new |= {"ename": output["ename"], "evalue": output["evalue"], "traceback": []}
        elif kind in ("display_data", "execute_result"):
            data = sorted(output["data"].items())
            new |= {"metadata": {}, "data": {m: value for m, value in data if m not in IMAGES}}
            if kind == "execute_result":
                new["execution_count"] = output["execution_count"]
        else:
            raise ValueError(f"output of unknown type {kind!r}")
        outline.append(new)
    return outline


def build(
    sources: list[str], tags: list[list[str]], outputs: list[list[dict]], counts: list[int | None]
) -> dict[str, Any]:
    """The expectation as a notebook (nbformat 4.5)."""
    parts = zip(sources, tags, outputs, counts, strict=True)
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {"tags": ["raises-exception"]} if "raises-exception" in names else {},
            "execution_count": count,
            "source": source,
            "outputs": minimal_outputs(printed),
        }
        for number, (source, names, printed, count) in enumerate(parts, 1)
    ]
    metadata = {"kernelspec": KERNELSPEC}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def from_record(chapter: Chapter, record: Record) -> dict[str, Any]:
    """The expectation that the last execution gives."""
    tags = [cell.tags for cell in chapter.cells]
    return build(record.sources, tags, record.outputs, record.counts)


def minimal(notebook: dict[str, Any]) -> dict[str, Any]:
    """The minimal form of any notebook; it is its own minimal form."""
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return build(
        [cell["source"] for cell in code],
        [cell.get("metadata", {}).get("tags", []) for cell in code],
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
        if notebook["nbformat"] != nbformat.v4.nbformat:  # of others nbformat imports a module
            raise TypeError(f"nbformat {notebook['nbformat']!r}, not {nbformat.v4.nbformat}")
        nbformat.validate(notebook)
        if foreign := [cell.cell_type for cell in notebook.cells if cell.cell_type != "code"]:
            raise TypeError(f"a cell is of type {foreign[0]!r}")
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON ({error})") from error
    except (nbformat.ValidationError, KeyError, TypeError, AttributeError) as error:
        reason = getattr(error, "message", str(error)).splitlines()[0]
        raise ValueError(f"not a notebook as the press writes it ({reason})") from error
    return notebook
