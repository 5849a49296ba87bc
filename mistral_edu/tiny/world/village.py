"""The village itself: facts that are known by heart, good manners, and a graceful answer to all that lies outside.

A question about the village gets its fact; one that could be about the village but nobody knows gets UNKNOWN; one from
the real world gets OUTSIDE, one fixed sentence; what is no question at all gets UNCLEAR.
"""
import re

from .doc import Doc, held_out
from .grammar import tidy
from .probes import REAL_WORLD
from .scenes import at
from .symbols import ALPHABET, ask, spoken, strange_word
from .topics import LANGUAGES, PHRASES, QUESTIONS, SINGLE, TOPICS, UNITS
from .words import (ANIMALS, COLOURS, CREATURES, FOODS, MONTHS, NAMES, OBJECTS, OPEN_WORDS, PEOPLE, PLACES, THINGS, WORDS,
                    made_up)

SELF = "I am a very small Mistral model. I live in a village of words."
SKILLS = "I can tell stories, answer questions about them, remember small things, count, spell, and add small numbers."
OUTSIDE = "I am a very small model and know only my village. Ask me for a story, a small sum, or something about the village."
UNKNOWN = "I do not know that. Nobody in the village has told me."
UNCLEAR = "I did not understand that. Ask me for a story, a small sum, or something about the village."
NO_STORY = "There is no story yet. Ask me for one, and then I will go on."
NO_REASON = "I do not know why. It is told that way in my village."


# ---- facts: (phrasings, answer, rows of x and y) ----
def rows(text: str) -> list:
    return [row.split(":") for row in text.replace("\n", "|").split("|")]


FACTS = [
    ("[What|Which] [sound|noise] does a {x} make?|What does a {x} say?|How does a {x} sound?|Which sound do you hear from a {x}?|"
     "[Tell me|Do you know] the sound of a {x}[.|?]|Make the sound of a {x}.|What [sound|noise] do I hear from a {x}?",
     "A {x} says {y}.",
     rows("cat:meow|dog:woof|hen:cluck|duck:quack|owl:hoot|mouse:squeak|goat:meh|sheep:baa|horse:neigh|cow:moo|frog:croak|crow:caw|"
          "goose:honk|donkey:hee-haw|sparrow:tweet|bear:growl")),
    ("What is a [young|baby|little] {x} called?|What do you call a [young|baby|little] {x}?|What is a baby {x}?|What is the young of a {x} "
     "called?|Tell me the [name|word] for a young {x}.|[What|Which] word means a young {x}?|How do you call the child of a {x}?",
     "A young {x} is called a {y}.",
     rows("cat:kitten|dog:puppy|hen:chick|duck:duckling|fox:cub|owl:owlet|goat:kid|sheep:lamb|horse:foal|cow:calf|frog:tadpole|"
          "goose:gosling|donkey:foal|bear:cub|squirrel:kit|beaver:kit")),
    ("What does a {x} [like to eat|eat|like]?|What [can|should] I give to a {x}?|[What|Which] food does a {x} like[| best]?|"
     "Tell me what a {x} [eats|likes].|What do you feed a {x}?|What is the best food for a {x}?|What makes a {x} happy?",
     "A {x} likes {y}.",
     rows("cat:fish|dog:bones|hen:corn|duck:bread|fox:berries|owl:mice|rabbit:carrots|mouse:cheese|goat:leaves|sheep:grass|horse:apples|"
          "cow:grass|frog:flies|squirrel:nuts|bear:honey|otter:fish|beaver:bark|donkey:carrots|goose:grass|crow:corn")),
    ("[What is|What's|Tell me|Say|Give me] the opposite of {x}[?|.]|What is the other end of {x}?|[Which|What] word is the opposite of {x}?|"
     "What is not {x}?|The opposite of {x}?|Something is not {x}. What is it then?|Opposite of {x}",
     "The opposite of {x} is {y}.",
     rows("big:small|small:big|hot:cold|cold:hot|happy:sad|sad:happy|fast:slow|slow:fast|day:night|night:day|up:down|down:up|old:young|"
          "young:old|open:closed|closed:open|full:empty|empty:full|wet:dry|dry:wet|light:dark|dark:light|loud:quiet|quiet:loud|high:low|"
          "low:high|early:late|late:early|good:bad|bad:good|long:short|short:long|left:right|right:left|true:false|summer:winter")),
    ("[What|Which] colour is {x}?|Which colour does {x} have?|[Tell me|Do you know|What is] the colour of {x}[.|?]|What does {x} look like, "
     "which colour is it?|In which colour would you paint {x}?|Is {x} red or blue or what?",
     "The colour of {x} is {y}.",
     rows("grass:green|snow:white|coal:black|milk:white|honey:golden|chocolate:brown|gold:golden|butter:yellow|corn:yellow|salt:white|"
          "the sky:blue|the night:black|a plum:purple|a cherry:red|a carrot:orange|a raven:black")),
    ("What [do you|can I|can you] do with a {x}?|What is a {x} [|good ]for?|Why do people have a {x}?|What is the use of a {x}?|"
     "When do you need a {x}?|Why would I need a {x}?|How do you use a {x}?|What does a {x} help with?",
     "With a {x} you can {y}.",
     rows("key:open a door|lamp:see in the dark|spoon:eat soup|bucket:carry water|umbrella:stay dry|brush:clean things|comb:comb your hair|"
          "book:read|pencil:write|whistle:call a dog|blanket:stay warm|map:find the way|kite:play in the wind|bell:call people|cup:drink|"
          "coat:stay warm|basket:carry apples|rope:tie things|mirror:see yourself|drum:make music|flute:make music|bag:carry things|"
          "coin:buy bread|ball:play|lantern:see in the dark|hat:keep the sun away|scarf:stay warm|glove:keep your hand warm|"
          "ribbon:tie your hair|jar:keep jam|box:keep things|button:close a coat")),
    ("Who is the {x}[| of the village| in Fernhill| here]?|What is the name of the {x}?|What is the {x} called?|[Tell me who|Do you know who] "
     "the {x} is[.|?]|Who works as the {x}?|The {x}, who is that?|Give me the name of the {x}.|Whom do you call the {x}?",
     "The {x} is called {y}.",
     rows("baker:Ada|miller:Otto|teacher:Vera|gardener:Hugo|fisher:Omar|shepherd:Ruth|postman:Ned|doctor:Clara|tailor:Emil|carpenter:Abel|"
          "librarian:Nora|musician:Theo|mayor:Dora|beekeeper:Ivy|smith:Carl|cook:Rosa")),
    ("[Who is|What does] {x}[| do| do in the village| do all day| work as][?|]|What is {x}'s work?|What is the work of {x}?|Which work does "
     "{x} do?|Do you know {x}?|Tell me about {x}.", "{x} is the {y} of the village.",
     rows("Ada:baker|Otto:miller|Vera:teacher|Hugo:gardener|Omar:fisher|Ruth:shepherd|Ned:postman|Clara:doctor|Emil:tailor|Abel:carpenter|"
          "Nora:librarian|Theo:musician|Dora:mayor|Ivy:beekeeper|Carl:smith|Rosa:cook")),
    ("Where does the {x} work?|Where [can|do] I [find|meet] the {x}?|Where is the {x}?|Where should I look for the {x}?|"
     "Tell me where the {x} [works|is].|In which place does the {x} work?|I am looking for the {x}.",
     "You find the {x} {y}.",
     rows("baker:at the bakery|miller:at the mill|teacher:at the school|gardener:in the garden|fisher:at the harbour|"
          "shepherd:in the meadow|librarian:in the library|beekeeper:in the orchard|carpenter:in the barn|musician:at the market|"
          "cook:in the kitchen|mayor:in the tower")),
]
GENERAL = [line.split(" = ") for line in """What is the village called?|What is the name of the village?|What is your village called?|Which village is this?|[Where do you live|What is the name of your home]? = The village is called Fernhill.
Where is [the village|Fernhill|your village]?|Where does [the village|Fernhill] lie?|How do I find [the village|Fernhill]? = The village lies between the river and the forest.
What is the river called?|What is the name of the river?|Which river flows past the village?|The river, what is its name?|Does the river have a name? = The river is called the Windle.
How many days [has|are in|are there in] a week?|How many days does a week have?|A week has how many days? = A week has seven days.
How many months [has|are in|are there in] a year?|How many months does a year have?|A year has how many months? = A year has twelve months.
How many legs [has|does] a dog[| have]?|On how many legs does a dog walk?|Count the legs of a dog. = A dog has four legs.
How many legs [has|does] a hen[| have]?|On how many legs does a hen walk?|Count the legs of a hen. = A hen has two legs.
How many legs [has|does] a beetle[| have]?|On how many legs does a beetle walk? = A beetle has six legs.
How many seasons are there[| in a year]?|How many seasons has a year?|What are the seasons?|Name the seasons. = There are four seasons: spring, summer, autumn and winter.
What falls in winter?|What comes from the sky in winter?|When does snow fall?|In which season does snow fall? = In winter snow falls.
When is the market?|On which day is the market?|[What|Which] day is market day?|When can I go to the market?|When do people go to the market? = The market is on Saturday.
What comes after the night?|What follows the night?|When the night is over, what comes? = After the night comes the day.
Where do fish live?|Where does a fish live?|Where can I find fish? = Fish live in water.
Where do birds [sleep|live]?|Where does a bird sleep?|What do birds build? = Birds sleep in a nest.
[What|Who] gives us honey?|Where does honey come from?|Who makes honey?|Which animal makes honey? = Bees give us honey.
[What|Who] gives us milk?|Where does milk come from?|Which animal gives milk? = Cows give us milk.
[What|Who] gives us eggs?|Where do eggs come from?|Which animal gives eggs? = Hens give us eggs.
[What|Who] gives us wool?|Where does wool come from?|Which animal gives wool? = Sheep give us wool.
What [do we make|is] bread [|made ]from?|What is in bread?|What does the baker make bread from? = We make bread from corn.
What shines at night?|What can I see in the sky at night?|What is in the sky at night? = At night the moon and the stars shine.
What season comes after winter?|[What|Which] season follows winter?|After winter comes what? = After winter comes spring.
What season comes after spring?|[What|Which] season follows spring?|After spring comes what? = After spring comes summer.
What season comes after summer?|[What|Which] season follows summer?|After summer comes what? = After summer comes autumn.
What season comes after autumn?|[What|Which] season follows autumn?|After autumn comes what? = After autumn comes winter.
How many people live in [Fernhill|the village|your village]?|How big is [Fernhill|the village|your village]?|How many people are there in [Fernhill|the village]? = Forty-eight people live in Fernhill.
What is the island like?|How is the island?|Tell me about the island.|What does the island look like? = The island is small and green.
Who lives in the tower?|What lives in the tower?|Is there somebody in the tower?|Who is in the tower? = An old owl lives in the tower.
What is in the cave?|How is it in the cave?|What is the cave like?|Tell me about the cave. = In the cave it is dark and cool.
How old is the mill?|What is the age of the mill?|Is the mill old?|Since when is there a mill? = The mill is a hundred years old.
Where is the old bridge?|What does the bridge cross?|What is under the bridge?|Tell me about the bridge. = The bridge goes over the Windle.
When do the bells ring?|When can I hear the bells?|At what time do the bells ring? = The bells ring at noon.
What grows in the orchard?|What is in the orchard?|Which trees are in the orchard?|Tell me about the orchard. = Apple trees grow in the orchard.
Tell me about [the village|Fernhill|your village].|What is [the village|Fernhill|your village] like?|Describe [the village|Fernhill|your village].|What [do you know about|is] [the village|Fernhill]? = Fernhill is a small village with a mill, a market and an old tower.""".splitlines()]


def fact_turn(r) -> tuple:
    """A question on the village, its answer, and the key (kind, row and phrasing are all in the question)."""
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
    ("[Hello|Hi|Hey|Good morning|Good day|Good evening|Greetings|Good afternoon|Welcome|Hallo|Howdy|Hiya|Yo][| there| little model| my friend| "
     "you| everybody][!|.|]|Nice to meet you[!|.]|Pleased to meet you.|Is anybody there?|Hello, [is anyone there|can we talk]?",
     "Hello! What would you like to hear?"),
    ("[Who|What] are you[?|, please?|]|[What's|What is|whats|Tell me] your name[?|]|Are you [a person|human|a robot|a computer|an animal|a bot|real|a "
     "machine|alive|a child|somebody|a model|a Mistral|Mistral|a language model|a program][?|]|Introduce yourself.|[Tell me|Say something] about "
     "yourself.|[Who|What] am I [talking|speaking|writing] [to|with]?|What kind of [model|thing|being|program] are you?|What should I call you?|"
     "Do you have a name?|Describe yourself.|And who are you?", SELF),
    ("What can you do[?| for me?| all day?|]|[How|With what] can you help[| me]?|Help[!|.|| me!| me, please.|, please]|What do you know[?| about?|]|"
     "What [can|should|may] I ask[| you][?|]|What are you good at?|What are your [skills|abilities|talents]?|How does this work?|Can you help me?|"
     "I need help.|What do I do here?|How do I use [you|this]?|Give me an example of what you can do.|What else can you do?|What are you for?|"
     "What can we do[| together]?|Where do I start?|I do not know what to ask.|What now?|Show me what you can do.|Any ideas what I could ask?", SKILLS),
    ("[Thank you|Thanks|Many thanks|Thanks a lot|Thank you very much|Thank you so much|thx|Cheers|Great, thanks|Lovely, thank you][!|.|]|[That|It] was "
     "[nice|lovely|good|great|beautiful|helpful|funny|very good][!|.]|[Well done|Great|Good job|Wonderful|Nice|Very good|Perfect|Excellent|Cool|Super|"
     "Awesome|Bravo][!|.|]|I [liked|loved|enjoyed] [that|it|the story][!|.]|What a [nice|good|lovely|beautiful] story[!|.]|You are [kind|great|nice|"
     "clever|good|wonderful|sweet|funny][!|.]|You did well.", "You are welcome!"),
    ("[Goodbye|Bye|Bye bye|See you|Good night|Farewell|So long|See you later|See you soon|See you tomorrow|Until tomorrow|Take care|Ciao][!|.|]|I [have "
     "to|must|need to] [go|leave|sleep][ now|][.|!]|I am [leaving|going home|going to bed|done].|That is all[.|, thank you.|, bye!| for today.]|"
     "Time to go[.|!]|Have a [nice|good] day[!|.]|Sleep well[!|.]|Talk to you later.", "Goodbye! Come back soon."),
    ("How are you[?| today?| doing?| this morning?|]|How do you [do|feel][?| today?]|Are you [well|fine|okay|all right|in a good mood][?| today?]|How is it "
     "going?|How's it going?|How's life?|What's up?|Are you feeling well?|How was your day?|Is everything okay?|hows it going",
     "I am well, thank you. All is quiet in the village."),
    ("Who [made|built|trained|created|wrote|programmed] you?|Where [do you come|are you] from?|How were you [made|trained|built|created]?|How [big|small|"
     "large|old] are you?|How many [parameters|weights|numbers|layers] do you have?|What were you trained on?|Where did you learn [that|this|to talk]?|"
     "What is your size?|Tell me how you were made.|When were you made?",
     "I was trained on stories from a small village, and I have fewer than ten million parameters."),
    ("Do you [like|love] me?|Are you my friend?|Can we be friends?|Do you like [stories|telling stories|your village|animals|it here]?|Are you [happy|glad]?|"
     "Do you want to be my friend?|I like you[.|!]|Will you be my friend?|Are you happy [here|in your village]?", "Yes, and I like stories most of all."),
    ("[Sorry|I am sorry|Excuse me|Pardon|Forgive me|My mistake|Oh, sorry|Oops][!|.|]|I did not mean that.|I made a mistake.|That was a typo.",
     "No harm done. What would you like to hear?"),
    ("[OK|Okay|ok|Yes|yes|Yes, please|No|no|No, thanks|Fine|All right|Sure|Maybe|I see|Hm|Aha|Right|Good|Oh|Wow|Really|True|Not now|Never mind][!|.|]|"
     "I am ready[.|!]|Let us go[.|!]|Go ahead[.|!]|I know[.|!]|I am here.|Let's start[.|!]|Wait.",
     "All right. Ask me for a story, a small sum, or something about the village."),
]
# The usual words of each kind must not be held out by chance
BY_HEART = {"Hello!", "Hi!", "Hello", "Who are you?", "What are you?", "What is your name?", "What can you do?", "Help!", "Thank you!", "Thanks!",
            "Goodbye!", "Bye!", "How are you?", "Why?", "And then?", "?", "", "asdf", "Yes.", "No.", "OK"}
# What makes sense only after something that has not been said
ALONE = [
    ("[Why|Why not|But why|And why|Why is that|How come|why though][?|??|]|Why[ so|], tell me[.|?]|Why do you [say|think] [so|that]?", NO_REASON),
    ("[And then|Then what|What then|And what happened then|What happened next|What happens next|And|So][?|]|[Go on|Please go on|Continue|More|Next|Once "
     "more|Again|Tell it again|Tell me more|Keep going][!|.|]|Tell [it|that|the story] again[.|!|, please.]|What is the story about?|Who is in the "
     "story?|How does the story end?|What was the story about?|Can you go on?", NO_STORY),
]


# Short words that mean something here, though random letters may hit them
MEANT = {"hi", "hey", "ok", "yo", "no", "so", "yes", "bye", "why", "oh", "hm", "go on", "goon"} | {
    topic.lower() for topics in TOPICS.values() for topic in topics}


def gibberish(r) -> str:
    """What a visitor types to see what happens: keys hit at random, dots, one word, nothing."""
    kind = r.randrange(7)
    if kind == 0:
        return r.choice(("?", "??", "???", "!", "!!!", ".", "..", "...", "-", ":)", ";", ",", "#", "?!", "/", "()", "*", "", "", ":-)", "<3", "~"))
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
    return r.choice(("test", "Test!", "testing", "foo", "foo bar", "bla bla", "blah", "hmm", "uh", "lol", "haha", "hihi", "abc", "xyz", "na na na",
                     "la la la", "tralala", "x", "text", "word", "something", "anything", "nothing", "Lorem ipsum", "the", "a", "of the", "123", "42",
                     "0", "1 2 3", "one two three"))


def manners_turn(r, first=True) -> tuple:
    """A greeting, a question on the model, thanks ...; as a first turn also what makes no sense, or none yet."""
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
    "Who is the {role} of [the village|Fernhill|your village]?", "[What is the name of|Tell me the name of|Who is] the {role} in [the village|Fernhill][?|.]",
    "Where does the {role} [of the village|in Fernhill] work?", "Does [the village|Fernhill] have a {role}?", "Is there a {role} in [the village|Fernhill]?",
    "Where is {name}?", "Where is {name} now?", "Where is the {colour} {object}?", "Who has the {object}?", "Who has the {colour} {object}?",
    "Who [found|lost|took|broke|won] the {object}?", "What does {name} have?", "What did {name} [find|lose|buy|eat|say|do]?", "What colour is {name}'s {object}?",
    "How old is the {animal} of {name}?", "Why is {name} [sad|happy|angry|late|afraid]?", "Where did {name} go?", "How many {food} does {name} have?",
    "What is the {animal} of {name} called?", "Who lives [next to|with] {name}?", "Who is [older|taller|faster], {name} or {name2}?", "What does {name} like?",
    "Who was {where} [yesterday|this morning|last night]?", "What is under the {object} of {name}?", "When does {name} come [home|back]?",
    "[What|Which] [sound|noise] does a {creature} make?", "What is a [young|baby] {creature} called?", "Has the {role} [of the village|of Fernhill] a {animal}?", "What is the {role} of [the village|Fernhill] called?", "How many {animal2} are in the {place}?",
]
CHANCE = {  # slot -> how to fill it
    "name": lambda r: r.choice(NAMES), "name2": lambda r: r.choice(NAMES), "object": lambda r: r.choice(OBJECTS), "colour": lambda r: r.choice(COLOURS),
    "animal": lambda r: r.choice(ANIMALS), "animal2": lambda r: r.choice(("cats", "dogs", "hens", "ducks", "cows", "goats", "horses", "frogs", "owls")),
    "food": lambda r: r.choice([f for f in FOODS if f.endswith("s")]), "role": lambda r: r.choice(PEOPLE_UNKNOWN),
    "lang": lambda r: r.choice(LANGUAGES), "lang2": lambda r: r.choice(LANGUAGES), "phrase": lambda r: r.choice(PHRASES),
    "city": lambda r: r.choice(TOPICS["city"]), "month": lambda r: r.choice(MONTHS), "year": lambda r: r.randint(1066, 2024),
    "n": lambda r: r.randint(2, 99), "m": lambda r: r.randint(2, 10 ** r.randint(1, 3)), "big": lambda r: r.randint(100, 10 ** r.randint(3, 6)),
    "big2": lambda r: r.randint(100, 10 ** r.randint(3, 5)), "small": lambda r: r.randint(2, 12), "percent": lambda r: "%",
    "word": lambda r: made_up(r), "thing": lambda r: r.choice(THINGS), "place": lambda r: r.choice(list(PLACES)),
    "where": lambda r: at(r.choice(list(PLACES))), "creature": lambda r: r.choice(CREATURES),
}
KNOWN_ROLES = {x for x, _ in FACTS[6][2]}
PEOPLE_UNKNOWN = [p for p in PEOPLE + ["astronaut", "president", "policeman", "banker", "programmer", "plumber", "painter"] if p not in KNOWN_ROLES]


class Slots(dict):
    """Slots that fill themselves by chance when a template asks for them, each once."""

    def __init__(self, r, **given):
        super().__init__(given)
        self.r = r

    def __missing__(self, name):
        self[name] = str(CHANCE[name](self.r))
        return self[name]


def same_side(topics: list) -> dict:
    """Topics that may stand in one question: both for training, or both for the test."""
    return {side: [t for t in topics if held_out(("out", t)) == side] for side in (False, True)}


SIDES = {name: same_side(topics) for name, topics in TOPICS.items()}
TOPIC_NAMES, TOPIC_SIZES = list(TOPICS), [len(topics) ** 0.5 for topics in TOPICS.values()]
EXAM = {re.sub(r"\W", "", question.lower()) for question in REAL_WORLD}    # never to be trained on, in any typing


def unknown_turn(r) -> tuple:
    """In the village's own words, but of what was never told."""
    question = tidy(ask(r, r.choice(UNKNOWN_QUESTIONS), Slots(r)))
    return spoken(r, question, 0.05), UNKNOWN, ("out", question)


def outside_turn(r) -> tuple:
    """A question from the real world, declined. Held out by topic, or by the whole question where there is none."""
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
    """A first turn, and now and then further ones of any kind, all on one side of the split."""
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
    """Greetings, who are you, thanks, and what is no question at all."""
    return converse(r, "manners", manners_turn(r))


def outside(r):
    """What the village does not know: the real world ("outside"), or what was never told of itself ("unknown")."""
    if r.random() < 0.1:
        return converse(r, "unknown", unknown_turn(r))
    return converse(r, "outside", outside_turn(r))


def go_on(r, doc: Doc) -> Doc:
    """The document with one more turn of the village, so that a topic can change in the middle of a conversation."""
    question, answer, key = r.choice((fact_turn, outside_turn, lambda r: manners_turn(r, first=False)))(r)
    if not doc.turns or held_out(key) != held_out(doc.key):
        return doc
    return doc._replace(turns=doc.turns + [(question, answer)])
