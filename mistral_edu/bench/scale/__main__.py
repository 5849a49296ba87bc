"""`python -m mistral_edu.bench.scale`: the tables of docs/scale.md.

    python -m mistral_edu.bench.scale                          prints them
    python -m mistral_edu.bench.scale --write docs/scale.md    writes them into the document, between its marks
"""
import argparse
import re
import sys
from pathlib import Path

from mistral_edu.bench.scale.tables import sections
from mistral_edu.machine.whole_files import write_text

BEGIN, END = "<!-- {}: made by python -m mistral_edu.bench.scale -->", "<!-- end -->"


def filled(text, found):
    """The document with each section in its place. Raises ValueError if it lacks the marks of one."""
    for name, lines in found.items():
        begin = BEGIN.format(name)
        pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(END)}", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"the document has no place for {name!r}; expected the lines {begin} and {END} in it")
        inside = "\n".join(lines)
        text = pattern.sub(lambda _: f"{begin}\n{inside}\n{END}", text)
    return text


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m mistral_edu.bench.scale", description=__doc__.splitlines()[0])
    parser.add_argument("--write", metavar="FILE", help="write the tables into this document, between its marks")
    args = parser.parse_args(argv)
    if not args.write:
        print("\n\n".join(f"{name}\n\n" + "\n".join(lines) for name, lines in sections().items()))
        return 0
    path = Path(args.write)
    try:
        text = filled(path.read_text(encoding="utf-8"), sections())
    except (OSError, ValueError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    write_text(path, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
