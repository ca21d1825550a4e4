"""Attention masks: an example course, with one package for each lab."""

packages = ()  # no models: students have `moelab_kit` alone, and nothing loads transformers
