"""The colours of every picture, each named once. What a page shows around pictures takes those of its theme.

>>> BLUE in PALETTE and len(set(PALETTE)) == 8
True
"""
# Okabe and Ito's palette (2008): eight colours that people with any kind of colour vision can tell apart.
BLUE, ORANGE, GREEN, PINK = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
SKY, RED, YELLOW, BLACK = "#56B4E9", "#D55E00", "#F0E442", "#000000"
PALETTE = (BLUE, ORANGE, GREEN, PINK, SKY, RED, YELLOW, BLACK)

# The same, paler, behind dark letters; and one that is dark enough for white letters.
PALE_BLUE, PALE_ORANGE, PALE_GREEN, PALE_PINK, PALE_YELLOW = "#CFE4F2", "#FBE3B8", "#C8EBDD", "#F3DCE9", "#FBF7B5"
DARK_ORANGE = "#B34A00"

INK, GREY = "#222222", "#767676"                        # text, secondary text (4.5:1 on white)
SILVER, PALE, PALER, PALEST = "#DDDDDD", "#E6E6E6", "#F3F3F3", "#F6F8FA"        # surfaces; PALE: background lines
SEQUENTIAL, DIVERGING = "cividis", "RdBu"               # colour maps: even in lightness, and centred on zero
BLUES, ORANGES = "Blues", "Oranges"                     # colour maps: from white to one colour

# Of widgets in a page: what JupyterLab calls its brand, where no theme says it, and a button under white letters.
BRAND, BUTTON = "#1976D2", "#0B61C4"
