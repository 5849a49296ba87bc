"""A live widget takes the place of the still picture above it.

A cell shows three outputs: a still picture, its caption, and something interactive. GitHub, a printed page and a page
that has not been run need the first two; where the third works, they would show the same thing twice. So the live part,
an element of the class LIVE, brings HIDE_STILL with it in a style element. The rule requires that element: a page that
is not trusted loses its styles, and then nothing is hidden; nor is anything once a widget's kernel has gone.
"""
LIVE = "mistral-live"
DRAWN = "mistral-drawn"                  # the picture and the caption of a widget that has a still one above it
_STILL = ".jp-OutputArea-child:has(.mistral-picture, .jp-RenderedImage)"
_CAPTION = ".jp-OutputArea-child"
_WORKS = f".jp-OutputArea-child .{LIVE}:not(.jupyter-widgets-disconnected) style"
HIDE_STILL = f"""
{_STILL}:has(+ {_CAPTION} + {_WORKS}), {_STILL} + {_CAPTION}:has(+ {_WORKS}),
.{LIVE}.jupyter-widgets-disconnected .{DRAWN} {{ display: none }}
"""

CHOICE = "mistral-choice"               # a slider over a list

# In a narrow window JupyterLab breaks lines in the middle of a word, and cuts off the words beside a slider.
WHOLE_WORDS = f"""
.jp-OutputArea .jp-RenderedText pre {{ word-break: normal; overflow-wrap: anywhere }}
.widget-slider.{CHOICE} {{ height: auto }}
.{CHOICE} .widget-readout {{
    height: auto; min-width: min-content; align-self: center; line-height: 1.3; white-space: normal
}}
"""

# ipywidgets gives a slider's handle the role "slider" and no name; one over a list (CHOICE) tells screen readers the
# number of its value instead of the value, and lets you type into the words beside it, to no effect. In Notebook 7
# arrow keys do not reach it, since the page's commands come first; an attribute holds those back. There are no options
# for any of this. An image that cannot be loaded calls its onerror: this one sets up the sliders beside it once all are
# there.
NAME_HANDLES = """<img hidden alt="" src="data:," data-sliders="{sliders}" onerror="
    function see_to(row) {{
        const handle = row.querySelector('[role=slider]'), value = row.querySelector('.widget-readout');
        if (!handle || row.dataset.seen) return;
        row.dataset.seen = 'yes';
        handle.setAttribute('aria-label', row.querySelector('.widget-label').textContent);
        if (!row.classList.contains('%s'))
            return value.setAttribute('aria-label', handle.ariaLabel), value.setAttribute('role', 'textbox');
        function tell() {{
            if (value.contentEditable !== 'false') value.contentEditable = 'false';
            if (handle.ariaValueText !== value.textContent) handle.setAttribute('aria-valuetext', value.textContent);
        }}
        tell(), new MutationObserver(tell).observe(row, {{subtree: true, childList: true, characterData: true,
                                                         attributeFilter: ['aria-valuetext', 'contenteditable']}});
    }}
    (function wait(here, tries) {{
        const box = here.closest('.%s'), rows = box ? [...box.querySelectorAll('.widget-slider')] : [];
        rows.forEach(see_to);
        if (rows.length < here.dataset.sliders && tries) setTimeout(wait, 50, here, tries - 1);
    }})(this, 200);
    if (!window.mistralArrows) window.mistralArrows = !window.addEventListener('keydown', function (event) {{
        if (event.target.matches?.('.%s .noUi-handle'))
            event.target.toggleAttribute('data-lm-suppress-shortcuts', event.key.startsWith('Arrow'));
    }}, true)">""" % (CHOICE, LIVE, LIVE)
