"""Pages where no widget lives (GitHub, Colab without its manager, a printed page): what was said stands there in words.

A page with everything that prompts and looks inside is run without a front end; then its stored outputs are read as
such a viewer reads them: no output may depend on a widget alone, and none may show Python's way of naming an object.
"""
import re

from test_lab_magics import a_page

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

ASKED = "The ball is in the kitchen. The key is in the barn. Where is the key?"
ANSWER = "The key is in the barn."
CELLS = {
    "magic": "%load_ext mistral_edu\n%mistral Say where the key is.",
    "cell magic": f"%%mistral --new\n{ASKED}",
    "panel": f"""from mistral_edu.lab import chat_panel
chat_panel(messages=[{{"role": "user", "content": {ASKED!r}}},
                     {{"role": "assistant", "content": "**{ANSWER}** <script>window.ran = 1</script>"}}])""",
    "inside": f"from mistral_edu.lab import inspect_answer\ninspect_answer({ASKED!r})",
    "compared": f"""from mistral_edu import load_model, load_tokenizer
from mistral_edu.lab import compare_answers
models = {{"as stored": load_model(dtype="float32"), "4 bit": load_model(dtype="float32", bits=4)}}
compare_answers({ASKED!r}, models, load_tokenizer())""",
    "attention": """from mistral_edu.lab import attention_view, explore

def one_head(layer=4):
    return attention_view("The ball is in the barn.", models["as stored"], load_tokenizer(), layer=layer, head=4)

explore(one_head, layer=(0, 7))""",
}
OBJECT = re.compile(r"object at 0x|Widget\(|Panel\(|VBox\(|children=")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("outside") / "page.ipynb"
    notebook = a_page(path, list(CELLS.values()))
    NotebookClient(notebook, timeout=120, kernel_name="python3", store_widget_state=False,
                   coalesce_streams=True).execute()
    return dict(zip(CELLS, notebook.cells)), notebook


def outputs_without_widgets(cell):
    """What a viewer shows that knows no widgets: of each output the richest part that is no widget."""
    shown = []
    for output in cell.outputs:
        data = output.get("data", {"text/plain": output.get("text", "")})
        shown.append({kind: part for kind, part in data.items() if "widget" not in kind})
    return shown


@pytest.mark.parametrize("name", CELLS)
def test_every_output_has_words_and_no_names_of_objects(page, name):
    shown = outputs_without_widgets(page[0][name])
    assert shown and all(one.get("text/plain", "").strip() for one in shown)
    assert not any(OBJECT.search(one["text/plain"]) for one in shown)


@pytest.mark.parametrize("name", ["cell magic", "panel", "inside", "compared"])
def test_the_answer_stands_there_without_a_widget(page, name):
    shown = outputs_without_widgets(page[0][name])
    assert any(ANSWER in one["text/plain"] for one in shown)
    if name != "cell magic":                        # which streams plain text
        assert any("barn" in one.get("text/html", "") for one in shown)


def test_a_printed_page_shows_it_all_and_runs_nothing(page):
    html, _ = HTMLExporter(template_name="basic").from_notebook_node(nbformat.from_dict(page[1]))
    assert html.count(ANSWER) >= 3
    assert "window.ran = 1</script>" not in html and "&lt;script&gt;window.ran = 1" in html
