"""The computer that all this runs on: processors and memory, the library that multiplies for MLX, and whole files."""
