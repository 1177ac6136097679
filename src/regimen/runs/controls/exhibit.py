"""Control experiments as a section of the report."""

from __future__ import annotations

from collections.abc import Iterator

from regimen.judging import Judgement
from regimen.numerals import number, percent
from regimen.records import RunDirectory, read_json
from regimen.reporting.report import Exhibit
from regimen.runs.prepare import Prepared


def show_controls(prepared: Prepared, directory: RunDirectory) -> Iterator[Exhibit]:
    """Yields the control experiments that a run's judgement holds, beside the run itself."""
    judgement = Judgement.from_dict(read_json(directory.path / "judgement.json"))
    if judgement.controls is None:
        return
    if not judgement.controls:
        nothing = "None was made, though the result looks good: judge.controls is never."
        yield Exhibit(key="controls", title="Control experiments", sentences=(nothing,))
        return
    most, all_windows = prepared.config.judge.controls.windows, len(prepared.windows)
    few = f" The model was fitted in {most} of its {all_windows} windows, each up to the next." * (most < all_windows)
    doubts = [control.sentence for control in judgement.controls if control.looks_good]
    policy = judgement.policy
    yield Exhibit(
        key="controls",
        title="Control experiments",
        sentences=(
            *(doubts or ["None of the controls looks good: that is what they are for."]),
            "The run was made again where there is nothing to find, on one seed, and judged by the same rules as a "
            f"single trial. A control looks good where each draw is evidence or too good.{few}",
            "They are no trials: nobody can choose one of them, and the trial ledger does not count them.",
        ),
        columns=("Control", "looks good", "Sharpe", "return", "what it says"),
        rows=(
            ("the run itself", "–", number(policy.sharpe), percent(policy.total_return, plus=True), ""),
            *(
                (
                    control.name,
                    ("yes" if control.looks_good else "no") if control.levels else "not made",
                    number(control.sharpe),
                    percent(control.total_return, plus=True),
                    f"{control.how[0].upper()}{control.how[1:]}. {control.sentence}",
                )
                for control in judgement.controls
            ),
        ),
    )
