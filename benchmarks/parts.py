"""The parts of ``python -m benchmarks``: each measures one thing that a user pays, and yields rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from benchmarks import on_disk, overhead
from benchmarks.processes import NANWATCH, TERMINATE, Measured, in_turns
from benchmarks.rows import Row, row
from benchmarks.variants import BARE

Figure = Callable[[Measured], float]
PAIRS = 7
STEP_LIMITS = {"mlp": 1.05, "cnn": 1.03, "lstm": 1.03, "resnet50": 1.02, "transformer": 1.02}
FIT_SECONDS = 30.0  # of the bare fit whose whole process is measured
CALIBRATION_STEPS = 40
FLAT_FROM = 10  # models or loops: from then on memory may not grow faster than bare
TENTH = 10


def ratios(found: dict[str, list[Measured]], way: str, figure: Figure) -> list[float]:
    """Round by round, the figure of ``way`` against the bare one."""
    pairs = zip(found.get(way, ()), found[BARE], strict=False)
    return [figure(mine) / figure(bare) for mine, bare in pairs]


def against_bare(part: str, name: str, found: dict[str, list[Measured]], figure: Figure, limit: float) -> Row:
    return row(
        part,
        name,
        ratios(found, NANWATCH, figure),
        limit,
        terminate=ratios(found, TERMINATE, figure),
        bare=[figure(each) for each in found[BARE]],
    )


def more_memory(part: str, name: str, found: dict[str, list[Measured]], figure: Figure, limit: float) -> Row:
    pairs = zip(found[NANWATCH], found[BARE], strict=True)
    return row(part, name, [figure(mine) - figure(bare) for mine, bare in pairs], limit, "MB")


def cpu(measured: Measured) -> float:
    return measured.cpu


def peak(measured: Measured) -> float:
    return measured.peak_mb


def total(name: str, first: int = 0) -> Figure:
    """The sum of what the script told as ``name``, from entry ``first`` on."""
    return lambda measured: sum(measured.told[name][first:])


def grown(name: str, first: int) -> Figure:
    """Of a list of megabytes, how much it grew from entry ``first`` on."""
    return lambda measured: measured.told[name][-1] - measured.told[name][first]


def step(rounds: int) -> Iterator[Row]:
    """A step in the middle of a long fit."""
    for name, limit in STEP_LIMITS.items():
        bare, watched, terminate = overhead.segments(name, (BARE, NANWATCH, TERMINATE), 2 * rounds + 1)
        pairs = [mine / other for mine, other in zip(watched, bare, strict=False)]
        beside = [mine / other for mine, other in zip(terminate, bare, strict=False)]
        yield row("step", name, pairs, limit, terminate=beside, bare=bare)


def process(rounds: int) -> Iterator[Row]:
    """The whole process of a script with one fit of half a minute, its memory, and what follows its end."""
    for name in ("mlp", "cnn", "vgg16_frozen"):
        bare = in_turns("one_fit.py", (name, CALIBRATION_STEPS), (BARE,), 1)[BARE][0]
        steps = max(1, int(CALIBRATION_STEPS * FIT_SECONDS / bare.told["wall"]))
        found = in_turns("one_fit.py", (name, steps), (BARE, NANWATCH, TERMINATE), rounds)
        yield against_bare("process", f"one fit of {FIT_SECONDS:.0f} s, {name}", found, cpu, 1.05)
        yield more_memory("process", f"peak memory above bare, {name}", found, peak, 60)
        pairs = zip(found[NANWATCH], found[BARE], strict=True)
        ends = [mine.after - other.after for mine, other in pairs]
        yield row("process", f"end of the script to the end of run, {name}", ends, 0.3, "s")


def fits(rounds: int) -> Iterator[Row]:
    """Fits 2 to n of one model, and how often each is traced."""
    found = in_turns("same_model.py", (5, 200), (BARE, NANWATCH, TERMINATE), rounds)
    yield against_bare("fits", "fits 2 to 5 of one model, 200 steps each", found, total("cpu", 1), 1.05)
    yield against_bare("fits", "all five", found, total("cpu"), 1.5)
    traced = [sum(each.told["traced"][1:]) for each in found[NANWATCH]]
    yield row("fits", "tracings in fits 2 to 5", traced, 0, "times")


def folds(rounds: int) -> Iterator[Row]:
    """New models, one after another."""
    found = in_turns("many_models.py", (30, 100), (BARE, NANWATCH, TERMINATE), rounds)
    yield against_bare("folds", "30 new models of 100 steps", found, total("cpu"), 1.15)
    yield more_memory("folds", "peak memory above bare", found, peak, 60)
    flat = grown("megabytes", FLAT_FROM)
    yield more_memory("folds", "growth from the tenth model on, above bare's", found, flat, 10)


def loops(rounds: int) -> Iterator[Row]:
    """Loops without ``fit``: one long one, and many short ones."""
    for way, limit in (("compiled", 1.05), ("eager", 1.10)):
        found = in_turns("loops.py", (way, 1, 1000), (BARE, NANWATCH), rounds)
        yield against_bare("loops", f"{way}, 1,000 steps", found, total("cpu"), limit)
        found = in_turns("loops.py", (way, 30, 30), (BARE, NANWATCH), max(3, rounds // 2))
        yield against_bare("loops", f"30 {way} loops of 30 steps", found, total("cpu"), 1.15)
        flat = grown("megabytes", FLAT_FROM)
        yield more_memory("loops", f"30 {way} loops, growth from the tenth on", found, flat, 10)


def tracing(rounds: int) -> Iterator[Row]:
    """A fit until its second step has been made."""
    for name in ("resnet50", "efficientnetb0", "mobilenetv2"):
        found = in_turns("first_steps.py", (name,), (BARE, NANWATCH), rounds)
        yield against_bare(
            "tracing", f"{name}, to the second step", found, lambda each: each.told["cpu"], 1.5
        )


def growth(rounds: int) -> Iterator[Row]:
    """Whether a fit, or an epoch, costs as much late as it did early."""
    times = max(1, rounds // 3)
    found = in_turns("same_model.py", (1000, 2), (BARE, NANWATCH), times)
    late = [sum(each.told["cpu"][-100:]) / sum(each.told["cpu"][100:200]) for each in found[NANWATCH]]
    yield row("growth", "the last 100 of 1,000 fits, against 101 to 200", late, 1.1)
    yield against_bare("growth", "1,000 fits of 2 steps", found, total("cpu"), 1.5)
    found = in_turns("many_epochs.py", (10_000,), (BARE, NANWATCH), times)
    late = [each.told["tenths"][-1] / each.told["tenths"][1] for each in found[NANWATCH]]
    yield row("growth", "the last tenth of 10,000 epochs, against the second", late, 1.1)
    yield against_bare("growth", "10,000 epochs of 2 steps", found, total("tenths"), 1.5)


Part = Callable[[int], Iterator[Row]]
PARTS: dict[str, Part] = {
    "step": step,
    "process": process,
    "fits": fits,
    "folds": folds,
    "loops": loops,
    "tracing": tracing,
    "growth": growth,
    "explain": on_disk.explain,
    "verdict": on_disk.verdict,
}


def known(names: Sequence[str]) -> list[Part]:
    return [PARTS[name] for name in names or PARTS]
