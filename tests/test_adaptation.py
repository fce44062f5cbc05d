"""A model fits a changed run better after an adaptation, and says so only when it is true."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from spi_viewer.adaptation import AS_TRAINED, HEAD, NORMS, adapt_model, adapting, repeated_splits
from spi_viewer.adaptation.adapting import _parts
from spi_viewer.adaptation.batch_norms import with_adapted_norms
from spi_viewer.adaptation.choice import even_rule
from spi_viewer.adaptation.embedding import embed
from spi_viewer.adaptation.few_shot_head import FewShotHead, fit_head, with_head
from spi_viewer.adaptation.hold_out import hold_out_figures
from spi_viewer.adaptation.networks_for_run import networks_for_run
from spi_viewer.errors import LabelError, ModelError
from spi_viewer.frames import DecisionRule, FrameClass
from spi_viewer.labelled_frames import BAD_OF_SOME_KIND, LabelledFrames, labelled_runs
from spi_viewer.networks.architectures import build_network
from spi_viewer.networks.calibration import probabilities
from spi_viewer.networks.checkpoint import Model, load_model, save_model
from spi_viewer.networks.classifier import Classifier
from spi_viewer.networks.familiarity import fit_familiarity
from spi_viewer.networks.model_card import ModelCard
from spi_viewer.networks.resnet import ResNetConfig
from spi_viewer.preprocessing.network_input import InputKind, network_input
from spi_viewer.sources import reader_process
from spi_viewer.sources.local_reader import LocalReader

CONFIGS = [
    ResNetConfig(1, 1),
    ResNetConfig(1, 1, global_pool=True),
    ResNetConfig(1, 1, own_share=0.5),
    ResNetConfig(1, 1, autocorrelation=True),
]
EVENTS = 24


def network_of(config):
    torch.manual_seed(0)
    network = build_network(config).eval()
    torch.nn.init.normal_(network.fc.weight, std=0.05)
    return network


def inputs(frames: int = 12) -> list[torch.Tensor]:
    return list(torch.randn(frames, 3, 128, 128, generator=torch.manual_seed(1)).split(5))


@pytest.fixture
def old_model(tmp_path: Path) -> Path:
    network = network_of(CONFIGS[0])
    save_model(tmp_path / "old", Model(network, ModelCard("old", network.config)))
    return tmp_path / "old"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Rings are good and stripes are bad, each event in two views."""
    monkeypatch.setattr(reader_process, "ReaderProcess", lambda timeout_s: LocalReader())
    axis = np.arange(64) - 31.5
    ring = 8 * (1 + np.cos(np.hypot(axis[:, None], axis)))
    stripe = np.broadcast_to(8 * (1 + np.cos(axis)), (64, 64))
    random = np.random.default_rng(0)
    good = np.arange(EVENTS) % 2 == 0
    rates = [ring if one else stripe for one in np.repeat(good, 2)]
    path = tmp_path / "run.h5"
    with h5py.File(path, "w") as file:
        pixels = random.poisson(rates).astype(np.uint16)
        file.create_dataset("/entry_1/data_1/data", data=pixels, chunks=(1, 64, 64))
        names = [f"e:1:{number // 2}".encode() for number in range(2 * EVENTS)]
        file["entry_1/experiment_identifier"] = names
        file["labels/class"] = np.repeat(good, 2).astype(np.int8)
        file["labels/class"].attrs["names"] = "0 bad, 1 single"
    return path


@pytest.fixture
def labels(run: Path) -> LabelledFrames:
    return labelled_runs([run], bad_of_some_kind=True)


@pytest.mark.parametrize("config", CONFIGS)
def test_a_head_is_folded_into_the_network_exactly(config):
    network, x = network_of(config), inputs()
    before = embed(network, x)
    random = np.random.default_rng(2)
    head = FewShotHead(1.5, random.normal(size=(4, network.feature_count)), random.normal(size=4))
    after = embed(with_head(network, head), x)
    np.testing.assert_allclose(after.logits, head.logits(before), atol=1e-4)
    np.testing.assert_array_equal(embed(network, x).logits, before.logits)  # the old one stays


@pytest.mark.parametrize("config", CONFIGS)
def test_norms_without_a_prior_make_every_norm_standardise_the_run(config):
    network, x = network_of(config), inputs()
    adapted = with_adapted_norms(network, x, prior_frames=0)
    seen = {}
    for name, norm in adapted.named_modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.register_forward_hook(
                lambda _, __, out, name=name: seen.update({name: out.clone()})
            )
    with torch.no_grad():
        adapted.forward_features(torch.cat(x))
    assert len(seen) >= 5
    for out in seen.values():
        torch.testing.assert_close(
            out.mean((0, 2, 3)), torch.zeros(out.shape[1]), atol=1e-3, rtol=0
        )
    assert not any(module.training for module in adapted.modules())


def test_few_frames_move_the_norms_little():
    network = network_of(CONFIGS[0])
    means = [
        with_adapted_norms(network, inputs(frames), prior_frames=64).block32[0].bn1.running_mean
        for frames in (2, 60)
    ]
    assert 0 < means[0].abs().mean() < 0.2 * means[1].abs().mean()
    assert torch.equal(with_adapted_norms(network, []).bn.running_mean, network.bn.running_mean)


def test_a_doubtful_frame_counts_in_the_norms_as_often_as_any_other():
    once = network_of(CONFIGS[0])
    again = network_of(dataclasses.replace(CONFIGS[0], second_look=True))  # doubts everything
    shown = inputs(12)
    for one, other in zip(
        with_adapted_norms(once, shown).buffers(),
        with_adapted_norms(again, shown).buffers(),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_a_handful_of_frames_that_were_told_right_prove_little():
    good = np.array([True, True, True, False, False, False])
    figures = hold_out_figures(good.astype(float), good, np.arange(6), 0.5)
    assert figures["balanced_accuracy"] == 1.0
    for name in ("balanced_accuracy_95", "false_negatives_95", "false_positives_95"):
        low, high = figures[name]
        assert high - low > 0.2


def test_the_figures_are_those_of_the_model_that_is_written(run, labels, tmp_path):
    """Also where the new head makes other frames doubtful than the old one did."""
    network = network_of(dataclasses.replace(CONFIGS[0], second_look=True))
    save_model(tmp_path / "old", Model(network, ModelCard("old", network.config)))
    found = adapt_model(tmp_path / "old", [run], tmp_path / "new", labels=labels)
    assert found.kept == HEAD
    new = load_model(tmp_path / "new")
    judged = found.figures[HEAD]
    rule, temperature = new.card.rule, new.card.temperature
    _, rows = _parts(labels, None, 0)
    x = network_input(labels.counts[rows], labels.valid[rows], new.card.input_kind)
    with torch.inference_mode():
        p_good = probabilities(new.network.eval()(x).numpy(), temperature)[:, FrameClass.SINGLE]
    expected = hold_out_figures(p_good, labels.is_good[rows], labels.event[rows], rule.threshold)
    assert judged == expected


def test_the_run_s_frames_come_from_the_dataset_that_is_labelled(old_model, run, tmp_path):
    with h5py.File(run, "a") as file:
        file["other/data"] = np.zeros((40, 64, 64), np.uint16)
    seen = []
    reader = LocalReader.read_batch

    def noted(self, path, dataset, *args):
        seen.append(dataset)
        return reader(self, path, dataset, *args)

    lines = [f"/entry_1/data_1/data,{n},{'good' if n % 4 < 2 else 'bad'}" for n in range(48)]
    table = tmp_path / "t.csv"
    table.write_text("dataset,frame,label\n" + "\n".join(lines))
    labels = labelled_runs([run], table, bad_of_some_kind=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalReader, "read_batch", noted)
        adapt_model(old_model, [run], tmp_path / "new", labels=labels)
    assert set(seen) == {"/entry_1/data_1/data"}


def test_a_head_needs_labels_to_leave_the_old_one():
    frames = embed(network_of(CONFIGS[0]), inputs(16))
    classes = np.array([FrameClass.SINGLE, BAD_OF_SOME_KIND] * 8)
    loose, firm, none = (fit_head(frames, classes, ridge) for ridge in (0.1, 1e4, math.inf))
    right = (loose.logits(frames).argmax(1) == FrameClass.SINGLE) == (classes == FrameClass.SINGLE)
    assert right.all()
    assert 0 < np.abs(firm.weight).max() < 0.01 * np.abs(loose.weight).max()
    assert not none.weight.any()


def test_labels_improve_a_model_on_labels_that_it_did_not_see(old_model, run, labels, tmp_path):
    before = (old_model / "weights.safetensors").read_bytes()
    outcome = adapt_model(old_model, [run], tmp_path / "new", labels=labels, per_class=6)
    assert outcome.kept == HEAD
    assert outcome.labels == 12
    accuracy = {kind: one["balanced_accuracy"] for kind, one in outcome.figures.items()}
    assert accuracy[HEAD] > 0.95 > accuracy[AS_TRAINED]
    assert outcome.figures[HEAD]["good"] + outcome.figures[HEAD]["bad"] == 2 * EVENTS - 12
    assert (old_model / "weights.safetensors").read_bytes() == before
    card = load_model(tmp_path / "new").card
    assert card.figures["adaptation"]["hold_out"].keys() == {AS_TRAINED, NORMS, HEAD}
    assert card.training["adaptation"]["adapted_from"]["name"] == "old"
    judge = Classifier.load(tmp_path / "new", "cpu")
    p_good = judge.classify(labels.counts.numpy(), labels.valid.numpy()).probabilities[:, 0]
    assert ((p_good >= judge.rule.threshold) == labels.is_good).mean() > 0.95
    with pytest.raises(ModelError, match="another folder"):
        adapt_model(old_model, [run], tmp_path / "new")


@pytest.mark.parametrize("kind", [AS_TRAINED, NORMS])
def test_a_run_is_familiar_to_a_head_on_either_network(kind):
    """Frames unlike any that the network was trained on, as all of a new sample are."""
    network = network_of(CONFIGS[0])
    counts = torch.poisson(torch.rand(32, 128, 128, generator=torch.manual_seed(2)) * 9)
    valid = torch.ones_like(counts, dtype=torch.bool)
    known = fit_familiarity(torch.rand(200, 64), torch.arange(200) % 4)
    known = dataclasses.replace(known, limit=torch.tensor(1e-3))
    model = Model(network, ModelCard("old", network.config), None, known)
    adapted = networks_for_run(model, counts, valid, torch.device("cpu")).models[kind]
    x = network_input(counts, valid, InputKind.PER_IMAGE)
    with torch.inference_mode():
        maps = adapted.network.forward_features(x)
    assert known.is_unfamiliar(maps).all()
    assert adapted.familiarity.is_unfamiliar(maps).float().mean() < 0.1


def test_a_model_that_nothing_improves_stays_the_only_one(old_model, run, labels, tmp_path):
    old = load_model(old_model)
    said = Classifier.load(old_model, "cpu").classify(labels.counts.numpy(), labels.valid.numpy())
    p_good = said.probabilities[:, FrameClass.SINGLE]
    threshold = float(np.median(p_good))
    old.card.rule = DecisionRule(threshold, threshold / 2, (1 + threshold) / 2)
    save_model(old_model, old)
    agreed = torch.as_tensor(np.where(p_good >= threshold, 0, 1))
    flattering = dataclasses.replace(labels, frame_class=agreed)
    outcome = adapt_model(old_model, [run], tmp_path / "new", labels=flattering, per_class=6)
    assert outcome.kept == AS_TRAINED
    assert outcome.figures[AS_TRAINED]["balanced_accuracy"] > 0.9
    assert not (tmp_path / "new").exists()


def test_a_run_without_labels_gives_its_norms_unjudged(old_model, run, tmp_path):
    outcome = adapt_model(old_model, [run], tmp_path / "new")
    assert (outcome.kept, outcome.figures) == (NORMS, {})
    old, new = load_model(old_model), load_model(tmp_path / "new")
    assert new.card.rule == old.card.rule
    assert torch.equal(new.network.fc.weight, old.network.fc.weight)
    assert not torch.equal(new.network.bn.running_mean, old.network.bn.running_mean)


def test_too_few_labels_to_judge_on_are_refused(old_model, run, labels, tmp_path):
    few = labels.select(np.array([0, 1, 2, 3]))  # one event of each kind
    with pytest.raises(LabelError, match="too few labels"):
        adapt_model(old_model, [run], tmp_path / "new", labels=few)
    assert not (tmp_path / "new").exists()


def test_repeated_splits_report_all_three(old_model, labels):
    summary = repeated_splits(load_model(old_model), labels, per_class=5, repeats=2)
    assert summary[HEAD]["mean"] > summary[AS_TRAINED]["mean"]
    low, high = summary[HEAD]["central_95"]
    assert low <= summary[HEAD]["mean"] <= high
    assert (summary["labels"], summary["repeats"]) == (10, 2)


def test_norms_cost_no_more_for_a_long_run(old_model, labels, monkeypatch):
    seen = []

    def note(model, counts, valid, device):
        seen.append(len(counts))
        return networks_for_run(model, counts, valid, device)

    monkeypatch.setattr(adapting, "networks_for_run", note)
    monkeypatch.setattr(adapting, "RUN_FRAMES", 20)
    assert len(labels) > 20
    summary = repeated_splits(load_model(old_model), labels, per_class=5, repeats=1)
    assert seen == [20]
    assert summary["judged_frames"] > 0


def test_views_of_one_event_do_not_make_an_interval_narrower():
    random = np.random.default_rng(0)
    p_good, is_good = random.random(30), np.arange(30) % 2 == 0
    alone = hold_out_figures(p_good, is_good, np.arange(30), 0.5)
    views = hold_out_figures(p_good.repeat(4), is_good.repeat(4), np.arange(30).repeat(4), 0.5)
    assert views["balanced_accuracy"] == alone["balanced_accuracy"]
    for one, other in zip(
        views["balanced_accuracy_95"], alone["balanced_accuracy_95"], strict=True
    ):
        assert one == pytest.approx(other, abs=0.05)


def test_even_odds_stay_unless_the_labels_clearly_say_otherwise():
    good = np.arange(40) % 2 == 0
    assert even_rule(np.where(good, 0.7, 0.2), good).threshold == 0.5
    assert 0.1 < even_rule(np.where(good, 0.3, 0.1), good).threshold < 0.3
