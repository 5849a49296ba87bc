"""A model's own chat template: how those who trained a model further write a conversation down.

Beside the tokenizer lies a program in the language Jinja, in tokenizer_config.json, chat_template.jinja or
chat_template.json. It turns messages into one text, in which some names, such as <|im_start|>, are control tokens. The
program is a stranger's, so it runs in Jinja's sandbox; and what users write must stay text even where it reads like a
control token. So the template is rendered twice: with the messages, and with a placeholder for each. The second shows
which parts of the first are the template's own. Source of the rules: the documentation of transformers, "Chat
templates".
"""
import re
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from mistral_edu.checkpoints.errors import UnsupportedCheckpoint
from mistral_edu.checkpoints.json_file import read_json

SETTINGS, ALONE, AS_JSON = "tokenizer_config.json", "chat_template.jinja", "chat_template.json"
EDGE = "\u2003"  # a wide space on both sides of a placeholder: gone where a template strips its messages


def find_template(folder):
    """(source, file) of the template that lies in a folder, or None. A file of its own goes before the settings."""
    folder = Path(folder)
    if (folder / ALONE).is_file():
        return (folder / ALONE).read_text(encoding="utf-8", errors="replace"), folder / ALONE
    for name in (AS_JSON, SETTINGS):
        source = read_json(folder / name, missing={}).get("chat_template")
        if isinstance(source, list):  # several, each with its name
            named = {each.get("name"): each.get("template") for each in source if isinstance(each, dict)}
            source = named.get("default", next(iter(named.values()), None) if len(named) == 1 else None)
        if isinstance(source, str):
            return source, folder / name
    return None


def special_texts(folder) -> dict:
    """What a template knows as bos_token, eos_token, ...: from the tokenizer's settings, else Mistral's own."""
    settings = read_json(Path(folder) / SETTINGS, missing={})
    texts = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    for name, token in settings.items():
        token = token.get("content") if isinstance(token, dict) else token
        if name.endswith("_token") and isinstance(token, str):
            texts[name] = token
    return texts


class ChatTemplate:
    """A template, compiled. path: the file it stands in. texts: as special_texts gives them."""

    def __init__(self, source, path, texts):
        from jinja2 import TemplateError  # here: only a conversation needs it
        self.path, self.texts = path, texts
        try:
            self._template = sandbox().from_string(source)
        except (TemplateError, RecursionError) as error:
            raise UnsupportedCheckpoint(f"{path}: the chat template is not valid Jinja ({error}); fetch the file "
                                        "again, or name the format: version=\"v3\", for instance") from error

    def render(self, messages, answer_follows) -> str:
        """The conversation as one text. Raises ValueError where the template refuses it or fails."""
        try:
            return self._template.render(messages=messages, add_generation_prompt=answer_follows, **self.texts)
        except Refused as error:
            raise ValueError(f"the model's chat template ({self.path}) refuses these messages: {error}") from error
        except Exception as error:  # whatever a stranger's program may raise
            raise ValueError(f"the model's chat template ({self.path}) fails on these messages: {error!r}") from error

    def parts(self, messages, answer_follows) -> list:
        """The same in parts [(text, is_the_users), ...]: what a message says, and what the template writes around it.

        Raises ValueError, too, where the template changes what a message says, other than by stripping its ends: then
        nobody can tell which marks are the template's.
        """
        names = {uuid4().hex: message["content"] for message in messages}
        masked = [{**message, "content": f"{EDGE}{name}{EDGE}"} for message, name in zip(messages, names)]
        skeleton, parts, at = self.render(masked, answer_follows), [], 0
        for found in re.finditer(f"({EDGE}?)({'|'.join(names)})({EDGE}?)", skeleton):
            text = names[found[2]]
            text = text if found[1] else text.lstrip()
            text = text if found[3] else text.rstrip()
            parts += [(skeleton[at:found.start()], False), (text, True)]
            at = found.end()
        parts.append((skeleton[at:], False))
        if "".join(text for text, _ in parts) != self.render(messages, answer_follows):
            raise ValueError(f"the model's chat template ({self.path}) rewrites what a message says, so that a user's "
                             "text can't be told from the template's marks; send ids of your own, or name the format: "
                             'version="v3", for instance')
        return parts


class Refused(Exception):
    """What a template raises itself, about messages that it does not take."""


def sandbox():
    """Jinja as transformers sets it up: blocks leave no line, a few functions more. A template can change nothing."""
    import jinja2.ext
    from jinja2.nodes import Scope
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(jinja2.ext.Extension):
        """{% generation %} ... {% endgeneration %} marks an answer for a training; the text stays as it is."""
        tags = {"generation"}

        def parse(self, parser):
            line = next(parser.stream).lineno
            return Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True), lineno=line)

    def refuse(message):
        raise Refused(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                                extensions=[jinja2.ext.loopcontrols, Generation])
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "sort_keys": False}
    environment.globals |= {"raise_exception": refuse, "strftime_now": lambda form: datetime.now().strftime(form)}
    return environment
