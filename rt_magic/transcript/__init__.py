"""What a user gets: segments, the live transcript, and its exports."""
