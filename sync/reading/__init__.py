"""Reading a vendor: which days are due, the loop that reads them, and the rows that outlive a process."""
