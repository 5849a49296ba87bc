"""The course as static pages, which open from a folder without a kernel or a network: `make site`.

`build` tells the story. A page is a notebook (`notebook`, with `predictions` and `sliders`), a page of docs/ or one
made from docstrings (`reference`); `markdown` turns prose into HTML, `links` rewrites and checks what points from one
to another. `recording` runs a notebook and records what each of its sliders shows (`controls` chooses the values, and
`recorder` calls the function in the notebook's kernel).
"""
