"""The course as a map of the model: each box is a part of Mistral and names the notebook that builds it.

Data flows from the text, up through tokens to the residual stream, along it through the blocks, down to the next
token, and round again. `course_map("05")` lights the boxes of notebook 05; every notebook opens with it. `boxes` says
where everything is, `facts` what a box holds; `as_png` draws the map, `as_html` makes it interactive.
"""
from mistral_edu.config import MistralConfig
from mistral_edu.course import COURSE, core_path, find
from mistral_edu.lab.showing.map.as_html import render
from mistral_edu.lab.showing.map.as_png import draw
from mistral_edu.lab.showing.map.boxes import BOXES
from mistral_edu.lab.showing.touchable import Touchable
from mistral_edu.language import N_, _

__all__ = ["BOXES", "course_map"]


def course_map(current: str | None = None, config: MistralConfig | None = None, facts: dict | None = None) -> Touchable:
    """The map, with the boxes of notebook `current` lit.

    config: the model whose numbers the boxes give; None for the embedded one. facts: {box: a line of your own to show
    with it}, under the name written on the box, or "RMSNorm before attention" for one of several.
    Raises ValueError for a notebook or a box that is not on the map.
    """
    here = (_("You are at {number}, {title}", number=current, title=_(find(current).title)) if current
            else _("Each box names its notebook"))
    caption = _("{here}. {n} notebooks; the core path is {path}.", here=here, n=len(COURSE), path=core_path())
    lit = dict.fromkeys(box.name for box in BOXES if current and box.notebook == current)
    alt = _("Map of the model: text becomes tokens, then embeddings, then a stream through the blocks (RMSNorm, "
            "attention, SwiGLU), then logits and the next token, and round again.")
    if lit:
        alt += " " + _("Lit: {boxes}.", boxes=", ".join(map(_, lit)))
    touch = render(current, config or MistralConfig.preset("tiny"), _told(facts or {}), caption)
    return Touchable(draw(current), caption, alt, touch, what=N_("map"), part=N_("box"))


def _told(facts):
    """{box key: line}; a name that several boxes share stands for all of them."""
    names = {name for box in BOXES for name in (box.key, box.name)}
    if unknown := [name for name in facts if name not in names]:
        raise ValueError(f"the map has no box {unknown[0]!r}; it has {', '.join(box.key for box in BOXES)}")
    return {box.key: facts.get(box.key, facts.get(box.name)) for box in BOXES}
