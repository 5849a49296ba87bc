"""What notebook 17 imports beside the words that all pages share."""
from .claims import claims, claims_table
from .exercises import least_batch as rows_at_the_bend
from .machines import Dot, dots_of, limits_of, recorded_machines, rows_of
from .pictures import draw_dots, draw_over_context, draw_roofline

__all__ = ["Dot", "claims", "claims_table", "dots_of", "draw_dots", "draw_over_context", "draw_roofline", "limits_of",
           "recorded_machines", "rows_at_the_bend", "rows_of"]
