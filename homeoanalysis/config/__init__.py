"""The config: one YAML file for each study, recording and model, checked whole before any job starts."""
