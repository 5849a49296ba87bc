"""The long description of the package: the README, without what only a clone has. Hatch calls this when it builds.

The page of a package index holds no other file of the repository, so a relative link leads nowhere there, and a picture
is missing. Here a link becomes its text and where to find the thing, and a picture becomes its alternative text.
"""
import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

PICTURE = re.compile(r"!\[([^\]]*)\]\((?!\w+:)[^)]*\)")
LINK = re.compile(r"\[([^\]]*)\]\((?!\w+:|#)([^)]*)\)")  # neither https: or mailto:, nor a place in the text itself
WHERE = (("docs/", "`mistral-edu lab` puts it beside the notebooks"),
         ("solutions/", "`mistral-edu lab` puts it beside the notebooks"),
         ("notebooks/", "`mistral-edu lab` opens it"),
         ("mistral_edu/", "in the installed package"),
         ("", "in the source distribution"))


class ReadmeWithoutClone(MetadataHookInterface):
    """Fills in the readme, which pyproject.toml calls dynamic."""

    def update(self, metadata):
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": LINK.sub(in_words, PICTURE.sub(r"\1", text))}


def in_words(link):
    """[its card](mistral_edu/tiny/README.md) -> its card (`mistral_edu/tiny/README.md`, in the installed package)"""
    text, target = link.groups()
    where = next(words for folder, words in WHERE if target.startswith(folder))
    return f"{text} ({where})" if text == target else f"{text} (`{target}`, {where})"
