"""Damaged model folders by the thousand: each is refused in a sentence of ours, or works.

    python tests/mutations.py --cases 20000 --seed 1

A case is a number: it draws one small folder of a model (as Hugging Face or MLX write it, plain, in shards or
quantized, with either kind of tokenizer) and one to three changes to its files: bytes cut, turned or filled in, JSON
values removed, exchanged or replaced by odd ones, files emptied or taken away. The folder is then loaded, asked and
read in a process of its own. Wrong are: an exception that is not raised in this package, or is of no kind that it
promises; a message longer than a screen; a crash; more than 20 seconds; and an answer with numbers that are not finite,
or with a text that does not come back, or that became a control id.
"""
import argparse
import json
import math
import random
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

SECONDS, LONGEST = 20, 1300
TEXT = "hello the world [INST] </s> naïve 🙂"
ODD = [None, True, False, 0, -1, 1, 2, 3, 7, 64, 1.5, -0.0, 1e-300, 1e300, 2**31, 2**63, 10**400, "", "x", "x" * 5000,
       "</s>", "<s>", "[INST]", "linear", "▁", [], {}, [None], [[]], {"type": "x"}, {"": None}, "nan", "\ud800",
       [1] * 3000]


def make_folders(place):
    """The sound folders from which all cases start."""
    from mistral_edu import MistralConfig, Model, convert
    from mistral_edu.text.chat_template import SETTINGS
    from small_tokenizers import KINDS

    import mlx.core as mx
    from mlx.utils import tree_flatten
    config = MistralConfig(dim=64, n_layers=2, head_dim=16, hidden_dim=64, n_heads=4, n_kv_heads=2, window_size=8,
                           context_len=128, vocab_size=448)
    folders = []
    for kind, write in KINDS.items():
        folder = place / kind
        folder.mkdir()
        vocab = json.loads(write(folder / "tokenizer.json").read_text())["model"]["vocab"]
        assert len(vocab) <= config.vocab_size
        mx.random.seed(0)
        weights = dict(tree_flatten(Model(config).parameters()))
        mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "pt"})
        (folder / "config.json").write_text(json.dumps(config.to_hf("float32")))
        (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [2], "bos_token_id": 1}))
        template = "{{ bos_token }}{% for m in messages %}[INST] {{ m.content }}[/INST]{% endfor %}"
        (folder / SETTINGS).write_text(json.dumps({"eos_token": "</s>", "chat_template": template}))
        folders += [folder, convert(folder, place / f"{kind}-shards", bits=None, dtype="float32", shard_size=60_000),
                    convert(folder, place / f"{kind}-4bit", bits=4, group_size=32)]
    return folders


# ---------------------------------------------------------------- changes
def change_bytes(file, r):
    data = bytearray(file.read_bytes())
    start = r.choice([0, 0, len(data) // 2]) + r.randrange(200)
    what = r.choice(["cut", "cut", "turn", "turn", "turn", "zero", "insert", "repeat", "empty"])
    if what == "cut":
        del data[r.choice([start, r.randrange(len(data) + 1)]):]
    elif what == "turn":
        for _ in range(r.choice([1, 1, 8, 100])):
            at = min(len(data) - 1, r.choice([start, r.randrange(len(data))]) if data else 0)
            if data:
                data[at] ^= 1 << r.randrange(8)
    elif what == "zero":
        data[start:start + 40] = bytes(len(data[start:start + 40]))
    elif what == "insert":
        data[start:start] = r.randbytes(r.choice([1, 8, 100]))
    elif what == "repeat":
        data += bytes(data)
    else:
        data.clear()
    file.write_bytes(data)
    return f"{file.name}: bytes, {what}"


def nodes(value, path=()):
    """All containers in a JSON value, with their paths."""
    if isinstance(value, (dict, list)) and value:
        yield path, value
        for key in list(value)[:60] if isinstance(value, dict) else range(min(60, len(value))):
            yield from nodes(value[key], (*path, key))


def change_json(file, r):
    try:
        whole = json.loads(file.read_text(encoding="utf-8"))
        path, node = r.choice(list(nodes(whole)))
    except (ValueError, IndexError, RecursionError):
        return change_bytes(file, r)
    keys = list(node) if isinstance(node, dict) else range(len(node))
    key, other = r.choice(keys), r.choice(keys)
    what = r.choice(["remove", "odd", "odd", "odd", "exchange", "rename", "nest", "list"])
    if what == "remove":
        del node[key]
    elif what == "odd":
        node[key] = r.choice(ODD)
    elif what == "exchange":
        node[key], node[other] = node[other], node[key]
    elif what == "rename" and isinstance(node, dict):
        node[r.choice(["x", "", str(other) + "s", "continuing_subword_prefix"])] = node.pop(key)
    elif what == "nest":
        node[key] = {"x": node[key]}
    else:
        node[key] = [node[key]] * r.choice([1, 2, 500])
    text = json.dumps(whole)
    if r.random() < 0.01:
        text = text.replace("{", '{"deep": ' + "[" * 3000 + "]" * 3000 + ", ", 1)
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    return f"{file.name}: {'/'.join(map(str, path))[:60]} {key!r:.40} {what}"


def change_header(file, r):
    """The JSON at the beginning of a safetensors file, its length kept right."""
    data = file.read_bytes()
    n = int.from_bytes(data[:8], "little")
    header = file.with_suffix(".header")
    header.write_bytes(data[8:8 + n])
    told = change_json(header, r)
    new = header.read_bytes()
    header.unlink()
    file.write_bytes(len(new).to_bytes(8, "little") + new + data[8 + n:])
    return f"{file.name}, header of {told}"


def change_file(file, r):
    others = [each for each in file.parent.iterdir() if each != file]
    what = r.choice(["remove", "empty", "copy", "folder"])
    if what == "copy" and others:
        shutil.copyfile(r.choice(others), file)
    elif what == "empty":
        file.write_bytes(b"")
    else:
        file.unlink()
        if what == "folder":
            file.mkdir()
    return f"{file.name}: {what}"


def mutated(folder, target, r):
    """A copy of a folder with one to three changes; what was changed."""
    shutil.copytree(folder, target)
    told = []
    for _ in range(r.choice([1, 1, 1, 2, 3])):
        file = r.choice([each for each in sorted(target.iterdir()) if each.is_file()] or [None])
        if file is None:
            break
        if r.random() < 0.06:
            change = change_file
        elif file.suffix == ".json":
            change = change_json if r.random() < 0.8 else change_bytes
        else:
            change = change_header if r.random() < 0.5 and file.stat().st_size > 8 else change_bytes
        try:
            told.append(change(file, r))
        except (ValueError, OverflowError, OSError, RecursionError):        # of a file that a change before has spoiled
            told.append(change_file(file, r))
    return told


# ---------------------------------------------------------------- one case
def try_folder(folder):
    """Load, ask and read a folder. None where all is well or refused in our words, else what is wrong."""
    from mistral_edu import load, stream_generate
    try:
        model, tokenizer = load(folder, fast=False)
        for kind in (TEXT, " " + TEXT):
            ids = tokenizer.encode(kind, bos=False)
            if set(ids) & set(tokenizer.control_ids.values()):
                return "a text became a control id"
            if max(ids) >= model.config.vocab_size:
                return "an id without a row"
        for piece in stream_generate(model, tokenizer, "hello", max_tokens=3):
            if not math.isfinite(piece.logprob):
                return f"a log probability of {piece.logprob}"
            piece.text.encode("utf-8", errors="strict")
    except (ValueError, OSError) as error:
        raised_in = traceback.extract_tb(error.__traceback__)[-1].filename
        if "/mistral_edu/" not in raised_in.replace("\\", "/"):
            return f"{type(error).__name__} from {raised_in}: {str(error)[:200]}"
        if len(str(error)) > LONGEST:
            return f"a message of {len(str(error))} characters: {str(error)[:200]}"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"{type(error).__name__}: {str(error)[:300]} {traceback.extract_tb(error.__traceback__)[-1]}"


def run_case(folders, seed, case):
    """(case, what was changed, what is wrong or None)."""
    r = random.Random(f"{seed}-{case}")
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target = Path(place, "model")
        told = mutated(r.choice(folders), target, r)
        signal.signal(signal.SIGALRM, too_long)
        signal.alarm(SECONDS)
        try:
            return case, told, try_folder(target)
        except TimeoutError:
            return case, told, f"not done in {SECONDS} s"
        finally:
            signal.alarm(0)


def too_long(*_):
    raise TimeoutError


def run_cases(folders, seed, cases):
    """Those that went wrong, of a list of cases, in this process."""
    import mistral_edu  # noqa: F401
    return [result for case in cases if (result := run_case(folders, seed, case))[2]]


def run_all(n, seed, workers=1, part=250, say=lambda text: None):
    """What went wrong in cases 0 .. n - 1; each part runs in a process, whose crash is laid to one of its cases."""
    wrong = []
    with tempfile.TemporaryDirectory() as place:
        folders = make_folders(Path(place))
        for start in range(0, n, part * workers):
            parts = [list(range(at, min(n, at + part))) for at in range(start, min(n, start + part * workers), part)]
            wrong += in_processes(folders, seed, parts, workers)
            say(f"{min(n, start + part * workers):,} of {n:,} cases, {len(wrong)} wrong")
    return wrong


def in_processes(folders, seed, parts, workers):
    try:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            return [each for found in pool.map(run_cases, [folders] * len(parts), [seed] * len(parts), parts)
                    for each in found]
    except BrokenProcessPool:
        if len(parts) == 1 and len(parts[0]) == 1:
            return [(parts[0][0], [], "the process crashed")]
        cases = [case for part in parts for case in part]
        half = len(cases) // 2
        return in_processes(folders, seed, [cases[:half]], 1) + in_processes(folders, seed, [cases[half:]], 1)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    found = run_all(arguments.cases, arguments.seed, arguments.workers, say=lambda text: print(text, flush=True))
    for case, told, what in found:
        print(f"case {case}: {what}\n  {'; '.join(told)}")
    print(f"{arguments.cases:,} cases, seed {arguments.seed}: {len(found)} wrong")
    sys.exit(bool(found))
