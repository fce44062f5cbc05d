"""Who tells whom: every signal of the window and every deed of its actions, in two tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PyQt5.QtCore import Qt

from spi_viewer.frames import OperatorLabel

if TYPE_CHECKING:
    from spi_viewer.gui.main_window import MainWindow


def connect_views(window: MainWindow) -> None:
    """Siblings never talk: what one view says, another hears here."""
    bridge, follow, decisions = window.bridge, window.follow, window.decisions
    states, preferences = window.states, window.preferences
    grid, pattern = window.grid, window.pattern
    for signal, *slots in (
        # what the workers did
        (bridge.status_changed, window.strip.show_status, window.sources.show_status),
        (bridge.status_changed, window.opener.offer_choices),
        (bridge.status_changed, lambda _status: window.show_idle_reason()),
        (bridge.status_changed, states.show_judging_again, window.shown.inspect_once_judged_again),
        (bridge.rows_changed, grid.refresh, states.show_labels, window.show_idle_reason),
        (bridge.counts_due, window.figures.show_counts, window.shown.inspect_by_new_rule),
        (bridge.charts_due, window.figures.show_charts, window.embedding.refresh),
        (bridge.inspection_changed, pattern.show_inspection),
        (pattern.inspection_drawn, window.shown.explain),
        (bridge.ticked, follow.look),
        # which frame is shown
        (follow.row_wanted, window.inspector.request, window.embedding.show_row),
        (follow.row_wanted, window.shown.await_row),
        (window.shown.waits, pattern.show_waiting),
        (follow.unjudged_wanted, window.inspector.request),
        (follow.following_changed, states.show_following, window.badge.show_following),
        (window.badge.following_requested, follow.set_following),
        (window.counts.row_chosen, follow.choose, grid.select_row),
        (window.embedding.row_chosen, follow.choose, grid.select_row),
        (window.embedding.rows_chosen, window.choose_rows),
        (grid.current_row_changed, follow.choose),
        (window.film.playing_changed, states.show_playing),
        (grid.newest_requested, lambda: follow.set_following(True)),
        # which runs there are
        (window.sources.open_requested, window.opener.ask_for_files),
        (window.sources.watch_requested, window.opener.ask_for_folder),
        (window.sources.demo_requested, window.opener.start_demo),
        (window.sources.run_selected, window.select_run),
        (window.sources.close_run_requested, decisions.stop_run),
        (window.opener.opened, window.select_run),
        (window.opener.refused, window.say),
        # what the operator decides
        (grid.labels_changed, states.show_labels),
        (grid.export_requested, window.export),
        (pattern.crop_changed, decisions.set_crop),
        (window.scores.rule_changed, decisions.set_rule),
        (window.activation.label_requested, decisions.decide),
        (decisions.said, window.say),
        (decisions.labels_changed, states.show_labels),
        (decisions.rule_changed, window.strip.show_rule),
        (states.said, window.say),
        # what the operator prefers
        (preferences.theme_changed, states.show_theme),
        (preferences.thumbnail_size_chosen, grid.view.set_picture_px),
        (preferences.said, window.say),
        # how it is drawn
        (pattern.colour_map_changed, grid.set_colour_map),
        (window.activation.activation_class_changed, pattern.set_activation_class),
    ):
        for slot in slots:
            signal.connect(slot)
    # In an event of its own: painted with the pattern, all would hold the window up together.
    pattern.inspection_drawn.connect(window.shown.describe, Qt.QueuedConnection)


def connect_actions(window: MainWindow) -> None:
    """What each action of the menus does."""
    decisions, dialogs, opener, grid = (
        window.decisions, window.dialogs, window.opener, window.grid,
    )  # fmt: skip
    deeds: dict[str, Callable[[], object]] = {
        "open": opener.ask_for_files,
        "watch": opener.ask_for_folder,
        "demo": opener.start_demo,
        "stop_run": decisions.stop_selected_run,
        "export": window.export,
        "adapt": window.adapt,
        "settings": lambda: dialogs.edit_settings(window.preferences.use),
        "quit": window.close,
        "label_good": lambda: decisions.decide(OperatorLabel.GOOD),
        "label_bad": lambda: decisions.decide(OperatorLabel.BAD),
        "label_none": lambda: decisions.decide(OperatorLabel.NONE),
        "undo": decisions.undo,
        "redo": decisions.redo,
        "previous": lambda: grid.step(-1),
        "next": lambda: grid.step(1),
        "next_unsure": grid.next_unsure,
        "all_runs": lambda: window.select_run(None),
        "reset_layout": window.reset_layout,
        "keys": window.show_keys,
        "guide": dialogs.show_guide,
        "about": dialogs.show_about,
    }
    for name, deed in deeds.items():
        window.actions_by_name[name].triggered.connect(lambda _checked, deed=deed: deed())
    states: dict[str, Callable[[bool], object]] = {
        "play": window.film.set_playing,
        "judge_again": decisions.judge_selected_again,
        "follow": window.follow.set_following,
        "follow_good": window.follow.set_only_good,
        "light": lambda light: window.preferences.wear("light" if light else "dark"),
        "full_screen": lambda full: window.showFullScreen() if full else window.showNormal(),
    }
    for name, use in states.items():
        window.actions_by_name[name].triggered.connect(use)
