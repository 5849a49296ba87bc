"""What notebook 17 imports beside the words that all pages share."""
from .claims import claims
from .machines import Dot, dots_of, limits_of, recorded_machines, rows_of
from .pictures import draw_dots, draw_over_context, draw_roofline

__all__ = ["Dot", "claims", "dots_of", "draw_dots", "draw_over_context", "draw_roofline", "limits_of",
           "recorded_machines", "rows_of"]
