"""The numbers of a checkpoint: compared with what the model has, opened lazily, and read one matrix at a time."""
import mlx.core as mx

from mistral_edu.checkpoints.authors_layout import hugging_face_name
from mistral_edu.checkpoints.entries import FLOATS, PACKED
from mistral_edu.checkpoints.errors import NonFiniteWeights, UnreadableFile, WeightMismatch


def check_weights(checkpoint, expected):
    """Raise WeightMismatch unless the files hold exactly the weights that the model has, in their shapes.

    expected: name -> array; only its shape, and whether it holds floats, are looked at. Names are those of the files.
    """
    entries = checkpoint.entries
    problems = [f"{name} is missing" for name in expected.keys() - entries.keys()]
    problems += [f"{name} has no place in the model" for name in entries.keys() - expected.keys()]
    for name in expected.keys() & entries.keys():
        found, wanted = entries[name], expected[name]
        dtypes = FLOATS if mx.issubdtype(wanted.dtype, mx.floating) else PACKED
        if found.shape != wanted.shape:
            problems.append(f"{name} has shape {found.shape}, expected {wanted.shape}")
        elif found.dtype not in dtypes:
            problems.append(f"{name} holds {found.dtype}, expected {' or '.join(dtypes)}")
    if problems:
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        files = sorted({entry.file.name for entry in entries.values()})
        where = " in " + (", ".join(files) if len(files) < 4 else f"{files[0]} to {files[-1]}") if files else ""
        raise WeightMismatch(f"the weights in {checkpoint.folder} do not fit its {checkpoint.layout.config}: "
                             f"{'; '.join(sorted(problems)[:5])}{more}. Expected {len(expected)} weights, found "
                             f"{len(entries)}{where}; all files must be of the same model")


def open_weights(entries) -> dict[str, mx.array]:
    """name -> weight, lazily: MLX knows type and shape, and reads the numbers when they are first asked for."""
    weights = {}
    for file in dict.fromkeys(entry.file for entry in entries.values()):
        try:
            weights |= mx.load(str(file), format="safetensors")
        except RuntimeError as error:
            raise UnreadableFile(f"{file} is no safetensors file that MLX reads ({error}); fetch it again") from error
    return {name: weights[name] for name in entries}


def read_one_by_one(parameters, weights, folder):
    """Read the weights of a model, and yield its parameters (name, array) as they come, in the files' order.

    parameters: lazily made of `weights`, perhaps by quantizing them; both are name -> array, and emptied here. (Weights
    may have the authors' names, parameters have Hugging Face's.) Each is computed with the others of its layer, then
    let go: so one float weight at a time is in memory beside the results.
    Raises NonFiniteWeights at the first weight that holds NaN or infinity.
    """
    layers = {}  # layer -> (what is read, what is made of it)
    for n, arrays in enumerate((weights, parameters)):
        for name in list(arrays):
            layer = layer_of(hugging_face_name(name))
            layers.setdefault(layer, ({}, {}))[n][name] = arrays.pop(name)
    for layer in list(layers):
        sources, results = layers.pop(layer)
        finite = {name: mx.isfinite(weight).all() for name, weight in sources.items()}
        mx.eval(results, finite)
        for name, is_finite in finite.items():
            if not is_finite.item():
                raise NonFiniteWeights(f"{folder}: NaN or infinity in {name}; expected finite numbers. The file is "
                                       "damaged, its training diverged, or the dtype asked for is too narrow (float16 "
                                       "ends at 65504): take another")
        yield from results.items()


def layer_of(name):
    """The layer that a parameter belongs to: a quantized one has three, packed integers, scales and biases."""
    return name.rpartition(".")[0]
