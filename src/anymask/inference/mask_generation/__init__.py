"""Automatic mask generation: the masks of all objects in an image (SAM, section 5 and appendix B)."""
