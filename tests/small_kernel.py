"""Kernels for NVIDIA GPUs that run on any processor: what model.cuh and window.cuh compute, in operations of MLX.

Like the real one, the first gets the arrays of Shape.inputs(), writes a token's keys and values into the memory of two
of them for each layer, and says nothing about it to MLX. They cannot show what goes wrong on a GPU alone.
"""
import ctypes
import re

from mistral_edu.fast.changes import address
from mistral_edu.fast.gpu.nvidia.device import Gpu
from mistral_edu.fast.gpu.nvidia.kernels import UNIT, WARPS

import mlx.core as mx
import numpy as np

H200 = Gpu(132, (9, 0), 232_448)


class SmallKernel:
    """In the place of step.make_kernel. What it does beside computing can be replaced:

    before, after: called at each token, before anything is written and when all is.
    says: what it makes of the logits (vocab_size,) float32.
    """

    def __init__(self):
        self.calls = 0                              # one for each token
        self.before = self.after = lambda: None
        self.says = lambda logits: logits

    def __call__(self, shape):
        names, c = shape.inputs(), shape.config

        def kernel(inputs, grid, threadgroup, output_shapes, output_dtypes):
            assert len(inputs) == len(names) and threadgroup[0] == 32 * WARPS
            assert grid[0] == shape.n_blocks * threadgroup[0]
            assert output_shapes == [(c.vocab_size,), (2,)] and output_dtypes == [mx.float32, mx.int32]
            self.before()
            logits, where = self.through(shape, dict(zip(names, inputs)))
            self.calls += 1
            self.after()
            return self.says(logits), where
        return kernel

    def through(self, shape, given):
        """given: {name: array} -> logits (vocab_size,), where the next token is (2,)."""
        c = shape.config
        position, slots = given["where"].tolist()
        slot, n_seen = (position, position + 1) if c.window_size is None else (
            position % c.window_size, min(position + 1, c.window_size))
        x = self.row(given, shape, given["token"])                                      # (1, dim)
        for n in range(c.n_layers):
            qkv = self.product(given, f"qkv{n}_", shape, mx.fast.rms_norm(x, given[f"norm1_{n}"], shape.eps[0]))
            heads = qkv.reshape(1, -1, 1, c.head_dim)                               # heads of q, k and v, (1, n, 1, ..)
            together = c.n_heads + c.n_kv_heads
            turned = mx.fast.rope(heads[:, :together], c.head_dim, traditional=False, base=None, scale=1.0,
                                  offset=position, freqs=given["periods"])
            held = given[f"keys_{n}"], given[f"values_{n}"]
            assert all(array.shape == (c.n_kv_heads, slots, c.head_dim) for array in held) and slot < slots
            self.write(held[0], slot, turned[0, c.n_heads:, 0])
            self.write(held[1], slot, heads[0, together:, 0])
            keys, values = (array[None, :, :n_seen] for array in held)
            out = mx.fast.scaled_dot_product_attention(turned[:, :c.n_heads], keys, values, scale=c.head_dim ** -0.5)
            x = x + self.product(given, f"o{n}_", shape, out.reshape(1, -1))
            normed = mx.fast.rms_norm(x, given[f"norm2_{n}"], shape.eps[1])
            gate, up = mx.split(self.product(given, f"gate_up{n}_", shape, normed), 2, axis=-1)
            x = x + self.product(given, f"down{n}_", shape, gate * mx.sigmoid(gate) * up)
            mx.eval(x)                                                                  # what lies in the ring now
        logits = self.product(given, "head", shape, mx.fast.rms_norm(x, given["norm"], shape.eps[2]))
        return logits[0].astype(mx.float32), mx.array([position + 1, slots], dtype=mx.int32)

    @staticmethod
    def product(given, name, shape, x):
        """x (1, width) -> (1, rows)."""
        arrays = [given[each] for each in shape.names(name, shape.bits)]
        if shape.bits == 16:
            return x @ arrays[0].T
        return mx.quantized_matmul(x, *arrays, group_size=UNIT, bits=shape.bits)

    @staticmethod
    def row(given, shape, token):
        """Of the embedding: token (1,) -> (1, dim)."""
        arrays, bits = [given[each][token] for each in shape.names("embed", shape.embed_bits)], shape.embed_bits
        return arrays[0] if bits == 16 else mx.dequantize(*arrays, group_size=UNIT, bits=bits)

    def write(self, array, slot, new):
        """new (n_kv_heads, head_dim) into the memory of an array (n_kv_heads, slots, head_dim), at one slot."""
        mx.eval(array, new)
        seen = np.from_dlpack(array.view(mx.uint16))
        assert seen.flags.c_contiguous and seen.ctypes.data == address(array)
        memory = np.ctypeslib.as_array((ctypes.c_uint16 * seen.size).from_address(seen.ctypes.data))
        memory.reshape(seen.shape)[:, slot] = np.array(new.view(mx.uint16))


class SmallWindow:
    """In the place of window.compiled. calls: how often it was asked; says: what it makes of the result."""

    def __init__(self, says=lambda out: out):
        self.calls, self.says = 0, says

    def __call__(self, kind, files, constants, source, inputs, outputs, n_threads, shared_memory):
        self.constants = {name: int(value) for name, value in re.findall(r"int (\w+) = (\d+);", constants)}
        c, scale = self.constants, float(re.search(r"SCALE = ([\d.]+)f", constants)[1])

        def kernel(inputs, grid, threadgroup, output_shapes, output_dtypes):
            self.calls += 1
            q, k, v, ring_k, ring_v, where = inputs
            offset, L = where.tolist()
            B, n_heads, _, head_dim = q.shape
            assert q.shape == (B, c["N_HEADS"], L, c["HEAD_DIM"])
            assert ring_k.shape == ring_v.shape == (B, c["N_KV_HEADS"], c["WINDOW"], head_dim) and offset >= c["WINDOW"]
            assert k.shape == v.shape == (B, c["N_KV_HEADS"], L, head_dim)
            assert grid == (-(-L // c["ROWS"]) * n_threads, n_heads, B) and threadgroup == (n_threads, 1, 1)
            assert output_shapes == [(B, L, n_heads, head_dim)] and output_dtypes == [q.dtype] and len(outputs) == 1
            first = offset - c["WINDOW"] + 1                    # the earliest position that the first query sees
            slots = mx.arange(first, offset) % c["WINDOW"]
            keys = mx.concatenate([ring_k[:, :, slots], k], axis=2)
            values = mx.concatenate([ring_v[:, :, slots], v], axis=2)
            behind = mx.arange(offset, offset + L)[:, None] - mx.arange(first, offset + L)
            mask = (behind >= 0) & (behind < c["WINDOW"])
            out = mx.fast.scaled_dot_product_attention(q, keys, values, scale=scale, mask=mask)
            return [self.says(out.transpose(0, 2, 1, 3))]
        return kernel
