"""Servers for tests, in the process of the test: LocalServer begins and ends one, SmallServer is one for `--api`."""
import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODELS = ["small", "large"]
POLL = 0.01  # seconds that a server may take to notice that its test is over; by default it is half a second


class LocalServer:
    """In a with block: .url leads there. on_get(handler) answers GET and HEAD, on_post(handler) POST."""

    def __enter__(self):
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                served.on_get(self)

            do_HEAD = do_GET

            def do_POST(self):
                served.on_post(self)

            def log_message(self, *args):
                pass

        self.server = QuietServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(POLL,), daemon=True).start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"


class SmallServer(LocalServer):
    """In a with block: .url leads there, .asked lists (path, headers, request) of everything asked.

    answer(handler): what a question gets; one of the functions below, or one like them. models: what it lists.
    """

    def __init__(self, answer, models=MODELS):
        self.answer, self.models, self.asked = answer, models, []

    def on_get(self, handler):
        self.asked.append((handler.path, dict(handler.headers), None))
        if self.models is None:
            say(404, "Not Found")(handler)
        else:
            say(200, {"object": "list", "data": [{"id": name} for name in self.models]})(handler)

    def on_post(self, handler):
        handler.request_json = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        self.asked.append((handler.path, dict(handler.headers), handler.request_json))
        self.answer(handler)

    @property
    def questions(self):
        """The requests for an answer."""
        return [request for _, _, request in self.asked if request is not None]


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        """A client that goes away is no news."""


class RawServer(socketserver.ThreadingTCPServer):
    """In a with block: a server that sends these bytes to whoever comes, and then waits until the test is over."""
    daemon_threads = allow_reuse_address = True

    def __init__(self, data):
        self.data, self.over = data, threading.Event()
        super().__init__(("127.0.0.1", 0), None)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def finish_request(self, request, address):
        if self.data is None:
            self.over.wait(60)
        else:
            request.recv(65536)
            request.sendall(self.data)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(POLL,), daemon=True).start()
        return self

    def __exit__(self, *error):
        self.over.set()
        self.shutdown()
        self.server_close()


def say(status, content, kind="application/json", **headers):
    """An answer at once: content is an object, for JSON, or a text."""
    def answer(handler):
        data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        handler.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)
    return answer


def chunk(text=None, finish_reason=None, **more):
    delta = {} if text is None else {"role": "assistant", "content": text}
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}], **more}


def event(data):
    return f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


def stream(*parts):
    """Server-sent events: each part an object, for JSON, a text, for the data as it is, or bytes, for all of it.

    A part that is a function is called, so that a test can do something in between.
    """
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream; charset=utf-8")
        handler.end_headers()
        for part in parts:
            if callable(part):
                part()
            else:
                handler.wfile.write(part if isinstance(part, bytes) else event(part))
                handler.wfile.flush()
    return answer


def whole(*texts, usage=None):
    """A stream of these texts with all that belongs to it."""
    last = [{"choices": [], "usage": usage}] if usage else []
    return stream(*map(chunk, texts), chunk(finish_reason="stop"), *last, "[DONE]")
