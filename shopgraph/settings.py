"""Settings of the whole application, joined from each package's part; `cli.py` alone fills them in."""

import hashlib
import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from api.config import ApiConfig
from gnn.index import Storage
from nlu.dialogue.session import DialogueConfig
from nlu.encoder import EncoderConfig
from nlu.llm.config import LlmConfig
from nlu.tagger.config import TaggerConfig
from nlu.tuning.config import TuningConfig
from ranking.candidates import CandidateConfig
from ranking.config import HybridConfig
from ranking.diversity.config import DiversityConfig
from ranking.updating import UpdateConfig
from shopgraph.errors import BadSettings

CONFIG_FILE = Path("shopgraph.toml")


class Settings(BaseSettings):
    """Read from `shopgraph.toml`, then `SHOPGRAPH_*` (nested names by `__`), then flags."""

    model_config = SettingsConfigDict(
        env_prefix="SHOPGRAPH_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        toml_file=CONFIG_FILE,
    )

    store: str = "sqlite:///shop.db"
    """Where the facts are: `sqlite:///file.db` or `neo4j://user:password@host:7687`."""
    neo4j_password: SecretStr | None = None
    """Password of Neo4j, where the store URL has none."""
    store_timeout_s: float = Field(default=10.0, gt=0)
    """How long a store may take to answer, seconds."""
    artefacts: Path = Path("artefacts")
    """Folder of trained artefacts; each store has its own folder in it."""
    ledger: Path | None = None
    """File of dialogues, feedback and experiments; beside the store's artefacts by default."""
    dialogues: DialogueConfig = DialogueConfig()
    """How long dialogues are kept."""
    guardrail_check_s: float = Field(default=60.0, ge=0)
    """How often a running experiment's guardrails are looked at while events come in, seconds."""
    data: Path | None = None
    """Folder of public data sets, for evaluations and benchmarks."""
    neo4j_home: Path = Path(".neo4j")
    """Folder of the local server that `shopgraph neo4j up` starts."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where models are trained."""
    seed: int = Field(default=0, ge=0)
    """Seeds training."""
    tensorboard: Path | None = None
    """Folder that takes the training's curves, for TensorBoard."""
    encoder: str | None = None
    """Text encoder: a hub id, a local folder, or nothing for multilingual-e5-small."""
    secret: SecretStr | None = None
    """Signs recommendation ids, at least 16 characters; one is made beside the artefacts by default."""
    text: EncoderConfig = EncoderConfig()
    """How texts become vectors."""
    text_training: TuningConfig = TuningConfig()
    """How `train-text` teaches the encoder the shop."""
    llm: LlmConfig = LlmConfig()
    """Which language model helps to read queries."""
    nlu_training: TaggerConfig = TaggerConfig()
    """How `train-nlu` teaches the query parser the shop's words."""
    hybrid: HybridConfig = HybridConfig()
    """What is trained."""
    update: UpdateConfig = UpdateConfig()
    """How `train --since` goes on from what was trained."""
    candidates: CandidateConfig = CandidateConfig()
    """Which items are scored for an answer."""
    diversity: DiversityConfig = DiversityConfig()
    """How lists are put in order beside the score."""
    index: Storage = "float32"
    """How the indexes that find candidates hold vectors: float32 (exact), float16 or sq8 (a quarter)."""
    api: ApiConfig = ApiConfig()
    """Limits and address of the API."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def encoder_config(self) -> EncoderConfig:
        """The text encoder's part as training uses it: `encoder` put in, on all cores."""
        given = {} if self.encoder is None else {"encoder": self.encoder}
        return self.text.model_copy(update={**given, "threads": max(self.text.threads, os.cpu_count() or 1)})

    @property
    def hybrid_config(self) -> HybridConfig:
        """What is trained, on the device asked for."""
        return self.hybrid.on_device(self.device)

    def artefact_root(self, store_url: str) -> Path:
        """Where the artefacts of one store lie: a folder named after the store, not after its user."""
        scheme, _, rest = store_url.partition("://")
        place = rest.rpartition("@")[2]
        if scheme.startswith("sqlite"):
            place = str(Path(place.removeprefix("/")).resolve())
        digest = hashlib.sha256(place.encode()).hexdigest()[:8]
        name = Path(place).stem.replace(":", "-") or "memory"
        return self.artefacts / f"{name}-{digest}"


def read_settings(config_file: Path | None = None) -> Settings:
    """The settings of this process.

    Raises:
        BadSettings: the file is missing or broken, or a value is wrong; names the setting.
    """
    if config_file is not None and not config_file.is_file():
        raise BadSettings(f"{config_file}: no such settings file")
    source = config_file or CONFIG_FILE

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=source)

    try:
        return FromFile()
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise BadSettings(f"setting {name!r}: {first['msg']} (from {source} or SHOPGRAPH_*)") from exc
    except ValueError as exc:  # TOML and JSON syntax errors both derive from it
        raise BadSettings(f"{source}: not readable: {exc}") from exc
