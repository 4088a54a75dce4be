"""An adapter by hub id: it and its base are fetched, and share one copy; the commit of both is recorded."""

import json
import shutil

from tests.models.checkpoints.test_adapters import save_adapter
from tests.models.families import tiny_configs as tiny
from workbench.models.loading import load_models, load_pair
from workbench.settings import Settings

CPU = Settings(device="cpu")


def test_an_adapter_and_its_base_by_hub_id(hub, tmp_path):
    base = tiny.save_qwen(tmp_path / "base", "qwen2_5_vl")
    folder = save_adapter(base, tmp_path / "tuned")
    shutil.rmtree(folder / "merged")
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(
        json.dumps(config | {"base_model_name_or_path": "unsloth/Tiny-Instruct"})
    )
    below = hub.repository("Qwen/Tiny-Instruct", base).find("main")
    above = hub.repository("someone/Adapter", folder).find("main")
    pair = load_pair("Qwen/Tiny-Instruct", "someone/Adapter", CPU)
    assert pair[0].model is pair[1].model
    assert pair[0].revision == below
    assert pair[1].revision == f"{below}+{above}"
    hub.repository("unsloth/Tiny-Instruct", base)
    named = load_models(["someone/Adapter"], CPU)[0]
    prompt = named.prepare(tiny.ASK, None)
    assert named.generate(prompt, tiny.GREEDY).ids == pair[1].generate(prompt, tiny.GREEDY).ids
