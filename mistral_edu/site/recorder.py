"""Record an Explorer in its notebook's kernel: call its function with each of the chosen values, and keep what it
returns. Pictures that are equal are stored once, under a name made from what they show.
"""
import hashlib
import io
import json
from itertools import product
from pathlib import Path

from PIL import Image

from mistral_edu.lab.showing.figures import Picture
from mistral_edu.lab.showing.widgets import Explorer
from mistral_edu.machine.whole_files import write, write_text
from mistral_edu.site.controls import chosen, offered

PICTURES = "pictures"


def record(explorer: Explorer, folder: str | Path, name: str) -> dict:
    """Write folder/name.json and the pictures it names; returns what the file holds. Errors of the function are raised.

    controls: [{name, labels, offered, start}]: the labels of the recorded values, how many values the control has in a
    notebook, and the position of the first one shown. frames: for each combination of values, the last control varying
    fastest, [number of the picture or null, number of the text]. pictures: [name, width, height, description]. texts.
    """
    names, controls = list(explorer.controls), list(explorer.controls.values())
    options = [offered(control) for control in controls]
    starts = [[value for _, value in each].index(control.value) for each, control in zip(options, controls)]
    kept = chosen([len(each) for each in options], starts)
    pictures, texts, frames = [], [], []
    for places in product(*kept):
        result = explorer.fn(**{key: each[at][1] for key, each, at in zip(names, options, places)})
        picture = store(result, Path(folder)) if isinstance(result, Picture) else None
        text = result.caption if isinstance(result, Picture) else str(result)
        frames.append([picture and number_of(picture, pictures), number_of(text, texts)])
    found = {"controls": [{"name": control.description or key, "labels": [each[at][0] for at in places],
                           "offered": len(each), "start": places.index(start)}
                          for key, control, each, places, start in zip(names, controls, options, kept, starts)],
             "frames": frames, "pictures": pictures, "texts": texts}
    write_text(Path(folder) / f"{name}.json", json.dumps(found, ensure_ascii=False))
    return found


def number_of(thing, things: list) -> int:
    """The position of a thing in a list, to which it is added if it is new.

    >>> seen = ["a"]
    >>> number_of("b", seen), number_of("a", seen), seen
    (1, 0, ['a', 'b'])
    """
    if thing not in things:
        things.append(thing)
    return things.index(thing)


def store(picture: Picture, folder: Path) -> list:
    """Store a Picture once: [name, width, height, description]."""
    return [*store_image(picture.image(), folder), picture.alt]


def store_png(png: bytes, folder: Path) -> tuple:
    """The same for the bytes of a png."""
    return store_image(Image.open(io.BytesIO(png)), folder)


def store_image(image: Image.Image, folder: Path) -> tuple:
    """Store an image as lossless WebP, a third of a png's size, in folder/pictures; (name, width, height)."""
    image = image.convert("RGB")
    name = hashlib.sha256(repr(image.size).encode() + image.tobytes()).hexdigest()[:16] + ".webp"
    path = folder / PICTURES / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, lambda part: image.save(part, "WEBP", lossless=True, method=2))
    return name, *image.size
