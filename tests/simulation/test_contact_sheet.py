import numpy as np
import pytest
import torch

from spi_viewer.errors import SpiViewerError
from spi_viewer.frames import FrameClass
from spi_viewer.simulation.contact_sheet import ContactSheet
from spi_viewer.simulation.contact_sheet_figure import coloured, draw_contact_sheet
from spi_viewer.simulation.non_sample import KINDS
from spi_viewer.simulation.recipe import Recipe

RECIPE = Recipe(("sphere", "core_shell"), 768, seed=2, detectors=("pnccd-far", "agipd"), side_px=64)


@pytest.fixture(scope="module")
def pieces():
    return list(RECIPE.pieces())


def filled(pieces, **wishes):
    sheet = ContactSheet(RECIPE, **wishes)
    for piece in pieces:
        sheet.add(piece)
    return sheet


def test_by_kind_there_is_a_row_for_all_that_the_beam_may_hit(pieces):
    sheet = filled(pieces, columns=3)
    assert list(sheet.rows) == ["single", "multi", *KINDS, "blank"]
    assert all(len(pictures) == 3 for pictures in sheet.rows.values())
    assert sheet.is_full
    for key, pictures in sheet.rows.items():
        for picture in pictures:
            assert picture.lines[0].startswith(
                key if key in ("single", "multi", "blank") else f"non-sample: {key}"
            )


def test_by_family_a_row_shows_single_and_multiple_hits_side_by_side(pieces):
    sheet = filled(pieces, rows_by="family", columns=4)
    assert sheet.titles == {"sphere": "sphere", "core_shell": "core shell"}
    for key, pictures in sheet.rows.items():
        classes = [picture.frame_class for picture in pictures]
        assert classes == [FrameClass.SINGLE] * 2 + [FrameClass.MULTI] * 2
        assert all(sheet.titles[key] in picture.lines[0] for picture in pictures)


def test_by_detector_a_row_shows_all_classes(pieces):
    sheet = filled(pieces, rows_by="detector", columns=6)
    assert list(sheet.rows) == ["pnccd-far", "agipd"]
    for key, pictures in sheet.rows.items():
        assert [int(picture.frame_class) for picture in pictures] == [0, 0, 1, 1, 2, 3]
        assert all(picture.lines[2].startswith(key) for picture in pictures)


def test_a_picture_is_the_frame_of_the_set_that_its_number_says(pieces):
    whole = torch.cat([piece.counts for piece in pieces]).numpy()
    photons = torch.cat([piece.photons for piece in pieces])
    for pictures in filled(pieces).rows.values():
        for picture in pictures:
            assert np.array_equal(picture.counts, whole[picture.frame])
            assert picture.lines[2].split("; ")[0].endswith(f", frame {picture.frame}")
            if picture.frame_class != FrameClass.BLANK:
                assert f"{photons[picture.frame]:,.0f} photons" in picture.lines[1]


def test_classes_that_are_not_drawn_get_no_place():
    singles = Recipe(("rod",), 40, weights={FrameClass.SINGLE: 1.0}, side_px=64)
    for rows_by in ("kind", "family", "detector"):
        sheet = ContactSheet(singles, rows_by, 5)
        for piece in singles.pieces():
            sheet.add(piece)
        assert [len(pictures) for pictures in sheet.rows.values()] == [5]


def test_a_sheet_is_not_full_before_all_its_places_are(pieces):
    sheet = ContactSheet(RECIPE, columns=8)
    assert not sheet.is_full
    sheet.add(pieces[0].select(torch.arange(10)))
    assert not sheet.is_full
    assert sheet.frames_seen == 10
    assert sheet.picture_count <= 10


def test_large_frames_are_binned_and_keep_their_photons():
    recipe = Recipe(("disc",), 2, seed=1, weights={FrameClass.SINGLE: 1.0}, side_px=256)
    sheet = ContactSheet(recipe)
    piece = next(recipe.pieces())
    sheet.add(piece)
    picture = sheet.rows["single"][0]
    assert picture.counts.shape == picture.valid.shape == (128, 128)
    assert picture.counts.sum() == pytest.approx(piece.counts[0].sum().item(), rel=1e-4)


def test_rows_that_there_are_not_are_refused_with_those_there_are():
    with pytest.raises(SpiViewerError, match="kind, family, detector"):
        ContactSheet(RECIPE, "colour")


def test_brighter_pixels_look_brighter_and_masked_ones_grey():
    counts = np.add.outer(np.arange(64.0), np.zeros(64)) ** 2
    valid = np.ones((64, 64), bool)
    valid[:, 10] = False
    light = coloured(counts, valid).sum(-1)
    assert (np.diff(light[5:60, 0]) > 0).all()
    assert np.ptp(light[:, 10]) == 0


def test_one_hot_pixel_does_not_darken_the_frame():
    counts = np.add.outer(np.arange(64.0), np.zeros(64))
    plain = coloured(counts, np.ones((64, 64), bool))
    counts[3, 3] = 1e6
    hot = coloured(counts, np.ones((64, 64), bool))
    assert abs(hot - plain)[5:].max() < 0.1


@pytest.mark.parametrize("value", [0.0, -3.0, np.nan, np.inf])
def test_frames_without_light_can_be_drawn(value):
    for valid in (True, False):
        image = coloured(np.full((64, 64), value), np.full((64, 64), valid))
        assert np.isfinite(image).all()


def test_the_sheet_names_rows_frames_and_what_is_missing(pieces):
    sheet = ContactSheet(RECIPE, columns=4)
    sheet.add(pieces[0].select(torch.arange(12)))
    figure = draw_contact_sheet(sheet, RECIPE.title())
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert RECIPE.title() in texts
    for key, pictures in sheet.rows.items():
        assert key in texts
        for picture in pictures:
            assert set(picture.lines) <= set(texts)
    assert texts.count("none in 12\nframes") == 8 * 4 - sheet.picture_count
    assert len(figure.axes[0].images) == sheet.picture_count
