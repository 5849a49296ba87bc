"""Results as Markdown tables, which read well in a terminal too."""
import textwrap

from mistral_edu.bench.results import number

NOTES = (
    "weights: what they take as stored. load: weights read, checked and quantized. prompt: its tokens over the time "
    "to the logits of the last one. generation: tokens after the first over the time from there to the last.{batch} of "
    "limit, beside the prompt: the operations that it needs, as a share of what the machine could multiply in that "
    "time; beside generation: the bytes of the weights, as a share of what it could read. peak: the most that {memory} "
    "held up to this row. beyond: what the answer took besides weights and cache.{spread}")
BATCH = " With several sequences side by side, a batch, tokens are those of all of them together."
SPREAD = " Each figure is the median of the rounds, with the lowest and the highest."
COMPARED = (
    "All engines read the same weights and the same prompts, in turn in every round, on as many threads as there are "
    "processors. ours / theirs: of the medians. apart: how far the log probabilities after the prompt are from ours, "
    "as a share of their spread: further where weights are quantized in other groups, or multiplied in bfloat16.")


def as_table(result):
    """The table of a measured result, with the machine above it and what was measured below it."""
    machine, settings, limits = result["machine"], result["settings"], result["limits"]
    name = f"random weights of the shape {settings['random']}" if settings["random"] else settings["model"]
    software, on_gpu = result["software"], machine["device"] != "cpu"
    ours = [row for row in result["rows"] if row["engine"] == "mistral_edu"]
    products = " and ".join(f"{dtype} at {figure['median']:.0f} GFLOPS"
                            for dtype, figure in limits["matrix_gflops"].items())
    lines = [
        f"{name}, {result['date']}, {settings['repeats']} round{'s' * (settings['repeats'] != 1)}",
        f"{machine['processor']}, processors: {machine['processors']}, {machine['memory_gb']} GB, computing on "
        f"{machine['device']}; mlx {software['packages']['mlx']}, {software['blas']}, "
        f"threads: {software['blas_threads']}",
        f"reads {limits['read_gb_per_s']['median']:.1f} GB/s; multiplies {products}; "
        f"path: {', '.join(sorted({row['path'] for row in ours}))}",
        "",
        *our_table(ours),
        "",
        *wrapped(NOTES.format(memory="MLX has on the GPU" if on_gpu else "the whole process, Python included,",
                              batch=BATCH * has_batches(ours), spread=SPREAD * (settings["repeats"] > 1))),
    ]
    if "left_out" in result:
        lines += ["", *compared_table(result)]
    return "\n".join(lines)


def our_table(rows):
    """What was measured of ours. A column for the batch only where there is one."""
    batches = has_batches(rows)
    header = ["bits", "weights, GB", *["batch"] * batches, "prompt", "load, s", "prompt, tok/s", "of limit",
              "generation, tok/s", "of limit", "peak, GB", "beyond, GB"]
    return markdown(header, [
        [row["bits"], short(row["weights_gb"]), *[row["batch"]] * batches, row["context"], figure(row, "load_seconds"),
         figure(row, "prompt_tps"), percent(row["shares"]["multiply"]), figure(row, "generation_tps"),
         percent(row["shares"]["read"]), figure(row, "peak_memory_gb"), figure(row, "beyond_gb")] for row in rows])


def has_batches(rows):
    """Whether any row has several sequences."""
    return any(row["batch"] > 1 for row in rows)


def wrapped(text):
    """A paragraph as lines."""
    return textwrap.wrap(text, 118)


def compared_table(result):
    """Ours and the others, by precision and prompt, ours first; then their versions, and what is missing, and why."""
    ours = {(row["bits"], row["context"]): row for row in result["rows"]
            if row["engine"] == "mistral_edu" and row["batch"] == 1}
    body = []
    for key, row in ours.items():
        others = [other for other in result["rows"]
                  if other["engine"] != "mistral_edu" and (other["bits"], other["context"]) == key]
        for one in (row, *others):
            is_ours = one is row
            body.append([*key, "mistral_edu" if is_ours else f"{one['engine']} {one['precision']}",
                         short(one["weights_gb"]), figure(one, "load_seconds"),
                         figure(one, "prompt_tps"), "" if is_ours else ratio(row, one, "prompt_tps"),
                         figure(one, "generation_tps"), "" if is_ours else ratio(row, one, "generation_tps"),
                         figure(one, "peak_memory_gb"), "" if is_ours else percent(one["difference"])])
    header = ["bits", "prompt", "engine", "weights, GB", "load, s", "prompt, tok/s", "ours / theirs",
              "generation, tok/s", "ours / theirs", "peak, GB", "apart"]
    versions = [", ".join(f"{package} {version}" for package, version in packages.items())
                for packages in result["software"]["peers"].values()]
    return [*markdown(header, body), "", *wrapped(COMPARED),
            *wrapped("Versions: " + "; ".join(versions) + "." if versions else ""),
            *(line for entry in result["left_out"] for line in wrapped(missing(entry)))]


def missing(entry):
    """A line for what a comparison lacks.

    >>> missing({"engine": "llama.cpp", "precision": "q4_0", "context": 128, "reason": "it computes something else"})
    'Left out: llama.cpp q4_0, a prompt of 128: it computes something else'
    """
    what = " ".join(filter(None, (entry["engine"], entry["precision"])))
    prompt = f", a prompt of {entry['context']}" if entry["context"] else ""
    return f"Left out: {what}{prompt}: {entry['reason']}"


def ratio(ours, theirs, name):
    """How many times as much ours is.

    >>> ratio({"prompt_tps": {"median": 30.0}}, {"prompt_tps": {"median": 20.0}}, "prompt_tps")
    '1.5x'
    """
    return f"{short(number(ours, name) / number(theirs, name))}x"


def percent(share):
    """A share of 1 in percent.

    >>> percent(0.567), percent(0.0123)
    ('57 %', '1.2 %')
    """
    return f"{100 * share:.{0 if share >= 0.0995 else 1}f} %"


def figure(row, name):
    """A measured figure: its median, and the spread where one can be seen. "?" where it could not be measured.

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
    """The table of a quoted result, its source above it."""
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
    """A quoted figure as it was published; "~" where it was given as about so much."""
    return ("~" if name in row.get("about", ()) else "") + f"{number(row, name):g}"


def markdown(header, rows):
    """Lines of a Markdown table, its columns wide enough to read in a terminal. Numbers stand on the right."""
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(3, *(len(row[n]) for row in cells)) for n in range(len(header))]
    rule = "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|"
    lines = ["| " + " | ".join(cell.rjust(width) for cell, width in zip(row, widths)) + " |" for row in cells]
    return [lines[0], rule, *lines[1:]]
