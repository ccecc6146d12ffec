"""A local HTTP server, with and without byte ranges, that counts what it sends."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """The files of a server by their names, and the bytes that it has sent."""

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    """Whether requests for a range get the range; otherwise they get the whole file."""
    sent: int = 0
    requests: int = 0
    url: str = ""


@contextlib.contextmanager
def serve(**files: bytes) -> Iterator[Served]:
    """Serve files at ``served.url``; a name has ``_`` in place of the dot."""
    served = Served({name.replace("_", ".", 1): content for name, content in files.items()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(served))
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(served: Served) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers HEAD and GET."""

        def do_HEAD(self) -> None:
            self._answer(with_content=False)

        def do_GET(self) -> None:
            self._answer(with_content=True)

        def _answer(self, with_content: bool) -> None:
            served.requests += 1
            content = served.files.get(self.path.lstrip("/").partition("?")[0])
            if content is None:
                self.send_error(404)
                return
            part, status = content, 200
            wanted = self.headers.get("Range")
            if wanted and served.ranges:
                first, _, last = wanted.removeprefix("bytes=").partition("-")
                part, status = content[int(first) : int(last) + 1 if last else None], 206
            self.send_response(status)
            self.send_header("Content-Length", str(len(part)))
            self.send_header("ETag", f'"{hash(content)}"')
            if status == 206:
                end = int(first) + len(part) - 1
                self.send_header("Content-Range", f"bytes {first}-{end}/{len(content)}")
            self.end_headers()
            if with_content:
                served.sent += len(part)
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(part)

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    return Handler
