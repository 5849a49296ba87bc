"""The panel as a widget: its state, which panel.js draws.

It uses anywidget rather than boxes of ipywidgets: a field in which Enter sends and Shift+Enter does not, focus that
stays, and roles and names for screen readers take a few lines of JavaScript, and are impossible from Python.
"""
import time
from pathlib import Path

import anywidget
from IPython.display import DisplayHandle, display
from traitlets import Dict, List, Unicode

from mistral_edu.chat import encode_chat
from mistral_edu.lab.panel import drawing
from mistral_edu.lab.panel.actions import Acts
from mistral_edu.lab.panel.answering import warm_up
from mistral_edu.lab.panel.new_conversation import Beginnings
from mistral_edu.lab.panel.page_events import Reports
from mistral_edu.lab.panel.settings import NUMBERS
from mistral_edu.lab.showing.reruns import takes_the_place_of_earlier
from mistral_edu.lab.showing.widgets import close
from mistral_edu.language import _, translations_in

HERE = Path(__file__).parent
SCRIPT = HERE / "panel.js"
BETWEEN_DRAWINGS = 0.1          # seconds: each sends the whole answer again


class ChatPanel(Acts, Beginnings, Reports, anywidget.AnyWidget):
    """A chat in a cell; made by chat_panel(), which says what its arguments are.

    messages: the conversation, a plain list. chat: the Chat behind it, with model and tokenizer. status: what was last
    said below the conversation. busy: "answering", "loading" or "".
    """

    _esm, _css = SCRIPT, HERE / "panel.css"
    bubbles, models = List().tag(sync=True), List().tag(sync=True)
    answer, busy, status = Unicode().tag(sync=True), Unicode().tag(sync=True), Unicode().tag(sync=True)
    meter, settings = Dict().tag(sync=True), Dict().tag(sync=True)
    undoable, earlier = Unicode().tag(sync=True), Unicode().tag(sync=True)  # what Undo and Resume have to offer
    draft = Unicode().tag(sync=True)            # what is typed and not yet sent
    words = Dict().tag(sync=True)               # {English: translation} of what panel.js writes itself
    still, own_id = Dict().tag(sync=True), Unicode().tag(sync=True)         # for the page's file, see panel.js

    def __init__(self, session, messages, numbers):
        self.session, self.messages = session, messages
        self.talk, self.said, self.piece, self._left_out = None, "", None, 0
        self._before, self._earlier, self._seeds, self._drawn_with = [], [], [], None
        self._drawn, self._display, self._is_shown = 0.0, DisplayHandle(), False
        super().__init__(words=translations_in(SCRIPT.read_text(encoding="utf-8")))
        self.listen()
        self._follow(takes_the_place_of_earlier(self))
        self._draw(settings=self._settings(numbers), own_id=self.model_id)

    @property
    def chat(self):
        return self.session.chat

    @property
    def questions(self):
        return [message["content"] for message in self.messages if message["role"] == "user"]

    def let_go(self):
        self.stop()
        close(self)

    def _exchange(self, wanted):
        try:
            self.session.use(*wanted)
        except BaseException:
            self.session.use()          # the old one was dropped before the new one was loaded
            raise
        finally:
            if self.session.chat:
                self.session.chat.messages = self.messages

    def _begin(self, messages):
        """The question is there at once, and below it the answer grows."""
        self.said, self.piece, self._drawn = "", None, 0.0
        with self.hold_sync():
            self.bubbles, self.busy, self.status = drawing.bubbles(messages), "answering", ""
        self.send({"taken": True})

    def _show(self, piece):
        """Called after each step; draws at most ten times a second."""
        if piece is None:
            return
        self.said, self.piece, now = self.said + piece.text, piece, time.monotonic()
        if self.said and now - self._drawn >= BETWEEN_DRAWINGS:
            self._drawn = now
            with self.hold_sync():
                self.answer, self.meter = drawing.as_html.__wrapped__(self.said), self._meter()

    def _settings(self, numbers):
        session = self.session
        return {"model": session.name, "bits": session.bits, "window": session.window,
                **{name: numbers[name] for name in NUMBERS}, "system": self.chat and self.chat.system}

    def _meter(self):
        piece, drawn, config = self.piece, self._drawn_with, self.chat.model.config
        if self.busy and piece:
            return drawing.meter(piece.prompt_tokens + piece.generation_tokens, config, self._left_out, piece, drawn)
        read = self.chat.to_read()
        self._left_out = len(self.questions) - sum(message["role"] == "user" for message in read)
        used = len(encode_chat(read, self.chat.tokenizer)) if self.questions else 0
        return drawing.meter(used, config, self._left_out, piece, drawn)

    def _draw(self, **traits):
        """Set these traits, and what follows from the conversation, in one message; and update the still page."""
        with self.hold_sync():
            for name, value in traits.items():
                setattr(self, name, value)
            if self.chat and not self.busy:
                self.bubbles, self.meter = drawing.bubbles(self.messages), self._meter()
                self.earlier = self._offered()
                self.still = {"text/plain": drawing.plain(self.messages), "text/html": drawing.still(self.messages)}
        if self._is_shown:
            self._display.update(self.still, raw=True)

    def _ipython_display_(self):
        """First the conversation as it stands, for those who see no widget; then the widget, which hides it."""
        display(self.still, raw=True, display_id=self._display.display_id)
        self._is_shown = True
        self.soon(lambda: warm_up(self.chat))
        bundle = super()._repr_mimebundle_()
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        data["text/plain"] = _("[A chat, live once this cell is run. Above is what has been said.]")
        display(data, metadata=metadata, raw=True)
