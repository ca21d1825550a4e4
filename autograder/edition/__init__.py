"""From the instructor edition to the student edition: stubs, public checks, notebooks, files."""
