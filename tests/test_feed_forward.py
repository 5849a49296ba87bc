"""SwiGLU: by hand, against numpy, its size, and that it mixes no positions."""
from golden.models import SMALL
from mistral_edu.config import MistralConfig
from mistral_edu.feed_forward import FeedForward, silu

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx.utils import tree_flatten


def random(*shape, seed=0):
    return mx.random.normal(shape, key=mx.random.key(seed))


def test_silu_equals_numpy_and_mlx():
    x = mx.linspace(-30, 30, 101)
    exact = np.array(x, np.float64) / (1 + np.exp(-np.array(x, np.float64)))
    assert np.abs(np.array(silu(x)) - exact).max() < 1e-5
    assert mx.abs(silu(x) - nn.silu(x)).max().item() < 1e-6


def test_equals_numpy_in_64_bit():
    layer, x = FeedForward(SMALL), random(2, 3, SMALL.dim)
    gate, up, down = (np.array(p.weight, np.float64) for p in (layer.gate_proj, layer.up_proj, layer.down_proj))
    g = np.array(x, np.float64) @ gate.T
    exact = (g / (1 + np.exp(-g)) * (np.array(x, np.float64) @ up.T)) @ down.T
    assert np.abs(np.array(layer(x)) - exact).max() < 1e-6


def test_a_closed_gate_lets_nothing_pass_and_an_open_one_the_product():
    layer = FeedForward(MistralConfig(1, 1, 2, 1, 1, 1, None, 8, 8))
    layer.up_proj.weight, layer.down_proj.weight = mx.array([[2.0]]), mx.array([[3.0]])
    for gate, expected in ((-40.0, 0.0), (40.0, 40.0 * 2.0 * 3.0)):
        layer.gate_proj.weight = mx.array([[gate]])
        assert abs(layer(mx.ones((1, 1, 1))).item() - expected) < 1e-4


def test_each_token_goes_by_itself():
    layer, x = FeedForward(SMALL), random(1, 5, SMALL.dim)
    alone = mx.concatenate([layer(x[:, i : i + 1]) for i in range(5)], axis=1)
    assert mx.abs(layer(x) - alone).max().item() < 1e-6


def test_a_layer_of_the_7b_has_176_160_768_parameters():
    layer = FeedForward(MistralConfig.preset("7b-v0.1"))  # lazy: not one of them is computed
    assert sum(w.size for _, w in tree_flatten(layer.parameters())) == 176_160_768
