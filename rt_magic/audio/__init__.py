"""Sound: samples and clocks, files, the recording on disk, speech detection."""
