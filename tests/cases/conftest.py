import pytest

from tests.cases.written import written
from tests.tiny import load_tiny, save_tiny
from workbench.cases.answered import AnsweredCase
from workbench.models.session import LoadedModel


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> LoadedModel:
    return load_tiny(save_tiny(tmp_path_factory.mktemp("tiny") / "model"))


@pytest.fixture(scope="session")
def case(tiny) -> AnsweredCase:
    return written(tiny)
