"""Each night: what a company has kept for as long as it said it would goes, and every figure stays as it was."""
