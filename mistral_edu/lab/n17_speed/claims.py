"""What was published about the speed and memory of Mistral-7B on an M3 Max, claim by claim, with a verdict each.

    python -m mistral_edu.lab.n17_speed               all claims, as a table
    python -m mistral_edu.lab.n17_speed decode-16     one of them, with its arithmetic
    python -m mistral_edu.lab.n17_speed --page        docs/claims.md, which a test compares

The published figures are theirs (bench/results/published_m3_max.json, quoted second-hand). The figures beside them are
computed here, from the shape of Mistral-7B v0.2; nothing was measured on that machine.
"""
import sys
from dataclasses import dataclass
from textwrap import wrap

from mistral_edu.bench.tables import markdown
from mistral_edu.bench.work import operations_per_prompt
from mistral_edu.checkpoints.memory import bytes_per_weight, need
from mistral_edu.config import MistralConfig

M3_MAX = 400e9      # bytes per second, by Apple's specifications, with 40 GPU cores; with 30 of them it is 300e9
SEVEN = MistralConfig.preset("7b-v0.2")
LENGTHS = (2048, 4096, 8192)


@dataclass(frozen=True)
class Claim:
    """name: what the command calls it. published: in a few words. computed: next to it. why: a sentence or two."""
    name: str
    published: str
    computed: str
    verdict: str
    why: str
    command: str = ""

    @property
    def shown_by(self):
        return self.command or f"python -m mistral_edu.lab.n17_speed {self.name}"


def read_per_token(bits=16, context=0):
    """Bytes that Mistral-7B v0.2 reads for a token: the weights except the embedding, and `context` tokens."""
    numbers = SEVEN.n_parameters - SEVEN.vocab_size * SEVEN.dim
    return numbers * bytes_per_weight(2, None if bits == 16 else bits) + context * SEVEN.kv_bytes_per_token()


def gb(bits, context=None):
    """GB of the weights, with the cache of `context` tokens if that is given; without a window."""
    whole = need(SEVEN, context=context, bits=None if bits == 16 else bits)
    return (whole.weights + (whole.cache if context else 0)) / 1e9


def row(numbers, digits=2):
    return " / ".join(f"{number:.{digits}f}" for number in numbers)


def claims():
    """All claims, in the order of the page."""
    most = {bits: M3_MAX / read_per_token(bits) for bits in (16, 4)}              # tokens per second
    memory = {bits: [gb(bits, length) for length in LENGTHS] for bits in (16, 4)}
    gib = {bits: [each * 1e9 / 2**30 for each in memory[bits]] for bits in (16, 4)}
    falls = {bits: [read_per_token(bits, 2048) / read_per_token(bits, length) for length in LENGTHS]
             for bits in (16, 4)}
    in_window = [read_per_token(16, 2048) / read_per_token(16, min(length, 4096)) for length in LENGTHS]
    grows = memory[16][2] - memory[16][0]
    operations = operations_per_prompt(SEVEN, 1000) / 1000                        # of a prompt's token
    two = need(SEVEN, 2048).total / 1e9, need(SEVEN, 2048, bits=4).total / 1e9
    return (
        Claim("memory", "4 bit takes 3.5x less memory", f"{gb(16):.2f} / {gb(4):.2f} GB = {gb(16) / gb(4):.2f}x",
              "nearly", "3.5 is 14 / 4, both rounded; the bytes of the weights say 3.56."),
        Claim("weights", "14 GB in 16 bit, 4 GB in 4 bit", f"{gb(16):.2f} and {gb(4):.2f} GB of weights",
              "right, of the weights alone", "A text of 2,048 tokens adds 0.27 GB of keys and values."),
        Claim("context-16", "14 / 15 / 16 GB at 2K / 4K / 8K, 16 bit",
              f"{row(memory[16])} GB, or {row(gib[16])} GiB", "cannot be weights and cache alone",
              f"They grow by {grows:.2f} GB from 2K to 8K; from 14 to 16, both rounded to 1 GB, it is more than 1."),
        Claim("context-4", "4 / 4.5 / 5 GB at 2K / 4K / 8K, 4 bit", f"{row(memory[4])} GB, or {row(gib[4])} GiB",
              "right if GB means GiB, to half a GB", "Each figure then agrees, rounded to half a GB, without a window. "
              "(By the same reading the weights in 16 bit would be 13.5, not 14.)"),
        Claim("window", "efficient with its sliding window (in words)",
              "with a window of 4096, equal memory and speed at 4K and 8K", "not seen in their own figures",
              "Between 4K and 8K their memory grows and their speed falls. A cache that forgets does neither."),
        Claim("decode-16", "40 tok/s, decode in 16 bit",
              f"{M3_MAX / 1e9:.0f} GB/s / {read_per_token() / 1e9:.2f} GB = {most[16]:.1f} tok/s at most",
              "above what the memory can deliver",
              f"40 tok/s would read {40 * read_per_token() / 1e9:.0f} GB/s. So the weights were not all in 16 bit, or "
              "not read for each token, or the clock was wrong."),
        Claim("decode-4", "55 tok/s, decode in 4 bit",
              f"{M3_MAX / 1e9:.0f} GB/s / {read_per_token(4) / 1e9:.2f} GB = {most[4]:.0f} tok/s at most", "possible",
              f"It uses {55 / most[4]:.0%} of the bandwidth. Not measured here."),
        Claim("faster", "4 bit generates 1.4x faster",
              f"55 / 40 = {55 / 40:.2f}; 55 / {most[16]:.1f} = {55 / most[16]:.2f}",
              "rests on the 40", f"With 16 bit at its limit or below, 55 tok/s are at least {55 / most[16]:.2f}x."),
        Claim("decode-context", "40 / 38 / 35 tok/s at 2K / 4K / 8K",
              f"falls to {row(falls[16][1:])} in 16 bit, {row(falls[4][1:])} in 4 bit",
              "falls as without a window",
              f"Theirs falls to {row((38 / 40, 35 / 40))}, between the two; with a window, 16 bit would fall to "
              f"{row(in_window[1:])}. The precision is not stated."),
        Claim("prefill", "about 180 tok/s in 16 bit, 220 in 4 bit",
              f"{180 * operations / 1e12:.1f} and {220 * operations / 1e12:.1f} thousand GFLOPS", "not checkable here",
              "A token of a prompt takes the same operations in any precision; the machine's own limit is not known."),
        Claim("16-gb", "runs on 16 GB+",
              f"needs {two[0]:.1f} GB in 16 bit, {two[1]:.1f} in 4 bit, of {16 * 2**30 / 1e9:.1f}",
              "fine in 4 bit, too tight in 16", "At 2,048 tokens, with room to work in; the system needs memory, too."),
        Claim("quality", "minimal quality degradation in 4 bit",
              "`tiny`: story loss 0.129 and 0.130, 24 of 24 answers both",
              "not checked for the 7B", "No figure was published. For `tiny` it holds; notebook 14 goes into it.",
              "mistral-edu evaluate tiny --bits 16 4"),
    )


def table(found=None):
    """Lines of a Markdown table: each claim, what is computed, the verdict."""
    return markdown(["name", "published", "computed", "verdict"],
                    [[each.name, each.published, each.computed, each.verdict] for each in found or claims()])


class ClaimsTable:
    """All claims with reasons: a table in a notebook, lines elsewhere."""

    def __repr__(self):
        return "\n\n".join(map(told, claims()))

    def _repr_markdown_(self):
        return "\n".join(markdown(["published", "computed", "verdict", "why"],
                                  [[each.published, each.computed, f"**{each.verdict}**", each.why]
                                   for each in claims()]))


def claims_table() -> ClaimsTable:
    """All claims, as a notebook shows them."""
    return ClaimsTable()


def told(claim):
    """One claim in full, as text."""
    return (f"published: {claim.published}\ncomputed:  {claim.computed}\nverdict:   {claim.verdict}\n"
            f"           {claim.why}")


def page():
    """docs/claims.md."""
    lines = ["# Published claims, one by one", "",
             "Figures that were published with an existing MLX port of Mistral-7B, for an Apple M3 Max. They are their "
             "authors',", "quoted second-hand; this project has not measured on that machine. Next to each is what "
             "follows from the shape of", "Mistral-7B v0.2, from the 400 GB/s that Apple specifies for the M3 Max with "
             "40 GPU cores (300 with 30), and from", "arithmetic that "
             "[notebook 17](../notebooks/17_speed_and_memory.ipynb) explains. GB are 10^9 bytes, GiB 2^30.", "",
             "| published | computed | verdict |", "|---|---|---|",
             *(f"| {each.published} | {each.computed} | {each.verdict} |" for each in claims()), "",
             "Why, and the command that shows it:", ""]
    for each in claims():
        lines += [*wrap(f"- **{each.published}.** {each.why}", 118, subsequent_indent="  "), f"  `{each.shown_by}`"]
    lines += ["", *wrap("The last command asks the whole exam, and so gives other figures than the table, which rests "
                        "on eight stories and 24 questions; `tests/test_lab_n17.py` computes these again.", 120)]
    return "\n".join([*lines, "", "`python -m mistral_edu.lab.n17_speed --page` prints this page.", ""])


def main(words=None):
    words = sys.argv[1:] if words is None else words
    known = {each.name: each for each in claims()}
    if words == ["--page"]:
        print(page(), end="")
    elif unknown := [word for word in words if word not in known]:
        print(f"no claim {unknown[0]!r}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    else:
        print("\n\n".join(told(known[word]) for word in words) if words else "\n".join(table()))
    return 0

