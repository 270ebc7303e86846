"""A web server on this machine, with the faults that real ones have."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace


@contextmanager
def web(files: dict[str, bytes], *, cut: int | None = None, ranges: bool = True, claim: int | None = None):
    """Serve bytes by path on the loopback.

    Parameters
    ----------
    files : dict of str to bytes
        Content by path, with the leading slash; may be changed while it is served.
    cut : int, optional
        Each answer ends after so many bytes, though more were announced.
    ranges : bool
        Whether the server goes on where it is asked to.
    claim : int, optional
        The length that answers announce, in place of the true one.

    Yields
    ------
    SimpleNamespace
        ``url``, and ``asked``: path and range of every request.
    """
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            wanted = self.headers.get("Range")
            asked.append((self.path, wanted))
            if self.path not in files:
                return self.send_error(404)
            content = files[self.path]
            first = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and ranges else 0
            if first >= len(content) > 0:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                return self.end_headers()
            self.send_response(206 if first else 200)
            if first:
                self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(claim or len(content) - first))
            self.end_headers()
            self.wfile.write(content[first:][:cut])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield SimpleNamespace(url=f"http://127.0.0.1:{server.server_port}", asked=asked, files=files)
    finally:
        server.shutdown()
        server.server_close()
