"""How the map looks: in the colours of JupyterLab's theme, or the browser's own if there is none.

If the page is wide enough, the boxes are where they belong; if it is narrow, they follow each other in rows. The list
is in <details>, closed if styles are lost; here it is open, in browsers that can be told so (OPENS).
"""
from mistral_edu.lab.showing import theme
from mistral_edu.lab.showing.map.boxes import LOOP_NAME, LOOP_NAME_AT, SIZE, STREAM_NAME, STREAM_NAME_AT
from mistral_edu.language import _
from mistral_edu.palette import BLUE, INK, ORANGE, YELLOW

WIDE = 560                             # pixels, from which on the boxes stand where they belong
OPENS = "selector(::details-content)"


def _at(place):
    """Left and top of a point of the canvas; --u is one of its units."""
    return f"left: calc({place[0]} * var(--u)); top: calc({SIZE[1] - place[1]:g} * var(--u))"


def style() -> str:
    """The style sheet; two sentences of the drawing are in it, in the language of the page."""
    return f""".mistral-map {{
  --paper: {theme.PAPER}; --shade: {theme.SHADE};
  --ink: {theme.INK}; --soft: var(--jp-ui-font-color2, CanvasText);
  --blue: var(--jp-content-link-color, {BLUE}); --edge: var(--jp-ui-font-color3, #888);
  container-type: inline-size; box-sizing: border-box; max-width: 1000px; padding: 6px;
  background: var(--paper); color: var(--ink); font-family: {theme.FONT};

  @supports {OPENS} {{ summary {{ display: none }} ::details-content {{ content-visibility: visible }} }}
  form {{ position: relative; margin: 0; font-size: 12.5px; line-height: 1.25; --u: calc(100cqw / {SIZE[0]}) }}
  svg {{ display: none }}
  .title, .hint {{ margin: 0 0 8px; color: var(--soft) }}
  .title > * {{ display: block }}
  .title > b {{ color: var(--ink); font-size: 1.2em }}
  ul {{ display: flex; flex-wrap: wrap; gap: 6px; list-style: none; margin: 0 !important; padding: 0 !important }}
  li {{ display: contents }}

  label {{
    position: relative; box-sizing: border-box; padding: .3em .6em; white-space: nowrap; cursor: pointer;
    display: flex; gap: 0 .6em; align-items: center; justify-content: center;
    border: 1px solid var(--edge); border-radius: 7px; background: var(--paper);
    b {{ font-weight: normal }}
    em {{ font-style: normal; font-weight: bold; color: var(--blue) }}
    &.planned {{ border-style: dashed }}
    &.lit {{ background: {YELLOW}; border: 2px solid {INK}; :is(b, em) {{ font-weight: bold; color: {INK} }} }}
    &.lit.frame {{ background: color-mix(in srgb, {YELLOW} 25%, var(--paper)); border: 3px solid {YELLOW};
      :is(b, em) {{ color: var(--ink) }} }}                     /* its lines and words are those of the theme */
    &.told::after {{ content: ""; position: absolute; top: -4px; left: -4px; width: 9px; height: 9px;
      border-radius: 50%; background: {ORANGE} }}
    &:hover {{ box-shadow: 0 0 0 2px var(--edge) }}
    &:has(:checked) {{ box-shadow: 0 0 0 3px var(--blue) }}
    &:has(:focus-visible) {{ outline: 2px solid var(--blue); outline-offset: 4px }}
    input {{ display: block; position: absolute; inset: 0; margin: 0; opacity: 0; pointer-events: none }}
  }}

  .facts, .hint {{ display: none; box-sizing: border-box; width: 100%; min-height: 9.5em; margin: 10px 0 0;
    padding: .7em 1em; border-radius: 7px; background: var(--shade); font-size: 13px; line-height: 1.5 }}
  .facts {{ order: 1 }}
  li:has(:checked) .facts, form:not(:has(:checked)) .hint {{ display: block }}
  .facts > b {{ display: inline; font-size: 1.1em }}
  .facts a {{ color: var(--blue) }}
  .page, .row > i {{ color: var(--soft); font-style: normal }}
  .what {{ display: block; margin-bottom: .4em }}
  .row {{ display: grid; grid-template-columns: 7.5em 1fr }}
  .dot {{ display: none }}

  @container (min-width: {WIDE}px) {{
    form {{ font-size: clamp(10px, 1.45cqw, 14px) }}
    .title {{ position: absolute; right: 0; top: 0; width: 66%; margin: 0; text-align: right; line-height: 1.15 }}
    .title span {{ font-size: .92em }}
    svg {{ display: block; position: relative; z-index: 1; width: 100%; pointer-events: none }}
    polyline {{ fill: none; stroke: var(--ink); stroke-width: .14 }}
    polyline.stream {{ stroke: var(--blue); stroke-width: .5 }}
    polyline.faint {{ stroke: var(--shade) }}
    polygon {{ fill: var(--ink) }}
    circle {{ fill: var(--paper); stroke: var(--ink); stroke-width: .14 }}
    ul {{ display: block }}
    label {{
      position: absolute; z-index: 2; flex-direction: column; padding: 0;
      left: calc(var(--x) * var(--u)); top: calc(var(--y) * var(--u));
      width: calc(var(--w) * var(--u)); height: calc(var(--h) * var(--u));
      &:is(.frame, .flat) {{ flex-direction: row; justify-content: space-between; padding: 0 .6em }}
      &.frame {{ align-items: start; padding-top: .45em }}
      &.outer {{ z-index: 0 }}
      &.outer:not(.lit) {{ background: color-mix(in srgb, var(--shade) 45%, var(--paper)) }}
    }}
    form::before, form::after {{ position: absolute; z-index: 2; width: max-content; font-size: .92em; line-height: 1 }}
    form::before {{ content: "{_(STREAM_NAME)}"; {_at(STREAM_NAME_AT)}; transform: translate(-50%, -100%);
      color: var(--blue) }}
    form::after {{ content: "{_(LOOP_NAME)}"; {_at(LOOP_NAME_AT)}; transform: translate(-100%, -100%);
      color: var(--soft) }}
  }}
}}
"""
