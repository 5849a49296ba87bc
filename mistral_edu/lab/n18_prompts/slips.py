"""What goes wrong in the exercises of notebook 18: (wrong function, what to tell its author) pairs."""
from functools import cache

from mistral_edu.tiny import FOLDER
from mistral_edu.tokenizer import Tokenizer

S, END, OPEN, CLOSE = 1, 2, 3, 4


@cache
def _tokenizer():
    return Tokenizer(FOLDER)


def _words(text):
    return _tokenizer().encode(text, bos=False)


def _talk(first=(S,), opens=(OPEN,), space=" ", closes=(CLOSE,), ends=(END,), answer_space=" ", of_answer=((), ())):
    """conversation with something wrong: what stands before and after each question, and after each answer."""
    def wrong(texts):
        ids = list(first)
        for n, text in enumerate(texts):
            if n % 2 == 0:
                ids += [*opens, *_words(space + text), *closes]
            else:
                ids += [*of_answer[0], *_words(answer_space + text), *of_answer[1], *ends]
        return ids
    return wrong


def _nested(texts):
    ids = [S]
    for n, text in enumerate(texts):
        ids += [OPEN, _words(" " + text), CLOSE] if n % 2 == 0 else [_words(" " + text), END]
    return ids


def _as_text(texts):
    said = [f"[INST] {text}[/INST]" if n % 2 == 0 else f" {text}</s>" for n, text in enumerate(texts)]
    return "<s>" + "".join(said)


def _all_at_once(texts):
    """Marks typed as text, and encoded as text."""
    return _words(_as_text(texts))


def _marks_typed(texts):
    """<s> as an id, but the other marks as text."""
    return [S, *_words(_as_text(texts).removeprefix("<s>"))]


def _only_first(texts):
    return [S, OPEN, *_words(" " + texts[0]), CLOSE]


def _end_between(texts):
    """</s> put between turns, so not after an answer that is the last text."""
    ids = _talk()(texts)
    return ids[:-1] if len(texts) % 2 == 0 else ids


EACH_S = "<s> stands once, in front of the whole conversation, and not before each question"
NO_END = "each answer is closed with END: without it, the next [INST] stands inside the answer"
NO_SPACE = 'each text begins with a space: words(" " + text)'
TALK_SLIPS = (
    (_talk(first=(), opens=(S, OPEN)), EACH_S),
    (_talk(opens=(S, OPEN)), EACH_S + "; the first question now has two"),
    (_talk(first=()), "<s>, the id S, is missing in front"),
    (_talk(ends=()), NO_END),
    (_end_between, "an answer that is the last text is closed with END, too"),
    (_talk(space="", answer_space=""), NO_SPACE),
    (_talk(answer_space=""), "the answer begins with a space, as the question does"),
    (_talk(space=""), "the question begins with a space, as the answer does"),
    (_talk(closes=(CLOSE, END)),
     "END closes an answer; a question is closed with CLOSE alone, so that its answer can follow"),
    (_talk(first=(), opens=(S, OPEN), ends=()), f"{EACH_S}. And {NO_END}"),
    (_talk(first=(), opens=(S, OPEN), space="", answer_space=""), f"{EACH_S}. And {NO_SPACE}"),
    (_talk(ends=(), space="", answer_space=""), f"{NO_END}. And {NO_SPACE}"),
    (_talk(of_answer=((OPEN,), (CLOSE,))),
     "[INST] and [/INST] stand around questions only; an answer is closed with END"),
    (_talk(of_answer=((OPEN,), (CLOSE,)), ends=()),
     "[INST] and [/INST] stand around questions only; an answer has nothing in front, and END after it"),
    (_talk(closes=()), "a question is closed with CLOSE"),
    (_talk(opens=()), "a question is opened with OPEN"),
    (_nested, "words gives a list, which now lies inside yours: spread it with a star, [OPEN, *words(...), CLOSE]"),
    (_as_text, "ids are wanted, not a text: the marks are ids of their own, S, END, OPEN and CLOSE"),
    (_all_at_once,
     "marks that are typed as text become ordinary tokens; put the ids S, END, OPEN and CLOSE into the list"),
    (_marks_typed,
     "[INST], [/INST] and </s>, typed as text, become ordinary tokens; put the ids OPEN, CLOSE and END into the list"),
    (_only_first, "that is the first question; the other texts follow it"),
)


def _mend(front="one", back="all"):
    """mend with something else done in front and at the end."""
    def wrong(ids, blanks):
        ids = list(ids)
        if back == "one":
            ids = ids[:-1] if ids[-1] in blanks else ids
        elif back == "all":
            while ids[-1] in blanks:
                ids.pop()
        elif back == "anywhere":
            ids = [id for id in ids if id not in blanks]
        elif back == "last":
            ids = ids[:-1]
        if front == "one":
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
        return ids
    return wrong


MIDDLE = "blanks in the middle belong to the question, such as that before a number: take off only those at the end"
ONE = "there may be several blanks at the end: go on until the last id is none, with while"
ADD = "where <s> is missing in front, it has to be put there"
TWO = "a second <s> in front has to go"


def _without_first_blanks(ids, blanks):
    first = next((n for n, id in enumerate(ids) if id not in blanks), len(ids))
    return ids[first:]


MEND_SLIPS = (
    (_mend(back="anywhere"), MIDDLE),
    (_mend(back="one"), ONE),
    (_mend(back="last"), "the last id goes only if it is a blank; yours takes off [/INST], too"),
    (_mend(back="none"), "blanks at the end have to go"),
    (_mend(front="fewer"), ADD),
    (_mend(front="more"), TWO),
    (_mend(front="a second"), "there may be more than two <s> in front"),
    (_mend(front="none"), "one <s> has to stay in front"),
    (_mend(front="always"), "yours puts an <s> in front even where there is one already"),
    (_mend(front="same"), "in front, exactly one <s> has to stand"),
    (_mend(front="more", back="one"), f"{TWO}. And {ONE}"),
    (_mend(front="fewer", back="one"), f"{ADD}. And {ONE}"),
    (_mend(front="more", back="anywhere"), f"{TWO}. And {MIDDLE}"),
    (_mend(front="fewer", back="anywhere"), f"{ADD}. And {MIDDLE}"),
    (_mend(front="a second", back="one"), f"there may be more than two <s> in front. And {ONE}"),
    (lambda ids, blanks: [S, *(id for id in ids if id not in blanks and id != S)], MIDDLE),
    (lambda ids, blanks: [S, *(id for id in _mend()(ids, blanks) if id != S)],
     "an <s> further on does not stand in front; it stays"),
    (lambda ids, blanks: [S, *_without_first_blanks(_mend()(ids, blanks)[1:], blanks)],
     "a blank behind the first <s> does not stand at the end; it stays"),
)
