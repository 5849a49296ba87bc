"""What is on the slides of a notebook, decided by rules from what its page has already.

    title                the heading, what you end with, minutes; the map; the sections
    ## heading           the sentences that state the idea
    formula, table,      each, with the sentence that leads to it
      list
    words in bold        five or more: the sentence
    predict              the question and its choices
    outcome              what the cell prints, the result, the sentences that follow it
    picture              each, with its caption; its code stays on the page
    other code           up to 15 lines, with what it prints; of longer code, only what it prints; of code that prints
                         nothing, what stands directly below text
    exercise             its title and its task

What no rule takes is for the speaker: it becomes the notes of the slide before. The metadata that JupyterLab and RISE
write, {"slideshow": {"slide_type": "skip"}}, comes before all rules: skip leaves a cell out, notes makes it one for the
speaker, and slide, subslide or fragment shows the whole of it.
"""
import ast
import re
from dataclasses import replace

from mistral_edu.classroom.slides.fitting import Part, Slide, fit, room_below, total
from mistral_edu.classroom.slides.prose import CALL, blocks, idea, key_sentences, sentences

SHORT = 15                                               # lines of code
MINUTES = re.compile(r" \((\d+ minutes?)\b[^)]*\)$")     # at the end of a section's heading
SUMMARY = "numbers"                                      # the id of the cell that a page ends in
OPEN = "○ "                                              # what is printed for an exercise that was not begun
NAME = re.compile(r"\*\*([^*]{1,40})\*\*[,.:]")           # what a list is called: **Terms you need**, each with ...
LIVE = re.compile(r"\[Live once this cell is run: (.*?)\. The picture above")
NO_GUESS = "No prediction was recorded."


def slides_of(notebook, ends: str = "") -> list:
    """The slides of a notebook (as nbformat reads it). ends: what its reader has at the end."""
    deck = Deck(ends)
    for cell in notebook["cells"]:
        deck.take(cell)
    return deck.finish()


class Deck:
    """The slides so far, and what the next cell's slides depend on."""

    def __init__(self, ends=""):
        self.ends, self.slides, self.sections = ends, [], []
        self.heading, self.text = "", ""     # of the section; of the Markdown cell above
        self.choices = {}                    # of predictions, by label
        self.opens = False                   # whether the next slide begins a section
        self.explains = False                # whether the next Markdown cell follows an outcome

    def take(self, cell) -> None:
        """Add the slides of one cell."""
        source = "".join(cell["source"]).strip()
        kind = cell.get("metadata", {}).get("slideshow", {}).get("slide_type", "-")
        if kind == "skip" or not source:
            return
        if kind == "notes":
            self.note(source)
        elif cell["cell_type"] == "markdown":
            self.take_markdown(source, whole=kind in ("slide", "subslide", "fragment"))
        elif cell["cell_type"] == "code":
            self.take_code(cell, source, whole=kind in ("slide", "subslide", "fragment"))

    def finish(self) -> list:
        """All slides; the second names the sections."""
        plan = fit("Sections", [Part("plan", "\n".join(self.sections))]) if self.sections else []
        return self.slides[:1] + plan + self.slides[1:]

    def add(self, parts, heading=None, notes="") -> None:
        """Slides with these parts; none without parts."""
        if parts:
            self.slides += fit(heading or self.heading, parts, notes, self.opens)
            self.opens = False

    def fits(self, parts) -> bool:
        return total(parts) <= room_below(self.heading)

    def note(self, text) -> None:
        """Words for the speaker, on the slide before."""
        if self.slides:
            last = self.slides[-1]
            self.slides[-1] = Slide(last.heading, last.parts, f"{last.notes}\n\n{text}".strip(), last.opens)

    # --- Markdown -----------------------------------------------------------------------------------------------------

    def take_markdown(self, source, whole=False):
        first, _, rest = source.partition("\n")
        level = len(first) - len(first.lstrip("#"))
        title, text = (first.lstrip("# "), rest.strip()) if level else ("", source)
        explains, self.explains = self.explains, False
        if level in (1, 2):
            self.heading, self.opens = MINUTES.sub("", title), True
        if level == 2:
            self.sections.append(title)
        if whole or level == 3:
            self.add([Part(*block) for block in blocks(text)], title if level == 3 else None, notes=text)
        elif level == 1:
            self.title(text)
        elif level == 2:
            self.section(text)
        elif text.startswith("**Next:**"):
            self.next(text)
        elif explains:
            self.explain(text)
        else:
            self.note(text)
            self.structured(text)
        self.text = text

    def title(self, text):
        """The page's own first paragraph, what its reader ends with, and its minutes."""
        paragraphs = [block for kind, block in blocks(text) if kind == "prose"]
        parts = [Part("prose", idea(paragraph)) for paragraph in paragraphs[:1]]
        if self.ends:
            parts.append(Part("prose", f"**You end with** {self.ends}."))
        if minutes := re.search(r"takes about (\d+ minutes)", text):
            parts.append(Part("prose", f"{minutes[1]}, with the exercises"))
        self.add(parts or [Part("prose", "")], notes=text)

    def section(self, text):
        """The idea of a section: how its first paragraph begins, unless that is a question."""
        kind, first = (blocks(text) or [("", "")])[0]
        if kind == "prose" and not CALL.match(first):
            self.add([Part("idea", idea(first))], notes=text)
            self.structured(text, joins=True)
        else:
            self.structured(text)
            self.note(text)

    def structured(self, text, joins=False):
        """Each formula, table and list, with the sentences beside it, and each sentence in bold.

        joins: the first formula goes onto the slide before, if it fits there.
        """
        page = blocks(text)
        for before, (kind, block), after in zip([("", ""), *page], page, [*page[1:], ("", "")]):
            if kind not in ("formula", "table", "list", "code"):
                continue
            lead = sentences(before[1])[-1] if before[0] == "prose" else ""
            named = NAME.match(lead)
            tail = [Part("prose", sentences(after[1])[0])] if (kind, after[0]) == ("formula", "prose") else []
            parts = [*([Part("prose", lead)] if lead and not named else []), Part(kind, block), *tail]
            if joins and kind == "formula" and self.fits([*self.slides[-1].parts, *parts]):
                self.extend(parts)
            else:
                self.add(parts, named and named[1])
            joins = False
        for sentence in key_sentences(text):
            if not any(sentence in part.text for slide in self.slides[-3:] for part in slide.parts):
                self.add([Part("key", sentence)])

    def extend(self, parts):
        """More parts below those of the last slide; what does not fit goes on to the next."""
        last = self.slides.pop()
        shown = [part for part in parts if not any(part.text in other.text for other in last.parts)]
        self.slides += fit(last.heading, [*last.parts, *shown], last.notes, last.opens)

    def explain(self, text):
        """What the page says of an outcome, below it."""
        prose = [block for kind, block in blocks(text) if kind == "prose"]
        if prose:
            self.extend([Part("prose", idea(prose[0]))])
        self.note(text)
        self.structured(text)

    def next(self, text):
        """What comes after this page. Where the solutions are is no matter for a slide."""
        said = sentences(CALL.sub("", blocks(text)[0][1]))
        said = " ".join(sentence for sentence in said if "solution" not in sentence)
        self.add([Part("idea", said[:1].upper() + said[1:])], "What comes next")

    # --- code ---------------------------------------------------------------------------------------------------------

    def take_code(self, cell, source, whole=False):
        self.explains = False
        calls = {node.func.id: node for node in ast.walk(parsed(source))
                 if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
        pictures, printed = outputs_of(cell)
        if whole:
            self.add([Part("code", source), *pictures, *outputs(printed)])
        elif source.startswith("import mistral_edu") or calls.keys() & {"check", "hint"} or "NotImplementedError" in source \
                or OPEN in printed:
            return                           # an exercise has its slide already, and what waits for its answer says nothing
        elif "predict" in calls:
            self.question(calls["predict"])
        elif "outcome" in calls:
            self.result(pictures, printed)
        elif pictures:
            for part in pictures:
                self.add([part if "course_map" not in calls else replace(part, more=part.more[:1])])
            if "course_map" not in calls:
                self.add(outputs(printed))
            if live := LIVE.search(str(cell["outputs"])):
                self.note(f"In the notebook this picture is live: {live[1]}.")
        elif cell.get("id") == SUMMARY:
            self.add(outputs(printed), "What this notebook ends in")
        else:
            self.code(source, printed)

    def question(self, call):
        """The question above a prediction, and its choices."""
        label = call.args[0].value
        choices = next((ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg == "choices"), ())
        self.choices[label] = choices = tuple(map(str, choices))
        prose = [block for kind, block in blocks(self.text) if kind == "prose"] or [""]
        asked = next((block for block in prose if "redict" in block[:20]), prose[-1])
        name = CALL.match(asked)
        asked = CALL.sub("", asked, count=1)
        said = sentences(asked[:1].upper() + asked[1:])
        last = max((n for n, sentence in enumerate(said) if "?" in sentence), default=len(said) - 1)
        before = [Part("prose", " ".join(said[:last]))] if last > 0 else []
        heading = name[0].strip("*:. ") if name else "Predict first"
        self.add([*before, Part("question", said[last], choices)], f"{label} {heading}")

    def result(self, pictures, printed):
        """What a cell with an outcome prints, and the outcome by itself, beside the choices that there were."""
        found = re.search(r"Outcome (\S+): (.*?)\. (?:No prediction|You predicted)", printed, flags=re.S)
        for part in pictures:
            self.add([part])
        if not found:                        # the cell was not run
            self.add(outputs(printed))
            return
        label, value = found[1], " ".join(found[2].split())
        above = printed[:found.start()] + re.sub(r"^.*?(recorded\.|\n|$)", "", printed[found.end():], count=1)
        self.add([*outputs(above), Part("result", value, self.choices.get(label, ()))], f"{label} The result")
        self.explains = True

    def code(self, source, printed):
        """Short code with what it prints; above it the sentence that leads to it, if all of this fits on a slide.

        Code that prints nothing is shown only where the text leads to it.
        """
        led, self.text = self.text, ""
        if source.count("\n") >= SHORT or not (led or printed):
            self.add(outputs(printed))
            return
        parts = [Part("code", source), *outputs(printed)]
        prose = [block for kind, block in blocks(led) if kind == "prose"]
        lead = Part("prose", sentences(prose[-1])[-1] if prose else "")
        if led.endswith(":") and lead.text.count(" ") >= 3:
            parts = [lead, *parts] if self.fits([lead, *parts]) else parts
        self.add(parts)


def parsed(source):
    """The syntax tree of a cell; that of an empty one for a cell that is not Python, such as one with a %%magic."""
    try:
        return ast.parse(re.sub(r"^%(?!%).*$", "", source, flags=re.M))
    except SyntaxError:
        return ast.parse("")


def outputs_of(cell) -> tuple:
    """(pictures with their captions, what else was printed). A caption that is printed, too, is not repeated."""
    pictures, printed = [], ""
    for output in cell.get("outputs", ()):
        data = output.get("data", {})
        if "image/png" in data:
            alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
            pictures.append(Part("picture", "".join("".join(data["image/png"]).split()), (alt, alt)))
        elif "text" in output:
            text = "".join(output["text"])
            if not any(" ".join(text.split()) == part.more[0] for part in pictures):
                printed += text
        elif "text/plain" in data and not "".join(data["text/plain"]).startswith("["):    # [Live once this is run ...]
            printed += "".join(data["text/plain"]) + "\n"
    return pictures, printed


def outputs(printed) -> list:
    """What was printed, as the parts of a slide: one, or none."""
    text = printed.replace(NO_GUESS, "").strip("\n")
    return [Part("output", text)] if text.strip() else []
