"""What notebook 19 imports beside the words that all pages share."""
from mistral_edu.lab.n19_ranks.inside import draw_drift, draw_holdings, draw_ring
from mistral_edu.lab.n19_ranks.pictures import draw_speed, draw_timeline, draw_traffic
from mistral_edu.lab.n19_ranks.recorded import draw_recorded, recorded, times_as_fast

__all__ = ["draw_drift", "draw_holdings", "draw_recorded", "draw_ring", "draw_speed", "draw_timeline", "draw_traffic",
           "recorded", "times_as_fast"]
