"""The text model: phrases and masks as vectors of one space."""
