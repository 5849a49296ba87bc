"""Where a server is, and which key it gets."""
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

OWN_KEY, SHARED_KEY = "MISTRAL_EDU_API_KEY", "OPENAI_API_KEY"
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
ENDINGS = ("/chat/completions", "/completions", "/models")  # of addresses that were copied whole


@dataclass(frozen=True)
class Address:
    """http://localhost:8080/v1, taken apart. port: None for the scheme's own."""

    scheme: str
    host: str
    port: int | None
    path: str

    @property
    def place(self):
        """The machine and its port, for messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    def __str__(self):
        return f"{self.scheme}://{self.place}{self.path}"


def parse_address(text) -> Address:
    """The address that a user gives: scheme and /v1 may be missing, and the name of a request may follow.

    Raises ValueError for anything that is not the address of a server.

    >>> print(parse_address("localhost:8080"))
    http://localhost:8080/v1
    >>> print(parse_address("https://example.org/mistral/v1/chat/completions"))
    https://example.org/mistral/v1
    """
    expected = "expected one such as http://localhost:8080"
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError(f"{text!r} is not the address of a server; {expected}")
    whole = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(whole)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{text} is not the address of a server ({error}); {expected}") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"an address should hold no user or password; leave them out, and put a key into {OWN_KEY}")
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise ValueError(f"{text} is not the address of a server; {expected}")
    path = parts.path.rstrip("/")
    for ending in ENDINGS:
        path = path.removesuffix(ending)
    return Address(parts.scheme, host, port, path or "/v1")


def key_for(address):
    """The key to send, or None: $MISTRAL_EDU_API_KEY, else $OPENAI_API_KEY.

    The second is often set for another server. So it is sent only where nobody on the way can read it: over https, or
    within this machine.
    """
    names = [OWN_KEY]
    if address.scheme == "https" or address.host in THIS_MACHINE:
        names.append(SHARED_KEY)
    for name in names:
        if key := os.environ.get(name, "").strip():
            if not (key.isascii() and key.isprintable()):
                raise ValueError(f"{name} holds characters that no key has (it is not shown here); set it again")
            return key
    return None
