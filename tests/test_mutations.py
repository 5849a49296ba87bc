"""A seeded sample of damaged model folders; `python tests/mutations.py` tries 20,000."""
import mutations

import pytest


@pytest.mark.slow
def test_damaged_folders_are_refused_in_our_words_or_work():
    wrong = mutations.run_all(500, seed=7)
    assert wrong == [], "\n".join(f"case {case}: {what}; {told}" for case, told, what in wrong)


def test_the_judge_sees_what_is_wrong(tmp_path, monkeypatch):
    """Else the test above would prove nothing."""
    import mistral_edu
    (folder, *_) = mutations.make_folders(tmp_path)
    assert mutations.try_folder(folder) is None
    for error, word in ((IndexError("list"), "IndexError"), (ValueError("of JSON"), "ValueError from"),
                        (SystemExit(), "SystemExit")):
        def fails(*_, error=error, **__):
            raise error
        monkeypatch.setattr(mistral_edu, "load", fails)
        assert word in mutations.try_folder(folder)
