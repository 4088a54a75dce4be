import pytest

from tests.tiny import load_tiny, planted_model, save_tiny
from workbench.explain import evidence_cache
from workbench.explain.evidence_cache import EvidenceCache
from workbench.models.session import LoadedModel


@pytest.fixture(autouse=True)
def own_passes(monkeypatch: pytest.MonkeyPatch) -> EvidenceCache:
    """A cache of shared passes for this test alone: others change the same model's weights in place."""
    fresh = EvidenceCache()
    monkeypatch.setattr(evidence_cache, "SHARED", fresh)
    return fresh


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> LoadedModel:
    return load_tiny(save_tiny(tmp_path_factory.mktemp("tiny") / "model"))


@pytest.fixture(scope="session")
def planted(tmp_path_factory) -> LoadedModel:
    """A model whose right explanation is known: only a bright patch moves the planted token's logit."""
    return planted_model(tmp_path_factory.mktemp("planted") / "model")
