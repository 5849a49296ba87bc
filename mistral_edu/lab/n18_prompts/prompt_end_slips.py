"""What goes wrong in exercise 18.4, the two ends of a prompt: (wrong function, what to tell its author) pairs."""
from itertools import product

from mistral_edu.lab.n18_prompts.conversation_slips import CLOSE, S, tokenizer, words


def _mend(front="", back=""):
    """mend with something else done in front, or at the end; "" does there what is right."""
    def wrong(ids, blanks):
        ids = list(ids)
        if back == "":
            while ids[-1] in blanks:
                ids.pop()
        elif back == "one":
            ids = ids[:-1] if ids[-1] in blanks else ids
        elif back == "anywhere":
            ids = [id for id in ids if id not in blanks]
        elif back == "last":
            ids = ids[:-1]
        if front == "":
            ids = [S, *ids[next(n for n, id in enumerate(ids) if id != S):]]
        elif front == "fewer":
            while ids[:2] == [S, S]:
                ids.pop(0)
        elif front == "a second":
            ids = ids[1:] if ids[:2] == [S, S] else ids if ids[0] == S else [S, *ids]
        elif front == "more":
            ids = ids if ids[0] == S else [S, *ids]
        elif front == "none":
            ids = [id for id in ids if id != S]
        elif front == "always":
            ids = [S, *ids]
        elif front == "anywhere":
            ids = [S, *(id for id in ids if id != S)]
        return ids
    return wrong


FRONT = {"fewer": "where <s> is missing in front, it has to be put there",
         "more": "a second <s> in front has to go",
         "a second": "there may be more than two <s> in front",
         "none": "one <s> has to stay in front",
         "always": "yours puts an <s> in front even where there is one already",
         "anywhere": "an <s> further on does not stand in front; it stays",
         "as it is": "in front, exactly one <s> has to stand"}
BACK = {"anywhere": "blanks in the middle belong to the question, such as that before a number: take off only those at "
                    "the end",
        "one": "there may be several blanks at the end: go on until the last id is none, with while",
        "last": "the last id goes only if it is a blank; yours takes off [/INST], too",
        "as it is": "blanks at the end have to go"}


def _without_first_blanks(ids, blanks):
    first = next((n for n, id in enumerate(ids) if id not in blanks), len(ids))
    return ids[first:]


def _through_text(marks, before, space):
    """Decoded, stripped, and encoded again. marks: whether the decoder writes control tokens."""
    def wrong(ids, blanks):
        return [*before, *words(space + tokenizer().decode(ids, skip_special=not marks).strip())]
    return wrong


ALL_BLANKS = "203 and 225 are the blanks of tiny; which ids are blank comes as the argument blanks"
THROUGH_TEXT = ("a text does not come back as the same ids: words never gives S, OPEN or CLOSE. Take ids off the list "
                "itself, without decoding it")
MEND_SLIPS = (
    *((_mend(front=front), sentence) for front, sentence in FRONT.items()),
    *((_mend(back=back), sentence) for back, sentence in BACK.items()),
    *((_mend(front, back), f"{FRONT[front]}. And {BACK[back]}") for front, back in product(FRONT, BACK)),
    (lambda ids, blanks: [S, *_without_first_blanks(_mend()(ids, blanks)[1:], blanks)],
     "a blank behind the first <s> does not stand at the end; it stays"),
    (lambda ids, blanks: _mend()(ids, {225}), ALL_BLANKS),
    (lambda ids, blanks: _mend()(ids, {203, 225}), ALL_BLANKS),
    (lambda ids, blanks: _mend()(ids[:len(ids) - ids[::-1].index(CLOSE)], blanks),
     "your prompt ends at the last [/INST], whatever follows it; take off only ids that are in blanks"),
    (lambda ids, blanks: _mend()(ids[:ids.index(CLOSE) + 1], blanks),
     "your prompt ends at the first [/INST]; what follows it, such as an answer and the next question, stays"),
    *((_through_text(*how), THROUGH_TEXT) for how in product((False, True), ((), (S,)), ("", " "))),
)
