"""A new conversation, and the way back to the one before it."""
from mistral_edu.conversation import Chat
from mistral_edu.lab.panel.settings import NUMBERS, conversation, number, weight_bits, width
from mistral_edu.lab.prompting.session import Session
from mistral_edu.language import N_, _, ngettext


class Beginnings:
    """For ChatPanel. `undoable` names the act that Undo would take back, and `earlier` what Resume would bring back."""

    def clear(self):
        """Begin a new conversation, with the same instructions and the same model."""
        self._check_ready()
        self._before, self.piece = list(self.messages), None
        self.messages[:] = [message for message in self.messages if message["role"] == "system"]
        self.send({"cell": ""})                 # what was exported goes, too
        self._draw(status=_("The conversation is cleared."), undoable=N_("Clear"))

    def undo(self):
        """Take back the last Edit, Regenerate, Clear or Resume."""
        self._check_ready()
        if not self.undoable:
            raise ValueError(_("there is nothing to take back"))
        self.messages[:], self.piece = self._before, None
        self._draw(status=_("{act} is taken back.", act=_(self.undoable)), undoable="")

    def resume(self):
        """Go on with the conversation that was in this cell before it ran again. Undo brings the present one back."""
        self._check_ready()
        if not self.earlier:
            raise ValueError(_("this cell has no earlier conversation to resume"))
        self._before, self.piece = list(self.messages), None
        self.messages[:] = self._earlier
        self._draw(status=_("The earlier conversation goes on."), undoable=N_("Resume"))

    def _follow(self, panels):
        """Offer to resume what was said in these panels, which this one has replaced."""
        self._earlier = next((panel.messages or panel._earlier for panel in panels
                              if isinstance(panel, Beginnings) and (panel.questions or panel._earlier)), [])
        if offered := self._offered():
            self.status = _("A new conversation has begun. The one before it in this cell can be resumed: {length}.",
                            length=offered)

    def _offered(self) -> str:
        """How long the earlier conversation is, in words, unless it is the beginning of the present one."""
        if self.messages[:len(self._earlier)] == self._earlier:
            return ""
        n = sum(message["role"] == "user" for message in self._earlier)
        return ngettext("{n} turn", "{n} turns", n)


def afresh(model, bits, window, messages, system=None, **numbers):
    """What a new panel needs: (session, messages, settings). Raises ValueError before a model is loaded for nothing."""
    numbers = {name: number(name, value) for name, value in numbers.items()}
    messages = conversation(messages)
    session = Session()
    session.use(str(model), weight_bits(bits), width(window))
    session.chat.messages = messages
    if system is not None:
        session.chat.system = system
    return session, messages, numbers


def taken_over(panel):
    """What a new panel needs in order to go on where this one is now."""
    panel._check_ready()
    session = Session()
    session.name, session.bits, session.window = panel.session.name, panel.session.bits, panel.session.window
    session.chat = Chat(panel.chat.model, panel.chat.tokenizer, keep="latest")     # of its own, around the same model
    messages = session.chat.messages = list(panel.messages)
    return session, messages, {name: panel.settings[name] for name in NUMBERS}
