from pathlib import Path

import pytest

from shopgraph.benches.llm_server import start_server
from shopgraph.errors import BadSource

pytest.importorskip("xllamacpp", reason="llama.cpp's server is not installed")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match=r"none\.gguf: no such file"), start_server(tmp_path / "none.gguf"):
        pass


def test_a_file_that_is_no_model_is_refused_and_leaves_no_process(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(BadSource, match="can't serve it"), start_server(broken):
        pass
