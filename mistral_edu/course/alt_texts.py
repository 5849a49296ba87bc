"""Descriptions of pictures, put where programs read them.

A notebook stores a picture as image/png, with its description in the output's metadata. GitHub shows that picture, and
so do JupyterLab and nbconvert, but without the description, so a screen reader finds a picture without a word. All of
them read the `alt` of an <img> in HTML. A cell that is run shows its picture that way (see lab/showing/figures.py);
the pages in the repository leave out the HTML, since it repeats the picture, and `put_alt_texts` restores it.
"""
import base64
import html
import struct

IMG = '<img class="mistral-picture"'      # the HTML made here begins like this, and only that is dropped


def img_tag(png: str, alt: str) -> str:
    """A picture (png in base64) as an HTML element that carries its description. It is never wider than the page.

    Width and height are written into it, so that what is below does not jump when the picture appears.
    """
    png = "".join(png.split())                                                  # some programs break its lines
    width, height = struct.unpack(">II", base64.b64decode(png[:32])[16:24])     # where a png says how large it is
    return (f'{IMG} alt="{html.escape(alt)}" width="{width}" height="{height}" '
            f'style="max-width: 100%; height: auto" src="data:image/png;base64,{png}">')


def put_alt_texts(notebook) -> None:
    """Put beside each picture of a notebook that has a description the HTML that shows both. Other HTML stays."""
    for output in _pictures(notebook):
        alt = output.get("metadata", {}).get("image/png", {}).get("alt")
        if alt and output["data"].get("text/html", IMG).startswith(IMG):
            output["data"]["text/html"] = img_tag(output["data"]["image/png"], alt)


def drop_alt_texts(notebook) -> None:
    """The inverse: leave out the HTML that put_alt_texts makes again."""
    for output in _pictures(notebook):
        if output["data"].get("text/html", "").startswith(IMG):
            del output["data"]["text/html"]


def _pictures(notebook):
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                yield output
