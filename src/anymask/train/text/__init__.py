"""Training of the text model: names for masks, see `anymask.models.text.namer`."""
