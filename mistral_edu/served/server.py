"""Requests to a server, with the standard library alone; and messages for what can go wrong with them."""
import json
import socket
import ssl
import time
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection, IncompleteRead, RemoteDisconnected

from mistral_edu.served.address import OWN_KEY, SHARED_KEY, key_for, parse_address
from mistral_edu.served.events import BadAnswer, BrokenOff, parsed, pieces_of
from mistral_edu.served.words import complaint
from mistral_edu.text.harmless import harmless

LIMIT = 120.0    # seconds without a byte from the server, which may be reading a long prompt
MOST = 2**22     # bytes of a list of models, or of an error
NO_LIST = (404, 405, 501)
KEY_LENGTH = 4   # anything shorter could be part of any word, and is not a key


class ServerError(ValueError):
    """What a server does not do, or what keeps it from being reached."""


class Server:
    """An OpenAI-compatible server. url: as in parse_address. limit: seconds for which it may send nothing."""

    def __init__(self, url, limit=LIMIT):
        if not 0 < limit < float("inf"):
            raise ValueError(f"the time to wait should be a number of seconds above 0; got {limit}")
        self.address, self.limit = parse_address(url), limit
        self._key = key_for(self.address)

    def models(self):
        """The names of the models that it lists, perhaps none; None if it has no list at all."""
        with self._asked("GET", "/models") as response:
            if response.status in NO_LIST:
                return None
            self._check(response)
            text = response.read(MOST).decode("utf-8", errors="replace")
            if not text.strip():  # mlx-lm sends nothing if the hub's cache has not been made yet
                return []
            models = parsed(text).get("data")
            if not isinstance(models, list):
                raise BadAnswer("it sends no list of models; is this the address of an API? Most end in /v1")
        return [model["id"] for model in models if isinstance(model, dict) and isinstance(model.get("id"), str)]

    def answer(self, messages, model=None, **settings):
        """Yield the ServedPieces of an answer, as they come.

        messages: [{"role": ..., "content": ...}, ...]. model: None for the server's own, if it allows that.
        settings: of the request, such as max_tokens, temperature, top_p, seed, stop. Raises ServerError.
        """
        request = {"model": model, "messages": messages, "stream": True, "stream_options": {"include_usage": True},
                   **settings}
        began = time.monotonic()
        with self._asked("POST", "/chat/completions", {k: v for k, v in request.items() if v is not None}) as response:
            self._check(response, model)
            yield from pieces_of(response, began)

    @contextmanager
    def _asked(self, method, path, request=None):
        """The response to a request, whatever its status. What goes wrong while it is read becomes a ServerError."""
        kind = HTTPSConnection if self.address.scheme == "https" else HTTPConnection
        connection = kind(self.address.host, self.address.port, timeout=self.limit)
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream, application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        try:
            body = None if request is None else json.dumps(request, allow_nan=False).encode()
            connection.request(method, self.address.path + path, body, headers)
            yield connection.getresponse()
        except (OSError, HTTPException, BadAnswer, BrokenOff) as error:
            raise ServerError(self._without_key(self._in_words(error))) from error
        finally:
            connection.close()

    def _in_words(self, error) -> str:
        """Why there is no answer, and what to do. The order matters: earlier kinds are special cases of later ones."""
        place = self.address.place
        match error:
            case BadAnswer():
                return f"{place} is not understood: {error}"
            case ConnectionRefusedError():
                return f"nothing listens at {place}; start the server there, or name its port: --api http://HOST:PORT"
            case TimeoutError():
                return (f"{place} has sent nothing for {self.limit:g} s; it may be reading a long prompt, or be busy. "
                        "To wait longer: --timeout SECONDS")
            case socket.gaierror():
                return f"no machine is known by the name {self.address.host}; expected --api http://HOST:PORT"
            case ssl.SSLCertVerificationError():
                return f"the certificate of {place} is not trusted: {error.verify_message}"
            case ssl.SSLError():
                return f"{place} does not speak https; if it is yours, try http://{place}"
            case ConnectionResetError() | BrokenPipeError() | RemoteDisconnected():
                return f"{place} closed the connection without an answer; its own messages may say why"
            case BrokenOff() | IncompleteRead():
                return f"{place} closed the connection before the end of its answer"
            case HTTPException():
                return f"something listens at {place}, but it does not speak {self.address.scheme}; is the port right?"
        return f"{place} cannot be reached: {error.strerror or error}"

    def _check(self, response, model=None):
        """Raise ServerError for a response that is not an answer. model: what was asked for."""
        if response.status == 200:
            return
        said = complaint(response.read(MOST).decode("utf-8", errors="replace"))
        place, status = self.address.place, response.status
        names = {each.value: each.phrase for each in HTTPStatus}
        told = f"{place} answers {status} ({names.get(status, 'no known status').lower()}): {said}"
        if 300 <= status < 400:
            told = f"{place} sends us on to {harmless(response.headers.get('Location', 'nowhere'))}; give that address"
        elif status in (401, 403):
            told += (f". Its key is not the one that was sent; set {OWN_KEY}" if self._key else
                     f". No key was sent; set {OWN_KEY}, or, for https and this machine, {SHARED_KEY}")
        elif status == 404:
            told += self._what_there_is(model)
        raise ServerError(self._without_key(told))

    def _what_there_is(self, model) -> str:
        try:
            models = self.models()
        except ServerError:
            models = None
        if models is None:
            return f". Is {self.address} the address of an API? Most end in /v1"
        if not models or model in models:
            return ""
        there = ", ".join(map(harmless, models[:20])) + ", ..." * (len(models) > 20)
        return f". The model {harmless(model or '')!r} was asked for; there is: {there} (--model NAME)"

    def _without_key(self, text) -> str:
        """A server may send back the key that it was sent; even then it is not shown."""
        return text.replace(self._key, "***") if self._key and len(self._key) >= KEY_LENGTH else text
