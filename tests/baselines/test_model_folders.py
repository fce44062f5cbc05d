"""Every kind is loaded from its folder by one function, and every fault in a folder is named."""

import hashlib
import json
import pickle
import shutil
import threading

import numpy as np
import pytest
import safetensors.torch
import torch

from spi_viewer.classifiers import KINDS, load_classifier
from spi_viewer.errors import ModelError

BASELINES = ("vgg16", "diffusion_map", "lit_pixels")


@pytest.fixture(params=BASELINES)
def kind(request):
    return request.param


@pytest.fixture
def folder(kind, fitted, tmp_path):
    """A folder of the kind that may be damaged."""
    return shutil.copytree(fitted(kind), tmp_path / kind)


def change_card(folder, **changes):
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**card, **changes}))


def replace_weights(folder, content):
    """New weights with the right checksum, so that only what is inside can be at fault."""
    (folder / "weights.safetensors").write_bytes(content)
    change_card(folder, weights_sha256=hashlib.sha256(content).hexdigest())


def change_tensors(folder, change):
    tensors = safetensors.torch.load((folder / "weights.safetensors").read_bytes())
    change(tensors)
    replace_weights(folder, safetensors.torch.save(tensors))


def flip_a_byte(folder):
    path = folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def stretch_one(tensors):
    name = max(tensors, key=lambda name: tensors[name].numel())
    tensors[name] = torch.cat([tensors[name], tensors[name]], -1)


def test_the_card_says_what_it_is_and_how_it_was_made(kind, folder):
    card = json.loads((folder / "model.json").read_text())
    assert card["kind"] == kind
    assert card["name"] == f"toy-{kind}"
    assert card["classes"] == ["single", "multi", "non-sample", "blank"]
    assert card["training"]["frames"] == 96
    assert set(card["rule"]) == {"threshold", "unsure_low", "unsure_high"}
    assert sorted(p.name for p in folder.iterdir()) == ["model.json", "weights.safetensors"]


def test_each_kind_is_a_classifier_like_the_networks(kind, folder, toy_batch):
    classifier = load_classifier(folder, "cpu")
    card = json.loads((folder / "model.json").read_text())
    assert (classifier.name, classifier.model_hash) == (f"toy-{kind}", card["weights_sha256"])
    assert classifier.device_name == "CPU"
    assert classifier.rule.threshold == card["rule"]["threshold"]
    batch = toy_batch(60)
    counts, valid = batch.counts.numpy(), batch.valid.numpy()
    answer = classifier.classify(counts, valid)
    assert answer.probabilities.dtype == np.float32
    assert answer.probabilities.sum(1) == pytest.approx(1, abs=1e-5)
    assert answer.out_of_distribution.shape == (32,)
    reasons = classifier.explain(counts[0], valid[0])
    assert reasons.probabilities == pytest.approx(answer.probabilities[0], abs=1e-4)
    assert reasons.network_input.shape == (3, 128, 128)
    classifier.set_threshold(0.99)
    assert classifier.rule.threshold == 0.99


def test_no_frames_and_wrong_shapes(folder):
    classifier = load_classifier(folder, "cpu")
    none = np.zeros((0, 128, 128), np.float32)
    answer = classifier.classify(none, none.astype(bool))
    assert answer.probabilities.shape == (0, 4)
    assert answer.out_of_distribution.shape == (0,)
    with pytest.raises(ValueError, match="128"):
        classifier.classify(np.zeros((1, 64, 64), np.float32), np.ones((1, 64, 64), bool))


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, 1e38])
def test_frames_without_a_pattern_get_finite_answers(folder, value):
    classifier = load_classifier(folder, "cpu")
    counts = np.full((2, 128, 128), value, np.float32)
    valid = np.stack([np.ones((128, 128), bool), np.zeros((128, 128), bool)])
    assert np.isfinite(classifier.classify(counts, valid).probabilities).all()


def test_several_threads_get_the_same_answers(folder, toy_batch):
    classifier = load_classifier(folder, "cpu")
    batch = toy_batch(60, frames=8)
    counts, valid = batch.counts.numpy(), batch.valid.numpy()
    answers = []

    def judge():
        answers.append(classifier.classify(counts, valid).probabilities)

    threads = [threading.Thread(target=judge) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert all(np.allclose(answer, answers[0], atol=1e-5) for answer in answers)


FAULTS = {
    "cannot be read": [
        lambda f: (f / "weights.safetensors").unlink(),
        lambda f: (f / "model.json").unlink(),
    ],
    "checksum": [flip_a_byte],
    "not a safetensors file": [
        lambda f: replace_weights(f, pickle.dumps({"weight": 1})),
        lambda f: replace_weights(f, b""),
    ],
    "not a model card": [
        lambda f: change_card(f, format=99),
        lambda f: change_card(f, config={"nonsense": 1}),
        lambda f: change_card(f, config=None),
        lambda f: change_card(f, rule={"threshold": 2}),
        lambda f: change_card(f, classes=["good", "bad"]),
    ],
    "does not fit": [
        lambda f: change_tensors(f, lambda t: t.pop(min(t))),
        lambda f: change_tensors(f, lambda t: t.update({"more": torch.zeros(1)})),
        lambda f: change_tensors(f, stretch_one),
        lambda f: change_tensors(f, lambda t: t.update({min(t): t[min(t)].double()})),
    ],
    "not finite": [
        lambda f: change_tensors(f, lambda t: t[min(t)].fill_(torch.nan)),
    ],
    "which this program does not know": [lambda f: change_card(f, kind="oracle")],
}


@pytest.mark.parametrize(
    ("cause", "damage"), [(cause, damage) for cause in FAULTS for damage in FAULTS[cause]]
)
def test_every_fault_is_refused_with_the_folder_and_the_cause(folder, cause, damage):
    damage(folder)
    with pytest.raises(ModelError, match=cause) as refused:
        load_classifier(folder, "cpu")
    assert str(folder) in str(refused.value)


def test_a_folder_of_another_kind_does_not_pass(fitted, tmp_path):
    folder = shutil.copytree(fitted("lit_pixels"), tmp_path / "disguised")
    change_card(folder, kind="diffusion_map")
    with pytest.raises(ModelError, match="not a model card"):
        load_classifier(folder, "cpu")


@pytest.mark.parametrize("shares", [[0.5, 0.5, 0.5], [1.5, -0.5, 0.0]])
def test_shares_that_are_no_probabilities_are_refused(fitted, tmp_path, shares):
    folder = shutil.copytree(fitted("lit_pixels"), tmp_path / "lit")
    change_tensors(folder, lambda t: t.update(shares=torch.tensor(shares)))
    with pytest.raises(ModelError, match="shares must add up to 1"):
        load_classifier(folder, "cpu")


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.update(widths=t["widths"][:-1].clone()),
        lambda t: t["widths"].fill_(0),
        lambda t: t["votes"].fill_(-1),
        lambda t: t.update(width=torch.tensor(0.0)),
    ],
)
def test_a_map_that_cannot_be_walked_is_refused(fitted, tmp_path, change):
    folder = shutil.copytree(fitted("diffusion_map"), tmp_path / "map")
    change_tensors(folder, change)
    with pytest.raises(ModelError, match="does not fit"):
        load_classifier(folder, "cpu")


def test_an_unknown_device_is_refused(folder):
    with pytest.raises(ModelError, match="auto, cpu or cuda"):
        load_classifier(folder, "nonsense")


def test_every_baseline_is_a_known_kind():
    assert set(BASELINES) < set(KINDS)
