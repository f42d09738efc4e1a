"""The parser of the pages: MyST-Parser's own, with the extensions that `_config.yml` names."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from markdown_it.token import Token
    from myst_parser.config.main import MdParserConfig

# read where there is no _config.yml, as in a single page outside a book
EXTENSIONS = ("amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath")


def extensions(root: Path) -> tuple[str, ...]:
    """Names of the MyST extensions of the book at `root`.

    A configuration that cannot be read counts as none.
    """
    path = root / "_config.yml"
    try:
        return _extensions(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, TypeError, AttributeError, KeyError, yaml.YAMLError):
        return EXTENSIONS


@lru_cache(maxsize=64)
def _extensions(path: Path, mtime_ns: int) -> tuple[str, ...]:
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tuple(sorted(settings["parse"]["myst_enable_extensions"]))


@lru_cache(maxsize=8)
def config(names: tuple[str, ...] = EXTENSIONS) -> MdParserConfig:
    """The configuration of the parser."""
    from myst_parser.config.main import MdParserConfig

    return MdParserConfig(enable_extensions=set(names))


@lru_cache(maxsize=8)
def _parser(names: tuple[str, ...]) -> Any:
    import dataclasses

    from markdown_it.renderer import RendererHTML
    from myst_parser.parsers.mdit import create_md_parser

    blocks_only = dataclasses.replace(config(names), disable_syntax=["inline"])
    return create_md_parser(blocks_only, RendererHTML)


def parse(text: str, names: tuple[str, ...] = EXTENSIONS) -> list[Token]:
    """Block tokens of `text`; `token.map` holds the lines, 0-based and without the last."""
    return _parser(names).parse(text + "\n")
