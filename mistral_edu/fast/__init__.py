"""How a finished model is made fast on this machine. Nothing here is needed to read or to use the model."""
