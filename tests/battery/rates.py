"""Slow fluctuations of firing rates, as gains with a long-run mean of 1.

A gain is exp(x - v/2): x is a fluctuation of the log rate with mean 0 and variance v. A stationary
gain has the mean 1 over infinite time, so that a unit's long-run rate is its base rate, exactly.
In a finite epoch the realised mean gain differs from 1: that difference is sampling error of the
epoch, not a change of the unit.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.special import i0

Floats = NDArray[np.float64]

HOUR = 3600.0
DAY = 24 * HOUR
# Time constants (s) of the sum of Ornstein-Uhlenbeck processes that is 1/f from 2 uHz to 16 mHz.
PINK_TAUS = 10.0 ** np.arange(1.0, 5.01, 0.5)
STATES = ("wake", "nrem", "rem")
# Rats by day are awake 24 %, in slow-wave sleep 67 %, in paradoxical sleep 9 % (Clancy et
# al. 1978, Physiol Behav 21:457); NREM episodes take 0.5 to 5 min (Trachsel, Tobler & Borbely 1988,
# doi:10.1152/ajpregu.1988.255.1.R27). The rest follows from which state comes after which.
STATE_BOUT = np.array([61.0, 150.0, 81.0])  # mean duration of a bout (s)
STATE_NEXT = np.array([[0.0, 1.0, 0.0], [0.75, 0.0, 0.25], [0.5, 0.5, 0.0]])  # to wake, NREM, REM
STATE_LEVEL = np.array([1.0, -0.6, -1.2])  # relative log rate, before it is standardised


class Fluctuation(NamedTuple):
    """A process of the log rate."""

    kind: str = "none"  # none, ou, pink, walk, circadian, states or silences
    sd: float = 0.0  # of the natural log of the rate; of a walk: after one hour
    tau: float = np.nan  # time constant of ou; mean length of silences (s)
    shared: float = 0.0  # correlation of the log rates of any two units
    silent: float = 0.0  # share of time that silences take

    @property
    def is_stationary(self) -> bool:
        """Whether a long-run rate exists to which epochs of any length converge."""
        return self.kind != "walk"


NONE = Fluctuation()


class Course(NamedTuple):
    """Gains (unit, step) that are constant within steps."""

    gain: Floats
    step: float  # s
    states: list[tuple[str, float, float]]  # label, start, stop (s); only of kind states


def choose_step(fluctuation: Fluctuation, duration: float) -> float:
    """Return the width of the steps: a tenth of the time constant, and a whole part of duration."""
    finest = {
        "none": duration,
        "ou": fluctuation.tau / 10,
        "pink": PINK_TAUS[0] / 2,
        "walk": HOUR / 60,
        "circadian": DAY / 500,
        "states": 5.0,
        "silences": fluctuation.tau / 10,
    }[fluctuation.kind]
    return duration / np.ceil(duration / finest)


def draw_ou(n: int, n_steps: int, step: float, tau: float, rng: np.random.Generator) -> Floats:
    """Return stationary Ornstein-Uhlenbeck processes (n, n_steps), mean 0, variance 1."""
    keep = np.exp(-step / tau)
    noise = rng.standard_normal((n, n_steps))
    noise[:, 1:] *= np.sqrt(1 - keep**2)
    return np.asarray(lfilter([1.0], [1.0, -keep], noise, axis=1))


def draw_pink(n: int, n_steps: int, step: float, rng: np.random.Generator) -> Floats:
    """Return stationary 1/f processes (n, n_steps), mean 0, variance 1.

    Sums of independent Ornstein-Uhlenbeck processes, two time constants a decade: 1/f between
    1/(2 pi 1e5 s) and 1/(2 pi 10 s), flat below (Keshner 1982, doi:10.1109/PROC.1982.12282).
    """
    total = np.zeros((n, n_steps))
    for tau in PINK_TAUS:
        total += draw_ou(n, n_steps, step, tau, rng)
    return total / np.sqrt(PINK_TAUS.size)


def draw_log_rates(
    fluctuation: Fluctuation, n: int, n_steps: int, step: float, rng: np.random.Generator
) -> Floats:
    """Return standardised fluctuations (n, n_steps) of kinds whose values are Gaussian.

    ou and pink have variance 1; walk has variance t / (1 h), and is 0 at t = 0.
    """
    if fluctuation.kind == "ou":
        return draw_ou(n, n_steps, step, fluctuation.tau, rng)
    if fluctuation.kind == "pink":
        return draw_pink(n, n_steps, step, rng)
    steps = rng.standard_normal((n, n_steps)) * np.sqrt(step / HOUR)
    return np.asarray(np.cumsum(steps, axis=1)) - steps[:, :1]


def draw_course(
    fluctuation: Fluctuation,
    n_units: int,
    duration: float,
    rng: np.random.Generator,
    *,
    step: float | None = None,
) -> Course:
    """Draw the gains of units.

    A share `fluctuation.shared` of the variance of each log rate is one process for all units, the
    rest a process of the unit's own. step: width of the steps (s), from `choose_step` if None.
    """
    step = choose_step(fluctuation, duration) if step is None else step
    n_steps = round(duration / step)
    if fluctuation.kind == "none":
        return Course(np.ones((n_units, n_steps)), step, [])
    if fluctuation.kind == "silences":
        return Course(_draw_silences(fluctuation, n_units, n_steps, step, rng), step, [])
    if fluctuation.kind == "circadian":
        return Course(_draw_circadian(fluctuation, n_units, n_steps, step, rng), step, [])
    if fluctuation.kind == "states":
        return _draw_states(fluctuation, n_units, duration, step, rng)
    log = np.zeros((n_units, n_steps))
    if fluctuation.shared < 1:
        private = draw_log_rates(fluctuation, n_units, n_steps, step, rng)
        log += np.sqrt(1 - fluctuation.shared) * private
    if fluctuation.shared > 0:
        log += np.sqrt(fluctuation.shared) * draw_log_rates(fluctuation, 1, n_steps, step, rng)
    variance = np.full(n_steps, fluctuation.sd**2)
    if fluctuation.kind == "walk":  # the expectation over realisations is 1 at any time
        variance *= step * np.arange(n_steps) / HOUR
    return Course(np.exp(fluctuation.sd * log - variance / 2), step, [])


def _draw_circadian(
    fluctuation: Fluctuation, n_units: int, n_steps: int, step: float, rng: np.random.Generator
) -> Floats:
    """A cosine of the log rate; a unit has the common phase with the probability sqrt(shared)."""
    amplitude = fluctuation.sd * np.sqrt(2)
    phase = rng.uniform(0, 2 * np.pi, n_units)
    is_common = rng.uniform(size=n_units) < np.sqrt(fluctuation.shared)
    phase[is_common] = rng.uniform(0, 2 * np.pi)
    time = (np.arange(n_steps) + 0.5) * step
    log = amplitude * np.cos(2 * np.pi * time / DAY + phase[:, None])
    return np.asarray(np.exp(log) / i0(amplitude))


def _draw_silences(
    fluctuation: Fluctuation, n_units: int, n_steps: int, step: float, rng: np.random.Generator
) -> Floats:
    """A stationary two-state Markov process of each unit: 0 in silences, else 1 / (1 - silent)."""
    silent = fluctuation.silent
    tau_active = fluctuation.tau * (1 - silent) / silent  # mean time between silences
    decay = np.exp(-step * (1 / fluctuation.tau + 1 / tau_active))
    is_silent = np.empty((n_units, n_steps), bool)
    uniform = rng.uniform(size=(n_units, n_steps))
    is_silent[:, 0] = uniform[:, 0] < silent
    for k in range(1, n_steps):  # probabilities of a Markov process in steps of this width
        stays = silent + (1 - silent) * decay
        is_silent[:, k] = uniform[:, k] < np.where(is_silent[:, k - 1], stays, silent * (1 - decay))
    return np.where(is_silent, 0.0, 1 / (1 - silent))


def state_probabilities() -> Floats:
    """Return the long-run share of time of each of STATES."""
    values, vectors = np.linalg.eig(STATE_NEXT.T)
    visits = np.real(vectors[:, np.argmin(np.abs(values - 1))])
    time = visits * STATE_BOUT
    return np.asarray(time / time.sum())


def _draw_states(
    fluctuation: Fluctuation, n_units: int, duration: float, step: float, rng: np.random.Generator
) -> Course:
    """One sequence of states for all units, which react alike (shared) or each its own way."""
    share = state_probabilities()
    level = STATE_LEVEL - share @ STATE_LEVEL
    level /= np.sqrt(share @ level**2)
    common, own = np.sqrt(fluctuation.shared), np.sqrt(1 - fluctuation.shared)
    sign = rng.choice([-1.0, 1.0], n_units)
    log = fluctuation.sd * (common + own * sign)[:, None] * level  # (unit, state)
    gain = np.exp(log)
    gain /= (gain @ share)[:, None]
    state = int(rng.choice(3, p=share))
    time, bouts = 0.0, []
    while time < duration:
        stop = time + max(step, step * round(rng.exponential(STATE_BOUT[state]) / step))
        bouts.append((state, time, min(stop, duration)))
        time, state = stop, int(rng.choice(3, p=STATE_NEXT[state]))
    count = [round((stop - start) / step) for _, start, stop in bouts]
    of_step = np.repeat([state for state, _, _ in bouts], count)
    return Course(gain[:, of_step], step, [(STATES[s], start, stop) for s, start, stop in bouts])
