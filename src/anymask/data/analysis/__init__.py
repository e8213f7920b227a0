"""Analysis of data sets: what masks are like, where images come from (SAM, sections 5 and 6)."""
