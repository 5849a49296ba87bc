"""Pictures of pieces: text cut into boxes, one per token, and what the cuts cost."""
from mistral_edu.lab.showing.figures import WIDTH, Picture, figure
from mistral_edu.lab.showing.pieces import boxes, draw_pieces, label
from mistral_edu.palette import BLUE, INK, ORANGE, PALE_BLUE, PALE_GREEN, PALE_ORANGE, PALE_PINK, SILVER

TINTS = (PALE_BLUE, PALE_ORANGE, PALE_GREEN, PALE_PINK)     # neighbours differ, and gaps part them too
CONTROL_TINT, NEW_TINT = SILVER, ORANGE


def pieces_picture(tokenizer, text) -> Picture:
    """The tokens of a text, each in a box with its id below."""
    ids = tokenizer.encode(text, bos=False)
    labels = [label(tokenizer.token_bytes(id)) for id in ids]
    below = [str(id) for id in ids]
    fig, ax = figure(height=0.5 + boxes(labels, below)[1])
    draw_pieces(ax, labels, [TINTS[n % len(TINTS)] for n in range(len(ids))], below)
    tokens, characters, in_bytes = (f"{count} {what}{'s' * (count != 1)}" for count, what in (
        (len(ids), "token"), (len(text), "character"), (len(text.encode()), "byte")))
    ax.set_title(f"{tokens} for {characters}")
    return Picture(fig, f"{characters}, {in_bytes}, {tokens}: {' | '.join(labels)}.")


def merge_picture(spelled, done, counts, following=None) -> Picture:
    """A sentence after some merges. spelled: its words as lists of pieces; done: the merges; counts: of pairs now;
    following: the pair that is joined next."""
    pieces = [piece for word in spelled for piece in word]
    last = "".join(done[-1]) if done else None
    tints = [NEW_TINT if piece == last else TINTS[n % 2] for n, word in enumerate(spelled) for piece in word]
    width = WIDTH - 0.9                                 # the names of the bars stand at the left
    height = boxes(pieces, width=width)[1]
    fig, (upper, lower) = figure(height=2.3 + height, rows=2, height_ratios=(height + 0.1, 1.5))
    draw_pieces(upper, pieces, tints, width=width)
    step = "No merge yet"
    if done:
        step = f'{len(done)} merge{"s" * (len(done) > 1)}, the last "{done[-1][0]}" + "{done[-1][1]}"'
    upper.set_title(f"{step}: {len(pieces)} tokens")
    best = sorted(counts.items(), key=lambda item: (-item[1], item[0] != following))[:4]
    names = [f"{left} + {right}" for (left, right), _ in best]
    lower.barh(range(len(best)), [count for _, count in best], color=BLUE, height=0.6)
    lower.set(ylim=(3.6, -0.6), xlim=(0, 6), xticks=range(7), xlabel="how often the pair occurs now")
    lower.set_yticks(range(len(best)), [f"{name:>12}" for name in names], family="DejaVu Sans Mono")
    if best:
        count = best[0][1]
        others = list(counts.values()).count(count) - 1
        most = f"the next pair is {names[0]}, which occurs {({1: 'once', 2: 'twice'}).get(count, f'{count} times')}"
        most += f", equal with {others} more" if others else ""
    else:
        most = "no pair is left"
        lower.text(0.5, 0.5, "no pair is left", transform=lower.transAxes, ha="center")
    return Picture(fig, f"Merges: {len(done)}; tokens: {len(pieces)}; {most}.",
                   f"The sentence in pieces: {' | '.join(pieces)}. {most[0].upper()}{most[1:]}.")


def respelled_picture(labels, marks, answer, right) -> Picture:
    """A prompt in its tokens, and what the model answers. marks: "", "respelled", or "newest" for each token."""
    tints = [NEW_TINT if mark else TINTS[0] for mark in marks]
    newest = [n for n, mark in enumerate(marks) if mark == "newest"]
    fig, ax = figure(height=0.5 + boxes(labels)[1])
    draw_pieces(ax, labels, tints, framed=newest)
    short = answer if len(answer) <= 50 else answer[:50].rsplit(" ", 1)[0] + " …"
    ax.set_title(f'The answer is {"right" if right else "wrong"}: "{short}"')
    word = "".join(labels[n] for n in newest).strip("␣")
    last = f"; the last word respelled (thick frame) is {word}" if word else ""
    return Picture(fig, f"{len(labels)} tokens, {sum(map(bool, marks))} of them (orange) from respelled words{last}. "
                        f"The answer is {'right' if right else 'wrong'}: {answer}")


def dose_picture(doses, right, asked, words) -> Picture:
    """How many of `asked` questions are answered rightly when so many words of each prompt are respelled."""
    fig, ax = figure(height=3.0)
    bars = ax.bar([str(dose) for dose in doses], right, color=BLUE, width=0.6)
    ax.bar_label(bars, padding=2, color=INK)
    ax.set(ylim=(0, asked * 1.12), yticks=range(0, asked + 1, 3), xlabel=f"words in other tokens, of about {words}",
           ylabel=f"right answers, of {asked}",
           title=f"Same text, other tokens: from {right[0]} right answers to {right[-1]}")
    told = ", ".join(f"{n} with {dose}" for dose, n in zip(doses, right))
    return Picture(fig, f"Right answers of {asked}, by the number of words respelled of about {words}: {told}.")


def languages_picture(languages, small, large) -> Picture:
    """Tokens for one sentence in several languages; two vocabularies: (name in the record, label in the picture)."""
    names = sorted(languages, key=lambda name: languages[name]["tokens"][small[0]])
    fig, ax = figure(height=3.9)
    for offset, (key, text), colour, hatch in ((-0.19, small, BLUE, None), (0.19, large, ORANGE, "///")):
        tokens = [languages[name]["tokens"][key] for name in names]
        bars = ax.barh([n + offset for n in range(len(names))], tokens, height=0.36, color=colour, hatch=hatch,
                       edgecolor="white", label=text)
        ax.bar_label(bars, padding=3, fontsize=8.5)
    most, least = (languages[names[at]]["tokens"][small[0]] for at in (-1, 0))
    ax.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.4, -0.6),
           xlabel="tokens for the same sentence",
           title=f"{names[-1]} takes {most / least:.1f} times the tokens of {names[0]}")
    ax.legend(loc="upper right")
    told = "; ".join(f"{name} {languages[name]['tokens'][small[0]]} and {languages[name]['tokens'][large[0]]}"
                     for name in names)
    return Picture(fig, f"Tokens for the sentence, {small[1]} and {large[1]}: {told}.")
