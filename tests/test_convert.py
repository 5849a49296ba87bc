"""Conversion: what comes out, how little memory it takes, and what is left when it is stopped."""
import json
import os
import signal
import subprocess
import sys

from mistral_edu import convert, load, load_model, quantize
from mistral_edu.checkpoints.errors import NonFiniteWeights
from mistral_edu.checkpoints.new_folder import exchanged
from mistral_edu.checkpoints.shards import lay_out, put
from small_checkpoints import (
    CONFIG,
    INDEX,
    ONE,
    WEIGHTS,
    change_config,
    change_weights,
    same_weights,
    split,
    weights_of,
    write_checkpoint,
    write_quantized,
)

import mlx.core as mx
import pytest
from safetensors import safe_open


@pytest.fixture
def source(tmp_path):
    """A checkpoint of 0.5 MB, 30 weights in float32, in three shards."""
    split(write_checkpoint(tmp_path / "source"))
    return tmp_path / "source"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def hidden(folder):
    """What lies in a folder under names that begin with a dot."""
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


# --- what comes out ---

@pytest.mark.parametrize("bits, group_size, dtype", [(4, 64, "bfloat16"), (8, 32, "float32"), (3, 32, "float16")])
def test_a_quantized_copy_is_the_model_that_quantize_gives(source, out, bits, group_size, dtype):
    assert convert(source, out, bits=bits, group_size=group_size, dtype=dtype) == out
    model, tokenizer = load(out)
    assert same_weights(model, quantize(load_model(source, dtype=dtype), bits, group_size))
    assert tokenizer.encode("Hello") == load(source)[1].encode("Hello")
    assert {file.name for file in out.iterdir()} == {CONFIG, "tokenizer.json", WEIGHTS}
    description = json.loads((out / CONFIG).read_text())
    assert description["quantization"] == {"bits": bits, "group_size": group_size, "mode": "affine"}
    assert description["quantization_config"] == description["quantization"] and description["torch_dtype"] == dtype


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", mx.float16, None])
def test_a_copy_in_floats(source, out, dtype):
    convert(source, out, bits=None, dtype=dtype)
    assert same_weights(load_model(out), load_model(source, dtype=dtype))
    description = json.loads((out / CONFIG).read_text())
    assert "quantization" not in description and description["torch_dtype"] == str(
        dtype or "float32").removeprefix("mlx.core.")
    with safe_open(str(out / WEIGHTS), "np") as opened:
        assert opened.metadata() == {"format": "pt"}  # transformers asks for it


def test_many_shards_and_their_index(source, out):
    convert(source, out, bits=4, group_size=32, shard_size=40_000)
    index = json.loads((out / INDEX).read_text())
    files = sorted(file.name for file in out.glob("*.safetensors"))
    assert len(files) == 5 and files[0] == "model-00001-of-00005.safetensors"
    assert set(index["weight_map"].values()) == set(files)
    parts = {part: index["weight_map"][ONE.replace("weight", part)] for part in ("weight", "scales", "biases")}
    assert len(set(parts.values())) == 1  # a layer lies in one file
    expected = quantize(load_model(source, dtype="bfloat16"), 4, 32)
    assert index["metadata"]["total_size"] == sum(weight.nbytes for weight in weights_of(expected).values())
    assert same_weights(load_model(out), expected)


def test_the_rest_of_the_configuration_is_kept(source, out):
    change_config(source, eos_token_id=[2, 7], dtype="float32", custom="stays")
    (source / "tokenizer_config.json").write_text("{}")
    (source / "pytorch_model.bin").write_text("stays away")
    convert(source, out)
    description = json.loads((out / CONFIG).read_text())
    assert (description["eos_token_id"], description["custom"], description["dtype"]) == ([2, 7], "stays", "bfloat16")
    assert (out / "tokenizer_config.json").exists() and not (out / "pytorch_model.bin").exists()


def test_progress_is_in_bytes_and_ends_at_the_total(source, out):
    calls = []
    convert(source, out, on_progress=lambda done, total: calls.append((done, total)))
    done, totals = zip(*calls)
    assert list(done) == sorted(set(done)) and set(totals) == {done[-1]} and len(calls) > 30


def test_every_type_is_written_and_read_back(tmp_path):
    arrays = {"a.w": mx.arange(7).astype(mx.bfloat16), "b.w": mx.arange(5, dtype=mx.uint32),
              "c.w": mx.random.normal((3, 5)), "d.w": mx.random.normal((2, 3)).astype(mx.float16)}
    places = lay_out(tmp_path, arrays)
    for name, array in arrays.items():
        put(places[name], array)
        assert places[name].offset % array.itemsize == 0
    found = mx.load(str(tmp_path / WEIGHTS))
    assert all(mx.array_equal(found[name], arrays[name]) and found[name].dtype == arrays[name].dtype for name in arrays)
    with safe_open(str(tmp_path / WEIGHTS), "np") as opened:
        assert set(opened.keys()) == set(arrays)


# --- memory ---

BIG = """
import json, sys
import mlx.core as mx
from mistral_edu import MistralConfig, Model, convert
from mlx.utils import tree_flatten
folder, out, make = sys.argv[1:]
config = MistralConfig(dim=1024, n_layers=8, head_dim=128, hidden_dim=4096, n_heads=8, n_kv_heads=2, window_size=None,
                       context_len=512, vocab_size=4096)
if make == "make":
    weights = dict(tree_flatten(Model(config).parameters()))
    names = sorted(weights)
    files = [f"model-0000{i % 4 + 1}-of-00004.safetensors" for i in range(len(names))]
    for file in set(files):
        part = {name: weights.pop(name).astype(mx.bfloat16) for name, f in zip(names, files) if f == file}
        mx.save_safetensors(f"{folder}/{file}", part)
        del part
    json.dump({"weight_map": dict(zip(names, files))}, open(f"{folder}/model.safetensors.index.json", "w"))
    json.dump(config.to_hf(), open(f"{folder}/config.json", "w"))
else:
    convert(folder, out, bits=4, shard_size=20_000_000)
    print(mx.get_peak_memory())
"""


@pytest.mark.slow
def test_converting_takes_a_fraction_of_the_models_size(tmp_path):
    """260 MB in four files, the largest weight 8 MB: a few weights at a time, not a file, and never the model."""
    folder, out = tmp_path / "big", tmp_path / "out"
    folder.mkdir()
    for step in ("make", "convert"):
        done = subprocess.run([sys.executable, "-c", BIG, folder, out, step], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    peak = int(done.stdout)
    assert size > 240e6 and peak < 40e6, f"{peak / 1e6:.0f} MB at most for {size / 1e6:.0f} MB of weights"
    assert len(list(out.glob("*.safetensors"))) > 2


# --- what is refused ---

def test_a_folder_that_is_there_is_kept(source, out):
    out.mkdir()
    with pytest.raises(FileExistsError, match="is there already; choose another folder, or replace it: overwrite=True"):
        convert(source, out)
    assert list(out.iterdir()) == []


def test_a_folder_that_comes_meanwhile_is_kept(source, out):
    with pytest.raises(FileExistsError, match="is there already"):
        convert(source, out, on_progress=lambda done, total: out.mkdir(exist_ok=True))
    assert list(out.iterdir()) == [] and hidden(out.parent) == []


def test_overwrite_replaces_a_model(source, out):
    convert(source, out, bits=8, shard_size=40_000)
    convert(source, out, bits=4, overwrite=True)
    assert {file.name for file in out.iterdir()} == {CONFIG, "tokenizer.json", WEIGHTS}
    assert same_weights(load_model(out), quantize(load_model(source, dtype="bfloat16"), 4)) and hidden(out.parent) == []


def test_overwrite_replaces_nothing_but_a_model(source, out):
    convert(source, out)
    (out / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="holds thesis.txt, which no conversion writes"):
        convert(source, out, overwrite=True)
    assert (out / "thesis.txt").exists()
    with pytest.raises(FileExistsError, match="is not a folder"):
        convert(source, out / "thesis.txt", overwrite=True)


def test_the_source_is_not_overwritten(source):
    before = {file.name: file.read_bytes() for file in source.iterdir()}
    with pytest.raises(FileExistsError, match="is the source itself"):
        convert(source, source, overwrite=True)
    assert before == {file.name: file.read_bytes() for file in source.iterdir()}


def test_a_quantized_source_is_refused(tmp_path, out):
    write_quantized(tmp_path / "source")
    with pytest.raises(ValueError, match="is quantized already"):
        convert(tmp_path / "source", out)


@pytest.mark.parametrize("settings, complaint", [(dict(bits=7), "bits should be one of"),
                                                 (dict(group_size=48), "group_size should be one of"),
                                                 (dict(group_size=128), "groups of 128 do not fill"),
                                                 (dict(dtype="int8"), "dtype is one of")])
def test_settings_out_of_range_leave_nothing(source, out, settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        convert(source, out, **settings)
    assert [path.name for path in out.parent.iterdir()] == ["source"]


def test_too_little_room_on_the_disk(source, out, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10**5}))
    with pytest.raises(OSError, match="0.0 GB free, and the weights take 0.0 GB; make room"):
        convert(source, out)
    assert [path.name for path in out.parent.iterdir()] == ["source"]


def test_float16_is_too_narrow_for_some_weights(tmp_path, out):
    folder = write_checkpoint(tmp_path / "source")
    def enlarge(weights):
        weights[ONE][3, 5] = 1e5
    change_weights(folder, enlarge)
    with pytest.raises(NonFiniteWeights, match=f"NaN or infinity in {ONE};.*float16 ends at 65504"):
        convert(folder, out, dtype="float16")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
    convert(folder, out, dtype="bfloat16")


# --- what is left when it is stopped ---

STOPPED = """
import os, signal, sys, time
from mistral_edu import convert
def stop(done, total):
    if done > total / 2:
        print("half", flush=True)
        time.sleep(60)
convert(sys.argv[1], sys.argv[2], bits=4, shard_size=40_000, overwrite=True, on_progress=stop)
"""


def heed_ctrl_c():
    """In the child: a shell starts what runs in the background with Ctrl-C ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def stop_halfway(source, out, with_signal):
    process = subprocess.Popen([sys.executable, "-c", STOPPED, source, out], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, preexec_fn=heed_ctrl_c)
    assert process.stdout.readline() == b"half\n"
    return process, lambda: (process.send_signal(with_signal), process.communicate(timeout=30))


@pytest.mark.parametrize("replaces", [False, True])
def test_a_killed_conversion_leaves_nothing_that_looks_finished(source, out, replaces):
    if replaces:
        convert(source, out, bits=8)
        before = {file.name: file.read_bytes() for file in out.iterdir()}
    process, kill = stop_halfway(source, out, signal.SIGKILL)
    with pytest.raises(FileExistsError, match="another conversion is writing"):
        convert(source, out, overwrite=True)
    kill()
    assert process.returncode == -signal.SIGKILL and hidden(out.parent) == [".out.unfinished"]
    if replaces:
        assert before == {file.name: file.read_bytes() for file in out.iterdir()}
    else:
        assert not out.exists()
    assert not (out.parent / ".out.unfinished" / CONFIG).exists()  # nothing loads what is half written
    convert(source, out, bits=4, overwrite=True)                   # starting again is all it takes
    assert same_weights(load_model(out), quantize(load_model(source, dtype="bfloat16"), 4))
    assert hidden(out.parent) == [] and {file.name for file in out.iterdir()} == {CONFIG, "tokenizer.json", WEIGHTS}


def test_an_interrupted_conversion_cleans_up(source, out):
    process, interrupt = stop_halfway(source, out, signal.SIGINT)
    interrupt()
    assert process.returncode != 0 and [path.name for path in out.parent.iterdir()] == ["source"]


def test_a_kill_between_the_two_renames_loses_no_model(source, out):
    """The old folder was put aside, and the new one had not got its name yet."""
    convert(source, out, bits=8)
    os.rename(out, out.with_name(".out.old"))
    out.with_name(".out.unfinished").mkdir()
    with pytest.raises(FileExistsError, match="is there already"):
        convert(source, out)
    assert load_model(out).layers[0].mlp.up_proj.bits == 8
    convert(source, out, bits=4, overwrite=True)
    assert load_model(out).layers[0].mlp.up_proj.bits == 4 and hidden(out.parent) == []


def test_two_folders_change_names_at_once(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / "name").write_text(folder.name)
    if exchanged(one, other):                                # where the system can
        assert (one / "name").read_text() == "other" and (other / "name").read_text() == "one"
    assert not exchanged(one, tmp_path / "nowhere")


def test_a_model_under_a_hidden_name_is_found_by_the_message(tmp_path):
    (tmp_path / ".mine.old").mkdir()
    with pytest.raises(FileNotFoundError, match=r"a conversion was stopped .* the model is in .*\.mine\.old"):
        load_model(tmp_path / "mine")
