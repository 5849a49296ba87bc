"""The world's own truth: the probability of each next token at the places where a story of the world may branch."""
from mistral_edu.lab.experiments.truth.story_probabilities import true_shares, village_stories

__all__ = ["true_shares", "village_stories"]
