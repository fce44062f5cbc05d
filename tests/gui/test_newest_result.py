"""Only the newest request matters, and no thread outlives its work."""

import threading

from PyQt5.QtCore import QThreadPool

from spi_viewer.gui.newest_result import NewestResult


def test_a_result_arrives_on_the_gui_thread(qtbot):
    newest = NewestResult()
    threads = []
    newest.ready.connect(lambda _result: threads.append(threading.current_thread()))
    with qtbot.waitSignal(newest.ready) as signal:
        newest.request(lambda: 7)
    assert signal.args == [7]
    assert threads == [threading.main_thread()]


def test_requests_between_are_skipped(qtbot):
    newest, gate, results, runs = NewestResult(), threading.Event(), [], []
    newest.ready.connect(results.append)

    def work(number):
        runs.append(number)
        gate.wait(5)
        return number

    newest.request(lambda: work(0))
    qtbot.waitUntil(lambda: runs == [0])
    for number in range(1, 50):
        newest.request(lambda number=number: work(number))
    gate.set()
    qtbot.waitUntil(lambda: results == [0, 49])
    qtbot.waitUntil(lambda: newest.is_idle)


def test_a_deleted_receiver_harms_nobody(qtbot):
    gate, newest = threading.Event(), NewestResult()
    newest.request(lambda: gate.wait(5))
    newest.deleteLater()
    gate.set()
    assert QThreadPool.globalInstance().waitForDone(5000)


def test_a_fault_is_logged_and_the_next_request_is_answered(qtbot, caplog):
    newest = NewestResult()
    newest.request(lambda: 1 / 0)
    qtbot.waitUntil(lambda: newest.is_idle)
    with qtbot.waitSignal(newest.ready) as signal:
        newest.request(lambda: 7)
    assert signal.args == [7]
    assert "could not be worked out" in caplog.text


def test_what_waits_behind_a_fault_is_answered(qtbot):
    newest, begun, gate = NewestResult(), threading.Event(), threading.Event()

    def fail():
        begun.set()
        gate.wait(5)
        raise ValueError

    newest.request(fail)
    assert begun.wait(5)
    newest.request(lambda: 7)
    with qtbot.waitSignal(newest.ready) as signal:
        gate.set()
    assert signal.args == [7]
