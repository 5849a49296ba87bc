"""L tokens of B sequences through all layers in compiled code: what transformer.py does, as a list of jobs.

A list is written once for each (B, L). What changes from call to call, the positions and the places of the caches, is
in a small table beside it. The tokens' keys and values go into the caches once all layers are done, by the caches' own
code, so every cache stays valid: the readable model can go on from it, and an interrupted call leaves it as it was.
"""
import mlx.core as mx
import numpy as np

from mistral_edu.cache import KVCache, RotatingKVCache
from mistral_edu.fast import onednn, weight_views
from mistral_edu.fast.changes import address, addresses
from mistral_edu.fast.jobs import JobWriter, Rows, bits_of
from mistral_edu.fast.team import JobList, team
from mistral_edu.machine import blas
from mistral_edu.rope import rope_frequencies

MOST_TOKENS = 1024  # of one list, B * L; more would take much memory at once and gain nothing
JOBS_OF_HEADS = 2   # at least this many of attention for each thread
QUERIES = 64        # of a prompt that one job of attention takes
KEPT = 4            # this many lists, for the last (B, L), are kept, and room for as many tokens in all


class Stepper:
    """The lists of jobs of one model.

    model: with Products in the place of its matrices (products.with_products). dtype: of what its caches hold.
    """

    def __init__(self, model, dtype, kernels):
        self.model, self.config, self.dtype, self.kernels = model, model.config, dtype, kernels
        # As fused_rope computes them: the last digit, too.
        self.frequencies = 1 / (1 / np.array(rope_frequencies(self.config.head_dim, self.config.rope_theta)))
        self.steps = {}

    def takes(self, ids, cache):
        """Whether there are lists for such a call: not too many sequences, known ids, caches that `place` can read."""
        if not ids.size or len(ids) > MOST_TOKENS or ids.min() < 0 or ids.max() >= self.config.vocab_size:
            return False
        shape = (len(ids), self.config.n_kv_heads, self.config.head_dim)
        for layer in cache or ():
            if type(layer) not in (KVCache, RotatingKVCache):
                return False
            for held in (layer.keys, layer.values):
                if held is not None and ((*held.shape[:2], held.shape[3]) != shape or held.dtype != self.dtype):
                    return False
        return True

    def __call__(self, ids, cache=None, last_only=False, is_valid=lambda: True):
        """Logits (B, L or 1, vocab_size) float32. ids (B, L): numpy; cache: one per layer, or None.

        is_valid: asked while the first jobs are under way. If it says no, the result is None, and the caches stay as
        they are. Many ids are read like a long prompt, one piece after another. (If a ring is full by then, an
        interrupt leaves the caches as they were after the last piece.)
        """
        at_once = MOST_TOKENS // len(ids)
        first, *others = (ids[:, start:start + at_once] for start in range(0, ids.shape[1], at_once))
        if not others:
            return self.read(ids, cache, last_only, is_valid)
        cache = cache or self.model.make_cache()
        offset = cache[0].offset
        try:
            logits = self.read(first, cache, last_only, is_valid)
            if logits is None:
                return None
            parts = [logits, *(self.read(piece, cache, last_only) for piece in others)]
            return parts[-1] if last_only else mx.concatenate(parts, axis=1)
        except BaseException:
            go_back(cache, offset)
            raise

    def read(self, ids, cache, last_only, is_valid=lambda: True):
        """The same for as many ids as one list takes."""
        B, L = ids.shape
        offset = 0 if cache is None else cache[0].offset
        crew = team(self.kernels)
        with crew.lock:
            step = self.step(B, L, last_only)
            step.ids[:] = ids.reshape(-1)
            angles = np.arange(offset, offset + L, dtype=np.float32)[:, None] * self.frequencies
            step.rotation[:, 0], step.rotation[:, 1] = np.cos(angles), np.sin(angles)
            n_past = self.place(step.positions, cache)
            try:
                # One token can be taken back from any cache, so it is stored while other threads do the output layer.
                store_meanwhile = (lambda: step.store(cache)) if L == 1 else None
                if not step.run(crew, n_past, is_valid, store_meanwhile):
                    return None
                logits = mx.array(step.logits.plain).reshape(B, -1, self.config.vocab_size)
                if L > 1:
                    step.store(cache)
                return logits
            except BaseException:  # an interrupt: no layer may be ahead of another
                go_back(cache or (), offset)
                raise

    def step(self, B, L, last_only):
        """The list for this (B, L): kept, or written now."""
        key = B, L, last_only and L > 1
        if key in self.steps:
            self.steps[key] = self.steps.pop(key)  # the last ones are kept
        else:
            while self.steps and (len(self.steps) >= KEPT or B * L + self.n_tokens_kept() > MOST_TOKENS):
                del self.steps[next(iter(self.steps))]
            self.steps[key] = Step(self.model, self.dtype, self.kernels, *key)
        return self.steps[key]

    def n_tokens_kept(self):
        """For all lists: each has room for the keys and values of all layers."""
        return sum(B * L for B, L, _ in self.steps)

    def place(self, positions, cache):
        """Fill in where each layer's cache is now, and which slots the first of the tokens sees. Returns how many."""
        k, window = self.kernels, self.config.window_size
        positions[:, :k.ALL_KEYS] = 0
        if cache is None:
            return 0
        positions[:, k.NARROW] = self.dtype == mx.bfloat16
        n_seen = [min(layer.n_keys(1), window or layer.n_keys(1)) - 1 for layer in cache]
        seen = [(position, layer, n) for position, layer, n in zip(positions, cache, n_seen) if n]
        keys, values = (whole_rows([layer for _, layer, _ in seen], name, k) for name in ("keys", "values"))
        for at, (position, layer, n) in enumerate(seen):
            ring = layer.window if isinstance(layer, RotatingKVCache) else layer.offset + 1
            start, end = (layer.offset - n) % ring, (layer.offset - 1) % ring + 1
            runs = (start, end, 0, 0) if start < end else (start, ring, 0, end)
            position[:k.NARROW] = keys[at], values[at], layer.keys.shape[2]
            position[k.START_1:k.ALL_KEYS] = runs
        return max(n_seen)


def go_back(cache, offset):
    """Let each layer of a cache forget what lies past `offset`. A full ring cannot, and the next call says so."""
    for layer in cache:
        if 0 < layer.offset - offset <= layer.trimmable:
            layer.trim(layer.offset - offset)


def whole_rows(layers, name, kernels):
    """Where the keys, or the values, of each layer lie. Those that do not lie row by row are put together first."""
    found = addresses([getattr(layer, name) for layer in layers], kernels, whole=True)
    if 0 not in found:
        return found
    for layer, at in zip(layers, found):
        if at == 0:  # a part of a longer buffer, or one sequence's shown as those of a whole batch
            setattr(layer, name, mx.contiguous(getattr(layer, name)))
    return addresses([getattr(layer, name) for layer in layers], kernels)


def heads_together(n_groups, group, n_threads):
    """How many of a group's heads one job takes: all, so that it reads keys and values once; fewer for many threads.

    >>> heads_together(8, 4, 2), heads_together(8, 4, 16)
    (4, 1)
    """
    divisors = [n for n in range(group, 0, -1) if group % n == 0]
    return next((n for n in divisors if n_groups * group // n >= JOBS_OF_HEADS * n_threads), 1)


class Step:
    """One list: the memory that it works in, and the jobs, one JobList per layer and one for the output layer.

    A token of one sequence takes so little time that all layers together are one JobList.
    """

    def __init__(self, model, dtype, kernels, B, L, last_only):
        config, n_layers = model.config, len(model.layers)
        self.kernels, self.config, self.dtype, self.shape = kernels, config, dtype, (B, L)
        self.positions = np.zeros((n_layers, kernels.POSITION_WIDTH), np.int64)
        self.rotation = np.zeros((L, 2, config.head_dim // 2), np.float32)
        n_rows, kv_size = B * L, config.n_kv_heads * config.head_dim
        self.ids = np.zeros(n_rows, np.int64)
        self.h, self.normed = Rows(n_rows, config.dim), Rows(n_rows, config.dim)
        self.q, self.heads = (Rows(n_rows, config.n_heads * config.head_dim) for _ in "qh")
        self.gated, self.up = Rows(n_rows, config.hidden_dim), Rows(n_rows, config.hidden_dim)
        self.keys, self.values = ([Rows(n_rows, kv_size) for _ in range(n_layers)] for _ in "kv")
        self.stored = np.zeros((n_layers, n_rows, 2, kv_size), np.uint16)
        self.last = Rows(B, config.dim) if last_only else None
        self.logits = Rows(B if last_only else n_rows, config.vocab_size)
        self.all_keys = self.all_values = np.empty(0, np.float32)
        self.alive, self.lists = [model], []
        self.write(model)

    def write(self, model):
        """The whole step as rows of the table; compare with Block and Model."""
        writer = self.new_writer()
        writer.look_up(model.model.embed_tokens.matrix, self.ids, self.h)
        for i, block in enumerate(model.layers):
            self.write_attention(writer, block.input_layernorm, block.self_attn, i)
            self.write_feed_forward(writer, block.post_attention_layernorm, block.mlp)
            if self.shape != (1, 1) or block is model.layers[-1]:
                writer = self.finish(writer)
        h = self.last or self.h
        normed = Rows(h.n_rows, h.size) if self.last else self.normed
        self.alive.append(normed)
        head = model.model.embed_tokens if self.config.tie_embeddings else model.lm_head
        writer.norm(h, self.weight(model.model.norm), normed, model.model.norm.eps)
        writer.products(normed, (head.matrix, self.logits))
        self.finish(writer)

    def write_attention(self, writer, norm, attention, i):
        k, config, (B, L) = self.kernels, self.config, self.shape
        head_dim, n_kv_heads, group = config.head_dim, config.n_kv_heads, config.n_heads // config.n_kv_heads
        q, keys, values = self.q, self.keys[i], self.values[i]
        writer.norm(self.h, self.weight(norm), self.normed, norm.eps)
        writer.products(self.normed, (attention.q_proj.matrix, q), (attention.k_proj.matrix, keys),
                        (attention.v_proj.matrix, values))
        writer.stage()
        for first in range(0, B * L, 8):
            writer.add(k.ROTATE, q.address, keys.address, values.address, config.n_heads, n_kv_heads, head_dim,
                       self.stored[i].ctypes.data, i, first, min(first + 8, B * L), L)
        writer.stage()
        if L > 1:
            for g in range(B * n_kv_heads):
                at = 4 * (g // n_kv_heads * L * keys.size + g % n_kv_heads * head_dim)
                writer.add(k.GATHER, keys.address + at, values.address + at, keys.size, L, g, head_dim, i)
            writer.stage()
        scale, together = bits_of(attention.scale), heads_together(B * n_kv_heads, group, team(k).n_threads)
        for g in range(B * n_kv_heads):
            for head in range(g % n_kv_heads * group, (g % n_kv_heads + 1) * group, together if L == 1 else 1):
                at, new = 4 * (g // n_kv_heads * L * q.size + head * head_dim), 4 * g * head_dim
                if L == 1:
                    writer.add(k.ATTEND, q.address + at, keys.address + new, values.address + new, i, g, together,
                               head_dim, scale, self.heads.address + at)
                    continue
                for start in reversed(range(0, L, QUERIES)):      # the longest rows first
                    here = at + 4 * start * q.size
                    writer.add(k.ATTEND_BLOCK, q.address + here, q.size, start, min(start + QUERIES, L), L, i, g,
                               head_dim, config.window_size or 0, scale, writer.sgemm, self.heads.address + here)
        writer.products(self.heads, (attention.o_proj.matrix, self.h, True))        # the residual stream

    def write_feed_forward(self, writer, norm, feed_forward):
        writer.norm(self.h, self.weight(norm), self.normed, norm.eps)
        writer.products(self.normed, (feed_forward.gate_proj.matrix, self.gated),
                        (feed_forward.up_proj.matrix, self.up))
        writer.gate(self.gated, self.up)
        writer.products(self.gated, (feed_forward.down_proj.matrix, self.h, True))

    def weight(self, norm):
        """The address of a norm's weight."""
        weight = weight_views.alias(norm.weight)
        self.alive.append(weight)
        return address(weight)

    def new_writer(self):
        return JobWriter(self.kernels, blas.sgemm_address(), onednn if onednn.status().library else None)

    def finish(self, writer):
        """Close a list, and begin another."""
        self.lists.append((JobList(self.kernels, writer.rows, self.positions, self.rotation), writer.room))
        self.alive += writer.alive
        return self.new_writer()

    def run(self, crew, n_past, is_valid=lambda: True, meanwhile=None):
        """Run all lists, or only the first if the call is not valid; return whether it is. An interrupt can come
        between two lists.

        meanwhile: called once all layers are done, while other threads begin with the output layer.
        """
        B, L = self.shape
        room = self.config.n_heads // self.config.n_kv_heads * (n_past + 1)
        if L > 1:
            room = min(QUERIES, L) * (n_past + L)
            self.make_room(n_past + L)
        *layers, output = self.lists
        with blas.one_thread(), onednn.own_threads():
            for n, (jobs, own_room) in enumerate(layers):
                if crew.run(jobs, max(room, own_room), is_valid if n == 0 else None) is False:
                    return False
            if self.last:
                self.last.plain[:] = self.h.plain.reshape(B, L, -1)[:, -1]
            crew.run(output[0], output[1], meanwhile)
        return True

    def make_room(self, n_keys):
        """Memory in which one layer after another gathers its keys and values."""
        k, size = self.kernels, self.shape[0] * self.config.n_kv_heads * n_keys * self.config.head_dim
        if self.all_keys.size < size:
            self.all_keys, self.all_values = np.empty(size, np.float32), np.empty(size, np.float32)
        self.positions[:, k.ALL_KEYS] = self.all_keys.ctypes.data
        self.positions[:, k.ALL_VALUES] = self.all_values.ctypes.data

    def store(self, cache):
        """Hand the tokens' keys and values to the caches, if there are any."""
        if cache is None:
            return
        (B, L), n_layers = self.shape, len(cache)
        heads, head_dim = self.config.n_kv_heads, self.config.head_dim
        shape = (n_layers, B, L, 2, heads, head_dim)
        if self.dtype == mx.bfloat16:
            rows = self.stored
        else:
            rows = np.stack([np.stack([keys.plain, values.plain], 1) for keys, values in zip(self.keys, self.values)])
        rows = mx.array(rows.reshape(shape).transpose(0, 3, 1, 4, 2, 5).reshape(-1, heads, L, head_dim))
        if self.dtype == mx.bfloat16:
            rows = rows.view(mx.bfloat16)
        each = mx.split(rows, 2 * n_layers)  # keys, values, keys, ...: (B, n_kv_heads, L, head_dim) each
        for layer, keys, values in zip(cache, each[::2], each[1::2]):
            layer.store(keys, values)
        mx.async_eval([array for layer in cache for array in (layer.keys, layer.values)])
