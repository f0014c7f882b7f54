"""A server on this machine that answers requests from a table and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: str

    @property
    def everything(self) -> str:
        """All that left the program."""
        return repr(self)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it goes over the wire; ``body`` as JSON unless it is text already."""

    body: Any = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return text.encode()


Answer = Callable[[Request], Reply]
Answers = Mapping[str, Answer]


@dataclass(slots=True)
class Server:
    url: str
    answers: dict[str, Answer]
    requests: list[Request] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        known = self.answers.get(request.path) or self.answers.get("*")
        if known is None:
            return Reply({"unknown": request.path}, 404)
        try:
            return known(request)
        except Exception as fault:  # noqa: BLE001 - of the test, which hears of it in the end
            self.faults.append(fault)
            return Reply(status=500)

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]


@contextmanager
def serving(answers: Answers) -> Generator[Server]:
    """A running server; a path ``*`` answers for all others."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length).decode()
            asked = dict(parse_qsl(parts.query, keep_blank_values=True))
            headers = {key.lower(): value for key, value in self.headers.items()}
            reply = server.answer(Request(self.command, parts.path, asked, headers, body))
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in reply.headers:
                self.send_header("Content-Length", str(len(reply.content)))
            self.end_headers()
            self.wfile.write(reply.content)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Tests look at what was asked instead."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Whoever asked has gone, which some tests are about."""

    http = Quiet(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{http.server_address[1]}", dict(answers))
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
    assert not server.faults, server.faults
