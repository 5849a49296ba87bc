"""What a reader can do in the panel, button by button; code can do the same.

Each raises ValueError if it cannot be done, and says in `status` what it did. Only stop() is possible while an answer
is being written.
"""
import asyncio
from itertools import count

from mistral_edu.lab.panel import export, settings
from mistral_edu.lab.panel.answering import Talk, steps, until
from mistral_edu.lab.prompting.reply import ENDINGS
from mistral_edu.lab.prompting.session import models
from mistral_edu.language import N_, _, ngettext


class Acts:
    """For ChatPanel, which has `session`, `messages`, `settings`, `status`, `busy` and the drawing."""

    async def ask(self, text) -> str:
        """Send a message and return the answer, or as much of it as came before a stop."""
        return await self._answer(text, back=text)

    async def edit(self, turn, text) -> str:
        """Reword question number `turn`, counted from 0, and ask it. What followed it is dropped."""
        until(self.messages, turn)
        n = len(self.questions) - turn - 1
        note = _("Question {number} was changed.", number=turn + 1) if n == 0 else ngettext(
            "Question {number} was changed, and the {n} turn after it dropped.",
            "Question {number} was changed, and the {n} turns after it dropped.", n, number=turn + 1)
        return await self._answer(text, turn, N_("Edit"), note, back=text)

    async def regenerate(self) -> str:
        """Answer the last question again, with another seed for this answer if chance plays a part in it."""
        if not self.questions:
            raise ValueError(_("there is no answer to write again yet; ask something first"))
        note = _("Written again. At temperature 0 the same model gives the same answer; raise it for another one.")
        seed = self.settings["seed"]
        if self.settings["temperature"] > 0:
            seed = next(seed for seed in count(seed) if seed not in self._seeds)
            note = _("Written again with seed {seed}; further questions keep to seed {kept}.", seed=seed,
                     kept=self.settings["seed"])
        return await self._answer(self.questions[-1], len(self.questions) - 1, N_("Regenerate"), note, seed=seed)

    def stop(self):
        """End the answer after its next token; what was written stays. Only sets a flag, so any thread may call it."""
        if self.talk:
            self.talk.stop()

    def set(self, name, value):
        """Set temperature, top_p, seed, max_tokens, or system: the instructions, "" for none."""
        self._check_ready()
        if name == "system":
            self.chat.system = value = str(value or "").strip() or None
        elif name in settings.NUMBERS:
            value = settings.number(name, value)
        else:
            raise ValueError(f"{name} cannot be set; expected system or one of {', '.join(settings.NUMBERS)}")
        words = _("empty") if value is None else value
        self._draw(status=_("{name} is {value} from here on.", name=name, value=words),
                   settings=self._settings({**self.settings, name: value}))

    async def load(self, model, bits=None, window="config"):
        """Go on with another model and the same conversation. If it cannot be loaded, the one in use stays."""
        self._check_free()
        wanted = str(model).strip(), settings.weight_bits(bits), settings.width(window)
        self._draw(busy="loading", status=_("Loading {name}.", name=wanted[0]))
        status = _("Loading was interrupted.")
        try:
            await asyncio.to_thread(self._exchange, wanted)     # cells run meanwhile
            status = _("{name} is loaded, and goes on with this conversation.", name=wanted[0])
        except (ValueError, OSError) as error:
            status = _("{name} could not be loaded, so {kept} stays: {error}", name=wanted[0], kept=self.session.name,
                       error=error)
            raise ValueError(status) from error
        finally:
            self._draw(busy="", status=status, settings=self._settings(self.settings))

    def export(self, kind) -> str:
        """kind "cell": the code of a cell that shows this panel again; "json": a file, whose name is returned."""
        self._check_ready()
        if kind not in ("cell", "json"):
            raise ValueError(f'kind should be "cell" or "json"; got {kind!r}')
        if kind == "json":
            result = str(export.as_file(self.messages))
            self.status = _("Saved as {file}, in the notebook's folder.", file=result)
        else:
            result = export.as_cell(self.messages, self.settings)
            self.send({"cell": result})
            self.status = _("The code below makes a cell that shows this conversation; copy it.")
        return result

    async def find_models(self):
        """Note in `models` which names load without a download."""
        self.models = await asyncio.to_thread(models)

    async def _answer(self, text, turn=None, act="", note="", back="", **other):
        """act: what Undo would take back. note: what to say at the end. back: put back into the field if no word comes.

        other: settings for this answer alone.
        """
        self._check_ready()
        if not text.strip():
            raise ValueError(_("there is nothing to send; write a message first"))
        before, kept = list(self.messages), until(self.messages, turn)
        chosen = {name: self.settings[name] for name in settings.NUMBERS} | other
        self._seeds = [*self._seeds * (act == "Regenerate"), chosen["seed"]]
        self._drawn_with = chosen["seed"] if chosen["temperature"] > 0 else None
        talk = self.talk = Talk(steps(self.chat, text, turn, **chosen), self._show)
        self._begin([*kept, {"role": "user", "content": text}])
        status = _("The answer ended in an error.")
        try:
            await talk.to_its_end()
            status = self._ending(note, talk.hints)
        except asyncio.CancelledError:
            status = _(ENDINGS[None])
            raise
        finally:
            self.talk = None
            if self.said:
                self._before, self.undoable = before, act       # a new question: Undo would take it along
            elif back:
                self.send({"back": back})
            self._draw(busy="", answer="", status=status)
        return self.said

    def _ending(self, note, hints):
        if not self.said:
            return _("Stopped before the first word; the conversation is as it was.")
        reason = self.piece.finish_reason
        ending = "" if note and reason == "stop" else _(ENDINGS[reason])
        return " ".join(filter(None, [note, ending, *hints]))

    def _check_free(self):
        if self.busy:
            raise ValueError(_("the model is busy; stop it first, or wait until it is done"))

    def _check_ready(self):
        self._check_free()
        if self.chat is None:
            raise ValueError(_("no model is loaded; load one in Settings"))
