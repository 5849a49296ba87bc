"""A Hugging Face hub for tests: a server on this machine that hands out the files of one folder as a model.

It answers what huggingface_hub asks: what a revision is, which files it has, and the files. HF_ENDPOINT leads there.
"""
import hashlib
import json
import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from small_server import LocalServer

NAME = "somebody/small-mistral"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(LocalServer):
    """In a with block: .asked lists (method, path, token) of each request, .environment is for the asking process."""

    def __init__(self, folder, cache, revisions=("main", "v2"), token=None):
        self.folder, self.cache, self.revisions, self.token = Path(folder), Path(cache), revisions, token
        self.asked = []

    @property
    def environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        return kept | {"HF_ENDPOINT": self.url, "HF_HOME": str(self.cache),
                       "NO_PROXY": "*", "no_proxy": "*"}

    @property
    def fetched(self):
        """The names of the files whose content was asked for."""
        return {path.rsplit("/", 1)[1] for method, path, _ in self.asked if method == "GET" and "/resolve/" in path}

    def on_get(self, request):
        path = unquote(urlsplit(request.path).path)
        token = request.headers.get("Authorization")
        self.asked.append((request.command, path, token))
        if self.token and token != f"Bearer {self.token}":
            return self.send(request, 401, b'{"error": "Access is restricted"}', {"X-Error-Code": "GatedRepo"})
        match path.strip("/").split("/"):
            case ["api", "models", *name, "revision", revision] if "/".join(name) == NAME:
                if revision in (*self.revisions, COMMIT):
                    files = [{"rfilename": file.name} for file in self.folder.iterdir()]
                    return self.send_json(request, {"id": NAME, "modelId": NAME, "sha": COMMIT, "siblings": files,
                                                    "private": False, "tags": [], "downloads": 0, "likes": 0})
                return self.send(request, 404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            case ["api", "models", *name, "tree", _] if "/".join(name) == NAME:
                return self.send_json(request, [{"type": "file", "path": file.name, "size": file.stat().st_size,
                                                 "oid": etag(file)} for file in self.folder.iterdir()])
            case [*name, "resolve", _, file] if "/".join(name) == NAME and (self.folder / file).is_file():
                content = (self.folder / file).read_bytes()
                return self.send(request, 200, content, {"ETag": f'"{etag(self.folder / file)}"',
                                                         "X-Repo-Commit": COMMIT})
        return self.send(request, 404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def send_json(self, request, value):
        self.send(request, 200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def send(self, request, code, content, headers):
        request.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            request.send_header(name, value)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(content)


def etag(file):
    return hashlib.sha1(file.read_bytes()).hexdigest()
