"""The computer that all this runs on: its processors and memory, and which library multiplies for MLX."""
