"""transformers, on torch: the model called directly, with a cache, which is faster than its generate()."""
PACKAGES = ("transformers", "torch")


def start(threads):
    """Imports, and the number of threads."""
    import torch
    import transformers  # noqa: F401
    torch.set_num_threads(threads)


class Engine:
    def __init__(self, folder, precision, threads, room):
        import torch
        from transformers import MistralForCausalLM
        dtype = {"bf16": torch.bfloat16, "fp32": torch.float32}[precision]
        self.model = MistralForCausalLM.from_pretrained(folder, dtype=dtype).eval()
        self.weight_bytes = sum(weight.nbytes for weight in self.model.parameters())

    def answer(self, ids, n_tokens):
        """Yield n_tokens ids, greedily."""
        import torch
        tokens, cache = torch.tensor([ids]), None
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
        return self.first.float().numpy()
