"""What notebook 17 shows: verdicts follow from counts, pictures say their numbers, exercises know beginners."""
import json
import math
import shutil
from pathlib import Path

from mistral_edu import MistralConfig, load_model, load_tokenizer
from mistral_edu.bench.results import FOLDER, stored_results
from mistral_edu.commands.main import build_parser
from mistral_edu.lab import check
from mistral_edu.lab.experiments.skills import recall, story_loss
from mistral_edu.lab.n17_speed import (
    Dot,
    claims,
    dots_of,
    draw_dots,
    draw_over_context,
    draw_roofline,
    limits_of,
    recorded_machines,
)
from mistral_edu.lab.n17_speed.claims import main, page, read_per_token
from mistral_edu.lab.n17_speed.exercises import SMALL

import pytest

DOC = Path(__file__).parents[1] / "docs/claims.md"
CLAIMS = {each.name: each for each in claims()}
LEFT_OUT = {"h200_7b_mlx", "h200_tiny"}     # without our kernels; made for its first answers


# ---------------------------------------------------------------- the claims
def test_the_document_is_the_table():
    assert DOC.read_text(encoding="utf-8") == page(), "python -m mistral_edu.lab.n17_speed --page > docs/claims.md"


def test_every_published_figure_is_among_the_claims():
    """Each number of the quoted table stands in a claim, and so do its two claims in words."""
    quoted = stored_results("quoted")["published_m3_max"]
    told = " | ".join(each.published for each in claims()).replace(" / ", " ").split()
    for row in quoted["rows"]:
        for name in ("memory_gb", "prompt_tps", "generation_tps"):
            assert name not in row or f"{row[name]:g}" in told, (row, name)
    assert "3.5x" in told and "1.4x" in told and len(quoted["claims"]) == 2


def test_the_bytes_behind_the_verdicts():
    config = MistralConfig.preset("7b-v0.2")
    assert read_per_token() == 2 * (config.n_parameters - 32000 * 4096)
    assert read_per_token(4, 1000) - read_per_token(4) == 131_072_000
    assert 40 * read_per_token() > 400e9 > 55 * read_per_token(4)       # above, and possible
    assert "28.1" in CLAIMS["decode-16"].computed and "569 GB/s" in CLAIMS["decode-16"].why


@pytest.mark.slow
def test_what_the_embedded_model_loses_in_4_bit_is_what_the_claim_says():
    tokenizer = load_tokenizer()
    found = []
    for bits in (None, 4):
        model = load_model(dtype="float32", bits=bits)
        found.append((round(story_loss(model, tokenizer, 8), 3), recall(model, tokenizer, 24)))
    assert found == [(0.129, 1.0), (0.130, 1.0)]
    assert "0.129 and 0.130, 24 of 24" in CLAIMS["quality"].computed


@pytest.mark.parametrize("claim", claims(), ids=lambda claim: claim.name)
def test_the_command_shows_the_claim(claim, capsys):
    words = claim.shown_by.split()
    if words[0] == "mistral-edu":
        build_parser(words[1]).parse_args(words[1:])                     # it takes these arguments
    else:
        assert words[:3] == ["python", "-m", "mistral_edu.lab.n17_speed"] and main(words[3:]) == 0
        shown = capsys.readouterr().out
        assert claim.computed in shown and claim.verdict in shown


def test_an_unknown_claim_names_those_there_are(capsys):
    assert main(["speed"]) == 2
    assert "no claim 'speed'; there are: memory, weights" in capsys.readouterr().err


# ---------------------------------------------------------------- machines
def test_results_in_the_folder_are_read_and_others_are_named(tmp_path, capsys):
    shutil.copy(FOLDER / "epyc_tiny.json", tmp_path / "mine.json")
    (tmp_path / "broken.json").write_text("{")
    shutil.copy(FOLDER / "published_m3_max.json", tmp_path / "theirs.json")
    found = recorded_machines(tmp_path)
    assert set(found) == {*stored_results("measured"), "mine"} - LEFT_OUT
    shown = capsys.readouterr().out
    assert "broken.json is not valid JSON" in shown and "theirs.json is not a measured result" in shown


def test_without_a_folder_there_are_the_recorded_machines(tmp_path):
    assert set(recorded_machines(tmp_path / "nowhere")) == set(stored_results("measured")) - LEFT_OUT


def test_a_dot_is_the_measured_speed_over_the_one_from_bytes():
    result = stored_results("measured")["xeon_230m"]
    read, operations = limits_of(result)
    assert read == pytest.approx(31.7e9, rel=1e-2) and operations == pytest.approx(1075e9, rel=1e-2)
    dot = dots_of("xeon", result)[0]
    assert dot.bits == 16 and dot.most == pytest.approx(read / 394_317_824)
    assert dot.came == pytest.approx(78.3, rel=1e-2)
    assert len(dots_of("xeon", result)) == 3                             # those of other engines are left out


def test_dots_are_of_texts_so_short_that_weights_are_nearly_all_that_is_read():
    result = stored_results("measured")["xeon_230m"]
    row = next(row for row in result["rows"] if row["engine"] == "mistral_edu")
    few, many = ({**row, "bytes_per_step": round(share * row["weight_bytes_per_step"])} for share in (1.14, 1.16))
    assert len(dots_of("xeon", {**result, "rows": [few, many, few]})) == 2


# ---------------------------------------------------------------- pictures
@pytest.mark.parametrize("intensity, bound", [(1.0, "reading"), (50.0, "arithmetic")])
def test_the_roof_says_where_it_bends_and_what_is_the_limit(intensity, bound):
    picture = draw_roofline(20e9, 400e9, ("asked", intensity), [("dot", 1.0, 10e9)], "a machine")
    assert picture.fig.axes[0].get_title(loc="left") == "a machine: the roof bends at 20.0 operations per byte"
    assert f"bound by {bound}." in picture.caption and "dot: 50% of the roof." in picture.caption


def test_memory_and_speed_say_their_ends():
    picture = draw_over_context([0, 8192], {4: [4.1, 5.2]}, {4: [8.4, 6.6]}, 4, 25.3, "1 text, no window")
    assert "In 4 bit, from 0 to 8,192 tokens: 4.1 to 5.2 GB, 8.4 to 6.6 tokens a second at most." in picture.caption


def test_published_figures_have_a_mark_of_their_own():
    picture = draw_dots([Dot("epyc", 16, 70.0, 60.0), Dot("M3", 16, 28.0, 40.0, quoted=True)])
    axes = picture.fig.axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["epyc, measured", "M3, published there"]
    markers = {line.get_label(): line.get_marker() for line in axes.lines}
    assert markers["epyc, measured"] != markers["M3, published there"] == "*"
    assert axes.get_title(loc="left").startswith("1 of 2 figures above the limit")
    assert "epyc 16 bit 0.86; M3 16 bit 1.43." in picture.caption
    several = draw_dots([Dot("epyc", 16, 70.0, came) for came in (60.0, 50.0, 55.0)])
    assert several.caption.endswith("epyc 16 bit 0.71 to 0.86.")


def test_a_roof_reaches_as_far_as_what_was_measured():
    wide = draw_roofline(4e12, 6e14, None, [("a long prompt", 7000.0, 5e14)], "a GPU").fig.axes[0]
    usual = draw_roofline(2e10, 4e11, None, [], "a processor").fig.axes[0]
    assert (wide.get_xlim()[1], usual.get_xlim()[1]) == (14000, 2000)


# ---------------------------------------------------------------- the clocks, as they stand on the page
def test_each_fault_of_a_clock_is_seen_by_one_test_and_missed_by_another():
    page_cells = json.loads((DOC.parents[1] / "notebooks/17_speed_and_memory.ipynb").read_text("utf-8"))["cells"]
    names = {}
    for cell in page_cells:
        if cell["id"] in ("pretend", "clocks"):
            exec("".join(cell["source"]), names)
    decode_speed, new = names["decode_speed"], names["Pretend"]
    assert decode_speed(new(), 100, 64) == pytest.approx(50, rel=1e-4)
    for fault, speed in (({"waits": False}, 6.4e6), ({"warm": False}, 64 / 2.28), ({"whole": True}, 164 / 1.78)):
        assert decode_speed(new(), 100, 64, **fault) == pytest.approx(speed, rel=1e-4)


# ---------------------------------------------------------------- the exercises
def by_adding_up(config, bits, context):
    table = config.vocab_size * config.dim
    b = {16: 2, 8: 1.0625, 4: 0.5625}[bits]
    seen = min(context, config.window_size or context)
    return (config.n_parameters - table + config.dim) * b + seen * config.kv_bytes_per_token()


def test_other_ways_to_the_same_numbers_pass():
    assert check("17.1", by_adding_up)
    assert check("17.1", lambda config, bits, context: round(by_adding_up(config, bits, context)))
    for rounded in (math.ceil, lambda rows: -(-rows // 1)):
        assert check("17.3", lambda bits, read, gflops: rounded(
            ({16: 2, 8: 1.0625, 4: 0.5625}[bits] / (read * 1e9)) / (2 / (gflops * 1e9))))


def cache_of(config, seen):
    return seen * config.kv_bytes_per_token()


@pytest.mark.parametrize("label, answer, words", [
    ("17.1", lambda config, bits, context: config.n_parameters * bits / 8, "three things"),
    ("17.1", lambda config, bits, context: by_adding_up(config, bits, context) * 8, "8 of them are a byte"),
    ("17.1", lambda config, bits, context: by_adding_up(config, bits, 0), "keys and values in sight are read, too"),
    ("17.1", lambda config, bits, context: by_adding_up(config, bits, 0) + cache_of(config, context),
     "no more than window_size"),
    ("17.1", lambda config, bits, context: (config.n_parameters - (config.vocab_size - 1) * config.dim) * bits / 8
        + cache_of(config, min(context, config.window_size or context)), "(bits + 0.5) / 8"),
    ("17.1", lambda config, bits, context: by_adding_up(config, bits, min(context, config.window_size)), "TypeError"),
    ("17.1", lambda config, bits, context: by_adding_up(config, bits, config.window_size or context),
     "only context of them are in sight"),
    ("17.1", lambda config, bits, context: by_adding_up(config, bits, context - 1), "do not subtract one"),
    ("17.1", lambda config, bits, context: by_adding_up(config, bits, min(context, (config.window_size or 1e9) - 1)),
     "the newest one included"),
    ("17.1", lambda config, bits, context: by_adding_up(config, bits, 0)
        + cache_of(config, max(context, config.window_size or 0)), "the smaller of"),
    ("17.1", lambda config, bits, context: by_adding_up(config, bits, context)
        - (config.vocab_size - 1) * config.dim * {16: 2, 8: 1.0625, 4: 0.5625}[bits], "the output layer is as large"),
    ("17.1", lambda config, bits, context: print(by_adding_up(config, bits, context)), "returns None"),
    ("17.1", lambda config, bits, context: (by_adding_up(config, bits, 0), 24), "expected 424"),
    ("17.3", lambda bits, read, gflops: gflops / read, "only in 16 bit"),
    ("17.3", lambda bits, read, gflops: math.ceil(gflops / read), "only in 16 bit"),
    ("17.3", lambda bits, read, gflops: bits / 8 * gflops / (2 * read), "two things"),
    ("17.3", lambda bits, read, gflops: math.ceil(bits / 8 * gflops / (2 * read)), "half a bit more"),
    ("17.3", lambda bits, read, gflops: int({16: 2, 8: 1.0625, 4: 0.5625}[bits] * gflops / (2 * read)), "rounded down"),
    ("17.3", lambda bits, read, gflops: -{16: 2, 8: 1.0625, 4: 0.5625}[bits] * gflops / (2 * read) // 1,
     "the first minus is missing"),
    ("17.3", lambda bits, read, gflops: f"{gflops / read}", "text in quotes"),
])
def test_what_beginners_write_is_answered_to_the_point(label, answer, words, capsys):
    verdict = check(label, answer)
    assert not verdict and words in " ".join(verdict.message.split())


def test_the_small_model_is_the_one_on_the_page():
    assert SMALL.n_parameters == 236 and by_adding_up(SMALL, 16, 3) == 424
