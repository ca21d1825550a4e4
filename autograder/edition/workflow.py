"""The workflow file with which students' repositories on GitHub run the public checks."""

from __future__ import annotations

PATH = ".github/workflows/public-checks.yml"
CPU_TORCH = "https://download.pytorch.org/whl/cpu"  # torch's own index of builds without CUDA

_WORKFLOW = """\
# Runs the public checks of this lab at every push: see the table in the run's summary, and the
# artifact for programs. Needs no secrets and can change nothing. It works when this folder is the
# top of your repository.
name: Public checks

on:
  push:
  workflow_dispatch:

permissions:
  contents: read

jobs:
  check:
    runs-on: ubuntu-24.04
    timeout-minutes: 30
    steps:
      - uses: actions/checkout@v4
        with:
          persist-credentials: false
      - uses: actions/setup-python@v5
        with:
          python-version: "3.11"
          cache: pip
          cache-dependency-path: requirements.txt
      - name: Install what the lab needs
        run: |
          grep -v '^jupyterlab' requirements.txt > needed.txt
          python -m pip install --quiet --extra-index-url {index} -r needed.txt
      - name: Run the public checks
        run: |
          python -m moelab_kit.check {notebook} \\
            --json results.json --summary "$GITHUB_STEP_SUMMARY"
      - name: Keep the results
        if: always()
        uses: actions/upload-artifact@v4
        with:
          name: public-checks
          path: results.json
          if-no-files-found: ignore
"""


def student_workflow(notebook: str) -> str:
    """The workflow as YAML; `notebook` is the file's name in the student edition."""
    return _WORKFLOW.format(index=CPU_TORCH, notebook=notebook)
