"""The config: one YAML file for each study, recording and model, checked whole before any job starts."""

from homeoanalysis.config.fields import Size
from homeoanalysis.config.loading import Config, load_config
from homeoanalysis.config.model import Model
from homeoanalysis.config.recording import Recording
from homeoanalysis.config.study import Study

__all__ = ["Config", "Model", "Recording", "Size", "Study", "load_config"]
