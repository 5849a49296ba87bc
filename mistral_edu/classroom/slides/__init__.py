"""Slides of a notebook: one HTML file, which a browser opens without a network.

`deck` decides what is shown; `prose` takes a page's Markdown apart; `fitting` cuts what is too much for one slide;
`document` writes the file, with `deck.css` and `deck.js` in it.
"""
