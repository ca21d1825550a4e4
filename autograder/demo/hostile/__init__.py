"""Cells that misbehave, as text. They are written into the demo's notebooks and run in the sandbox
alone.

A file's first lines say what it shows, which answers the notebook holds besides (`right` or
`blank`), and where the cell stands (`first` or `last`). `$function` is an exercise's name, `$names`
the list of all of them.
"""
