"""Bases: what cannot be loaded, or cannot write, is said in one sentence that names the reason."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.errors import BadInput
from trainer import bases
from trainer.bases import build_tiny, load_tokenizer, load_writer_tokenizer

TEXTS = ["rivers run to the sea", "bridges stand over rivers"]


@pytest.fixture(autouse=True)
def _quiet_libraries() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_a_base_that_is_none_says_why(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no-such' cannot be loaded \(there is no such folder\)"):
        load_tokenizer(str(tmp_path / "no-such"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=r"empty' cannot be loaded \(the folder has no config.json"):
        load_tokenizer(str(tmp_path / "empty"))


def test_words_are_no_base_of_networks(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"judges alone can be of 'words'; give a base with --base"):
        bases.base_folder("words", TEXTS, tmp_path, seed=0)


def test_a_tiny_base_stands_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(texts: object, folder: Path, seed: int) -> None:
        (folder / "config.json").write_text("{}", encoding="utf-8")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(bases, "build_tiny", killed)
        with pytest.raises(KeyboardInterrupt):
            bases.base_folder(bases.TINY, TEXTS, tmp_path, seed=0)
    assert not (tmp_path / "base").exists()
    load_tokenizer(bases.base_folder(bases.TINY, TEXTS, tmp_path, seed=0))


def test_an_encoder_cannot_write(tmp_path: Path) -> None:
    build_tiny(TEXTS, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"architectures": ["BertModel"]}))
    with pytest.raises(BadInput, match=r"cannot write \(BertModel\): it is no causal language mod"):
        load_writer_tokenizer(str(tmp_path))


def test_a_writer_without_a_chat_template_gets_one(tmp_path: Path) -> None:
    build_tiny(TEXTS, tmp_path)
    (tmp_path / "chat_template.jinja").unlink()
    assert load_tokenizer(str(tmp_path)).chat_template is None
    tokenizer = load_writer_tokenizer(str(tmp_path))
    said = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]
    text = tokenizer.apply_chat_template(said, tokenize=False)
    assert text == "<|user|>\nhi<|end|>\n<|assistant|>\nho<|end|>\n"  # its end token is <|end|>
