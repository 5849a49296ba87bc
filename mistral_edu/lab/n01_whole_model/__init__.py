"""What notebook 01 imports besides the names that all pages share."""
from mistral_edu.bench.work import operations_per_prompt
from mistral_edu.lab.n01_whole_model.pictures import draw_memory, draw_shares, draw_to_scale
from mistral_edu.quantize import size_in_bytes

__all__ = ["draw_memory", "draw_shares", "draw_to_scale", "operations_per_prompt", "size_in_bytes"]
