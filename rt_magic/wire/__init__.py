"""The protocol of realtime transcription, without any I/O."""
