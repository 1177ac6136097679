"""`open_bundle`: nothing in a bundle runs before every byte of it is checked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from tests.bundles import rewritten, values_of

from regimen.bundle import Bundle, Decided, open_bundle
from regimen.bundle.arrays import packed, unpacked
from regimen.bundle.manifest import MANIFEST, Columns, read_manifest
from regimen.errors import RunError
from regimen.execution import Moment
from regimen.runs import Exported

FILES = ("MODEL.md", "decision.onnx", "golden.npz", "manifest.json", "start.npz")
DECIDE = """
import sys
from regimen.bundle import open_bundle
import numpy as np
from regimen.execution import Moment
bundle = open_bundle(sys.argv[1])
there = np.ones(1, np.bool_)
moment = Moment(None, np.zeros((1, len(bundle.features.names))), there, there)
decided = bundle.policy.decided(moment, bundle.start.policy)
stream = bundle.features.stream(bundle.symbols)
stream.load_state_dict(bundle.start.features)
stream.push(bundle.start.time + bundle.bar_length, 1.0, 2.0, 0.5, 1.5, 3.0)
bundle.market.build().rules()
heavy = [name for name in ("torch", "pandas", "matplotlib", "pyarrow") if name in sys.modules]
print(heavy, decided.confidence[0] >= 0)
"""


@pytest.fixture
def never_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes ONNX Runtime fail as soon as it is asked for anything."""

    def opened(*_: object, **__: object) -> None:
        raise AssertionError("ONNX Runtime opened it")

    monkeypatch.setattr(onnxruntime, "InferenceSession", opened)


def _moment(bundle: Bundle, rows: int = 1) -> Moment:
    there = np.ones(rows, np.bool_)
    features = np.random.default_rng(0).normal(size=(rows, len(bundle.features.names)))
    return Moment(None, features, there, there)  # type: ignore[arg-type]


def test_a_bundle_opens_and_decides(small: Exported) -> None:
    bundle = open_bundle(small.folder)
    decided = bundle.policy.decided(_moment(bundle), bundle.start.policy)
    assert isinstance(decided, Decided)
    assert decided.details.shape == (1, 3)
    np.testing.assert_allclose(decided.details.sum(), 1.0)
    assert 0.0 <= decided.confidence[0] <= 1.0
    assert sorted(path.name for path in small.folder.iterdir()) == sorted(FILES)
    assert bundle.golden.same_bits
    assert bundle.golden.observations >= 190
    assert bundle.symbols == ("asset",)
    assert bundle.bar_length == 3_600 * 10**9
    assert bundle.periods_per_year == 8760.0
    assert bundle.market.costs.commission_bps == 10.0
    assert "baseline of run" in repr(bundle)


def test_it_decides_without_torch_and_pandas(small: Exported) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", DECIDE, str(small.folder)], capture_output=True, text=True, check=False
    )
    assert answer.stdout.strip() == "[] True", answer.stderr


@pytest.mark.usefixtures("never_run")
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", [0.0, 0.4, 1.0])
def test_one_changed_byte_is_refused_before_anything_runs(folder: Path, name: str, place: float) -> None:
    content = bytearray((folder / name).read_bytes())
    content[int(place * (len(content) - 1))] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(RunError, match=f"holds a damaged {name}"):
        open_bundle(folder)


@pytest.mark.usefixtures("never_run")
def test_a_missing_and_a_superfluous_file_are_refused(folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "weights.pkl").write_bytes(b"")
    with pytest.raises(
        RunError, match=r"must hold the files of its manifest.json and no other; got 'more/weights.pkl'"
    ):
        open_bundle(folder)
    (folder / "more" / "weights.pkl").unlink()
    (folder / "golden.npz").unlink()
    with pytest.raises(RunError, match=r"bundle: lacks golden.npz"):
        open_bundle(folder)


@pytest.mark.usefixtures("never_run")
def test_a_link_is_no_file_of_a_bundle(folder: Path, tmp_path: Path) -> None:
    (folder / "decision.onnx").rename(tmp_path / "elsewhere.onnx")
    (folder / "decision.onnx").symlink_to(tmp_path / "elsewhere.onnx")
    with pytest.raises(RunError, match=r"holds a damaged decision.onnx"):
        open_bundle(folder)


@pytest.mark.usefixtures("never_run")
def test_what_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="must be the folder of a bundle"):
        open_bundle(tmp_path / "none")
    with pytest.raises(RunError, match=r"must be a folder with a manifest.json"):
        open_bundle(tmp_path)
    for content in (b"", b"[" * 100_000, b"[]", b'{"version": 1}', b"\xff"):
        (tmp_path / MANIFEST).write_bytes(content)
        with pytest.raises(RunError, match=r"holds a damaged manifest.json"):
            open_bundle(tmp_path)


@pytest.mark.usefixtures("never_run")
def test_a_bundle_of_a_later_version_is_refused(folder: Path) -> None:
    rewritten(folder, version=99)
    with pytest.raises(RunError, match="version 1 or before: update Regimen; got 99"):
        open_bundle(folder)


@pytest.mark.usefixtures("never_run")
def test_features_that_are_computed_otherwise_are_refused(folder: Path) -> None:
    columns = read_manifest(folder).columns
    rewritten(folder, columns=columns.model_copy(update={"hash": "0" * 64}))
    with pytest.raises(RunError, match="must be those that it was trained on, hash 000000000000"):
        open_bundle(folder)


@pytest.mark.usefixtures("never_run")
def test_a_function_of_a_whole_frame_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def later(frame):\n    return frame['close'].shift(-1)\n")
    columns = read_manifest(folder).columns
    config = columns.config.model_copy(update={"features": (f"{tmp_path}/own.py:later",), "columns": ()})
    rewritten(folder, columns=Columns(**{**dict(columns), "config": config}))
    with pytest.raises(RunError, match="is a function of a whole frame and cannot be served"):
        open_bundle(folder)


@pytest.mark.usefixtures("never_run")
def test_a_graph_with_somebodys_own_operator_is_refused(folder: Path) -> None:
    model = onnx.load(folder / "decision.onnx")
    model.graph.node[0].domain = "com.example"
    rewritten(folder, {"decision.onnx": model.SerializeToString()})
    with pytest.raises(RunError, match=r"must be of ONNX's own operators; got 'com[.]example'"):
        open_bundle(folder)


@pytest.mark.usefixtures("never_run")
def test_a_graph_with_numbers_in_another_file_is_refused(folder: Path) -> None:
    model = onnx.load(folder / "decision.onnx")
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    rewritten(folder, {"decision.onnx": model.SerializeToString()})
    with pytest.raises(RunError, match="must hold its own numbers"):
        open_bundle(folder)


def test_golden_observations_that_are_answered_otherwise_are_refused(folder: Path) -> None:
    arrays = unpacked((folder / "golden.npz").read_bytes(), "golden.npz")
    arrays["decision.onnx/details"] = arrays["decision.onnx/details"] + 2e-5
    rewritten(folder, {"golden.npz": packed(arrays)})
    with pytest.raises(RunError, match=r"within 1e-05: the details is off by; got 2.0"):
        open_bundle(folder)


def test_a_machine_that_computes_other_bits_is_said(folder: Path) -> None:
    arrays = unpacked((folder / "golden.npz").read_bytes(), "golden.npz")
    arrays["decision.onnx/details"] = arrays["decision.onnx/details"] + 1e-9
    rewritten(folder, {"golden.npz": packed(arrays)})
    golden = open_bundle(folder).golden
    assert not golden.same_bits
    assert golden.difference == pytest.approx(1e-9, rel=1e-3)


def test_a_snapshot_of_other_features_is_refused(folder: Path) -> None:
    arrays = unpacked((folder / "start.npz").read_bytes(), "start.npz")
    arrays["features/schema"] = arrays["features/schema"][::-1].copy()
    rewritten(folder, {"start.npz": packed(arrays)})
    with pytest.raises(RunError, match="must be of the bundle's features"):
        open_bundle(folder)


def test_live_money_asks_for_evidence_and_says_what_would_settle_it(folder: Path) -> None:
    verdict = read_manifest(folder).verdict
    rewritten(folder, verdict=verdict.model_copy(update={"level": "no evidence", "settled_by": "200 more bars would."}))
    with pytest.raises(RunError, match=r"must be evidence for live money.*200 more bars would.; got 'no evidence'"):
        open_bundle(folder).require_evidence()
    rewritten(folder, verdict=verdict.model_copy(update={"level": "evidence"}))
    open_bundle(folder).require_evidence()


def test_another_shape_of_manifest_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import regimen.bundle.manifest as module

    values: dict[str, Any] = values_of(folder)
    del values["checksum"], values["symbols"]
    monkeypatch.setattr(module, "_seal", lambda _: "same")
    (folder / MANIFEST).write_text(json.dumps({**values, "checksum": "same"}))
    with pytest.raises(RunError, match=r"holds a manifest.json of another shape: symbols"):
        open_bundle(folder)
