"""A chat answers as if each answer were computed afresh from its messages, and reads only what is new."""
from mistral_edu import Chat, encode_chat, generate, load, load_tokenizer, stream_generate
from mistral_edu.text.kept_turns import first_kept
from small_models import Counted, random_model

import pytest
from hypothesis import given
from hypothesis import strategies as st

QUESTIONS = ["Hello!", "What is 2 + 5?", "What is 9 - 3?"]
STORY = "Tell me a story about a red ball."


@pytest.fixture(scope="module")
def tiny():
    """A model whose answers, encoded again, are the ids that it gave: so the cache can keep them."""
    return load("tiny", dtype="float32")


@pytest.fixture(scope="module")
def small():
    """Random weights, and a window that forgets soon. It answers nonsense, fast."""
    return random_model(window_size=40, context_len=512), load_tokenizer("tiny")


@pytest.fixture(scope="module")
def without_window():
    return random_model(context_len=512), load_tokenizer("tiny")


def ask(chat, text, **settings):
    """The pieces of an answer, after a comparison with a fresh computation: tokens, and the model's logprobs."""
    pieces = list(chat.stream(text, **settings))
    compare(chat, pieces, **settings)
    return pieces


def compare(chat, pieces, **settings):
    fresh = list(stream_generate(chat.model, chat.tokenizer, chat.messages[:-1], **{**chat.settings, **settings}))
    assert [piece.token for piece in pieces] == [piece.token for piece in fresh]
    assert [piece.logprob for piece in pieces] == pytest.approx([piece.logprob for piece in fresh], abs=1e-3)
    assert chat.messages[-1] == {"role": "assistant", "content": "".join(piece.text for piece in fresh)}


def roles(chat):
    return "".join(message["role"][0] for message in chat.messages)  # "suaua"


def test_each_turn_reads_only_what_is_new(tiny):
    model, tokenizer = tiny
    chat = Chat(Counted(model), tokenizer)
    for turn, question in enumerate(QUESTIONS):
        before = encode_chat(chat.messages, tokenizer) if turn else []
        chat.model.tokens_read = 0
        pieces = list(chat.stream(question))
        read = chat.model.tokens_read - len(pieces)  # every token of the answer is read as well, its end token included
        assert pieces[-1].finish_reason == "stop" and pieces[-1].reused_tokens == len(before)
        assert pieces[-1].prompt_tokens - pieces[-1].reused_tokens == read
        compare(chat, pieces)
    assert roles(chat) == "uauaua"


@pytest.mark.slow
def test_sampling_with_a_seed_is_the_same_in_a_chat(small):
    chat = Chat(*small, temperature=0.9, seed=5, max_tokens=15)
    for question in QUESTIONS:
        ask(chat, question)
    again = Chat(*small, temperature=0.9, seed=5, max_tokens=15)
    assert [again(question) for question in QUESTIONS] == [message["content"] for message in chat.messages[1::2]]


def test_settings_of_one_answer_go_before_those_of_the_chat(small):
    chat = Chat(*small, max_tokens=3)
    assert len(ask(chat, STORY)) == 3
    assert len(ask(chat, STORY, max_tokens=5)) == 5
    assert len(ask(chat, STORY)) == 3


def test_undo_takes_turns_back_and_keeps_their_beginning_in_the_cache(without_window):
    model, tokenizer = without_window
    chat = Chat(model, tokenizer, max_tokens=20)
    for question in QUESTIONS:
        ask(chat, question)
    shared = len(encode_chat(chat.messages[:2], tokenizer))
    assert chat.undo(2) == QUESTIONS[1]
    assert roles(chat) == "ua"
    assert ask(chat, "What is 3 + 3?")[-1].reused_tokens >= shared


def test_edit_asks_an_earlier_question_in_other_words(without_window):
    model, tokenizer = without_window
    chat = Chat(Counted(model), tokenizer, max_tokens=20)
    for question in QUESTIONS:
        chat(question)
    shared = len(encode_chat(chat.messages[:2], tokenizer))
    chat.model.tokens_read = 0
    answer = chat.edit(1, "What is 4 + 4?")
    assert [message["content"] for message in chat.messages[2:]] == ["What is 4 + 4?", answer]
    assert answer == generate(model, tokenizer, chat.messages[:-1], max_tokens=20)
    new = len(encode_chat(chat.messages, tokenizer)) - shared
    assert 0 < chat.model.tokens_read <= new
    assert chat.edit(-1, "Hello!") == chat.messages[-1]["content"] and roles(chat) == "uaua"


def test_what_the_ring_has_forgotten_is_read_again_without_a_word(small):
    model, tokenizer = small
    chat = Chat(model, tokenizer, max_tokens=20)
    for question in (QUESTIONS[0], STORY, STORY):
        chat(question)
    assert len(encode_chat(chat.messages, tokenizer)) > model.config.window_size
    assert chat.undo(2) == STORY
    assert ask(chat, "What is 3 + 3?")[-1].reused_tokens == 0


@pytest.mark.slow
def test_messages_may_be_changed_by_hand(without_window):
    chat = Chat(*without_window, max_tokens=20)
    ask(chat, QUESTIONS[0])
    chat.messages[1]["content"] = "Hello, what may I do for you?"
    ask(chat, QUESTIONS[1])
    chat.messages[:] = [{"role": "user", "content": "Hi!"}, {"role": "assistant", "content": "Hello!"}]
    ask(chat, QUESTIONS[2])
    chat.messages.clear()
    ask(chat, QUESTIONS[0])


@pytest.mark.slow
def test_a_system_message_stays_through_undo(without_window):
    chat = Chat(*without_window, system="You live in a small village.", max_tokens=20)
    for question in QUESTIONS:
        ask(chat, question)
    chat.undo(3)
    assert roles(chat) == "s"
    ask(chat, QUESTIONS[0])
    with pytest.raises(ValueError, match="undo can take back 1 to 1 turns"):
        chat.undo(2)


def test_a_quantized_cache_holds_less_and_answers(without_window):
    sizes = {}
    for bits in (None, 8):
        chat = Chat(*without_window, cache_bits=bits, max_tokens=20)
        for question in QUESTIONS:
            assert chat(question)
        sizes[bits] = sum(layer.nbytes for layer in chat._reader.cache)
    assert sizes[8] < 0.4 * sizes[None]  # 8 bits and a share of scale and bias, against 32


# --- interrupted ---

def first_pieces(stream, n):
    return "".join(next(stream).text for _ in range(n))


def test_closing_a_stream_keeps_the_partial_answer(tiny):
    chat = Chat(*tiny, max_tokens=25)
    stream = chat.stream(STORY)
    shown = first_pieces(stream, 9)
    stream.close()
    assert shown and chat.messages[-1] == {"role": "assistant", "content": shown}
    reused = ask(chat, "What is 2 + 5?")[-1].reused_tokens
    assert reused >= len(encode_chat(chat.messages[:1], chat.tokenizer)) + 9


def test_stop_ends_the_stream_before_its_next_piece(small):
    chat = Chat(*small, max_tokens=25)
    shown = []
    for piece in chat.stream(STORY):
        shown.append(piece.text)
        if len(shown) == 6:
            chat.stop()
    assert len(shown) == 6 and piece.finish_reason is None
    assert chat.messages[-1]["content"] == "".join(shown)
    assert ask(chat, "Hello!")[-1].finish_reason  # the flag does not outlive its stream


@pytest.mark.parametrize("where", ["before", "middle", "after"])
def test_ctrl_c_in_the_middle_keeps_the_partial_answer(small, where):
    model, tokenizer = small
    counted = Counted(model)
    counted.interrupt_at, counted.where = 8, where
    chat = Chat(counted, tokenizer, max_tokens=25)
    with pytest.raises(KeyboardInterrupt):
        chat(STORY)
    assert roles(chat) == "ua"
    partial = chat.messages[1]["content"]
    assert partial and generate(model, tokenizer, STORY, max_tokens=25).startswith(partial)
    ask(chat, "What is 2 + 5?")


def test_a_question_interrupted_before_the_first_word_counts_as_not_asked(small):
    model, tokenizer = small
    counted = Counted(model)
    counted.interrupt_at = 1
    chat = Chat(counted, tokenizer, max_tokens=25)
    with pytest.raises(KeyboardInterrupt):
        chat(STORY)
    assert chat.messages == []
    ask(chat, "Hello!")


def test_a_new_question_ends_a_stream_that_is_still_open(small):
    chat = Chat(*small, max_tokens=25)
    stream = chat.stream(STORY)
    shown = first_pieces(stream, 5)
    ask(chat, "Hello!")
    assert [message["content"] for message in chat.messages[:3]] == [STORY, shown, "Hello!"]
    assert list(stream) == []


def test_undo_ends_a_stream_that_is_still_open(small):
    chat = Chat(*small, max_tokens=25)
    first_pieces(chat.stream(STORY), 5)
    assert chat.undo() == STORY and chat.messages == []


def test_a_stream_that_is_never_read_asks_nothing(small):
    chat = Chat(*small, max_tokens=25)
    chat.stream(STORY)
    assert chat.messages == []
    ask(chat, "Hello!")


# --- the end of the context, and errors ---

def long_chat(small, keep):
    chat = Chat(*small, keep=keep, max_tokens=20)
    while not chat.messages or len(encode_chat(chat.messages, chat.tokenizer)) < chat.model.config.context_len:
        chat.messages += [{"role": "user", "content": "one two three " * 20},
                          {"role": "assistant", "content": f"{len(chat.messages)} " * 20}]
    return chat


def test_a_conversation_that_outgrows_the_context_says_what_to_do(small):
    chat = long_chat(small, keep="all")
    with pytest.raises(ValueError, match="the context of this model has 512.*chat.undo"):
        chat("Hello!")
    assert roles(chat)[-2:] == "ua"
    chat.undo(len(chat.messages) // 4)
    ask(chat, "Hello!")


def test_keep_latest_leaves_the_oldest_turns_out_of_what_is_read(small):
    chat = long_chat(small, keep="latest")
    n_turns = len(chat.messages) // 2
    pieces = list(chat.stream("Hello!"))
    assert roles(chat) == "ua" * (n_turns + 1)  # the messages themselves are all there
    lengths = [len(encode_chat(chat.messages[2 * n:-1], chat.tokenizer)) for n in range(n_turns + 1)]
    dropped = lengths.index(pieces[-1].prompt_tokens)
    assert lengths[dropped] <= 512 * 3 // 4 < lengths[0] and dropped > 0
    assert chat.messages[-1]["content"] == generate(*small, chat.messages[2 * dropped:-1], max_tokens=20)


@given(st.lists(st.integers(1, 200), min_size=1, max_size=60), st.integers(2, 150))
def test_as_many_turns_are_left_out_as_the_rule_says(lengths, room):
    first = first_kept(lengths, room)
    left_out, kept = sum(lengths[:first]), sum(lengths[first:])
    if sum(lengths) <= room:
        assert first == 0
    elif first < len(lengths) - 1:  # the last turn is always read
        goal = next(n for n in range(0, sum(lengths) + room, room // 2) if sum(lengths) - n <= room)
        assert left_out >= goal > left_out - lengths[first - 1] and kept <= room


def test_the_beginning_of_what_is_read_moves_rarely():
    """Turns of 30 in a room of 600: each time 10 turns go, and the next 9 find the beginning where it was."""
    starts = [first_kept([30] * n, 600) for n in range(1, 101)]
    assert starts == [0] * 20 + [start for start in range(10, 90, 10) for _ in range(10)]


def forty_turns(without_window, **how):
    """For each of 40 turns: the length of its prompt, the tokens of it that were read, and the messages, all told."""
    model, tokenizer = without_window
    chat = Chat(Counted(model), tokenizer, keep="latest", max_tokens=6, **how)
    turns = []
    for n in range(40):
        chat.model.tokens_read = 0
        pieces = list(chat.stream(f"What is {n} + {n}? And what is {n} - {n}?"))
        turns.append((pieces[-1].prompt_tokens, chat.model.tokens_read - pieces[-1].generation_tokens + 1,
                      list(chat.messages[:-1])))
    return chat, turns


@pytest.mark.slow
def test_a_long_conversation_is_read_anew_a_few_times_only(without_window):
    chat, turns = forty_turns(without_window)
    room = 512 * 3 // 4
    assert all(n_tokens <= room for n_tokens, _, _ in turns)
    new = len(encode_chat(turns[1][2], chat.tokenizer)) - turns[0][0]  # what a turn adds
    anew = [n for n, (_, read, _) in enumerate(turns) if read > 2 * new]
    assert 2 <= len(anew) <= 5  # to leave out as little as possible would be: at each of the last 25
    assert sum(read for _, read, _ in turns) < 3 * len(encode_chat(chat.messages, chat.tokenizer))


def test_the_instructions_are_read_with_every_turn(without_window):
    chat, turns = forty_turns(without_window, system="You live in a small village.")
    kept = chat.to_read()
    assert kept[0] == chat.messages[0] and kept[-2:] == chat.messages[-2:] and len(kept) < len(chat.messages)
    assert all(n_tokens <= 512 * 3 // 4 for n_tokens, _, _ in turns)


@pytest.mark.slow
def test_a_question_asked_again_is_read_after_the_same_turns(without_window):
    chat, turns = forty_turns(without_window)
    for n_turns in (39, 30, 21):
        chat.undo(len(chat.messages) // 2 - n_turns)
        pieces = list(chat.stream(turns[n_turns][2][-1]["content"]))
        assert pieces[-1].prompt_tokens == turns[n_turns][0]
        assert list(chat.stream("Hello!"))  # a turn that the next undo takes back, too


def test_a_question_longer_than_the_room_is_read_alone(small):
    chat = long_chat(small, keep="latest")
    question = "one two three " * 140
    n_tokens = len(encode_chat([{"role": "user", "content": question}], chat.tokenizer))
    assert 512 * 3 // 4 < n_tokens < 512
    assert list(chat.stream(question))[-1].prompt_tokens == n_tokens


# --- in steps ---

def test_steps_read_the_prompt_in_chunks_and_answer_alike(small):
    chat, other = Chat(*small, max_tokens=10), Chat(*small, max_tokens=10)
    for question in (STORY * 5, "Hello!"):
        n_ids = len(encode_chat([*chat.messages, {"role": "user", "content": question}], chat.tokenizer))
        before = len(chat._reader.ids)
        steps = list(chat.steps(question, chunk=16))
        pieces = [piece for piece in steps if piece]
        assert steps[:steps.count(None)] == [None] * steps.count(None)
        assert abs(steps.count(None) - (n_ids - before) / 16) < 2
        assert pieces[0].reused_tokens == n_ids - 1  # one token was left to read
        assert "".join(piece.text for piece in pieces) == other(question)
    assert chat.messages == other.messages


def test_steps_can_be_stopped_while_the_prompt_is_read(small):
    chat = Chat(*small, max_tokens=10)
    for step in chat.steps(STORY * 5, chunk=16):
        assert step is None
        chat.stop()
    assert chat.messages == [] and len(chat._reader.ids) == 16
    ask(chat, "Hello!")


@pytest.mark.parametrize("question", ["", "one two three " * 200, "ball " * 9000])
def test_steps_refuse_what_a_stream_refuses(small, question):
    chat = Chat(*small, max_tokens=10)
    said = []
    for answer in (chat.steps, chat.stream):
        with pytest.raises(ValueError) as error:
            list(answer(question))
        said.append(str(error.value))
    assert said[0] == said[1] and chat.messages == []


@pytest.mark.parametrize("action, complaint", [
    (lambda chat: chat(""), "message 2, of the user, is empty"),
    (lambda chat: chat("Hello!", temperature=-1), "temperature should be 0 .*; got -1"),
    (lambda chat: chat.undo(2), "undo can take back 1 to 1 turns; got 2"),
    (lambda chat: chat.undo(0), "got 0"),
    (lambda chat: chat.edit(1, "Hi"), "there are 1 turns, numbered from 0; got 1"),
    (lambda chat: chat.edit(-2, "Hi"), "got -2"),
    (lambda chat: chat.edit(0, ""), "message 0, of the user, is empty"),
])
def test_errors_leave_the_chat_as_it_was(small, action, complaint):
    chat = Chat(*small, max_tokens=5)
    chat("Hello!")
    before = list(chat.messages)
    with pytest.raises(ValueError, match=complaint):
        action(chat)
    assert chat.messages == before


def test_an_unknown_way_to_keep_is_named(small):
    with pytest.raises(ValueError, match='keep is "all" or "latest"; got \'some\''):
        Chat(*small, keep="some")
