"""`mistral-edu convert`: rewrite a checkpoint in another precision."""
import shlex
import sys

from mistral_edu.checkpoints.convert import convert
from mistral_edu.commands.arguments import DTYPES
from mistral_edu.commands.terminal import bar

EXAMPLES = """examples:
  mistral-edu convert mistralai/Mistral-7B-Instruct-v0.3 mistral-4bit
  mistral-edu convert ./Mistral-7B-v0.1 ./mistral-8bit --bits 8 --group-size 32
  mistral-edu convert ./Mistral-7B-v0.1 ./mistral-16bit --bits none
After an interruption, the same command starts again; what was half written is removed."""


def add_arguments(parser):
    parser.add_argument("source", help="a folder that holds a checkpoint, or a name on the Hugging Face hub")
    parser.add_argument("out", help="the folder to make")
    parser.add_argument("--bits", default="4", choices=(*"865432", "none"),
                        help="bits per weight; none: keep floats (default: 4)")
    parser.add_argument("--group-size", type=int, default=64, choices=(32, 64, 128),
                        help="weights that share a scale (default: 64)")
    parser.add_argument("--dtype", choices=DTYPES, default="bfloat16", help="dtype of floats, scales included "
                        "(default: bfloat16)")
    parser.add_argument("--overwrite", action="store_true", help="replace the folder of a model, once all is written")
    parser.add_argument("--revision", metavar="NAME", help="branch, tag or commit on the hub (default: the newest)")


def run(args) -> int:
    """Convert, and say where the result is. Returns the exit code."""
    bits = None if args.bits == "none" else int(args.bits)
    with bar("written", "B", leave=True) as show:
        folder = convert(args.source, args.out, bits=bits, group_size=args.group_size, dtype=args.dtype,
                         overwrite=args.overwrite, on_progress=show, revision=args.revision)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{folder}: {size / 1e6:,.1f} MB. Try it: mistral-edu chat --model {shlex.quote(args.out)}", file=sys.stderr)
    return 0
