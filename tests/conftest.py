"""What all tests share. `mistral_edu` comes first here, so that OpenBLAS lies under MLX in every test."""
import mistral_edu  # noqa: F401, I001

from hypothesis import settings

# Speed varies by ten on shared machines, so no example has a deadline; a failure is the same one on every run.
settings.register_profile("project", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("project")

collect_ignore_glob = ["golden/make_*.py"]  # they need other libraries, and run once, by hand
