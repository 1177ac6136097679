"""The model card of a bundle: what it is, what it was trained on, what the judge said, and where its limits are."""

from __future__ import annotations

from collections.abc import Iterator

from regimen.bundle import PYTHON, REFERENCE, Manifest
from regimen.numerals import number, percent
from regimen.reprs import many
from regimen.spans import in_words

CARD = "MODEL.md"


def model_card(manifest: Manifest) -> str:
    """Returns the card as Markdown; every figure in it is the manifest's."""
    return "\n".join(_lines(manifest)) + "\n"


def _lines(manifest: Manifest) -> Iterator[str]:
    origin, verdict, parity = manifest.origin, manifest.verdict, manifest.parity
    yield f"# {origin.model} of run {origin.run}"
    yield ""
    yield f"**{verdict.sentence}**"
    yield ""
    trials = many(verdict.trials, "trial")
    yield f"Level of the verdict: {verdict.level}, by {trials} on this market when it was exported."
    yield verdict.settled_by
    for alarm in verdict.alarms:
        yield f"Alarm: {alarm}"
    yield ""
    yield "## What it is"
    yield ""
    yield from _what(manifest)
    yield ""
    yield "## What it was trained on"
    yield ""
    yield from _training(manifest)
    yield ""
    yield "## What it earned"
    yield ""
    earned = f"Sharpe ratio {_known(verdict.sharpe)} a year, net return {_share(verdict.net_return)}"
    yield f"- out of sample and after costs: {earned}"
    yield "- past returns are no promise; the verdict above says how much of them may be luck"
    yield ""
    yield "## Limits"
    yield ""
    yield from _limits(manifest)
    yield ""
    yield "## Parity"
    yield ""
    if not parity.observations:
        yield "It has no graph, so there is nothing that could differ: the code that trained it serves it."
        return
    yield (
        f"On {many(parity.observations, 'observation')} of the run's own bars the graph was asked beside the model "
        f"that was trained, in batches of {', '.join(map(str, parity.batches))}."
    )
    yield ""
    yield "| | largest difference |"
    yield "|---|---|"
    yield f"| exposures, the state fed | {parity.exposure:.1e} |"
    yield f"| details, the state fed | {parity.details:.1e} |"
    yield f"| exposures, each from its own state | {parity.free_exposure:.1e} |"
    yield f"| states at the end, each from its own | {parity.drift:.1e} |"
    yield ""
    yield f"The same actions, each from its own state: {percent(parity.same_actions)}."
    yield f"Too near to tell apart: {parity.too_near}."


def _what(manifest: Manifest) -> Iterator[str]:
    policy = manifest.policy
    yield f"- it sees {many(len(manifest.columns.names), 'feature')} of bars of {in_words(manifest.bar_length)}"
    yield f"- symbols: {', '.join(manifest.symbols)}"
    yield f"- at each bar it says an exposure of each symbol, how confident it is, and: {', '.join(policy.details)}"
    if policy.combine is not None:
        every = zip(policy.combine.titles, policy.members, strict=True)
        if own := [title for title, member in every if member.served == PYTHON]:
            yield f"- of its members these have no graph, and the code that trained them serves them: {', '.join(own)}"
    if policy.preprocess:
        yield f"- features pass through: {', '.join(policy.preprocess)}"
    if policy.around:
        yield f"- around it stand: {', '.join(each.section for each in policy.around)}"
    yield f"- a decision at the close of a bar fills at the open of bar t + {manifest.market.latency_bars}"


def _training(manifest: Manifest) -> Iterator[str]:
    origin = manifest.origin
    yield f"- bars of {origin.source}, fingerprint {origin.fingerprint[:16]}"
    span = f"from {origin.trained_from} to before {origin.trained_until} UTC"
    yield f"- window {origin.window} of {origin.windows}: {span}"
    yield f"- the run's bars end with that of {origin.last_bar} UTC; the bundle goes on behind it"
    yield f"- seed {origin.seed}, code {origin.code}; exported by {origin.exported_by}"


def _limits(manifest: Manifest) -> Iterator[str]:
    yield "- of other markets, symbols or bar lengths nothing is known"
    yield "- it was judged at the costs that the manifest lists; dearer ones change the verdict"
    limits = ", ".join(manifest.safeguards.limits)
    yield f"- it is to trade within: {limits or 'no limits'}; the manifest has each number"
    if REFERENCE not in manifest.files:
        yield "- its training slice is too short to tell drift from what is usual: drift rings no alarm"


def _known(value: float | None) -> str:
    return "undefined" if value is None else number(value)


def _share(value: float | None) -> str:
    return "undefined" if value is None else percent(value, plus=True)
