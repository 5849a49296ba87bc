"""Results as Markdown tables, which read well in a terminal too."""
from mistral_edu.bench.results import number

NOTES = """\
weights: what they take as stored. load: weights read, checked and quantized. prompt: its tokens over the time to
the logits of the last one. generation: tokens after the first over the time from the first to the last. peak: the
most that {memory} held up to this row. limit: the most that this machine allows, from
the bytes of the weights as stored and the number of operations, at the speeds that the same run measured."""
SPREAD = "Each figure is the median of the rounds, with the lowest and the highest."


def as_table(result):
    """The table of a measured result, with the machine above it and what was measured below it."""
    machine, settings, limits = result["machine"], result["settings"], result["limits"]
    name = f"random weights of the shape {settings['random']}" if settings["random"] else settings["model"]
    read, multiply = limits["read_gb_per_s"]["median"], limits["matrix_gflops"]["median"]
    software, on_gpu = result["software"], machine["device"] != "cpu"
    lines = [
        f"{name}, {result['date']}, {settings['repeats']} round{'s' * (settings['repeats'] != 1)}",
        f"{machine['processor']}, processors: {machine['processors']}, {machine['memory_gb']} GB, computing on "
        f"{machine['device']}; mlx {software['packages']['mlx']}, {software['blas']}, "
        f"threads: {software['blas_threads']}",
        f"reads {read:.1f} GB/s; multiplies {limits['matrix_dtype']} at {multiply:.0f} GFLOPS; "
        f"path: {', '.join(sorted({row['path'] for row in result['rows']}))}",
        "",
    ]
    header = ["bits", "weights, GB", "prompt", "load, s", "prompt, tok/s", "limit", "generation, tok/s", "limit",
              "peak, GB"]
    lines += markdown(header, [
        [row["bits"], short(row["weights_gb"]), row["context"], figure(row, "load_seconds"),
         figure(row, "prompt_tps"), short(row["predicted"]["prompt_tps"]), figure(row, "generation_tps"),
         short(row["predicted"]["generation_tps"]), figure(row, "peak_memory_gb")] for row in result["rows"]])
    lines += ["", NOTES.format(memory="MLX has on the GPU" if on_gpu else "the whole process, Python included,")]
    return "\n".join(lines + [SPREAD] * (settings["repeats"] > 1))


def figure(row, name):
    """A measured figure: its median, and the spread where one can be seen.

    >>> figure({"prompt_tps": {"median": 1234.5, "min": 1101.2, "max": 1300.0}}, "prompt_tps")
    '1230 (1100-1300)'
    """
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
