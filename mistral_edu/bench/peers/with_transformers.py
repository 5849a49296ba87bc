"""transformers, on torch: the model called directly, with a cache, which is faster than its generate()."""
PACKAGES = ("transformers", "torch")


def start(threads, on_gpu):
    """Imports, the number of threads, and the device. Raises ValueError if a GPU is asked for and torch sees none."""
    global device
    import torch
    import transformers  # noqa: F401
    torch.set_num_threads(threads)
    device = "cuda" if on_gpu else "cpu"
    if on_gpu and not torch.cuda.is_available():
        raise ValueError(f"torch {torch.__version__} sees no GPU")


def begin():
    """Let the peak start anew; bytes that torch holds on the GPU now."""
    import torch
    torch.cuda.reset_peak_memory_stats()
    return torch.cuda.memory_allocated()


def peak():
    """The most bytes that it has held since."""
    import torch
    return torch.cuda.max_memory_allocated()


def taken():
    """Bytes of the GPU's memory that are taken, by whomever."""
    import torch
    free, total = torch.cuda.mem_get_info()
    return total - free


class Engine:
    def __init__(self, folder, precision, threads, room):
        import torch
        from transformers import MistralForCausalLM
        dtype = {"bf16": torch.bfloat16, "fp32": torch.float32}[precision]
        self.model = MistralForCausalLM.from_pretrained(folder, dtype=dtype).eval().to(device)
        self.weight_bytes = sum(weight.nbytes for weight in self.model.parameters())

    def answer(self, ids, n_tokens):
        """Yield n_tokens ids, greedily."""
        import torch
        tokens, cache = torch.tensor([ids], device=device), None
        for n in range(n_tokens):
            with torch.inference_mode():
                out = self.model(input_ids=tokens, past_key_values=cache, use_cache=True, logits_to_keep=1)
                last, cache = out.logits[0, -1], out.past_key_values  # (V,)
                if n == 0:
                    self.first = last
                tokens = last.argmax()[None, None]
            yield tokens.item()

    def logits(self):
        """After the last prompt: (V,), float32."""
        return self.first.float().cpu().numpy()
