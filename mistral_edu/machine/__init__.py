"""The computer that all this runs on: its processors and memory, which library multiplies for MLX, and whole files."""
