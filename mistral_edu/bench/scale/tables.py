"""The tables of docs/scale.md."""
from mistral_edu.bench.results import number, stored_results
from mistral_edu.bench.scale.reckon import memory_of, seconds_of_token, tokens_per_second
from mistral_edu.bench.scale.shapes import BITS, CLUSTERS, CONTEXTS, H200, M3_ULTRA, MODELS, NVLINK, SIZES
from mistral_edu.bench.tables import markdown, percent, short
from mistral_edu.bench.work import predict
from mistral_edu.config import MistralConfig

TOO_LARGE = "-"


def head(*first):
    """The header of a table with a column for each context and number of devices."""
    return [*first, *(f"{context // 1024}K, {n}" for context in CONTEXTS for n in SIZES)]


def cases():
    """(name of a model, its configuration, bits) of each row."""
    return [(name, config, bits) for name, (config, _) in MODELS.items() for bits in BITS]


def sources_table():
    """Lines: the models and their sources."""
    return markdown(["model", "parameters", "layers", "dim", "hidden", "heads", "key heads", "source"],
                    [[name, f"{config.n_parameters / 1e9:.2f}e9", config.n_layers, config.dim, config.hidden_dim,
                      config.n_heads, config.n_kv_heads, source] for name, (config, source) in MODELS.items()])


def memory_table():
    """Lines: GB that each device needs."""
    return markdown(head("model", "bits"), [
        [name, bits, *(short(memory_of(config, n, context, bits).total / 1e9) for context in CONTEXTS for n in SIZES)]
        for name, config, bits in cases()])


def speed_table(device, link):
    """Lines: tokens per second at most."""
    def cell(*case):
        found = tokens_per_second(*case)
        return TOO_LARGE if found is None else short(found)
    return markdown(head("model", "bits"), [
        [name, bits, *(cell(config, device, link, n, context, bits) for context in CONTEXTS for n in SIZES)]
        for name, config, bits in cases()])


def waiting_table(context=CONTEXTS[0], bits=4):
    """Lines: milliseconds per token that are spent reading, and waiting for sums."""
    rows = []
    for name, (config, _) in MODELS.items():
        for place, (device, link) in CLUSTERS.items():
            times = [seconds_of_token(config, device, link, n, context, bits) for n in SIZES]
            rows.append([name, place, *(f"{1e3 * read:.2f} + {1e3 * wait:.2f}" for read, wait in times)])
    return markdown(["model", "devices", *map(str, SIZES)], rows)


def measured_table():
    """Lines: what this package reached on one device, next to what the bytes of the weights allow there.

    After the shortest prompts of a result: the longer ones add keys and values, which are not counted.
    """
    rows = []
    for result in stored_results("measured").values():
        speed, shape = number(result["limits"], "read_gb_per_s"), result["settings"]["random"]
        ours = [row for row in result["rows"] if row["engine"] == "mistral_edu" and row["batch"] == 1]
        shortest = min(row["context"] for row in ours)
        for row in (row for row in ours if shape in ("7b-v0.3", "230m") and row["context"] == shortest):
            came, most = number(row, "generation_tps"), predict(row, speed, 1)["generation_tps"]
            rows.append([device_of(result["machine"]), shape, row["bits"], row["context"], short(came), short(most),
                         percent(came / most)])
    return markdown(["machine", "shape", "bits", "context", "tokens/s", "at most", "share"], rows)


def device_of(machine):
    """What computed: the GPU, or so many processors."""
    if machine["device"] != "cpu":
        return machine["device"]
    return f"{machine['processor']}, {machine['processors']} processors"


def ranks_table():
    """Lines: what groups of two reached, beside one of their devices in the same run and beside what is predicted."""
    rows = []
    for result in stored_results("ranks").values():
        shape, device = result["settings"]["random"], result["machine"]["device"]
        both = {(row["bits"], row["batch"], row["context"], row["ranks"]): row for row in result["rows"]}
        for (bits, batch, context, ranks), two in both.items():
            if ranks == 2:
                one, ms = both[bits, batch, context, 1], lambda row, name: number(row, f"{name}_ms")
                rows.append([f"2 {device}", shape, bits, batch, context,
                             *(short(ms(row, what)) for what in ("prompt", "token") for row in (one, two)),
                             short(ms(two, "token_without_sums")), short(ms(two, "token_sums")),
                             *predicted(device, shape, bits, batch, context)])
    return markdown(["devices", "shape", "bits", "batch", "context", "prompt, 1", "prompt, 2", "token, 1", "token, 2",
                     "no sums", "sums alone", "predicted, 1", "predicted, 2"], rows)


def predicted(device, shape, bits, batch, context):
    """Two cells: milliseconds of a token at least, on one device and on two; dashes where no formula covers it."""
    if batch != 1 or device != H200.name:
        return ["-", "-"]
    config = MistralConfig.preset(shape)
    return [short(1e3 * sum(seconds_of_token(config, H200, NVLINK, n, context, bits))) for n in (1, 2)]


def sections():
    """{name of a section: its lines}, as they stand between marks in the document."""
    return {"sources": [*sources_table(), "", *(f"- {each.name}: {each.source}." for each in (M3_ULTRA, H200)),
                        *(f"- {link.name}: {link.source}." for _, link in CLUSTERS.values())],
            "memory": memory_table(),
            **{place: speed_table(*cluster) for place, cluster in CLUSTERS.items()},
            "waiting": waiting_table(), "measured": measured_table(), "ranks": ranks_table()}
