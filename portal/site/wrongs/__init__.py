"""What is wrong now, over all tenants: found in the rows, and shown, mailed and mended elsewhere."""
