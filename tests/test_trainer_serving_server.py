"""The scoring service over a real socket, batching, metrics; and what quantizing costs."""

import asyncio
import json
import socket
import threading
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from db.errors import BadInput, NotAllowed
from judges.encoding import encode
from trainer.bases import build_tiny, load_classifier, load_tokenizer
from trainer.serving.guard import KEY, Guard, is_loopback, protocol
from trainer.serving.quantize import quantize
from trainer.serving.scoring import Answered, RewardScorer, Scored
from trainer.serving.server import DynamicBatcher, Score, application, serve
from trainer.settings import TrainerSettings
from trainer.workspace import open_workspace, publish_model


@pytest.fixture(autouse=True)
def _quiet_libraries() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def by_length(answered: Sequence[Answered]) -> Scored:
    """Scores are lengths of responses; one of more than 40 letters is too long to read whole."""
    lengths = np.array([float(len(response)) for _, response, _ in answered])
    return Scored(lengths, lengths > 40)


@contextmanager
def running(score: Score, guard: Guard | None = None, **more: Any) -> Iterator[str]:
    """The service over this scorer, on a port of its own, as `serve` runs it."""
    import uvicorn

    made = application(score, "by-length", wait=0.05, guard=guard, **more)
    config = uvicorn.Config(
        made, host="127.0.0.1", port=0, log_level="error", http=protocol(), proxy_headers=False
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


@pytest.fixture
def service() -> Iterator[str]:
    with running(by_length) as url:
        yield url


def call(url: str, body: dict[str, Any] | None = None, **headers: str) -> tuple[int, str]:
    data = json.dumps(body).encode() if body is not None else None
    asked = urllib.request.Request(url, data, {k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(asked, timeout=20) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def by_words(asked: Sequence[Any]) -> Scored:
    """Of each step .5 where it reads "so", else .8."""
    rows = np.empty(len(asked), dtype=object)
    for i, (_, steps, _) in enumerate(asked):
        rows[i] = [0.5 if step == "so" else 0.8 for step in steps]
    return Scored(rows, np.zeros(len(asked), dtype=np.bool_))


def test_the_service_scores_steps() -> None:
    with running(by_words, stepped=True) as url:
        asked = {"prompt": "Q", "solutions": [["so", "yes"], ["yes", "yes"]]}
        status, body = call(f"{url}/steps", asked)
        told = json.loads(body)
        assert status == 200
        assert (told["steps"], told["lowest"]) == ([[0.5, 0.8], [0.8, 0.8]], [0.5, 0.8])
        assert told["product"] == pytest.approx([0.4, 0.64])
        assert (told["best"], told["cut"], told["model"]) == (1, [False, False], "by-length")
        status, body = call(f"{url}/steps", {"prompt": "Q", "solutions": [[]]})
        assert status == 422
        assert "at least 1 item" in body
        assert call(f"{url}/score", {"prompt": "Q", "responses": ["a"]})[0] == 404
        assert set(json.loads(call(f"{url}/openapi.json")[1])["paths"]) == {
            "/steps", "/health", "/metrics",
        }  # fmt: skip


def test_the_service_scores_compares_and_counts(service: str) -> None:
    status, body = call(f"{service}/score", {"prompt": "Q", "responses": ["a", "abc"]})
    assert (status, json.loads(body)) == (
        200,
        {"scores": [1.0, 3.0], "cut": [False, False], "model": "by-length"},
    )
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


ASKED = {"prompt": "Q", "responses": ["a"]}
A_KEY = "a-long-and-random-text"


def test_beyond_loopback_a_key_is_needed_and_asked_for() -> None:
    for address in ("0.0.0.0", "192.0.2.7", "::", "score.example"):
        with pytest.raises(NotAllowed, match=f"set {KEY} in the environment to a long random"):
            Guard.of(address, {})
        with pytest.raises(NotAllowed, match="it needs at least 16") as caught:
            Guard.of(address, {KEY: "hunter2"})
        assert "hunter2" not in str(caught.value)
        assert Guard.of(address, {KEY: A_KEY}).key == A_KEY
    assert Guard.of("127.0.0.1", {}).key is None
    assert [is_loopback(a) for a in ("::1", "localhost", "127.8.8.8", "x")] == [True] * 3 + [False]
    with running(by_length, Guard.of("127.0.0.1", {KEY: A_KEY})) as url:
        for given in ({}, {"Authorization": "Bearer no"}, {"Authorization": f"Bearer {A_KEY}é"}):
            status, body = call(f"{url}/score", ASKED, **given)
            assert (status, json.loads(body)["error"][:27]) == (401, "the key is missing or wrong")
            assert call(f"{url}/metrics", **given)[0] == 401
        assert call(f"{url}/score", ASKED, Authorization=f"Bearer {A_KEY}")[0] == 200
        assert call(f"{url}/health")[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "localhost.evil.example:8600"}, 421),
        ({"Host": ""}, 421),
        ({"Host": "[::1"}, 421),
        ({"Host": "localhost:8600"}, 200),
        ({"Host": "[::1]:8600"}, 200),
        ({"Host": "10.1.2.3:8600"}, 200),  # a probe of Kubernetes
        ({"Host": "score.example"}, 200),
        (
            {"Host": "localhost:1", "Origin": "http://evil.example", "Content_Type": "text/plain"},
            403,
        ),
        ({"Host": "localhost:1", "Origin": "null"}, 403),
        ({"Host": "localhost:1", "Origin": "http://localhost:2"}, 403),
        ({"Host": "localhost:1", "Origin": "http://localhost:1.evil.example"}, 403),
        ({"Host": "localhost:1", "Origin": "http://LOCALHOST:1"}, 200),
    ],
)
def test_pages_of_other_sites_cannot_ask(headers: dict[str, str], status: int) -> None:
    guard = Guard.of("127.0.0.1", {}, ("score.example",))
    found = guard.refusal("/score", {k.replace("_", "-").lower(): v for k, v in headers.items()})
    assert (found[0] if found else 200) == status
    if headers["Host"].startswith("evil") or "Origin" in headers:
        with running(by_length, guard) as url:
            assert call(f"{url}/score", ASKED, **headers)[0] == status


def test_a_score_that_is_no_number_is_an_error_of_its_request_alone() -> None:
    odd = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}

    def score(answered: Sequence[Answered]) -> Scored:
        scores = np.array([odd.get(response, 1.0) for _, response, _ in answered])
        return Scored(scores, np.zeros(len(scores), dtype=np.bool_))

    with running(score) as url, ThreadPoolExecutor(8) as pool:
        asked = [[name] for name in ("nan", "a", "inf", "b", "-inf", "c")]
        replies = list(pool.map(lambda r: call(f"{url}/score", {**ASKED, "responses": r}), asked))
        assert [status for status, _ in replies] == [500, 200, 500, 200, 500, 200]
        assert "gives no finite score to response 0 (nan); leave it out" in replies[0][1]
        both = {"prompt": "Q", "response_a": "a", "response_b": "nan"}
        assert call(f"{url}/compare", both)[0] == 500
        document = json.loads(call(f"{url}/openapi.json")[1])
    told = document["paths"]["/score"]["post"]["responses"]
    assert "NaN" in told["500"]["description"]
    assert {"401", "403", "408", "413", "421", "422"} <= set(told)


@pytest.mark.slow
def test_half_a_request_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.serving.guard._HEAD_SECONDS", 0.3)
    monkeypatch.setattr("trainer.serving.server._BODY_SECONDS", 0.3)
    whole = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    slow = b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{"
    with running(by_length) as url:
        port = int(url.rsplit(":", 1)[1])
        for sent, answer in (
            (b"", b""),
            (whole[:30], b""),
            (whole + whole[:9], b"200"),
            (slow, b"408"),
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
                client.sendall(sent)
                heard = b""
                while piece := _received(client):
                    heard += piece
                assert answer in heard
        assert call(f"{url}/health")[0] == 200


def _received(client: socket.socket) -> bytes:
    try:
        return client.recv(4096)
    except ConnectionResetError:
        return b""


def test_many_connections_at_once_do_not_fill_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.serving.guard._CONNECTIONS", 5)
    with running(by_length) as url:
        port = int(url.rsplit(":", 1)[1])
        held = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(5)]
        with socket.create_connection(("127.0.0.1", port), timeout=10) as one_more:
            assert _received(one_more) == b""  # closed at once
        for one in held:
            one.close()
        assert call(f"{url}/health")[0] == 200


def test_a_taken_port_is_one_sentence(service: str, checkpoint: Path) -> None:
    port = int(service.rsplit(":", 1)[1])
    with pytest.raises(BadInput, match=f"'127.0.0.1' with port {port} cannot be listened on"):
        serve(RewardScorer(checkpoint), "r", "127.0.0.1", port)
    with pytest.raises(BadInput, match="with port 99999 cannot be listened on"):
        serve(RewardScorer(checkpoint), "r", "127.0.0.1", 99999)


def test_what_is_too_long_is_said_in_the_reply_and_counted(service: str) -> None:
    body = json.loads(call(f"{service}/score", {"prompt": "Q", "responses": ["a" * 41, "a"]})[1])
    assert body["cut"] == [True, False]
    both = {"prompt": "Q", "response_a": "a", "response_b": "a" * 41}
    assert json.loads(call(f"{service}/compare", both)[1])["cut"] == [False, True]
    assert "tiebreak_cut_texts_total 2" in call(f"{service}/metrics")[1]


def test_a_conversation_reaches_the_model_with_every_key_it_came_with() -> None:
    heard: list[Any] = []

    def score(answered: Sequence[Answered]) -> Scored:
        heard.extend(answered)
        return Scored(np.zeros(len(answered)), np.zeros(len(answered), dtype=np.bool_))

    call_ = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    parts = [{"type": "text", "text": "Q"}]
    prompt = [
        {"role": "developer", "content": "D"},
        {"role": "user", "name": "u", "content": parts},
    ]
    run = [
        {"role": "assistant", "content": None, "tool_calls": [call_]},
        {"role": "tool", "tool_call_id": "c1", "content": "4C"},
    ]
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    asked = {"prompt": prompt, "tools": tools}
    with running(score) as url:
        assert call(f"{url}/score", {**asked, "responses": [run, "words"]})[0] == 200
        assert heard == [(prompt, run, tools), (prompt, "words", tools)]
        bare = [{"role": "assistant", "tool_calls": [call_]}]
        assert call(f"{url}/compare", {**asked, "response_a": bare, "response_b": run})[0] == 200
        assert heard[2][1] == [{"content": None, **bare[0]}]
        picture = [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]
        for wrong in (picture, [], [{"role": "robot", "content": "Q"}], [{"content": "Q"}]):
            status, body = call(f"{url}/score", {"prompt": wrong, "responses": ["a"]})
            assert (status, "prompt" in body) == (422, True)


def test_a_scorer_says_what_it_read_without_the_beginning(checkpoint: Path) -> None:
    read = RewardScorer(checkpoint).read([("say 1", "word1"), ("word1 " * 200, "thing")])
    assert read.cut.tolist() == [False, True]
    assert len(read.scores) == 2


def test_an_error_reaches_everybody_in_the_batch() -> None:
    def broken(_: Sequence[Any]) -> Scored:
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
    model = load_classifier(str(tmp_path / "base"), 1, tokenizer, TrainerSettings())
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
