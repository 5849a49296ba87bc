"""What is live takes the place of the still picture above it.

A cell shows three outputs: a still picture, its caption, and something to touch. GitHub, a printed page and a page
that nobody has run yet need the first two; where the third one works, they would be the same thing twice. So the live
thing, an element of the class LIVE, brings HIDE_STILL with it. The rule asks for the style element itself: a page
that is not trusted loses its styles, and then nothing is hidden; nor is it once the kernel of a widget has gone.
"""
LIVE = "mistral-live"
DRAWN = "mistral-drawn"                  # the picture and the caption of a widget that has a still one above it
_WORKS = f".jp-OutputArea-child .{LIVE}:not(.jupyter-widgets-disconnected) style"
HIDE_STILL = f"""<style>
.jp-OutputArea-child:has(.mistral-picture, .jp-RenderedImage):has(+ .jp-OutputArea-child + {_WORKS}),
.jp-OutputArea-child:has(.mistral-picture, .jp-RenderedImage) + .jp-OutputArea-child:has(+ {_WORKS}),
.{LIVE}.jupyter-widgets-disconnected .{DRAWN} {{ display: none }}
</style>"""

# ipywidgets gives a slider's handle the role "slider" and no name, and has no option for one. Widgets appear one after
# the other, and an image that cannot be loaded calls onerror soon after: this one names all handles once they are there.
NAME_HANDLES = """<img hidden alt="" src="data:," data-sliders="{sliders}" onerror="
    (function name(here, tries) {{
        const box = here.closest('.%s'), rows = box ? box.querySelectorAll('.widget-slider') : [];
        for (const row of rows)
            for (const handle of row.querySelectorAll('[role=slider]'))
                handle.setAttribute('aria-label', row.querySelector('.widget-label').textContent);
        if (rows.length < here.dataset.sliders && tries) setTimeout(name, 50, here, tries - 1);
    }})(this, 200)">""" % LIVE
