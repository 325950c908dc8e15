"""The pages of exports on a schedule, and of the folders that they fill."""
