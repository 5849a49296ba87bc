"""llama.cpp, through the C interface that llama-cpp-python exposes. It reads GGUF files, which prepare() writes.

The 16-bit file is written with llama.cpp's own package gguf, straight from the safetensors files: its converter would
need torch and a tokenizer, which random weights do not have. Two things differ from a Hugging Face folder: the names,
and the order of rows in q and k, since llama.cpp rotates neighbours instead of halves. llama.cpp's own quantizer then
makes q8_0 and q4_0 of every matrix: by default it would keep the output layer of q4_0 in 6 bits, while our 4-bit models
have all of it in 4.
"""
import json
from pathlib import Path

PACKAGES = ("llama-cpp-python", "gguf")
NAMES = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "q_proj": "attn_q",
         "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output", "gate_proj": "ffn_gate",
         "up_proj": "ffn_up", "down_proj": "ffn_down", "embed_tokens": "token_embd", "norm": "output_norm",
         "lm_head": "output"}
QUANTIZED = {"q8_0": "LLAMA_FTYPE_MOSTLY_Q8_0", "q4_0": "LLAMA_FTYPE_MOSTLY_Q4_0"}


def prepare(folder, config, out, precisions, threads):
    """Write <out>/<precision>.gguf for each of these: f16, q8_0, q4_0.

    folder: a Hugging Face folder in bfloat16. config: what its config.json says, under the same names, without gaps.
    """
    import llama_cpp
    f16 = Path(out, "f16.gguf")
    write_f16(Path(folder), config, f16)
    for precision in precisions:
        if precision != "f16":
            settings = llama_cpp.llama_model_quantize_default_params()
            settings.ftype, settings.nthread, settings.pure = getattr(llama_cpp, QUANTIZED[precision]), threads, True
            target = f16.with_name(f"{precision}.gguf")
            if llama_cpp.llama_model_quantize(str(f16).encode(), str(target).encode(), settings):
                raise ValueError(f"llama.cpp could not quantize {f16} to {precision}; its messages are above")
    if "f16" not in precisions:
        f16.unlink()


def write_f16(folder, config, target):
    """The model of a folder as a GGUF file, one weight at a time: matrices in float16, norms in float32."""
    import gguf
    import numpy as np
    writer = gguf.GGUFWriter(target, "llama")
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_tokenizer_model("no_vocab")  # prompts are ids
    weights = list(open_weights(folder))
    for name, weight in weights:
        dtype = np.dtype(np.float16 if weight.ndim == 2 else np.float32)
        writer.add_tensor_info(gguf_name(name), weight.shape, dtype, weight.size * dtype.itemsize)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}
    for name, weight in weights:
        numbers = (weight.astype(np.uint32) << 16).view(np.float32)  # bfloat16 is the upper half of float32
        for kind, n_heads in heads.items():
            if name.endswith(f"{kind}.weight"):
                numbers = as_neighbours(numbers, n_heads)
        writer.write_tensor_data(numbers.astype(np.float16 if weight.ndim == 2 else np.float32))
    writer.close()


def gguf_name(name):
    """llama.cpp's name for a weight.

    >>> gguf_name("model.layers.3.self_attn.q_proj.weight"), gguf_name("lm_head.weight")
    ('blk.3.attn_q.weight', 'output.weight')
    """
    parts = name.split(".")
    block = f"blk.{parts[2]}." if parts[1] == "layers" else ""
    return f"{block}{NAMES[parts[-2]]}.weight"


def as_neighbours(weight, n_heads):
    """Rows (n_heads * head_dim, dim): within a head, i and i + head_dim/2 become neighbours."""
    rows, dim = weight.shape
    return weight.reshape(n_heads, 2, rows // n_heads // 2, dim).swapaxes(1, 2).reshape(rows, dim)


def open_weights(folder):
    """Yield (name, its bfloat16 numbers as uint16) from the safetensors files of a folder; none is read yet."""
    import numpy as np
    for file in sorted(folder.glob("*.safetensors")):
        numbers = np.memmap(file, dtype=np.uint8, mode="r")
        end = 8 + int.from_bytes(numbers[:8].tobytes(), "little")
        for name, entry in json.loads(numbers[8:end].tobytes()).items():
            if name != "__metadata__":
                if entry["dtype"] != "BF16":
                    raise ValueError(f"{file}: {name} holds {entry['dtype']}, expected BF16")
                first, last = (end + offset for offset in entry["data_offsets"])
                yield name, numbers[first:last].view(np.uint16).reshape(entry["shape"])


def start(threads, on_gpu):
    """Imports; and silence, since the library prints a page about every model."""
    global quiet  # ctypes needs it for as long as it may be called
    import ctypes

    import llama_cpp
    quiet = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()


class Engine:
    def __init__(self, folder, precision, threads, room):
        import llama_cpp
        path = folder / f"{precision}.gguf"
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), llama_cpp.llama_model_default_params())
        if not self.model:
            raise ValueError(f"llama.cpp could not load {path}")
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx, settings.n_threads, settings.n_threads_batch = room, threads, threads
        self.context = llama_cpp.llama_init_from_model(self.model, settings)
        if not self.context:
            raise ValueError(f"llama.cpp could not make a context of {room} tokens for {path}")
        self.n_vocab = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        self.n_batch = llama_cpp.llama_n_batch(self.context)
        self.weight_bytes = llama_cpp.llama_model_size(self.model)

    def answer(self, ids, n_tokens):
        """Yield n_tokens ids, greedily."""
        import llama_cpp
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)
        for start in range(0, len(ids), self.n_batch):
            self.read(ids[start:start + self.n_batch])
        self.first = self.last_logits().copy()
        for n in range(n_tokens):
            token = int(self.last_logits().argmax())
            yield token
            if n < n_tokens - 1:
                self.read([token])

    def read(self, ids):
        import llama_cpp
        tokens = (llama_cpp.llama_token * len(ids))(*ids)
        if code := llama_cpp.llama_decode(self.context, llama_cpp.llama_batch_get_one(tokens, len(ids))):
            raise ValueError(f"llama_decode ended with code {code}")

    def last_logits(self):
        """(V,), float32, in the library's own memory."""
        import llama_cpp
        import numpy as np
        return np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(self.context, -1), (self.n_vocab,))

    def logits(self):
        """After the last prompt: (V,), float32."""
        return self.first
