"""One step of the schema per module. A step that was released is never edited again."""
