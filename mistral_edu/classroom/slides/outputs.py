"""What a code cell has left on its page: pictures with their captions, and what it printed."""
import re
import textwrap

from mistral_edu.classroom.slides.fitting import WIDEST, Part

LIVE = re.compile(r"\[Live once this cell is run: (.*?)\. The picture above")
OUTCOME = re.compile(r"Outcome (\S+): (.*?)\.\s+(?:No\s+prediction\s+was\s+recorded\.|You\s+predicted\s.*?\.(?=\n|$))",
                     flags=re.S)


def outputs_of(cell) -> tuple:
    """(pictures, what else was printed). A caption that is printed, too, is not repeated."""
    pictures, printed = [], ""
    for output in cell.get("outputs", ()):
        data = output.get("data", {})
        plain = "".join(output.get("text", data.get("text/plain", "")))
        if "image/png" in data:
            alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
            pictures.append(Part("picture", "".join("".join(data["image/png"]).split()), (alt, alt)))
        elif not (plain.startswith("[Live") or plain.startswith("[Here")      # what is shown once the cell is run
                  or any(" ".join(plain.split()) in part.more[0] for part in pictures)):
            printed += plain if plain.endswith("\n") else plain + "\n"
    for part in pictures:
        printed = re.sub(r"\s+".join(map(re.escape, part.more[0].split())) or "^$", "", printed)
    return pictures, printed.strip("\n")


def live(cell) -> str:
    """What a slider of this cell stands at, such as "window = 3"; "" without one."""
    found = LIVE.search("\n".join("".join(output.get("data", {}).get("text/plain", "")) for output in cell["outputs"]))
    return found[1] if found else ""


def as_parts(printed: str) -> list:
    """What was printed, as the parts of a slide: one, or none. Lines are broken where a line of code ends at most."""
    text = "\n".join(piece for line in printed.strip("\n").split("\n") for piece in _broken(line) or [""])
    return [Part("output", text)] if text.strip() else []


def _broken(line):
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.wrap(line, WIDEST, subsequent_indent=indent, replace_whitespace=False)
