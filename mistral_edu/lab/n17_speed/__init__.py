"""What notebook 17 imports besides the names that all pages share."""
from mistral_edu.lab.n17_speed.claims import claims, claims_table
from mistral_edu.lab.n17_speed.exercises import least_batch as rows_at_the_bend
from mistral_edu.lab.n17_speed.machines import Dot, dots_of, limits_of, recorded_machines, rows_of
from mistral_edu.lab.n17_speed.pictures import draw_dots, draw_over_context, draw_roofline

__all__ = ["Dot", "claims", "claims_table", "dots_of", "draw_dots", "draw_over_context", "draw_roofline", "limits_of",
           "recorded_machines", "rows_at_the_bend", "rows_of"]
