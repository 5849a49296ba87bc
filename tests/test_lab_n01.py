"""What notebook 01 draws is what the configuration says, and the likely answers to its exercises are told apart."""
from dataclasses import replace

from mistral_edu import MistralConfig
from mistral_edu.checkpoints.memory import gb, need
from mistral_edu.lab import check
from mistral_edu.lab.exercises.bank import find
from mistral_edu.lab.n01_whole_model import draw_memory, draw_shares, draw_to_scale

import pytest

SEVEN = MistralConfig.preset("7b-v0.1")
TINY = MistralConfig.preset("tiny")


def areas(picture):
    """The areas of a picture's bars by their colours."""
    found = {}
    for bar in picture.fig.axes[0].patches:
        found[bar.get_facecolor()] = found.get(bar.get_facecolor(), 0) + bar.get_width() * bar.get_height()
    return sorted(found.values())


@pytest.mark.parametrize("config", [SEVEN, TINY, replace(SEVEN, n_kv_heads=32, n_layers=3),
                                    replace(TINY, tie_embeddings=True)])
def test_equal_areas_are_equally_many_parameters(config):
    """All of them but the norms, which are too thin to be drawn; and tables, q, o, k, v, gate, up, down one by one."""
    norms = (2 * config.n_layers + 1) * config.dim
    drawn = areas(draw_to_scale(config))
    assert sum(drawn) == pytest.approx(config.n_parameters - norms)
    heads, inner = config.n_layers * config.dim * config.head_dim, config.n_layers * config.dim * config.hidden_dim
    tables = config.vocab_size * config.dim * (1 if config.tie_embeddings else 2)
    expected = [tables, *[heads * config.n_heads] * 2, *[heads * config.n_kv_heads] * 2, *[inner] * 3]
    assert drawn == pytest.approx(sorted(expected))


def test_pictures_say_their_numbers():
    scale = draw_to_scale(SEVEN)
    assert scale.caption.startswith("32 layers, 8 kv heads: 7,241,732,096 parameters; attention 18.5 %, SwiGLU 77.8 %")
    assert "131,072 bytes" in scale.caption
    shares = draw_shares({"one": (1, 3, 0), "other": (3, 1, 2)}, "title")
    assert "one 25.0 / 75.0 / 0.0; other 75.0 / 25.0 / 100.0. 2.0 operations for each byte" in shares.caption
    v02 = MistralConfig.preset("7b-v0.2")
    memory = draw_memory({"7b-v0.1": SEVEN, "7b-v0.2": v02}, bits=4)
    ends = [gb(need(config, 32_768, bits=4).total) for config in (SEVEN, v02)]
    assert f"7b-v0.1 {ends[0]}, 7b-v0.2 {ends[1]}" in memory.caption


def test_memory_grows_with_the_text_up_to_the_window():
    line = draw_memory({"7b-v0.1": SEVEN}).fig.axes[0].lines[0]
    tokens, total = line.get_data()
    assert (total[tokens >= 4096] == total[-1]).all() and (total[1:] >= total[:-1]).all() and total[0] < total[-1]


def forgot_everything(dim, n_layers, head_dim, hidden_dim, n_heads, n_kv_heads, vocab_size):
    return vocab_size * dim + n_layers * (4 * dim * dim + 2 * dim * hidden_dim)


@pytest.mark.parametrize("label, answer, told", [
    ("1.2", lambda d, n, h, f, q, k, v: 2 * v * d + n * (2 * d * d + 2 * d * k * h + 3 * d * f + 2 * d) + d,
     "right where all heads together are as wide"),
    ("1.2", lambda d, n, h, f, q, k, v: 2 * v * d + n * (d * q * h + d * d + 2 * d * k * h + 3 * d * f + 2 * d) + d,
     "right where all heads together are as wide"),
    ("1.2", lambda d, n, h, f, q, k, v: 2 * v * d + n * (2 * d * (q + k) * h + 3 * d * f + 2 * d) + d + (n > 1),
     "expected 7868672, yours gives 7868673"),
    ("1.2", lambda d, n, h, f, q, k, v: 2 * v * d + n * (4 * d * d + 3 * d * f + 2 * d) + d,
     "fewer heads than the queries"),
    ("1.2", lambda d, n, h, f, q, k, v: 2 * v * d + n * (2 * d * q * h + 2 * d * k * h + 3 * d * f),
     "norms are missing"),
    ("1.2", lambda d, n, h, f, q, k, v: v * d + n * (4 * d * q * h + 2 * d * f + 2 * d) + d, "three things"),
    ("1.2", lambda d, n, h, f, q, k, v: v * d + n * (2 * d * q * h + 2 * d * k * h + 3 * d * f),
     "two things: the norms are missing"),
    ("1.7", lambda n, layers, heads, size, window: n * layers * heads * size * 2, "half of what it should be"),
    ("1.7", lambda n, layers, heads, size, window: 4 * n * layers * heads * size, "only the last `window` tokens"),
    ("1.7", lambda n, layers, heads, size, window: 4 * min(n, window) * layers * heads * size, "window may be None"),
    ("1.7", lambda n, layers, heads, size, window: 4 * (window or n) * layers * heads * size, "fills only part of it"),
    ("1.7", lambda n, layers, heads, size, window: 2 * min(n, window or n) * heads * size, "one of these two factors"),
])
def test_what_beginners_write_is_answered_with_their_slip(label, answer, told):
    verdict = check(label, answer)
    assert not verdict and told in verdict.message, verdict.message


def test_an_answer_with_four_slips_gets_at_least_the_numbers():
    assert "expected 315, yours gives" in check("1.2", forgot_everything).message


def test_the_case_by_hand_is_the_one_on_the_page():
    assert find("1.2").reference(5, 1, 2, 8, 3, 1, 10) == 315
    assert find("1.7").reference(3, 1, 1, 2, None) == 24
    assert find("1.2").reference(4096, 32, 128, 14336, 32, 8, 32000) == SEVEN.n_parameters
    assert find("1.7").reference(1, 32, 8, 128, 4096) == SEVEN.kv_bytes_per_token()
