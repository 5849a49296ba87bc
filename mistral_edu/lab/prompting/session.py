"""One model and one conversation, which all cells of a page share."""
from contextlib import closing

from mistral_edu.chat import encode_chat
from mistral_edu.checkpoints.errors import CheckpointError
from mistral_edu.checkpoints.json_file import read_json
from mistral_edu.checkpoints.loading import load, load_config
from mistral_edu.checkpoints.window import window_size
from mistral_edu.conversation import Chat
from mistral_edu.generate import stream_generate
from mistral_edu.language import _, ngettext


class Session:
    """Loads a model at the first question, and keeps it until another is named, which begins a new conversation.

    `chat` is the conversation (None without a model); `name`, `bits` and `window` say what is loaded, or will be.
    """

    def __init__(self):
        self.name, self.bits, self.window, self.chat = "tiny", None, "config", None

    def use(self, name=None, bits=None, window=None):
        """Make sure that this model is loaded; without a name, the one in use. Other settings not given stay, too.

        bits: 8 or 4, None as stored. window: a width, "none" for full attention, "config" as published.

        The old model is dropped before the new one is loaded: two may not fit into memory. A name that cannot be loaded
        at all is detected before that.
        """
        before = (name, None, "config") if name else (self.name, self.bits, self.window)
        wanted = (before[0], bits or before[1], before[2] if window is None else window)
        if self.chat is not None and wanted == (self.name, self.bits, self.window):
            return
        name, bits, window = wanted
        load_config(name, window_size(window))
        self.unload()
        self.chat = Chat(*load(name, window_size=window_size(window), bits=bits), keep="latest")
        self.name, self.bits, self.window = wanted

    def ask(self, prompt, raw=False, **settings):
        """The answer, as a generator of Pieces. If it is closed, the part already given stays in the conversation.

        The question just answered, asked again, is one turn and not two: whoever runs a cell again means the same
        question. If that gives not a single word, the earlier answer stays. raw: outside the conversation.
        """
        chat = self.chat
        if raw:
            yield from stream_generate(chat.model, chat.tokenizer, prompt, raw=True, **settings)
            return
        before, asked_again = list(chat.messages), self.questions()[-1:] == [prompt]
        if asked_again:
            chat.undo()
        n_messages = len(chat.messages)
        try:
            with closing(chat.stream(prompt, **settings)) as pieces:
                yield from pieces
        finally:
            if asked_again and len(chat.messages) == n_messages:
                chat.messages[:] = before

    def questions(self):
        return [message["content"] for message in self.chat.messages if message["role"] == "user"]

    def reset(self):
        """Begin a new conversation, with the same model."""
        if self.chat is not None:
            self.chat = Chat(self.chat.model, self.chat.tokenizer, keep="latest")

    def unload(self):
        self.chat = None

    def status(self) -> str:
        """Two lines: the model, and how far the conversation is."""
        if self.chat is None:
            return _("model         none is loaded; the next question loads {name}", name=self.name)
        config = self.chat.model.config
        turns = len(self.questions())
        n_tokens = len(encode_chat(self.chat.to_read(), self.chat.tokenizer)) if turns else 0
        weights = _("{n} bit", n=self.bits) if self.bits else _("weights as stored")
        lines = [_("model         {name}, {weights}, window {window}", name=self.name, weights=weights,
                   window=config.window_size or "none"),
                 ngettext("conversation  {n} turn, {tokens:,} of {context:,} tokens",
                          "conversation  {n} turns, {tokens:,} of {context:,} tokens", turns, tokens=n_tokens,
                          context=config.context_len)]
        lines += [_("system        {text}", text=self.chat.system)] if self.chat.system else []
        return "\n".join(lines)


def models() -> list[str]:
    """Names that load without a download: tiny, and models of Mistral's architecture in the Hugging Face cache."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound
    try:
        repos = scan_cache_dir().repos
    except CacheNotFound:
        repos = ()
    return ["tiny", *sorted(repo.repo_id for repo in repos if repo.repo_type == "model"
                            and any(is_mistral(revision.snapshot_path) for revision in repo.revisions))]


def is_mistral(folder) -> bool:
    """Whether a folder holds weights, and a config.json of this architecture."""
    try:
        described = read_json(folder / "config.json", missing={})
    except CheckpointError:
        return False
    return described.get("model_type") == "mistral" and any(folder.glob("*.safetensors"))
