from mistral_edu.text.answer import StopStrings

import pytest
from hypothesis import given
from hypothesis import strategies as st


def run(pieces, stop):
    stops = StopStrings(stop)
    shown = []
    for piece in pieces:
        shown.append(stops.add(piece))
        if stops.found:
            return "".join(shown), True
    return "".join(shown) + stops.finish(), False


@given(text=st.text("ab ", max_size=12), stop=st.lists(st.text("ab ", min_size=1, max_size=4), max_size=3),
       cuts=st.lists(st.integers(0, 12), max_size=12))
def test_any_cut_into_pieces_gives_the_text_before_the_first_stop_string(text, stop, cuts):
    """The same as for single characters, which is compared with a plain search: nothing depends on the pieces."""
    ends = [(text.find(s) + len(s), text.find(s)) for s in stop if s in text]
    expected = (text[:min(ends)[1]], True) if ends else (text, False)
    edges = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    assert run([text[a:b] for a, b in zip(edges, edges[1:])], stop) == expected
    assert run(list(text), stop) == expected


def test_only_what_could_begin_a_stop_string_is_held_back():
    stops = StopStrings("END")
    assert [stops.add(text) for text in ("a", "bE", "N", "x", "E")] == ["a", "b", "", "ENx", ""]
    assert stops.finish() == "E" and not stops.found


@pytest.mark.parametrize("stop", ["", ["a", ""], [3]])
def test_a_stop_string_has_text(stop):
    with pytest.raises(ValueError, match="stop takes strings that are not empty"):
        StopStrings(stop)
