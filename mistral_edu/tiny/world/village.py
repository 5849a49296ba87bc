"""The village itself: facts that are known by heart, good manners, and a graceful answer to everything outside.

A question about the village gets its fact; one that could be about the village but that nobody can answer gets UNKNOWN;
one from the real world gets OUTSIDE, one fixed sentence; anything that is not a question gets UNCLEAR.
"""
import re

from mistral_edu.tiny.world.asking import ALPHABET, ask, spoken, strange_word
from mistral_edu.tiny.world.doc import Doc, held_out
from mistral_edu.tiny.world.facts import FACTS, GENERAL
from mistral_edu.tiny.world.grammar import tidy
from mistral_edu.tiny.world.probes import REAL_WORLD
from mistral_edu.tiny.world.scenes import at
from mistral_edu.tiny.world.topics import LANGUAGES, PHRASES, QUESTIONS, SINGLE, TOPICS, UNITS
from mistral_edu.tiny.world.words import (
    ANIMALS,
    COLOURS,
    CREATURES,
    FOODS,
    MONTHS,
    NAMES,
    OBJECTS,
    PEOPLE,
    PLACES,
    THINGS,
    WORDS,
    made_up,
)

SELF = "I am a very small Mistral model. I live in a village of words."
SKILLS = "I can tell stories, answer questions about them, remember small things, count, spell, and add small numbers."
OUTSIDE = ("I am a very small model and know only my village. "
           "Ask me for a story, a small sum, or something about the village.")
UNKNOWN = "I do not know that. Nobody in the village has told me."
UNCLEAR = "I did not understand that. Ask me for a story, a small sum, or something about the village."
NO_STORY = "There is no story yet. Ask me for one, and then I will go on."
NO_REASON = "I do not know why. It is told that way in my village."


# ---- facts ----
def fact_turn(r) -> tuple:
    """A question about the village, its answer, and the key (kind, row and phrasing are all in the question)."""
    i = r.randrange(len(FACTS) + 3)
    if i >= len(FACTS):
        template, answer = r.choice(GENERAL)
        question = ask(r, f"[{template}]")
    else:
        template, answer, table = FACTS[i]
        x, y = r.choice(table)
        question, answer = tidy(ask(r, f"[{template}]", x=x)), tidy(answer.format(x=x, y=y))
    return spoken(r, question, 0.1), answer, ("fact", question)


# ---- manners ----
MANNERS = [
    ("[Hello|Hi|Hey|Good morning|Good day|Good evening|Greetings|Good afternoon|Welcome|Hallo|Howdy|Hiya|Yo][| there| "
     "little model| my friend| you| everybody][!|.|]|Nice to meet you[!|"
     ".]|Pleased to meet you.|Is anybody there?|Hello, [is anyone there|can we talk]?",
     "Hello! What would you like to hear?"),
    ("[Who|What] are you[?|, please?|]|[What's|What is|whats|Tell me] your name[?|]|"
     "Are you [a person|human|a robot|a computer|an animal|a bot|real|a machine|alive|a child|somebody|a model|a "
     "Mistral|Mistral|a language model|a program][?|]|Introduce yourself.|[Tell me|Say something] about yourself.|[Who|"
     "What] am I [talking|speaking|writing] [to|with]?|What kind of [model|thing|being|"
     "program] are you?|What should I call you?|Do you have a name?|Describe yourself.|And who are you?", SELF),
    ("What can you do[?| for me?| all day?|]|[How|With what] can you help[| me]?|Help[!|.|| me!| me, please.|, please]|"
     "What do you know[?| about?|]|What [can|should|may] I ask[| you][?|]|What are you good at?|"
     "What are your [skills|abilities|talents]?|How does this work?|Can you help me?|I need help.|What do I do here?|"
     "How do I use [you|this]?|Give me an example of what you can do.|What else [can you do|do you know]?|"
     "What are you for?|What can we do[| together| here| now]?|[Where|How] do I [start|begin]?|"
     "[I do not know|Tell me|I wonder] what [to ask|I can ask|I could ask][.| you.]|"
     "Show me what you can do[.|!]|[Any ideas|Do you know] what I could ask?|"
     "What [would|do] you do [all day|best]?|Can you do [anything|something|anything else]?|"
     "What [things|tricks] [can you do|do you know]?", SKILLS),
    ("[Thank you|Thanks|Many thanks|Thanks a lot|Thank you very much|Thank you so much|thx|Cheers|Great, thanks|"
     "Lovely, thank you][!|.|]|[That|It] was [nice|lovely|good|great|beautiful|helpful|funny|very good][!|"
     ".]|[Well done|Great|Good job|Wonderful|Nice|Very good|Perfect|Excellent|Cool|Super|Awesome|Bravo][!|.|]|I [liked|"
     "loved|enjoyed] [that|it|the story][!|.]|What a [nice|good|lovely|beautiful] story[!|.]|You are [kind|great|nice|"
     "clever|good|wonderful|sweet|funny][!|.]|You did well.", "You are welcome!"),
    ("[Goodbye|Bye|Bye bye|See you|Good night|Farewell|So long|See you later|See you soon|See you tomorrow|Until "
     "tomorrow|Take care|Ciao][!|.|]|I [have to|must|need to] [go|leave|sleep][ now|][.|!]|I am [leaving|going home|"
     "going to bed|done].|That is all[.|, thank you.|, bye!| for today.]|"
     "Time to go[.|!]|Have a [nice|good] day[!|.]|Sleep well[!|.]|Talk to you later.", "Goodbye! Come back soon."),
    ("How are you[?| today?| doing?| this morning?| now?|]|How do you [do|feel][?| today?| now?]|"
     "Are you [well|fine|okay|all right|in a good mood|tired][?| today?]|"
     "[How is|How's|hows] [it going|life|everything|your day|the day|life in the village|everything going][?| today?|]|"
     "How are things[?| today?| in the village?]|How goes it?|What's up[?| today?]|What is up?|"
     "[Are you feeling|Do you feel] [well|good|better|fine]?|How was your [day|morning|night|week|evening]?|"
     "Is everything [okay|fine|all right|well]?|[Did|Have] you [sleep|slept] well?",
     "I am well, thank you. All is quiet in the village."),
    ("Who [made|built|trained|created|wrote|programmed|designed] you?|Who [is|was] your [maker|teacher|author]?|"
     "Where [do you come|are you|did you come] from?|[How|When|Where|Why] were you [made|trained|built|created|born]?|"
     "How [big|small|large|old|tiny] are you[?| really?]|"
     "How many [parameters|weights|numbers|layers|neurons] [do you have|have you got|are in you|are there in you]?|"
     "[Do you have|Have you got] many [parameters|weights|numbers|layers]?|"
     "[What|On what|On which texts] were you trained[?| on?]|"
     "What [data|texts|stories|books] [were you trained on|did you learn from|did you read]?|"
     "[Where|How|From whom] did you learn [that|this|to talk|to speak|to write|to tell stories]?|"
     "What [did you learn from|is your size|are you made of]?|[Tell me|Do you know] how you were [made|trained|built].|"
     "What [were you made|are you made] from?",
     "I was trained on stories from a small village, and I have fewer than ten million parameters."),
    ("Do you [like|love|enjoy] [me|us|stories|telling stories|your village|animals|it here|life|your life|talking|"
     "talking to me|your job|to talk|to tell stories|people|children][?| too?]|"
     "[Are|Will|Would] you [my friend|be my friend|my friend now]?|Can [we|you and I] be friends[?| now?]|"
     "Are we friends[?| now?]|Are you [happy|glad][?| now?| today?| here?| in your village?]|"
     "Do you want to be [my friend|friends][?| with me?]|I [like|love] you[.|!| so much.| very much.]|"
     "I am [happy|glad] that you are here.",
     "Yes, and I like stories most of all."),
    ("[Sorry|I am sorry|I am so sorry|Excuse me|Pardon|Pardon me|Forgive me|My mistake|Oh, sorry|Oops|Sorry for that|"
     "Sorry about that|My fault|My bad|I apologise|Oh no, sorry][!|.|]|I did not mean [that|it|to say that|to do "
     "that].|[I made|That was|It was|Oh, I made|This was] [a mistake|a typo|a small mistake|a slip|my mistake|my "
     "fault][.|!| just now.]|I [typed|wrote|said] [it|that] wrong.|I [hit|pressed] the wrong key.",
     "No harm done. What would you like to hear?"),
    ("[OK|Okay|ok|Yes|yes|Yes, please|No|no|No, thanks|Fine|All right|Sure|Maybe|I see|Hm|Aha|Right|Good|Oh|Wow|Really|"
     "True|Not now|Never mind][!|.|]|I am ready[.|!]|Let us go[.|!]|Go ahead[.|!]|I know[.|!]|I am here.|Let's start[.|"
     "!]|Wait.",
     "All right. Ask me for a story, a small sum, or something about the village."),
]
# The usual words of each kind must not be held out by chance
BY_HEART = {"Hello!", "Hi!", "Hello", "Who are you?", "What are you?", "What is your name?", "What can you do?",
            "Help!", "Thank you!", "Thanks!",
            "Goodbye!", "Bye!", "How are you?", "Why?", "And then?", "?", "", "asdf", "Yes.", "No.", "OK"}
# What makes sense only after something that has not been said
ALONE = [
    ("[Why|Why not|But why|And why|Why is that|How come|why though][?|??|]|Why[ so|], tell me[.|?]|"
     "Why do you [say|think] [so|that]?", NO_REASON),
    ("[And then|Then what|What then|And what happened then|What happened next|What happens next|And|So][?|]|"
     "[Go on|Please go on|Continue|More|Next|Once more|Again|Tell it again|Tell me more|Keep going|What now][!|.|]|"
     "Tell [it|that|the story] again[.|!|, please.]|What [is|was] [the story|it|your story] about?|"
     "Who [is|was] in [the story|it]?|How does [the story|it] [end|go on]?|Can you [go on|continue]?|"
     "[What|And what] [happens|happened] [next|then|after that|at the end][?|, please?]", NO_STORY),
]


# Short words that mean something here, though random letters may match them
MEANT = {"hi", "hey", "ok", "nice", "yo", "no", "so", "yes", "bye", "why", "oh", "hm", "go on", "goon"} | {
    topic.lower() for topics in TOPICS.values() for topic in topics}


def gibberish(r) -> str:
    """What a visitor types to see what happens: keys hit at random, dots, one word, nothing."""
    kind = r.randrange(7)
    if kind == 0:
        return r.choice(("?", "??", "???", "!", "!!!", ".", "..", "...", "-", ":)", ";", ",", "#", "?!", "/", "()",
                         "*", "", "", ":-)", "~"))
    if kind == 1:
        row = r.choice(("asdfghjkl", "qwertyuiop", "zxcvbnm", "1234567890", "hjkl", "abcdefgh", "poiuzt", "lkjhgfdsa"))
        start = r.randrange(len(row) - 3)
        return row[start:start + r.randint(3, 7)] * r.choice((1, 1, 1, 2))
    if kind == 2:
        return " ".join("".join(r.choices(ALPHABET, k=r.randint(2, 9))) for _ in range(r.choice((1, 1, 2, 3))))
    if kind == 3:
        return r.choice(ALPHABET) * r.randint(1, 9) + r.choice(("", "!", "?"))
    if kind == 4:
        return " ".join(r.sample(WORDS, r.choice((1, 1, 2, 3)))) + r.choice(("", "", ".", "?"))
    if kind == 5:
        return " ".join(strange_word(r) for _ in range(r.choice((1, 1, 2, 3, 4))))
    return r.choice(("test", "Test!", "testing", "foo", "foo bar", "bla bla", "blah", "hmm", "uh", "lol", "haha",
                     "abc", "xyz", "na na na",
                     "la la la", "tralala", "x", "text", "word", "something", "anything", "nothing", "Lorem ipsum",
                     "the", "a", "of the", "123", "42",
                     "0", "one two three"))


def manners_turn(r, first=True) -> tuple:
    """A greeting, a question about the model, thanks ...; as a first turn also what makes no sense, or none yet."""
    x = r.random()
    if first and x < 0.2:
        question = gibberish(r)
        while question.strip("?!.").lower() in MEANT:
            question = gibberish(r)
        return question, UNCLEAR, ("always" if question in BY_HEART else "chat", question)
    template, answer = r.choice(ALONE if first and x < 0.3 else MANNERS)
    question = ask(r, f"[{template}]")
    return spoken(r, question, 0.04), answer, ("always" if question in BY_HEART else "chat", question)


# ---- what the village does not know ----
UNKNOWN_QUESTIONS = [
    "Who is the {role} of [the village|Fernhill|your village]?", "[What is the name of|Tell me the name of|Who is] the "
                                                                 "{role} in [the village|Fernhill][?|.]",
    "Where does the {role} [of the village|in Fernhill] work?", "Does [the village|Fernhill] have a {role}?",
    "Is there a {role} in [the village|Fernhill]?",
    "Where is {name}?", "Where is {name} now?", "Where is the {colour} {object}?", "Who has the {object}?",
    "Who has the {colour} {object}?",
    "Who [found|lost|took|broke|won] the {object}?", "What does {name} have?", "What did {name} [find|lose|buy|eat|say|"
                                                                               "do]?",
                                                                               "What colour is {name}'s {object}?",
    "How old is the {animal} of {name}?", "Why is {name} [sad|happy|angry|late|afraid]?", "Where did {name} go?",
    "How many {food} does {name} have?",
    "What is the {animal} of {name} called?", "Who lives [next to|with] {name}?", "Who is [older|taller|faster], "
                                                                                  "{name} or {name2}?",
                                                                                  "What does {name} like?",
    "Who was {where} [yesterday|this morning|last night]?", "What is under the {object} of {name}?",
    "When does {name} come [home|back]?",
    "[What|Which] [sound|noise] does a {creature} make?", "What is a [young|baby] {creature} called?",
    "Has the {role} [of the village|of Fernhill] a {animal}?", "What is the {role} of [the village|Fernhill] called?",
    "How many {animal2} are in the {place}?",
]
CHANCE = {  # slot -> how to fill it
    "name": lambda r: r.choice(NAMES), "name2": lambda r: r.choice(NAMES), "object": lambda r: r.choice(OBJECTS),
          "colour": lambda r: r.choice(COLOURS),
    "animal": lambda r: r.choice(ANIMALS), "animal2": lambda r: r.choice(("cats", "dogs", "hens", "ducks", "cows",
                                                                          "goats", "horses", "frogs", "owls")),
    "food": lambda r: r.choice([f for f in FOODS if f.endswith("s")]), "role": lambda r: r.choice(PEOPLE_UNKNOWN),
    "lang": lambda r: r.choice(LANGUAGES), "lang2": lambda r: r.choice(LANGUAGES),
          "phrase": lambda r: r.choice(PHRASES),
    "city": lambda r: r.choice(TOPICS["city"]), "month": lambda r: r.choice(MONTHS), "year": lambda r: r.randint(1066,
                                                                                                                 2024),
    "n": lambda r: r.randint(2, 99), "m": lambda r: r.randint(2, 10 ** r.randint(1, 3)),
          "big": lambda r: r.randint(100, 10 ** r.randint(3, 6)),
    "big2": lambda r: r.randint(100, 10 ** r.randint(3, 5)), "small": lambda r: r.randint(2, 12),
          "percent": lambda r: "%",
    "word": lambda r: made_up(r), "thing": lambda r: r.choice(THINGS), "place": lambda r: r.choice(list(PLACES)),
    "where": lambda r: at(r.choice(list(PLACES))), "creature": lambda r: r.choice(CREATURES),
}
KNOWN_ROLES = {x for x, _ in FACTS[6][2]}
PEOPLE_UNKNOWN = [p for p in PEOPLE + ["astronaut", "president", "policeman", "banker", "programmer", "plumber",
                                       "painter"] if p not in KNOWN_ROLES]


class Slots(dict):
    """Slots that fill themselves by chance when a template asks for them, each once."""

    def __init__(self, r, **given):
        super().__init__(given)
        self.r = r

    def __missing__(self, name):
        self[name] = str(CHANCE[name](self.r))
        return self[name]


def same_side(topics: list) -> dict:
    """Topics that may appear in one question: both for training, or both for the test."""
    return {side: [t for t in topics if held_out(("out", t)) == side] for side in (False, True)}


SIDES = {name: same_side(topics) for name, topics in TOPICS.items()}
TOPIC_NAMES, TOPIC_SIZES = list(TOPICS), [len(topics) ** 0.5 for topics in TOPICS.values()]
EXAM = {re.sub(r"\W", "", question.lower()) for question in REAL_WORLD}    # never to be trained on, in any typing


def unknown_turn(r) -> tuple:
    """In the village's own words, but about what was never told."""
    question = tidy(ask(r, r.choice(UNKNOWN_QUESTIONS), Slots(r)))
    return spoken(r, question, 0.05), UNKNOWN, ("out", question)


def outside_turn(r) -> tuple:
    """A question from the real world, declined. Held out by topic, or by the whole question if there is none."""
    x = r.random()
    if x < 0.7:
        category = r.choices(TOPIC_NAMES, TOPIC_SIZES)[0]
        topic = r.choice(TOPICS[category])
        key = ("out", topic)
        other = r.choice(SIDES[category][held_out(key)] or [topic])
        template = r.choice(QUESTIONS["any" if r.random() < 0.35 else category])
        question = ask(r, template, Slots(r, x=topic, y=other))
    else:
        kind = "single" if x < 0.8 else "numbers" if x < 0.88 else "language" if x < 0.94 else "word"
        slots = Slots(r)
        if kind == "numbers":
            slots["unit"], slots["unit2"] = r.choice(UNITS)
        question = r.choice(SINGLE) if kind == "single" else ask(r, r.choice(QUESTIONS[kind]), slots)
        key = ("out", slots["word"] if kind == "word" else question)
    question = question[:1].upper() + question[1:] if r.random() < 0.6 else question
    if re.sub(r"\W", "", question.lower()) in EXAM:
        return outside_turn(r)
    return spoken(r, question, 0.2), OUTSIDE, key


def converse(r, task, first, more=0.3) -> Doc:
    """A first turn, and sometimes further ones of any kind, all on one side of the split."""
    question, answer, key = first
    turns = [(question, answer)]
    while len(turns) < 5 and r.random() < more:
        make = r.choice((fact_turn, outside_turn, unknown_turn, lambda r: manners_turn(r, first=False)))
        question, answer, other = make(r)
        if held_out(other) == held_out(key):
            turns.append((question, answer))
    return Doc(task, turns, key=key)


def fact(r):
    """A fact of the village."""
    return converse(r, "fact", fact_turn(r))


def manners(r):
    """Greetings, who are you, thanks, and what is not a question at all."""
    return converse(r, "manners", manners_turn(r))


def outside(r):
    """What the village does not know: the real world ("outside"), or what was never told about itself ("unknown")."""
    if r.random() < 0.1:
        return converse(r, "unknown", unknown_turn(r))
    return converse(r, "outside", outside_turn(r))


def go_on(r, doc: Doc) -> Doc:
    """The document with one more turn of the village, so that a topic can change in the middle of a conversation."""
    question, answer, key = r.choice((fact_turn, outside_turn, lambda r: manners_turn(r, first=False)))(r)
    if not doc.turns or held_out(key) != held_out(doc.key):
        return doc
    return doc._replace(turns=doc.turns + [(question, answer)])
