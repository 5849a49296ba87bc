"""Experiments on models that several notebooks make: leaks from the future, how far a token reaches."""
