"""The callback loop: who rang back, and who still waits."""
