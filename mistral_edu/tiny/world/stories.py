"""Stories to order, questions about them, and follow-ups: "And then?", "Tell it again with a cat."

If chance alone had chosen the training stories, a model's greedy stories would all be alike: for every choice there is
one likeliest alternative. So in three stories out of four the words of the request decide, each in its own choices:
`Teller.pick` hashes one word and the number of the choice. A small network can learn that as a property of the word,
and then different requests make different stories.
"""
import zlib

from mistral_edu.tiny.world.cast import cast, child, colour, companion, place, thing, thing_asked
from mistral_edu.tiny.world.doc import Doc
from mistral_edu.tiny.world.grammar import by_chance, fill, listed, say, tidy, vary
from mistral_edu.tiny.world.storylines import DOINGS, LESSON, MINIS, NEXT, OPENINGS, PLOTS

ROLES = "oapnch"             # which role decides choice number i: ROLES[i % 6] if it was wished for, else the next one
THE_PLOT = 6 * 100           # the number of the choice between plots: decided by the thing, if there is one
DECIDED = 0.75               # share of stories in which the wish decides
OPEN = 0.22                  # share of stories with words from outside the village


class Teller:
    """Makes the choices of one story and remembers them: it can tell the same story again about others.

    decides maps the role letters that were wished for to the words that decide; empty leaves all to chance.
    """

    def __init__(self, r, decides=None):
        self.random, self.chosen = r.random, {}
        self.words = [decides[role] for role in self.preferred(decides)] if decides and r.random() < DECIDED else None

    @staticmethod
    def preferred(decides):
        """For each of the six residues of a choice's number: the wished role that decides it."""
        return [next(role for role in ROLES[i:] + ROLES if role in decides) for i in range(len(ROLES))]

    def pick(self, number: int, n: int) -> int:
        choice = self.chosen.get(number)
        if choice is None:
            if self.words:
                choice = zlib.crc32(f"{self.words[number % len(ROLES)]} {number}".encode()) % n
            else:
                choice = int(self.random() * n)
            self.chosen[number] = choice
        return choice

    def tell(self, plot, slots) -> str:
        """A full story with opening, lesson and ending; a mini story as it is."""
        if not plot.lessons:
            return say(self.pick, plot.text, slots)
        lesson = LESSON.replace("%s", plot.lessons)
        return say(self.pick, f"{OPENINGS[slots['opening']]} {plot.text} {lesson} %end", slots)


# ---- what one may wish for ----
ASK = ("[Tell me|Tell me|Tell me|Please tell me|Write|Write me|Give me|Invent|Make up|Let me hear|Read me|I want"
       "|I would like|I would like to hear|Can you tell me|Could you tell me|Could you write|Can you make up"
       "|Do you know|Now tell me] "
       "a {size}[story|story|story|tale] [about|about|about|about|with]")
SHORT_ASK = ("[a {size}story about|{size}story about|A {size}story, please:|Story:|Story, please:|A {size}tale about"
             "|A bedtime story about|Once more a story about]")
THEMED = "[It should be about|The story is about|Let it be about|And make it about] {theme}."
SIZES = ("", "", "", "", "short ", "little ", "nice ", "bedtime ", "new ", "good ")


def new_roles(r, roles: str) -> str:
    """One or two of the roles, to be filled with words from outside; the colour comes along with the thing."""
    new = r.sample(roles, min(len(roles), r.choice((1, 1, 1, 2))))
    return "".join(new) + ("c" if "o" in new and r.random() < 0.2 else "")


def wish_roles(r, is_open: bool) -> str:
    """Which roles are wished for: most often two or three. Open wishes are often for a single thing."""
    k = r.choice((1, 1, 2, 2, 3) if is_open else (1, 2, 2, 2, 3, 3, 4))
    roles = r.sample("naop" + "naop" + "h" * (not is_open), k)
    return "".join(dict.fromkeys(roles))


def maybe_cast(r):
    """A cast, sometimes with new words. Returns (roles, slots)."""
    return cast(r, new_roles(r, "naop") if r.random() < OPEN else "")


class Wish:
    """A cast, what is wished for, and how that is asked for."""

    def __init__(self, r, theme_share=0.3):
        is_open = r.random() < OPEN
        self.wished = wish_roles(r, is_open)
        new = new_roles(r, self.wished) if is_open else ""
        self.roles, self.slots = cast(r, new)
        self.wished = self.wished.replace("h", "hn") if "n" not in self.wished else self.wished
        single = len(self.wished) == 1 and not new
        self.themed = r.random() < (0.6 if single else theme_share)
        asked = {role: self.roles[role] for role in self.wished}
        self.decides = {role: asked[role].decides for role in asked}
        if "o" in asked and (r.random() < 0.7 or "c" in new):
            asked["o"] = thing_asked(self.roles, True)
            self.decides["c"] = self.roles["c"].decides
        self.asked = asked
        self.words = [word for role in asked.values() for word in role.words]

    def key(self, theme: str | None) -> tuple:
        """The same for every order of the wishes, and whether one story or several turns follow."""
        return ("story", tuple(sorted(self.words)), theme)

    def items(self, r) -> str:
        """The wishes in any order: "a fox, Mia and a red ball in the forest"."""
        named = {role: role_.ask for role, role_ in self.asked.items()}
        at_place = ""
        if "p" in named and len(named) > 1 and r.random() < 0.5:
            at_place = " " + self.slots["p"]
            del named["p"]
        elif "p" in named and len(named) == 1 and r.random() < 0.3:
            return f"somebody {self.slots['p']}"
        items = list(named.values())
        if "n" in named and len(named) == 2 and r.random() < 0.3:     # Mia and her fox
            other = next(ask for role, ask in named.items() if role != "n")
            if other.startswith("a "):
                return f"{named['n']} and {self.slots['his']} {other[2:]}" + at_place
        r.shuffle(items)
        return listed(items) + at_place

    def request(self, r, theme: str | None, size=None) -> str:
        """The wishes, and what the story should be about, as somebody may ask for it."""
        items = self.items(r)
        if theme and r.random() < 0.5:
            end = say(r, THEMED, {"theme": theme})
        else:
            end, items = "", f"{theme} with {items}" if theme else items
        size = r.choice(SIZES) if size is None else size
        ask = fill(by_chance(r), ASK if r.random() < 0.85 else SHORT_ASK, {"size": size})
        if theme and not end:
            ask = ask.removesuffix("with") + "about" * ask.endswith("with")
        mark = "?" if ask.startswith(("Can ", "Could ", "Do ")) else "."
        return tidy(f"{ask} {items}{mark} {end}")


# ---- tasks ----
def choose_plot(teller: Teller, plots):
    return plots[teller.pick(THE_PLOT, len(plots))]


def plain(r) -> Doc:
    """A story without a prompt, as any text in the world."""
    roles, slots = maybe_cast(r)
    text = Teller(r).tell(r.choice(PLOTS), slots)
    return Doc("plain", [], text, key=("plain", slots["n"], slots["a"], slots["o"], slots["c"]))


def story(r) -> Doc:
    """A story to order. meta: the words that must occur in it."""
    wish = Wish(r)
    teller = Teller(r, wish.decides)
    plot = r.choice(PLOTS) if wish.themed else choose_plot(teller, PLOTS)
    theme = plot.theme if wish.themed else None
    turn = (vary(r, wish.request(r, theme)), teller.tell(plot, wish.slots))
    return Doc("story", [turn], None, wish.words, wish.key(theme))


FREE = ("[Tell me a story.|Please tell me a story.|I want to hear a story.|Can you tell a story?|Tell me another story."
        "|A story, please.|Tell me something.|Do you know a story?|Write a story.|Write a short story."
        "|One more story, please.|Tell me a bedtime story.]")
FREE_THEME = ("[Tell me a story about|Write a story about|Do you know a story about|Can you tell me a story about"
              "|Please tell me a story about|I want a story about]")


def free_story(r) -> Doc:
    """"Tell me a story.", or only what it should be about."""
    roles, slots = cast(r)
    plot = r.choice(PLOTS)
    ask = say(r, FREE, {})
    if r.random() < 0.4:
        ask = say(r, FREE_THEME, {}) + " " + plot.theme
        ask += "?" if ask.startswith(("Do", "Can")) else "."
    turn = (vary(r, ask), Teller(r).tell(plot, slots))
    return Doc("free_story", [turn], key=("free", slots["n"], slots["a"], slots["o"]))


def questions(r, plot, slots, k: int) -> list:
    """k questions about a story, each with the answer that it always gives."""
    pool = plot.questions + [("What colour was the {o}?", "The {o} was {c}.")]
    pick = by_chance(r)
    return [(tidy(fill(pick, q, slots)), tidy(fill(pick, a, slots))) for q, a in r.sample(pool, min(k, len(pool)))]


READ = "[|Read this story. |Here is a story. |Listen. |This is a story: |Read this and answer. ]"
THEN = "[ |\n|\n\n| Now answer: | My question: | Question: ]"


def story_qa(r) -> Doc:
    """A story in the prompt, and two to four questions about it over turns."""
    roles, slots = maybe_cast(r)
    plot = r.choice(PLOTS if r.random() < 0.55 else MINIS)
    asked = questions(r, plot, slots, r.choice((2, 3, 4)))
    text = Teller(r).tell(plot, slots)
    head = fill(by_chance(r), READ, {}) + text + fill(by_chance(r), THEN, {})
    turns = [(head + asked[0][0], asked[0][1])] + [(vary(r, q), a) for q, a in asked[1:]]
    return Doc("story_qa", turns, key=("sqa", *(slots[x] for x in ("n", "a", "o", "c", "pl"))))


# ---- several turns: the model tells, the listener asks ----
NAME = ("[What was {his} name?|What is the name of the {noun}?|What was the {noun} called?"
        "|What was the name of the {noun}?]")
WHO = "[Who is the story about?|Who was the story about?|Who is it about?]"
MORE = ("[And then?|What happened next?|And what happened then?|Go on.|Then what?|Please go on."
        "|What happened after that?|And after that?]")
AGAIN = ("[Tell it again {new}.|Tell it again, but {new}.|Once more, {new}, please.|Now the same story {new}."
         "|Can you tell it again {new}?|The same again {new}, please.|Again, but this time {new}."
         "|Tell the story again {new}.]")


def change(r, role: str, slots: dict) -> tuple[str, dict]:
    """One thing in the story is replaced: how to ask for that, and the new slots.

    Nobody can tell whether a new word is a being or a thing, so the request says what it replaces; and the new one is
    a "he" or a "she" if the old one was.
    """
    new = r.random() < OPEN
    while True:
        if role == "n":
            made = child(r, "n", new, girl=slots["noun"] == "girl" if new else None)
            adjective = slots["kid"].rpartition(" ")[0]
            changed = slots | made.slots | {"kid": f"{adjective} {made.slots['noun']}"}
        else:
            made = {"a": companion, "o": thing, "c": colour, "p": place}[role](r, new)
            changed = slots | made.slots
        asks = {"n": f"with {changed['n']}", "p": changed["p"], "c": f"with a {changed['c']} {changed['o']}"}
        ask = asks.get(role, f"with {made.ask}")
        if role in "ao" and (new or r.random() < 0.1):
            ask += " instead of " + (slots["a"] if role == "a" else f"the {slots['o']}")
        same = all(slots[role] == changed[role] for role in "nocpa")
        twice = changed["n"] == changed["h"] or changed["pl"] == changed["pl2"] or changed["an"] == changed["who"]
        unlike = new and changed["ahe"] != slots["ahe"]
        if not same and not twice and not unlike:
            return ask, changed


def next_turns(r, kind: str, plot, teller: Teller, slots) -> list:
    """What is asked when the story has been told, with the answers."""
    turns = []
    if kind == "q" or kind != "again" and r.random() < 0.4:
        turns += questions(r, plot, slots, r.choice((1, 2, 3)))
    if kind == "name" and slots["opening"] == "named" and slots["noun"] != "hero" and r.random() < 0.6:
        turns.append((say(r, NAME, slots), f"{slots['He']} was called {slots['n']}."))
    elif kind == "name":
        turns.append((say(r, WHO, slots), f"It is about {slots['n']}."))
    elif kind == "next":
        doing = fill(by_chance(r), r.choice(DOINGS), slots)
        turns.append((say(r, MORE, {}), say(r, r.choice(NEXT), slots | {"do": doing})))
    elif kind == "again":
        is_child = slots["noun"] in ("girl", "boy")
        new, changed = change(r, r.choice("aocpn" if is_child else "aocp"), slots)
        turns.append((say(r, AGAIN, {"new": new}), teller.tell(plot, changed)))
    return turns


def follow_up(r) -> Doc:
    """A story told by the model, then questions, "And then?", or the story again with one thing changed."""
    wish = Wish(r, theme_share=0.1)
    teller = Teller(r, wish.decides)
    kind = r.choice(("q", "q", "q", "name", "next", "again", "again", "again"))
    full = "h" in wish.wished or r.random() < (0.15 if kind == "again" else 0.3)
    plot = choose_plot(teller, PLOTS if full else MINIS)
    theme = plot.theme if wish.themed else None
    turns = [(wish.request(r, theme, None if full else "short "), teller.tell(plot, wish.slots))]
    turns += next_turns(r, kind, plot, teller, wish.slots)
    task = "follow_q" if kind == "name" else f"follow_{kind}"
    return Doc(task, [(vary(r, user), assistant) for user, assistant in turns], key=wish.key(theme))
