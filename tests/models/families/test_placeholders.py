"""An answer that holds the sign for a picture can't be read again, in any family, and that is said."""

import numpy as np
import pytest
import torch

from tests.models.families import tiny_configs as tiny
from tests.models.families.every_family import EVERY, make
from tests.tiny import picture
from workbench.errors import UserFacing
from workbench.explain import gather_evidence
from workbench.models.answer import Answer
from workbench.models.forced import placeholder_in

IDS = (20, 21, 22)


@pytest.fixture(scope="module", params=EVERY)
def model(request, tmp_path_factory):
    return make(request.param, tmp_path_factory.mktemp(request.param) / "model")


def test_the_place_of_the_sign_is_named(model):
    prompt, sign = model.prepare(tiny.ASK, picture(90, 50)), model.model.config.image_token_id
    assert placeholder_in(prompt, IDS) is None
    assert placeholder_in(prompt, (*IDS, sign, sign)) == 3
    words = model.tokenizer.convert_ids_to_tokens(sign)
    with pytest.raises(UserFacing) as fault:
        model.teacher_force(prompt, (*IDS, sign))
    assert f"wrote {words} as token 4" in fault.value.message


def test_evidence_says_it_too_and_the_model_stays_usable(model):
    prompt = model.prepare(tiny.ASK, picture(90, 50))
    before = model.teacher_force(prompt, IDS).logprobs
    ids = (*IDS, model.model.config.image_token_id)
    answer = Answer(ids, "abcd", tuple((i, i + 1) for i in range(4)), (0.0,) * 4, "stop")
    with pytest.raises(UserFacing, match="holds a place for the picture"):
        gather_evidence(model, prompt, answer)
    assert np.array_equal(model.teacher_force(prompt, IDS).logprobs, before)
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in model.decoder.layers.modules())


def test_without_a_picture_the_sign_is_a_token_like_any_other(model):
    prompt = model.prepare(tiny.ASK, None)
    ids = (*IDS, model.model.config.image_token_id)
    forced = model.teacher_force(prompt, ids).logprobs
    assert np.isfinite(forced).all()
    with torch.inference_mode():
        inputs = model.family.extend(prompt.inputs, torch.tensor(ids[:-1]))
        last = model.model(**inputs).logits[0, -1].float().log_softmax(-1)[ids[-1]]
    assert forced[-1] == pytest.approx(float(last), abs=1e-4)
