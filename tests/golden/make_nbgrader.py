"""Write nbgrader_source.json and nbgrader_release.json: an exercise as we hand it to nbgrader, and what it makes of it.

Run once, in an environment of its own, since the project does not need nbgrader:

    python3 -m venv /tmp/nbgrader-env
    /tmp/nbgrader-env/bin/pip install nbgrader==0.9.6 -e ".[cpu,lab]"
    /tmp/nbgrader-env/bin/python tests/golden/make_nbgrader.py
"""
import subprocess
import sys
import tempfile
from pathlib import Path

from mistral_edu.classroom.assignment import as_text, source_of
from mistral_edu.classroom.build import CONFIG, CONFIGURATION

HERE = Path(__file__).parent
CELLS = ("import", "exercise-0-3", "exercise-0-3-answer", "exercise-0-3-check", "exercise-0-3-hint")

if __name__ == "__main__":
    source = source_of("00")
    source["cells"] = [cell for cell in source["cells"] if cell["id"] in CELLS]
    with tempfile.TemporaryDirectory() as course:
        place = Path(course, "source", "small", "small.ipynb")
        place.parent.mkdir(parents=True)
        place.write_text(as_text(source), encoding="utf-8")
        Path(course, CONFIG).write_text(CONFIGURATION, encoding="utf-8")
        subprocess.run([sys.executable, "-m", "nbgrader", "generate_assignment", "small"], cwd=course, check=True)
        release = Path(course, "release", "small", "small.ipynb").read_text(encoding="utf-8")
    (HERE / "nbgrader_source.json").write_text(as_text(source), encoding="utf-8")
    (HERE / "nbgrader_release.json").write_text(release, encoding="utf-8")
