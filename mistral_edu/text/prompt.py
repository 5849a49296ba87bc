"""A prompt in any of its forms, a string, messages or ids, becomes ids that the model can read and answer."""
import warnings

import numpy as np

from mistral_edu.chat import encode_chat


def ids_and_room(prompt, tokenizer, config, raw=False, n_before=0) -> tuple[list[int], int]:
    """The ids of a prompt, and how many tokens they leave in the context for the answer.

    prompt: a string, sent as a user's message; or messages; or ids.
    tokenizer: None is enough for ids.
    config: of the model that will read them.
    raw: send a string as it is.
    n_before: tokens that stand before the prompt in the cache.

    Raises ValueError for a prompt that is empty or in no such form, for unknown ids, and where no room is left.
    """
    check_length(prompt, tokenizer, config)
    ids = prompt_ids(prompt, tokenizer, raw)
    return ids, check_room(ids, n_before, config)


def prompt_ids(prompt, tokenizer, raw=False) -> list[int]:
    """Ids of a prompt in any of its forms. Raises ValueError for anything else."""
    is_text = isinstance(prompt, str)
    if is_text or (isinstance(prompt, (list, tuple)) and len(prompt) and isinstance(prompt[0], dict)):
        if tokenizer is None:
            raise ValueError("a prompt in words needs a tokenizer; with tokenizer=None the prompt is a list of ids")
        messages = [{"role": "user", "content": prompt}] if is_text else prompt
        ids = tokenizer.encode(prompt) if is_text and raw else encode_chat(messages, tokenizer)
        hint_at_format(prompt, tokenizer, raw=is_text and raw)
        return ids
    if isinstance(prompt, (dict, bytes)) or not hasattr(prompt, "__len__"):
        raise ValueError(f"a prompt is a string, a list of messages, or a list of ids; got {type(prompt).__name__} "
                         f"{str(prompt)[:100]!r}" + "; a single message goes into a list" * isinstance(prompt, dict))
    if getattr(prompt, "ndim", 1) != 1:
        raise ValueError(f"one prompt at a time: expected ids of shape (L,), got {prompt.shape}")
    ids = prompt.tolist() if hasattr(prompt, "tolist") else list(prompt)
    for n, id in enumerate(ids):
        if isinstance(id, (bool, np.bool_)) or not isinstance(id, (int, np.integer)):
            raise ValueError(f"ids are whole numbers; number {n} of the prompt is {str(id)[:100]!r}, of type "
                             f"{type(id).__name__}")
    return [int(id) for id in ids]


def hint_at_format(prompt, tokenizer, raw):
    """Warn, once, where a prompt in words does not have the form that the model knows; see tokenizer.is_instruct."""
    text = prompt if isinstance(prompt, str) else "".join(str(message.get("content")) for message in prompt)
    by_hand = [name for name in {"[INST]", "[/INST]", *tokenizer.control_ids} if name in text]
    in_v1 = raw and "[INST]" not in tokenizer.control_ids  # there a mark is written as text
    by_hand = sorted(name for name in by_hand if not (in_v1 and name in ("[INST]", "[/INST]")))
    if raw and tokenizer.is_instruct and not (in_v1 and "[INST]" in text):
        warnings.warn("this model answers messages, and a raw prompt lacks their marks, so it may ramble. "
                      "Leave raw out to send the prompt as a message")
    elif by_hand:
        marks = "<s> goes in front by itself" if raw else "a message gets its marks by itself"
        warnings.warn(f"the prompt spells {', '.join(by_hand[:5])}: written in a text, this stays text, which the "
                      f"model has not seen in its training. Leave it out; {marks}")
    elif not raw and tokenizer.is_instruct is False:
        warnings.warn("this seems to be a base model, which continues text and knows no messages (there is no chat "
                      "template beside it). Give a string with raw=True, or take its Instruct version")


def check_length(prompt, tokenizer, config):
    """ValueError for words that cannot fit into the context, before they are encoded, which would take minutes.

    prompt: a string or messages; ids have their length. Each token stands for so many bytes at most.
    """
    if tokenizer is None:
        return
    said = [prompt]
    if isinstance(prompt, (list, tuple)):
        said = [each.get("content") for each in prompt if isinstance(each, dict)]
    n_bytes = sum(len(text.encode("utf-8", errors="replace")) for text in said if isinstance(text, str))
    least = n_bytes // tokenizer.longest_token
    if least >= config.context_len:
        raise ValueError(f"the prompt takes {least:,} tokens at least, and the context of this model has "
                         f"{config.context_len:,}, the answer's included; shorten the prompt")


def check_room(ids, n_before, config) -> int:
    """How many tokens fit into the context after ids; ValueError where there are no ids, unknown ones, or no room."""
    if not ids:
        raise ValueError("the prompt is empty; expected at least one id")
    check_known(ids, config)
    room = config.context_len - n_before - len(ids)
    if room < 1:
        raise ValueError(f"the prompt takes {n_before + len(ids)} tokens, and the context of this model has "
                         f"{config.context_len}, the answer's included; shorten the prompt, or take back turns of the "
                         "chat (chat.undo)")
    return room


def check_known(ids, config):
    """ValueError for ids that are not in the vocabulary."""
    if unknown := [id for id in ids if not 0 <= id < config.vocab_size]:
        raise ValueError(f"ids {unknown[:5]} are not in the vocabulary; expected 0 to {config.vocab_size - 1}")
