"""What notebook 15 shows: a file made by hand is a file, letters hide causes, pictures say their numbers."""
import struct

from mistral_edu import MistralConfig, course
from mistral_edu.checkpoints.memory import need
from mistral_edu.lab import check
from mistral_edu.lab.n15_checkpoints import draw_apart, draw_need, under_letters
from mistral_edu.lab.n15_checkpoints.exercises import EXERCISES, find_array, small_file, unpermute
from mistral_edu.rope import interleaved_to_split, split_to_interleaved

import mlx.core as mx
import pytest


def test_a_file_made_by_hand_is_read_by_mlx(tmp_path):
    (tmp_path / "small.safetensors").write_bytes(small_file({"format": "pt"}, 3, gain=[0.5, 2.0], w=[10.0, 20.0, 30.0]))
    read = mx.load(str(tmp_path / "small.safetensors"))
    assert {name: array.tolist() for name, array in read.items()} == {"gain": [0.5, 2.0], "w": [10.0, 20.0, 30.0]}


def test_so_is_one_of_two_axes_and_two_bytes_a_number(tmp_path):
    (tmp_path / "small.safetensors").write_bytes(small_file(dtype="F16", v=[1.0], m=[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    read = mx.load(str(tmp_path / "small.safetensors"))
    assert read["m"].dtype == mx.float16 and read["m"].tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def test_the_array_lies_where_it_is_found():
    raw = small_file(gain=[0.5, 2.0], w=[10.0, 20.0, 30.0])
    begin, end = find_array(raw, "w")
    assert (begin, end) == (142, 154) and struct.unpack("<3f", raw[begin:end]) == (10.0, 20.0, 30.0)


def test_headers_of_one_two_and_three_bytes_of_length_are_among_the_cases():
    """Otherwise raw[0], or the first two bytes, would pass for the length."""
    sizes = [struct.unpack("<Q", raw[:8])[0] for raw, _ in EXERCISES[0].cases]
    assert min(sizes) < 256 and any(256 <= size < 65_536 for size in sizes) and max(sizes) > 65_535


def test_the_header_may_name_the_arrays_in_another_order(tmp_path):
    (tmp_path / "small.safetensors").write_bytes(raw := small_file(backwards=True, a=[1.0, 2.0], b=[3.0]))
    assert raw.index(b'"b"') < raw.index(b'"a"')
    assert {name: array.tolist() for name, array in mx.load(str(tmp_path / "small.safetensors")).items()} == {
        "a": [1.0, 2.0], "b": [3.0]}


def test_some_case_tells_each_order_from_the_way_back():
    assert any(not mx.array_equal(unpermute(w, n), split_to_interleaved(w, n)) for w, n in EXERCISES[1].cases)
    assert all(mx.array_equal(split_to_interleaved(unpermute(w, n), n), w) for w, n in EXERCISES[1].cases)


@pytest.mark.parametrize("rows, n_heads, expected", [(6, 1, [0, 2, 4, 1, 3, 5]), (8, 2, [0, 2, 1, 3, 4, 6, 5, 7])])
def test_rows_come_as_the_page_says(rows, n_heads, expected):
    assert interleaved_to_split(mx.arange(rows)[:, None], n_heads).flatten().tolist() == expected


def by_slices(w, n_heads):
    heads = w.reshape(n_heads, -1, w.shape[1])
    return mx.concatenate([heads[:, 0::2], heads[:, 1::2]], axis=1).reshape(w.shape)


def with_numpy_and_a_loop(w, n_heads):
    d = w.shape[0] // n_heads
    order = [h * d + r for h in range(n_heads) for r in (*range(0, d, 2), *range(1, d, 2))]
    return w[mx.array(order)]


def the_matrix_of_one_model(w, n_heads):
    return w.reshape(n_heads, 16, 2, 256).transpose(0, 2, 1, 3).reshape(w.shape)


def columns(w, n_heads):
    return w.reshape(w.shape[0], n_heads, -1, 2).swapaxes(2, 3).reshape(w.shape)


@pytest.mark.parametrize("wrong, named", [(the_matrix_of_one_model, "take them from w.shape"), (columns, "columns")])
def test_two_answers_that_both_stop_in_reshape_are_told_apart(wrong, named):
    message = check("15.4", wrong).message
    assert "Cannot reshape" in message and named in message.split("Likely: ")[1]


@pytest.mark.parametrize("right", [by_slices, with_numpy_and_a_loop])
def test_other_ways_to_the_same_rows_pass(right):
    assert check("15.4", right)


def test_letters_hide_all_causes_in_another_order():
    causes = {name: name.upper() for name in "pqrstu"}
    letters = under_letters(causes)
    assert sorted(letters.values()) == sorted(causes.items())
    assert [cause for cause, _ in letters.values()] != list(causes)
    with pytest.raises(ValueError, match="expected 6 causes, got 1"):
        under_letters({"p": 1})


def test_memory_is_told_in_numbers():
    config = MistralConfig.preset("7b-v0.3")
    picture = draw_need("7b-v0.3", {16: need(config, 32_768), 4: need(config, 32_768, bits=4)})
    assert "32,768 tokens" in picture.caption and "16 bit: 14.5 + 4.3 + 1.2 = 20.0" in picture.caption
    assert picture.fig.axes[0].get_title(loc="left") == "7b-v0.3 with 32,768 tokens: 9.5 to 20.0 GB"


def test_where_each_file_leaves_the_right_one_is_told():
    """Two layers: the embedding, two states a layer, the logits."""
    picture = draw_apart({"A": [0, 0, 0, 0, 0, 2.1], "B": [0, 0.9, 0.8, 0.8, 0.8, 0.6], "C": [0, 0, 0, 0.3, 0.2, 0.1]})
    assert "A leaves at the logits" in picture.caption and "B leaves in layer 0" in picture.caption
    assert "C leaves in layer 1, its logits are off by 0.1" in picture.caption


def test_the_page_lets_the_order_of_letters_unsaid():
    """A reader who has not come to the proof should not be able to read it off."""
    page = course.find("15").path.read_text(encoding="utf-8")
    assert "ORDER" not in page and page.count("under_letters(suspects)") == 1
