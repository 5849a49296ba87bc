"""The embedded model: a Mistral of under ten million parameters, the small world it learned from, and its training."""
from pathlib import Path

FOLDER = Path(__file__).parent  # it holds config.json, tokenizer.json and model.safetensors
