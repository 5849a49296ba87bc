"""python -m mistral_edu.site: build the course as static pages."""
import argparse
import sys
from pathlib import Path

from mistral_edu.course.copies import find
from mistral_edu.site.build import Site, build
from mistral_edu.site.recorder import PICTURES

FOLDER = Path("build", "site")
RECORDINGS = Path("build", "recordings")


def report(site: Site) -> str:
    """What was built, in lines."""
    sizes = site.sizes_of_pages()
    largest = max(sizes, key=lambda page: sizes[page][1])
    alone, shown = (size / 1e6 for size in sizes[largest])
    pictures, size = len(list((site.folder / PICTURES).iterdir())), site.size() / 1e6
    lines = [f"{site.folder / 'index.html'}: {len(site.pages)} pages, {pictures:,} pictures, {size:.1f} MB",
             f"The largest page is {largest.name}: {shown:.1f} MB with all its pictures, {alone:.2f} MB without them."]
    if site.still:
        lines.append(f"Sliders stand still in {', '.join(site.still)}: there is no recording, or what it depends on "
                     "has changed since. make site without ARGS=--still makes it.")
    return "\n".join(lines)


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m mistral_edu.site",
        description="Build the course as static pages. Sliders are recorded first; recordings are kept.")
    parser.add_argument("notebooks", nargs="*", help="numbers such as 05 (default: all there are)")
    parser.add_argument("--still", action="store_true", help="record nothing: sliders without a recording stand still")
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"where the site goes (default: {FOLDER})")
    options = parser.parse_args(arguments)
    try:
        numbers = [find(number).number for number in options.notebooks]
        site = build(options.folder.absolute(), RECORDINGS.absolute(), numbers, not options.still,
                     tell=lambda line: print(line, flush=True))
    except (ValueError, FileExistsError) as error:
        print(error, file=sys.stderr)
        return 2
    print(report(site))
    return 0


if __name__ == "__main__":
    sys.exit(main())
