"""A server for browsers on this machine: the page around a report, the report's files, and how far the study is.

    /                  the page, which shows the report in a frame and asks every second whether there is a newer one
    /status            how far the study is, as JSON
    /report/<file>     a file of the newest report, or of ?version=N where it is kept

It listens on 127.0.0.1 alone and answers GET requests alone, and only those whose Host is this machine: a page from
elsewhere whose name was made to lead here (DNS rebinding) gets nothing.  What it serves lies in memory under its exact
path, so no path leads to a file of the disk.
"""

import base64
import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from urllib.parse import unquote, urlsplit

from handgrad.errors import InputError
from handgrad.report.live.live_report import LiveReport

ADDRESS = "127.0.0.1"
NAMES = (ADDRESS, "localhost")  # by which a browser of this machine calls it
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".csv": "text/csv; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".tex": "text/x-tex; charset=utf-8",
}
ALWAYS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
FRAMED = "frame-ancestors 'self'"  # beside what a report itself says in its <meta>


class LiveServer(ThreadingHTTPServer):
    """Serves the snapshot of a `LiveReport`.

    asked: when a page last asked for the status (`time.monotonic`);  stays: whether it goes on where nothing
    more comes.
    """

    daemon_threads = True
    allow_reuse_address = os.name == "posix"  # a port is free again at once; elsewhere two servers would share it

    def __init__(self, report: LiveReport, port: int = 0) -> None:
        """port: 0 for a free one.  Raises InputError where it is taken or may not be used."""
        self.report = report
        self.page, self.policy = live_page(report.folder.name)
        self.asked = float("-inf")
        self.stays = False
        try:
            super().__init__((ADDRESS, port), _Handler)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise InputError(
                f"port {port} of {ADDRESS} cannot be used ({why}); choose another one with --port, or leave it out for "
                "a free one"
            ) from None

    @property
    def was_asked(self) -> bool:
        """Whether a page was ever opened."""
        return self.asked > float("-inf")

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://{ADDRESS}:{self.server_port}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a browser that went away in the middle of an answer."""


@contextmanager
def serving(report: LiveReport, port: int = 0) -> Iterator[LiveServer]:
    """A server that answers until the end of the block.  Raises InputError as `LiveServer`."""
    server = LiveServer(report, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: LiveServer
    server_version, sys_version = "handgrad", ""
    timeout = 30.0  # seconds for a browser to say what it wants

    def do_GET(self) -> None:
        if not self._is_meant():
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST, f"ask for {self.server.url}")
            return
        asked = urlsplit(self.path)
        path = unquote(asked.path)
        snapshot = self.server.report.at(asked.query.removeprefix("version="))
        if path == "/":
            self._answer(self.server.page, ".html", self.server.policy)
        elif path == "/status":
            self.server.asked = time.monotonic()
            status = {**self.server.report.snapshot.status(), "stays": self.server.stays}
            self._answer(json.dumps(status).encode(), ".json")
        elif (content := snapshot.files.get(path.removeprefix("/report/"))) is not None and path.startswith("/report/"):
            self._answer(content, path[path.rfind(".") :], FRAMED)
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such page here")

    def _is_meant(self) -> bool:
        """Whether the request was sent to this server by its own name."""
        return self.headers.get_all("Host", []) in [[f"{name}:{self.server.server_port}"] for name in NAMES]

    def _answer(self, content: bytes, kind: str, policy: str = "default-src 'none'") -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", KINDS.get(kind, "application/octet-stream"))
        if kind not in (".html", ".json"):
            self.send_header("Content-Disposition", "attachment")  # the page stays in its frame
        self._end(content, policy)

    def _refuse(self, code: HTTPStatus, text: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        if code is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET")
        self.close_connection = True
        self._end(f"{text}\n".encode(), "default-src 'none'")

    def _end(self, content: bytes, policy: str) -> None:
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", policy)
        for name, value in ALWAYS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _only_get(self) -> None:
        self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "only GET is answered")

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_TRACE = do_CONNECT = _only_get

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing is logged: the terminal is the study's."""


def live_page(name: str) -> tuple[bytes, str]:
    """(the page, its content security policy): it may ask this server alone, and show only its reports in a frame."""
    import jinja2
    from markupsafe import Markup

    here = resources.files("handgrad.report.live")
    style, script = (here.joinpath(file).read_text("utf-8") for file in ("live.css", "live.js"))
    template = here.joinpath("live.html.j2").read_text("utf-8")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    text = environment.from_string(template).render(name=name, style=Markup(style), script=Markup(script))
    policy = (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; connect-src 'self'; "
        "frame-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return text.encode(), policy


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
