import pytest

from ndd_app.pipeline.progress import FIRST_SECONDS, Pace


def forecasts(marks: list[tuple[float, int]], total: int | None = 100) -> list[float | None]:
    pace = Pace(began=1000.0)
    return [pace.seconds_left(done, total, 1000.0 + second) for second, done in marks]


def test_an_even_pace_tells_the_rest():
    assert forecasts([(2 * n, n) for n in range(1, 51)])[-1] == pytest.approx(100)


def test_the_first_seconds_tell_nothing():
    assert forecasts([(0, 1), (1, 20), (FIRST_SECONDS - 0.1, 50)]) == [None, None, None]


def test_what_was_done_before_and_passed_at_once_has_no_say():
    """A run that goes on: 60 of 100 photos come from the cache, the others take two seconds each."""
    *_, left = forecasts([(0, 1), (0.5, 60), *((2 * n, 60 + n) for n in range(1, 11))])
    assert left == pytest.approx(60)


def test_no_forecast_without_a_total_nor_from_one_item_nor_when_nothing_moves():
    assert forecasts([(10, 5), (20, 10)], total=None) == [None, None]
    assert forecasts([(30, 1)]) == [None]
    assert forecasts([(10, 50), (90, 50)])[-1] is None


def test_more_than_was_announced_is_not_less_than_nothing_left():
    assert forecasts([(5, 50), (10, 120)])[-1] == 0
