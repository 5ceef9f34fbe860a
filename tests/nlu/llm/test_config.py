import pytest
from pydantic import ValidationError

from nlu.llm.config import EndpointConfig, LlmConfig, TransformersConfig
from shopgraph.errors import BadSettings
from shopgraph.settings import read_settings


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://host/v1",
        "localhost:8080",
        "http://",
        "http://user:password@host/v1",
        "http://host/v1?to=elsewhere",
        "http://host:99999/v1",
        "http://169.254.169.254/latest",
        "http://[::ffff:169.254.169.254]/v1",
    ],
)
def test_urls_that_no_model_has_are_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        EndpointConfig(url=url, model="m")


def test_a_private_address_is_refused_where_it_is_not_allowed() -> None:
    assert EndpointConfig(url="http://10.0.0.1/v1/", model="m").url == "http://10.0.0.1/v1"
    with pytest.raises(ValidationError, match="allow_private"):
        EndpointConfig(url="http://10.0.0.1/v1", model="m", allow_private=False)


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel"])
def test_a_key_that_fits_no_header_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(ValidationError) as caught:
        EndpointConfig.model_validate({"url": "http://localhost/v1", "model": "m", "api_key": key})
    assert key not in caught.value.errors(include_input=False)[0]["msg"]


def test_the_environment_names_the_model_and_its_key_stays_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "KIND": "endpoint",
        "URL": "http://localhost:8080/v1",
        "MODEL": "qwen",
        "API_KEY": "s3cret",
    }.items():
        monkeypatch.setenv(f"SHOPGRAPH_LLM__SOURCE__{name}", value)
    settings = read_settings()
    assert isinstance(settings.llm.source, EndpointConfig)
    assert settings.llm.source.model == "qwen"
    assert "s3cret" not in repr(settings) + settings.model_dump_json()


def test_a_bad_address_in_the_environment_is_a_bad_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "SHOPGRAPH_LLM__SOURCE", '{"kind": "endpoint", "url": "http://169.254.169.254/", "model": "m"}'
    )
    with pytest.raises(BadSettings, match="link-local"):
        read_settings()


def test_there_is_no_model_unless_one_is_named() -> None:
    assert LlmConfig().source is None
    named = LlmConfig.model_validate({"source": {"kind": "transformers", "model": "folder"}})
    assert named.source == TransformersConfig(model="folder")
