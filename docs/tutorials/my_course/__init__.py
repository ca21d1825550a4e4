"""My course: one package for each lab."""

packages = ()  # no models: students have `moelab_kit` alone
