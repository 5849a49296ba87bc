"""What was said before: facts recalled from far back, among rivals of their kind; key-value lists; whole sentences.

`recall` and `rivals` teach the model to look far back, further than one window: distances are spread log-uniformly up
to about 930 tokens. If all facts are of one kind, knowing the kind of the answer does not help; only matching does.

For the evaluation both take n_fill, n_facts, ask_all and kinds, and `Doc.meta` is (fact, question): with n_fill=0 and
ask_all=False, sentences of `filler(r)` put before the question give any exact distance.
"""
import re

from mistral_edu.tiny.world.asking import any_word, ask, head, letters, strange_word
from mistral_edu.tiny.world.doc import Doc
from mistral_edu.tiny.world.grammar import by_chance, cap, fill, tidy
from mistral_edu.tiny.world.scenes import STRANGE, a, at, some_animals, some_names, some_objects
from mistral_edu.tiny.world.words import ANIMALS, COLOURS, DAYS, FOODS, MONTHS, NAMES, PLACES, TRAITS, WEATHER, WORDS

FILLER_TOKENS = 6.7      # of one filler sentence, on average
ROOM = 985               # tokens for facts, filler and questions, below the context of 1024

FILLER = """{n} swept the floor.|A {a} ran across the road.|The bells rang at noon.|It was a {w} day.
Some children played near the mill.
{n} sang a quiet song.|The {a} slept in the sun.|A cart rolled through the village.|{n} and {h} talked for a while.
The wind moved the leaves.
An old man fed the birds.|{n} washed the windows.|Smoke came from the chimney.|The baker opened the door.
{n} waved to {h}.
A {a} looked over the fence.|The clouds were high and white.|Two hens walked by.|{n} read a letter.
{h} told a joke, and {n} laughed.
Nobody was in a hurry.|The road was long and dusty.|{n} carried water from the well.|The {a} drank from the stream.
Then it was quiet again.
{n} cut the grass.|In the evening the lamps were lit.|The miller counted his sacks.|{n} walked home slowly.
A door opened and closed.
Far away a dog barked.|{h} planted a small tree.|The moon came up behind the hill.|{n} forgot an umbrella.
Leaves fell from the trees.
{n} mended a shoe.|The {a} sat on a stone.|Three boats came home.|{n} looked at the sky.
It rained a little, and then it stopped.
The shop was closed.|Somebody knocked at the door.|{n} wrote a letter to {h}.|The {a} was in no hurry.|A child laughed.
The mill stood still.|{n} lit a fire.|{h} was late again.|The bread was still warm.|Then a {a} came by.
{n} counted the stars.|The grass was wet.|A leaf fell into the pond.|{n} slept until noon.|The {a} shook its head.
Nothing else happened.|{n} and {h} went for a walk.|The church clock struck nine.|Snow lay on the roofs.
{n} whistled a tune.
{h} fetched some wood.|The {a} ran after {n}.|A window stood open.|It was a quiet {d}.|{n} sat down and rested.
The well was deep and cold.|{n} fed the {a}.|{h} said good morning to {n}.|The sun went down.
It smelled of fresh bread."""
FILLER = FILLER.replace("\n", "|").split("|")


def filler(r) -> str:
    """A sentence in which nothing happens that will be asked about."""
    n, h = r.choice(NAMES), r.choice(NAMES)
    return tidy(r.choice(FILLER).format(n=n, h=h, a=r.choice(ANIMALS), w=r.choice(WEATHER), d=r.choice(DAYS)))


def pause(r, longest) -> str:
    """Up to `longest` filler sentences, few more often than many."""
    return "".join(filler(r) + " " for _ in range(int(1.5 * longest ** r.random()) - 1))


# ---- facts ----
# kind -> (fact, question, answer, the slot that is asked about, the slot that is the answer)
KINDS = {
    "colour": ("The {o} is {c}.", "[What|What|Which] colour is the {o}?|What is the colour of the {o}?",
               "The {o} is {c}.", "o", "c"),
    "likes": ("{n} likes {f}.", "What does {n} like[| best]?|What food does {n} like?", "{n} likes {f}.", "n", "f"),
    "lives": ("{n} lives {p}.", "Where does {n} live?|Where is the home of {n}?", "{n} lives {p}.", "n", "p"),
    "called": ("The {a} is called {h}.", "What is the {a} called?|What is the name of the {a}?",
               "The {a} is called {h}.", "a", "h"),
}
RIVAL_KINDS = KINDS | {
    "has": ("{n} has the {o}.", "Who has the {o}?|Who is the owner of the {o}?", "{n} has the {o}.", "o", "n"),
    "lies": ("The {o} is {p}.", "Where is the {o}?|Where can I find the {o}?", "The {o} is {p}.", "o", "p"),
    "age": ("{n} is {k} years old.", "How old is {n}?|What is the age of {n}?", "{n} is {k} years old.", "n", "k"),
    "friend": ("{n} plays with {h}.", "Who plays with {h}?", "{n} plays with {h}.", "h", "n"),
    "bought": ("{n} bought {the_o}.", "What did {n} buy?", "{n} bought {the_o}.", "n", "o"),
    "born": ("{n} was born in {m}.", "When was {n} born?|In which month was {n} born?", "{n} was born in {m}.", "n",
             "m"),
    "comes": ("{n} comes on {d}.", "When does {n} come?|On which day does {n} come?", "{n} comes on {d}.", "n", "d"),
    "is": ("{n} is very {t}.", "What is {n} like?|How would you describe {n}?", "{n} is very {t}.", "n", "t"),
    "who_is": ("{n} is very {t}.", "Who is very {t}?|Who is so {t}?", "{n} is very {t}.", "t", "n"),
    "guest": ("The {a} lives {p}.", "Where does the {a} live?|Where can I find the {a}?", "The {a} lives {p}.", "a",
              "p"),
    "who_likes": ("{n} likes {f}.", "Who likes {f}?", "{n} likes {f}.", "f", "n"),
}


def fact_slots(r) -> dict:
    """Names, things and so on for one fact; some come from outside the village."""
    strange = r.random() < STRANGE
    n, h = some_names(r, 2, strange)
    o, = some_objects(r, 1, strange)
    animal, = some_animals(r, 1, strange)
    return dict(n=n, h=h, o=o, the_o=a(o), a=animal, c=r.choice(COLOURS), f=r.choice(FOODS),
                p=at(r.choice(list(PLACES))),
                k=r.randint(2, 99), m=r.choice(MONTHS), d=r.choice(DAYS), t=r.choice(TRAITS))


def some_facts(r, n, pick_kind, kinds) -> list[tuple]:
    """n facts (fact, question, answer); no subject or answer of one occurs in another of its kind."""
    facts, used = [], set()
    while len(facts) < n:
        kind = pick_kind()
        fact, question, answer, subject, value = kinds[kind]
        slots = fact_slots(r)
        new = {(fact, slots[subject]), (fact, slots[value])}
        if not new & used:
            used |= new
            question = fill(by_chance(r), f"[{question}]", slots)
            facts.append((fact.format(**slots), question, answer.format(**slots)))
    return facts


def told(r, facts, n_fill, strewn) -> str:
    """The facts and then n_fill filler sentences, or the facts scattered among them."""
    body = [filler(r) for _ in range(n_fill)]
    if strewn:
        for fact, *_ in facts:
            body.insert(r.randrange(len(body) + 1), fact)
        return " ".join(body)
    return " ".join([fact for fact, *_ in facts] + body)


def distance(r, n_facts, n_questions, far) -> int:
    """How many filler sentences: log-uniform; in a share `far` of the documents, as far as the context allows."""
    most = int((ROOM - 10 * n_facts - 17 * n_questions) / FILLER_TOKENS)
    if r.random() < far:
        return r.randint(40, most)
    return int(1.5 * (most / 1.5) ** r.random()) - 1


LEADS = ("", "", "", "", "Remember this. ", "Listen. ", "Keep this in mind. ", "I will ask you later. ", "Read this. ")


def recall(r, n_fill=None, n_facts=None, ask_all=True, kinds=None):
    """Facts of different kinds, filler, then a question about each, in any order."""
    kinds = kinds or KINDS
    n = n_facts or r.choice((1, 2, 2, 3, 4, 5))
    facts = some_facts(r, n, lambda: r.choice(list(kinds)), kinds)
    asked = r.sample(facts, n if ask_all else 1)
    free = n_fill is None
    body = told(r, facts, distance(r, n, len(asked), 0.2) if free else n_fill, free and r.random() < 0.35)
    turns = [(question, answer) for _, question, answer in asked]
    turns[0] = (f"{r.choice(LEADS)}{body} {turns[0][0]}", turns[0][1])
    return Doc("recall", turns, meta=asked[0][:2], key=("recall", tuple(fact for fact, *_ in facts)))


def rivals(r, n_fill=None, n_facts=None, ask_all=True, kinds=None):
    """Facts of one kind with different answers, each asked at several distances, some with filler in between."""
    kinds = kinds or RIVAL_KINDS
    free = n_fill is None
    far = free and r.random() < 0.3         # as far as the context allows: then many facts, and each is asked once
    n = n_facts or r.choice((4, 5, 6) if far else (2, 3, 3, 4, 5, 6))
    kind, stray = r.choice(list(kinds)), ask_all and r.random() < 0.25
    facts = some_facts(r, n, lambda: r.choice(list(kinds)) if stray and r.random() < 0.4 else kind, kinds)
    rounds, pauses = (1, False) if far else (r.choice((1, 2, 3)) if ask_all else 1, r.random() < 0.5)
    asked = [fact for _ in range(rounds) for fact in r.sample(facts, n if ask_all else 1)][:12]
    fill = distance(r, n, len(asked) * (2 if pauses else 1), far) if free else n_fill
    body = told(r, facts, fill, free and r.random() < 0.35)
    turns = [(f"{r.choice(LEADS)}{body} {asked[0][1]}", asked[0][2])]
    for _, question, answer in asked[1:]:
        turns.append(((pause(r, 8) if pauses and r.random() < 0.5 else "") + question, answer))
    return Doc("rivals", turns, meta=asked[0][:2], key=("rivals", tuple(fact for fact, *_ in facts)))


# ---- key-value lists ----
# How an item is told; the question for the value and its answer; the question for the key and its answer. The answer
# begins with what is known, so that the rest follows it in the list or is what the list has next to it.
PAIRS = (
    ("{k} is {v}", "What is {k}?|Tell me what {k} is.", "{k} is {v}.", "Which one is {v}?|What is {v}?", "{v} is {k}."),
    ("{k} has {v}", "What does {k} have?|What has {k}?", "{k} has {v}.", "Who has {v}?|Which one has {v}?",
     "{v} belongs to {k}."),
    ("{k} = {v}", "{k} = ?|{k} =", "{k} = {v}", "? = {v}|Which one = {v}?", "{v} = {k}"),
    ("{k}: {v}", "{k}?|{k}:", "{k}: {v}", "Which one has {v}?|Where is {v}?", "{v}: {k}"),
    ("{k} goes with {v}", "What goes with {k}?|{k} goes with what?", "{k} goes with {v}.",
     "What goes with {v}?|{v} goes with what?",
     "{v} goes with {k}."),
    ("{k} means {v}", "What does {k} mean?|What is the meaning of {k}?", "{k} means {v}.",
     "What means {v}?|Which word means {v}?",
     "{v} is the meaning of {k}."),
    ("{k} -> {v}", "{k} -> ?|{k} ->", "{k} -> {v}", "? -> {v}|What leads to {v}?", "{v} <- {k}"),
    ("the number of {k} is {v}", "What is the number of {k}?|Which number has {k}?", "{k} has the number {v}.",
     "Whose number is {v}?|Who has the number {v}?", "{v} is the number of {k}."),
)
HEADS = ("[Remember|Learn|Keep in mind][:| this list:| these pairs:] {list}.|Here is a list: {list}.|"
         "[Remember that|Note that] {list}.|{list}.|List: {list}.|I give you some pairs: {list}.")


def keys_and_values(r, n, numbers) -> tuple:
    """n keys and n values, all different: words, names, occasionally strange words; values also numbers and letters."""
    words = r.sample(WORDS + NAMES if r.random() < 0.3 else NAMES if r.random() < 0.2 else WORDS, 2 * n)
    if r.random() < STRANGE:
        words = [strange_word(r) if r.random() < 0.5 else word for word in words]
    keys, values = words[:n], words[n:]
    x = r.random()
    if numbers or x < 0.4:
        values = r.sample(range(r.choice((10, 100, 100, 1000)) if n < 10 else 100), n)
    elif x < 0.5:
        values = r.sample(COLOURS, n)
    elif x < 0.55:
        values = [letters(r, 4) for _ in range(n)]
    return (keys, [str(v) for v in values]) if len({*keys, *map(str, values)}) == 2 * n else keys_and_values(r, n,
                                                                                                             numbers)


def pairs(r):
    """A list of random keys and values, asked in both directions. Nothing but matching helps."""
    n = r.choice((2, 3, 4, 5, 6, 8, 10))
    item, to_value, value_answer, to_key, key_answer = form = r.choice(PAIRS)
    items = [dict(k=k, v=v) for k, v in zip(*keys_and_values(r, n, "number" in item))]
    text = (r.choice(("; ", ". ")) if ":" in item or r.random() < 0.2 else ", ").join(item.format(**i) for i in items)
    back = r.choice((0, 0, 0.5, 0.5, 1))         # share of questions from the value to the key
    asked = [i for _ in range(r.choice((1, 1, 2))) for i in r.sample(items, n)][:12]
    turns = []
    for i in asked:
        question, answer = (to_key, key_answer) if r.random() < back else (to_value, value_answer)
        turns.append((ask(r, f"[{question}]", **i), answer.format(**i)))
    told_first = ask(r, f"[{HEADS}]", list=text) + " " + (pause(r, 16) if r.random() < 0.5 else "")
    turns[0] = (told_first + turns[0][0], turns[0][1])
    return Doc("pairs", turns, key=("pairs", form[0], tuple(tuple(i.values()) for i in items)))


# ---- whole sentences ----
SENTENCES = (
    "[One day|Yesterday|In the morning] {n} [saw|met|heard|followed] {the_a} {p}.", "{n} and {h} [carried|painted|hid] "
                                                                                    "the {c} {o}.",
    "[Nobody|Everybody|Only {n}] knew that the {o} was {p}.", "The {t} {a} [jumped|walked|looked] over the {o}.",
    "{n} [gave|showed|brought] {h} some {f} and {the_o}.", "[If|When] it is {w}, {n} stays {p}.",
    "{n} said, \"[Good morning|Come here|Thank you], {h}!\"",
    "Where did {n} put the {c} {o}?", "Look at the {c} {a}!", "{n} is {t}, but {h} is not.",
    "At {k} o'clock the {a} ate {f}.",
    "The {o} cost {k} coins, and {n} had only {less}.", "Please bring {h} the {c} {o} before {d}.",
    "There are {k} {f} in the {o} of {n}.")


def any_sentence(r) -> str:
    """A sentence to be repeated: filler, a fact, something that happened, or words without meaning."""
    x, slots = r.random(), fact_slots(r)
    slots |= dict(the_a=a(slots["a"]), w=r.choice(WEATHER), less=r.randint(2, 99))
    if x < 0.2:
        return filler(r)
    if x < 0.35:
        return r.choice(list(RIVAL_KINDS.values()))[0].format(**slots)
    if x < 0.55:
        return cap(" ".join(any_word(r) for _ in range(r.randint(3, 10)))) + "."
    return ask(r, r.choice(SENTENCES), **slots)


REPEAT = ("[Repeat|Copy|Say|Write] [this sentence|this|the following]:|[Say this|Write it] again:|Please repeat:|"
          "Repeat after me:|[Can you|Could you] repeat this:|Repeat word for word:")
CHANGE = ("[Repeat|Say|Write|Copy] [this|this sentence|it] with {new} instead of {old}:|"
          "Repeat this sentence, but say {new} and not {old}:|[Replace|Change] {old} [with|to] {new}:|"
          "Put {new} for {old}:")
LATER = ("What should you remember?|What did I ask you to remember?|What was it?|Now say what I told you.|"
         "What did I say at the beginning?")
WORD = re.compile(r"\b[a-z]+\b")
CHANGEABLE = frozenset(WORDS + WEATHER + TRAITS)


def sentence(r):
    """Whole sentences said again: now, later after filler, or with one word changed."""
    text, x = " ".join(any_sentence(r) for _ in range(r.choice((1, 1, 2, 3)))), r.random()
    key = ("sentence", text)
    if x < 0.3 and (words := [w for w in WORD.findall(text) if w in CHANGEABLE]):
        old, new = r.choice(words), any_word(r)
        new = new if new != old else strange_word(r)
        question = ask(r, f"[{CHANGE}]", old=old, new=new)
        return Doc("sentence", [(f"{question} {text}", re.sub(rf"\b{old}\b", new, text))], key=key)
    if x < 0.5:
        question = ask(r, "[Remember this|Keep this in mind|Do not forget]: {text} [|Now something else. ]{pause}"
                          f"[{LATER}]", text=text, pause=pause(r, 16))
        return Doc("sentence", [(question, text)], key=key)
    turns = [(head(r, f"[{REPEAT}]") + text, text)]
    if r.random() < 0.3:
        turns.append((r.choice(("Once more, please.", "Say it again.", "Again!", "And again, please.",
                                "One more time.")), text))
    return Doc("sentence", turns, key=key)
