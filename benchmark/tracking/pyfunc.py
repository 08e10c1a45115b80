"""The script of an exported model: MLflow runs a copy of it where the model is served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel

from benchmark.protocol.errors import UserError
from benchmark.training import inference


class Classifier(PythonModel):
    """An exported model: raw rows in; label, probability and decision out."""

    def load_context(self, context: Any) -> None:
        """Load the exported model."""
        self.model = inference.load(Path(context.artifacts["model"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Predict each row; rows that cannot be read are the client's error, and named."""
        try:
            return inference.predict(self.model, model_input)
        except UserError as error:
            raise mlflow.MlflowException.invalid_parameter_value(str(error)) from error


mlflow.models.set_model(Classifier())
