"""The instructor edition: one module per exercise. Nothing here reaches a student or the sandbox."""
