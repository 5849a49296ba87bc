"""What surrounds the code is sound, and agrees with it: workflows, citation, changelog, templates, devcontainer, hooks.

That GitHub runs the workflows is tested by nothing here; CONTRIBUTING.md says which never ran.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

import mistral_edu

import pytest
import yaml

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
FORMS = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")}


def targets_in(command):
    """The targets that the calls of make in a command name."""
    return [word for call in re.findall(r"\bmake ([^;&|\n]*)", command) for word in call.split() if "=" not in word]


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def workflow(request):
    return yaml.safe_load(request.param.read_text())


def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_there_is_a_workflow_for_each_push_and_one_for_each_week():
    by_name = {path.stem: yaml.safe_load(path.read_text()) for path in WORKFLOWS}
    assert set(by_name) == {"tests", "weekly"}
    assert "push" in by_name["tests"][True] and "schedule" in by_name["weekly"][True]  # `on` is true in YAML


def test_a_workflow_may_only_read_and_has_an_end(workflow):
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 120 and "permissions" not in job


def test_actions_are_pinned_to_a_commit_with_its_version_beside_it():
    for path in WORKFLOWS:
        uses = re.findall(r"uses: (.*)", path.read_text())
        assert uses and all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one) for one in uses), uses
    versions = {one for path in WORKFLOWS for one in re.findall(r"uses: (.*)", path.read_text())}
    assert len(versions) == len({one.split("@")[0] for one in versions})  # one version of each


def test_what_a_workflow_runs_is_there(workflow):
    commands = [step["run"] for step in steps(workflow) if "run" in step]
    named = {target for command in commands for target in targets_in(command)}
    assert named and named <= TARGETS
    programs = {program for command in commands for program in re.findall(r"\.venv/bin/([\w-]+)", command)}
    assert all((Path(sys.executable).parent / program).exists() for program in programs - {"uv"})  # make brings uv
    assert not any("pip install" in command for command in commands)
    assert all(subprocess.run(["bash", "-n", "-c", command]).returncode == 0 for command in commands)


def test_the_tests_run_where_the_readme_says_that_all_runs():
    (job,) = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())["jobs"].values()
    machines, pythons = job["strategy"]["matrix"]["machine"], job["strategy"]["matrix"]["python"]
    for kind in ("ubuntu-latest", r"ubuntu-.*-arm", r"macos-(1[4-9]|\d\d)"):  # x86-64, arm64, Apple silicon
        assert any(re.fullmatch(kind, machine) for machine in machines), kind
    assert pythons[0] == "3.10" and len(pythons) > 1 and all(isinstance(python, str) for python in pythons)


def test_contributing_says_which_workflows_never_ran():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split("\n## What runs elsewhere\n")[1].split("\n## ")[0]
    assert "never ran" in section and all(f"`{path.name}`" in section for path in WORKFLOWS)


def test_the_citation_is_whole_and_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors", "version", "license", "type"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0" and citation["license"] == "Apache-2.0"
    assert citation["version"] == mistral_edu.__version__
    for work in (citation, *citation["references"]):
        people = [set(author) for author in work["authors"]]
        assert people and all(person in ({"name"}, {"given-names", "family-names"}) for person in people)


def test_the_changelog_begins_with_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    entries = re.findall(r"^## \[(.+?)\] - (unreleased|\d{4}-\d\d-\d\d)$", text, re.MULTILINE)
    assert entries[0][0] == mistral_edu.__version__
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds and kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_forms_ask_for_what_helps():
    config = FORMS["config"]
    assert set(FORMS) == {"broken_install", "error_in_a_notebook", "config"} and config["blank_issues_enabled"]
    for name in FORMS.keys() - {"config"}:
        form = FORMS[name]
        assert form["name"] and form["description"] and form["body"]
        ids = [field["id"] for field in form["body"] if field["type"] != "markdown"]
        assert len(ids) == len(set(ids)) and all(field["attributes"] for field in form["body"])
        assert {field["type"] for field in form["body"]} <= {"markdown", "input", "textarea", "checkboxes", "dropdown"}
    required = {name: {field["id"] for field in FORMS[name]["body"] if field.get("validations", {}).get("required")}
                for name in ("broken_install", "error_in_a_notebook")}
    assert "doctor" in required["broken_install"] and {"notebook", "cell"} <= required["error_in_a_notebook"]


def test_the_template_for_pull_requests_names_targets_that_are_there():
    text = (ROOT / ".github/PULL_REQUEST_TEMPLATE.md").read_text(encoding="utf-8")
    named = {target for code in re.findall(r"`(make [^`]*)`", text) for target in targets_in(code)}
    assert {"check", "test"} <= named <= TARGETS


def test_the_devcontainer_sets_up_and_ends_in_the_lab():
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    assert targets_in(container["postCreateCommand"]) == ["setup"]
    assert targets_in(container["postAttachCommand"]) == ["lab"]
    assert re.search(r"python:3\.1\d-", container["image"]) and container["forwardPorts"] == [8888]


def test_the_hook_calls_the_ruff_of_the_lock():
    (repo,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    (hook,) = repo["hooks"]
    locked = re.search(r"^ruff==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)[1]
    assert repo["repo"] == "local" and hook["additional_dependencies"] == [f"ruff=={locked}"]
    assert hook["entry"].startswith("ruff check ")
