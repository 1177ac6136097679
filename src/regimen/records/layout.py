"""What the files of a window's folder are called."""

MODEL, LAST, CHECKPOINT, SNAPSHOTS = "model", "last", "checkpoint", "snapshots"
UNADAPTED, END = "unadapted", "end"
EXPOSURES, DRAWN, HISTORY = "exposures.npy", "drawn.npy", "history.json"
SCALER, PREPROCESS, CALIBRATION = "scaler.json", "preprocess.json", "calibration.json"
EXPOSURE = "exposure.json"
"""What is in a window's folder: the best model, the last one, the checkpoint while it trains, the models before the
best where several epochs are averaged, the best one before it was adapted where a recipe adapts it, where one that
learns on stands after the test span; its decisions, the
course of training, the scaler where its model has one, the steps before it where the config has some, the calibration
of its probabilities, and what a rule of exposure was fitted to."""
WRAPPERS = {"intervals": "intervals.json", "novelty": "novelty.json", "band": "band.json"}
"""The sections of a config that stand around a policy, the innermost first, and where each keeps its fit."""
POLICY = (PREPROCESS, SCALER, CALIBRATION, EXPOSURE, *WRAPPERS.values(), f"{MODEL}/*")
"""The files of a window's folder that its policy is loaded from."""
EXHIBITS = (
    "exhibits.json",
    "importance.json",
    "stress.json",
    "validation.json",
    "collapse.json",
    "plan.json",
    "retraining.json",
)
"""In a run's folder: what its report shows beside the judgement; as the run itself told it at its end, and what was
asked of it later."""
VAULT = "vault"
"""In a run's folder: what the one look into its vault brought, laid out like a backtest."""
