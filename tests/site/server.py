"""A static host as readers meet it: gzip, caching, the headers of `_headers`, loopback only.

It counts the bytes it sends.
"""

from __future__ import annotations

import gzip
import threading
from functools import lru_cache
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PACKED = (".html", ".css", ".js", ".svg", ".json", ".ipynb")


@lru_cache(maxsize=512)
def packed(path: str, mtime_ns: int) -> bytes:
    return gzip.compress(Path(path).read_bytes(), 6)


class Host:
    """`with Host(folder) as host: host.url`; `host.sent` is a list of (path, bytes of body)."""

    def __init__(self, folder: Path) -> None:
        self.sent: list[tuple[str, int]] = []
        host = self
        lines = (
            (folder / "_headers").read_text(encoding="utf-8").splitlines()[1:]
        )  # as hosts do that read this file
        headers = dict(line.strip().split(": ", 1) for line in lines)

        class Handler(SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __init__(self, *args, **kwargs):
                super().__init__(*args, directory=str(folder), **kwargs)

            def log_message(self, *args):
                pass

            def do_GET(self):
                path = Path(self.translate_path(self.path))
                if path.is_dir():
                    path = path / "index.html"
                if not path.is_file():
                    body = (folder / "404.html").read_bytes()
                    status = 404
                    path = folder / "404.html"
                else:
                    body = path.read_bytes()
                    status = 200
                zipped = path.suffix in PACKED and "gzip" in self.headers.get("Accept-Encoding", "")
                if zipped:
                    body = packed(str(path), path.stat().st_mtime_ns)
                self.send_response(status)
                self.send_header(
                    "Content-Type",
                    self.guess_type(str(path))
                    + ("; charset=utf-8" if path.suffix in (".html", ".js", ".css") else ""),
                )
                self.send_header("Content-Length", str(len(body)))
                self.send_header(
                    "Cache-Control", "public, max-age=600" if path.suffix != ".html" else "no-cache"
                )
                if zipped:
                    self.send_header("Content-Encoding", "gzip")
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                host.sent.append((self.path, len(body)))

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> Host:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown()
        self.server.server_close()
