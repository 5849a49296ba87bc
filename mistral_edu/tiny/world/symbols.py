"""Small exercises with symbols: copy, reverse, spell, count, compare, add and subtract, put in order.

Each maker returns one Doc with exact answers. If the answer can show the work, it does: a word is spelled before its
letters are counted, and a sum is repeated in digits before its result, however it was asked.
"""
from mistral_edu.tiny.world.asking import ask, head, some_words, spoken, strange_word
from mistral_edu.tiny.world.doc import Doc, held_out
from mistral_edu.tiny.world.grammar import cap, vary
from mistral_edu.tiny.world.words import (
    ANIMALS,
    COLOURS,
    DAYS,
    FOODS,
    GIRLS,
    MONTHS,
    NAMES,
    NUMBERS,
    OBJECTS,
    WORDS,
    new_name,
)

# ---- copy and reverse ----
COPY = ("[Repeat|Copy|Say|Write] [this|these words|the following|this list]:|Repeat after me:|[Please repeat|Copy]:|"
        "[Can you|Could you] [repeat|copy] this:|Say [it|this] again:|Echo:|Write [down|out] [these words|this]:|"
        "[Give|Tell] me [these words|this] [again|back]:")
REVERSE = ("[Reverse|Turn around] [these words|this list|the words|the order]:|"
           "[Say|Write|Repeat] [these words|this list] [backwards|in reverse order|from last to first]:|Reverse:|"
           "Backwards[, please|]:|[Can you|Could you] [reverse|turn around] [this list|these words]:|"
           "What is this list backwards:")


def copy(r):
    """Say a list of words, long strange words, or digits again."""
    x = r.random()
    words = (some_words(r, 2, 8) if x < 0.6 else some_words(r, 1, 4, strange=1) if x < 0.85
             else [str(r.randrange(10 ** r.randint(1, 6))) for _ in range(r.randint(1, 7))])
    text = (", " if len(words) > 1 and r.random() < 0.15 else " ").join(words)
    return Doc("copy", [(head(r, f"[{COPY}]") + text, text)], key=("copy", text))


def reverse(r):
    """Say a list of words, or of digits, from last to first."""
    words = some_words(r, 2, 7, 0.2) if r.random() < 0.8 else [str(r.randrange(100)) for _ in range(r.randint(2, 7))]
    question = head(r, f"[{REVERSE}]") + " ".join(words)
    return Doc("reverse", [(question, " ".join(words[::-1]))], key=("reverse", tuple(words)))


# ---- letters ----
SPELL = ("Spell [|the word ]{w}.|How do you spell [|the word ]{w}?|Can you spell {w}[| for me]?|Please spell {w}.|"
         "How is [|the word ]{w} spelled?|[Tell me how to spell|I can not spell] {w}.|What are the letters of {w}?|"
         "Write {w} letter by letter.|Which letters are in {w}?|spell {w}|Spell[ this word| the name|]: {w}|"
         "How do I [write|spell] {w}?")
LETTERS = {  # a question on letters -> (its phrasings, the answer)
    "first": ("[What|Which] is the first letter of {w}?|[What|Which] letter does {w} [start|begin] with?|"
              "First letter of {w}?",
              lambda w: f"The first letter of {w} is {w[0]}."),
    "last": ("[What|Which] is the last letter of {w}?|[What|Which] letter does {w} end with?|Last letter of {w}?",
             lambda w: f"The last letter of {w} is {w[-1]}."),
    "many": ("How many letters [has|does] {w}[| have]?|How many letters are [there |]in {w}?|"
             "Count the letters [of|in] {w}.",
             lambda w: f"{spelled(w)} has {len(w)} letters."),
    "backwards": ("Spell {w} backwards.|What is {w} backwards?|"
                  "How do you spell {w} from the end?|Spell {w} in reverse.",
                  lambda w: f"{spelled(w)} backwards is {spelled(w[::-1])}."),
}


def spelled(word: str) -> str:
    return "-".join(word)


def word_to_spell(r):
    """A word and its key: the village's words must be known by heart, so they are always for training."""
    if r.random() < 0.35:
        word = r.choice(WORDS + NUMBERS + DAYS + MONTHS + NAMES)
        return (word.lower() if r.random() < 0.5 else word), ("always", word)
    word = strange_word(r) if r.random() < 0.85 else new_name(r)
    return word, ("spell", word)


def spell(r):
    """Spell a word letter by letter; one in four asks for its first or last letter, their number, or it backwards."""
    word, key = word_to_spell(r)
    kind = r.choice(list(LETTERS)) if r.random() < 0.25 and len(word) > 1 else None
    if kind == "backwards" and len(word) > 6:
        kind = "first"
    template, answer = LETTERS[kind] if kind else (SPELL, lambda w: spelled(w) + ".")
    shown = f'"{word}"' if r.random() < 0.08 else word
    question = ask(r, f"[{template}]", w=shown)
    if word.islower():
        question = spoken(r, question, 0.05)
    return Doc("letters" if kind else "spell", [(question, answer(word))], key=key)


# ---- count and compare ----
def count(r):
    """How many words, how often a word, or the way from one number to another."""
    kind = r.choice(("all", "all", "one", "one", "way"))
    if kind == "way":
        first, last = r.sample(range(31), 2)
        step = 1 if first < last else -1
        last = first + step * min(abs(last - first), 12)
        question = ask(r, "[Count|Please count|Can you count|Count for me] [from {a} to {b}|{how}from {a} to {b}].",
                       a=first,
                       b=last, how="up " if step > 0 else "down ")
        numbers = ", ".join(map(str, range(first, last + step, step)))
        return Doc("count", [(vary(r, question), numbers + ".")], key=("way", first, last))
    if kind == "all":
        words = some_words(r, 1, 10, 0.15)
        question = head(r, "[How many words are [here|there|in this list]|Count [these|the] words|How many words do "
                           "you see]:")
        answer, key = len(words), ("count", tuple(words))
    else:
        kinds = r.sample(ANIMALS + COLOURS + OBJECTS, r.randint(2, 3))
        words = [r.choice(kinds) for _ in range(r.randint(3, 10))]
        one = r.choice(kinds)
        question = head(r, "[How [often|many times] [does {w} appear|is {w}|do you see {w}] [here|in this list]|"
                          "Count the word {w}|How often is there {w}]:", w=one)
        answer, key = words.count(one), ("count", one, tuple(words))
    return Doc("count", [(question + " ".join(words), cap(NUMBERS[answer]) + ".")], key=key)


COMPARATIVES = {True: ("more", "bigger", "greater", "larger"), False: ("less", "smaller")}
SUPERLATIVES = {True: ("largest", "biggest", "greatest"), False: ("smallest", "least")}


def compare(r):
    """Which of two or three numbers is the larger, or the smaller; or whether one is."""
    most, big, kind = r.choice((20, 100, 100, 1000)), r.random() < 0.5, r.random()
    a, b, c = numbers = r.sample(range(most), 3)
    pick = max if big else min
    if kind < 0.2:
        question = ask(r, "[Which [|number ]is the {w}[: |, ]{a}, {b} or {c}?|What is the {w} of {a}, {b} and {c}?]",
                       w=r.choice(SUPERLATIVES[big]), a=a, b=b, c=c)
        answer = f"{pick(numbers)} is the {SUPERLATIVES[big][0]}."
        return Doc("compare", [(vary(r, question), answer)], key=("compare", *sorted(numbers)))
    word = r.choice(COMPARATIVES[big])
    if kind < 0.4:
        question = ask(r, "[Is {a} {w} than {b}?|Is it true that {a} is {w} than {b}?]", a=a, b=b, w=word)
        yes = "Yes" if pick(a, b) == a else "No"
        answer = f"{yes}, {a} is {'more' if a > b else 'less'} than {b}."
    else:
        question = ask(r, "[[Which|Which number|What] is {w}[, |: ]{a} or {b}?|{a} or {b}: which is {w}?]", a=a, b=b,
                       w=word)
        answer = f"{pick(a, b)} is {COMPARATIVES[big][0]} than {a + b - pick(a, b)}."
    return Doc("compare", [(vary(r, question), answer)], key=("compare", min(a, b), max(a, b)))


# ---- add and subtract ----
# A family of facts (a + b = c, b + a = c, c - a = b, c - b = a) has one key, so a held-out sum is never seen in any
# form. What is left is enough to learn from, because the numbers up to 99 can only be mastered digit by digit.
UP_TO = ((20, 0.55), (30, 0.15), (99, 0.3))      # largest number to add, share
ADD = ("[What is|What's|How much is|what is|Calculate|Compute|Work out|Tell me] {a} [+|plus|and] {b}[?|.|]|{a} + {b}|"
       "{a} + {b} = ?|{a} + {b} =|{a}+{b}|{a} plus {b}|Add {a} and {b}.|Add {b} to {a}.|"
       "What is the sum of {a} and {b}?|[Can you|Could you|Please] add {a} and {b}[?|.]|"
       "How much [do|are] {a} and {b} [make|together]?|What do you get when you add {a} and {b}?|"
       "What do {a} and {b} make?|Can you [tell me|work out] {a} + {b}?|Start at {a} and count on {b}. Where are you?|"
       "Which number is {b} more than {a}?|Help me with {a} + {b}.")
TAKE = ("[What is|What's|How much is|what is|Calculate|Compute|Work out|Tell me] {c} [-|minus] {b}[?|.|]|{c} - {b}|"
        "{c} - {b} = ?|{c} - {b} =|{c}-{b}|{c} minus {b}|Take {b} [away |]from {c}.|Subtract {b} from {c}.|"
        "What is the difference between {c} and {b}?|How much is {c} take away {b}?|"
        "Can you [tell me|work out] {c} - {b}?|What is left of {c} when you take away {b}?|"
        "[How much|How many] more is {c} than {b}?|Start at {c} and count back {b}. Where are you?|"
        "Which number is {b} less than {c}?|Help me with {c} - {b}.")
AFTER = ("[What|Which number] comes [right |]after {a}?|[Which number is|What is] one more than {a}?|"
         "[What|Which] is the [next number|number] after {a}?|Count on from {a}: what is next?")
BEFORE = ("[What|Which number] comes [right |]before {c}?|[Which number is|What is] one less than {c}?|"
          "[What|Which] is the number before {c}?|Count back from {c}: what is next?")
DOUBLE = "[What is|How much is] [the double of|twice|double] {a}?|Double {a}.|What is {a} doubled?|Twice {a}?"
ADD_STORY = (
    "{n} has {a} {o}. {He} [gets|finds|buys|picks up] {b} more. How many {o} does {he} have[ now|]?",
    "{n} has {a} {o} and {h} has {b} {o}. How many {o} do they have together?",
    "There are {a} {o} in the box. {n} puts in {b} more. How many {o} are in the box now?",
    "There are {a} {x} and {b} {y} [in the barn|by the pond|on the hill]. How many animals are there?",
    "{n} found {a} {o} in the morning and {b} in the evening. How many {o} did {he} find?",
    "{h} gives {n} {b} {o}. {n} already had {a}. How many {o} has {n} now?",
    "{n} is {a} years old. {h} is {b} years older. How old is {h}?")
TAKE_STORY = (
    "{n} has {c} {o}. {He} [gives|sells] {b} to {h}. How many {o} does {he} have[ now| left|]?",
    "{n} had {c} {o}. {He} [lost|gave away|broke] {b} of them. How many are left?",
    "There are {c} {x} [in the barn|by the pond|on the hill]. {b} of them [run|go] away. How many are left?",
    "There are {c} {o} in the box. {n} takes out {b}. How many {o} are still in the box?",
    "{n} has {c} {o}. {b} of them are {colour}. How many are not {colour}?",
    "{n} wants {c} {o} and has {b}. How many more does {he} need?",
    "{n} is {c} years old. {h} is {b} years younger. How old is {h}?")


def plural(word: str) -> str:
    """
    >>> [plural(w) for w in ("box", "scarf", "key", "mouse", "sheep", "brush")]
    ['boxes', 'scarves', 'keys', 'mice', 'sheep', 'brushes']
    """
    special = {"mouse": "mice", "goose": "geese", "sheep": "sheep", "scarf": "scarves", "fox": "foxes", "box": "boxes"}
    return special.get(word) or word + ("es" if word.endswith(("sh", "ch", "s")) else "s")


COUNTABLE = [plural(w) for w in OBJECTS if w != "box"] + [f for f in FOODS if f.endswith("s")]
HERDS = [plural(w) for w in ANIMALS]


def family_key(a: int, b: int) -> tuple:
    return ("sum", min(a, b), max(a, b))


def two_numbers(r, largest=None) -> tuple:
    """Two numbers to add, neither above `largest` (by default drawn by UP_TO)."""
    largest = largest or r.choices(*zip(*UP_TO))[0]
    x = r.random()
    if x < 0.35:                                 # small results, where differences to 20 come from
        c = r.randint(0, min(largest, 20))
        a = r.randint(0, c)
        return a, c - a
    a = r.randint(0, largest)
    return a, 1 if x < 0.41 else a if x < 0.47 else r.randint(0, largest)


def story_sum(r, take, **numbers) -> str:
    """A word problem."""
    n, h = r.sample(NAMES, 2)
    he = "she" if n in GIRLS else "he"
    x, y = r.sample(HERDS, 2)
    return ask(r, r.choice(TAKE_STORY if take else ADD_STORY), n=n, h=h, he=he, He=cap(he), o=r.choice(COUNTABLE), x=x,
               y=y, colour=r.choice(COLOURS), **numbers)


def one_sum(r, a, b) -> tuple:
    """A question from the family of a and b in any form, and its answer: the task in digits, then the result."""
    c, take = a + b, r.random() < 0.5 and a + b < 100
    answer = f"{c} - {b} = {a}." if take else f"{a} + {b} = {c}."
    numbers = dict(a=a, b=b, c=c)
    if max(a, b, c * take) <= 12 and r.random() < 0.12:
        numbers = {name: NUMBERS[value] if value <= 12 else value for name, value in numbers.items()}
    x = r.random()
    if b == 1 and x < 0.6:
        template = BEFORE if take else AFTER
    elif a == b and not take and x < 0.4:
        template = DOUBLE
    elif x > 0.75:
        return spoken(r, story_sum(r, take, **numbers), 0.05), answer
    else:
        template = TAKE if take else ADD
    return spoken(r, ask(r, f"[{template}]", **numbers), 0.08), answer


def arithmetic(r, largest=None):
    """One to four sums and differences. Those of one document are all in one split."""
    a, b = two_numbers(r, largest)
    key, turns = family_key(a, b), [one_sum(r, a, b)]
    for _ in range(r.choice((0, 0, 1, 2, 3))):
        x, y = two_numbers(r, largest)
        if held_out(family_key(x, y)) == held_out(key):
            turns.append(one_sum(r, x, y))
    return Doc("arithmetic" if max(a, b) <= 20 else "arithmetic_large", turns, meta=(a, b), key=key)


# ---- order ----
DAY = {  # how many days on -> (phrasings, answer)
    1: ("[What|Which] day comes [right |]after {day}?|Today is {day}. What day is tomorrow?|"
        "What is the day after {day}?|"
        "[What|Which] day follows {day}?", "After {day} comes {then}."),
    -1: ("[What|Which] day comes [right |]before {day}?|Today is {day}. What day was yesterday?|"
         "What is the day before {day}?",
         "Before {day} comes {then}."),
    2: ("[What|Which] day is two days after {day}?|Today is {day}. What day is it in two days?|"
        "What comes two days after {day}?",
        "Two days after {day} comes {then}."),
    -2: ("[What|Which] day is two days before {day}?|Today is {day}. What day was it two days ago?",
         "Two days before {day} comes {then}."),
}
MONTH = {
    1: ("[What|Which] month [comes|comes right|is] after {day}?|What is the [next month|month] after {day}?|"
        "[What|Which] month follows {day}?", "After {day} comes {then}."),
    -1: ("[What|Which] month [comes|comes right|is] before {day}?|What is the month before {day}?",
         "Before {day} comes {then}."),
}


def calendar(r):
    """The day or the month before or after. The whole phrasing is the key: the facts themselves are few."""
    names, table, kind = (DAYS, DAY, "day") if r.random() < 0.65 else (MONTHS, MONTH, "month")
    i, step = r.randrange(len(names)), r.choice(list(table))
    template, answer = table[step]
    question = ask(r, f"[{template}]", day=names[i])
    return spoken(r, question, 0.15), answer.format(day=names[i], then=names[(i + step) % len(names)]), (kind, question)


def sort_numbers(r):
    numbers, down = r.sample(range(r.choice((10, 60, 100, 1000))), r.randint(3, 7)), r.random() < 0.3
    way = "[from the largest to the smallest|starting with the largest]" if down else "[in order|from small to large]"
    question = head(r, f"[[Put|Write] these numbers {way}|Sort these numbers{' from large to small' if down else ''}]:")
    return (f"{question}{' '.join(map(str, numbers))}", " ".join(map(str, sorted(numbers, reverse=down))),
            ("sort", down, tuple(numbers)))


ORDINALS = "first second third fourth fifth sixth".split()


def nth_word(r):
    words = some_words(r, 3, 6)
    i = r.randrange(len(words))
    which = "last" if i == len(words) - 1 and r.random() < 0.5 else ORDINALS[i]
    question = head(r, "[What|Which] is the {which} word[| here| in this list]:", which=which)
    return f"{question}{' '.join(words)}", f"The {which} word is {words[i]}.", ("nth", i, tuple(words))


def chain(r):
    """Three people in a row, told in any order: who is at the top, who at the bottom."""
    people, top = r.sample(NAMES, 3), r.random() < 0.5
    more, most, least = r.choice((("older", "oldest", "youngest"), ("taller", "tallest", "smallest"),
                                  ("faster", "fastest", "slowest"), ("stronger", "strongest", "weakest")))
    told = [f"{people[0]} is {more} than {people[1]}.", f"{people[1]} is {more} than {people[2]}."]
    r.shuffle(told)
    word = most if top else least
    return f"{' '.join(told)} Who is the {word}?", f"{people[0 if top else 2]} is the {word}.", ("chain", more,
                                                                                                 tuple(people))


def order(r):
    """Days and months, sorting numbers, the third word of a list, who is the oldest."""
    question, answer, key = r.choice((calendar, calendar, sort_numbers, nth_word, chain))(r)
    return Doc("order", [(question, answer)], key=key)
