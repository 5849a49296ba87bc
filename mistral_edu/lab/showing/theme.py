"""Colours and letters of the page's theme, as CSS: those of JupyterLab, or of the browser where there is none."""
from mistral_edu.palette import GREY

PAPER, SHADE = "var(--jp-layout-color0, Canvas)", "var(--jp-layout-color2, #8882)"    # the page; a surface upon it
INK, SOFT = "var(--jp-ui-font-color1, CanvasText)", f"var(--jp-ui-font-color2, {GREY})"          # text, lesser text
FONT = "var(--jp-ui-font-family, system-ui, sans-serif)"
