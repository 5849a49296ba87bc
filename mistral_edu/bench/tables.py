"""Results as Markdown tables, which read well in a terminal, too."""
import textwrap

from mistral_edu.bench import on_gpu
from mistral_edu.bench.compare import SLOW
from mistral_edu.bench.peers.runner import LONG
from mistral_edu.bench.results import number, place
from mistral_edu.bench.row import OurRow, PeerRow

NOTES = (
    "weights: what they take as stored. load: {load}. prompt: its tokens over the time "
    "to the logits of the last one. generation: tokens after the first over the time from there to the last.{batch} of "
    "limit, beside the prompt: the operations that it needs, as a share of what the machine could multiply in that "
    "time; beside generation: the bytes of the weights, as a share of what it could read. The limits are the fastest "
    "that was measured here, not the peak of the hardware. {memory}{spread}")
MEMORY = ("peak: the most that the whole process, Python included, held up to this row. beyond: what the answer took "
          "besides weights and cache.")
MEMORY_ON_GPU = (
    "peak: the most that an engine's arrays took on the GPU during the answer, weights included. above: how much of "
    "that came with the answer, its keys and values included. taken: how much of the GPU's memory was taken at the "
    "end of the answer; this includes the code of libraries, and what is kept for later.")
MEMORY_COLUMNS = {False: {"peak, GB": "peak_memory_gb", "beyond, GB": "beyond_gb"},
                  True: {"peak, GB": "peak_memory_gb", "above, GB": "above_gb", "taken, GB": "taken_gb"}}
FIRST = " (of a batch, after the first one)"
BATCH = " With several sequences side by side, a batch, tokens are those of all of them together."
SPREAD = " Each figure is the median of the rounds, with the lowest and the highest."
COMPARED = (
    "All engines read the same weights and the same prompts in turn in every round. {where} load: engines do "
    "different things in it, llama.cpp for one maps its file and reads it later, so it does not compare. "
    "ours / theirs: of the medians. apart: how far the log probabilities after the prompt{first} are from ours, "
    "as a share of their spread: further where weights are quantized in other groups, or multiplied in bfloat16.")


THREADS = ("transformers and llama.cpp are told to use as many threads as there are processors; in mlx-lm, MLX "
           "decides.")
ONE_GPU = "All compute on the same GPU, one at a time."


def as_table(result):
    """The table of a measured result, with the machine above it and what was measured below it."""
    ours = [row for row in result["rows"] if row["engine"] == "mistral_edu"]
    notes = NOTES.format(memory=MEMORY_ON_GPU if is_on_gpu(result) else MEMORY, load=what_load_is(result),
                         batch=BATCH * has_batches(ours),
                         spread=SPREAD * (result["settings"]["repeats"] > 1))
    lines = [*conditions(result, ours), "", *our_table(ours, is_on_gpu(result)), "", *wrapped(notes)]
    if "left_out" in result:
        lines += ["", *compared_table(result)]
    return "\n".join(lines)


def conditions(result, ours):
    """Lines: what was measured, by which command, on what machine and with what."""
    machine, settings, limits, software = (result[part] for part in ("machine", "settings", "limits", "software"))
    memory = f"memory: {machine['memory_gb']} GB, " if machine["memory_gb"] else ""
    threads = f", OpenBLAS threads: {software['blas_threads']}" if software["blas_threads"] else ""
    blas = "" if is_on_gpu(result) else f", {software['blas']}{threads}"
    products = " and ".join(f"{dtype} at {figure(limits['matrix_gflops'], dtype)} GFLOPS"
                            for dtype in limits["matrix_gflops"])
    return [
        f"{subject(settings)}, {result['date']}, {rounds(settings['repeats'])}, answers of {ours[0]['generated']} "
        "tokens",
        result["command"],
        f"{machine['processor']}, processors: {machine['processors']}, {memory}computing on {machine['device']}; "
        f"mlx {software['packages']['mlx']}{blas}",
        *([on_gpu.words(machine["gpu"])] if "gpu" in machine else []),
        f"reads {figure(limits, 'read_gb_per_s')} GB/s; multiplies {products}; "
        f"path: {', '.join(sorted({row['path'] for row in ours}))}",
        *first_tokens(result.get("first_answers", []))]


def first_tokens(answers):
    """A line, if first answers were timed.

    >>> first_tokens([{"bits": 16, "context": 128, "seconds": 4.321}, {"bits": 4, "context": 128, "seconds": 5}])
    ['first token where nothing is compiled yet, after a prompt of 128: 16 bit 4.32 s, 4 bit 5.0 s']
    """
    if not answers:
        return []
    told = ", ".join(f"{answer['bits']} bit {short(answer['seconds'])} s" for answer in answers)
    return [f"first token where nothing is compiled yet, after a prompt of {answers[0]['context']}: {told}"]


def is_on_gpu(result):
    """Whether a GPU computed."""
    return result["machine"]["device"] != "cpu"


def what_load_is(result):
    """What the load time covers, depending on where the weights came from."""
    if "left_out" in result:
        return "weights read and checked, from a file that has them in this precision already"
    if result["settings"]["random"]:
        return "random weights made, and quantized"
    return "weights read, checked and quantized"


def subject(settings):
    """What was measured: a model's name, or the shape of random weights."""
    return f"random weights of the shape {settings['random']}" if settings["random"] else settings["model"]


def rounds(n):
    """
    >>> rounds(1), rounds(3)
    ('1 round', '3 rounds')
    """
    return f"{n} round{'s' * (n != 1)}"


def our_table(rows: list[OurRow], gpu=False):
    """What was measured of ours, with a column for the batch only if there is one."""
    batches, memory = has_batches(rows), MEMORY_COLUMNS[gpu]
    header = ["bits", "weights, GB", *["batch"] * batches, "prompt", "load, s", "prompt, tok/s", "of limit",
              "generation, tok/s", "of limit", *memory]
    return markdown(header, [
        [row["bits"], short(row["weights_gb"]), *[row["batch"]] * batches, row["context"], figure(row, "load_seconds"),
         figure(row, "prompt_tps"), percent(row["shares"]["multiply"]), figure(row, "generation_tps"),
         percent(row["shares"]["read"]), *(figure(row, name) for name in memory.values())] for row in rows])


def has_batches(rows):
    """Whether any row has several sequences."""
    return any(row["batch"] > 1 for row in rows)


def wrapped(text):
    """A paragraph as lines."""
    return textwrap.wrap(text, 118)


def compared_table(result):
    """Ours and the others, by precision, batch and prompt, ours first; then their versions, what is missing, and why.

    A batch is there, and a column for it, only if others were measured at it, too.
    """
    body, short_of, gpu = [], [], is_on_gpu(result)
    peers = [row for row in result["rows"] if row["engine"] != "mistral_edu"]
    batches = has_batches(peers)
    for ours in (row for row in result["rows"] if row["engine"] == "mistral_edu"):
        others = [row for row in peers if place(row) == place(ours)]
        if not others and ours["batch"] > 1:
            continue
        key = [ours["bits"], *[ours["batch"]] * batches, ours["context"]]
        body.append([*key, "mistral_edu", *speeds(ours, "", "", gpu), ""])
        body += [[*key, f"{row['engine']} {row['precision']}",
                  *speeds(row, ratio(ours, row, "prompt_tps"), ratio(ours, row, "generation_tps"), gpu),
                  percent(row["difference"])] for row in others]
        short_of += [less(row, result["settings"]["repeats"], ours["generated"]) for row in others]
    header = ["bits", *["batch"] * batches, "prompt", "engine", "weights, GB", "load, s", "prompt, tok/s",
              "ours / theirs", "generation, tok/s", "ours / theirs", "peak, GB", *["above, GB", "taken, GB"] * gpu,
              "apart"]
    versions = [", ".join(f"{package} {version}" for package, version in packages.items())
                for packages in result["software"]["peers"].values()]
    notes = COMPARED.format(where=ONE_GPU if gpu else THREADS, first=FIRST * batches)
    return [*markdown(header, body), "", *wrapped(notes),
            *filter(None, short_of),
            *wrapped("Versions: " + "; ".join(versions) + "." if versions else ""),
            *(line for entry in result["left_out"] for line in wrapped(missing(entry)))]


def speeds(row, faster_prompt, faster_generation, gpu):
    """The cells of an engine's measurements, with what goes beside its two speeds."""
    return [short(row["weights_gb"]), figure(row, "load_seconds"), figure(row, "prompt_tps"), faster_prompt,
            figure(row, "generation_tps"), faster_generation, figure(row, "peak_memory_gb"),
            *[figure(row, name) for name in ("above_gb", "taken_gb") if gpu]]


def less(row: PeerRow, repeats, n_tokens):
    """A line for a peer that took too long for all rounds, or for the whole answer; "" for another.

    >>> slow = {"engine": "mlx-lm", "precision": "8-bit", "batch": 1, "context": 256, "generated": 12}
    >>> less({**slow, "prompt_tps": {"samples": [0.6]}}, repeats=3, n_tokens=64)
    'mlx-lm 8-bit, a prompt of 256: 1 round of 3, as it takes over 60 s; 12 tokens of 64, as they take over 20 s.'
    """
    n, parts = len(row["prompt_tps"]["samples"]), []
    if n < repeats:
        parts.append(f"{rounds(n)} of {repeats}, as it takes over {SLOW} s")
    if row["generated"] < n_tokens:
        parts.append(f"{row['generated']} tokens of {n_tokens}, as they take over {LONG} s")
    what = f"{row['engine']} {row['precision']}{size(row['batch'], row['context'])}"
    return f"{what}: {'; '.join(parts)}." if parts else ""


def missing(entry):
    """A line for what a comparison lacks.

    >>> missing({"engine": "llama.cpp", "precision": "q4_0", "context": 128, "reason": "it computes something else"})
    'Left out: llama.cpp q4_0, a prompt of 128: it computes something else'
    """
    what = " ".join(filter(None, (entry["engine"], entry["precision"])))
    return f"Left out: {what}{size(entry.get('batch'), entry['context'])}: {entry['reason']}"


def size(batch, context):
    """A batch and the length of its prompts, after a name. None: all of them.

    >>> size(1, 128), size(8, 128), size(8, None), size(None, None)
    (', a prompt of 128', ', batch 8, prompts of 128', ', batch 8', '')
    """
    several = batch is not None and batch > 1
    prompts = f", {'prompts' if several else 'a prompt'} of {context}" if context else ""
    return f", batch {batch}" * several + prompts


def ratio(ours, theirs, name):
    """Ours as a multiple of theirs.

    >>> ratio({"prompt_tps": {"median": 30.0}}, {"prompt_tps": {"median": 20.0}}, "prompt_tps")
    '1.5x'
    """
    return f"{short(number(ours, name) / number(theirs, name))}x"


def percent(share):
    """A share of 1 as a percentage.

    >>> percent(0.567), percent(0.0123)
    ('57 %', '1.2 %')
    """
    return f"{100 * share:.{0 if share >= 0.0995 else 1}f} %"


def figure(row, name):
    """A measured figure: its median, and the spread if it is visible. "?" if it could not be measured.

    >>> figure({"prompt_tps": {"median": 1234.5, "min": 1101.2, "max": 1300.0}}, "prompt_tps")
    '1230 (1100-1300)'
    """
    if row.get(name) is None:
        return "?"
    middle, low, high = (short(row[name][which]) for which in ("median", "min", "max"))
    return middle if low == high else f"{middle} ({low}-{high})"


def short(value):
    """Three digits of a number, never with an exponent.

    >>> short(1234.5), short(56.789), short(0.064168)
    ('1230', '56.8', '0.0642')
    """
    rounded = float(f"{value:.3g}")
    return str(int(rounded)) if rounded >= 100 else str(rounded)


def published_table(result):
    """The table of a quoted result, with its source above it."""
    rows = result["rows"]
    lines = [f"{result['model']} on an {result['machine']['processor']}, from the {result['source']['title']}.",
             "Theirs, not measured by this project.", ""]
    plain = [row for row in rows if "context" not in row]
    names = ("memory_gb", "prompt_tps", "generation_tps")
    lines += markdown(["", "memory, GB", "prompt, tok/s", "generation, tok/s"],
                      [[row["precision"], *(quoted(row, name) for name in names)] for row in plain])
    contexts = sorted({row["context"] for row in rows if "context" in row})

    def at(context, name, bits=None):
        found = [row for row in rows if row.get("context") == context and row.get("bits") == bits and name in row]
        return quoted(found[0], name) if found else ""

    header = ["context"] + [f"memory in {row['precision']}, GB" for row in plain] + ["generation, tok/s"]
    body = [[f"{context // 1024}K", *(at(context, "memory_gb", row["bits"]) for row in plain),
             at(context, "generation_tps")] for context in contexts]
    claims = ["", "As published: " + "; ".join(result["claims"]) + "."] if result.get("claims") else []
    return "\n".join(lines + [""] + markdown(header, body) + claims)


def quoted(row, name):
    """A quoted figure as it was published; "~" if it was given as approximate."""
    return ("~" if name in row.get("about", ()) else "") + f"{number(row, name):g}"


def markdown(header, rows):
    """Lines of a Markdown table, with columns wide enough to read in a terminal. Numbers are aligned on the right."""
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(3, *(len(row[n]) for row in cells)) for n in range(len(header))]
    rule = "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|"
    lines = ["| " + " | ".join(cell.rjust(width) for cell, width in zip(row, widths)) + " |" for row in cells]
    return [lines[0], rule, *lines[1:]]
