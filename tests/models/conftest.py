import pytest

from tests.tiny import load_tiny, save_tiny
from workbench.models.session import LoadedModel


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="session")
def tiny(tiny_folder) -> LoadedModel:
    return load_tiny(tiny_folder)
