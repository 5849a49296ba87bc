"""What a guess plainly means, however it is typed: "(4,3)", "4 x 3" and (4, 3) are the same, "about 1,000" is 1000."""
import re
from numbers import Real

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()
TIMES = {"": 1, "thousand": 1e3, "million": 1e6, "billion": 1e9}
OF_A_NUMBER = r"(?:\b(?:ln|log\w*|sqrt|exp)|√)[\s(]*\d"     # "ln 2048" does not mean 2048


def spoken(guess):
    """The guess as a number or as text in lower case; None for what is neither (a function, a model, a large array).

    >>> spoken("  Above "), spoken((4, 3)), spoken(12), spoken(...), spoken(None), spoken(all), spoken(spoken)
    ('above', '(4, 3)', 12, '?', 'none', 'all', None)
    """
    if guess is ...:
        return "?"
    if isinstance(guess, Real) and not isinstance(guess, bool):
        return guess
    if callable(guess):                          # all, any, max: words that Python knows, typed without quotes
        return guess.__name__ if getattr(guess, "__module__", None) == "builtins" else None
    if guess is None or isinstance(guess, (str, bool, tuple, list)):
        return str(guess).strip().lower()
    return None


def key(guess) -> str:
    """The same for all ways of typing one answer.

    >>> [key(guess) for guess in ("(4, 3)", (4, 3), "4x3", "4 × 3", "4 3")]
    ['4,3', '4,3', '4,3', '4,3', '4,3']
    >>> key("Half-and-half."), key("-1"), key("> 1")
    ('halfandhalf', '-1', '>1')
    """
    text = str(guess).lower().strip(" .,!()[]\"'`")
    text = re.sub(r"(?<=\d)\s*[,;x×*\s]\s*(?=-?\d)", ",", text)      # between two numbers
    text = re.sub(r"(?<=[a-z])-(?=[a-z])", "", text)                   # between two words
    return re.sub(r"\s", "", text)


def as_one_of(guess, choices):
    """The choice that a guess means, or None. The beginning of a word will do; so will a number with its unit.

    >>> as_one_of("4 x 3", ("(4, 3)", "(3, 4)")), as_one_of("half", ("building", "half and half"))
    ('(4, 3)', 'half and half')
    >>> as_one_of(128, ("64", "128")), as_one_of("128 tokens", ("64", "128")), as_one_of("over 128", ("64", "128"))
    ('128', '128', None)
    >>> as_one_of("0.02", ("about 1", "about 0.02")), as_one_of("about 5", ("about 5 %", "about 50 %"))
    ('about 0.02', 'about 5 %')
    """
    wanted = key(guess)
    number = _plain_number(guess)
    for fits in (lambda choice: key(choice) == wanted,
                 lambda choice: number is not None and _plain_number(choice) == number,
                 lambda choice: wanted.isalpha() and key(choice).startswith(wanted)):
        found = [choice for choice in choices if fits(choice)]
        if len(found) == 1:
            return found[0]
    return None


def _plain_number(text):
    """The number with which a text begins, after any "about", if it holds no other; "over 128" begins with none."""
    text = str(text).lower().strip(" .,!()[]\"'`").removeprefix("about").strip()
    return as_number(text) if text[:1].isdigit() or text[:1] == "." and text[1:2].isdigit() else None


def as_number(value):
    """The number that a value is, or the only number in its text; otherwise None. It does not compute a formula.

    >>> as_number(12), as_number("12 places"), as_number("about 1,000"), as_number("7.2 billion"), as_number("1e-3")
    (12, 12.0, 1000.0, 7200000000.0, 0.001)
    >>> as_number("nine places")
    9.0
    >>> as_number("many"), as_number("(4, 3)"), as_number("10-12"), as_number("7B"), as_number(True)
    (None, None, None, None, None)
    >>> as_number("ln(2048)"), as_number("ln V = 7.62")
    (None, 7.62)
    """
    if isinstance(value, Real):
        return None if isinstance(value, bool) else value
    text = re.sub(r"(?<=\d)[,_' ](?=\d{3}(?!\d))", "", str(value).lower())         # 1,000
    if re.search(OF_A_NUMBER, text):
        return None
    text = re.sub(r"[a-z]+", lambda word: str(WORDS.index(word[0])) if word[0] in WORDS else word[0], text)
    found = re.findall(rf"(?<![\w.])({NUMBER})(?![\w.])\s*(thousand|million|billion|)", text)
    return float(found[0][0]) * TIMES[found[0][1]] if len(found) == 1 else None


def same(guess, result) -> bool:
    """Whether a guess and a result that is not a number say the same."""
    return key(guess) == key(result)
