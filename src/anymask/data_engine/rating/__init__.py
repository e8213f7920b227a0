"""Ratings of masks by people who do not know which method made them (SAM, section 7.1 and appendix E)."""
