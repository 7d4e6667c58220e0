"""Runs DataProfiler's structured labeler: run_dataprofiler.py QUESTION.json ANSWER.json

A column's values are predicted together; the label most of them get is the column's, as in its
own profile of a column.
"""

import os
import warnings

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
warnings.simplefilter("ignore")

import common  # noqa: E402 - after the settings above
import dataprofiler  # noqa: E402

dataprofiler.set_verbosity(40)
labeler = dataprofiler.DataLabeler(labeler_type="structured")


def column(name: str, values: list) -> list:
    return [str(one) for one in labeler.predict(values)["pred"]]


common.by_column(column, note=f"structured labeler, {type(labeler.model).__name__} (tensorflow)")
