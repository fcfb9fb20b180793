"""The cell: what one sees of a transcription, and what moves it."""
