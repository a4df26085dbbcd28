"""Claude on Bedrock and Vertex AI: the SDK's own clients against the protocol server.

The paths are those of the clouds' published references: InvokeModel, Bedrock's Messages API and
Vertex's rawPredict.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from protocol_server import serving
from test_judges_reach import PRICES, asked, one

from db.errors import BadInput, KeyRefused, MissingExtra
from db.extras import installed
from db.vocabulary import Choice, Order
from judges import verdicts
from judges.connect import connect

MODEL = "us.anthropic.claude-haiku-4-5-v1:0"
CLAUDE: dict[str, Any] = {
    "name": "c", "provider": "anthropic", "model": MODEL, "prices": PRICES, "retries": 0,
}  # fmt: skip
PATHS = {
    "bedrock": f"/model/{MODEL}/invoke",
    "bedrock-mantle": "/v1/messages",
    "vertex": f"/projects/mine/locations/eu/publishers/anthropic/models/{MODEL}:rawPredict",
}
SETTINGS: dict[str, dict[str, Any]] = {"vertex": {"region": "eu", "project": "mine"}}


AMBIENT = (
    *("AWS_BEARER_TOKEN_BEDROCK", "ANTHROPIC_AWS_API_KEY", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"),
    *("AWS_SECRET_ACCESS_KEY", "AWS_REGION", "CLOUD_ML_REGION", "GOOGLE_APPLICATION_CREDENTIALS"),
)


@pytest.fixture(autouse=True)
def _no_cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in AMBIENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    for name in ("CLOUDSDK_CONFIG", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))


@pytest.mark.parametrize("via", PATHS)
def test_a_model_is_asked_on_its_cloud_by_a_key(via: str) -> None:
    with serving() as server:
        server.state.keep_requests = True
        headers = {"x-mine": "1", "anthropic-beta": "b-1"}
        settings = {"region": "us-east-1", **SETTINGS.get(via, {}), "headers": headers}
        judge = one(**CLAUDE, via=via, base_url=server.url, api_key_env="MY_TOKEN", **settings)
        _, (answer,) = asked(judge, {"MY_TOKEN": "good\n"})
        path, headers = server.state.heads[-1]
    assert path == PATHS[via]
    assert headers["authorization"] == "Bearer good"
    assert headers["x-mine"] == "1"
    assert server.state.requests[0]["output_config"]["format"]["schema"]
    assert verdicts.read(answer, Order.AB).choice is Choice.A
    assert not judge.batches
    beta = {"bedrock": server.state.requests[0].get("anthropic_beta")}.get(
        via, [headers["anthropic-beta"]]
    )
    assert beta == ["b-1"]


@pytest.mark.skipif(not installed("boto3"), reason="the extra bedrock is not installed")
@pytest.mark.parametrize("via", ["bedrock", "bedrock-mantle"])
def test_bedrock_is_asked_by_the_credentials_of_its_own_tools(
    via: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as server:
        judge = one(**CLAUDE, via=via, base_url=server.url, region="us-east-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
        asked(judge, {})
        signed = server.state.heads[-1][1]["authorization"]
    assert signed.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/us-east-1/bedrock" in signed


@pytest.mark.skipif(not installed("boto3"), reason="the extra bedrock is not installed")
def test_missing_credentials_of_bedrock_stop_the_judge_in_one_sentence() -> None:
    with serving() as server:
        judge = one(**CLAUDE, via="bedrock", base_url=server.url, region="us-east-7")
        with pytest.raises(KeyRefused, match="credentials of bedrock cannot be used") as caught:
            asked(judge, {})
        assert server.state.total_calls == 0
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not installed("google.auth"), reason="the extra vertex is not installed")
def test_vertex_is_asked_by_the_credentials_of_its_own_tools(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")
    from cryptography.hazmat.primitives import serialization as form

    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = made.private_bytes(
        form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()
    ).decode()
    with serving() as server:
        account = {
            "type": "service_account", "project_id": "theirs", "private_key": pem,
            "client_email": "me@theirs.example", "token_uri": f"{server.url}/token",
        }  # fmt: skip
        (tmp_path / "account.json").write_text(json.dumps(account))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
        judge = one(**CLAUDE, via="vertex", base_url=server.url, **SETTINGS["vertex"])
        asked(judge, {}, times=2)
        paths = [path for path, _ in server.state.heads]
    assert paths == ["/token", PATHS["vertex"], PATHS["vertex"]]


@pytest.mark.skipif(not installed("google.auth"), reason="the extra vertex is not installed")
def test_missing_credentials_of_vertex_stop_the_judge_in_one_sentence() -> None:
    with serving() as server:
        judge = one(**CLAUDE, via="vertex", base_url=server.url, **SETTINGS["vertex"])
        with pytest.raises(KeyRefused, match="credentials of vertex cannot be used") as caught:
            asked(judge, {})
        assert server.state.total_calls == 0
    assert "\n" not in str(caught.value)


def test_what_a_cloud_lacks_is_said_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for via, variable in (("bedrock", "AWS_REGION"), ("vertex", "CLOUD_ML_REGION")):
        judge = one(**CLAUDE, via=via, api_key_env="MY_TOKEN")
        with pytest.raises(BadInput, match=f"in no region; add region = .* or set {variable}"):
            connect(judge, {"MY_TOKEN": "x"})
        with pytest.raises(KeyRefused, match="'MY_TOKEN'"):
            connect(judge, {})
        with monkeypatch.context() as bare:
            bare.setattr("db.extras.installed", lambda package: False)
            with pytest.raises(MissingExtra, match=rf"pip install 'tiebreak\[{via}\]'"):
                connect(one(**CLAUDE, via=via), {variable: "us-east-1"})
