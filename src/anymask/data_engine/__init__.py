"""The data engine: automatic masks for folders of images, and projects annotated by users and models."""
