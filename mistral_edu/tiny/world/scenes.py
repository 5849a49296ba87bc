"""Scenes: people walk from place to place, take things, put them down, give them away; then questions (as in bAbI).

Source of the idea: Weston et al. 2015, "Towards AI-Complete Question Answering" (arXiv:1502.05698).
`Scene` plays a scene and tells it; `scene` asks one to five mixed questions, `things` asks about several things.
"""
from mistral_edu.tiny.world.doc import Doc
from mistral_edu.tiny.world.grammar import cap, listed
from mistral_edu.tiny.world.words import (
    ANIMALS,
    COLOURS,
    CREATURES,
    NAMES,
    NUMBERS,
    OBJECTS,
    PLACES,
    THINGS,
    made_up,
    new_name,
)

STRANGE = 0.15           # share of scenes and facts in which names and things may come from outside the village

# ---- words for scenes and facts: those of the village or, if `strange` says so, words hardly ever seen ----
ONE_WORD_THINGS = [w for w in THINGS if w.isalpha()]
ONE_WORD_CREATURES = [w for w in CREATURES if w.isalpha()]


def some_names(r, n, strange=False) -> list[str]:
    names = r.sample(NAMES, n)
    if strange:
        names = [new_name(r) if r.random() < 0.5 else name for name in names]
    return names if len(set(names)) == n else some_names(r, n, strange)


def some_of(r, n, village, elsewhere, strange=False) -> list[str]:
    """n different words of a village's list, or partly of a list from elsewhere or made up."""
    words = r.sample(village, n)
    if strange:
        words = [w if (x := r.random()) < 0.5 else r.choice(elsewhere) if x < 0.8 else made_up(r, 0) for w in words]
    return words if len(set(words)) == n else some_of(r, n, village, elsewhere, strange)


def some_objects(r, n, strange=False):
    return some_of(r, n, OBJECTS, ONE_WORD_THINGS, strange)


def some_animals(r, n, strange=False):
    return some_of(r, n, ANIMALS, ONE_WORD_CREATURES, strange)


def at(place: str) -> str:
    return f"{PLACES[place]} the {place}"


def a(words: str) -> str:
    return ("an " if words[0] in "aeiou" and not words.startswith(("uni", "eu", "use")) else "a ") + words


# ---- a scene ----
LIES = ("{A} is {p}.", "There is {a} {p}.", "{P} lies {a}.", "{A} lies {p}.", "{P} there is {a}.")
GOES = "went to the,walked to the,ran to the,goes to the,came to the,went on to the,hurried to the".split(",")
TAKES = "took the,picked up the,got the,found the,takes the".split(",")
LEAVES = "put down the,left the,dropped the,put the".split(",")
GIVES = "gave the,handed the,gives the".split(",")


class Scene:
    """Who is where and holds what, and the sentences that tell how it came about."""

    def __init__(self, r, n_people, n_places, n_things, colours, strange=False):
        self.r = r
        self.people = some_names(r, n_people, strange)
        self.places = r.sample(list(PLACES), n_places)
        self.colour = dict(zip(some_objects(r, n_things, strange), colours))
        self.path = {p: [] for p in self.people}     # the places each has been to
        self.holds = {p: [] for p in self.people}    # in the order in which they were taken
        self.lies = {}                               # thing -> place, unless somebody holds it
        self.told = []
        for thing, colour in self.colour.items():
            self.lies[thing] = place = r.choice(self.places)
            one = a(f"{colour} {thing}")
            self.told.append(r.choice(LIES).format(a=one, A=cap(one), p=at(place), P=cap(at(place))))
        for person in self.people:
            self.move(person, r.choice(self.places))

    def move(self, person, place):
        self.path[person].append(place)
        self.told.append(f"{person} {self.r.choice(GOES)} {place}.")

    def take(self, person, thing):
        del self.lies[thing]
        self.holds[person].append(thing)
        self.told.append(f"{person} {self.r.choice(TAKES)} {thing}.")

    def leave(self, person, thing):
        self.holds[person].remove(thing)
        self.lies[thing] = self.path[person][-1]
        verb = self.r.choice(LEAVES)
        self.told.append(f"{person} {verb} {thing}{' down' if verb == 'put the' else ''}.")

    def give(self, person, thing, other):
        self.holds[person].remove(thing)
        self.holds[other].append(thing)
        self.told.append(f"{person} {self.r.choice(GIVES)} {thing} to {other}.")

    def act(self):
        """Somebody acts: preferably takes what lies here, sometimes passes it on, else goes where something lies."""
        r, person, x = self.r, self.r.choice(self.people), self.r.random()
        place, held = self.path[person][-1], self.holds[person]
        here = [thing for thing, where in self.lies.items() if where == place]
        near = [other for other in self.people if other != person and self.path[other][-1] == place]
        if here and x < 0.6:
            self.take(person, r.choice(here))
        elif held and x < 0.15:
            self.leave(person, r.choice(held))
        elif held and near and x < 0.35:
            self.give(person, r.choice(held), r.choice(near))
        else:
            targets = [where for where in self.lies.values() if where != place]
            self.move(person, r.choice(targets or [p for p in self.places if p != place]))

    def text(self) -> str:
        return " ".join(self.told)

    # ---- questions: each returns (question, answer) ----
    def owner(self, thing):
        return next((p for p in self.people if thing in self.holds[p]), None)

    def ask_where(self, person):
        return self.r.choice(WHERE).format(person), f"{person} is {at(self.path[person][-1])}."

    def ask_object(self, thing):
        owner = self.owner(thing)
        place = self.path[owner][-1] if owner else self.lies[thing]
        return self.r.choice(OBJECT).format(thing), f"The {thing} is {at(place)}."

    def ask_who(self, thing):
        return self.r.choice(WHO).format(thing), f"{self.owner(thing) or 'Nobody'} has the {thing}."

    def ask_colour(self, thing):
        return self.r.choice(COLOUR).format(thing), f"The {thing} is {self.colour[thing]}."

    def ask_many(self, person):
        n = len(self.holds[person])
        return self.r.choice(MANY).format(person), f"{person} has {NUMBERS[n]} thing{'s' * (n != 1)}."

    def ask_has(self, person):
        things = [f"the {thing}" for thing in self.holds[person]]
        return self.r.choice(HAS).format(person), f"{person} has {listed(things) if things else 'nothing'}."

    def ask_before(self, person):
        *_, before, now = self.path[person]
        return self.r.choice(BEFORE).format(person, now), f"{person} was {at(before)}."


WHERE = ("Where is {}?", "Where is {}?", "Where is {} now?", "Where can I find {}?", "At which place is {}?")
OBJECT = ("Where is the {}?", "Where is the {}?", "Where is the {} now?", "Where can I find the {}?",
          "At which place is the {}?")
WHO = ("Who has the {}?", "Who has the {}?", "Who has the {} now?", "Who is holding the {}?")
COLOUR = ("What colour is the {}?", "What colour is the {}?", "Which colour has the {}?",
          "What is the colour of the {}?")
MANY = ("How many things does {} have?", "How many things does {} hold?", "How many things has {}?")
HAS = ("What does {} have?", "What does {} have?", "What is {} holding?", "What has {} got?",
       "Which things does {} have?")
BEFORE = ("Where was {0} before the {1}?", "Where was {0} before the {1}?", "Where did {0} come from before the {1}?",
          "In which place was {0} before the {1}?")
OF_PEOPLE, KINDS = ("where", "many", "has", "before"), ("where", "object", "who", "colour", "many", "has", "before")
LEADS = ("",) * 5 + ("Listen. ", "Read this. ", "Here is what happened. ", "Look: ", "This is a small scene. ")
SHARES = (2, 4, 4, 3, 2, 2, 2)                    # of KINDS


def question(r, scene, kind):
    """A question of this kind about somebody or something, or None if nothing can be asked."""
    subjects = scene.people if kind in OF_PEOPLE else list(scene.colour)
    if kind == "before":
        # the place named in the question was visited last, and once only, so that there is one answer
        subjects = [p for p, path in scene.path.items() if len(path) > 1 and path.count(path[-1]) == 1]
    return getattr(scene, "ask_" + kind)(r.choice(subjects)) if subjects else None


def join(r, scene, first_question):
    return r.choice(LEADS) + scene.text() + r.choice((" ", " ", " ", "\n")) + first_question


def scene(r):
    """A scene and one to five questions of mixed kinds. The task is named after the first."""
    n = r.choice((1, 2, 2, 3))
    s = Scene(r, r.choice((1, 2, 2, 3, 3, 4)), r.choice((3, 4, 5)), n, r.choices(COLOURS, k=n), r.random() < STRANGE)
    for _ in range(r.choice((2, 3, 4, 5, 6, 8))):
        s.act()
    turns, kinds = [], []
    for kind in ["object"] * (r.random() < 0.2) + r.choices(KINDS, SHARES, k=r.choice((1, 2, 3, 4, 5))):
        asked = question(r, s, kind) or s.ask_where(s.people[0])
        if asked not in turns:
            turns.append(asked)
            kinds.append(kind)
    turns[0] = (join(r, s, turns[0][0]), turns[0][1])
    return Doc("scene_" + kinds[0], turns, key=("scene", tuple(s.people), tuple(s.colour.items())))


def things(r):
    """Three to five things, no two of the same colour, and questions: who has each, its colour, and where two are."""
    n = r.choice((3, 3, 4, 5))
    s = Scene(r, r.choice((1, 2, 2, 3, 3, 4)), r.choice((3, 4, 5)), n, r.sample(COLOURS, n), r.random() < STRANGE)
    for _ in range(r.choice((3, 5, 7, 9))):
        s.act()
    asked = [(kind, thing) for thing in s.colour for kind in ("who", "colour")]
    r.shuffle(asked)
    asked[2:2] = [("object", thing) for thing in r.sample(list(s.colour), 2)]
    turns = [getattr(s, "ask_" + kind)(thing) for kind, thing in asked]
    turns[0] = (join(r, s, turns[0][0]), turns[0][1])
    return Doc("things_" + asked[0][0], turns, key=("things", tuple(s.people), tuple(s.colour.items())))
