"""Masks of everything in an image, without a prompt (SAM, section 5 and appendix B)."""
