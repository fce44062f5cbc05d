"""A model survives the disk, and every fault in its folder is named."""

import hashlib
import json
import pickle

import pytest
import safetensors.torch
import torch

from spi_viewer.errors import ModelError
from spi_viewer.frames import DecisionRule
from spi_viewer.networks.checkpoint import check_input_kind, load_model, save_model
from spi_viewer.networks.model_folder import save_figures
from spi_viewer.networks.resnet import ResNetConfig
from spi_viewer.preprocessing.network_input import InputKind, PixelStatistics


@pytest.fixture
def folder(tmp_path, untrained):
    save_model(tmp_path / "small", untrained)
    return tmp_path / "small"


def change_card(folder, **changes):
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**card, **changes}))


def replace_weights(folder, content: bytes):
    """New weights with the right checksum, so that only what is inside can be at fault."""
    (folder / "weights.safetensors").write_bytes(content)
    change_card(folder, weights_sha256=hashlib.sha256(content).hexdigest())


def change_tensors(folder, change):
    tensors = safetensors.torch.load((folder / "weights.safetensors").read_bytes())
    change(tensors)
    replace_weights(folder, safetensors.torch.save(tensors))


def test_a_saved_model_comes_back_with_the_same_scores_and_card(folder, untrained):
    untrained.card.rule = DecisionRule(0.7, 0.3, 0.9)
    untrained.card.figures = {"validation": {"accuracy": 0.5}}
    save_model(folder, untrained)
    loaded = load_model(folder)
    assert loaded.card == untrained.card
    assert not loaded.network.training
    frames = torch.randn(2, 3, 128, 128)
    assert torch.equal(loaded.network(frames), untrained.network(frames))
    assert torch.equal(loaded.familiarity.whitening, untrained.familiarity.whitening)


def test_a_model_folder_holds_two_files_and_no_remains(folder):
    assert sorted(p.name for p in folder.iterdir()) == ["model.json", "weights.safetensors"]


def test_per_pixel_statistics_travel_with_the_weights(tmp_path, untrained):
    from spi_viewer.networks.resnet import ResNet

    network = ResNet(ResNetConfig(n=1, m=1, in_channels=1))
    untrained.card.config, untrained.card.input_kind = network.config, InputKind.PER_PIXEL
    statistics = PixelStatistics(torch.rand(128, 128), torch.rand(128, 128))
    save_model(tmp_path, untrained._replace(network=network, pixel_statistics=statistics))
    assert torch.equal(load_model(tmp_path).pixel_statistics.std, statistics.std)
    save_model(tmp_path, untrained._replace(network=network))
    with pytest.raises(ModelError, match="lacks the pixel statistics"):
        load_model(tmp_path)


def test_figures_are_added_without_touching_the_weights(folder):
    save_figures(folder, {"test": {"accuracy": 1.0}})
    save_figures(folder, {"other": 2})
    assert load_model(folder).card.figures == {"test": {"accuracy": 1.0}, "other": 2}


def delete_card(folder):
    (folder / "model.json").unlink()


def delete_weights(folder):
    (folder / "weights.safetensors").unlink()


def flip_a_byte(folder):
    path = folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def truncate(folder):
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


FAULTS = {
    "cannot be read": [delete_card, delete_weights],
    "checksum": [flip_a_byte, truncate],
    "not a safetensors file": [
        lambda f: replace_weights(f, pickle.dumps({"conv.weight": 1})),
        lambda f: replace_weights(f, b""),
        lambda f: replace_weights(f, b"\xff" * 64),
        lambda f: replace_weights(f, (f / "weights.safetensors").read_bytes()[:-100]),
    ],
    "not JSON": [
        lambda f: (f / "model.json").write_text("{"),
        lambda f: (f / "model.json").write_bytes(b"\x89PNG\xff"),
        lambda f: (f / "model.json").write_text("[" * 100_000),
    ],
    "not a model card": [
        lambda f: (f / "model.json").write_text("[]"),
        lambda f: (f / "model.json").write_text("{}"),
        lambda f: change_card(f, format=99),
        lambda f: change_card(f, classes=["good", "bad"]),
        lambda f: change_card(f, config={"n": 1, "m": 1, "layers": 3}),
        lambda f: change_card(f, config={"n": 10**9, "m": 1}),
        lambda f: change_card(f, config={"n": 0, "m": 1}),
        lambda f: change_card(f, config={"n": "1", "m": 1}),
        lambda f: change_card(f, config={"n": 1, "m": 1, "dropout": None}),
        lambda f: change_card(f, config={"n": 1, "m": 1, "in_channels": 10**9}),
        lambda f: change_card(f, input_kind="per_frame"),
        lambda f: change_card(f, temperature=0),
        lambda f: change_card(f, temperature="NaN"),
        lambda f: change_card(f, temperature=10**400),
        lambda f: change_card(f, config={"n": 1, "m": 1, "in_channels": 3.0}),
        lambda f: change_card(f, config={"n": 1, "m": 1, "class_count": 4.0}),
        lambda f: change_card(f, rule={"threshold": 2}),
        lambda f: change_card(f, rule={"threshold": "nan"}),
        lambda f: change_card(f, rule=[]),
        lambda f: change_card(f, figures=3),
    ],
    "does not fit": [
        lambda f: change_card(f, config={"n": 2, "m": 1}),
        lambda f: change_card(f, config={"n": 1, "m": 1, "global_pool": True}),
        lambda f: change_tensors(f, lambda t: t.pop("network.fc.bias")),
        lambda f: change_tensors(f, lambda t: t.update({"network.more": torch.zeros(1)})),
        lambda f: change_tensors(f, lambda t: t.update({"network.fc.bias": torch.zeros(5)})),
        lambda f: change_tensors(
            f, lambda t: t.update({"network.fc.bias": torch.zeros(4, dtype=torch.float64)})
        ),
        lambda f: change_tensors(f, lambda t: t.update({"familiarity.means": torch.zeros(4, 3)})),
    ],
    "lacks familiarity.limit": [
        lambda f: change_tensors(f, lambda t: t.pop("familiarity.limit")),
    ],
    "not finite": [
        lambda f: change_tensors(f, lambda t: t["network.fc.bias"].fill_(float("nan"))),
    ],
    "unknown tensor": [
        lambda f: change_tensors(f, lambda t: t.update({"familiarity.more": torch.zeros(1)})),
        lambda f: change_tensors(f, lambda t: t.update({"elsewhere": torch.zeros(1)})),
    ],
}


@pytest.mark.parametrize(
    ("cause", "damage"), [(cause, damage) for cause in FAULTS for damage in FAULTS[cause]]
)
def test_every_fault_is_refused_with_the_folder_and_the_cause(folder, cause, damage):
    damage(folder)
    with pytest.raises(ModelError, match=cause) as refused:
        load_model(folder)
    assert str(folder) in str(refused.value)


def test_an_unknown_input_kind_is_refused_with_those_that_exist():
    assert check_input_kind("per_pixel") is InputKind.PER_PIXEL
    with pytest.raises(ModelError, match="per_image, per_pixel"):
        check_input_kind("per_frame")


def test_saving_where_nothing_can_be_written_names_the_folder(tmp_path, untrained):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelError, match="cannot be written"):
        save_model(tmp_path / "file", untrained)
