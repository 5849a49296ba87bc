"""From documents of the small world to rows of token ids.

A row holds `context_len` tokens and as many whole documents as fit. Each number of a row carries the token's id in its
low 14 bits and, in the two bits above, the class that decides how much the token counts in the loss: prompts are mostly
chance, stories partly so, short answers must be exact.

Worker processes tell the world afresh for as long as training lasts, so no text is seen twice. Shard k is a function
of (seed, k) alone: a run that was killed goes on with the very rows that it would have seen.
"""
import hashlib
import itertools
import multiprocessing
import os
import random
import signal
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from mistral_edu.machine.whole_files import make_folder, write
from mistral_edu.tiny.world import prompts, sample
from mistral_edu.tiny.world.own import own_world

UNK, BOS, EOS, INST, END_INST = range(5)
CONTROL = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"]
ID_BITS = 14
PROMPT, FREE, EXACT = range(3)  # classes of tokens
SHORT_ANSWER = 30  # tokens: a shorter answer is a fact, right or wrong, a longer one is a story, told freely
SAID_AGAIN = {"follow_again"}  # except where the second answer is the first once more, with one thing changed
SHARD_ROWS = 128  # rows that a worker hands over at once
OPEN_ROWS = 12  # rows being filled side by side: enough for about one percent of padding
DOCUMENTS_AT_ONCE = 256  # encoding many texts in one call is many times faster


# ---------------------------------------------------------------- text -> ids
def train_tokenizer(path, vocab_size: int, n_documents: int = 40_000, seed: int = 1, world=None) -> None:
    """Learn a byte-level BPE vocabulary from the world's training split and save it as a tokenizer.json.

    Digits are tokens of their own, so that sums can be learned digit by digit.
    """
    tokenizer = Tokenizer(models.BPE())
    digits, byte_level = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    r = random.Random(seed)
    tell = teller_of(world)
    texts = (" " + text for _ in range(n_documents) for text in _texts(tell(r)))
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=CONTROL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", BOS)])
    make_folder(Path(path).parent)
    write(path, tokenizer.save)


def _texts(document):
    return [document.text] if document.text else [text for turn in document.turns for text in turn]


def encode_documents(tokenizer, documents):
    """Documents -> one list of (id | class << 14) each: <s>[INST] question[/INST] answer</s>[INST] ..."""
    texts = [" " + text for document in documents for text in _texts(document)]
    encoded = iter([e.ids for e in tokenizer.encode_batch(texts, add_special_tokens=False)])
    for document in documents:
        row = [BOS]
        if document.text:
            row += _marked(next(encoded), FREE)
        for turn in range(len(document.turns)):
            row += [INST, *next(encoded), END_INST]
            answer = next(encoded)
            free = len(answer) >= SHORT_ANSWER and not (turn and document.task in SAID_AGAIN)
            row += _marked(answer, FREE if free else EXACT)
        yield row


def _marked(ids, token_class):
    return [i | token_class << ID_BITS for i in [*ids, EOS]]


def split_bits(rows):
    """Rows -> (ids, classes); works on numpy and MLX arrays alike."""
    return rows & ((1 << ID_BITS) - 1), rows >> ID_BITS


# ---------------------------------------------------------------- ids -> rows
def digest(prompt: str) -> int:
    """64 bits that stand for a prompt: what training leaves out is kept as a set of these."""
    return int.from_bytes(hashlib.blake2b(prompt.encode(), digest_size=8).digest(), "little")


def teller_of(world):
    """What tells documents: the village, or the world in the file `world`."""
    return own_world(world).sample if world else sample


def make_rows(tokenizer, seed, n_rows, context_len, left_out=frozenset(), split="train", tasks=None, world=None):
    """(n_rows, context_len) uint16. No document is cut; none whose prompt is in `left_out` (an exam's) is used."""
    r, tell = random.Random(seed), teller_of(world)
    open_rows, full = [[] for _ in range(OPEN_ROWS)], []
    while len(full) < n_rows:
        documents = [tell(r, split, r.choice(tasks) if tasks else None) for _ in range(DOCUMENTS_AT_ONCE)]
        if left_out:
            documents = [d for d in documents if not any(digest(p) in left_out for p in prompts(d))]
        for ids in encode_documents(tokenizer, documents):
            if len(ids) > context_len:
                continue
            row = next((row for row in open_rows if len(row) + len(ids) <= context_len), None)
            if row is None:  # no room: the fullest row is done
                fullest = max(range(OPEN_ROWS), key=lambda i: len(open_rows[i]))
                full.append(open_rows[fullest])
                open_rows[fullest] = row = []
            row += ids
    return np.array([row + [UNK] * (context_len - len(row)) for row in full[:n_rows]], np.uint16)


class RowStream:
    """An endless, reproducible stream of rows, told by `workers` processes (0: by this one).

    Worker w of n tells the shards w, w + n, w + 2n ... and waits at its pipe until one is fetched, so it is never more
    than two shards ahead. `position` counts the rows handed out; RowStream(..., position=n) goes on after the n-th.
    """

    def __init__(self, tokenizer_path, context_len, seed=0, workers=0, left_out=frozenset(), tasks=None, position=0,
                 world=None):
        self.position = position
        self._next_shard, skip = divmod(position, SHARD_ROWS)
        teller = (str(tokenizer_path), context_len, seed, left_out, tasks, world)
        self._workers, self._pipes = [], []
        for n in range(workers):
            self._start(teller, self._next_shard + n, workers)
        self._alone = None if workers else shards(*teller, self._next_shard, 1)
        self._rows = []
        self._refill()
        del self._rows[:skip]

    def _start(self, teller, first_shard, step):
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe(duplex=False)
        worker = context.Process(target=_tell, args=(there, teller, first_shard, step), daemon=True)
        worker.start()
        there.close()  # the worker has its own end; with ours open, its death would not be noticed
        self._workers.append(worker)
        self._pipes.append(here)

    def take(self, n):
        """The next n rows: (n, context_len) uint16."""
        while len(self._rows) < n:
            self._refill()
        rows, self._rows = self._rows[:n], self._rows[n:]
        self.position += n
        return np.stack(rows)

    def _refill(self):
        if self._alone:
            shard = next(self._alone)
        else:
            self._pipes.append(self._pipes.pop(0))  # they take turns
            try:
                shard = self._pipes[-1].recv()
            except EOFError:
                raise RuntimeError("a process that tells the world has died, perhaps for lack of memory; start the "
                                   "same command again, with fewer --workers, and the run goes on") from None
        if isinstance(shard, ValueError):
            raise shard
        self._rows.extend(shard)

    def close(self):
        """End the workers. What they still have to say is not waited for."""
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            worker.join(timeout=5)


def shards(tokenizer_path, context_len, seed, left_out, tasks, world, first, step):
    """Shard `first`, `first + step`, ...: (SHARD_ROWS, context_len) uint16 each."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # one process a core is enough
    tokenizer = Tokenizer.from_file(tokenizer_path)
    for k in itertools.count(first, step):
        own_seed = f"{seed}/{k}"  # a text: random.Random hashes it, so neighbouring shards have nothing in common
        yield make_rows(tokenizer, own_seed, SHARD_ROWS, context_len, left_out, tasks=tasks, world=world)


def _tell(pipe, teller, first, step):
    """A worker's life. Ctrl-C reaches the whole group of processes: when to end is for the trainer to say."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    try:
        for shard in shards(*teller, first, step):
            pipe.send(shard)
    except BrokenPipeError:
        pass  # the trainer is gone
    except ValueError as error:  # of a world of one's own: for the trainer to raise
        pipe.send(error)
