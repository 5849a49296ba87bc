"""How prompts are phrased: templates filled, said as people type them, and words that are hardly ever seen."""
from mistral_edu.tiny.world.grammar import by_chance, fill, vary
from mistral_edu.tiny.world.probes import UNSEEN
from mistral_edu.tiny.world.words import NAMES, NEW_NAMES, NUMBERS, OPEN_WORDS, WORDS, made_up

ONE_WORD = [w for w in OPEN_WORDS if w.isalpha()]
ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def ask(r, template, slots=None, **more) -> str:
    """A prompt from a template: slots as a dictionary of texts, or by name, where they may be numbers."""
    if slots is None:
        slots = {name: str(value) for name, value in more.items()}
    return fill(by_chance(r), template, slots)


def head(r, template, **slots) -> str:
    """What comes before the words to work on, as people type it. It ends in a colon, to set those words apart."""
    return vary(r, ask(r, template, **slots)[:-1]) + ": "


LEADS = ("I have a question. ", "Quick question: ", "A question: ", "Just curious: ", "One more thing. ",
         "Sorry to bother you. ", "Be honest: ", "Can I ask you something? ", "My friend wants to know: ",
         "For school: ", "I need this for my homework. ", "I am writing a book. ", "Tell me: ", "Hey! ", "Listen. ",
         "It is late, but ", "I forgot: ", "So, ", "Well, ", "And ", "Now, ", "Another question. ",
         "My son asked me this. ", "Hm, ", "Maybe you know: ", "I was wondering: ", "Next question: ",
         "Good evening. ", "I am new here. ", "Can you tell me: ", "Dear model, ")
TAILS = (" Thanks!", " Thank you.", " Please.", " Thank you in advance.", " Keep it short.", " It is urgent!",
         " Answer in one sentence.", " Be brief.", " pls", " Please explain.", " Just a short answer.",
         " I really need to know.", " I have no idea.", " Take your time.", " Any idea?", " Do you know?", " thx",
         " Be precise.", " I am curious.", " That is all.", " Tell me.")


def spoken(r, question, share) -> str:
    """The question as people type it, a share of them with a few words before or after."""
    question = vary(r, question)
    x = r.random()
    if x < 0.6 * share:
        return r.choice(LEADS) + question
    if x < share:
        return question + ("" if question[-1:] in ".?!" else ".") + r.choice(TAILS)
    return question


def letters(r, longest=14) -> str:
    """Random letters: no word helps to spell or copy them."""
    return "".join(r.choices(ALPHABET, k=r.randint(2, longest)))


def strange_word(r) -> str:
    """One word, without spaces, that is hardly ever seen: open vocabulary, made up, or random letters."""
    x = r.random()
    word = r.choice(ONE_WORD) if x < 0.3 else made_up(r, 0) if x < 0.75 else letters(r)
    return strange_word(r) if word.rstrip("s") in UNSEEN else word


def any_word(r, strange=0.3) -> str:
    """A word of the village, or a strange one, a name, a number."""
    x = r.random()
    if x < strange:
        return strange_word(r)
    if x < strange + 0.1:
        return r.choice(NUMBERS + NAMES + NEW_NAMES)
    return r.choice(WORDS)


def some_words(r, fewest, most, strange=0.3) -> list[str]:
    return [any_word(r, strange) for _ in range(r.randint(fewest, most))]
