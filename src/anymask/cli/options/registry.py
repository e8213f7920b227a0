"""All commands by name, in the order of the help. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from anymask.cli.options import (
    auto,
    backup,
    data_analyse,
    data_check,
    data_convert,
    data_get,
    data_stats,
    doctor,
    engine_audit,
    engine_models,
    engine_queue,
    engine_rate,
    engine_retrain,
    engine_status,
    engine_suggest,
    eval_automatic,
    eval_calibration,
    eval_clicks,
    eval_edges,
    eval_fewshot,
    eval_proposals,
    eval_table,
    eval_text,
    export,
    licences,
    like,
    models,
    name,
    restore,
    segment,
    serve,
    train,
    tune,
    version,
)
from anymask.cli.options.command import Command

__all__ = ["COMMANDS"]

_MODULES = (
    segment,
    auto,
    like,
    name,
    models,
    train,
    tune,
    eval_clicks,
    eval_calibration,
    eval_fewshot,
    eval_edges,
    eval_automatic,
    eval_proposals,
    eval_table,
    eval_text,
    export,
    data_check,
    data_stats,
    data_analyse,
    data_convert,
    data_get,
    engine_status,
    engine_queue,
    engine_suggest,
    engine_retrain,
    engine_models,
    engine_audit,
    engine_rate,
    serve,
    backup,
    restore,
    doctor,
    licences,
    version,
)
COMMANDS: Mapping[str, Command] = MappingProxyType({one.COMMAND.name: one.COMMAND for one in _MODULES})
