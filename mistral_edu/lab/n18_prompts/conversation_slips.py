"""What goes wrong in exercise 18.2, a conversation as ids: (wrong function, what to tell its author) pairs."""
from functools import cache
from itertools import product

from mistral_edu.tiny import FOLDER
from mistral_edu.tokenizer import Tokenizer

S, END, OPEN, CLOSE = 1, 2, 3, 4
BLANK = 225                                             # of tiny: a space that stands alone


@cache
def tokenizer():
    return Tokenizer(FOLDER)


def words(text):
    return tokenizer().encode(text, bos=False)


def _talk(first=(S,), opens=(OPEN,), space=" ", closes=(CLOSE,), ends=(END,), answer_space=" ", of_answer=((), ()),
          behind="", last=()):
    """conversation with something wrong: what stands before and after each question, and after each answer.

    behind: what each text ends with. last: what follows the whole conversation.
    """
    def wrong(texts):
        ids = list(first)
        for n, text in enumerate(texts):
            if n % 2 == 0:
                ids += [*opens, *words(space + text + behind), *closes]
            else:
                ids += [*of_answer[0], *words(answer_space + text + behind), *of_answer[1], *ends]
        return [*ids, *last]
    return wrong


def _nested(texts):
    ids = [S]
    for n, text in enumerate(texts):
        ids += [OPEN, words(" " + text), CLOSE] if n % 2 == 0 else [words(" " + text), END]
    return ids


def _appended(texts):
    return [S, *([OPEN, *words(" " + text), CLOSE] if n % 2 == 0 else [*words(" " + text), END]
                 for n, text in enumerate(texts))]


def _as_text(texts, first="<s>", before="[INST] ", after="[/INST]", space=" "):
    said = [f"{before}{text}{after}" if n % 2 == 0 else f"{space}{text}</s>" for n, text in enumerate(texts)]
    return first + "".join(said)


def _typed(*how):
    return lambda texts: _as_text(texts, *how)


def _all_at_once(texts):
    """Marks typed as text, and encoded as text."""
    return words(_as_text(texts))


def _marks_typed(texts):
    """<s> as an id, but the other marks as text."""
    return [S, *words(_as_text(texts).removeprefix("<s>"))]


def _only_first(texts):
    return [S, OPEN, *words(" " + texts[0]), CLOSE]


def _exchanged(texts):
    """Questions written as answers, and answers as questions."""
    ids = [S]
    for n, text in enumerate(texts):
        ids += [OPEN, *words(" " + text), CLOSE] if n % 2 else [*words(" " + text), END]
    return ids


def _pairs(texts):
    """Questions and answers two by two: zip leaves out a question that has no answer yet."""
    return _talk()(texts[:len(texts) // 2 * 2])


def _end_between(texts):
    """</s> put between turns, so not after an answer that is the last text."""
    ids = _talk()(texts)
    return ids[:-1] if len(texts) % 2 == 0 else ids


EACH_S = "<s> stands once, in front of the whole conversation, and not before each question"
NO_END = "each answer is closed with END: without it, the next [INST] stands inside the answer"
NO_SPACE = 'each text begins with a space: words(" " + text)'
BEHIND = f"the space stands in front of a text, and not behind it, so {NO_SPACE}"
NO_SPACE_BEHIND = "a space stands in front of each text, and none behind it"
AT_THE_END = "END closes each answer, and not the whole conversation: a question at the end stays open"
AS_TEXT = "ids are wanted, not a text: the marks are ids of their own, S, END, OPEN and CLOSE"
TALK_SLIPS = (
    (_talk(first=(), opens=(S, OPEN)), EACH_S),
    (_talk(opens=(S, OPEN)), EACH_S + "; the first question now has two"),
    (_talk(first=()), "<s>, the id S, is missing in front"),
    (_talk(ends=()), NO_END),
    (_end_between, "an answer that is the last text is closed with END, too"),
    (_talk(ends=(), last=(END,)), AT_THE_END),
    (_talk(last=(END,)), AT_THE_END),
    (_pairs, "a last question that has no answer yet is left out, as zip does it; it belongs to the conversation"),
    (_talk(space="", answer_space=""), NO_SPACE),
    (_talk(answer_space=""), "the answer begins with a space, as the question does"),
    (_talk(space=""), "the question begins with a space, as the answer does"),
    (_talk(space="", answer_space="", behind=" "), BEHIND),
    (_talk(behind=" "), NO_SPACE_BEHIND),
    (_talk(closes=(BLANK, CLOSE)), NO_SPACE_BEHIND),
    (_talk(opens=(OPEN, BLANK), space="", of_answer=((BLANK,), ()), answer_space=""),
     'a space that is encoded by itself becomes a token of its own; encode it with its text: words(" " + text)'),
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
    (_appended, "append puts a whole list into yours as one entry; ids += [...] adds its ids"),
    (_talk(opens=(OPEN, S), of_answer=((S,), ())),
     "tokenizer.encode puts <s> in front of each text; words does not"),
    *((_typed(*how), AS_TEXT)
      for how in product(("<s>", ""), ("[INST]", "[INST] "), ("[/INST]", " [/INST]"), ("", " "))),
    (_all_at_once,
     "marks that are typed as text become ordinary tokens; put the ids S, END, OPEN and CLOSE into the list"),
    (_marks_typed,
     "[INST], [/INST] and </s>, typed as text, become ordinary tokens; put the ids OPEN, CLOSE and END into the list"),
    (_only_first, "that is the first question; the other texts follow it (or a return inside the loop ends it too "
                  "early)"),
    (_exchanged, "questions and answers are exchanged: enumerate counts from 0, so the questions are 0, 2, 4, ..."),
    (_talk(ends=(CLOSE,)), "an answer is closed with END; CLOSE belongs to questions"),
    (_talk(of_answer=((END,), ()), ends=()), "END stands behind an answer, not in front of it"),
    (_talk(opens=(CLOSE,), closes=(OPEN,)), "OPEN and CLOSE are exchanged: OPEN stands in front of the question"),
    (_talk(first=(S, S)), "one <s> is enough, in front of the whole conversation"),
    (_talk(space="  ", answer_space="  "), "one space in front of each text; yours has two"),
)
