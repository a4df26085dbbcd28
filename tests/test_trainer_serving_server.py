"""The scoring service over a real socket, batching, metrics; and what quantizing costs."""

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from db.errors import BadInput
from trainer.bases import build_tiny, load_classifier, load_tokenizer
from trainer.encoding import encode
from trainer.serving.quantize import quantize
from trainer.serving.scoring import RewardScorer
from trainer.serving.server import DynamicBatcher, application, serve
from trainer.workspace import open_workspace, publish_model


@pytest.fixture(autouse=True)
def _quiet_libraries() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def by_length(answered: Sequence[tuple[Any, str]]) -> list[float]:
    return [float(len(response)) for _, response in answered]


@pytest.fixture
def service() -> Iterator[str]:
    import uvicorn

    config = uvicorn.Config(
        application(by_length, "by-length", wait=0.05), host="127.0.0.1", port=0, log_level="error"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=10)


def call(url: str, body: dict[str, Any] | None = None) -> tuple[int, str]:
    data = json.dumps(body).encode() if body is not None else None
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=20) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_service_scores_compares_and_counts(service: str) -> None:
    status, body = call(f"{service}/score", {"prompt": "Q", "responses": ["a", "abc"]})
    assert (status, json.loads(body)) == (200, {"scores": [1.0, 3.0], "model": "by-length"})
    messages = [{"role": "user", "content": "Q"}]
    asked = {"prompt": messages, "response_a": "ab", "response_b": "ab"}
    assert json.loads(call(f"{service}/compare", asked)[1])["p_a"] == 0.5
    status, body = call(f"{service}/score", {"prompt": "Q", "responses": []})
    assert status == 422
    assert json.loads(body)["error"].startswith("responses = []: List should have at least 1 item")
    assert json.loads(call(f"{service}/health")[1]) == {"status": "ok", "model": "by-length"}
    with ThreadPoolExecutor(16) as pool:
        replies = list(
            pool.map(
                lambda n: call(f"{service}/score", {"prompt": "Q", "responses": ["x" * n]}),
                range(1, 33),
            )
        )
    assert [json.loads(body)["scores"] for _, body in replies] == [[float(n)] for n in range(1, 33)]
    metrics = dict(
        line.rsplit(" ", 1) for line in call(f"{service}/metrics")[1].splitlines() if line[0] != "#"
    )
    assert metrics['tiebreak_requests_total{path="/score",status="200"}'] == "33"
    assert metrics['tiebreak_requests_total{path="/score",status="422"}'] == "1"
    assert metrics["tiebreak_scored_texts_total"] == "36"  # 2 + 2 + 32
    assert int(metrics["tiebreak_batches_total"]) < 34  # some requests shared a batch
    document = json.loads(call(f"{service}/openapi.json")[1])
    assert set(document["paths"]) == {"/score", "/compare", "/health", "/metrics"}
    named = json.dumps(document)
    for part in named.split('"#/components/schemas/')[1:]:
        assert part.split('"')[0] in document["components"]["schemas"]


def test_what_cannot_be_served_is_one_sentence(service: str) -> None:
    status, body = call(f"{service}/score", {"prompt": "Q", "responses": ["x" * (17 * 2**20)]})
    # {"prompt": "Q", "responses": ["..."]} are 34 bytes around the response.
    assert status == 413
    assert json.loads(body)["error"].startswith("the body has 17825826 bytes, and 16777216 are")
    status, body = call(f"{service}/nope")
    wanted = {"error": "Not Found; what there is stands in /openapi.json"}
    assert (status, json.loads(body)) == (404, wanted)
    status, body = call(f"{service}/score")
    assert (status, json.loads(body)["error"][:18]) == (405, "Method Not Allowed")
    metrics = call(f"{service}/metrics")[1]
    assert 'tiebreak_requests_total{path="/score",status="413"} 1' in metrics


def test_a_taken_port_is_one_sentence(service: str, checkpoint: Path) -> None:
    port = int(service.rsplit(":", 1)[1])
    with pytest.raises(BadInput, match=f"'127.0.0.1' with port {port} cannot be listened on"):
        serve(RewardScorer(checkpoint), "r", "127.0.0.1", port)
    with pytest.raises(BadInput, match="with port 99999 cannot be listened on"):
        serve(RewardScorer(checkpoint), "r", "127.0.0.1", 99999)


def test_an_error_reaches_everybody_in_the_batch() -> None:
    def broken(_: Sequence[Any]) -> list[float]:
        raise RuntimeError("no")

    async def both() -> list[Any]:
        batcher = DynamicBatcher(broken, wait=0.01)
        worker = asyncio.create_task(batcher.run())
        asked = [batcher.ask([("Q", "a")]), batcher.ask([("Q", "b")])]
        replies = await asyncio.gather(*asked, return_exceptions=True)
        worker.cancel()
        return replies

    assert [str(reply) for reply in asyncio.run(both())] == ["no", "no"]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    texts = [f"word{i % 17} other{i % 5} thing" for i in range(40)]
    build_tiny(texts, tmp_path / "base")
    tokenizer = load_tokenizer(str(tmp_path / "base"))
    model = load_classifier(str(tmp_path / "base"), 1, tokenizer, 0)
    work = open_workspace(tmp_path, "reward", {}, "model")
    metadata = {
        "kind": "reward",
        "base": "tiny",
        "dataset": "d",
        "max_length": 128,
        "rows": {},
        "temperature": 2.0,
    }
    return publish_model(work, model, tokenizer, metadata, "card")


@pytest.mark.parametrize(("how", "shrinks"), [("bf16", 0.55), ("int8", 0.35)])
def test_a_quantized_copy_is_small_and_agrees(checkpoint: Path, how: str, shrinks: float) -> None:
    rows = [
        {"prompt": f"say {i}", "chosen": f"word{i % 17} thing", "rejected": f"other{i % 5} {i}"}
        for i in range(40)
    ]
    done = quantize(checkpoint, checkpoint.with_name(how), how, rows)
    assert done.bytes_after < shrinks * done.bytes_before
    assert done.agreement >= 0.9
    before = RewardScorer(checkpoint).score([("say 1", "word1 thing")])
    copy = RewardScorer(checkpoint.with_name(how))
    copied = copy.score([("say 1", "word1 thing")]) / copy.metadata["temperature"]
    assert copied == pytest.approx(before / 2.0, abs=0.05)
    assert copy.metadata["original"] != copy.metadata["content_hash"]


def test_a_megabyte_is_read_from_its_end(checkpoint: Path) -> None:
    tokenizer = load_tokenizer(str(checkpoint))
    prompt = [{"role": "user", "content": "word1 " * 200_000}]
    response = [{"role": "assistant", "content": "thing " * 20}]
    found = encode(tokenizer, prompt, response, 128)
    page = [{"role": "user", "content": "word1 " * 2000}]
    whole = tokenizer.apply_chat_template([*page, *response], tokenize=True, return_dict=True)
    assert found.cut
    assert found.ids == whole["input_ids"][-128:]
    longest = 0

    class Looking:
        chat_template = None
        eos_token_id = None

        def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
            nonlocal longest
            longest = max(longest, len(text))
            return tokenizer(text, add_special_tokens=False)

        def num_special_tokens_to_add(self, pair: bool) -> int:
            return 0

    assert len(encode(Looking(), prompt, response, 128).ids) == 128
    assert longest == 64 * 128  # characters: no token of 128 lies further before the end


def test_what_is_no_reward_model_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "judge").mkdir()
    (tmp_path / "judge" / "metadata.json").write_text('{"kind": "judge"}')
    with pytest.raises(BadInput, match="is a 'judge', not a reward model"):
        quantize(tmp_path / "judge", tmp_path / "copy", "bf16", [])
    assert [each.name for each in tmp_path.iterdir()] == ["judge"]


def test_buckets_of_length_change_no_score(checkpoint: Path) -> None:
    answered = [("Q", "word1 " * (i % 9)) for i in range(20)]
    bucketed = RewardScorer(checkpoint, batch_size=4).score(answered)
    as_given = RewardScorer(checkpoint, batch_size=4, bucketed=False).score(answered)
    one_by_one = RewardScorer(checkpoint, batch_size=1).score(answered)
    assert bucketed == pytest.approx(as_given, abs=1e-5)
    assert bucketed == pytest.approx(one_by_one, abs=1e-5)
