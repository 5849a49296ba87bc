"""Exercises of notebook 18: a conversation as ids, and a prompt that somebody else has spoilt at its ends."""
from mistral_edu.lab.exercises.bank import Exercise
from mistral_edu.lab.n18_prompts.conversation_slips import TALK_SLIPS
from mistral_edu.lab.n18_prompts.prompt_end_slips import MEND_SLIPS
from mistral_edu.tiny import FOLDER
from mistral_edu.tokenizer import Tokenizer

S, END, OPEN, CLOSE = 1, 2, 3, 4                        # <s>, </s>, [INST], [/INST]: tiny's, and those of 7B v0.3
TOKENIZER = Tokenizer(FOLDER)
BLANKS = {203, 225}                                     # of tiny: a line end, and a space that stands alone


def words(text):
    """The ids of a text as it stands, without <s> in front."""
    return TOKENIZER.encode(text, bos=False)


def conversation(texts):
    """Ids in format v3, or v2. texts: question, answer, question, ... in turn."""
    ids = [S]
    for n, text in enumerate(texts):
        ids += [OPEN, *words(" " + text), CLOSE] if n % 2 == 0 else [*words(" " + text), END]
    return ids


def mend(ids, blanks):
    """The ids with exactly one <s> in front, and without blanks at the end."""
    begin = next(n for n, id in enumerate(ids) if id != S)
    end = max(n for n, id in enumerate(ids) if id not in blanks)
    return [S, *ids[begin:end + 1]]


SUM = words(" What is 3 + 4?")                          # has a blank in the middle, before each digit
EXERCISES = (
    Exercise(
        "18.2", minutes=5, points=3,
        cases=(
            (["Hi!"],),                                 # by hand on the page
            (["Hi!", "Hello!"],),
            (["Hi!", "Hello!", "Bye!"],),
            (["What is 3 + 4?", "3 + 4 = 7.", "And 7 + 1?"],),
            (["Hi!", "Hello!", "Who are you?", "A model."],),
            (["The key is in the barn. Where is the key?", "In the barn.", "And the ball?", "I do not know.", "Why?"],),
        ),
        reference=conversation, slips=TALK_SLIPS,
        hints=(
            "Begin with a list that holds <s> alone, [S], and go through the texts. enumerate(texts) also gives their "
            "numbers: even ones are questions, odd ones answers.",
            "A question adds OPEN, the ids of its words, and CLOSE. An answer adds the ids of its words, and END.",
            "Each text has a space in front: words(\" \" + text). Only ids go into the list: a list of ids is added "
            "with ids += [...], or spread in another one with a star, [OPEN, *words(...), CLOSE].",
        ),
    ),
    Exercise(
        "18.4", minutes=4, points=2,
        cases=(
            ([S, S, OPEN, 350, 225, 23, CLOSE, 225], BLANKS),       # by hand on the page
            ([S, S, OPEN, *SUM, CLOSE, 225], BLANKS),
            ([S, OPEN, *SUM, CLOSE], BLANKS),
            ([OPEN, *SUM, CLOSE, 203], BLANKS),
            ([S, S, S, OPEN, *words(" Who are you?"), CLOSE, 225, 203, 225], BLANKS),
            ([OPEN, *words(" Spell ball."), CLOSE], BLANKS),
            ([S, S, 225, OPEN, *words(" Hi!"), S, CLOSE, 225], BLANKS),        # a blank in front, an <s> in the middle
            ([S, OPEN, *words(" Say 5 + 5. "), CLOSE, 203, 203], BLANKS),
            ([OPEN, *words(" Hi!"), CLOSE, *words(" Hello!"), END, OPEN, *words(" Bye!"), CLOSE, 225], BLANKS),
            ([S, S, OPEN, *words(" Hi!"), CLOSE, 225, 6], {6}),                # other blanks than those of tiny
        ),
        reference=mend, slips=MEND_SLIPS,
        hints=(
            "Two ends, two loops. Begin with a copy, mended = list(ids), so that the caller's list stays as it is.",
            "At the end: while mended[-1] in blanks, take it off with mended.pop(). Blanks in the middle belong to the "
            "question.",
            "In front: while mended[0] == S, take it off with mended.pop(0). Then return [S, *mended], which has "
            "exactly one.",
        ),
    ),
)
