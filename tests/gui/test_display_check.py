from __future__ import annotations

from spi_viewer.gui.display_check import missing_display


def _check(environment: dict[str, str], missing: tuple[str, ...] = (), answers: bool = True):
    return missing_display(
        environment,
        platform="linux",
        is_loadable=lambda library: library not in missing,
        is_reachable=lambda display: answers,
    )


def test_nothing_is_wrong_with_a_display_and_all_libraries() -> None:
    assert _check({"DISPLAY": ":0"}) is None


def test_without_a_display_it_says_so_and_points_to_classify() -> None:
    text = _check({})
    assert text is not None
    assert "DISPLAY" in text
    assert "spi-viewer classify" in text


def test_missing_libraries_are_named_by_their_packages() -> None:
    text = _check({"DISPLAY": ":0"}, ("libxcb-icccm.so.4", "libxkbcommon-x11.so.0", "libGL.so.1"))
    assert "libgl1 libxcb-icccm4 libxkbcommon-x11-0" in text


def test_a_display_that_does_not_answer_is_named() -> None:
    assert ":9" in _check({"DISPLAY": ":9"}, answers=False)


def test_the_offscreen_platform_needs_neither_display_nor_xcb() -> None:
    assert _check({"QT_QPA_PLATFORM": "offscreen"}, ("libxcb-icccm.so.4",)) is None


def test_other_systems_are_left_to_qt() -> None:
    assert missing_display({}, platform="darwin") is None
