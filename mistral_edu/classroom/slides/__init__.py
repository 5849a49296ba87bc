"""Slides of a notebook: one HTML file, which a browser opens without a network.

`rules` says what is shown; `from_text` and `from_code` make a `deck` of it, cell by cell, with `prose`, which takes a
page's Markdown apart, and `outputs`, which reads what a cell has printed. `fitting` cuts what is too much for one
slide. `document` makes the file, with `deck.css` and `deck.js` in it; `build` writes it.
"""
