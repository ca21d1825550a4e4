"""A small Hugging Face of one's own: serves folders the way huggingface_hub asks for them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def serving(models: dict[str, Path]) -> Iterator[tuple[str, list[str]]]:
    """Its address, and the files of which the content was asked for, as `OWNER/NAME/FILE`."""
    asked: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_content=False)

        def do_GET(self) -> None:
            self._answer(with_content=True)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the terminal clean."""

        def _answer(self, *, with_content: bool) -> None:
            parts = self.path.partition("?")[0].strip("/").split("/")
            name = "/".join(parts[2:4] if parts[0] == "api" else parts[:2])
            folder = models.get(name)
            if folder is None:
                self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"}, with_content=True)
            elif parts[0] == "api":
                tree = parts[4:5] == ["tree"]
                about = _tree(folder) if tree else {"id": name, "sha": COMMIT, **_names(folder)}
                self._send(200, json.dumps(about).encode(), {}, with_content=with_content)
            else:
                file = folder / parts[-1]
                data = file.read_bytes()
                if with_content:
                    asked.append(f"{name}/{file.name}")
                tag = hashlib.sha256(data).hexdigest()
                headers = {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT}
                self._send(200, data, headers, with_content=with_content)

        def _send(
            self, code: int, body: bytes, headers: dict[str, str], *, with_content: bool
        ) -> None:
            self.send_response(code)
            for key, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(key, value)
            self.end_headers()
            if with_content:
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _names(folder: Path) -> dict[str, Any]:
    return {"siblings": [{"rfilename": file.name} for file in sorted(folder.iterdir())]}


def _tree(folder: Path) -> list[dict[str, Any]]:
    return [
        {
            "type": "file",
            "path": file.name,
            "size": file.stat().st_size,
            "oid": hashlib.sha1(file.read_bytes(), usedforsecurity=False).hexdigest(),
        }
        for file in sorted(folder.iterdir())
    ]
