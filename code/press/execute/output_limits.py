"""What one cell may print.

So many bytes, counted in every kind of message, and no line that cannot be rendered.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, cast

from jupyter_client.session import Session
from jupyter_core.utils import ensure_async
from nbclient import NotebookClient

OUTPUTS = frozenset({"stream", "display_data", "update_display_data", "execute_result", "error"})
# MyST-NB's time grows with the square of the length of a line (here it is 0.2 s), and with the
# number of backspaces times the length of the output
LINE_LIMIT = 10_000
BACKSPACE_LIMIT = 1_000
ERROR_LIMIT = 2_000  # of the message of an error that stops the page


class Bounded(Session):
    """A session that does not open outputs that are certainly too long.

    A kernel sends at once what it printed in a fifth of a second.
    """

    limit_bytes = 1_000_000

    def deserialize(self, msg_list: Any, content: bool = True, copy: bool = True) -> dict[str, Any]:
        """A message; the output in it is replaced by one that is too long as well."""
        opened = content and copy and len(msg_list) >= 5
        # one character is at most twelve bytes of JSON
        if not opened or len(msg_list[4]) < 12 * self.limit_bytes + 10_000:
            return super().deserialize(msg_list, content, copy)
        message = super().deserialize(msg_list, content=False)
        kind = message["msg_type"]
        # why a page stops is needed, if only its beginning
        if kind not in OUTPUTS or kind == "error":
            return super().deserialize(msg_list)
        text = " " * (self.limit_bytes + 1)  # as good as what was sent: it is counted and dropped
        if kind == "stream":
            message["content"] = {"name": "stdout", "text": text}
        else:
            data = {"data": {"text/plain": text}, "metadata": {}, "transient": {}}
            message["content"] = {**data, "execution_count": None}
        return message


class Client(NotebookClient):
    """nbclient with a limit on what one cell may print."""

    limit_bytes = 1_000_000
    printed = 0
    flooded_at = 0  # number of the cell that printed too much

    async def async_execute_cell(self, *args: Any, **kwargs: Any) -> Any:
        """Execute a cell, which may print the whole limit."""
        self.printed = 0
        return await super().async_execute_cell(*args, **kwargs)

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        """Store an output, unless the cell has printed too much."""
        if msg["msg_type"] in OUTPUTS:
            self.printed += _size(msg["content"])
            if self.printed > self.limit_bytes:
                expected = "raises-exception" in cell.metadata.get("tags", [])
                if msg["msg_type"] != "error" or expected:
                    self._stop(cell_index)
                    return None  # drop it: no more of it is stored
                _shorten(msg["content"])  # it stops the page, and that is what is reported
        return super().process_message(msg, cell, cell_index)

    def _stop(self, cell_index: int) -> None:
        if not self.flooded_at:
            self.flooded_at = cell_index + 1
            assert self.km is not None
            interrupt = cast(Any, self.km.interrupt_kernel())
            self.interrupt = asyncio.ensure_future(ensure_async(interrupt))


def _shorten(content: dict[str, Any]) -> None:
    content["evalue"] = str(content["evalue"])[:ERROR_LIMIT]
    content["traceback"] = [str(row)[:ERROR_LIMIT] for row in content["traceback"][-50:]]


def _size(value: Any) -> int:
    """Bytes of all strings and numbers in the content of a message, as UTF-8."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, dict):
        return sum(_size(name) + _size(item) for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return sum(map(_size, value))
    return len(str(value))


def unreadable(outputs: list[dict[str, Any]]) -> str:
    """What is wrong with the form of a cell's text for those who render and read it.

    Empty when nothing is.
    """
    for text in (text for output in outputs for text in _texts(output)):
        longest = max(map(len, re.split(r"[\r\n]", text)))
        if longest > LINE_LIMIT:
            return f"the cell printed a line of {longest:,} characters, over {LINE_LIMIT:,}"
        if text.count("\b") > BACKSPACE_LIMIT:
            return f"the cell printed more than {BACKSPACE_LIMIT:,} backspaces"
    return ""


def _texts(output: dict[str, Any]) -> list[str]:
    """The strings of an output that are shown as text."""
    if output["output_type"] == "stream":
        return [output["text"]]
    if output["output_type"] == "error":
        return [output["evalue"], *output["traceback"]]
    return [text for text in [output["data"].get("text/plain")] if isinstance(text, str)]
