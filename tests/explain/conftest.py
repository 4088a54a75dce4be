from dataclasses import replace

import pytest
from transformers import LlavaForConditionalGeneration

from tests.tiny import TINY, load_tiny, plant, save_tiny
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
    folder = save_tiny(
        tmp_path_factory.mktemp("planted") / "model", replace(TINY, vision_layers=1, text_layers=1, heads=1)
    )
    random = load_tiny(folder).model
    config = random.config
    config.text_config.attention_bias = True
    config.text_config.tie_word_embeddings = config.tie_word_embeddings = False
    model = LlavaForConditionalGeneration(config)
    plant(model)
    model.save_pretrained(folder)
    return load_tiny(folder)
