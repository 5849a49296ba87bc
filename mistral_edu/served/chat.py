"""A conversation with a model on a server."""
from mistral_edu.conversation import Conversation
from mistral_edu.sampling import Sampling
from mistral_edu.served.server import ServerError
from mistral_edu.text.harmless import harmless

# Values that change nothing. OpenAI's protocol has no place for three of these; mlx-lm, vLLM and SGLang know them.
UNSENT = {"top_k": (0,), "min_p": (0,), "repetition_penalty": (1,), "stop": ([], ()), "seed": (None,)}


class ServedChat(Conversation):
    """Like Chat, with a Server in place of model and tokenizer; the server sees the whole conversation each time.

    model: the server's name for it; None lets the server choose. settings: as in stream_generate.
    """

    def __init__(self, server, model=None, system=None, **settings):
        super().__init__(system, settings)
        self.server, self.model = server, model

    def _pieces(self, settings):
        Sampling.among(settings)        # refuses what is out of range, here rather than at the server
        request = {name: value for name, value in settings.items() if value not in UNSENT.get(name, ())}
        came = False
        try:
            for piece in self.server.answer(self.messages, self.model, **request):
                came = came or bool(piece.text)
                yield piece
        except ServerError as error:
            raise ServerError(f"{error}. What arrived of the answer is kept") if came else error from None


def served_model(models):
    """Which of a server's models to ask for if the user names none: its folder, if it lists one, else the first.

    mlx-lm lists the models in the hub's cache before the folder that it was started with, and would load any of them.

    >>> served_model(["hub/another", "/home/me/mistral-4bit"]), served_model(["one", "two"]), served_model([])
    ('/home/me/mistral-4bit', 'one', None)
    """
    return next((name for name in models if name.startswith("/")), models[0] if models else None)


def served_stats(piece, chat) -> str:
    """A line on the last answer: tokens as the server counts them, times as they were here."""
    read, written, kept = (counted(piece.usage, *names) for names in (
        ("prompt_tokens",), ("completion_tokens",), ("prompt_tokens_details", "cached_tokens")))
    if written is None:
        written = piece.n_pieces
        told = f"{written} piece{'s' * (written != 1)} came, whose tokens the server did not count"
    else:
        told = f"{read} tokens read{f' ({kept} kept from before)' if kept else ''}, {written} written, by its own count"
    rate = f", then {(written - 1) / piece.writing:.1f} per second" if written > 1 and piece.writing else ""
    model = f"{harmless(chat.model or 'the model')} at {chat.server.address}"
    return f"[{model}: {told}; the first after {piece.first:.2f} s{rate}]"


def counted(usage, *names):
    """The number under these names in a server's count, or None."""
    for name in names:
        usage = usage.get(name) if isinstance(usage, dict) else None
    return usage if isinstance(usage, int) else None
